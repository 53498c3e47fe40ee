# Precompiled headers: what most host files and most tests include takes a compiler longer to read than the file itself. There are three, because
# one can only be used with the flags that it was made with: libraries are PIC and programs PIE, and tests of kernel code have a dialect of their own.
# Kernel code, the model and whatever else includes little has none. A file still includes what it needs: the builds that have none hold
# that: preset gcc, ci/oss-fuzz/build.sh, and ci/tidy.
option(WSKCERT_PCH "Precompile the headers that most files include (clang only)" ON)

# As CMake has it, but without the header's text, whose path ccache would take for a difference between two clones.
if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  set(CMAKE_CXX_COMPILE_OPTIONS_USE_PCH -Xclang -include-pch -Xclang <PCH_FILE>)
endif()

set(WSKCERT_PCH_STD
  <algorithm> <cstddef> <cstdint> <cstdio> <cstdlib> <cstring> <functional> <iterator> <map> <memory> <optional> <set> <string> <utility> <vector>)
set(WSKCERT_PCH_LIBRARIES
  <absl/status/status.h> <absl/status/statusor.h> <absl/strings/match.h> <absl/strings/str_cat.h> <absl/strings/str_format.h>
  <absl/strings/str_join.h> <absl/strings/str_split.h> <absl/time/time.h> <absl/types/span.h>
  <google/protobuf/text_format.h> <proto/certificate.pb.h> <proto/rules.pb.h> <proto/sequence.pb.h> <proto/trace.pb.h>)
set(WSKCERT_PCH_TESTS <iostream> <sstream> <gmock/gmock.h> <gtest/gtest.h>)

# wskcert_own_headers(TARGET LIST...): makes TARGET, which has no code, the owner of a precompiled header with these.
function(wskcert_own_headers name)
  target_precompile_headers(${name} PRIVATE ${ARGN})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
endfunction()

# The owners. After proto/, whose headers they have.
function(wskcert_make_precompiled_headers)
  if(NOT WSKCERT_PCH OR NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    return()
  endif()
  set(source ${PROJECT_BINARY_DIR}/pch_main.cc)
  file(CONFIGURE OUTPUT ${source} CONTENT "int main() { return 0; }\n")
  add_library(pch_libraries STATIC ${source})
  target_link_libraries(pch_libraries PRIVATE wskcert_proto absl::statusor absl::strings absl::str_format absl::span absl::time)
  wskcert_own_headers(pch_libraries ${WSKCERT_PCH_STD} ${WSKCERT_PCH_LIBRARIES})
  if(WSKCERT_TESTS)
    add_executable(pch_programs ${source})
    target_link_libraries(pch_programs PRIVATE
      wskcert_proto absl::statusor absl::strings absl::str_format absl::span absl::time GTest::gmock GTest::gtest)
    wskcert_own_headers(pch_programs ${WSKCERT_PCH_STD} ${WSKCERT_PCH_LIBRARIES} ${WSKCERT_PCH_TESTS})
    add_executable(pch_kernel_tests ${source})
    target_link_libraries(pch_kernel_tests PRIVATE wskcert_kernel_headers GTest::gmock GTest::gtest)
    wskcert_own_headers(pch_kernel_tests ${WSKCERT_PCH_STD} ${WSKCERT_PCH_TESTS})
  endif()
endfunction()

# wskcert_precompiled(TARGET KIND DEPS...): gives TARGET, a LIBRARY, PROGRAM or TEST that links DEPS, the headers that fit it, if there are.
# What it is, kernel code, host code with libraries or neither, its own dependents learn from its property WSKCERT_CODE.
function(wskcert_precompiled name kind)
  set(code plain)
  foreach(dep ${ARGN})
    set(of plain)
    if(dep STREQUAL wskcert_kernel_headers)
      set(of kernel)
    elseif(dep STREQUAL wskcert_proto OR dep MATCHES "^absl::")
      set(of host)
    elseif(TARGET ${dep})
      get_target_property(of ${dep} WSKCERT_CODE)
    endif()
    if(of STREQUAL kernel OR (of STREQUAL host AND code STREQUAL plain))
      set(code ${of})
    endif()
  endforeach()
  set_target_properties(${name} PROPERTIES WSKCERT_CODE ${code})
  set(owner none)
  if(kind STREQUAL "TEST" AND code STREQUAL kernel)
    set(owner pch_kernel_tests)
  elseif(kind STREQUAL "TEST" OR (kind STREQUAL PROGRAM AND code STREQUAL host))
    set(owner pch_programs)
  elseif(kind STREQUAL LIBRARY AND code STREQUAL host)
    set(owner pch_libraries)
  endif()
  get_target_property(sources ${name} SOURCES)
  if(TARGET ${owner} AND NOT sources MATCHES "\\.c(;|$)")
    target_precompile_headers(${name} REUSE_FROM ${owner})
  endif()
endfunction()
