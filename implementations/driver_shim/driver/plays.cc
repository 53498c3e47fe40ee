// Plays: the threads of one, its end, and what becomes of its memory.
#include "conformance/executor/program_check.h"
#include "implementations/driver_shim/driver/shim.h"

namespace wskcert::shim {
namespace {

// How long after its deadline a play may take to notice that it was stopped, how long what is being recorded
// may take, and how long a callback or completion routine may still run after everything was closed.
constexpr uint32_t kGrace = 2000;
constexpr uint32_t kStep = 2;
constexpr uint32_t kSteps = 100;

constexpr SIZE_T Align(SIZE_T size) { return (size + 15) & ~static_cast<SIZE_T>(15); }

bool InRange(uint32_t milliseconds) { return milliseconds >= 1 && milliseconds <= kMaxWait; }

// What can be said before anything behind the request is looked at.
bool IsRequest(const PlayRequest& request, ULONG input_size) {
  if (request.size != sizeof(request) || request.peers > kMaxPeers ||
      request.program_size > kMaxProgramBytes) {
    return false;
  }
  const ULONG peers_end = static_cast<ULONG>(sizeof(request) + request.peers * sizeof(PeerEntry));
  if (request.program_offset < peers_end || request.program_offset % 8 != 0) return false;
  if (request.program_offset > input_size || request.program_size > input_size - request.program_offset) {
    return false;
  }
  for (const uint16_t reserved : request.reserved) {
    if (reserved != 0) return false;
  }
  return InRange(request.quiet_ms) && InRange(request.patience_ms) && InRange(request.settle_ms) &&
         InRange(request.hold_ms) && InRange(request.command_ms) && InRange(request.deadline_ms) &&
         (request.absent & ~kAbsentQueryCharacteristics) == 0;
}

bool IsProgram(const uint8_t* program, uint32_t size, const PlayRequest& request) {
  if (ValidateProgram(program, size).fault != ProgramFault::kNone) return false;
  return reinterpret_cast<const ProgramHeader*>(program)->peers <= request.peers;
}

void FreeRun(Run* run) {
  if (run->log != nullptr) HostFree(run->log);
  HostFree(run);
}

// The run with everything that lies in its block, and its log; null: *status says why not.
Run* MakeRun(const PlayRequest& request, const uint8_t* input, uint32_t log_capacity, NTSTATUS* status) {
  // The program has to lie in memory that nobody else writes before it is believed.
  const SIZE_T peers_at = Align(sizeof(Run));
  const SIZE_T sources_at = peers_at + Align(request.peers * sizeof(PeerEntry));
  const SIZE_T program_at = sources_at + Align(kMaxSources * sizeof(Source));
  const SIZE_T program_end = program_at + Align(request.program_size);
  const uint8_t* given = input + request.program_offset;
  *status = STATUS_INVALID_PARAMETER;
  // Checked where it came, for its size of memory, and once more where it will be played.
  if (!IsProgram(given, request.program_size, request)) return nullptr;
  const SIZE_T session_bytes = SessionBytes(given);
  *status = STATUS_INSUFFICIENT_RESOURCES;
  auto* block = static_cast<uint8_t*>(HostAllocate(program_end + session_bytes));
  if (block == nullptr) return nullptr;
  auto* run = reinterpret_cast<Run*>(block);
  run->bytes = program_end + session_bytes;
  run->request = request;
  run->peers = reinterpret_cast<const PeerEntry*>(block + peers_at);
  run->sources = reinterpret_cast<Source*>(block + sources_at);
  RtlCopyMemory(block + peers_at, input + sizeof(request), request.peers * sizeof(PeerEntry));
  RtlCopyMemory(block + program_at, given, request.program_size);
  run->log_capacity = log_capacity;
  run->log = static_cast<Observation*>(HostAllocate(log_capacity * sizeof(Observation)));
  if (run->log != nullptr) {
    SetUpEnvironment(run);
    if (IsProgram(block + program_at, request.program_size, request)) {
      run->session = CreateSession(block + program_end, session_bytes, block + program_at, run->log,
                                   log_capacity, &run->environment);
    }
  }
  if (run->session == nullptr) {
    FreeRun(run);
    return nullptr;
  }
  run->references = 1;
  KeInitializeEvent(&run->go, NotificationEvent, FALSE);
  KeInitializeEvent(&run->stop, NotificationEvent, FALSE);
  KeInitializeEvent(&run->cancel_over, NotificationEvent, FALSE);
  KeInitializeEvent(&run->played, NotificationEvent, FALSE);
  return run;
}

// A thread, with a reference to its object, so that it can be joined.
NTSTATUS StartThread(PKSTART_ROUTINE routine, Run* run, PVOID* object) {
  HANDLE handle;
  NTSTATUS status = PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, nullptr, nullptr, nullptr, routine, run);
  if (!NT_SUCCESS(status)) return status;
  // It runs already, so there is no way back: without its object it will not be joined.
  if (!NT_SUCCESS(
          ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, nullptr, KernelMode, object, nullptr))) {
    *object = nullptr;
  }
  ZwClose(handle);
  return STATUS_SUCCESS;
}

