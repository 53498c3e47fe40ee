// Waits, and the objects that can be waited for.
#include <wdm.h>

#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/ke.h"
#include "implementations/emulator/kernel/scheduler.h"

namespace wskcert::emulator {
namespace {

bool IsSignalled(const DISPATCHER_HEADER* object, const Thread* thread) {
  if (object->SignalState > 0) return true;
  return object->Type == kMutant &&
         reinterpret_cast<const KMUTANT*>(object)->OwnerThread == reinterpret_cast<const _KTHREAD*>(thread);
}

// What a satisfied wait does to the object.
void Consume(DISPATCHER_HEADER* object, Thread* thread) {
  switch (object->Type) {
    case kSynchronizationEvent:
    case kSynchronizationTimer:
      object->SignalState = 0;
      break;
    case kSemaphore:
      --object->SignalState;
      break;
    case kMutant:
      --object->SignalState;
      reinterpret_cast<KMUTANT*>(object)->OwnerThread = reinterpret_cast<PKTHREAD>(thread);
      break;
    default:
      break;
  }
}

void CheckObject(const void* pointer) {
  const auto* object = static_cast<const DISPATCHER_HEADER*>(pointer);
  if (object != nullptr) {
    switch (object->Type) {
      case kNotificationEvent:
      case kSynchronizationEvent:
      case kMutant:
      case kSemaphore:
      case kThread:
      case kNotificationTimer:
      case kSynchronizationTimer:
        if (object->WaitListHead.Flink != nullptr) return;
        break;
      default:
        break;
    }
  }
  BugCheckNow(kDriverVerifierDetectedViolation, 0x3B, CurrentThread()->irql,
              reinterpret_cast<uintptr_t>(pointer), 0,
              "wait for something that is no initialised event, semaphore, mutex, timer or thread");
}

// Whether `count` objects satisfy the thread's wait now; if so consumes them.
bool TrySatisfy(Thread* thread, ULONG count, void* const objects[], WAIT_TYPE type, NTSTATUS* status) {
  if (type == WaitAny) {
    for (ULONG i = 0; i < count; ++i) {
      auto* object = static_cast<DISPATCHER_HEADER*>(objects[i]);
      if (!IsSignalled(object, thread)) continue;
      Consume(object, thread);
      *status = STATUS_WAIT_0 + static_cast<NTSTATUS>(i);
      return true;
    }
    return false;
  }
  for (ULONG i = 0; i < count; ++i) {
    if (!IsSignalled(static_cast<DISPATCHER_HEADER*>(objects[i]), thread)) return false;
  }
  for (ULONG i = 0; i < count; ++i) Consume(static_cast<DISPATCHER_HEADER*>(objects[i]), thread);
  *status = STATUS_SUCCESS;
  return true;
}

bool TrySatisfyAllBlocks(Thread* thread) {
  for (uint32_t i = 0; i < thread->wait_count; ++i) {
    if (!IsSignalled(static_cast<DISPATCHER_HEADER*>(thread->wait_blocks[i].Object), thread)) return false;
  }
  for (uint32_t i = 0; i < thread->wait_count; ++i) {
    Consume(static_cast<DISPATCHER_HEADER*>(thread->wait_blocks[i].Object), thread);
  }
  return true;
}

// Units of 100 ns from now on; the caller has dealt with zero and with no timeout. Locked.
uint64_t DueTime(LONGLONG timeout) {
  if (timeout < 0) return g_scheduler.now + static_cast<uint64_t>(-timeout);
  const LONGLONG distance = timeout - kEpoch - static_cast<LONGLONG>(++g_scheduler.now);
  return g_scheduler.now + (distance > 0 ? static_cast<uint64_t>(distance) : 0);
}

// What whoever signalled the objects did before is visible now.
inline void SeeSatisfied(ULONG count, void* const objects[], WAIT_TYPE type, NTSTATUS status) {
#ifdef WSKCERT_TSAN
  if (status == STATUS_TIMEOUT) return;
  for (ULONG i = 0; i < count; ++i) {
    if (type == WaitAll || status == STATUS_WAIT_0 + static_cast<NTSTATUS>(i)) Acquired(objects[i]);
  }
#endif
}

// Inlined, because after a switch every return is mispredicted: the fewer frames, the faster.
[[gnu::always_inline]] inline NTSTATUS Wait(ULONG count, void* const objects[], WAIT_TYPE type,
                                            const LARGE_INTEGER* timeout, KWAIT_BLOCK* blocks) {
  Thread* thread = CurrentThread();
  const bool poll = timeout != nullptr && timeout->QuadPart == 0;
  if (thread->irql >= DISPATCH_LEVEL && !poll) {
    BugCheckNow(kDriverVerifierDetectedViolation, 0x3B, thread->irql, reinterpret_cast<uintptr_t>(objects[0]),
                0, "wait at DISPATCH_LEVEL or above%s%s", thread->note != nullptr ? ": " : "",
                thread->note != nullptr ? thread->note : "");
  }
  RuntimeLock lock;
  for (ULONG i = 0; i < count; ++i) CheckObject(objects[i]);
  NTSTATUS status;
  if (TrySatisfy(thread, count, objects, type, &status)) {
    lock.Leave();
    SeeSatisfied(count, objects, type, status);
    ChoicePoint(kChoiceWait);
    return status;
  }
  if (poll) {
    lock.Leave();
    ChoicePoint(kChoiceWait);
    return STATUS_TIMEOUT;
  }
  for (ULONG i = 0; i < count; ++i) {
    auto* object = static_cast<DISPATCHER_HEADER*>(objects[i]);
    blocks[i].Thread = reinterpret_cast<PKTHREAD>(thread);
    blocks[i].Object = object;
    blocks[i].WaitKey = static_cast<USHORT>(type == WaitAny ? i : 0);
    blocks[i].WaitType = static_cast<UCHAR>(type);
    InsertTailList(&object->WaitListHead, &blocks[i].WaitListEntry);
  }
  thread->wait_blocks = blocks;
  thread->wait_count = count;
  thread->wait_type = type;
  if (timeout != nullptr) InsertTimer(&thread->timeout, DueTime(timeout->QuadPart));
  Block(ThreadState::kWaiting, kChoiceWait);
  lock.Leave();
  SeeSatisfied(count, objects, type, thread->wait_status);
  return thread->wait_status;
}

}  // namespace

void EndWait(Thread* thread, NTSTATUS status) {
  for (uint32_t i = 0; i < thread->wait_count; ++i) RemoveEntryList(&thread->wait_blocks[i].WaitListEntry);
  thread->wait_count = 0;
  RemoveTimer(&thread->timeout);
  thread->wait_status = status;
  MakeReady(thread);
}

void SatisfyWaiters(DISPATCHER_HEADER* object) {
  LIST_ENTRY* e = object->WaitListHead.Flink;
  while (e != &object->WaitListHead) {
    KWAIT_BLOCK* block = CONTAINING_RECORD(e, KWAIT_BLOCK, WaitListEntry);
    Thread* thread = reinterpret_cast<Thread*>(block->Thread);
    if (!IsSignalled(object, thread)) return;
    if (block->WaitType == WaitAny) {
      const NTSTATUS status = STATUS_WAIT_0 + block->WaitKey;
      Consume(object, thread);
      EndWait(thread, status);
    } else if (TrySatisfyAllBlocks(thread)) {
      EndWait(thread, STATUS_SUCCESS);
    } else {
      e = e->Flink;
      continue;
    }
    // Ending a wait may have unlinked other blocks of this list.
    e = object->WaitListHead.Flink;
  }
}

}  // namespace wskcert::emulator

