// What orders two threads, said to ThreadSanitizer: with real threads the runtime's own locking is hidden
// from it (real_threads.h), so every function that the kernel's documentation lets a driver synchronise with
// says so itself. Nothing in other builds.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_EDGES_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_EDGES_H_

#include "implementations/emulator/kernel/sanitizers.h"

namespace wskcert::emulator {

#ifdef WSKCERT_TSAN
// What the caller did so far happens before what anybody does after Acquired of the same address.
void Released(const volatile void* address);
void Acquired(const volatile void* address);
#else
inline void Released(const volatile void*) {}
inline void Acquired(const volatile void*) {}
#endif

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_EDGES_H_
