// Fibers: stacks and the switch between them. The only file that knows Boost.Context and the sanitizers'
// fiber calls.
//
// A fiber's function never returns and its stack is never unwound: whoever is done with a fiber releases it,
// however deep its stack is, and the next acquisition starts afresh. One host thread.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_FIBER_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_FIBER_H_

#include <cstddef>

#include "implementations/emulator/kernel/sanitizers.h"

namespace wskcert::emulator {

// How much stack kernel code has.
#if defined(WSKCERT_ASAN) || defined(WSKCERT_TSAN)
inline constexpr size_t kKernelStackSize = size_t{256} * 1024;
#else
inline constexpr size_t kKernelStackSize = size_t{64} * 1024;
#endif

struct Fiber {
  void* context;  // Where it goes on; valid while it is not running.
  char* stack;    // Lowest usable address; a guard page lies below.
  size_t stack_size;
  void (*function)(void*);
  void* argument;
  void* fake_stack;  // AddressSanitizer's.
  void* tsan_fiber;
  Fiber* next_free;
};

// A fiber that will call function(argument) when first switched to. From a pool; aborts when mmap fails.
Fiber* AcquireFiber(void (*function)(void*), void* argument);

// Back to the pool. It may be the running one, which must then switch away and is never resumed.
void ReleaseFiber(Fiber* fiber);

// The host thread's own stack.
Fiber* MainFiber();

// Runs `to` until something switches back to the caller. A few nanoseconds.
void SwitchFiber(Fiber* to);

// How many bytes of the running fiber's stack are still free; on the main stack a large number.
size_t RemainingStack();

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_FIBER_H_
