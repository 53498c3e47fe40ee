# The functions with which every directory declares what it builds.

# Warnings are errors nowhere but in CI's presets, so that a newer compiler does not stop a user.
set(WSKCERT_WARNINGS -Wall -Wextra -Wno-unused-parameter)

if(WSKCERT_SANITIZE)
  add_compile_options(-fsanitize=${WSKCERT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${WSKCERT_SANITIZE})
endif()

# Reports of sanitizers and fuzzers need functions, files and lines; types and variables would cost time wherever they go.
if((WSKCERT_SANITIZE OR WSKCERT_FUZZ) AND CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  add_compile_options(-gline-tables-only)
endif()

# For ci/coverage: wskcert_count(LIBRARY) declares LIBRARY_counted, the same sources with counters for lines and branches, and
# wskcert_counted_program(PROGRAM LIBRARIES...) declares PROGRAM_counted, PROGRAM's objects linked with those of LIBRARIES that count. They define all
# that the libraries without counters do, so nothing is taken from those. Built only where they are asked for.
if(CMAKE_CXX_COMPILER_ID STREQUAL Clang AND NOT WSKCERT_SANITIZE AND NOT WSKCERT_FUZZ)
  set(WSKCERT_COUNT ON)
endif()
function(wskcert_count name)
  if(NOT WSKCERT_COUNT)
    return()
  endif()
  get_target_property(sources ${name} SOURCES)
  get_target_property(deps ${name} LINK_LIBRARIES)
  add_library(${name}_counted STATIC EXCLUDE_FROM_ALL ${sources})
  target_include_directories(${name}_counted PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
  target_compile_options(${name}_counted PRIVATE -fprofile-instr-generate -fcoverage-mapping)
  target_link_libraries(${name}_counted PRIVATE ${deps})
endfunction()
function(wskcert_counted_program name)
  if(NOT WSKCERT_COUNT)
    return()
  endif()
  get_target_property(deps ${name} LINK_LIBRARIES)
  get_target_property(options ${name} LINK_OPTIONS)
  get_target_property(folder ${name} RUNTIME_OUTPUT_DIRECTORY)
  list(TRANSFORM ARGN REPLACE "(.+)" "$<TARGET_FILE:\\1_counted>" OUTPUT_VARIABLE files)
  list(TRANSFORM ARGN APPEND _counted)
  list(JOIN files "," files)
  add_executable(${name}_counted EXCLUDE_FROM_ALL $<TARGET_OBJECTS:${name}>)
  add_dependencies(${name}_counted ${name} ${ARGN})
  target_link_libraries(${name}_counted PRIVATE -Wl,--whole-archive,${files},--no-whole-archive ${deps})
  target_link_options(${name}_counted PRIVATE -fprofile-instr-generate)
  if(options)
    target_link_options(${name}_counted PRIVATE ${options})
  endif()
  set_target_properties(${name}_counted PROPERTIES LINKER_LANGUAGE CXX)
  if(folder)
    set_target_properties(${name}_counted PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${folder})
  endif()
endfunction()

# Puts libFuzzer's counters into one library: emulator and model, whose edges are worth feedback. Generated code, the executor, the mutator and
# reports would only cost time (docs/fuzzing.md), so elsewhere they are off even if the compiler's flags from outside ask for them (docs/campaigns.md).
if(WSKCERT_FUZZ)
  add_compile_options(-fno-sanitize=fuzzer-no-link)
  add_library(no_engine STATIC ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/no_engine.cc)
endif()
function(wskcert_instrument name)
  if(WSKCERT_FUZZ)
    target_compile_options(${name} PRIVATE -fsanitize-coverage=inline-8bit-counters,pc-table)
    target_link_libraries(${name} PUBLIC no_engine)
  endif()
endfunction()

# wskcert_fuzz_target(NAME sources... [DEPS libraries...]): NAME.cc with LLVMFuzzerTestOneInput. NAME itself, under libFuzzer, is built only
# with WSKCERT_FUZZ; NAME_replay, the same over files, always, and run over corpus/NAME as a test.
function(wskcert_fuzz_target name)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  wskcert_library(${name}_target ${name}.cc ${ARG_UNPARSED_ARGUMENTS} DEPS ${ARG_DEPS})
  if(WSKCERT_FUZZ)
    add_executable(${name} ${PROJECT_SOURCE_DIR}/fuzz/sanitizer_options.cc $<TARGET_OBJECTS:${name}_target>)
    target_link_libraries(${name} PRIVATE ${ARG_DEPS})
    target_link_options(${name} PRIVATE ${WSKCERT_FUZZING_ENGINE})
    configure_file(${CMAKE_CURRENT_SOURCE_DIR}/${name}.options ${CMAKE_CURRENT_BINARY_DIR}/${name}.options COPYONLY)
  endif()
  if(WSKCERT_TESTS)
    add_executable(${name}_replay replay_main.cc $<TARGET_OBJECTS:${name}_target>)
    target_include_directories(${name}_replay PRIVATE ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name}_replay PRIVATE ${ARG_DEPS} trace_io fuzz_input_files)
    wskcert_precompiled(${name}_replay PROGRAM ${ARG_DEPS} trace_io)
    add_test(NAME ${name}_replay COMMAND ${name}_replay ${PROJECT_SOURCE_DIR}/corpus/${name})
    set_tests_properties(${name}_replay PROPERTIES TIMEOUT 900)
  endif()
endfunction()

# wskcert_library(NAME sources... [DEPS libraries...]): host code.
function(wskcert_library name)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
  target_compile_options(${name} PRIVATE ${WSKCERT_WARNINGS})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS})
  wskcert_precompiled(${name} LIBRARY ${ARG_DEPS})
