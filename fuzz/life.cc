#include "fuzz/life.h"

namespace wskcert::fuzz {
namespace {

constexpr uint32_t kRefusals[] = {0xC000021B /* data */, 0xC00000D0 /* request */};

template <typename T>
int TakeLowest(int count, T* used) {
  int slot = 0;
  while (slot < count - 1 && ((*used >> slot) & 1) != 0) ++slot;
  *used |= T{1} << slot;
  return slot;
}

template <typename T>
void Mark(int slot, int count, T* used) {
  if (Tracked(slot, count)) *used |= T{1} << slot;
}

}  // namespace

uint32_t MaskOf(const EventCallback& request) {
  uint32_t mask = request.raw_mask() & 0x7FFFFFFFu;
  for (const int flag : request.mask()) mask |= static_cast<uint32_t>(flag);
  return mask & ~static_cast<uint32_t>(DISABLE);
}

bool Disables(const EventCallback& request) {
  if ((request.raw_mask() & 0x80000000u) != 0) return true;
  for (const int flag : request.mask()) {
    if (flag == DISABLE) return true;
  }
  return false;
}

uint32_t EventsOf(int category) {
  switch (category) {
    case NewSocket::LISTEN:
      return ACCEPT | RECEIVE | DISCONNECT | SEND_BACKLOG;
    case NewSocket::CONNECTION:
      return RECEIVE | DISCONNECT | SEND_BACKLOG;
    case NewSocket::DATAGRAM:
      return RECEIVE_FROM;
    case NewSocket::STREAM:
      return ACCEPT | RECEIVE | DISCONNECT | SEND_BACKLOG;
    default:
      return 0;
  }
}

uint32_t FlagOf(EventName event) {
  switch (event) {
    case ACCEPT_EVENT:
      return ACCEPT;
    case RECEIVE_EVENT:
      return RECEIVE;
    case RECEIVE_FROM_EVENT:
      return RECEIVE_FROM;
    case DISCONNECT_EVENT:
      return DISCONNECT;
    case SEND_BACKLOG_EVENT:
      return SEND_BACKLOG;
    default:
      return 0;
  }
}

bool Breaches(const Script& script) {
  if (script.has_on_completion_of_irp() || script.returns() != Script::RAW) return false;
  const uint32_t status = script.status();
  switch (script.event()) {
    case INSPECT_EVENT:
      return status > 2;
    case ACCEPT_EVENT:
      return status != 0 && status != kRefusals[1];
    case RECEIVE_EVENT:
    case RECEIVE_FROM_EVENT:
      // STATUS_PENDING without a slot would keep the list for ever.
      return status != 0 && status != kRefusals[0];
    case EXTENSION_EVENT:
    case CLIENT_EVENT:
      return false;
    default:
      return status != 0;
  }
}

void Life::Restart() {
  const Life before = *this;
  *this = Life();
  sequence_ = before.sequence_;
  used_irps_ = before.used_irps_;
  used_sockets_ = before.used_sockets_;
  used_peers_ = before.used_peers_;
  used_holds_ = before.used_holds_;
  used_lists_ = before.used_lists_;
  used_inspects_ = before.used_inspects_;
  made_ = before.made_;
  if (sequence_->setup().manual()) {
    for (ClientLife& client : clients) client = {.registered = false, .ever = false, .captured = 0};
  }
}

void Life::Start(const Sequence& sequence) {
  *this = Life();
  sequence_ = &sequence;
  if (sequence.setup().manual()) {
    for (ClientLife& client : clients) client = {.registered = false, .ever = false, .captured = 0};
  }
  for (int t = 0; t < sequence.threads_size(); ++t) {
    for (const Step& step : sequence.threads(t).steps()) {
      Use(step);
      if (t == 0) continue;
      if (step.op_case() == Step::kSocket)
        Mark(static_cast<int>(step.socket().socket()), kTrackedSockets, &made_);
      if (step.op_case() == Step::kSocketConnect) {
        Mark(static_cast<int>(step.socket_connect().socket()), kTrackedSockets, &made_);
      }
      if (step.op_case() == Step::kAccept)
        Mark(static_cast<int>(step.accept().accepted()), kTrackedSockets, &made_);
    }
  }
  for (const Script& script : sequence.scripts()) UseScript(script);
}

void Life::Use(const Step& step) {
  if (step.has_irp()) Mark(static_cast<int>(step.irp()), kTrackedIrps, &used_irps_);
  const Slots slots = SlotsOf(step);
  Mark(slots.socket, kTrackedSockets, &used_sockets_);
  Mark(slots.accepted, kTrackedSockets, &used_sockets_);
  Mark(slots.peer, kTrackedPeers, &used_peers_);
  Mark(slots.hold, kTrackedHolds, &used_holds_);
  Mark(slots.retained, kTrackedLists, &used_lists_);
  Mark(slots.inspect, kTrackedInspects, &used_inspects_);
}

void Life::UseScript(const Script& script) {
  for (const Step& step : script.steps()) {
    Use(step);
    const Slots slots = SlotsOf(step);
    if (step.op_case() == Step::kSocket || step.op_case() == Step::kSocketConnect) {
      Mark(slots.socket, kTrackedSockets, &made_);
    }
    Mark(slots.accepted, kTrackedSockets, &made_);
  }
  if (script.has_on_completion_of_irp()) return;
  Mark(static_cast<int>(script.socket()), kTrackedSockets, &used_sockets_);
  if (script.has_hold()) Mark(static_cast<int>(script.hold()), kTrackedHolds, &used_holds_);
  if (!script.has_target()) return;
  const int target = static_cast<int>(script.target());
  switch (script.event()) {
    case ACCEPT_EVENT:
      Mark(target, kTrackedSockets, &used_sockets_);
      Mark(target, kTrackedSockets, &made_);
      return;
    case INSPECT_EVENT:
      return Mark(target, kTrackedInspects, &used_inspects_);
    default:
      return Mark(target, kTrackedLists, &used_lists_);
  }
}

int Life::NewIrp() { return TakeLowest(kTrackedIrps, &used_irps_); }
int Life::NewSocket() { return TakeLowest(kTrackedSockets, &used_sockets_); }
int Life::NewPeer() { return TakeLowest(kTrackedPeers, &used_peers_); }
int Life::NewHold() { return TakeLowest(kTrackedHolds, &used_holds_); }
int Life::NewList() { return TakeLowest(kTrackedLists, &used_lists_); }
int Life::NewInspect() { return TakeLowest(kTrackedInspects, &used_inspects_); }

int Life::FreeIrp() const {
  for (int i = 0; i < kTrackedIrps; ++i) {
    if (irps[i].out == Out::kFree) return i;
  }
  return -1;
}

// ---- What a step would be

Outlook Life::Look(const Step& step, const Slots& slots) const {
  if (step.unguarded()) return Outlook::kBreach;
  const Step::OpCase op = step.op_case();
  const int irp = step.has_irp() ? static_cast<int>(step.irp()) : -1;
  const bool busy = Tracked(irp, kTrackedIrps) && irps[irp].out != Out::kFree;
  switch (op) {
    case Step::kScribble:
      return busy ? Outlook::kBreach : Outlook::kFine;
    case Step::kCancelIrp:
      return busy || !Tracked(irp, kTrackedIrps) ? Outlook::kFine : Outlook::kEmpty;
    case Step::kReleaseHold:
      return Tracked(slots.hold, kTrackedHolds) && holds[slots.hold].socket < 0 ? Outlook::kIdle
                                                                                : Outlook::kFine;
    case Step::kAwaitHold:
      return Tracked(slots.hold, kTrackedHolds) && holds[slots.hold].socket < 0 ? Outlook::kEmpty
                                                                                : Outlook::kFine;
    case Step::kReadRetained:
      if (!Tracked(slots.retained, kTrackedLists)) return Outlook::kFine;
      return lists[slots.retained].socket < 0 ? Outlook::kEmpty : Outlook::kFine;
    case Step::OP_NOT_SET:
    case Step::kSettle:
    case Step::kAwaitIrp:
    case Step::kYield:
      return Outlook::kFine;
    default:
      break;
  }
  if (IsStimulus(op)) return LookAtStimulus(step, slots);
  if (busy && IrpOf(op) != TakesIrp::kNo) return Outlook::kBusy;
  const uint32_t client = step.client();
  const bool set_up = client < kClients && clients[client].captured != 0;
  switch (op) {
    case Step::kRegister:
      return client < kClients && clients[client].registered ? Outlook::kFull : Outlook::kFine;
    case Step::kCapture:
      // After WskDeregister, too: it is then told to be too late.
      return client < kClients && !clients[client].ever ? Outlook::kEmpty : Outlook::kFine;
    case Step::kQueryCharacteristics:
    case Step::kDeregister:
      return client < kClients && !clients[client].registered ? Outlook::kEmpty : Outlook::kFine;
    case Step::kReleaseNpi:
    case Step::kControlClient:
      return set_up ? Outlook::kFine : Outlook::kEmpty;
    case Step::kSocketConnect:
      if (Tracked(slots.peer, kTrackedPeers) && peers[slots.peer].state != PeerLife::kIdle)
        return Outlook::kFull;
      [[fallthrough]];
    case Step::kSocket:
      if (!set_up) return Outlook::kEmpty;
      if (!Tracked(slots.socket, kTrackedSockets)) return Outlook::kFine;
      return sockets[slots.socket].stage == Stage::kNone ? Outlook::kFine : Outlook::kFull;
    default:
      return LookAtSocketCall(step, slots);
  }
}

Outlook Life::LookAtSocketCall(const Step& step, const Slots& slots) const {
  if (!Tracked(slots.socket, kTrackedSockets)) return Outlook::kFine;
  const SocketLife& socket = sockets[slots.socket];
  const bool maybe = MadeSomewhere(slots.socket);
  if (socket.stage == Stage::kNone) return maybe ? Outlook::kFine : Outlook::kEmpty;
  if (socket.stage == Stage::kMaking) return maybe ? Outlook::kFine : Outlook::kIdle;
  if (socket.stage == Stage::kClosed) return Outlook::kGone;
  const Step::OpCase op = step.op_case();
  if (socket.silent && op != Step::kClose && op != Step::kRelease && op != Step::kSend &&
      op != Step::kDisconnect) {
    return Outlook::kBreach;
  }
  switch (op) {
    case Step::kDisconnect:
      if (step.disconnect().abortive() && step.disconnect().length() != 0) return Outlook::kBreach;
      return socket.stage == Stage::kConnected ? Outlook::kFine : Outlook::kIdle;
    case Step::kInspectComplete: {
      if (step.inspect_complete().action() > InspectComplete::ACCEPT_CONNECTION) return Outlook::kBreach;
      if (!socket.conditional) return Outlook::kBreach;
      if (!Tracked(slots.inspect, kTrackedInspects)) return Outlook::kFine;
      const InspectLife& inspect = inspects[slots.inspect];
      if (inspect.state == InspectLife::kNone) return Outlook::kEmpty;
      const bool good = inspect.state != InspectLife::kAnswered && inspect.socket == slots.socket;
      return good ? Outlook::kFine : Outlook::kBreach;
    }
    case Step::kSetSilentMode:
      for (const IrpLife& irp : irps) {
        const bool sends = irp.op == Step::kSend || irp.op == Step::kDisconnect;
        if (irp.out != Out::kFree && irp.socket == slots.socket && sends) return Outlook::kBreach;
      }
      return Outlook::kFine;
    case Step::kClose:
      if (socket.lists != 0) return Outlook::kIdle;
      // A call that is held may yet retain its list.
      if (socket.held != 0) {
        for (const Script& script : sequence_->scripts()) {
          const bool its = static_cast<int>(script.socket()) == slots.socket && script.has_hold();
          if (its && script.returns() == Script::RETAIN) return Outlook::kBreach;
        }
      }
      return Outlook::kFine;
    case Step::kRelease:
      if (step.release().no_list() || !Tracked(slots.retained, kTrackedLists)) return Outlook::kFine;
      return lists[slots.retained].socket == slots.socket ? Outlook::kFine : Outlook::kEmpty;
    case Step::kAccept:
      if (!Tracked(slots.accepted, kTrackedSockets)) return Outlook::kFine;
      return sockets[slots.accepted].stage == Stage::kNone ? Outlook::kFine : Outlook::kFull;
    case Step::kConnect:
    case Step::kConnectEx:
      if (!Tracked(slots.peer, kTrackedPeers)) return Outlook::kFine;
      return peers[slots.peer].state == PeerLife::kIdle && socket.peer < 0 ? Outlook::kFine : Outlook::kFull;
    case Step::kPing:
      return socket.extension ? Outlook::kFine : Outlook::kEmpty;
    case Step::kSend:
    case Step::kReceive:
    case Step::kSendTo:
    case Step::kReceiveFrom:
      return step.has_irp() ? Outlook::kFine : Outlook::kEmpty;
    default:
      return Outlook::kFine;
  }
}

Outlook Life::LookAtStimulus(const Step& step, const Slots& slots) const {
  const Step::OpCase op = step.op_case();
  if (slots.socket >= 0 && Tracked(slots.socket, kTrackedSockets)) {
    const SocketLife& socket = sockets[slots.socket];
    if (!socket.live() && !MadeSomewhere(slots.socket)) return Outlook::kIdle;
  }
  if (!Tracked(slots.peer, kTrackedPeers)) return Outlook::kFine;
  const PeerLife& peer = peers[slots.peer];
  switch (op) {
    case Step::kPeerConnect:
      return peer.state == PeerLife::kIdle ? Outlook::kFine : Outlook::kFull;
    case Step::kPeerAbandon:
      return peer.state == PeerLife::kAsking ? Outlook::kFine : Outlook::kIdle;
    case Step::kPeerSend:
    case Step::kPeerDisconnect:
      if (peer.fin) return Outlook::kIdle;
      [[fallthrough]];
    case Step::kPeerReset:
    case Step::kBreakSocket:
    case Step::kSetIdealBacklog:
      return peer.state == PeerLife::kConnected || peer.state == PeerLife::kAsking ? Outlook::kFine
                                                                                   : Outlook::kIdle;
    default:
      return Outlook::kFine;
  }
}

bool ForeseesBreach(const Sequence& sequence, Life* life) {
  for (const Script& script : sequence.scripts()) {
    if (Breaches(script)) return true;
  }
  bool breach = false;
  life->Start(sequence);
  InOrder(sequence, [&](int thread, int index) {
    const Step& step = sequence.threads(thread).steps(index);
    const Slots slots = SlotsOf(step);
    const Outlook outlook = life->Look(step, slots);
    life->Take(step, slots, outlook, 0);
    breach = outlook == Outlook::kBreach;
    return !breach;
  });
  return breach;
}

}  // namespace wskcert::fuzz
