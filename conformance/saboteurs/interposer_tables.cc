// The tables that the client gets in the place of the provider's: one for each category, the functions
// shared.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

Socket* SocketOf(PWSK_SOCKET socket) { return CONTAINING_RECORD(socket, Socket, wsk); }

NTSTATUS Simple(Function function, PWSK_SOCKET socket, PWSK_BUF buffer, PSOCKADDR address, ULONG flags,
                PIRP irp) {
  Request request = {};
  request.socket = SocketOf(socket);
  request.function = function;
  request.buffer = buffer;
  request.address = address;
  request.flags = flags;
  request.irp = irp;
  return Run(&request);
}

// ---- Control operations

bool Is(const NPIID* id, const NPIID& known) {
  return id != nullptr && RtlCompareMemory(id, &known, sizeof(NPIID)) == sizeof(NPIID);
}

void DescribeEvents(const WSK_EVENT_CALLBACK_CONTROL& events, Request* request) {
  const ULONG mask = events.EventMask & ~WSK_EVENT_DISABLE;
  request->function = (events.EventMask & WSK_EVENT_DISABLE) != 0 ? Function::kDisable : Function::kEnable;
  if (Is(events.NpiId, NPI_WSKEMU_PING_ID)) request->ping = mask;
  // Other identifiers, and events that are none, make a request that no saboteur takes for its own.
  if (!Is(events.NpiId, NPI_WSK_INTERFACE_ID)) return;
  if ((mask & ~kEveryEvent) == 0) request->events = mask;
  const Socket& socket = *request->socket;
  const bool connection = socket.category == WSK_FLAG_CONNECTION_SOCKET ||
                          (socket.category == WSK_FLAG_STREAM_SOCKET && socket.connected != 0);
  if (connection && (mask & ~kAllEvents) == 0) request->mask = mask;
}

NTSTATUS WSKAPI OnControl(PWSK_SOCKET socket, WSK_CONTROL_SOCKET_TYPE type, ULONG code, ULONG level,
                          SIZE_T input_size, PVOID input, SIZE_T output_size, PVOID output, SIZE_T* returned,
                          PIRP irp) {
  Control control = {type, code, level, input_size, input, output_size, output, returned};
  Request request = {};
  request.socket = SocketOf(socket);
  request.function = Function::kControl;
  request.control = &control;
  request.irp = irp;
  if (type == WskSetOption && level == SOL_SOCKET && code == SO_WSK_EVENT_CALLBACK && input != nullptr &&
      input_size >= sizeof(WSK_EVENT_CALLBACK_CONTROL)) {
    DescribeEvents(*static_cast<const WSK_EVENT_CALLBACK_CONTROL*>(input), &request);
  }
  if (type != WskIoctl || code != SIO_WSK_REGISTER_EXTENSION || input == nullptr || output == nullptr ||
      input_size < sizeof(WSK_EXTENSION_CONTROL_IN) || output_size < sizeof(WSK_EXTENSION_CONTROL_OUT)) {
    return Run(&request);
  }
  const auto& in = *static_cast<const WSK_EXTENSION_CONTROL_IN*>(input);
  if (!Is(in.NpiId, NPI_WSKEMU_PING_ID) || in.ClientDispatch == nullptr) return Run(&request);
  Extension* extension = &request.socket->extension;
  extension->client_context = in.ClientContext;
  extension->client = static_cast<const WSKEMU_CLIENT_PING_DISPATCH*>(in.ClientDispatch);
  extension->in = {in.NpiId, request.socket, PingCallbacks()};
  control.input = &extension->in;
  request.function = Function::kRegisterExtension;
  return Run(&request);
}

NTSTATUS WSKAPI OnPing(PVOID context, ULONG value) {
  const Extension& extension = static_cast<const Socket*>(context)->extension;
  return extension.provider->Ping(extension.provider_context, value);
}
const WSKEMU_PROVIDER_PING_DISPATCH kPing = {OnPing};

// ---- What all have

