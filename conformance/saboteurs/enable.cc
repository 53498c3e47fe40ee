// Saboteurs of enabling.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

ULONG EventsOf(const Socket* socket) {
  ULONG mask = 0;
  for (UCHAR i = 0; i < kEventCount; ++i) {
    if (Has(socket, static_cast<EventIndex>(i))) mask |= kEventBits[i];
  }
  return mask;
}

NTSTATUS EnableAllOnEnable(Request* request) {
  const NTSTATUS status = Pass(request);
  // A callback inside may have closed it.
  const bool open = request->socket->closing == 0;
  if (open && IsEnable(*request) && NT_SUCCESS(status)) SetEvents(request->socket, EventsOf(request->socket));
  return status;
}

NTSTATUS EnableOnConnect(Completion* completion) {
  const Function function = completion->function;
  if ((function == Function::kConnect || function == Function::kConnectEx ||
       function == Function::kSocketConnect) &&
      NT_SUCCESS(completion->irp->IoStatus.Status) && completion->socket->left == 0) {
    const ULONG mask = EventsOf(completion->socket);
    if (mask != 0 && NT_SUCCESS(SetEvents(completion->socket, mask))) {
      InterlockedExchange(&completion->socket->mark, static_cast<LONG>(mask));
    }
  }
  return STATUS_SUCCESS;
}

// A request that fails has its effect all the same; before the connection that waits in the socket's mark.
NTSTATUS EnableThoughFailed(Request* request) {
  const NTSTATUS status = Pass(request);
  Socket* socket = request->socket;
  if (request->function != Function::kEnable || !NT_ERROR(status) ||
      socket->category != WSK_FLAG_CONNECTION_SOCKET) {
    return status;
  }
  const auto* events = static_cast<const WSK_EVENT_CALLBACK_CONTROL*>(request->control->input);
  const ULONG mask = events->EventMask & EventsOf(socket);
  if (socket->connected == 0) {
    InterlockedOr(&socket->mark, static_cast<LONG>(mask));
  } else if (mask != 0) {
    SetEvents(socket, mask);
  }
  return status;
}
NTSTATUS EnableFailedOnConnect(Completion* completion) {
  const bool connect =
      completion->function == Function::kConnect || completion->function == Function::kConnectEx;
  if (!connect || !NT_SUCCESS(completion->irp->IoStatus.Status)) return STATUS_SUCCESS;
  const ULONG mask = static_cast<ULONG>(InterlockedExchange(&completion->socket->mark, 0));
  if (mask != 0) SetEvents(completion->socket, mask);
  return STATUS_SUCCESS;
}

// Until the client asks for events for the first time: then it gets what it asks for.
NTSTATUS ForgetOnEnable(Request* request) {
  if (request->function == Function::kEnable) {
    InterlockedExchange64(&request->socket->left, 1);
    const LONG mask = InterlockedExchange(&request->socket->mark, 0);
    for (ULONG bit : kEventBits) {
      if ((static_cast<ULONG>(mask) & bit) != 0) SetEvents(request->socket, bit | WSK_EVENT_DISABLE);
    }
  }
  return Pass(request);
}

NTSTATUS FailEnable(Request* request) {
  const Socket* socket = request->socket;
  // Sockets that were connected from the beginning have rules of their own.
  if (!IsEnable(*request) || request->irp != nullptr || socket->connected == 0 ||
      socket->created != Function::kSocket || Broken(request->socket)) {
    return Pass(request);
  }
  return STATUS_INVALID_PARAMETER;
}

NTSTATUS EnableEventPending(Request* request) {
  const NTSTATUS status = Pass(request);
  return IsEnable(*request) && status == STATUS_SUCCESS ? STATUS_EVENT_PENDING : status;
}

NTSTATUS EnableWithoutIrpPends(Request* request) {
  const NTSTATUS status = Pass(request);
  return IsEnable(*request) && request->irp == nullptr && status == STATUS_SUCCESS ? STATUS_PENDING : status;
}

// The others wait in the socket's mark until something is disabled, so that their absence is never that
// request's doing.
void EnableRest(Socket* socket, ULONG) {
  const ULONG rest = static_cast<ULONG>(InterlockedExchange(&socket->mark, 0));
  if (rest != 0) SetEvents(socket, rest);
}
NTSTATUS EnableFirstOnly(Request* request) {
  if (request->function == Function::kDisable) {
    EnableRest(request->socket, 0);
    ForEachOther(request->socket, EnableRest, 0);
  }
  const ULONG first = request->mask & (0 - request->mask);
  if (!IsEnable(*request) || first == request->mask) return Pass(request);
  const NTSTATUS status = SetEvents(request->socket, first);
  if (NT_SUCCESS(status))
    InterlockedExchange(&request->socket->mark, static_cast<LONG>(request->mask & ~first));
  return Answer(request, status, status);
}

bool IsEventRequest(const Request& request) { return IsEnable(request) || IsDisable(request); }

