// Saboteurs of disabling WskAcceptEvent and WskReceiveFromEvent: what disable.cc and in_progress.cc do to the
// events of connections.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

// A call runs on another thread, or around the caller.
template <EventIndex kEvent>
bool Outside(const Request& request) {
  return IsDisableOf(request, kEvent) && Running(request.socket, kEvent) && !Inside(request.socket, kEvent);
}
template <EventIndex kEvent>
bool Within(const Request& request) {
  return IsDisableOf(request, kEvent) && Inside(request.socket, kEvent);
}

// ---- Nothing in progress

void CompleteKeptOnes(Socket* socket) {
  for (PVOID volatile& kept : socket->kept) {
    CompleteKept(InterlockedExchangePointer(&kept, nullptr), STATUS_SUCCESS);
  }
}

// Disables at once, and answers as if calls were in progress.
template <EventIndex kEvent>
NTSTATUS IdlePends(Request* request) {
  if (!IsDisableOf(*request, kEvent) || request->irp == nullptr || !Idle(request->socket))
    return Pass(request);
  bool held;
  const NTSTATUS status = PassHeld(request, &held);
  if (!held) return status;
  if (status != STATUS_SUCCESS) {
    IoCompleteRequest(request->irp, IO_NO_INCREMENT);
    return status;
  }
  IoMarkIrpPending(request->irp);
  CompleteKept(InterlockedExchangePointer(&request->socket->kept[kEvent], request->irp), STATUS_SUCCESS);
  if (!Later(request->socket, CompleteKeptOnes)) CompleteKeptOnes(request->socket);
  return STATUS_PENDING;
}

template <EventIndex kEvent>
NTSTATUS IdleEventPending(Request* request) {
  const bool mine = IsDisableOf(*request, kEvent) && request->irp == nullptr && Idle(request->socket);
  const NTSTATUS status = Pass(request);
  return mine && status == STATUS_SUCCESS ? STATUS_EVENT_PENDING : status;
}

// Datagrams that the client retains count as a call.
NTSTATUS RetainedEventPending(Request* request) {
  const bool mine = IsDisableOf(*request, kReceiveFromEvent) && request->irp == nullptr &&
                    request->socket->retained != 0 && !Running(request->socket);
  const NTSTATUS status = Pass(request);
  return mine && status == STATUS_SUCCESS ? STATUS_EVENT_PENDING : status;
}

// What is enabled again must have been disabled meanwhile, as far as the answer goes.
template <EventIndex kEvent>
NTSTATUS Ignore(Request* request) {
  Socket* socket = request->socket;
  if (IsEnableOf(*request, kEventBits[kEvent]) && InterlockedExchange(&socket->mark, 0) != 0) {
    SetEvents(socket, kEventBits[kEvent] | WSK_EVENT_DISABLE);
  }
  if (!IsDisableOf(*request, kEvent) || Running(socket, kEvent) || !Enabled(socket, kEvent)) {
    return Pass(request);
  }
  // Broken sockets have a rule of their own. What is enabled already may be enabled again to find that out.
  if (SetEvents(socket, kEventBits[kEvent]) == STATUS_FILE_FORCED_CLOSED) return Pass(request);
  InterlockedExchange(&socket->mark, 1);
  return Answer(request, STATUS_SUCCESS, STATUS_SUCCESS);
}

// ---- In progress

template <EventIndex kEvent>
NTSTATUS WithIrpSucceeds(Request* request) {
  const bool mine = Outside<kEvent>(*request) && request->irp != nullptr;
  const NTSTATUS status = Pass(request);
  return mine && Running(request->socket, kEvent) && status == STATUS_PENDING ? STATUS_SUCCESS : status;
}
template <EventIndex kEvent>
NTSTATUS WithoutIrpSucceeds(Request* request) {
  const bool mine = Outside<kEvent>(*request) && request->irp == nullptr;
  const NTSTATUS status = Pass(request);
  return mine && Running(request->socket, kEvent) && status == STATUS_EVENT_PENDING ? STATUS_SUCCESS : status;
}
template <EventIndex kEvent>
NTSTATUS FromInsideSucceeds(Request* request) {
  const bool mine = Within<kEvent>(*request);
  const NTSTATUS status = Pass(request);
  return mine && NT_SUCCESS(status) ? STATUS_SUCCESS : status;
}

NTSTATUS CompleteEarly(Request* request) {
  const NTSTATUS status = Forward(*request, nullptr);
  return status == STATUS_EVENT_PENDING ? Answer(request, STATUS_PENDING, STATUS_SUCCESS)
                                        : Answer(request, status, status);
}
template <EventIndex kEvent>
NTSTATUS IrpCompletesEarly(Request* request) {
  return Outside<kEvent>(*request) && request->irp != nullptr ? CompleteEarly(request) : Pass(request);
}
template <EventIndex kEvent>
NTSTATUS FromInsideIrpCompletesEarly(Request* request) {
  return Within<kEvent>(*request) && request->irp != nullptr ? CompleteEarly(request) : Pass(request);
}

// Answers as it should, and disables nothing.
template <EventIndex kEvent>
NTSTATUS EventPendingKeepsEnabled(Request* request) {
  const bool mine =
      IsDisableOf(*request, kEvent) && request->irp == nullptr && Running(request->socket, kEvent);
  return mine ? STATUS_EVENT_PENDING : Pass(request);
}