NTSTATUS WSKAPI OnClose(PWSK_SOCKET socket, PIRP irp) {
  return Simple(Function::kClose, socket, nullptr, nullptr, 0, irp);
}
NTSTATUS WSKAPI OnBind(PWSK_SOCKET socket, PSOCKADDR address, ULONG flags, PIRP irp) {
  return Simple(Function::kBind, socket, nullptr, address, flags, irp);
}
NTSTATUS WSKAPI OnGetLocalAddress(PWSK_SOCKET socket, PSOCKADDR address, PIRP irp) {
  return Simple(Function::kGetLocalAddress, socket, nullptr, address, 0, irp);
}

// ---- Connections

NTSTATUS WSKAPI OnConnect(PWSK_SOCKET socket, PSOCKADDR address, ULONG flags, PIRP irp) {
  return Simple(Function::kConnect, socket, nullptr, address, flags, irp);
}
NTSTATUS WSKAPI OnConnectEx(PWSK_SOCKET socket, PSOCKADDR address, PWSK_BUF buffer, ULONG flags, PIRP irp) {
  return Simple(Function::kConnectEx, socket, buffer, address, flags, irp);
}
NTSTATUS WSKAPI OnGetRemoteAddress(PWSK_SOCKET socket, PSOCKADDR address, PIRP irp) {
  return Simple(Function::kGetRemoteAddress, socket, nullptr, address, 0, irp);
}
NTSTATUS WSKAPI OnSend(PWSK_SOCKET socket, PWSK_BUF buffer, ULONG flags, PIRP irp) {
  return Simple(Function::kSend, socket, buffer, nullptr, flags, irp);
}
NTSTATUS WSKAPI OnReceive(PWSK_SOCKET socket, PWSK_BUF buffer, ULONG flags, PIRP irp) {
  return Simple(Function::kReceive, socket, buffer, nullptr, flags, irp);
}
NTSTATUS WSKAPI OnDisconnect(PWSK_SOCKET socket, PWSK_BUF buffer, ULONG flags, PIRP irp) {
  return Simple(Function::kDisconnect, socket, buffer, nullptr, flags, irp);
}

NTSTATUS Release(Socket* socket, PVOID list) {
  const NTSTATUS status =
      state.saboteur->release != nullptr ? state.saboteur->release(socket, list) : PassRelease(socket, list);
  if (NT_SUCCESS(status) && socket->retained > 0) InterlockedDecrement(&socket->retained);
  return status;
}

NTSTATUS WSKAPI OnRelease(PWSK_SOCKET socket, PWSK_DATA_INDICATION list) {
  return Release(SocketOf(socket), list);
}

NTSTATUS WSKAPI OnSendEx(PWSK_SOCKET socket, PWSK_BUF buffer, ULONG flags, ULONG length, PCMSGHDR info,
                         PIRP irp) {
  Request request = {};
  request.socket = SocketOf(socket);
  request.function = Function::kSendEx;
  request.buffer = buffer;
  request.flags = flags;
  request.control_info_length = length;
  request.control_info = info;
  request.irp = irp;
  return Run(&request);
}

NTSTATUS WSKAPI OnReceiveEx(PWSK_SOCKET socket, PWSK_BUF buffer, ULONG flags, PULONG length, PCMSGHDR info,
                            PULONG control_flags, PIRP irp) {
  Request request = {};
  request.socket = SocketOf(socket);
  request.function = Function::kReceiveEx;
  request.buffer = buffer;
  request.flags = flags;
  request.control_length = length;
  request.control_info = info;
  request.control_flags = control_flags;
  request.irp = irp;
  return Run(&request);
}

// ---- Listeners

NTSTATUS WSKAPI OnListen(PWSK_SOCKET socket, PIRP irp) {
  return Simple(Function::kListen, socket, nullptr, nullptr, 0, irp);
}

