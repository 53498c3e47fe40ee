#include "implementations/emulator/kernel/fiber.h"

#include <sys/mman.h>

#include <boost/context/detail/fcontext.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#ifdef WSKCERT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#ifdef WSKCERT_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace wskcert::emulator {
namespace {

using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

constexpr size_t kStackSize = kKernelStackSize;
constexpr size_t kGuardSize = 4096;

Fiber g_main;
Fiber* g_current = &g_main;
Fiber* g_free = nullptr;

// The first thing on a stack after a switch: the fiber that was left gets its context.
inline void Arrived(transfer_t from) {
  Fiber* previous = static_cast<Fiber*>(from.data);
  previous->context = from.fctx;
#ifdef WSKCERT_ASAN
  const void* bottom;
  size_t size;
  __sanitizer_finish_switch_fiber(g_current->fake_stack, &bottom, &size);
  if (previous == &g_main) {
    // Nobody else says where the host thread's stack is.
    g_main.stack = const_cast<char*>(static_cast<const char*>(bottom));
    g_main.stack_size = size;
  }
#endif
}

void Trampoline(transfer_t from) {
  Arrived(from);
  g_current->function(g_current->argument);
  std::abort();
}

Fiber* NewFiber() {
  void* memory = mmap(nullptr, kGuardSize + kStackSize, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, kGuardSize, PROT_NONE) != 0) {
    std::fprintf(stderr, "wskcert: no memory for a fiber's stack\n");
    std::abort();
  }
  Fiber* fiber = static_cast<Fiber*>(std::calloc(1, sizeof(Fiber)));
  if (fiber == nullptr) std::abort();
  fiber->stack = static_cast<char*>(memory) + kGuardSize;
  fiber->stack_size = kStackSize;
#ifdef WSKCERT_ASAN
  __lsan_register_root_region(fiber->stack, fiber->stack_size);
#endif
  return fiber;
}

}  // namespace

Fiber* AcquireFiber(void (*function)(void*), void* argument) {
  Fiber* fiber = g_free;
  if (fiber != nullptr) {
    g_free = fiber->next_free;
#ifdef WSKCERT_ASAN
    // The frames of its last life were never left, so their redzones are still there: from where it was when
    // it was switched away from. All of the stack would be 32 KiB of shadow each time.
    char* const left = static_cast<char*>(fiber->context);
    __asan_unpoison_memory_region(left, static_cast<size_t>(fiber->stack + fiber->stack_size - left));
#endif
  } else {
    fiber = NewFiber();
  }
#ifdef WSKCERT_TSAN
  if (fiber->tsan_fiber != nullptr) __tsan_destroy_fiber(fiber->tsan_fiber);
  fiber->tsan_fiber = __tsan_create_fiber(0);
#endif
  fiber->function = function;
  fiber->argument = argument;
  fiber->context = make_fcontext(fiber->stack + fiber->stack_size, fiber->stack_size, &Trampoline);
  return fiber;
}

void ReleaseFiber(Fiber* fiber) {
  fiber->next_free = g_free;
  g_free = fiber;
}

Fiber* MainFiber() { return &g_main; }

void SwitchFiber(Fiber* to) {
  Fiber* from = g_current;
  g_current = to;
#ifdef WSKCERT_TSAN
  if (g_main.tsan_fiber == nullptr) g_main.tsan_fiber = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(to->tsan_fiber, 0);
#endif
#ifdef WSKCERT_ASAN
  __sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->stack_size);
#endif
  Arrived(jump_fcontext(to->context, from));
}

size_t RemainingStack() {
  if (g_current == &g_main) return SIZE_MAX;
  return static_cast<size_t>(static_cast<char*>(__builtin_frame_address(0)) - g_current->stack);
}

}  // namespace wskcert::emulator