void Join(PVOID object) {
  if (object == nullptr) return;
  KeWaitForSingleObject(object, Executive, KernelMode, FALSE, nullptr);
  ObDereferenceObject(object);
}

bool WaitFor(PKEVENT event, uint32_t milliseconds) {
  LARGE_INTEGER bound;
  return KeWaitForSingleObject(event, Executive, KernelMode, FALSE, Within(milliseconds, &bound)) ==
         STATUS_SUCCESS;
}

void Sleep() {
  LARGE_INTEGER time = After(kStep);
  KeDelayExecutionThread(KernelMode, FALSE, &time);
}

// Ends the log, if nobody has.
void Seal(Run* run) {
  if (InterlockedCompareExchange(&run->sealed, 1, 0) != 0) return;
  run->log_flags = LogOverflowed(run->session) ? kLogOverflow : 0;
  run->log_count = SealLog(run->session);
}

VOID Player(PVOID context) {
  auto* run = static_cast<Run*>(context);
  // The thread that calls Play is number 0.
  run->threads[0] = PsGetCurrentThreadId();
  Play(run->session);
  Seal(run);
  // What the program's end left open, or could not close then. What was waited for in vain before that may
  // come back with it.
  if (run->stopped != 0 || WhatIsKept(run->session).sockets != 0) run->waited_for = 0;
  Sweep(run->session);
  KeSetEvent(&run->played, IO_NO_INCREMENT, FALSE);
  PsTerminateSystemThread(STATUS_SUCCESS);
}

void OnCancelPlay(PDEVICE_OBJECT, PIRP irp) {
  IoReleaseCancelSpinLock(irp->CancelIrql);
  auto* run = static_cast<Run*>(irp->Tail.Overlay.DriverContext[0]);
  StopRun(run);
  // From here on the watcher may complete the IRP.
  KeSetEvent(&run->cancel_over, IO_NO_INCREMENT, FALSE);
  DereferenceRun(run);
}

void MakeCancelable(Run* run, PIRP irp) {
  irp->Tail.Overlay.DriverContext[0] = run;
  InterlockedIncrement(&run->references);
  IoSetCancelRoutine(irp, OnCancelPlay);
  if (!irp->Cancel || IoSetCancelRoutine(irp, nullptr) == nullptr) return;
  StopRun(run);
  KeSetEvent(&run->cancel_over, IO_NO_INCREMENT, FALSE);
  DereferenceRun(run);
}

// Takes the IRP back from its cancel routine.
void MakeUncancelable(Run* run) {
  if (IoSetCancelRoutine(run->irp, nullptr) != nullptr) {
    DereferenceRun(run);
  } else {
    KeWaitForSingleObject(&run->cancel_over, Executive, KernelMode, FALSE, nullptr);
  }
}