using namespace wskcert::emulator;  // NOLINT(google-build-using-namespace): what follows is the kernel API
                                    // itself

extern "C" {

NTSTATUS KeWaitForSingleObject(PVOID object, KWAIT_REASON, KPROCESSOR_MODE, BOOLEAN, PLARGE_INTEGER timeout) {
  void* const objects[] = {object};
  return Wait(1, objects, WaitAny, timeout, CurrentThread()->own_blocks);
}

NTSTATUS KeWaitForMultipleObjects(ULONG count, PVOID objects[], WAIT_TYPE type, KWAIT_REASON, KPROCESSOR_MODE,
                                  BOOLEAN, PLARGE_INTEGER timeout, PKWAIT_BLOCK blocks) {
  if (count == 0 || count > MAXIMUM_WAIT_OBJECTS || (blocks == nullptr && count > THREAD_WAIT_OBJECTS)) {
    BugCheckNow(kMaximumWaitObjectsExceeded, count, 0, 0, 0,
                "wait for %u objects: more than 3 need a wait block array, 64 is the most", count);
  }
  return Wait(count, objects, type, timeout, blocks != nullptr ? blocks : CurrentThread()->own_blocks);
}

NTSTATUS KeDelayExecutionThread(KPROCESSOR_MODE, BOOLEAN, PLARGE_INTEGER interval) {
  KEVENT never;
  KeInitializeEvent(&never, NotificationEvent, FALSE);
  void* const objects[] = {&never};
  RequireIrqlAtMost(APC_LEVEL, "KeDelayExecutionThread");
  Wait(1, objects, WaitAny, interval, CurrentThread()->own_blocks);
  return STATUS_SUCCESS;
}

VOID KeInitializeEvent(PRKEVENT event, EVENT_TYPE type, BOOLEAN state) {
  event->Header.Lock = 0;
  event->Header.Type =
      static_cast<UCHAR>(type == NotificationEvent ? kNotificationEvent : kSynchronizationEvent);
  event->Header.Size = sizeof(KEVENT) / 4;
  event->Header.SignalState = state != 0;
  InitializeListHead(&event->Header.WaitListHead);
}

LONG KeSetEvent(PRKEVENT event, KPRIORITY, BOOLEAN wait) {
  RequireIrqlAtMost(wait ? APC_LEVEL : DISPATCH_LEVEL, "KeSetEvent");
  Released(event);
  RuntimeLock lock;
  const LONG old = event->Header.SignalState;
  event->Header.SignalState = 1;
  if (old == 0 && !IsListEmpty(&event->Header.WaitListHead)) SatisfyWaiters(&event->Header);
  lock.Leave();
  if (!wait) ChoicePoint(kChoiceSignal);
  return old;
}

LONG KePulseEvent(PRKEVENT event, KPRIORITY increment, BOOLEAN wait) {
  Released(event);
  RuntimeLock lock;
  const LONG old = event->Header.SignalState;
  event->Header.SignalState = 1;
  SatisfyWaiters(&event->Header);
  event->Header.SignalState = 0;
  lock.Leave();
  if (!wait) ChoicePoint(kChoiceSignal);
  return old;
}

LONG KeResetEvent(PRKEVENT event) {
  RuntimeLock lock;
  const LONG old = event->Header.SignalState;
  event->Header.SignalState = 0;
  return old;
}

VOID KeClearEvent(PRKEVENT event) { KeResetEvent(event); }

LONG KeReadStateEvent(PRKEVENT event) {
  RuntimeLock lock;
  return event->Header.SignalState;
}

VOID KeInitializeSemaphore(PRKSEMAPHORE semaphore, LONG count, LONG limit) {
  semaphore->Header.Lock = 0;
  semaphore->Header.Type = kSemaphore;
  semaphore->Header.Size = sizeof(KSEMAPHORE) / 4;
  semaphore->Header.SignalState = count;
  InitializeListHead(&semaphore->Header.WaitListHead);
  semaphore->Limit = limit;
}

LONG KeReleaseSemaphore(PRKSEMAPHORE semaphore, KPRIORITY, LONG adjustment, BOOLEAN wait) {
  RequireIrqlAtMost(DISPATCH_LEVEL, "KeReleaseSemaphore");
  Released(semaphore);
  RuntimeLock lock;
  const LONG old = semaphore->Header.SignalState;
  if (adjustment <= 0 || old > semaphore->Limit - adjustment) {
    BugCheckNow(static_cast<ULONG>(STATUS_SEMAPHORE_LIMIT_EXCEEDED), 0, 0, 0, 0,
                "KeReleaseSemaphore by %d: the count is %d, the limit %d", adjustment, old, semaphore->Limit);
  }
  semaphore->Header.SignalState = old + adjustment;
  SatisfyWaiters(&semaphore->Header);
  lock.Leave();
  if (!wait) ChoicePoint(kChoiceSignal);
  return old;
}

LONG KeReadStateSemaphore(PRKSEMAPHORE semaphore) {
  RuntimeLock lock;
  return semaphore->Header.SignalState;
}

VOID KeInitializeMutex(PRKMUTEX mutex, ULONG) {
  *mutex = KMUTEX{};
  mutex->Header.Type = kMutant;
  mutex->Header.Size = sizeof(KMUTEX) / 4;
  mutex->Header.SignalState = 1;
  mutex->ApcDisable = 1;
  InitializeListHead(&mutex->Header.WaitListHead);
}

LONG KeReleaseMutex(PRKMUTEX mutex, BOOLEAN wait) {
  RequireIrqlAtMost(DISPATCH_LEVEL, "KeReleaseMutex");
  Released(mutex);
  RuntimeLock lock;
  if (mutex->OwnerThread != KeGetCurrentThread()) {
    BugCheckNow(static_cast<ULONG>(STATUS_MUTANT_NOT_OWNED), 0, 0, 0, 0,
                "KeReleaseMutex by a thread that does not own the mutex");
  }
  const LONG old = mutex->Header.SignalState++;
  if (mutex->Header.SignalState == 1) {
    mutex->OwnerThread = nullptr;
    SatisfyWaiters(&mutex->Header);
  }
  lock.Leave();
  if (!wait) ChoicePoint(kChoiceSignal);
  return old;
}

LONG KeReadStateMutex(PRKMUTEX mutex) {
  RuntimeLock lock;
  return mutex->Header.SignalState;
}

}  // extern "C"
