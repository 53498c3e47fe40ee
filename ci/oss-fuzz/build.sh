#!/bin/bash -eu
# Builds the fuzz targets by OSS-Fuzz's contract: from $SRC/wskcert, with $CC, $CXX, $CFLAGS, $CXXFLAGS and $LIB_FUZZING_ENGINE, by way of
# $WORK into $OUT: targets, their options, dictionaries and seeds. Abseil and protobuf are compiled first where their sources are in
# $SRC; otherwise the system's are taken (ci/check_oss_fuzz does that).
deps=$WORK/deps
tools=$WORK/tools
jobs=$(nproc)

# cmake_install SOURCE BUILD OPTION...
cmake_install() {
  local source=$1 build=$2
  shift 2
  cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_POSITION_INDEPENDENT_CODE=ON "$@"
  cmake --build "$build" --target install -- -j "$jobs"
}

found=()
if [[ -d $SRC/protobuf ]]; then
  cmake_install "$SRC/abseil-cpp" "$WORK/abseil" -DCMAKE_INSTALL_PREFIX="$deps" -DCMAKE_CXX_STANDARD=20 -DABSL_PROPAGATE_CXX_STD=ON
  # The compiler of .proto files runs here, so it is built without sanitizers.
  CFLAGS='' CXXFLAGS='-stdlib=libc++' cmake_install "$SRC/protobuf" "$WORK/protoc" -DCMAKE_INSTALL_PREFIX="$tools" -Dprotobuf_BUILD_TESTS=OFF
  cmake_install "$SRC/protobuf" "$WORK/protobuf" -DCMAKE_INSTALL_PREFIX="$deps" -Dprotobuf_BUILD_TESTS=OFF -Dprotobuf_BUILD_PROTOC_BINARIES=OFF
  found=(-DCMAKE_PREFIX_PATH="$deps" -DProtobuf_PROTOC_EXECUTABLE="$tools/bin/protoc")
fi

# Generators and make_seeds run here; what they leave to the end of the process is no finding.
export ASAN_OPTIONS=detect_leaks=0
targets=(differential_fuzzer program_fuzzer trace_fuzzer)
cmake -S "$SRC/wskcert" -B "$WORK/wskcert" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" \
  -DCMAKE_SKIP_RPATH=ON -DWSKCERT_FUZZ=ON -DWSKCERT_FUZZING_ENGINE="$LIB_FUZZING_ENGINE" -DWSKCERT_STATIC=ON -DWSKCERT_TESTS=OFF -DWSKCERT_BENCH=OFF -DWSKCERT_PCH=OFF \
  ${found[@]+"${found[@]}"}
cmake --build "$WORK/wskcert" --target make_seeds "${targets[@]}" -- -j "$jobs"

seeds=$WORK/seeds
rm -rf "$seeds"
"$WORK/wskcert/fuzz/make_seeds" "$seeds"
for target in "${targets[@]}"; do
  cp "$WORK/wskcert/fuzz/$target" "$SRC/wskcert/fuzz/$target.options" "$OUT/"
  if [[ -e $SRC/wskcert/fuzz/$target.dict ]]; then cp "$SRC/wskcert/fuzz/$target.dict" "$OUT/"; fi
  cp "$SRC/wskcert/corpus/$target"/* "$seeds/$target/"
  rm -f "$OUT/${target}_seed_corpus.zip"
  (cd "$seeds/$target" && zip -q -r "$OUT/${target}_seed_corpus.zip" .)
done
