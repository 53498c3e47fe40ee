// Event callbacks of listening sockets, of datagram sockets and of the emulator's extension interface.
#include "conformance/executor/callback.h"

namespace wskcert {
namespace {

uint16_t PeerAt(const Session* session, PSOCKADDR address) {
  if (address == nullptr) return kNoSlot;
  const uint32_t peer = session->environment.PeerOfAddress(session->environment.context, address);
  return peer < session->header->peers ? static_cast<uint16_t>(peer) : kNoSlot;
}

bool OfOurFamily(const Session* session, PSOCKADDR address) {
  return address != nullptr && address->sa_family == (session->header->ipv6 != 0 ? AF_INET6 : AF_INET);
}

void DescribeAddresses(const SocketSlot* listener, PSOCKADDR local, PSOCKADDR remote, Observation* o) {
  const Session* session = listener->session;
  o->peer = PeerAt(session, remote);
  if (!OfOurFamily(session, local) || !OfOurFamily(session, remote)) {
    o->code = 1;
    return;
  }
  // The port is at the same place in both families.
  alignas(8) uint8_t bound[32];
  LocalAddressOf(session, listener->index, bound);
  const auto port = [](const void* address) { return static_cast<const SOCKADDR_IN*>(address)->sin_port; };
  if (port(local) != port(bound)) o->code = 2;
}

// Makes the script's target slot the accepted socket, before the script runs: steps inside the callback may
// already use it. Null: it cannot be accepted, so it is refused.
SocketSlot* TakeAccepted(Session* session, const ProgramScript* script, const SocketSlot* listener,
                         PWSK_SOCKET accepted, uint16_t peer) {
  if (script == nullptr || script->target == kNoSlot || accepted == nullptr) return nullptr;
  if (accepted->Dispatch == nullptr) return nullptr;
  if (ReturnOf(script) == ScriptReturn::kRefuse) return nullptr;
  SocketSlot* made = &session->sockets[script->target];
  if (InterlockedCompareExchange(&made->state, kSocketCreating, kSocketEmpty) != kSocketEmpty) return nullptr;
  made->socket = accepted;
  made->category = static_cast<uint8_t>(Category::kConnection);
  made->client = listener->client;
  made->listener = listener->index;
  BindAccepted(session, made, peer);
  return made;
}

NTSTATUS WSKAPI PingEvent(PVOID context, ULONG value) {
  return Notice(context, Event::kExtension, 0, value, nullptr);
}

const WSKEMU_CLIENT_PING_DISPATCH kPingDispatch = {PingEvent};

}  // namespace

const void* ExtensionDispatch() { return &kPingDispatch; }

uint32_t NumberOfId(Session* session, uint16_t listener, const WSK_INSPECT_ID& id, bool add) {
  const uint32_t capacity = session->IdCapacity();
  for (uint32_t i = 0; i < capacity; ++i) {
    const SeenId& seen = session->ids[i];
    if (ReadAcquire(&seen.state) != kSlotFull || seen.socket != listener) continue;
    if (seen.id.Key == id.Key && seen.id.SerialNumber == id.SerialNumber) return i + 1;
  }
  const bool full = static_cast<uint32_t>(ReadAcquire(&session->ids_taken)) >= capacity;
  if (!add) return full ? 0 : kNoIndex;
  if (full) return 0;
  const uint32_t taken = static_cast<uint32_t>(InterlockedIncrement(&session->ids_taken)) - 1;
  if (taken >= capacity) return 0;
  SeenId* seen = &session->ids[taken];
  seen->id = id;
  seen->socket = listener;
  seen->slot = kNoSlot;
  InterlockedExchange(&seen->state, kSlotFull);
  return taken + 1;
}

uint16_t InspectSlotOf(const Session* session, uint32_t number) {
  const bool known = number != 0 && number <= session->IdCapacity();
  return known ? static_cast<uint16_t>(ReadAcquire(&session->ids[number - 1].slot)) : kNoSlot;
}

NTSTATUS WSKAPI AcceptEvent(PVOID context, ULONG flags, PSOCKADDR local, PSOCKADDR remote,
                            PWSK_SOCKET accepted, PVOID* accepted_context,
                            CONST WSK_CLIENT_CONNECTION_DISPATCH** accepted_dispatch) {
  Session* session;
  SocketSlot* socket = SocketOf(context, &session);
  if (socket == nullptr) {
    BadContext(session, Event::kAccept);
    return STATUS_REQUEST_NOT_ACCEPTED;
  }
  Callback call(socket, Event::kAccept);
  if (Observation* o = call.observation()) {
    o->flags = flags;
    if (accepted == nullptr) {
      o->seen_flags |= kSeenNullIndication;
    } else {
      DescribeAddresses(socket, local, remote, o);
    }
  }
  call.Begin();
  const ProgramScript* script = call.Script();
  SocketSlot* made = TakeAccepted(session, script, socket, accepted, PeerAt(session, remote));
  if (made != nullptr) {
    *accepted_context = made;
    *accepted_dispatch =
        static_cast<const WSK_CLIENT_CONNECTION_DISPATCH*>(ClientDispatch(made, script->mask));
    InterlockedExchange(&made->state, kSocketOpen);
  }
  call.Play(script);
  NTSTATUS status = made != nullptr ? STATUS_SUCCESS : STATUS_REQUEST_NOT_ACCEPTED;
  if (ReturnOf(script) == ScriptReturn::kRaw) status = static_cast<NTSTATUS>(script->status);
  // A socket that is not accepted is the provider's again.
  if (made != nullptr && !NT_SUCCESS(status)) {
    InterlockedExchange(&made->state, kSocketFailed);
    if (made->peer != kNoSlot) session->peers[made->peer].socket = kNoSlot;
  }
  call.End(status, 0, made != nullptr ? made->index : kNoSlot, script != nullptr ? script->mask : 0);
  return status;
}

WSK_INSPECT_ACTION WSKAPI InspectEvent(PVOID context, PSOCKADDR local, PSOCKADDR remote, PWSK_INSPECT_ID id) {
  Session* session;
  SocketSlot* socket = SocketOf(context, &session);
  if (socket == nullptr) {
    BadContext(session, Event::kInspect);
    return WskInspectReject;
  }
  Callback call(socket, Event::kInspect);
  const ProgramScript* script = call.Script();
  uint16_t target = kNoSlot;
  uint32_t number = 0;
  if (id != nullptr) number = NumberOfId(session, socket->index, *id, true);
  if (script != nullptr && script->target != kNoSlot && id != nullptr) {
    InspectSlot* slot = &session->inspects[script->target];
    if (InterlockedCompareExchange(&slot->state, kSlotFilling, kSlotEmpty) == kSlotEmpty) {
      slot->id = *id;
      InterlockedExchange(&slot->state, kSlotFull);
      target = script->target;
      if (number != 0) InterlockedExchange(&session->ids[number - 1].slot, target);
    }
  }
  if (Observation* o = call.observation()) {
    if (id == nullptr) {
      o->seen_flags |= kSeenNullIndication;
    } else {
      DescribeAddresses(socket, local, remote, o);
      o->information = number;
    }
    o->target = target;
  }
  call.Begin();
  call.Play(script);
  WSK_INSPECT_ACTION action = WskInspectAccept;
  switch (ReturnOf(script)) {
    // Without a slot nobody could complete the inspection later.
    case ScriptReturn::kRetain:
      action = target != kNoSlot ? WskInspectPend : WskInspectAccept;
      break;
    case ScriptReturn::kRefuse:
      action = WskInspectReject;
      break;
    case ScriptReturn::kRaw:
      action = static_cast<WSK_INSPECT_ACTION>(script->status);
      break;
    default:
      break;
  }
  call.End(static_cast<NTSTATUS>(action), 0, target);
  return action;
}

NTSTATUS WSKAPI AbortEvent(PVOID context, PWSK_INSPECT_ID id) {
  return Notice(context, Event::kAbort, 0, 0, id);
}

NTSTATUS WSKAPI ReceiveFromEvent(PVOID context, ULONG flags, PWSK_DATAGRAM_INDICATION list) {
  Session* session;
  SocketSlot* socket = SocketOf(context, &session);
  if (socket == nullptr) {
    BadContext(session, Event::kReceiveFrom);
    return STATUS_SUCCESS;
  }
  Callback call(socket, Event::kReceiveFrom);
  Indication read = {0, 0, {Content::kNone, kNoSlot, 0}, true};
  const bool countable = ReadDatagrams(session, list, &read);
  if (Observation* o = call.observation()) {
    o->flags = flags;
    o->mask = read.nodes;
    o->length = static_cast<uint32_t>(read.bytes);
    if (list == nullptr) o->seen_flags |= kSeenNullIndication;
  }
  call.Begin();
  if (!countable || !RecordDatagrams(session, socket, list, call.stamp())) {
    Fault(session, FaultKind::kBadIndication, socket->index, kNoSlot, call.stamp(), 0);
  }
  const ProgramScript* script = call.Script();
  call.Play(script);
  NTSTATUS status = STATUS_SUCCESS;
  uint16_t target = kNoSlot;
  if (list != nullptr) {
    switch (ReturnOf(script)) {
      case ScriptReturn::kRefuse:
        status = STATUS_DATA_NOT_ACCEPTED;
        break;
      case ScriptReturn::kRaw:
        status = static_cast<NTSTATUS>(script->status);
        break;
      case ScriptReturn::kRetain:
        if (Retain(session, socket, script->target, list, read, call.stamp())) {
          status = STATUS_PENDING;
          target = script->target;
        }
        break;
      default:
        break;
    }
  }
  call.End(status, 0, target);
  return status;
}

}  // namespace wskcert
