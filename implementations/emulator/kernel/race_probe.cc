// emulator_race_probe RACE: kernel code with a race, for ThreadSanitizer to find. Two threads change one
// variable. Each calls the kernel in between, so that whatever orders the runtime's own work has its chance
// to order them; but nothing that the kernel's documentation promises does.
#include <wdm.h>

#include <cstdio>
#include <cstring>

#include "implementations/emulator/kernel/runtime.h"

namespace wskcert::emulator {
namespace {

int g_variable;

KEVENT g_start;
KEVENT g_events[2];
KSPIN_LOCK g_locks[2];
WORK_QUEUE_ITEM g_items[2];

// What the two threads do besides; `self` is 0 or 1.
void SetOwnEvent(int self) { KeSetEvent(&g_events[self], 0, FALSE); }
void TakeOwnLock(int self) {
  KIRQL irql;
  KeAcquireSpinLock(&g_locks[self], &irql);
  KeReleaseSpinLock(&g_locks[self], irql);
}
void QueueOwnItem(int self) { ExQueueWorkItem(&g_items[self], DelayedWorkQueue); }
void UsePool(int) { ExFreePool(ExAllocatePool2(POOL_FLAG_NON_PAGED, 64, 'borP')); }
void WaitForSilence(int) { Settle(); }

void (*g_call)(int);

void Change(void* context) {
  const int self = static_cast<int>(reinterpret_cast<intptr_t>(context));
  // Both are there before either goes on: else one host thread could serve them one after the other.
  KeWaitForSingleObject(&g_start, Executive, KernelMode, FALSE, nullptr);
  if (self == 1) g_call(self);
  ++g_variable;
  if (self == 0) g_call(self);
}

void Entry(void*) {
  KeInitializeEvent(&g_start, NotificationEvent, FALSE);
  for (KEVENT& event : g_events) KeInitializeEvent(&event, NotificationEvent, FALSE);
  for (WORK_QUEUE_ITEM& item : g_items) {
    ExInitializeWorkItem(
        &item, [](void*) {}, nullptr);
  }
  for (intptr_t self = 0; self < 2; ++self) {
    HANDLE handle;
    PsCreateSystemThread(&handle, 0, nullptr, nullptr, nullptr, &Change, reinterpret_cast<void*>(self));
    ZwClose(handle);
  }
  KeSetEvent(&g_start, 0, FALSE);
}

int Main(int argc, char** argv) {
  static constexpr struct {
    const char* name;
    void (*call)(int);
  } kRaces[] = {{"events", SetOwnEvent},
                {"spin-locks", TakeOwnLock},
                {"work-items", QueueOwnItem},
                {"pool", UsePool},
                {"settle", WaitForSilence}};
  for (const auto& race : kRaces) {
    if (argc == 2 && std::strcmp(argv[1], race.name) == 0) g_call = race.call;
  }
  if (g_call == nullptr) {
    std::fprintf(stderr, "usage: emulator_race_probe RACE\n");
    return 3;
  }
  RunOptions options;
  options.threads = Threads::kReal;
  RunReport report;
  Run(options, &Entry, nullptr, &report);
  return report.ending == Ending::kFinished ? 0 : 1;
}

}  // namespace
}  // namespace wskcert::emulator

int main(int argc, char** argv) { return wskcert::emulator::Main(argc, argv); }