NTSTATUS WSKAPI OnAccept(PWSK_SOCKET wsk, ULONG flags, PVOID context,
                         CONST WSK_CLIENT_CONNECTION_DISPATCH* dispatch, PSOCKADDR local, PSOCKADDR remote,
                         PIRP irp) {
  Socket* socket = SocketOf(wsk);
  Accepting accepting = {nullptr, context, dispatch, local, remote};
  // Without an IRP there is nothing that could deliver a socket.
  if (irp != nullptr)
    accepting.made = NewSocket(socket->owner, Function::kAccept, WSK_FLAG_CONNECTION_SOCKET, context);
  if (accepting.made != nullptr) {
    accepting.made->listener = socket;
    accepting.made->local = local;
    accepting.made->remote = remote;
    accepting.context = accepting.made;
    accepting.dispatch =
        static_cast<const WSK_CLIENT_CONNECTION_DISPATCH*>(WrapCallbacks(accepting.made, dispatch));
  }
  Request request = {};
  request.socket = socket;
  request.function = Function::kAccept;
  request.flags = flags;
  request.accepting = &accepting;
  request.irp = irp;
  return Run(&request);
}

NTSTATUS WSKAPI OnInspectComplete(PWSK_SOCKET socket, PWSK_INSPECT_ID id, WSK_INSPECT_ACTION action,
                                  PIRP irp) {
  Request request = {};
  request.socket = SocketOf(socket);
  request.function = Function::kInspectComplete;
  request.inspect = id;
  request.action = action;
  request.irp = irp;
  return Run(&request);
}

// ---- Datagrams

NTSTATUS WSKAPI OnSendTo(PWSK_SOCKET socket, PWSK_BUF buffer, ULONG flags, PSOCKADDR remote, ULONG length,
                         PCMSGHDR info, PIRP irp) {
  Request request = {};
  request.socket = SocketOf(socket);
  request.function = Function::kSendTo;
  request.buffer = buffer;
  request.flags = flags;
  request.address = remote;
  request.control_info_length = length;
  request.control_info = info;
  request.irp = irp;
  return Run(&request);
}

NTSTATUS WSKAPI OnSendMessages(PWSK_SOCKET socket, PWSK_BUF_LIST buffers, ULONG flags, PSOCKADDR remote,
                               ULONG length, PCMSGHDR info, PIRP irp) {
  Request request = {};
  request.socket = SocketOf(socket);
  request.function = Function::kSendMessages;
  request.buffers = buffers;
  request.flags = flags;
  request.address = remote;
  request.control_info_length = length;
  request.control_info = info;
  request.irp = irp;
  return Run(&request);
}

NTSTATUS WSKAPI OnReceiveFrom(PWSK_SOCKET socket, PWSK_BUF buffer, ULONG flags, PSOCKADDR remote,
                              PULONG length, PCMSGHDR info, PULONG control_flags, PIRP irp) {
  Request request = {};
  request.socket = SocketOf(socket);
  request.function = Function::kReceiveFrom;
  request.buffer = buffer;
  request.flags = flags;
  request.address = remote;
  request.control_length = length;
  request.control_info = info;
  request.control_flags = control_flags;
  request.irp = irp;
  return Run(&request);
}

NTSTATUS WSKAPI OnReleaseDatagrams(PWSK_SOCKET socket, PWSK_DATAGRAM_INDICATION list) {
  return Release(SocketOf(socket), list);
}

// ---- Tables

// Only a function that the provider has gets a wrapper.
template <typename F>
void Wrap(F real, F wrapper, F* kept, F* ours) {
  *kept = real;
  *ours = real != nullptr ? wrapper : nullptr;
}

void WrapBasic(const WSK_PROVIDER_BASIC_DISPATCH& real, Functions* kept, WSK_PROVIDER_BASIC_DISPATCH* ours) {
  Wrap(real.WskControlSocket, OnControl, &kept->control, &ours->WskControlSocket);
  Wrap(real.WskCloseSocket, OnClose, &kept->close, &ours->WskCloseSocket);
}

template <typename Table>
void WrapBound(const Table& real, Functions* kept, Table* ours) {
  WrapBasic(real.Basic, kept, &ours->Basic);
  Wrap(real.WskBind, OnBind, &kept->bind, &ours->WskBind);
  Wrap(real.WskGetLocalAddress, OnGetLocalAddress, &kept->get_local_address, &ours->WskGetLocalAddress);
}

