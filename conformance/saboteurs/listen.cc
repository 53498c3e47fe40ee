// Saboteurs of accepting and inspecting connections.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

void EnableAfterAll(Socket* socket, PVOID) {
  if (InterlockedExchange(&socket->mark, 0) != 0) SetEvents(socket, WSK_EVENT_ACCEPT);
}

// The provider never learns that the event was enabled by a request of its own, so connections wait. Which
// lies in the listener's mark.
NTSTATUS NeverEnable(Request* request) {
  Socket* socket = request->socket;
  if (request->function == Function::kEnable && request->events == WSK_EVENT_ACCEPT && socket->bound != 0 &&
      socket->inherit == 0 && socket->conditional == 0 && state.disables == 0 && !Broken(socket)) {
    InterlockedExchange(&socket->mark, 1);
    return Answer(request, STATUS_SUCCESS, STATUS_SUCCESS);
  }
  // What is missing after a disable may be missed because of that: no more of this.
  if (request->function == Function::kDisable) ForEachOpen(EnableAfterAll, nullptr);
  return Pass(request);
}

// ---- Inspection

WSK_INSPECT_ACTION NeverInspect(const InspectCall* call) {
  return state.disables == 0 ? WskInspectAccept : CallInspect(*call);
}

// Ends with WskAcceptEvent. Which lies in the listener's mark.
NTSTATUS NoteAcceptDisable(Request* request) {
  const NTSTATUS status = Pass(request);
  if (IsDisableOf(*request, kAcceptEvent) && NT_SUCCESS(status)) {
    InterlockedExchange(&request->socket->mark, 1);
  }
  return status;
}
WSK_INSPECT_ACTION InspectUnlessDisabled(const InspectCall* call) {
  return call->socket->mark != 0 ? WskInspectAccept : CallInspect(*call);
}

// A close waits for ever for an inspection that the client has yet to decide.
NTSTATUS CloseWaitsForInspection(Request* request) {
  if (request->function != Function::kClose || request->irp == nullptr ||
      request->socket->inspects_pended == 0 || !ForwardAlone(*request)) {
    return Pass(request);
  }
  Keep(request);
  return STATUS_PENDING;
}

const Saboteur kSaboteurs[] = {
    {.info = {"accept-not-indicated", "accept.enabled.indicates",
              "WskAcceptEvent is never called; connections wait.", "npi", false},
     .request = NeverEnable},
    {.info = {"inspect-not-indicated", "inspect.conditional.indicates",
              "WskInspectEvent is never called; every connection passes.", "npi", false},
     .inspect = NeverInspect},
    {.info = {"inspect-disabled-with-accept", "disable.conditional.inspect-stays-enabled",
              "Disabling WskAcceptEvent stops WskInspectEvent.", "npi", false},
     .request = NoteAcceptDisable,
     .inspect = InspectUnlessDisabled},
    {.info = {"close-waits-for-inspection", "close.pended-inspection.does-not-count",
              "The close of a listening socket with a pended inspection never completes.", "npi", false},
     .request = CloseWaitsForInspection},
};

}  // namespace

const Topic kListenTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
