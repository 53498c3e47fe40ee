// Saboteurs of what all callbacks share, and of WskSendBacklogEvent.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

// The first IRQL above DISPATCH_LEVEL.
constexpr KIRQL kTooHigh = DISPATCH_LEVEL + 1;

class Raised {
 public:
  explicit Raised(KIRQL level) { KeRaiseIrql(level, &old_); }
  ~Raised() { KeLowerIrql(old_); }
  Raised(const Raised&) = delete;
  Raised& operator=(const Raised&) = delete;

 private:
  KIRQL old_;
};

NTSTATUS ReceiveTooHigh(ReceiveCall* call) {
  Raised raised(kTooHigh);
  return CallReceive(*call);
}
NTSTATUS DisconnectTooHigh(Socket* socket, ULONG flags) {
  Raised raised(kTooHigh);
  return CallDisconnect(socket, flags);
}
NTSTATUS BacklogTooHigh(Socket* socket, SIZE_T ideal) {
  Raised raised(kTooHigh);
  return CallBacklog(socket, ideal);
}

NTSTATUS AcceptTooHigh(AcceptCall* call) {
  Raised raised(kTooHigh);
  return CallAccept(call);
}
WSK_INSPECT_ACTION InspectTooHigh(const InspectCall* call) {
  Raised raised(kTooHigh);
  return CallInspect(*call);
}
NTSTATUS AbortTooHigh(Socket* socket, PWSK_INSPECT_ID id) {
  Raised raised(kTooHigh);
  return CallAbort(socket, id);
}
NTSTATUS ReceiveFromTooHigh(ReceiveFromCall* call) {
  Raised raised(kTooHigh);
  return CallReceiveFrom(*call);
}

// The flag without the level.
NTSTATUS ReceiveSaysDispatch(ReceiveCall* call) {
  if (KeGetCurrentIrql() < DISPATCH_LEVEL) call->flags |= WSK_FLAG_AT_DISPATCH_LEVEL;
  return CallReceive(*call);
}

// The provider's own idea of the socket; then the client's, so that nothing is missing.
NTSTATUS ForeignContext(Socket* socket, ULONG flags) {
  socket->client->WskDisconnectEvent(socket, flags);
  return CallDisconnect(socket, flags);
}
NTSTATUS ForeignReceiveContext(ReceiveCall* call) {
  call->socket->client->WskReceiveEvent(call->socket, call->flags, call->list, call->bytes, call->accepted);
  return CallReceive(*call);
}

// A call that the client cannot attribute, then the right one.
NTSTATUS ForeignAcceptContext(AcceptCall* call) {
  PVOID context = nullptr;
  const WSK_CLIENT_CONNECTION_DISPATCH* dispatch = nullptr;
  call->socket->client_listen->WskAcceptEvent(call->socket, call->flags, call->local, call->remote, nullptr,
                                              &context, &dispatch);
  return CallAccept(call);
}
NTSTATUS ForeignReceiveFromContext(ReceiveFromCall* call) {
  call->socket->client_datagram->WskReceiveFromEvent(call->socket, call->flags, nullptr);
  return CallReceiveFrom(*call);
}

// The socket has no peer that could have disconnected.
NTSTATUS DisconnectOnBind(Completion* completion) {
  if (completion->function == Function::kBind && NT_SUCCESS(completion->irp->IoStatus.Status) &&
      Has(completion->socket, kDisconnectEvent)) {
    CallDisconnect(completion->socket, WSK_FLAG_ABORTIVE);
  }
  return STATUS_SUCCESS;
}

NTSTATUS NeverIndicateBacklog(Socket* socket, SIZE_T ideal) {
  return CountsOn(socket, kBacklogEvent) ? STATUS_SUCCESS : CallBacklog(socket, ideal);
}

NTSTATUS TellAnotherBacklog(Socket* socket, SIZE_T ideal) { return CallBacklog(socket, ideal + 1); }

const Saboteur kSaboteurs[] = {
    {.info = {"callback-gets-foreign-context", "callback.context.is-the-sockets",
              "Callbacks get a context that the client never gave.", "npi", false},
     .receive = ForeignReceiveContext,
     .disconnect = ForeignContext},
    {.info = {"accept-gets-foreign-context", "accept.event.listener-context",
              "WskAcceptEvent gets a context that the client never gave.", "npi", false},
     .accept = ForeignAcceptContext},
    {.info = {"receive-from-gets-foreign-context", "callback.context.is-the-sockets",
              "WskReceiveFromEvent gets a context that the client never gave.", "npi", false},
     .receive_from = ForeignReceiveFromContext},
    {.info = {"disconnect-indicated-before-connect", "connect.before.no-callback",
              "WskDisconnectEvent is called when a socket has been bound.", "npi", false},
     .completing = DisconnectOnBind},
    {.info = {"receive-above-dispatch", "irql.receive.at-most-dispatch",
              "WskReceiveEvent is called above DISPATCH_LEVEL.", "runtime", false},
     .receive = ReceiveTooHigh},
    {.info = {"disconnect-above-dispatch", "irql.disconnect.at-most-dispatch",
              "WskDisconnectEvent is called above DISPATCH_LEVEL.", "runtime", false},
     .disconnect = DisconnectTooHigh},
    {.info = {"backlog-above-dispatch", "irql.backlog.at-most-dispatch",
              "WskSendBacklogEvent is called above DISPATCH_LEVEL.", "runtime", false},
     .backlog = BacklogTooHigh},
    {.info = {"accept-above-dispatch", "irql.accept.at-most-dispatch",
              "WskAcceptEvent is called above DISPATCH_LEVEL.", "runtime", false},
     .accept = AcceptTooHigh},
    {.info = {"inspect-above-dispatch", "irql.inspect.at-most-dispatch",
              "WskInspectEvent is called above DISPATCH_LEVEL.", "runtime", false},
     .inspect = InspectTooHigh},
    {.info = {"abort-above-dispatch", "irql.abort.at-most-dispatch",
              "WskAbortEvent is called above DISPATCH_LEVEL.", "runtime", false},
     .abort = AbortTooHigh},
    {.info = {"receive-from-above-dispatch", "irql.receive-from.at-most-dispatch",
              "WskReceiveFromEvent is called above DISPATCH_LEVEL.", "runtime", false},
     .receive_from = ReceiveFromTooHigh},
    {.info = {"backlog-tells-another-size", "backlog.size.is-new-size",
              "WskSendBacklogEvent receives a size that is not the new one.", "npi", false},
     .backlog = TellAnotherBacklog},
    {.info = {"receive-claims-dispatch", "irql.dispatch-flag.tells-level",
              "WskReceiveEvent gets WSK_FLAG_AT_DISPATCH_LEVEL below that level.", "npi", false},
     .receive = ReceiveSaysDispatch},
    {.info = {"backlog-not-indicated", "backlog.change.indicated", "WskSendBacklogEvent is never called.",
              "npi", false},
     .backlog = NeverIndicateBacklog},
};

}  // namespace

const Topic kCallbackTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