bool NothingKept(const Kept& kept) {
  return kept.irps == 0 && kept.sockets == 0 && kept.registrations == 0 && kept.calls == 0;
}

// Callbacks and completion routines may still be on their way out.
Kept KeptAtLast(const Run* run) {
  Kept kept = WhatIsKept(run->session);
  for (uint32_t i = 0; i < kSteps && kept.calls != 0; ++i) {
    Sleep();
    kept = WhatIsKept(run->session);
  }
  return kept;
}

Observation EndOf(const Run* run, bool ended) {
  Observation end = {};
  end.kind = static_cast<uint8_t>(Seen::kEnd);
  const Ending ending = (run->log_flags & kLogOverflow) != 0 ? Ending::kOverflow
                        : ended                              ? Ending::kFinished
                                                             : Ending::kTimedOut;
  end.code = static_cast<uint8_t>(ending);
  end.socket = end.irp = end.peer = end.target = kNoSlot;
  end.begin = end.enclosing = end.step = kNoIndex;
  end.ready = 1;
  return end;
}

// Records that were reserved and never filled stay zero: kNothing.
ULONG WriteReply(Run* run, uint8_t* output, bool ended, const Kept& kept) {
  PlayReply reply = {};
  reply.size = sizeof(reply);
  reply.play = run->request.play;
  reply.count = run->log_count + 1;
  reply.flags = run->log_flags;
  reply.capabilities = run->request.capabilities;
  reply.kept_irps = kept.irps;
  reply.kept_sockets = kept.sockets;
  reply.kept_registrations = kept.registrations;
  reply.stuck = ended ? 0 : 1;
  RtlCopyMemory(output, &reply, sizeof(reply));
  auto* records = output + sizeof(reply);
  for (uint32_t i = 0; i < run->log_count; ++i) {
    const Observation* record = &run->log[i];
    const bool ready = __atomic_load_n(&record->ready, __ATOMIC_ACQUIRE) != 0;
    if (ready) {
      RtlCopyMemory(records + i * sizeof(Observation), record, sizeof(Observation));
    } else {
      RtlZeroMemory(records + i * sizeof(Observation), sizeof(Observation));
    }
  }
  const Observation end = EndOf(run, ended);
  RtlCopyMemory(records + run->log_count * sizeof(Observation), &end, sizeof(end));
  return static_cast<ULONG>(sizeof(reply) + reply.count * sizeof(Observation));
}

// What a provider may still touch is never freed. The driver stays with it: it is not unloaded any more, and
// takes no new sessions.
void Quarantine(Run* run, bool ended, const Kept& kept) {
  AbandonSession(run->session);
  KIRQL irql;
  KeAcquireSpinLock(&g_shim.lock, &irql);
  RemoveEntryList(&run->link);
  InsertTailList(&g_shim.quarantine, &run->link);
  --g_shim.run_count;
  ++g_shim.quarantined;
  g_shim.quarantined_bytes += run->bytes;
  g_shim.orphaned_irps += kept.irps;
  if (!ended) ++g_shim.stuck_threads;
  if (g_shim.state == State::kReady) {
    g_shim.state = State::kQuarantined;
    g_shim.driver->DriverUnload = nullptr;
  }
  KeReleaseSpinLock(&g_shim.lock, irql);
}

