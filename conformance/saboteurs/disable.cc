// Saboteurs of disabling while nothing is in progress.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

void CompleteKeptOnes(Socket* socket) {
  for (PVOID volatile& kept : socket->kept) {
    CompleteKept(InterlockedExchangePointer(&kept, nullptr), STATUS_SUCCESS);
  }
}

// Passes a disable with an IRP. True: it took effect at once, and the IRP, finished, is here.
bool TookEffect(Request* request, NTSTATUS* status) {
  bool held;
  *status = PassHeld(request, &held);
  if (!held) return false;
  if (*status == STATUS_SUCCESS) return true;
  IoCompleteRequest(request->irp, IO_NO_INCREMENT);
  return false;
}

// Disables at once, but answers as if calls were in progress; a worker completes the IRP.
NTSTATUS PendThoughIdle(Request* request, EventIndex event) {
  NTSTATUS status;
  if (request->irp == nullptr) {
    status = Pass(request);
    return status == STATUS_SUCCESS ? STATUS_EVENT_PENDING : status;
  }
  if (!TookEffect(request, &status)) return status;
  IoMarkIrpPending(request->irp);
  CompleteKept(InterlockedExchangePointer(&request->socket->kept[event], request->irp), STATUS_SUCCESS);
  if (!Later(request->socket, CompleteKeptOnes)) CompleteKeptOnes(request->socket);
  return STATUS_PENDING;
}

NTSTATUS IdlePends(Request* request) {
  EventIndex event;
  if (!IsDisable(*request, &event) || request->irp == nullptr || !Idle(request->socket)) return Pass(request);
  return PendThoughIdle(request, event);
}

NTSTATUS SuspendedPends(Request* request) {
  EventIndex event;
  const Socket* socket = request->socket;
  if (!IsDisable(*request, &event) || event != kReceiveEvent || socket->suspended == 0 ||
      socket->retained != 0 || Running(socket) || RunningElsewhere(socket, event)) {
    return Pass(request);
  }
  return PendThoughIdle(request, event);
}

NTSTATUS RetainedPends(Request* request) {
  EventIndex event;
  const Socket* socket = request->socket;
  if (!IsDisable(*request, &event) || event != kReceiveEvent || socket->retained == 0 || Running(socket) ||
      RunningElsewhere(socket, event)) {
    return Pass(request);
  }
  return PendThoughIdle(request, event);
}

NTSTATUS OtherEventPends(Request* request) {
  EventIndex event;
  const Socket* socket = request->socket;
  if (!IsDisable(*request, &event) || Running(socket, event) || !Running(socket)) return Pass(request);
  return PendThoughIdle(request, event);
}

NTSTATUS OtherSocketPends(Request* request) {
  EventIndex event;
  const Socket* socket = request->socket;
  if (!IsDisable(*request, &event) || Running(socket) || !RunningElsewhere(socket, event))
    return Pass(request);
  return PendThoughIdle(request, event);
}

NTSTATUS SuccessIrpFails(Request* request) {
  if (!IsDisable(*request) || request->irp == nullptr || !Idle(request->socket)) return Pass(request);
  NTSTATUS status;
  if (!TookEffect(request, &status)) return status;
  CompleteKept(request->irp, STATUS_UNSUCCESSFUL);
  return status;
}

NTSTATUS SuccessIrpNeverCompletes(Request* request) {
  if (!IsDisable(*request) || request->irp == nullptr || !Idle(request->socket)) return Pass(request);
  NTSTATUS status;
  TookEffect(request, &status);
  return status;
}

// What is enabled again must have been disabled meanwhile, as far as the answer goes. Which lies in the mark.
NTSTATUS PassEnable(Request* request) {
  const LONG ignored = InterlockedAnd(&request->socket->mark, ~static_cast<LONG>(request->mask));
  for (ULONG bit : kEventBits) {
    if ((static_cast<ULONG>(ignored) & request->mask & bit) != 0)
      SetEvents(request->socket, bit | WSK_EVENT_DISABLE);
  }
  return Pass(request);
}

NTSTATUS Ignore(Request* request, bool receive) {
  EventIndex event;
  if (IsEnable(*request)) return PassEnable(request);
  if (!IsDisable(*request, &event) || Running(request->socket, event) ||
      (event == kReceiveEvent) != receive || Broken(request->socket)) {
    return Pass(request);
  }
  InterlockedOr(&request->socket->mark, static_cast<LONG>(kEventBits[event]));
  return Answer(request, STATUS_SUCCESS, STATUS_SUCCESS);
}
NTSTATUS IgnoreDisconnect(Request* request) { return Ignore(request, false); }
NTSTATUS IgnoreReceive(Request* request) { return Ignore(request, true); }

