// Saboteurs of closing.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

bool IsClose(const Request& request) {
  return request.function == Function::kClose && request.irp != nullptr;
}

// Receives that the close should end are kept for ever.
NTSTATUS LeavePending(Completion* completion) {
  return completion->function == Function::kReceive && completion->socket->closing != 0
             ? STATUS_MORE_PROCESSING_REQUIRED
             : STATUS_SUCCESS;
}

// The provider's own close goes on behind the client's back.
NTSTATUS CompleteEarly(Request* request) {
  return ForwardAlone(*request) ? Answer(request, STATUS_PENDING, STATUS_SUCCESS) : Pass(request);
}
NTSTATUS CloseCompletesEarly(Request* request) {
  const bool mine = IsClose(*request) && Running(request->socket) && !Inside(request->socket);
  return mine ? CompleteEarly(request) : Pass(request);
}
NTSTATUS FromInsideCompletesEarly(Request* request) {
  return IsClose(*request) && Inside(request->socket) ? CompleteEarly(request) : Pass(request);
}

NTSTATUS InProgressSucceeds(Request* request) {
  const bool mine = IsClose(*request) && Running(request->socket);
  const NTSTATUS status = Pass(request);
  return mine && Running(request->socket) && status == STATUS_PENDING ? STATUS_SUCCESS : status;
}

// Calls the client once more when it has been told that the socket is gone.
NTSTATUS CallAfterClose(Completion* completion) {
  Socket* socket = completion->socket;
  if (completion->function != Function::kClose) return STATUS_SUCCESS;
  IoCompleteRequest(completion->irp, IO_NO_INCREMENT);
  if (Has(socket, kDisconnectEvent)) {
    CallDisconnect(socket, WSK_FLAG_ABORTIVE);
  } else if (Has(socket, kReceiveEvent)) {
    CallReceive({socket, 0, nullptr, 0, nullptr});
  }
  return STATUS_MORE_PROCESSING_REQUIRED;
}

// Waits for the callback that it is called from.
NTSTATUS FromInsideWaits(Request* request) {
  if (IsClose(*request) && Inside(request->socket) && KeGetCurrentIrql() < DISPATCH_LEVEL) {
    KeWaitForSingleObject(&request->socket->done, Executive, KernelMode, FALSE, nullptr);
  }
  return Pass(request);
}

// No callback can come.
bool Silent(const Socket* socket) {
  return !Running(socket) && socket->enabled == 0 && socket->owner->static_events == 0;
}

constexpr LONG kLeft = 2;

// The connection stays as it is; only the client is told that it is closed.
NTSTATUS LeaveConnection(Request* request) {
  Socket* socket = request->socket;
  if (request->function == Function::kSend || request->function == Function::kDisconnect) socket->mark = 1;
  const bool mine = IsClose(*request) && socket->owner->leaving == 0 && socket->connected != 0 &&
                    Silent(socket) && socket->mark == 0 && socket->receives_outstanding == 0;
  if (!mine) return Pass(request);
  socket->mark = kLeft;
  return Answer(request, STATUS_PENDING, STATUS_SUCCESS);
}
// Before the client goes, it is closed after all.
void CloseLeft(Client* client) {
  for (LONG i = 0; i < state.sockets_used; ++i) {
    Socket* socket = &state.sockets[i];
    if (socket->owner != client || socket->mark != kLeft) continue;
    Request request = {};
    request.socket = socket;
    request.function = Function::kClose;
    ForwardAlone(request);
  }
  PassDeregister(client);
}

NTSTATUS SucceedAndTag(Request* request) {
  if (!IsClose(*request) || !Silent(request->socket)) return Pass(request);
  request->tag = 1;
  Pass(request);
  return STATUS_SUCCESS;
}
NTSTATUS FailTagged(Completion* completion) {
  if (completion->tag != 0) completion->irp->IoStatus.Status = STATUS_UNSUCCESSFUL;
  return STATUS_SUCCESS;
}
NTSTATUS FailClose(Completion* completion) {
  if (completion->function == Function::kClose) completion->irp->IoStatus.Status = STATUS_UNSUCCESSFUL;
  return STATUS_SUCCESS;
}

const Saboteur kSaboteurs[] = {
    {.info = {"close-leaves-connection", "close.connected.aborts",
              "The peer of a closed connection is not told.", "npi", false},
     .request = LeaveConnection,
     .deregister = CloseLeft},
    {.info = {"close-success-irp-fails", "close.status-agrees-with-irp",
              "WskCloseSocket returns STATUS_SUCCESS and its IRP completes with STATUS_UNSUCCESSFUL.",
              "runtime", false},
     .request = SucceedAndTag,
     .completing = FailTagged},
    {.info = {"close-fails", "close.never-fails", "The IRP of a close completes with STATUS_UNSUCCESSFUL.",
              "npi", false},
     .completing = FailClose},
    {.info = {"close-leaves-irps-pending", "close.completes-pending-irps",
              "Receives that are queued when the socket is closed never complete.", "npi", false},
     .completing = LeavePending},
    {.info = {"close-completes-early", "close.waits-for-callbacks",
              "A close completes while a callback of the socket runs on another thread.", "npi", false},
     .request = CloseCompletesEarly},
    {.info = {"close-in-progress-succeeds", "close.in-progress.not-success",
              "WskCloseSocket returns STATUS_SUCCESS while a callback of the socket runs.", "npi", false},
     .request = InProgressSucceeds},
    {.info = {"callback-after-close", "close.completed.no-callback",
              "A callback of the socket is called after its close has completed.", "npi", false},
     .completing = CallAfterClose},
    {.info = {"close-from-inside-completes-early", "close.from-inside.waits",
              "A close issued inside a callback completes before that callback returned.", "npi", false},
     .request = FromInsideCompletesEarly},
    {.info = {"close-from-inside-hangs", "run.calls-return",
              "WskCloseSocket, called inside a callback, waits there for the callback's return.", "npi",
              false},
     .request = FromInsideWaits},
};

}  // namespace

const Topic kCloseTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