template <typename Table>
void WrapConnection(const Table& real, Functions* kept, Table* ours) {
  WrapBound(real, kept, ours);
  Wrap(real.WskConnect, OnConnect, &kept->connect, &ours->WskConnect);
  Wrap(real.WskGetRemoteAddress, OnGetRemoteAddress, &kept->get_remote_address, &ours->WskGetRemoteAddress);
  Wrap(real.WskSend, OnSend, &kept->send, &ours->WskSend);
  Wrap(real.WskReceive, OnReceive, &kept->receive, &ours->WskReceive);
  Wrap(real.WskDisconnect, OnDisconnect, &kept->disconnect, &ours->WskDisconnect);
  Wrap(real.WskRelease, OnRelease, &kept->release, &ours->WskRelease);
  Wrap(real.WskConnectEx, OnConnectEx, &kept->connect_ex, &ours->WskConnectEx);
  Wrap(real.WskSendEx, OnSendEx, &kept->send_ex, &ours->WskSendEx);
  Wrap(real.WskReceiveEx, OnReceiveEx, &kept->receive_ex, &ours->WskReceiveEx);
}

void WrapDatagram(const WSK_PROVIDER_DATAGRAM_DISPATCH& real, Functions* kept,
                  WSK_PROVIDER_DATAGRAM_DISPATCH* ours) {
  WrapBound(real, kept, ours);
  Wrap(real.WskSendTo, OnSendTo, &kept->send_to, &ours->WskSendTo);
  Wrap(real.WskSendMessages, OnSendMessages, &kept->send_messages, &ours->WskSendMessages);
  Wrap(real.WskReceiveFrom, OnReceiveFrom, &kept->receive_from, &ours->WskReceiveFrom);
  Wrap(real.WskRelease, OnReleaseDatagrams, &kept->release_datagrams, &ours->WskRelease);
}

template <typename Table>
const Table& TableOf(const WSK_SOCKET* socket) {
  return *static_cast<const Table*>(socket->Dispatch);
}

}  // namespace

void Adopt(Socket* socket, WSK_SOCKET* real) {
  if (real == nullptr) return;
  socket->real = real;
  Functions* kept = &socket->functions;
  auto* ours = &socket->table;
  switch (socket->category) {
    case WSK_FLAG_LISTEN_SOCKET:
      WrapBound(TableOf<WSK_PROVIDER_LISTEN_DISPATCH>(real), kept, &ours->listen);
      Wrap(TableOf<WSK_PROVIDER_LISTEN_DISPATCH>(real).WskAccept, OnAccept, &kept->accept,
           &ours->listen.WskAccept);
      Wrap(TableOf<WSK_PROVIDER_LISTEN_DISPATCH>(real).WskInspectComplete, OnInspectComplete,
           &kept->inspect_complete, &ours->listen.WskInspectComplete);
      break;
    case WSK_FLAG_CONNECTION_SOCKET:
      WrapConnection(TableOf<WSK_PROVIDER_CONNECTION_DISPATCH>(real), kept, &ours->connection);
      break;
    case WSK_FLAG_DATAGRAM_SOCKET:
      WrapDatagram(TableOf<WSK_PROVIDER_DATAGRAM_DISPATCH>(real), kept, &ours->datagram);
      break;
    case WSK_FLAG_STREAM_SOCKET:
      WrapConnection(TableOf<WSK_PROVIDER_STREAM_DISPATCH>(real), kept, &ours->stream);
      Wrap(TableOf<WSK_PROVIDER_STREAM_DISPATCH>(real).WskAccept, OnAccept, &kept->accept,
           &ours->stream.WskAccept);
      Wrap(TableOf<WSK_PROVIDER_STREAM_DISPATCH>(real).WskListen, OnListen, &kept->listen,
           &ours->stream.WskListen);
      break;
    default:
      WrapBasic(TableOf<WSK_PROVIDER_BASIC_DISPATCH>(real), kept, &ours->basic);
      break;
  }
  socket->wsk.Dispatch = ours;
}

void AdoptExtension(Socket* socket, WSK_EXTENSION_CONTROL_OUT* out) {
  if (out->ProviderDispatch == nullptr || out->ProviderDispatch == &kPing) return;
  socket->extension.provider_context = out->ProviderContext;
  socket->extension.provider = static_cast<const WSKEMU_PROVIDER_PING_DISPATCH*>(out->ProviderDispatch);
  *out = {socket, &kPing};
}

}  // namespace wskcert::saboteurs
