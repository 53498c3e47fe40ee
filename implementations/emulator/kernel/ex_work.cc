// Work items and the threads that serve them.
#include <wdm.h>

#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/ex.h"
#include "implementations/emulator/kernel/scheduler.h"

struct _IO_WORKITEM {
  WORK_QUEUE_ITEM item;
  PVOID object;
  PVOID context;
  PIO_WORKITEM_ROUTINE routine;
  PIO_WORKITEM_ROUTINE_EX routine_ex;
};

namespace wskcert::emulator {
namespace {

constexpr ULONG kWorkItemTag = 0x6b576f49;  // "IoWk"
// A worker that blocks in its routine must not hold up other items; more than this at once do wait.
constexpr uint32_t kMaximumWorkers = 64;

struct WorkState {
  LIST_ENTRY queue;
  Thread* idle[kMaximumWorkers];
  uint32_t idle_count;
  uint32_t workers;
};
WorkState g_work;

void CheckWorker(PWORKER_THREAD_ROUTINE routine) {
  const Thread* thread = CurrentThread();
  if (thread->irql == PASSIVE_LEVEL && thread->locks == 0) return;
  BugCheckNow(kWorkerThreadReturnedAtBadIrql, reinterpret_cast<uintptr_t>(routine), thread->irql,
              thread->locks, 0, "a work item's routine returned at a raised IRQL or with a spin lock held");
}

void ServeWorkItems(void*) {
  RuntimeLock lock;
  for (;;) {
    while (!IsListEmpty(&g_work.queue)) {
      WORK_QUEUE_ITEM* item = CONTAINING_RECORD(RemoveHeadList(&g_work.queue), WORK_QUEUE_ITEM, List);
      item->List.Flink = nullptr;  // From here on it may be queued again, or freed.
      const PWORKER_THREAD_ROUTINE routine = item->WorkerRoutine;
      void* parameter = item->Parameter;
      lock.Leave();
      Acquired(item);
      routine(parameter);
      CheckWorker(routine);
      lock.Enter();
      CurrentThread()->note = nullptr;
    }
    g_work.idle[g_work.idle_count++] = CurrentThread();
    Block(ThreadState::kIdle, kChoiceWait);
  }
}

void Queue(WORK_QUEUE_ITEM* item) {
  RequireIrqlAtMost(DISPATCH_LEVEL, "queueing of a work item");
  Released(item);
  RuntimeLock lock;
  if (item->List.Flink != nullptr) {
    BugCheckNow(0x96, reinterpret_cast<uintptr_t>(item), 0, 0, 0,
                "a work item was queued that is queued already");
  }
  InsertTailList(&g_work.queue, &item->List);
  if (g_work.idle_count != 0) {
    MakeReady(g_work.idle[--g_work.idle_count]);
  } else if (g_work.workers < kMaximumWorkers) {
    ++g_work.workers;
    CreateThread(&ServeWorkItems, nullptr, /*worker=*/true);
  }
  lock.Leave();
  ChoicePoint(kChoiceWorkItem);
}

void RunIoWorkItem(void* parameter) {
  auto* item = static_cast<_IO_WORKITEM*>(parameter);
  if (item->routine_ex != nullptr) {
    item->routine_ex(item->object, item->context, item);
  } else {
    item->routine(static_cast<PDEVICE_OBJECT>(item->object), item->context);
  }
}

}  // namespace

void ResetEx() {
  g_work.idle_count = 0;
  g_work.workers = 0;
  InitializeListHead(&g_work.queue);
}

}  // namespace wskcert::emulator

using namespace wskcert::emulator;  // NOLINT(google-build-using-namespace): what follows is the kernel API
                                    // itself

extern "C" {

VOID ExQueueWorkItem(PWORK_QUEUE_ITEM item, WORK_QUEUE_TYPE) { Queue(item); }

PIO_WORKITEM IoAllocateWorkItem(PDEVICE_OBJECT device) {
  auto* item =
      static_cast<_IO_WORKITEM*>(ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(_IO_WORKITEM), kWorkItemTag));
  if (item == nullptr) return nullptr;
  item->object = device;
  item->item.WorkerRoutine = &RunIoWorkItem;
  item->item.Parameter = item;
  return item;
}

VOID IoFreeWorkItem(PIO_WORKITEM item) {
  {
    RuntimeLock lock;
    if (item->item.List.Flink != nullptr) {
      BugCheckNow(0x96, reinterpret_cast<uintptr_t>(item), 0, 0, 0,
                  "a work item was freed that is still queued");
    }
  }
  ExFreePoolWithTag(item, kWorkItemTag);
}

VOID IoQueueWorkItem(PIO_WORKITEM item, PIO_WORKITEM_ROUTINE routine, WORK_QUEUE_TYPE, PVOID context) {
  item->routine = routine;
  item->routine_ex = nullptr;
  item->context = context;
  Queue(&item->item);
}

VOID IoQueueWorkItemEx(PIO_WORKITEM item, PIO_WORKITEM_ROUTINE_EX routine, WORK_QUEUE_TYPE, PVOID context) {
  item->routine_ex = routine;
  item->context = context;
  Queue(&item->item);
}

}  // extern "C"