const Saboteur kSaboteurs[] = {
    {.info = {"accept-disable-ignored", "disable.success.stops-accept",
              "Disabling WskAcceptEvent returns STATUS_SUCCESS and does nothing.", "npi", false},
     .request = Ignore<kAcceptEvent>},
    {.info = {"accept-disable-idle-pends", "disable.idle.returns-success",
              "A disable of WskAcceptEvent with an IRP pends although no call is in progress.", "npi", false},
     .request = IdlePends<kAcceptEvent>},
    {.info = {"accept-disable-idle-returns-event-pending", "disable.event-pending.only-in-progress",
              "A disable of WskAcceptEvent returns STATUS_EVENT_PENDING although no call is in progress.",
              "npi", false},
     .request = IdleEventPending<kAcceptEvent>},
    {.info = {"accept-disable-in-progress-succeeds", "disable.in-progress.with-irp.returns-pending",
              "A disable of WskAcceptEvent with an IRP returns STATUS_SUCCESS while a call is in progress.",
              "npi", false},
     .request = WithIrpSucceeds<kAcceptEvent>},
    {.info = {"accept-disable-irp-completes-early", "disable.in-progress.irp-waits-for-every-call",
              "The IRP of a pended disable of WskAcceptEvent completes while a call is in progress.", "npi",
              false},
     .request = IrpCompletesEarly<kAcceptEvent>},
    {.info = {"accept-disable-without-irp-succeeds", "disable.in-progress.without-irp.returns-event-pending",
              "A disable of WskAcceptEvent without an IRP returns STATUS_SUCCESS while a call is in "
              "progress.",
              "npi", false},
     .request = WithoutIrpSucceeds<kAcceptEvent>},
    {.info = {"accept-disable-event-pending-keeps-enabled", "disable.event-pending.stops-callback",
              "A disable of WskAcceptEvent returns STATUS_EVENT_PENDING and does nothing.", "npi", false},
     .request = EventPendingKeepsEnabled<kAcceptEvent>},
    {.info = {"accept-disable-from-inside-succeeds", "disable.from-inside.pends",
              "WskAcceptEvent, disabling itself from inside, is told STATUS_SUCCESS.", "npi", false},
     .request = FromInsideSucceeds<kAcceptEvent>},
    {.info = {"accept-disable-from-inside-completes-early", "disable.from-inside.irp-waits",
              "The IRP of a disable from inside WskAcceptEvent completes before the call returned.", "npi",
              false},
     .request = FromInsideIrpCompletesEarly<kAcceptEvent>},
    {.info = {"receive-from-disable-ignored", "disable.success.stops-receive-from",
              "Disabling WskReceiveFromEvent returns STATUS_SUCCESS and does nothing.", "npi", false},
     .request = Ignore<kReceiveFromEvent>},
    {.info = {"receive-from-disable-idle-pends", "disable.idle.returns-success",
              "A disable of WskReceiveFromEvent with an IRP pends although no call is in progress.", "npi",
              false},
     .request = IdlePends<kReceiveFromEvent>},
    {.info = {"receive-from-disable-idle-returns-event-pending", "disable.event-pending.only-in-progress",
              "A disable of WskReceiveFromEvent returns STATUS_EVENT_PENDING although no call is in "
              "progress.",
              "npi", false},
     .request = IdleEventPending<kReceiveFromEvent>},
    {.info = {"receive-from-disable-in-progress-succeeds", "disable.in-progress.with-irp.returns-pending",
              "A disable of WskReceiveFromEvent with an IRP returns STATUS_SUCCESS while a call is in "
              "progress.",
              "npi", false},
     .request = WithIrpSucceeds<kReceiveFromEvent>},
    {.info = {"receive-from-disable-irp-completes-early", "disable.in-progress.irp-waits-for-every-call",
              "The IRP of a pended disable of WskReceiveFromEvent completes while a call is in progress.",
              "npi", false},
     .request = IrpCompletesEarly<kReceiveFromEvent>},
    {.info = {"receive-from-disable-without-irp-succeeds",
              "disable.in-progress.without-irp.returns-event-pending",
              "A disable of WskReceiveFromEvent without an IRP returns STATUS_SUCCESS while a call is in "
              "progress.",
              "npi", false},
     .request = WithoutIrpSucceeds<kReceiveFromEvent>},
    {.info = {"receive-from-disable-event-pending-keeps-enabled", "disable.event-pending.stops-callback",
              "A disable of WskReceiveFromEvent returns STATUS_EVENT_PENDING and does nothing.", "npi",
              false},
     .request = EventPendingKeepsEnabled<kReceiveFromEvent>},
    {.info = {"receive-from-disable-from-inside-succeeds", "disable.from-inside.pends",
              "WskReceiveFromEvent, disabling itself from inside, is told STATUS_SUCCESS.", "npi", false},
     .request = FromInsideSucceeds<kReceiveFromEvent>},
    {.info = {"receive-from-disable-from-inside-completes-early", "disable.from-inside.irp-waits",
              "The IRP of a disable from inside WskReceiveFromEvent completes before the call returned.",
              "npi", false},
     .request = FromInsideIrpCompletesEarly<kReceiveFromEvent>},
    {.info = {"receive-from-disable-counts-retained", "disable.retained-lists.do-not-count",
              "A disable of WskReceiveFromEvent returns STATUS_EVENT_PENDING when the client retains "
              "datagrams.",
              "npi", false},
     .request = RetainedEventPending},
};

}  // namespace

const Topic kDisableOthersTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
