// Sessions: one for each open handle. The queue of pended requests, and the commands that they fetch.
#include "implementations/driver_shim/driver/shim.h"

namespace wskcert::shim {
namespace {

// ---- The cancel-safe queue of kNextCommand requests. An IRP in it carries its file in DriverContext[0] and
// a reference to it. Whoever takes the cancel routine out of the IRP owns it; a cancel routine that runs owns
// it itself, takes it off the list and completes it.

void OnCancelNext(PDEVICE_OBJECT, PIRP irp) {
  IoReleaseCancelSpinLock(irp->CancelIrql);
  auto* file = static_cast<OpenFile*>(irp->Tail.Overlay.DriverContext[0]);
  KIRQL irql;
  KeAcquireSpinLock(&file->lock, &irql);
  RemoveEntryList(&irp->Tail.Overlay.ListEntry);
  --file->waiting_count;
  KeReleaseSpinLock(&file->lock, irql);
  Complete(irp, STATUS_CANCELLED, 0);
  DereferenceFile(file);
}

// The lock is held.
PIRP TakeWaiting(OpenFile* file) {
  PLIST_ENTRY entry = file->waiting.Flink;
  while (entry != &file->waiting) {
    PIRP irp = CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry);
    entry = entry->Flink;
    // Being cancelled: its cancel routine waits for the lock, and will find it where it is.
    if (IoSetCancelRoutine(irp, nullptr) == nullptr) continue;
    RemoveEntryList(&irp->Tail.Overlay.ListEntry);
    --file->waiting_count;
    return irp;
  }
  return nullptr;
}

void DereferenceCommand(Command* command) {
  if (InterlockedDecrement(&command->references) == 0) HostFree(command);
}

// The lock is held.
void Unlink(OpenFile* file, Command* command) {
  if (!command->linked) return;
  RemoveEntryList(&command->link);
  command->linked = false;
  --file->command_count;
}

uint32_t BytesOf(const PeerCommand& message) {
  const Op op = static_cast<Op>(message.op);
  return op == Op::kPeerSend || op == Op::kPeerSendDatagram ? message.length : 0;
}

// Brings commands and requests together, as long as there are both.
void Feed(OpenFile* file) {
  for (;;) {
    KIRQL irql;
    KeAcquireSpinLock(&file->lock, &irql);
    PIRP irp = IsListEmpty(&file->commands) ? nullptr : TakeWaiting(file);
    if (irp == nullptr) {
      KeReleaseSpinLock(&file->lock, irql);
      return;
    }
    Command* command = CONTAINING_RECORD(file->commands.Flink, Command, link);
    const ULONG room = IoGetCurrentIrpStackLocation(irp)->Parameters.DeviceIoControl.OutputBufferLength;
    const ULONG size = static_cast<ULONG>(sizeof(PeerCommand)) + BytesOf(command->message);
    NTSTATUS status = STATUS_BUFFER_TOO_SMALL;
    if (size <= room) {
      RtlCopyMemory(irp->AssociatedIrp.SystemBuffer, &command->message, size);
      RemoveEntryList(&command->link);
      InsertTailList(&file->fetched, &command->link);
      status = STATUS_SUCCESS;
    }
    KeReleaseSpinLock(&file->lock, irql);
    Complete(irp, status, NT_SUCCESS(status) ? size : 0);
    DereferenceFile(file);
  }
}

// The command of that number that was fetched, off the list; null. The lock is held.
Command* TakeFetched(OpenFile* file, uint32_t number) {
  for (PLIST_ENTRY entry = file->fetched.Flink; entry != &file->fetched; entry = entry->Flink) {
    Command* command = CONTAINING_RECORD(entry, Command, link);
    if (command->message.number != number) continue;
    Unlink(file, command);
    return command;
  }
  return nullptr;
}

NTSTATUS OnDone(OpenFile* file, Run* run, const PeerReport& report) {
  KIRQL irql;
  KeAcquireSpinLock(&file->lock, &irql);
  Command* command = TakeFetched(file, report.number);
  const bool connected = command != nullptr && static_cast<Op>(command->message.op) == Op::kPeerConnect;
  const uint32_t peer = command != nullptr ? command->message.peer : 0;
  KeReleaseSpinLock(&file->lock, irql);
  if (command == nullptr) return STATUS_NOT_FOUND;
  if (connected && report.connects_from != 0) AddSource(run, report.connects_from, peer);
  command->done = report.value != 0;
  KeSetEvent(&command->answered, IO_NO_INCREMENT, FALSE);
  DereferenceCommand(command);
  return STATUS_SUCCESS;
}

void ReleaseOpen(OpenFile* file) {
  if (InterlockedExchange(&file->closed, 1) != 0) return;
  KIRQL irql;
  KeAcquireSpinLock(&g_shim.lock, &irql);
  RemoveEntryList(&file->link);
  --g_shim.file_count;
  KeReleaseSpinLock(&g_shim.lock, irql);
  DereferenceFile(file);
}

}  // namespace

