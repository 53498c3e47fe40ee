#include "implementations/emulator/kernel/bugcheck.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "implementations/emulator/kernel/scheduler.h"

namespace wskcert::emulator {
namespace {
BugCheck g_bug_check;
}  // namespace

BugCheck& RecordedBugCheck() { return g_bug_check; }

void BugCheckNow(uint32_t code, uint64_t p1, uint64_t p2, uint64_t p3, uint64_t p4, const char* format, ...) {
  BugCheck record{code, {p1, p2, p3, p4}, ""};
  char* text = record.message;
  size_t room = sizeof(record.message);
  if (g_scheduler.running) {
    const Thread* thread = CurrentThread();
    const int used = std::snprintf(
        text, room, "%s %u at IRQL %u, step %llu: ", thread->worker ? "worker thread" : "thread",
        thread->number, thread->irql, static_cast<unsigned long long>(t_steps));
    text += used;
    room -= static_cast<size_t>(used);
  }
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, room, format, arguments);
  va_end(arguments);
  if (g_scheduler.running) EndRun(Ending::kBugCheck, &record);
  std::fprintf(stderr, "wskcert: bug check 0x%X outside a run: %s\n", code, record.message);
  std::abort();
}

void IrqlTooHigh(KIRQL maximum, const char* function) {
  BugCheckNow(kIrqlNotLessOrEqual, 0, CurrentThread()->irql, maximum, 0, "%s called above IRQL %u", function,
              maximum);
}

}  // namespace wskcert::emulator

using wskcert::emulator::BugCheckNow;

extern "C" void KeBugCheckEx(ULONG code, ULONG_PTR p1, ULONG_PTR p2, ULONG_PTR p3, ULONG_PTR p4) {
  BugCheckNow(code, p1, p2, p3, p4, "KeBugCheckEx(0x%X, 0x%llX, 0x%llX, 0x%llX, 0x%llX)", code, p1, p2, p3,
              p4);
}

extern "C" void KeBugCheck(ULONG code) { BugCheckNow(code, 0, 0, 0, 0, "KeBugCheck(0x%X)", code); }

extern "C" void WskcertAssertionFailed(const char* expression, const char* file, int line) {
  BugCheckNow(0x1000007E, 0, 0, 0, 0, "assertion failed: %s (%s:%d)", expression, file, line);
}

extern "C" void WskcertPagedCode(const char* function) {
  if (wskcert::emulator::IsRunning()) wskcert::emulator::RequireIrqlAtMost(APC_LEVEL, function);
}

extern "C" void WskcertListCorrupted(const LIST_ENTRY* entry) {
  BugCheckNow(0x139, 3, reinterpret_cast<uintptr_t>(entry), 0, 0,
              "a linked list is corrupted: an entry was removed twice, or freed or initialised while in it");
}
