// Saboteurs of disabling while calls are in progress.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

// A disable of an event of which a call is in progress: on another thread, or around the caller.
bool Outside(const Request& request, EventIndex* event) {
  return IsDisable(request, event) && Running(request.socket, *event) && !Inside(request.socket, *event);
}
bool Within(const Request& request, EventIndex* event) {
  return IsDisable(request, event) && Inside(request.socket, *event);
}

NTSTATUS WithIrpSucceeds(Request* request) {
  EventIndex event;
  const bool mine = Outside(*request, &event) && request->irp != nullptr;
  const NTSTATUS status = Pass(request);
  return mine && Running(request->socket, event) && status == STATUS_PENDING ? STATUS_SUCCESS : status;
}

NTSTATUS WithoutIrpSucceeds(Request* request) {
  EventIndex event;
  const bool mine = Outside(*request, &event) && request->irp == nullptr;
  const NTSTATUS status = Pass(request);
  return mine && Running(request->socket, event) && status == STATUS_EVENT_PENDING ? STATUS_SUCCESS : status;
}

NTSTATUS FromInsideSucceeds(Request* request) {
  EventIndex event;
  const bool mine = Within(*request, &event);
  const NTSTATUS status = Pass(request);
  return mine && NT_SUCCESS(status) ? STATUS_SUCCESS : status;
}

// Pends, and completes the IRP while the call still runs.
NTSTATUS CompleteEarly(Request* request) {
  const NTSTATUS status = Forward(*request, nullptr);
  return status == STATUS_EVENT_PENDING ? Answer(request, STATUS_PENDING, STATUS_SUCCESS)
                                        : Answer(request, status, status);
}
NTSTATUS IrpCompletesEarly(Request* request) {
  EventIndex event;
  return Outside(*request, &event) && request->irp != nullptr ? CompleteEarly(request) : Pass(request);
}
NTSTATUS FromInsideIrpCompletesEarly(Request* request) {
  EventIndex event;
  return Within(*request, &event) && request->irp != nullptr ? CompleteEarly(request) : Pass(request);
}

NTSTATUS IrpNeverCompletes(Request* request) {
  EventIndex event;
  if (!IsDisable(*request, &event) || !Running(request->socket, event) || request->irp == nullptr)
    return Pass(request);
  const NTSTATUS status = Forward(*request, nullptr);
  if (status != STATUS_EVENT_PENDING) return Answer(request, status, status);
  Keep(request);
  return STATUS_PENDING;
}

// Answers as it should, and disables nothing.
NTSTATUS PendedKeepsEnabled(Request* request) {
  EventIndex event;
  if (!IsDisable(*request, &event) || !Running(request->socket, event) || request->irp == nullptr ||
      request->socket->kept[event] != nullptr) {
    return Pass(request);
  }
  InterlockedExchangePointer(&request->socket->kept[event], Keep(request));
  // The call may have returned meanwhile, too early to find the IRP.
  if (!Running(request->socket, event)) {
    CompleteKept(InterlockedExchangePointer(&request->socket->kept[event], nullptr), STATUS_SUCCESS);
  }
  return STATUS_PENDING;
}
NTSTATUS EventPendingKeepsEnabled(Request* request) {
  EventIndex event;
  if (!IsDisable(*request, &event) || !Running(request->socket, event) || request->irp != nullptr)
    return Pass(request);
  return STATUS_EVENT_PENDING;
}

NTSTATUS TagPending(Request* request) {
  EventIndex event;
  if (IsDisable(*request, &event) && Running(request->socket, event)) request->tag = 1;
  return Pass(request);
}
NTSTATUS FailTagged(Completion* completion) {
  if (completion->tag != 0 && completion->irp->IoStatus.Status == STATUS_SUCCESS) {
    completion->irp->IoStatus.Status = STATUS_UNSUCCESSFUL;
  }
  return STATUS_SUCCESS;
}

NTSTATUS IdleEventPending(Request* request) {
  const bool mine = IsDisable(*request) && request->irp == nullptr && Idle(request->socket);
  const NTSTATUS status = Pass(request);
  return mine && status == STATUS_SUCCESS ? STATUS_EVENT_PENDING : status;
}

NTSTATUS WithoutIrpPends(Request* request) {
  const bool mine = IsDisable(*request) && request->irp == nullptr;
  const NTSTATUS status = Pass(request);
  return mine && NT_SUCCESS(status) ? STATUS_PENDING : status;
}

