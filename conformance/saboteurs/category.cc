// Saboteurs of categories of sockets, and of what a socket may do before it is bound or connected.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

bool Created(const Completion& completion, ULONG category) {
  return completion.function == Function::kSocket && completion.socket->category == category &&
         NT_SUCCESS(completion.irp->IoStatus.Status) && completion.socket->real != nullptr;
}

// ---- Foreign events

// A connection that was accepted by event hears of its peer through the listener's function.
NTSTATUS AcceptOnConnection(ReceiveCall* call) {
  const Socket* socket = call->socket;
  if (socket->by_event && call->bytes != 0 && socket->owner->static_events == 0 &&
      socket->listener->inherit == 0) {
    PVOID context = nullptr;
    const WSK_CLIENT_CONNECTION_DISPATCH* dispatch = nullptr;
    socket->listener->client_listen->WskAcceptEvent(socket->context, 0, nullptr, nullptr, nullptr, &context,
                                                    &dispatch);
  }
  return CallReceive(*call);
}

NTSTATUS InspectFirst(AcceptCall* call) {
  const Socket* socket = call->socket;
  if (call->made != nullptr && socket->owner->static_events == 0 && socket->conditional == 0 &&
      Has(socket, kInspectEvent)) {
    WSK_INSPECT_ID id = {1, 1};
    CallInspect({call->socket, call->local, call->remote, &id});
  }
  return CallAccept(call);
}

// ---- The socket itself

// The executor skips what is not there, so nothing is called through NULL.
NTSTATUS LeaveOutFunctions(Completion* completion) {
  Socket* socket = completion->socket;
  if (Created(*completion, WSK_FLAG_LISTEN_SOCKET)) socket->table.listen.WskAccept = nullptr;
  if (Created(*completion, WSK_FLAG_DATAGRAM_SOCKET)) socket->table.datagram.WskReceiveFrom = nullptr;
  return STATUS_SUCCESS;
}

NTSTATUS LoseSocket(Completion* completion) {
  if (Created(*completion, WSK_FLAG_DATAGRAM_SOCKET)) completion->irp->IoStatus.Information = 0;
  return STATUS_SUCCESS;
}

NTSTATUS FailEnable(Request* request, Function created) {
  const Socket* socket = request->socket;
  if (!IsEnable(*request) || request->irp != nullptr || socket->created != created ||
      socket->connected == 0 || Broken(request->socket)) {
    return Pass(request);
  }
  return STATUS_INVALID_DEVICE_STATE;
}
NTSTATUS FailEnableOfAccepted(Request* request) { return FailEnable(request, Function::kAccept); }
NTSTATUS FailEnableOfConnected(Request* request) { return FailEnable(request, Function::kSocketConnect); }

// ---- Streams

// What a stream socket became lies in its mark.
constexpr LONG kListener = 1, kConnection = 2;

NTSTATUS NoteRole(Completion* completion) {
  if (completion->socket->category != WSK_FLAG_STREAM_SOCKET) return STATUS_SUCCESS;
  if (!NT_SUCCESS(completion->irp->IoStatus.Status)) return STATUS_SUCCESS;
  if (completion->function == Function::kListen) InterlockedExchange(&completion->socket->mark, kListener);
  if (completion->function == Function::kConnect || completion->function == Function::kConnectEx) {
    InterlockedExchange(&completion->socket->mark, kConnection);
  }
  return STATUS_SUCCESS;
}
NTSTATUS ConnectionFunctionsSucceed(Request* request) {
  if (request->socket->mark != kListener || request->irp == nullptr) return Pass(request);
  switch (request->function) {
    case Function::kConnect:
    case Function::kConnectEx:
    case Function::kSend:
    case Function::kReceive:
    case Function::kDisconnect:
      return Answer(request, STATUS_SUCCESS, STATUS_SUCCESS);
    default:
      return Pass(request);
  }
}
NTSTATUS ListeningSucceeds(Request* request) {
  const Function function = request->function;
  if (request->socket->mark != kConnection || request->irp == nullptr) return Pass(request);
  if (function == Function::kAccept) return Answer(request, STATUS_PENDING, STATUS_CANCELLED);
  return function == Function::kListen ? Answer(request, STATUS_SUCCESS, STATUS_SUCCESS) : Pass(request);
}

