// What steps do to what lives: Life::Take and what it calls. life.cc says what a step would be.
#include "fuzz/life.h"

namespace wskcert::fuzz {

// ---- What it does

void Life::Take(const Step& step, const Slots& slots, Outlook outlook, int depth) {
  const Step::OpCase op = step.op_case();
  if (outlook == Outlook::kFull || outlook == Outlook::kBusy) return;
  if (Waits(op)) return Settle();
  if (op == Step::kReleaseHold) {
    if (Tracked(slots.hold, kTrackedHolds)) Release(slots.hold);
    return;
  }
  if (op == Step::kCancelIrp) {
    if (step.irp() < kTrackedIrps && irps[step.irp()].out == Out::kLong) irps[step.irp()].out = Out::kShort;
    return;
  }
  if (IsStimulus(op)) return TakeStimulus(step, slots, depth);
  if (op < Step::kSocket) return TakeClientCall(step);
  if (!Tracked(slots.socket, kTrackedSockets)) return;
  const Stage stage = sockets[slots.socket].stage;
  if (op == Step::kSocket || op == Step::kSocketConnect) {
    if (stage == Stage::kNone) Make(step, slots);
    return;
  }
  if (stage == Stage::kNone || stage == Stage::kMaking || stage == Stage::kClosed) return;
  TakeSocketCall(step, slots, depth);
}

void Life::Make(const Step& step, const Slots& slots) {
  const Step::OpCase op = step.op_case();
  const int irp = step.has_irp() ? static_cast<int>(step.irp()) : -1;
  Send(irp, Out::kShort, slots.socket, op);
  SocketLife* socket = &sockets[slots.socket];
  *socket = SocketLife();
  const uint32_t client = step.client();
  socket->client = static_cast<uint8_t>(client);
  socket->stage = Stage::kMaking;
  moving |= 1u << slots.socket;
  if (op == Step::kSocket) {
    socket->category =
        static_cast<uint8_t>(static_cast<uint32_t>(step.socket().category()) | step.socket().raw_flags());
  } else {
    socket->category = NewSocket::CONNECTION;
    socket->stage = Stage::kConnecting;
    if (Tracked(slots.peer, kTrackedPeers)) {
      socket->peer = static_cast<int16_t>(slots.peer);
      PeerLife& peer = peers[slots.peer];
      peer.state = PeerLife::kAsking;
      peer.fin = false;
      peer.socket = static_cast<int16_t>(slots.socket);
      if (peer.policy == PeerListen::IGNORES && Tracked(irp, kTrackedIrps)) irps[irp].out = Out::kLong;
    }
  }
  if (client >= kClients) return;
  clients[client].has_sockets = true;
  socket->enabled = static_cast<uint16_t>(clients[client].statics & EventsOf(socket->category));
}

void Life::Send(int irp, Out how, int socket, Step::OpCase op) {
  if (!Tracked(irp, kTrackedIrps)) return;
  irps[irp] = {how, static_cast<int16_t>(socket), static_cast<uint8_t>(op)};
  out |= uint64_t{1} << irp;
}

void Life::Wake(int socket) {
  for (uint64_t left = out; left != 0; left &= left - 1) {
    IrpLife& irp = irps[__builtin_ctzll(left)];
    if (irp.out == Out::kLong && irp.socket == socket) irp.out = Out::kShort;
  }
}

void Life::Release(int hold) {
  const int socket = holds[hold].socket;
  holds[hold].released = true;
  if (socket < 0) return;
  holds[hold].socket = -1;
  if (sockets[socket].held > 0) --sockets[socket].held;
  Wake(socket);
}

void Life::Settle() {
  for (uint64_t left = out; left != 0; left &= left - 1) {
    const int i = __builtin_ctzll(left);
    if (irps[i].out == Out::kLong) continue;
    irps[i].out = Out::kFree;
    out &= ~(uint64_t{1} << i);
  }
  const uint32_t all = moving;
  moving = 0;
  for (uint32_t left = all; left != 0; left &= left - 1) {
    const int i = __builtin_ctz(left);
    SocketLife& socket = sockets[i];
    if (socket.stage == Stage::kMaking) socket.stage = Stage::kMade;
    if (socket.stage == Stage::kBinding) socket.stage = Stage::kBound;
    if (socket.stage != Stage::kConnecting || !Tracked(socket.peer, kTrackedPeers)) continue;
    PeerLife& peer = peers[socket.peer];
    if (peer.policy == PeerListen::IGNORES) moving |= 1u << i;
    if (peer.policy == PeerListen::ACCEPTS) {
      socket.stage = Stage::kConnected;
      peer.state = PeerLife::kConnected;
      if (socket.data != 0) FireData(i, 0);
    } else if (peer.policy == PeerListen::REFUSES) {
      socket.stage = Stage::kBound;
      peer.state = PeerLife::kIdle;
      peer.socket = socket.peer = -1;
    }
  }
}

void Life::TakeClientCall(const Step& step) {
  if (step.client() >= kClients) return;
  ClientLife& client = clients[step.client()];
  const int irp = step.has_irp() ? static_cast<int>(step.irp()) : -1;
  switch (step.op_case()) {
    case Step::kRegister:
      client.registered = client.ever = true;
      return;
    case Step::kCapture:
      if (client.registered && client.captured < 100) ++client.captured;
      return;
    case Step::kReleaseNpi:
      if (client.captured > 0) --client.captured;
      return;
    case Step::kDeregister:
      client.registered = false;
      return;
    case Step::kControlClient:
      Send(irp,
           step.control_client().code() == ControlClient::TRANSPORT_LIST_CHANGE ? Out::kLong : Out::kShort,
           -1, Step::kControlClient);
      if (step.control_client().code() != ControlClient::SET_STATIC_EVENT_CALLBACKS || client.has_sockets)
        return;
      for (const int flag : step.control_client().mask())
        client.statics |= static_cast<uint16_t>(flag & 0xFFFF);
      return;
    default:
      return;
  }
}

void Life::TakeSocketCall(const Step& step, const Slots& slots, int depth) {
  const int slot = slots.socket;
  SocketLife* socket = &sockets[slot];
  const Step::OpCase op = step.op_case();
  const int irp = step.has_irp() ? static_cast<int>(step.irp()) : -1;
  const bool acks_held = Tracked(socket->peer, kTrackedPeers) && peers[socket->peer].holds_acks;
  Out how = Out::kShort;
  switch (op) {
    case Step::kBind:
      if (socket->stage == Stage::kMade) Move(slot, Stage::kBinding);
      break;
    case Step::kListen:
      socket->listening = true;
      break;
    case Step::kConnect:
    case Step::kConnectEx:
      if (socket->peer >= 0 || !Tracked(slots.peer, kTrackedPeers)) break;
      if (socket->stage != Stage::kBound && socket->stage != Stage::kBinding) break;
      Move(slot, Stage::kConnecting);
      socket->peer = static_cast<int16_t>(slots.peer);
      peers[slots.peer].state = PeerLife::kAsking;
      peers[slots.peer].fin = false;
      peers[slots.peer].socket = static_cast<int16_t>(slot);
      if (peers[slots.peer].policy == PeerListen::IGNORES) how = Out::kLong;
      break;
    case Step::kEventCallback:
      if (Disables(step.event_callback()) && socket->held != 0) how = Out::kLong;
      Send(irp, how, slot, op);
      return TakeControl(step.event_callback(), socket, slot, depth);
    case Step::kConditionalAccept:
      if (socket->stage <= Stage::kMade) socket->conditional = step.conditional_accept().value() != 0;
      break;
    case Step::kRegisterExtension:
      socket->extension = socket->extension || step.register_extension().npi() == NPI_EXTENSION;
      break;
    case Step::kPing:
      if (socket->pings) Fire(slot, EXTENSION_EVENT, -1, depth);
      return;
    case Step::kSetSilentMode:
      socket->silent = true;
      break;
    case Step::kSend:
      if (acks_held || step.send().length() > 30000) how = Out::kLong;
      break;
    case Step::kDisconnect:
      if (acks_held) how = Out::kLong;
      socket->fin_out = true;
      if (step.disconnect().abortive()) {
        socket->dead = true;
        Wake(slot);
      }
      break;
    case Step::kReceive:
    case Step::kReceiveFrom:
      if (socket->data == 0 && !socket->fin_in && !socket->dead) {
        how = Out::kLong;
      } else if (socket->data > 0) {
        --socket->data;
      }
      socket->suspended = false;
      break;
    case Step::kRelease:
      if (Tracked(slots.retained, kTrackedLists) && lists[slots.retained].socket == slot) {
        lists[slots.retained].socket = -1;
        if (socket->lists > 0) --socket->lists;
      }
      return;
    case Step::kInspectComplete: {
      if (!Tracked(slots.inspect, kTrackedInspects)) break;
      InspectLife& inspect = inspects[slots.inspect];
      const bool open = inspect.state == InspectLife::kPended;
      if (inspect.state != InspectLife::kNone) inspect.state = InspectLife::kAnswered;
      Send(irp, how, slot, op);
      if (!open) return;
      if (step.inspect_complete().action() == InspectComplete::ACCEPT_CONNECTION) {
        Arrive(slot, inspect.peer, depth);
      } else if (Tracked(inspect.peer, kTrackedPeers)) {
        peers[inspect.peer].state = PeerLife::kIdle;
      }
      return;
    }
    case Step::kAccept: {
      if (!Tracked(slots.accepted, kTrackedSockets)) break;
      SocketLife& made = sockets[slots.accepted];
      if (made.stage != Stage::kNone) return;
      for (int16_t& waiting : socket->waiting) {
        if (waiting < 0) continue;
        const int peer = waiting;
        waiting = -1;
        Send(irp, Out::kShort, slot, op);
        return Connected(slots.accepted, slot, peer, depth);
      }
      // Made at the next settle as far as its slot goes; a connection once one has come.
      Move(slots.accepted, Stage::kMaking);
      made.category = NewSocket::CONNECTION;
      made.listener = static_cast<int16_t>(slot);
      for (int16_t& queued : socket->accepts) {
        if (queued >= 0) continue;
        queued = static_cast<int16_t>(slots.accepted);
        break;
      }
      how = Out::kLong;
      break;
    }
    case Step::kClose:
      socket->stage = Stage::kClosed;
      socket->enabled = 0;
      Wake(slot);
      if (Tracked(socket->peer, kTrackedPeers) && peers[socket->peer].socket == slot) {
        peers[socket->peer] = {.policy = peers[socket->peer].policy};
      }
      if (socket->held != 0) how = Out::kLong;
      break;
    default:
      break;
  }
  if (IrpOf(op) != TakesIrp::kNo) Send(irp, how, slot, op);
}

void Life::TakeControl(const EventCallback& request, SocketLife* socket, int slot, int depth) {
  const uint32_t mask = MaskOf(request);
  if (request.npi() == NPI_EXTENSION) {
    if (socket->extension && (mask & 0x40) != 0) socket->pings = !Disables(request);
    return;
  }
  if (request.npi() > NPI_WSK_COPY || request.size() != 0) return;
  const uint32_t good = mask & EventsOf(socket->category);
  const bool ready = socket->stage == Stage::kConnected || socket->stage == Stage::kBound;
  if (good == 0 || !ready) return;
  if (Disables(request)) {
    socket->enabled = static_cast<uint16_t>(socket->enabled & ~good);
    return;
  }
  socket->enabled = static_cast<uint16_t>(socket->enabled | good);
  socket->suspended = false;
  FireData(slot, depth);
}

// What waits for an event to be enabled.
void Life::FireData(int slot, int depth) {
  SocketLife& socket = sockets[slot];
  if (socket.data != 0 && !socket.suspended) {
    if ((socket.enabled & RECEIVE) != 0 && socket.stage == Stage::kConnected)
      Fire(slot, RECEIVE_EVENT, -1, depth);
    if ((socket.enabled & RECEIVE_FROM) != 0) Fire(slot, RECEIVE_FROM_EVENT, -1, depth);
  }
  if (socket.fin_in && (socket.enabled & DISCONNECT) != 0) Fire(slot, DISCONNECT_EVENT, -1, depth);
  if ((socket.enabled & ACCEPT) == 0) return;
  for (int16_t& waiting : socket.waiting) {
    if (waiting < 0) continue;
    const int peer = waiting;
    waiting = -1;
    Fire(slot, ACCEPT_EVENT, peer, depth);
  }
}

// A call of a callback, and what its script does.
void Life::Fire(int slot, EventName event, int peer, int depth) {
  SocketLife& socket = sockets[slot];
  const uint32_t nth = socket.fired[event];
  if (socket.fired[event] < 255) ++socket.fired[event];
  const Script* script = nullptr;
  for (const Script& candidate : sequence_->scripts()) {
    if (candidate.has_on_completion_of_irp() || candidate.event() != event ||
        static_cast<int>(candidate.socket()) != slot) {
      continue;
    }
    if (candidate.has_nth() ? candidate.nth() == nth : script == nullptr) script = &candidate;
    if (candidate.has_nth() && candidate.nth() == nth) break;
  }
  if (event == ACCEPT_EVENT) {
    const bool accepts = script != nullptr && script->has_target() && script->returns() != Script::REFUSE &&
                         !(script->returns() == Script::RAW && script->status() != 0);
    if (accepts) {
      Connected(static_cast<int>(script->target()), slot, peer, depth);
    } else if (Tracked(peer, kTrackedPeers)) {
      peers[peer].state = PeerLife::kIdle;
    }
  }
  if (event == RECEIVE_EVENT || event == RECEIVE_FROM_EVENT) {
    const bool keeps =
        script != nullptr && (script->returns() == Script::REFUSE || script->returns() == Script::PARTIAL);
    if (!keeps) socket.data = 0;
    socket.suspended = keeps;
  }
  if (script == nullptr) {
    if (event == INSPECT_EVENT) Arrive(slot, peer, depth);
    return;
  }
  if (depth < 3) {
    for (const Step& step : script->steps()) {
      const Slots slots = SlotsOf(step);
      Take(step, slots, Look(step, slots), depth + 1);
    }
  }
  if (script->has_hold() && Tracked(static_cast<int>(script->hold()), kTrackedHolds)) {
    HoldLife& hold = holds[script->hold()];
    if (hold.socket < 0 && !hold.released) {
      hold.socket = static_cast<int16_t>(slot);
      ++socket.held;
    }
  }
  if (event == INSPECT_EVENT) {
    const int target = script->has_target() ? static_cast<int>(script->target()) : -1;
    const bool pends = script->returns() == Script::RETAIN && target >= 0;
    if (Tracked(target, kTrackedInspects) && inspects[target].state == InspectLife::kNone) {
      inspects[target] = {static_cast<int16_t>(slot), static_cast<int16_t>(peer),
                          pends ? InspectLife::kPended : InspectLife::kAnswered};
    }
    if (pends) return;
    if (script->returns() == Script::REFUSE || (script->returns() == Script::RAW && script->status() == 0)) {
      if (Tracked(peer, kTrackedPeers)) peers[peer].state = PeerLife::kIdle;
      return;
    }
    return Arrive(slot, peer, depth);
  }
  const bool lists_data = event == RECEIVE_EVENT || event == RECEIVE_FROM_EVENT;
  if (lists_data && script->returns() == Script::RETAIN && script->has_target()) {
    const int target = static_cast<int>(script->target());
    if (Tracked(target, kTrackedLists) && !lists[target].filled) {
      lists[target] = {static_cast<int16_t>(slot), true};
      ++socket.lists;
    }
  }
}

// A connection that a listening socket may give to its client.
void Life::Arrive(int listener, int peer, int depth) {
  SocketLife& socket = sockets[listener];
  for (int16_t& queued : socket.accepts) {
    if (queued < 0) continue;
    const int made = queued;
    queued = -1;
    Wake(listener);
    sockets[made] = SocketLife();
    return Connected(made, listener, peer, depth);
  }
  if ((socket.enabled & ACCEPT) != 0) return Fire(listener, ACCEPT_EVENT, peer, depth);
  for (int16_t& waiting : socket.waiting) {
    if (waiting >= 0) continue;
    waiting = static_cast<int16_t>(peer);
    return;
  }
}

void Life::Connected(int slot, int listener, int peer, int) {
  if (!Tracked(slot, kTrackedSockets) || sockets[slot].stage != Stage::kNone) return;
  SocketLife& made = sockets[slot];
  made = SocketLife();
  made.stage = Stage::kConnected;
  made.category = NewSocket::CONNECTION;
  made.client = sockets[listener].client;
  made.listener = static_cast<int16_t>(listener);
  made.enabled = static_cast<uint16_t>((sockets[listener].enabled | clients[made.client].statics) &
                                       (RECEIVE | DISCONNECT | SEND_BACKLOG));
  if (!Tracked(peer, kTrackedPeers)) return;
  made.peer = static_cast<int16_t>(peer);
  peers[peer].state = PeerLife::kConnected;
  peers[peer].socket = static_cast<int16_t>(slot);
}

void Life::TakeStimulus(const Step& step, const Slots& slots, int depth) {
  const Step::OpCase op = step.op_case();
  if (op == Step::kBreakBound) {
    if (!Tracked(slots.socket, kTrackedSockets)) return;
    sockets[slots.socket].dead = true;
    return Wake(slots.socket);
  }
  if (op == Step::kPeerSendDatagram) {
    if (!Tracked(slots.socket, kTrackedSockets)) return;
    SocketLife& socket = sockets[slots.socket];
    if (socket.stage != Stage::kBound) return;
    ++socket.data;
    Wake(slots.socket);
    if ((socket.enabled & RECEIVE_FROM) != 0 && !socket.suspended)
      Fire(slots.socket, RECEIVE_FROM_EVENT, -1, depth);
    return;
  }
  if (!Tracked(slots.peer, kTrackedPeers)) return;
  PeerLife& peer = peers[slots.peer];
  if (op == Step::kPeerListen) {
    peer.policy = static_cast<uint8_t>(step.peer_listen().policy() % 3);
    return;
  }
  if (op == Step::kPeerConnect) {
    if (!Tracked(slots.socket, kTrackedSockets)) return;
    const SocketLife& socket = sockets[slots.socket];
    const bool listens = (socket.category == NewSocket::LISTEN || socket.listening) &&
                         (socket.stage == Stage::kBound || socket.stage == Stage::kBinding);
    if (!listens) return;
    peer.state = PeerLife::kAsking;
    peer.fin = false;
    peer.socket = static_cast<int16_t>(slots.socket);
    if (socket.conditional) return Fire(slots.socket, INSPECT_EVENT, slots.peer, depth);
    return Arrive(slots.socket, slots.peer, depth);
  }
  if (op == Step::kPeerAbandon) {
    for (InspectLife& inspect : inspects) {
      if (inspect.state != InspectLife::kPended || inspect.peer != slots.peer) continue;
      inspect.state = InspectLife::kGone;
      if (inspect.socket >= 0) Fire(inspect.socket, ABORT_EVENT, slots.peer, depth);
    }
    peer.state = PeerLife::kIdle;
    return;
  }
  if (op == Step::kPeerHoldAcks) {
    peer.holds_acks = step.peer_hold_acks().hold();
    if (!peer.holds_acks && peer.socket >= 0) Wake(peer.socket);
    return;
  }
  const int slot = peer.socket;
  if (slot < 0 || peer.state == PeerLife::kIdle) return;
  SocketLife& socket = sockets[slot];
  const bool connection = socket.peer == slots.peer;
  switch (op) {
    case Step::kPeerSend:
      if (!connection || socket.dead) return;
      if (socket.data < 255) ++socket.data;
      Wake(slot);
      if (socket.stage == Stage::kConnected && (socket.enabled & RECEIVE) != 0 && !socket.suspended) {
        Fire(slot, RECEIVE_EVENT, -1, depth);
      }
      return;
    case Step::kPeerDisconnect:
    case Step::kPeerReset:
    case Step::kBreakSocket:
      peer.fin = true;
      if (op != Step::kPeerDisconnect) socket.dead = connection;
      if (!connection) return;
      if (op == Step::kPeerReset) peer.state = PeerLife::kOver;
      socket.fin_in = true;
      Wake(slot);
      if ((socket.enabled & DISCONNECT) != 0) Fire(slot, DISCONNECT_EVENT, -1, depth);
      return;
    case Step::kSetIdealBacklog:
      if (connection && (socket.enabled & SEND_BACKLOG) != 0) Fire(slot, SEND_BACKLOG_EVENT, -1, depth);
      return;
    default:
      return;
  }
}

}  // namespace wskcert::fuzz