endfunction()

# The dialect of kernel code, for the library itself and for whoever includes <wdm.h> and <wsk.h>.
add_library(wskcert_kernel_headers INTERFACE)
target_include_directories(wskcert_kernel_headers SYSTEM INTERFACE ${PROJECT_SOURCE_DIR}/implementations/include)
target_compile_options(wskcert_kernel_headers INTERFACE
  -fms-extensions -fshort-wchar -Wno-unknown-pragmas -Wno-multichar
  $<$<CXX_COMPILER_ID:Clang>:-Wno-microsoft -Wno-ignored-attributes>)

# wskcert_kernel_library(NAME sources... [DEPS libraries...]): kernel C++ (docs/kernel_cpp.md): no exceptions,
# RTTI, thread-safe statics, and frames below 1 KiB (sanitizers need larger ones).
function(wskcert_kernel_library name)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  wskcert_library(${name} ${ARG_UNPARSED_ARGUMENTS} DEPS wskcert_kernel_headers ${ARG_DEPS})
  target_compile_options(${name} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti -fno-threadsafe-statics>
    $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-fno-sanitize=vptr>)  # needs RTTI
  if(NOT WSKCERT_SANITIZE)
    target_compile_options(${name} PRIVATE -Wframe-larger-than=1024)
  endif()
endfunction()

# wskcert_driver(NAME sources... [TRACE macros...]): a driver's own sources, C or C++, unchanged, over implementations/include. The warnings
# that Microsoft's compiler does not give by default are off. For "NAME.tmh" that WPP would have made from NAME.c, a file is generated in which
# WPP's macros, and those named after TRACE, do nothing.
function(wskcert_driver name)
  cmake_parse_arguments(ARG "" "" "TRACE" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC wskcert_kernel_headers)
  set_target_properties(${name} PROPERTIES WSKCERT_CODE kernel)
  target_compile_options(${name} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti -fno-threadsafe-statics>
    $<$<COMPILE_LANG_AND_ID:C,Clang>:-Wno-incompatible-function-pointer-types>
    $<$<COMPILE_LANGUAGE:C>:-Wno-incompatible-pointer-types>)
  set(trace "#include <wpp.h>\n")
  foreach(macro ${ARG_TRACE})
    string(APPEND trace "#undef ${macro}\n#define ${macro}(...) ((void)0)\n")
  endforeach()
  foreach(source ${ARG_UNPARSED_ARGUMENTS})
    get_filename_component(stem ${source} NAME_WE)
    file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}.tmh/${stem}.tmh CONTENT "${trace}" @ONLY)
  endforeach()
  target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/${name}.tmh)
endfunction()

# wskcert_provider(NAME sources...): a WSK provider as a shared library, NAME.so, for `wskcert certify --provider=lib:NAME.so`
# (docs/certify_your_provider.md). What it uses of the kernel it finds in the process that loads it.
function(wskcert_provider name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE wskcert_kernel_headers)
  target_compile_options(${name} PRIVATE ${WSKCERT_WARNINGS}
    $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti -fno-threadsafe-statics>)
  set_target_properties(${name} PROPERTIES PREFIX "")
endfunction()

# wskcert_hosts_providers(NAME): a program that loads such libraries. The whole kernel runtime is linked, and offered to them.
function(wskcert_hosts_providers name)
  target_link_libraries(${name} PRIVATE
    -Wl,--whole-archive $<TARGET_FILE:emulator_kernel> -Wl,--no-whole-archive)
  target_link_options(${name} PRIVATE -Wl,--dynamic-list=${wskcert_SOURCE_DIR}/ci/cmake/kernel_exports.list)
  add_dependencies(${name} emulator_kernel)
endfunction()

# wskcert_test(NAME sources... [DEPS libraries...]): a GoogleTest program, one ctest entry.
function(wskcert_test name)
  if(NOT WSKCERT_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
  target_compile_options(${name} PRIVATE ${WSKCERT_WARNINGS})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  wskcert_precompiled(${name} TEST ${ARG_DEPS})
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES TIMEOUT 900)
endfunction()