// One more call comes through before the disable takes effect.
NTSTATUS DelayReceiveDisable(Request* request) {
  EventIndex event;
  if (IsEnable(*request)) return PassEnable(request);
  if (!IsDisable(*request, &event) || event != kReceiveEvent || Running(request->socket, event) ||
      !Enabled(request->socket, kReceiveEvent) || Broken(request->socket)) {
    return Pass(request);
  }
  InterlockedExchange(&request->socket->mark, static_cast<LONG>(WSK_EVENT_RECEIVE));
  return Answer(request, STATUS_SUCCESS, STATUS_SUCCESS);
}
NTSTATUS DisableAfterReceive(ReceiveCall* call) {
  const NTSTATUS status = CallReceive(*call);
  if (InterlockedExchange(&call->socket->mark, 0) != 0) {
    SetEvents(call->socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE);
  }
  return status;
}

void DisableOn(Socket* other, ULONG mask) {
  for (ULONG bit : kEventBits) {
    if ((static_cast<ULONG>(other->enabled) & mask & bit) != 0) SetEvents(other, bit | WSK_EVENT_DISABLE);
  }
}

NTSTATUS DisableOthersToo(Request* request) {
  const NTSTATUS status = Pass(request);
  if (IsDisable(*request) && NT_SUCCESS(status)) DisableOn(request->socket, kAllEvents & ~request->mask);
  return status;
}

NTSTATUS DisableEverySocket(Request* request) {
  const NTSTATUS status = Pass(request);
  if (IsDisable(*request) && NT_SUCCESS(status)) ForEachOther(request->socket, DisableOn, request->mask);
  return status;
}

// Which static events a socket no longer calls lies in its mark.
NTSTATUS NoteStatic(Request* request) {
  const NTSTATUS status = Pass(request);
  if (IsDisable(*request) || IsDisableOf(*request, kReceiveFromEvent)) {
    InterlockedOr(&request->socket->mark,
                  static_cast<LONG>(request->events & request->socket->owner->static_events));
  }
  return status;
}
NTSTATUS UnlessMutedReceiveFrom(ReceiveFromCall* call) {
  return (call->socket->mark & WSK_EVENT_RECEIVE_FROM) != 0 ? STATUS_SUCCESS : CallReceiveFrom(*call);
}
NTSTATUS FailedIrpSucceeds(Request* request) {
  if (request->function != Function::kDisable || request->irp == nullptr) return Pass(request);
  bool held;
  const NTSTATUS status = PassHeld(request, &held);
  if (!held) return status;
  if (!NT_SUCCESS(status) && status != STATUS_FILE_FORCED_CLOSED)
    request->irp->IoStatus.Status = STATUS_SUCCESS;
  IoCompleteRequest(request->irp, IO_NO_INCREMENT);
  return status;
}

// Ends queued IRPs of a function when the callback that competes with it is disabled.
template <Function kFunction, EventIndex kEvent>
NTSTATUS EndQueued(Request* request) {
  Socket* socket = request->socket;
  if (request->function == kFunction && request->irp != nullptr) {
    for (PVOID volatile& slot : socket->queued) {
      if (InterlockedCompareExchangePointer(&slot, request->irp, nullptr) == nullptr) break;
    }
    return Pass(request);
  }
  const NTSTATUS status = Pass(request);
  if (IsDisableOf(*request, kEvent) && NT_SUCCESS(status)) {
    for (PVOID volatile& slot : socket->queued) {
      if (PVOID irp = slot) IoCancelIrp(static_cast<PIRP>(irp));
    }
  }
  return status;
}
NTSTATUS ForgetQueued(Completion* completion) {
  for (PVOID volatile& slot : completion->socket->queued) {
    InterlockedCompareExchangePointer(&slot, nullptr, completion->irp);
  }
  return STATUS_SUCCESS;
}

// A disable of several events succeeds and disables each.
NTSTATUS SeveralSucceed(Request* request) {
  const bool several = (request->mask & (request->mask - 1)) != 0;
  if (request->function != Function::kDisable || !several) return Pass(request);
  DisableOn(request->socket, request->mask);
  return Answer(request, STATUS_SUCCESS, STATUS_SUCCESS);
}