NTSTATUS DeadSocketOtherStatus(Request* request) {
  if (!IsEventRequest(*request) || request->irp != nullptr) return Pass(request);
  const NTSTATUS status = Pass(request);
  return status == STATUS_FILE_FORCED_CLOSED ? STATUS_INVALID_DEVICE_STATE : status;
}

NTSTATUS DeadSocketIrpSucceeds(Request* request) {
  if (!IsEventRequest(*request) || request->irp == nullptr) return Pass(request);
  bool held;
  const NTSTATUS status = PassHeld(request, &held);
  if (!held) return status;
  if (status == STATUS_FILE_FORCED_CLOSED) request->irp->IoStatus.Status = STATUS_SUCCESS;
  IoCompleteRequest(request->irp, IO_NO_INCREMENT);
  return status;
}

// The mask of the last enable takes the place of what was enabled before.
NTSTATUS EnableAssignsMask(Request* request) {
  const NTSTATUS status = Pass(request);
  if (IsEnable(*request) && NT_SUCCESS(status) && (request->mask & WSK_EVENT_RECEIVE) == 0 &&
      CountsOn(request->socket, kReceiveEvent)) {
    SetEvents(request->socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE);
  }
  return status;
}

// A disable leaves its bit in the mask, so what is enabled later is disabled again.
NTSTATUS EnableKeepsDisableBit(Request* request) {
  const NTSTATUS status = Pass(request);
  if (!NT_SUCCESS(status)) return status;
  EventIndex event;
  if (IsDisable(*request, &event) && event == kReceiveEvent) InterlockedExchange(&request->socket->mark, 1);
  if (IsEnable(*request) && request->mask == WSK_EVENT_RECEIVE && request->socket->mark != 0) {
    SetEvents(request->socket, WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE);
  }
  return status;
}

NTSTATUS EnableWithIrpFails(Request* request) {
  if (!IsEnable(*request) || request->irp == nullptr || Broken(request->socket)) return Pass(request);
  return Answer(request, STATUS_INVALID_PARAMETER, STATUS_INVALID_PARAMETER);
}

const Saboteur kSaboteurs[] = {
    {.info = {"enable-turns-on-other-events", "enable.callback.only-when-enabled",
              "A request that enables some events enables all for which the client has a function.", "npi",
              false},
     .request = EnableAllOnEnable},
    {.info = {"enable-failed-takes-effect", "enable.callback.only-when-enabled",
              "A request to enable that fails enables the known events that it names.", "npi", false},
     .request = EnableThoughFailed,
     .completing = EnableFailedOnConnect},
    {.info =
         {"socket-starts-enabled", "enable.default.starts-disabled",
          "Every event for which the client has a function is enabled from connecting to the first request.",
          "npi", false},
     .request = ForgetOnEnable,
     .completing = EnableOnConnect},
    {.info = {"enable-fails-when-connected", "enable.connected.succeeds",
              "Enabling without an IRP on a connected socket fails with STATUS_INVALID_PARAMETER.", "npi",
              false},
     .request = FailEnable},
    {.info = {"enable-returns-event-pending", "enable.never-event-pending",
              "A successful enable returns STATUS_EVENT_PENDING.", "npi", false},
     .request = EnableEventPending},
    {.info = {"enable-without-irp-pends", "enable.without-irp.never-pending",
              "A successful enable without an IRP returns STATUS_PENDING.", "npi", false},
     .request = EnableWithoutIrpPends},
    {.info = {"enable-takes-first-event-only", "enable.several.each-takes-effect",
              "Of several events in one request only the one with the lowest bit is enabled.", "npi", false},
     .request = EnableFirstOnly},
    {.info =
         {"dead-socket-denies-otherwise", "enable.dead-socket.forced-closed",
          "On a broken socket enabling and disabling without an IRP fail with STATUS_INVALID_DEVICE_STATE.",
          "npi", false},
     .request = DeadSocketOtherStatus},
    {.info = {"dead-socket-irp-succeeds", "enable.dead-socket.irp-fails",
              "The IRP of a request that returned STATUS_FILE_FORCED_CLOSED completes with STATUS_SUCCESS.",
              "runtime", false},
     .request = DeadSocketIrpSucceeds},
    {.info = {"enable-assigns-mask", "receive.enabled.indicates",
              "Enabling another event disables WskReceiveEvent: the mask is assigned, not added.", "npi",
              false},
     .request = EnableAssignsMask},
    {.info = {"enable-keeps-disable-bit", "receive.enabled.indicates",
              "After WskReceiveEvent was disabled once, enabling it succeeds and disables it again.", "npi",
              false},
     .request = EnableKeepsDisableBit},
    {.info = {"enable-with-irp-fails", "enable.with-irp.accepted",
              "Enabling with an IRP fails with STATUS_INVALID_PARAMETER.", "npi", false},
     .request = EnableWithIrpFails},
};

}  // namespace

const Topic kEnableTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