NTSTATUS WithIrpEventPending(Request* request) {
  EventIndex event;
  const bool mine = IsDisable(*request, &event) && Running(request->socket, event) && request->irp != nullptr;
  const NTSTATUS status = Pass(request);
  return mine && status == STATUS_PENDING ? STATUS_EVENT_PENDING : status;
}

NTSTATUS Refuse(Request* request) {
  EventIndex event;
  if (!Outside(*request, &event) || request->irp == nullptr || Broken(request->socket)) return Pass(request);
  return Answer(request, STATUS_INVALID_DEVICE_STATE, STATUS_INVALID_DEVICE_STATE);
}

// Waits for the very call that it is called from.
NTSTATUS FromInsideWaits(Request* request) {
  EventIndex event;
  if (Within(*request, &event) && KeGetCurrentIrql() < DISPATCH_LEVEL) {
    KeWaitForSingleObject(&request->socket->done, Executive, KernelMode, FALSE, nullptr);
  }
  return Pass(request);
}

const Saboteur kSaboteurs[] = {
    {.info = {"disable-in-progress-with-irp-succeeds", "disable.in-progress.with-irp.returns-pending",
              "A disable with an IRP returns STATUS_SUCCESS while a call is in progress.", "npi", false},
     .request = WithIrpSucceeds},
    {.info = {"disable-in-progress-refused", "disable.in-progress.with-irp.returns-pending",
              "A disable with an IRP fails with STATUS_INVALID_DEVICE_STATE while a call is in progress.",
              "npi", false},
     .request = Refuse},
    {.info = {"disable-irp-completes-early", "disable.in-progress.irp-waits-for-every-call",
              "The IRP of a pended disable completes while the call is still in progress.", "npi", false},
     .request = IrpCompletesEarly},
    {.info = {"disable-irp-never-completes", "disable.in-progress.irp-completes",
              "The IRP of a pended disable is never completed.", "npi", false},
     .request = IrpNeverCompletes},
    {.info = {"disable-pended-keeps-enabled", "disable.in-progress.irp-completed.stops-callback",
              "A pended disable completes with success and leaves the callback enabled.", "npi", false},
     .request = PendedKeepsEnabled},
    {.info = {"disable-irp-carries-failure", "disable.in-progress.irp-carries-final-status",
              "The IRP of a pended disable that took effect completes with STATUS_UNSUCCESSFUL.", "runtime",
              false},
     .request = TagPending,
     .completing = FailTagged},
    {.info = {"disable-in-progress-without-irp-succeeds",
              "disable.in-progress.without-irp.returns-event-pending",
              "A disable without an IRP returns STATUS_SUCCESS while a call is in progress.", "npi", false},
     .request = WithoutIrpSucceeds},
    {.info = {"disable-idle-returns-event-pending", "disable.event-pending.only-in-progress",
              "A disable without an IRP returns STATUS_EVENT_PENDING although no call is in progress.", "npi",
              false},
     .request = IdleEventPending},
    {.info = {"disable-without-irp-pends", "disable.without-irp.never-pending",
              "A disable without an IRP returns STATUS_PENDING.", "npi", false},
     .request = WithoutIrpPends},
    {.info = {"disable-with-irp-returns-event-pending", "disable.with-irp.never-event-pending",
              "A disable with an IRP returns STATUS_EVENT_PENDING while a call is in progress.", "npi",
              false},
     .request = WithIrpEventPending},
    {.info = {"disable-event-pending-keeps-enabled", "disable.event-pending.stops-callback",
              "A disable returns STATUS_EVENT_PENDING and leaves the callback enabled.", "npi", false},
     .request = EventPendingKeepsEnabled},
    {.info = {"disable-from-inside-succeeds", "disable.from-inside.pends",
              "A callback that disables itself from inside is told STATUS_SUCCESS.", "npi", false},
     .request = FromInsideSucceeds},
    {.info = {"disable-from-inside-hangs", "disable.from-inside.pends",
              "A callback that disables itself from inside waits there for its own return.", "npi", false},
     .request = FromInsideWaits},
    {.info = {"disable-from-inside-irp-completes-early", "disable.from-inside.irp-waits",
              "The IRP of a disable from inside the callback completes before the callback returned.", "npi",
              false},
     .request = FromInsideIrpCompletesEarly},
};

}  // namespace

const Topic kInProgressTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
