#!/usr/bin/env bash
# certificate_test.sh WSKCERT LIBRARY: the certificate of the small provider. `verdicts.txt` has rules with the verdict that each must have.
set -uo pipefail
wskcert=$1 library=$2
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../../conformance/cli/expect.sh"

"$wskcert" certify --quiet --provider="lib:$library" --out="$work/out" > "$work/table" 2>&1
status=$?
[[ $status -eq 1 || $status -eq 2 ]] || { echo "FAILED: status $status"; tail -n 20 "$work/table"; failed=1; }
while read -r verdict rule; do
  [[ $verdict == '#'* || -z $verdict ]] && continue
  grep -qE "^  $rule +${verdict//_/ } " "$work/table" || {
    echo "FAILED: $rule should be $verdict: $(grep -E "^  $rule " "$work/table")"
    failed=1
  }
done < "$here/verdicts.txt"
# Exactly the rules of README.md's tables fail: nobody is accused of what was not read beside its page.
diff <(grep -E '^  [a-z.-]+ +FAILED ' "$work/table" | awk '{ print $1 }' | sort) \
  <(grep '^| `' "$here/README.md" | cut -d'|' -f2 | grep -o '`[^`]*`' | tr -d '`' | sort) ||
  { echo "FAILED: README.md and the certificate do not have the same rules"; failed=1; }
grep -q '"provider": "small"' "$work/out/certificate.json" && grep -q '"provider_version": "1.0"' "$work/out/certificate.json" &&
  grep -q "\"provider_sha256\": \"$(sha256sum "$library" | cut -d' ' -f1)\"" "$work/out/certificate.json" ||
  { echo "FAILED: the certificate does not say what was certified"; failed=1; }
# Twice the same, and borne out by its traces.
"$wskcert" certify --quiet --provider="lib:$library" --out="$work/again" > /dev/null 2>&1
diff -rq "$work/out/traces" "$work/again/traces" || { echo "FAILED: two runs differ"; failed=1; }
expect 0 ": VERIFIED" "$wskcert" verify "$work/out/certificate.pb" "$work/out"
# As a gate it is green with waivers for what it lacks.
expect 0 "waivers, until" "$wskcert" waivers --write "$work/out/certificate.pb" "$work/waivers"
expect 0 "GATE GREEN" "$wskcert" certify --quiet --provider="lib:$library" --waivers="$work/waivers" --filter=in_progress/
expect 0 "GATE GREEN" "$wskcert" waivers "$work/out/certificate.pb" "$work/waivers"

# Libraries that cannot be loaded.
expect 3 "No such file" "$wskcert" certify --provider=lib:/no/such.so
printf 'not a library' > "$work/text.so"
expect 3 "it cannot be loaded" "$wskcert" certify --provider="lib:$work/text.so"
if command -v "${CC:-cc}" > /dev/null; then
  build() { "${CC:-cc}" -shared -fPIC -x c -o "$work/$1.so" -; }
  echo 'int WskRegister(void) { return 0; }' | build lacks
  expect 3 "it does not export WskCaptureProviderNPI" "$wskcert" certify --provider="lib:$work/lacks.so"
  echo 'int KeNoSuchFunction(void); int WskRegister(void) { return KeNoSuchFunction(); }' | build unresolved
  expect 3 "undefined symbol: KeNoSuchFunction" "$wskcert" certify --provider="lib:$work/unresolved.so"
  echo 'static void __attribute__((constructor)) begin(void) { __builtin_trap(); }' | build crashes
  expect 3 "while it was loaded: killed by signal" "$wskcert" certify --provider="lib:$work/crashes.so"
fi
exit $failed
