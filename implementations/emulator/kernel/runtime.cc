#include "implementations/emulator/kernel/runtime.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/ex.h"
#include "implementations/emulator/kernel/io.h"
#include "implementations/emulator/kernel/ke.h"
#include "implementations/emulator/kernel/ledger.h"
#include "implementations/emulator/kernel/scheduler.h"

namespace wskcert::emulator {
namespace {

const char* ObjectName(uint8_t type) {
  switch (type) {
    case kNotificationEvent:
    case kSynchronizationEvent:
      return "event";
    case kMutant:
      return "mutex";
    case kSemaphore:
      return "semaphore";
    case kThread:
      return "thread";
    case kNotificationTimer:
    case kSynchronizationTimer:
      return "timer";
    default:
      return "object";
  }
}

struct Text {
  char* at;
  size_t room;
};

__attribute__((format(printf, 2, 3))) void Print(Text* text, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int used = std::vsnprintf(text->at, text->room, format, arguments);
  va_end(arguments);
  if (used < 0) return;
  const size_t step = static_cast<size_t>(used) < text->room ? static_cast<size_t>(used) : text->room - 1;
  text->at += step;
  text->room -= step;
}

// No addresses: a report must be the same in every process.
void DescribeWait(const Thread* thread, Text* text) {
  Print(text, "%s %u", thread->worker ? "worker thread" : "thread", thread->number);
  if (thread->state == ThreadState::kBlocked) {
    Print(text, " waits for %s", thread->waits_for);
  } else {
    Print(text, " waits for %s",
          thread->wait_count > 1 ? (thread->wait_type == WaitAny ? "any of" : "all of") : "");
    for (uint32_t i = 0; i < thread->wait_count; ++i) {
      const auto* object = static_cast<const DISPATCHER_HEADER*>(thread->wait_blocks[i].Object);
      Print(text, "%s%s", i == 0 && thread->wait_count == 1 ? "" : " ", ObjectName(object->Type));
      if (object->Type == kThread) Print(text, " %u", reinterpret_cast<const Thread*>(object)->number);
    }
  }
  if (thread->note != nullptr) Print(text, " (%s)", thread->note);
  Print(text, " since step %llu; ", static_cast<unsigned long long>(thread->blocked_since));
}

char g_deadlock[sizeof(RunReport::deadlock)];

// A thread object that is still there after its thread has ended, or a handle to it.
void CountThreadLeaks(LeakSummary* leaks) {
  for (LIST_ENTRY* e = g_scheduler.threads.Flink; e != &g_scheduler.threads; e = e->Flink) {
    const Thread* thread = CONTAINING_RECORD(e, Thread, all);
    if (thread->worker || thread->background) continue;
    ++leaks->threads;
    if (leaks->first[0] == 0) {
      std::snprintf(leaks->first, sizeof(leaks->first), "object of thread %u: %u references, handle %s",
                    thread->number, thread->references, thread->has_handle ? "open" : "closed");
    }
  }
}

}  // namespace

void RecordDeadlock() {
  Text text{g_deadlock, sizeof(g_deadlock)};
  for (LIST_ENTRY* e = g_scheduler.threads.Flink; e != &g_scheduler.threads; e = e->Flink) {
    const Thread* thread = CONTAINING_RECORD(e, Thread, all);
    if (thread->background) continue;
    if (thread->state == ThreadState::kWaiting || thread->state == ThreadState::kBlocked)
      DescribeWait(thread, &text);
  }
}

void Run(const RunOptions& options, void (*entry)(void*), void* context, RunReport* report) {
  if (g_scheduler.running) {
    std::fprintf(stderr, "wskcert: Run inside Run\n");
    std::abort();
  }
  *report = RunReport{};
  ResetScheduler(options);
  ResetLedger(options.fail_allocation);
  ResetKe();
  ResetEx();
  ResetIo();
  {
    RuntimeLock lock;
    CreateThread(entry, context, /*worker=*/false);
  }
  report->steps = RunThreads();
  report->ending = g_scheduler.ending;
  report->allocations = LedgerAllocations();
  if (report->ending == Ending::kBugCheck) report->bug_check = RecordedBugCheck();
  if (report->ending == Ending::kDeadlock) std::memcpy(report->deadlock, g_deadlock, sizeof(g_deadlock));
  ReapThreads();
  CollectLeaks(&report->leaks);
  CountThreadLeaks(&report->leaks);
  AbandonThreads();
}

}  // namespace wskcert::emulator
