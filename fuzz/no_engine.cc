// What instrumented code calls when it is loaded, for programs of a fuzz tree that have no engine:
// make_seeds, the tests, `wskcert`. Without sanitizers nobody else defines it there.
#include <cstdint>

extern "C" {
__attribute__((weak)) void __sanitizer_cov_8bit_counters_init(char*, char*) {}
__attribute__((weak)) void __sanitizer_cov_pcs_init(const uintptr_t*, const uintptr_t*) {}
}
