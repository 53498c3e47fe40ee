// Saboteurs of receiving datagrams.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

NTSTATUS NeverIndicate(ReceiveFromCall* call) {
  return CountsOn(call->socket, kReceiveFromEvent) ? STATUS_SUCCESS : CallReceiveFrom(*call);
}

// The provider never learns of a refusal.
NTSTATUS GoOnAfterRefusal(ReceiveFromCall* call) {
  const NTSTATUS status = CallReceiveFrom(*call);
  const bool mine = status == STATUS_DATA_NOT_ACCEPTED && !IsStatic(call->socket, kReceiveFromEvent);
  return mine ? STATUS_SUCCESS : status;
}

// A WskReceiveFrom does what WskReceive does for connections.
NTSTATUS NoteRefusal(ReceiveFromCall* call) {
  const NTSTATUS status = CallReceiveFrom(*call);
  if (status == STATUS_DATA_NOT_ACCEPTED && !IsStatic(call->socket, kReceiveFromEvent)) {
    InterlockedExchange(&call->socket->mark, 1);
  }
  return status;
}
NTSTATUS ResumeByFunction(Request* request) {
  Socket* socket = request->socket;
  if (request->function == Function::kEnable) InterlockedExchange(&socket->mark, 0);
  const NTSTATUS status = Pass(request);
  if (request->function == Function::kReceiveFrom && InterlockedExchange(&socket->mark, 0) != 0) {
    SetEvents(socket, WSK_EVENT_RECEIVE_FROM);
  }
  return status;
}

// Once it has refused, the client is left alone for good.
NTSTATUS NotResumed(ReceiveFromCall* call) {
  const Socket* socket = call->socket;
  const bool mine = call->list != nullptr && socket->refusals != 0 && !IsStatic(socket, kReceiveFromEvent);
  return mine ? STATUS_SUCCESS : CallReceiveFrom(*call);
}

const Saboteur kSaboteurs[] = {
    {.info = {"receive-from-not-resumed", "receive-from.re-enabled.resumes",
              "After a refusal WskReceiveFromEvent is never called again, although it is enabled again.",
              "npi", false},
     .receive_from = NotResumed},
    {.info = {"receive-from-not-indicated", "receive-from.enabled.indicates",
              "WskReceiveFromEvent is never called; datagrams are dropped.", "npi", false},
     .receive_from = NeverIndicate},
    {.info = {"receive-from-goes-on-after-refusal", "receive-from.refused.disables",
              "WskReceiveFromEvent, enabled by request, is called again after it refused datagrams.", "npi",
              false},
     .receive_from = GoOnAfterRefusal},
    {.info = {"receive-from-resumed-by-function", "receive-from.refused.function-does-not-resume",
              "A WskReceiveFrom enables WskReceiveFromEvent again after a refusal.", "npi", false},
     .request = ResumeByFunction,
     .receive_from = NoteRefusal},
};

}  // namespace

const Topic kDatagramTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