NTSTATUS OpenSession(PIRP irp) {
  PFILE_OBJECT object = IoGetCurrentIrpStackLocation(irp)->FileObject;
  if (object == nullptr) return STATUS_INVALID_PARAMETER;
  // The device has nothing below it.
  if (object->FileName.Length != 0) return STATUS_OBJECT_NAME_NOT_FOUND;
  if (!HostMayOpen(irp)) return STATUS_ACCESS_DENIED;
  auto* file = static_cast<OpenFile*>(HostAllocate(sizeof(OpenFile)));
  if (file == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  file->references = 1;
  KeInitializeSpinLock(&file->lock);
  InitializeListHead(&file->waiting);
  InitializeListHead(&file->commands);
  InitializeListHead(&file->fetched);
  NTSTATUS status = STATUS_SUCCESS;
  KIRQL irql;
  KeAcquireSpinLock(&g_shim.lock, &irql);
  if (g_shim.state == State::kUnloading) {
    status = STATUS_DELETE_PENDING;
  } else if (g_shim.state != State::kReady) {
    status = STATUS_DEVICE_NOT_READY;
  } else if (g_shim.file_count >= kMaxSessions) {
    status = STATUS_TOO_MANY_SESSIONS;
  } else {
    InsertTailList(&g_shim.files, &file->link);
    ++g_shim.file_count;
    object->FsContext = file;
  }
  KeReleaseSpinLock(&g_shim.lock, irql);
  if (!NT_SUCCESS(status)) HostFree(file);
  return status;
}

void ReferenceFile(OpenFile* file) { InterlockedIncrement(&file->references); }

void DereferenceFile(OpenFile* file) {
  if (InterlockedDecrement(&file->references) == 0) HostFree(file);
}

void EndSession(OpenFile* file) {
  KIRQL irql;
  KeAcquireSpinLock(&file->lock, &irql);
  file->ended = 1;
  if (file->run != nullptr) StopRun(file->run);
  KeReleaseSpinLock(&file->lock, irql);
  FailCommands(file);
  for (;;) {
    KeAcquireSpinLock(&file->lock, &irql);
    PIRP irp = TakeWaiting(file);
    KeReleaseSpinLock(&file->lock, irql);
    if (irp == nullptr) return;
    Complete(irp, STATUS_CANCELLED, 0);
    DereferenceFile(file);
  }
}

void CloseSession(OpenFile* file) {
  EndSession(file);
  ReleaseOpen(file);
}

NTSTATUS NextCommand(OpenFile* file, PIRP irp) {
  KIRQL irql;
  KeAcquireSpinLock(&file->lock, &irql);
  if (file->ended != 0 || file->waiting_count >= kMaxPendedCommands) {
    const NTSTATUS status = file->ended != 0 ? STATUS_CANCELLED : STATUS_DEVICE_BUSY;
    KeReleaseSpinLock(&file->lock, irql);
    return Complete(irp, status, 0);
  }
  IoMarkIrpPending(irp);
  irp->Tail.Overlay.DriverContext[0] = file;
  // The IRP's, and ours: it may be completed, and the handle closed, before this returns.
  ReferenceFile(file);
  ReferenceFile(file);
  InsertTailList(&file->waiting, &irp->Tail.Overlay.ListEntry);
  ++file->waiting_count;
  IoSetCancelRoutine(irp, OnCancelNext);
  // Cancelled before there was a routine for it: nobody else will complete it.
  const bool cancelled = irp->Cancel && IoSetCancelRoutine(irp, nullptr) != nullptr;
  if (cancelled) {
    RemoveEntryList(&irp->Tail.Overlay.ListEntry);
    --file->waiting_count;
  }
  KeReleaseSpinLock(&file->lock, irql);
  if (cancelled) {
    Complete(irp, STATUS_CANCELLED, 0);
    DereferenceFile(file);
  } else {
    Feed(file);
  }
  DereferenceFile(file);
  return STATUS_PENDING;
}

NTSTATUS Report(OpenFile* file, PIRP irp, ULONG input_size) {
  if (input_size < sizeof(PeerReport)) return Complete(irp, STATUS_INVALID_PARAMETER, 0);
  PeerReport report;
  RtlCopyMemory(&report, irp->AssociatedIrp.SystemBuffer, sizeof(report));
  if (report.size != sizeof(report) || report.length > kMaxTransferBytes ||
      report.length > input_size - sizeof(report)) {
    return Complete(irp, STATUS_INVALID_PARAMETER, 0);
  }
  KIRQL irql;
  KeAcquireSpinLock(&file->lock, &irql);
  Run* run = file->run;
  if (run != nullptr) InterlockedIncrement(&run->references);
  KeReleaseSpinLock(&file->lock, irql);
  if (run == nullptr) return Complete(irp, STATUS_NOT_FOUND, 0);
  NTSTATUS status = STATUS_INVALID_PARAMETER;
  const auto* bytes = static_cast<const uint8_t*>(irp->AssociatedIrp.SystemBuffer) + sizeof(report);
  if (report.play != run->request.play) {
    status = STATUS_NOT_FOUND;
  } else if (report.kind == ReportKind::kDone) {
    status = OnDone(file, run, report);
  } else if (report.kind == ReportKind::kSight && report.peer < run->request.peers && report.value != 0 &&
             report.value <= static_cast<uint32_t>(PeerSight::kDatagram)) {
    PeerSaw(run->session, static_cast<PeerSight>(report.value), report.peer,
            report.length != 0 ? bytes : nullptr, report.length);
    status = STATUS_SUCCESS;
  }
  DereferenceRun(run);
  return Complete(irp, status, 0);
}

bool PerformCommand(OpenFile* file, Run* run, const Stimulus* stimulus, uint32_t milliseconds) {
  const bool sends = stimulus->op == Op::kPeerSend || stimulus->op == Op::kPeerSendDatagram;
  const uint32_t bytes = sends ? stimulus->length : 0;
  auto* command = static_cast<Command*>(HostAllocate(sizeof(Command) + bytes));
  if (command == nullptr) return false;
  command->references = 2;
  KeInitializeEvent(&command->answered, NotificationEvent, FALSE);
  PeerCommand& message = command->message;
  message.size = sizeof(message);
  message.play = run->request.play;
  message.peer = stimulus->peer;
  message.op = static_cast<uint16_t>(stimulus->op);
  message.push = stimulus->push ? 1 : 0;
  message.code = stimulus->code;
  message.length = stimulus->length;
  if (stimulus->address != nullptr)
    RtlCopyMemory(message.address, stimulus->address, sizeof(message.address));
  if (bytes != 0) RtlCopyMemory(&message + 1, stimulus->bytes, bytes);
  KIRQL irql;
  KeAcquireSpinLock(&file->lock, &irql);
  const bool queued = file->ended == 0 && run->stopped == 0 && file->command_count < kMaxCommands;
  if (queued) {
    message.number = ++file->last_number;
    InsertTailList(&file->commands, &command->link);
    command->linked = true;
    ++file->command_count;
  }
  KeReleaseSpinLock(&file->lock, irql);
  if (!queued) {
    HostFree(command);
    return false;
  }
  Feed(file);
  LARGE_INTEGER bound;
  KeWaitForSingleObject(&command->answered, Executive, KernelMode, FALSE, Within(milliseconds, &bound));
  KeAcquireSpinLock(&file->lock, &irql);
  // Still there: nobody answered.
  const bool unanswered = command->linked;
  Unlink(file, command);
  KeReleaseSpinLock(&file->lock, irql);
  if (unanswered) {
    DereferenceCommand(command);
  } else {
    // Whoever took it off sets `done` before the event.
    KeWaitForSingleObject(&command->answered, Executive, KernelMode, FALSE, nullptr);
  }
  const bool done = !unanswered && command->done;
  DereferenceCommand(command);
  return done;
}

void FailCommands(OpenFile* file) {
  for (;;) {
    Command* command = nullptr;
    KIRQL irql;
    KeAcquireSpinLock(&file->lock, &irql);
    if (!IsListEmpty(&file->commands)) {
      command = CONTAINING_RECORD(file->commands.Flink, Command, link);
    } else if (!IsListEmpty(&file->fetched)) {
      command = CONTAINING_RECORD(file->fetched.Flink, Command, link);
    }
    if (command != nullptr) Unlink(file, command);
    KeReleaseSpinLock(&file->lock, irql);
    if (command == nullptr) return;
    KeSetEvent(&command->answered, IO_NO_INCREMENT, FALSE);
    DereferenceCommand(command);
  }
}

}  // namespace wskcert::shim