// `status` is a failure if nothing was played.
void Finish(Run* run, bool ended, NTSTATUS status) {
  Seal(run);
  for (uint32_t i = 0; i < kSteps && !LogComplete(run->session, run->log_count); ++i) Sleep();
  const bool written = LogComplete(run->session, run->log_count);
  const Kept kept = KeptAtLast(run);
  ULONG size = 0;
  if (NT_SUCCESS(status)) {
    size = WriteReply(run, static_cast<uint8_t*>(run->irp->AssociatedIrp.SystemBuffer), ended, kept);
  }
  OpenFile* file = run->file;
  KIRQL irql;
  KeAcquireSpinLock(&file->lock, &irql);
  file->run = nullptr;
  KeReleaseSpinLock(&file->lock, irql);
  FailCommands(file);
  MakeUncancelable(run);
  PIRP irp = run->irp;
  run->irp = nullptr;
  const bool clean = ended && NothingKept(kept);
  if (clean) {
    Join(run->player);
    run->player = nullptr;
    KeAcquireSpinLock(&g_shim.lock, &irql);
    RemoveEntryList(&run->link);
    InsertTailList(&g_shim.over, &run->link);
    --g_shim.run_count;
    KeReleaseSpinLock(&g_shim.lock, irql);
  } else {
    if (written) {
      // Nobody writes to a log that is sealed and filled.
      HostFree(run->log);
      run->log = nullptr;
    }
    Quarantine(run, ended, kept);
  }
  // The run may be freed from here on, once this thread has ended.
  Complete(irp, status, size);
  DereferenceFile(file);
}

VOID Watcher(PVOID context) {
  auto* run = static_cast<Run*>(context);
  KeWaitForSingleObject(&run->go, Executive, KernelMode, FALSE, nullptr);
  bool ended = true;
  const NTSTATUS status = StartThread(Player, run, &run->player);
  if (NT_SUCCESS(status)) {
    PVOID events[2] = {&run->played, &run->stop};
    LARGE_INTEGER deadline;
    ended = KeWaitForMultipleObjects(2, events, WaitAny, Executive, KernelMode, FALSE,
                                     Within(run->request.deadline_ms, &deadline), nullptr) == STATUS_WAIT_0;
    if (!ended) {
      StopRun(run);
      FailCommands(run->file);
      ended = WaitFor(&run->played, kGrace);
      // It may wait, in WskDeregister, for what its own program never gives back.
      if (!ended) {
        Seal(run);
        GiveBack(run->session);
        ended = WaitFor(&run->played, kGrace);
      }
    }
  }
  Finish(run, ended, status);
  PsTerminateSystemThread(STATUS_SUCCESS);
}

// Enters the run into the lists, unless there are too many.
NTSTATUS Admit(OpenFile* file, Run* run) {
  KIRQL irql;
  KeAcquireSpinLock(&g_shim.lock, &irql);
  NTSTATUS status = STATUS_SUCCESS;
  if (g_shim.state == State::kUnloading) {
    status = STATUS_DELETE_PENDING;
  } else if (g_shim.run_count + g_shim.stuck_threads >= kMaxPlays) {
    status = STATUS_DEVICE_BUSY;
  } else if (g_shim.quarantined >= kMaxQuarantined || g_shim.quarantined_bytes >= kMaxQuarantinedBytes) {
    status = STATUS_DEVICE_NOT_READY;
  } else {
    InsertTailList(&g_shim.runs, &run->link);
    ++g_shim.run_count;
  }
  KeReleaseSpinLock(&g_shim.lock, irql);
  if (!NT_SUCCESS(status)) return status;
  KeAcquireSpinLock(&file->lock, &irql);
  if (file->ended != 0) {
    status = STATUS_CANCELLED;
  } else if (file->run != nullptr) {
    status = STATUS_DEVICE_BUSY;
  } else {
    file->run = run;
  }
  KeReleaseSpinLock(&file->lock, irql);
  if (NT_SUCCESS(status)) return status;
  KeAcquireSpinLock(&g_shim.lock, &irql);
  RemoveEntryList(&run->link);
  --g_shim.run_count;
  KeReleaseSpinLock(&g_shim.lock, irql);
  return status;
}