bool IsStream(const Socket* socket) { return socket->category == WSK_FLAG_STREAM_SOCKET; }
NTSTATUS DisconnectOnListener(AcceptCall* call) {
  Socket* socket = call->socket;
  if (IsStream(socket) && Has(socket, kDisconnectEvent)) CallDisconnect(socket, WSK_FLAG_ABORTIVE);
  return CallAccept(call);
}
NTSTATUS AcceptOnStream(ReceiveCall* call) {
  Socket* socket = call->socket;
  if (IsStream(socket) && Has(socket, kAcceptEvent)) {
    AcceptCall accept = {socket, 0, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
    CallAccept(&accept);
  }
  return CallReceive(*call);
}

// ---- Before bind and connect

// Enabled statically, so that only the moment is wrong.
NTSTATUS AcceptBeforeBind(Completion* completion) {
  Socket* socket = completion->socket;
  if (!Created(*completion, WSK_FLAG_LISTEN_SOCKET) || !IsStatic(socket, kAcceptEvent) ||
      !Has(socket, kAcceptEvent)) {
    return STATUS_SUCCESS;
  }
  IoCompleteRequest(completion->irp, IO_NO_INCREMENT);
  AcceptCall call = {socket, 0, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
  CallAccept(&call);
  return STATUS_MORE_PROCESSING_REQUIRED;
}
NTSTATUS ReceiveFromBeforeBind(Completion* completion) {
  Socket* socket = completion->socket;
  if (!Created(*completion, WSK_FLAG_DATAGRAM_SOCKET) || !IsStatic(socket, kReceiveFromEvent) ||
      !Has(socket, kReceiveFromEvent)) {
    return STATUS_SUCCESS;
  }
  IoCompleteRequest(completion->irp, IO_NO_INCREMENT);
  WSK_DATAGRAM_INDICATION empty = {};
  socket->address.si_family = AF_INET;
  empty.RemoteAddress = reinterpret_cast<PSOCKADDR>(&socket->address);
  CallReceiveFrom({socket, 0, &empty});
  return STATUS_MORE_PROCESSING_REQUIRED;
}

NTSTATUS LocalAddressUnbound(Request* request) {
  const bool mine = request->function == Function::kGetLocalAddress && request->socket->bound == 0;
  return mine && request->irp != nullptr ? Answer(request, STATUS_SUCCESS, STATUS_SUCCESS) : Pass(request);
}
NTSTATUS RemoteAddressUnconnected(Request* request) {
  const bool mine = request->function == Function::kGetRemoteAddress && request->socket->connected == 0;
  return mine && request->irp != nullptr ? Answer(request, STATUS_SUCCESS, STATUS_SUCCESS) : Pass(request);
}

// Binds a listener to another port than it was told.
NTSTATUS BindElsewhere(Request* request) {
  Socket* socket = request->socket;
  if (request->function != Function::kBind || socket->category != WSK_FLAG_LISTEN_SOCKET)
    return Pass(request);
  if (request->address->sa_family == AF_INET6) {
    socket->address.Ipv6 = *reinterpret_cast<SOCKADDR_IN6*>(request->address);
  } else {
    socket->address.Ipv4 = *reinterpret_cast<SOCKADDR_IN*>(request->address);
  }
  socket->address.Ipv4.sin_port ^= 0x80;  // at the same place in both families
  request->address = reinterpret_cast<PSOCKADDR>(&socket->address);
  return Pass(request);
}

NTSTATUS FailEnableOfBound(Request* request) {
  const ULONG category = request->socket->category;
  const bool mine = request->function == Function::kEnable && request->events != 0 &&
                    (category == WSK_FLAG_LISTEN_SOCKET || category == WSK_FLAG_DATAGRAM_SOCKET);
  return mine && request->irp == nullptr && request->socket->bound != 0 && !Broken(request->socket)
             ? STATUS_INVALID_PARAMETER
             : Pass(request);
}

const Saboteur kSaboteurs[] = {
    {.info = {"accept-called-on-connection", "category.foreign-event.never-called",
              "WskAcceptEvent is called with the context of an accepted connection.", "npi", false},
     .receive = AcceptOnConnection},
    {.info = {"inspect-without-conditional-accept", "inspect.only-conditional",
              "WskInspectEvent is called on a listening socket that is not in conditional-accept mode.",
              "npi", false},
     .accept = InspectFirst},
    {.info = {"socket-lacks-functions", "category.functions.present",
              "The tables of listening and datagram sockets lack a function.", "npi", false},
     .completing = LeaveOutFunctions},
    {.info = {"socket-not-delivered", "category.socket.in-information",
              "The creation of a datagram socket succeeds without a socket.", "runtime", false},
     .completing = LoseSocket},
    {.info = {"enable-fails-on-accepted", "category.accepted.connection-oriented",
              "On an accepted socket enabling fails with STATUS_INVALID_DEVICE_STATE.", "npi", false},
     .request = FailEnableOfAccepted},
    {.info = {"enable-fails-after-socket-connect", "category.socket-connect.connected",
              "On a socket from WskSocketConnect enabling fails with STATUS_INVALID_DEVICE_STATE.", "npi",
              false},
     .request = FailEnableOfConnected},
    {.info = {"stream-connects-after-listen", "category.stream.listen-commits",
              "After WskListen the functions of connections succeed on a stream socket.", "npi", false},
     .request = ConnectionFunctionsSucceed,
     .completing = NoteRole},
    {.info = {"stream-listens-after-connect", "category.stream.connect-commits",
              "After WskConnect the functions of listeners succeed on a stream socket.", "npi", false},
     .request = ListeningSucceeds,
     .completing = NoteRole},
    {.info = {"stream-calls-both-tables", "category.stream.role-table",
              "A stream socket calls functions of the table that its use does not need.", "npi", false},
     .receive = AcceptOnStream,
     .accept = DisconnectOnListener},
    {.info = {"accept-called-before-bind", "bind-order.listen.no-callback-before",
              "WskAcceptEvent is called on a listening socket that is not bound.", "npi", false},
     .completing = AcceptBeforeBind},
    {.info = {"receive-from-called-before-bind", "bind-order.datagram.no-callback-before",
              "WskReceiveFromEvent brings a datagram to a socket that is not bound.", "npi", false},
     .completing = ReceiveFromBeforeBind},
    {.info = {"local-address-of-unbound", "bind-order.local-address.unbound-fails",
              "WskGetLocalAddress succeeds on a socket that is not bound.", "npi", false},
     .request = LocalAddressUnbound},
    {.info = {"remote-address-of-unconnected", "bind-order.remote-address.unconnected-fails",
              "WskGetRemoteAddress succeeds on a socket that is not connected.", "npi", false},
     .request = RemoteAddressUnconnected},
    {.info = {"bind-takes-another-port", "bind-order.bound-listens",
              "A listening socket listens at another port than it was bound to.", "transport", false},
     .request = BindElsewhere},
    {.info = {"enable-fails-when-bound", "enable.bound.succeeds",
              "Enabling without an IRP on a bound listening or datagram socket fails.", "npi", false},
     .request = FailEnableOfBound},
};

}  // namespace

const Topic kCategoryTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
