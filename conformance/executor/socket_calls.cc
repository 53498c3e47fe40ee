// One function for each of a socket's functions: its arguments from the step, then the call between its
// stamps.
#include "conformance/executor/functions.h"
#include "conformance/executor/pattern.h"
#include "conformance/executor/session.h"

namespace wskcert {
namespace {

// Makes the call, between its stamps, if the provider's table has the function; else records a skip.
#define WSKCERT_CALL(call, length, offset, code, function, ...) \
  do {                                                          \
    auto* const function_ = (function);                         \
    if (function_ == nullptr) {                                 \
      AbandonCall((call), SkipReason::kNoFunction);             \
    } else {                                                    \
      BeginCall((call), (length), (offset), (code));            \
      EndCall((call), function_(__VA_ARGS__));                  \
    }                                                           \
  } while (false)

// Where an address argument lies: with the IRP, so that it stays valid, or with the caller.
struct Addresses {
  alignas(8) uint8_t on_stack[2][32] = {};
  uint8_t* Of(const Call* call, int which) {
    return call->irp != nullptr ? call->irp->data.address[which] : on_stack[which];
  }
};
PSOCKADDR AsAddress(uint8_t* bytes) { return reinterpret_cast<PSOCKADDR>(bytes); }

void EventCallback(Call* call) {
  const ProgramStep* step = call->step;
  // The buffer of a pended disable stays valid until the IRP completes; without one it need not outlive the
  // call.
  WSK_EVENT_CALLBACK_CONTROL on_stack;
  WSK_EVENT_CALLBACK_CONTROL* control = call->irp != nullptr ? &call->irp->control : &on_stack;
  control->NpiId = const_cast<NPIID*>(NpiPointer(step->npi));
  control->EventMask = step->mask;
  const SIZE_T size = step->size != 0 ? step->size : sizeof(*control);
  WSKCERT_CALL(call, static_cast<uint32_t>(size), 0, step->npi, Basic(call->socket)->WskControlSocket,
               call->socket->socket, WskSetOption, SO_WSK_EVENT_CALLBACK, SOL_SOCKET, size, control, 0,
               nullptr, nullptr, IrpOf(*call));
}

// Options and ioctls that return something: what it is goes to the observation of the return or of the
// completion.
void Query(Call* call, WSK_CONTROL_SOCKET_TYPE type, ULONG code, ULONG level, SIZE_T size) {
  auto* function = Basic(call->socket)->WskControlSocket;
  if (function == nullptr) return AbandonCall(call, SkipReason::kNoFunction);
  WSK_INSPECT_ID on_stack = {};
  void* output = call->irp != nullptr ? static_cast<void*>(&call->irp->data) : &on_stack;
  RtlZeroMemory(output, sizeof(on_stack));
  SIZE_T returned = 0;
  BeginCall(call, static_cast<uint32_t>(size), 0, 0);
  const NTSTATUS status = function(call->socket->socket, type, code, level, 0, nullptr, size, output,
                                   call->irp != nullptr ? nullptr : &returned, IrpOf(*call));
  if (call->irp != nullptr) return EndCall(call, status, returned);
  const bool inspect = static_cast<Op>(call->step->op) == Op::kQueryInspectId && NT_SUCCESS(status);
  EndCall(call, status, returned, static_cast<ULONG>(on_stack.Key),
          inspect ? NumberOfId(call->session, call->socket->listener, on_stack, false) : 0);
}

// Options and ioctls that take something.
void Control(Call* call, WSK_CONTROL_SOCKET_TYPE type, ULONG code, ULONG level, void* input, SIZE_T size) {
  WSKCERT_CALL(call, static_cast<uint32_t>(size), 0, static_cast<uint8_t>(call->step->code),
               Basic(call->socket)->WskControlSocket, call->socket->socket, type, code, level, size, input, 0,
               nullptr, nullptr, IrpOf(*call));
}

void ConditionalAccept(Call* call) {
  ULONG on_stack;
  ULONG* value = call->irp != nullptr ? &call->irp->data.value : &on_stack;
  *value = call->step->code;
  Control(call, WskSetOption, SO_CONDITIONAL_ACCEPT, SOL_SOCKET, value, sizeof(*value));
}

void SetAddress(Call* call, ULONG code) {
  Session* session = call->session;
  Addresses addresses;
  uint8_t* address = addresses.Of(call, 0);
  const uint32_t length = session->environment.PeerAddress(session->environment.context, call->step->peer,
                                                           session->header->ipv6 != 0, address);
  if (length == 0) return AbandonCall(call, SkipReason::kNotHere);
  Control(call, WskIoctl, code, call->step->mask, address, length);
}

void RegisterExtension(Call* call) {
  SocketSlot* socket = call->socket;
  auto* function = Basic(socket)->WskControlSocket;
  if (function == nullptr) return AbandonCall(call, SkipReason::kNoFunction);
  WSK_EXTENSION_CONTROL_IN in = {const_cast<NPIID*>(NpiPointer(call->step->npi)), socket,
                                 ExtensionDispatch()};
  // What a provider does not fill in is told by its still being ours.
  PVOID const ours = call;
  WSK_EXTENSION_CONTROL_OUT out = {ours, ours};
  BeginCall(call, sizeof(in), 0, call->step->npi);
  const NTSTATUS status = function(socket->socket, WskIoctl, SIO_WSK_REGISTER_EXTENSION, call->step->mask,
                                   sizeof(in), &in, sizeof(out), &out, nullptr, IrpOf(*call));
  uint64_t unfilled = 0;
  if (NT_SUCCESS(status)) {
    unfilled = (out.ProviderDispatch == ours || out.ProviderDispatch == nullptr ? kUnfilledDispatch : 0) |
               (out.ProviderContext == ours ? kUnfilledContext : 0);
    if (unfilled == 0) socket->extension = out;
  }
  EndCall(call, status, unfilled);
}

void Ping(Call* call) {
  const auto* table =
      static_cast<const WSKEMU_PROVIDER_PING_DISPATCH*>(call->socket->extension.ProviderDispatch);
  if (table == nullptr) return AbandonCall(call, SkipReason::kNoFunction);
  WSKCERT_CALL(call, call->step->length, 0, 0, table->Ping, call->socket->extension.ProviderContext,
               call->step->length);
}

// The bytes of a send on a connection; their place in its stream is the return.
uint64_t FillOutgoing(Call* call) {
  Session* session = call->session;
  SocketSlot* socket = call->socket;
  const uint16_t peer = socket->peer;
  if (call->step->length == 0 || peer == kNoSlot) return socket->sent;
  const uint64_t offset = CountBy<uint64_t>(socket->sent.address(), call->step->length);
  FillPattern(StreamId(peer, session->peers[peer].generation, true), offset, call->irp->bytes,
              call->step->length);
  return offset;
}

void SendTo(Call* call) {
  Session* session = call->session;
  const ProgramStep* step = call->step;
  if (!IsDatagram(call->socket)) return AbandonCall(call, SkipReason::kNoFunction);
  uint8_t* address = call->irp->data.address[0];
  if (session->environment.PeerAddress(session->environment.context, step->peer, session->header->ipv6 != 0,
                                       address) == 0) {
    return AbandonCall(call, SkipReason::kNotHere);
  }
  PeerSlot* peer = &session->peers[step->peer];
  const uint64_t offset = CountBy<uint64_t>(peer->datagrams_to_it.address(), step->length);
  if (step->length != 0) FillPattern(StreamId(step->peer, 0, true), offset, call->irp->bytes, step->length);
  WSKCERT_CALL(call, step->length, offset, 0, Datagram(call->socket)->WskSendTo, call->socket->socket,
               &call->irp->buffer, step->flags, AsAddress(address), 0, nullptr, IrpOf(*call));
}

void ReceiveFrom(Call* call) {
  if (!IsDatagram(call->socket)) return AbandonCall(call, SkipReason::kNoFunction);
  IrpSlot* irp = call->irp;
  irp->control_length = 0;
  irp->control_flags = 0;
  RtlZeroMemory(irp->data.address, sizeof(irp->data.address));
  WSKCERT_CALL(call, call->step->length, 0, 0, Datagram(call->socket)->WskReceiveFrom, call->socket->socket,
               &irp->buffer, call->step->flags, AsAddress(irp->data.address[0]), &irp->control_length,
               nullptr, &irp->control_flags, IrpOf(*call));
}

void Connect(Call* call, bool ex) {
  Session* session = call->session;
  const ProgramStep* step = call->step;
  SocketSlot* socket = call->socket;
  Addresses addresses;
  uint8_t* address = addresses.Of(call, 0);
  if (session->environment.PeerAddress(session->environment.context, step->peer, session->header->ipv6 != 0,
                                       address) == 0) {
    return AbandonCall(call, SkipReason::kNotHere);
  }
  const bool there = ex ? WSKCERT_OF_CONNECTION(socket, WskConnectEx) != nullptr
                        : WSKCERT_OF_CONNECTION(socket, WskConnect) != nullptr;
  if (!there) return AbandonCall(call, SkipReason::kNoFunction);
  if (!TakePeer(session, step->peer, socket)) return AbandonCall(call, SkipReason::kFullSlot);
  if (ex) {
    const uint64_t offset = FillOutgoing(call);
    WSKCERT_CALL(call, step->length, offset, 0, WSKCERT_OF_CONNECTION(socket, WskConnectEx), socket->socket,
                 AsAddress(address), step->length != 0 ? &call->irp->buffer : nullptr, step->flags,
                 IrpOf(*call));
  } else {
    WSKCERT_CALL(call, 0, 0, 0, WSKCERT_OF_CONNECTION(socket, WskConnect), socket->socket, AsAddress(address),
                 0, IrpOf(*call));
  }
}

// Calls that move bytes. The pages require an IRP; without one there is also no buffer that could outlive the
// call.
void Transfer(Call* call) {
  const ProgramStep* step = call->step;
  SocketSlot* socket = call->socket;
  if (call->irp == nullptr) return AbandonCall(call, SkipReason::kEmptySlot);
  if (!PrepareBuffer(call->session, call->irp, step->length)) return AbandonCall(call, SkipReason::kLimit);
  WSK_BUF* buffer = &call->irp->buffer;
  // Bytes that an earlier run received here must not be taken for what a provider says it received.
  const bool receives =
      static_cast<Op>(step->op) == Op::kReceive || static_cast<Op>(step->op) == Op::kReceiveFrom;
  if (receives && step->length != 0) RtlZeroMemory(call->irp->bytes, step->length);
  switch (static_cast<Op>(step->op)) {
    case Op::kSendTo:
      return SendTo(call);
    case Op::kReceiveFrom:
      return ReceiveFrom(call);
    case Op::kConnectEx:
      return Connect(call, true);
    case Op::kReceive:
      WSKCERT_CALL(call, step->length, 0, 0, WSKCERT_OF_CONNECTION(socket, WskReceive), socket->socket,
                   buffer, step->flags, IrpOf(*call));
      return;
    case Op::kDisconnect: {
      const uint64_t offset = FillOutgoing(call);
      WSKCERT_CALL(call, step->length, offset, 0, WSKCERT_OF_CONNECTION(socket, WskDisconnect),
                   socket->socket, step->length != 0 ? buffer : nullptr, step->flags, IrpOf(*call));
      return;
    }
    default: {
      const uint64_t offset = FillOutgoing(call);
      WSKCERT_CALL(call, step->length, offset, 0, WSKCERT_OF_CONNECTION(socket, WskSend), socket->socket,
                   buffer, step->flags, IrpOf(*call));
    }
  }
}

void Release(Call* call) {
  Session* session = call->session;
  SocketSlot* socket = call->socket;
  void* list = nullptr;
  if (call->step->target != kNoSlot) {
    RetainedSlot* slot = &session->retained[call->step->target];
    if (ReadAcquire(&slot->state) != kSlotFull || slot->socket != socket->index ||
        InterlockedCompareExchange(&slot->state, kSlotReleased, kSlotFull) != kSlotFull) {
      return AbandonCall(call, SkipReason::kEmptySlot);
    }
    CountDown(&socket->retained);
    list = slot->list;
  }
  if (IsDatagram(socket)) {
    WSKCERT_CALL(call, 0, 0, 0, Datagram(socket)->WskRelease, socket->socket,
                 static_cast<WSK_DATAGRAM_INDICATION*>(list));
  } else {
    WSKCERT_CALL(call, 0, 0, 0, WSKCERT_OF_CONNECTION(socket, WskRelease), socket->socket,
                 static_cast<WSK_DATA_INDICATION*>(list));
  }
}

void Accept(Call* call) {
  Session* session = call->session;
  const ProgramStep* step = call->step;
  SocketSlot* made = &session->sockets[step->target];
  auto* function = WSKCERT_OF_LISTENER(call->socket, WskAccept);
  if (function == nullptr) return AbandonCall(call, SkipReason::kNoFunction);
  if (InterlockedCompareExchange(&made->state, kSocketCreating, kSocketEmpty) != kSocketEmpty) {
    return AbandonCall(call, SkipReason::kFullSlot);
  }
  made->category = static_cast<uint8_t>(Category::kConnection);
  made->client = call->socket->client;
  made->listener = call->socket->index;
  const void* dispatch = ClientDispatch(made, step->mask);
  Addresses addresses;
  RtlZeroMemory(addresses.Of(call, 0), 32);
  WSKCERT_CALL(call, 0, 0, 0, function, call->socket->socket, step->flags, made,
               static_cast<const WSK_CLIENT_CONNECTION_DISPATCH*>(dispatch), AsAddress(addresses.Of(call, 1)),
               AsAddress(addresses.Of(call, 0)), IrpOf(*call));
}

void InspectComplete(Call* call) {
  InspectSlot* slot = &call->session->inspects[call->step->target];
  if (ReadAcquire(&slot->state) != kSlotFull) return AbandonCall(call, SkipReason::kEmptySlot);
  WSK_INSPECT_ID on_stack = slot->id;
  WSK_INSPECT_ID* id = call->irp != nullptr ? &call->irp->data.inspect_id : &on_stack;
  *id = slot->id;
  WSKCERT_CALL(call, 0, 0, static_cast<uint8_t>(call->step->code), InspectCompleteOf(call->socket),
               call->socket->socket, id, static_cast<WSK_INSPECT_ACTION>(call->step->code), IrpOf(*call));
}

void Close(Call* call) {
  SocketSlot* socket = call->socket;
  auto* function = Basic(socket)->WskCloseSocket;
  if (function == nullptr) return AbandonCall(call, SkipReason::kNoFunction);
  InterlockedExchange(&socket->state, kSocketClosing);
  BeginCall(call, 0, 0, 0);
  EndCall(call, function(socket->socket, IrpOf(*call)));
}

void Bind(Call* call) {
  Addresses addresses;
  uint8_t* address = addresses.Of(call, 1);
  LocalAddressOf(call->session, call->socket->index, address);
  // A socket that will connect takes any port.
  if (static_cast<Category>(call->socket->category) == Category::kConnection) {
    reinterpret_cast<SOCKADDR_IN*>(address)->sin_port = 0;
  }
  WSKCERT_CALL(call, 0, 0, 0, BindOf(call->socket), call->socket->socket, AsAddress(address), 0,
               IrpOf(*call));
}

}  // namespace

void LocalAddressOf(const Session* session, uint16_t socket, uint8_t* address) {
  constexpr uint16_t kFirstPort = 5000;
  const uint16_t first = session->environment.first_port != 0 ? session->environment.first_port : kFirstPort;
  RtlZeroMemory(address, 32);
  reinterpret_cast<SOCKADDR*>(address)->sa_family = session->header->ipv6 ? AF_INET6 : AF_INET;
  const uint16_t port = static_cast<uint16_t>(first + socket);
  // The port is at the same place in both families.
  reinterpret_cast<SOCKADDR_IN*>(address)->sin_port = static_cast<uint16_t>(port << 8 | port >> 8);
}

void RunSocketCall(Session* session, const ProgramStep* step, uint32_t step_index) {
  SocketSlot* socket = &session->sockets[step->socket];
  Call call;
  if (!OpenCall(session, step, step_index, socket, &call)) return;
  Addresses addresses;
  switch (static_cast<Op>(step->op)) {
    case Op::kBind:
      return Bind(&call);
    case Op::kListen:
      WSKCERT_CALL(&call, 0, 0, 0, ListenOf(socket), socket->socket, IrpOf(call));
      return;
    case Op::kConnect:
      return Connect(&call, false);
    case Op::kAccept:
      return Accept(&call);
    case Op::kEventCallback:
      return EventCallback(&call);
    case Op::kGetEventCallback:
      return Query(&call, WskGetOption, SO_WSK_EVENT_CALLBACK, SOL_SOCKET, sizeof(ULONG));
    case Op::kConditionalAccept:
      return ConditionalAccept(&call);
    case Op::kGetConditionalAccept:
      return Query(&call, WskGetOption, SO_CONDITIONAL_ACCEPT, SOL_SOCKET, sizeof(ULONG));
    case Op::kQuerySendBacklog:
      return Query(&call, WskIoctl, SIO_WSK_QUERY_IDEAL_SEND_BACKLOG, step->mask, sizeof(SIZE_T));
    case Op::kQueryInspectId:
      return Query(&call, WskIoctl, SIO_WSK_QUERY_INSPECT_ID, step->mask, sizeof(WSK_INSPECT_ID));
    case Op::kRegisterExtension:
      return RegisterExtension(&call);
    case Op::kPing:
      return Ping(&call);
    case Op::kSetRemoteAddress:
      return SetAddress(&call, SIO_WSK_SET_REMOTE_ADDRESS);
    case Op::kSetSendToAddress:
      return SetAddress(&call, SIO_WSK_SET_SENDTO_ADDRESS);
    case Op::kSetSilentMode:
      return Control(&call, WskIoctl, SIO_WSK_SET_TCP_SILENT_MODE, step->mask, nullptr, 0);
    case Op::kConnectEx:
    case Op::kSend:
    case Op::kReceive:
    case Op::kSendTo:
    case Op::kReceiveFrom:
    case Op::kDisconnect:
      return Transfer(&call);
    case Op::kRelease:
      return Release(&call);
    case Op::kInspectComplete:
      return InspectComplete(&call);
    case Op::kGetLocalAddress:
      WSKCERT_CALL(&call, 0, 0, 0, GetLocalAddressOf(socket), socket->socket,
                   AsAddress(addresses.Of(&call, 1)), IrpOf(call));
      return;
    case Op::kGetRemoteAddress:
      WSKCERT_CALL(&call, 0, 0, 0, WSKCERT_OF_CONNECTION(socket, WskGetRemoteAddress), socket->socket,
                   AsAddress(addresses.Of(&call, 0)), IrpOf(call));
      return;
    case Op::kClose:
      return Close(&call);
    default:
      return AbandonCall(&call, SkipReason::kNotHere);
  }
}

}  // namespace wskcert