const Saboteur kSaboteurs[] = {
    {.info = {"disable-idle-pends", "disable.idle.returns-success",
              "A disable with an IRP returns STATUS_PENDING although no call is in progress.", "npi", false},
     .request = IdlePends},
    {.info = {"disable-success-irp-fails", "disable.idle.completes-irp",
              "A disable returns STATUS_SUCCESS and its IRP completes with STATUS_UNSUCCESSFUL.", "npi",
              false},
     .request = SuccessIrpFails},
    {.info = {"disable-success-irp-never-completes", "disable.idle.completes-irp",
              "A disable returns STATUS_SUCCESS and its IRP is never completed.", "npi", false},
     .request = SuccessIrpNeverCompletes},
    {.info = {"disable-ignored", "disable.success.stops-callback",
              "Disabling WskDisconnectEvent or WskSendBacklogEvent returns STATUS_SUCCESS and does nothing.",
              "npi", false},
     .request = IgnoreDisconnect},
    {.info = {"disable-receive-ignored", "disable.success.stops-receive",
              "Disabling WskReceiveEvent returns STATUS_SUCCESS and does nothing.", "npi", false},
     .request = IgnoreReceive},
    {.info = {"disable-lets-one-receive-pass", "disable.success.stops-receive",
              "Disabling WskReceiveEvent returns STATUS_SUCCESS and takes effect after one more call.", "npi",
              false},
     .request = DelayReceiveDisable,
     .receive = DisableAfterReceive},
    {.info = {"disable-clears-other-events", "disable.one.leaves-others",
              "Disabling one event disables all events of the socket.", "npi", false},
     .request = DisableOthersToo},
    {.info = {"disable-affects-other-sockets", "disable.socket.leaves-other-sockets",
              "Disabling an event on one socket disables it on all.", "npi", false},
     .request = DisableEverySocket},
    {.info = {"disable-stops-static-callback", "disable.static.stays-enabled",
              "A disable stops the calls of a statically enabled callback.", "npi", false},
     .request = NoteStatic,
     .receive = UnlessMutedReceive,
     .disconnect = UnlessMutedDisconnect,
     .backlog = UnlessMutedBacklog,
     .receive_from = UnlessMutedReceiveFrom},
    {.info = {"disable-failed-irp-succeeds", "disable.failed.irp-fails",
              "The IRP of a disable that returned an error completes with STATUS_SUCCESS.", "runtime", false},
     .request = FailedIrpSucceeds},
    {.info = {"disable-ends-queued-receives", "disable.leaves-queued-receives",
              "Disabling WskReceiveEvent cancels the queued receives.", "npi", false},
     .request = EndQueued<Function::kReceive, kReceiveEvent>,
     .completing = ForgetQueued},
    {.info = {"disable-ends-queued-accepts", "disable.leaves-queued-receives",
              "Disabling WskAcceptEvent cancels the queued WskAccept requests.", "npi", false},
     .request = EndQueued<Function::kAccept, kAcceptEvent>,
     .completing = ForgetQueued},
    {.info = {"disable-ends-queued-receive-froms", "disable.leaves-queued-receives",
              "Disabling WskReceiveFromEvent cancels the queued WskReceiveFrom requests.", "npi", false},
     .request = EndQueued<Function::kReceiveFrom, kReceiveFromEvent>,
     .completing = ForgetQueued},
    {.info = {"disable-suspended-pends", "disable.suspended.returns-success",
              "A disable of WskReceiveEvent pends when the callback is suspended by a refusal.", "npi",
              false},
     .request = SuspendedPends},
    {.info = {"disable-counts-retained-lists", "disable.retained-lists.do-not-count",
              "A disable of WskReceiveEvent pends when the client retains data.", "npi", false},
     .request = RetainedPends},
    {.info = {"disable-counts-other-events", "disable.in-progress.counts-only-that-callback",
              "A disable pends when a call of another callback of the socket is in progress.", "npi", false},
     .request = OtherEventPends},
    {.info = {"disable-counts-other-sockets", "disable.in-progress.counts-only-that-socket",
              "A disable pends when the same callback is in progress for another socket.", "npi", false},
     .request = OtherSocketPends},
    {.info = {"disable-several-succeeds", "disable.several.fails",
              "A disable of several events at once succeeds.", "npi", false},
     .request = SeveralSucceed},
};

}  // namespace

const Topic kDisableTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