// Takes a run back that was admitted and has no thread.
void Withdraw(OpenFile* file, Run* run) {
  KIRQL irql;
  KeAcquireSpinLock(&file->lock, &irql);
  file->run = nullptr;
  KeReleaseSpinLock(&file->lock, irql);
  KeAcquireSpinLock(&g_shim.lock, &irql);
  RemoveEntryList(&run->link);
  --g_shim.run_count;
  KeReleaseSpinLock(&g_shim.lock, irql);
}

}  // namespace

NTSTATUS StartPlay(OpenFile* file, PIRP irp, ULONG input_size, ULONG output_size) {
  PlayRequest request;
  if (input_size < sizeof(request)) return Complete(irp, STATUS_INVALID_PARAMETER, 0);
  const auto* input = static_cast<const uint8_t*>(irp->AssociatedIrp.SystemBuffer);
  RtlCopyMemory(&request, input, sizeof(request));
  if (!IsRequest(request, input_size)) return Complete(irp, STATUS_INVALID_PARAMETER, 0);
  // Room for one observation and the end.
  if (output_size < sizeof(PlayReply) + 2 * sizeof(Observation)) {
    return Complete(irp, STATUS_BUFFER_TOO_SMALL, 0);
  }
  const auto room = static_cast<uint32_t>((output_size - sizeof(PlayReply)) / sizeof(Observation));
  NTSTATUS status;
  Run* run = MakeRun(request, input, (room < kMaxLogCapacity ? room : kMaxLogCapacity) - 1, &status);
  if (run == nullptr) return Complete(irp, status, 0);
  run->irp = irp;
  run->file = file;
  ReferenceFile(file);
  status = Admit(file, run);
  if (NT_SUCCESS(status)) {
    status = StartThread(Watcher, run, &run->watcher);
    if (!NT_SUCCESS(status)) Withdraw(file, run);
  }
  if (!NT_SUCCESS(status)) {
    DereferenceFile(file);
    DereferenceRun(run);
    return Complete(irp, status, 0);
  }
  IoMarkIrpPending(irp);
  MakeCancelable(run, irp);
  KeSetEvent(&run->go, IO_NO_INCREMENT, FALSE);
  return STATUS_PENDING;
}

void StopRun(Run* run) {
  InterlockedExchange(&run->stopped, 1);
  KeSetEvent(&run->stop, IO_NO_INCREMENT, FALSE);
}

void DereferenceRun(Run* run) {
  if (InterlockedDecrement(&run->references) == 0) FreeRun(run);
}

void Reap(bool wait) {
  for (;;) {
    Run* run = nullptr;
    KIRQL irql;
    KeAcquireSpinLock(&g_shim.lock, &irql);
    if (!IsListEmpty(&g_shim.over)) {
      run = CONTAINING_RECORD(RemoveHeadList(&g_shim.over), Run, link);
    }
    const bool going_on = !IsListEmpty(&g_shim.runs);
    KeReleaseSpinLock(&g_shim.lock, irql);
    if (run != nullptr) {
      // Its watcher has nothing left to do but to end.
      Join(run->watcher);
      DereferenceRun(run);
    } else if (wait && going_on) {
      Sleep();
    } else {
      return;
    }
  }
}

void WaitForQuarantine() {
  for (;;) {
    Run* run = nullptr;
    KIRQL irql;
    KeAcquireSpinLock(&g_shim.lock, &irql);
    if (!IsListEmpty(&g_shim.quarantine)) run = CONTAINING_RECORD(g_shim.quarantine.Flink, Run, link);
    KeReleaseSpinLock(&g_shim.lock, irql);
    if (run == nullptr) return;
    // Only unload comes here, and nothing else is left that would change the list.
    Join(run->watcher);
    Join(run->player);
    Kept kept = WhatIsKept(run->session);
    while (!NothingKept(kept)) {
      Sleep();
      Sweep(run->session);
      kept = WhatIsKept(run->session);
    }
    RemoveEntryList(&run->link);
    DereferenceRun(run);
  }
}

}  // namespace wskcert::shim
