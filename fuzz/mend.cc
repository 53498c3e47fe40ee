#include "fuzz/mend.h"

#include <algorithm>
#include <utility>

#include "fuzz/writer.h"

namespace wskcert::fuzz {
namespace {

// What a step would need of its socket, roughly: sockets of the same use can stand in for each other.
int UseOf(const Step& step) {
  switch (step.op_case()) {
    case Step::kAccept:
    case Step::kConditionalAccept:
    case Step::kInspectComplete:
    case Step::kPeerConnect:
    case Step::kListen:
      return NewSocket::LISTEN;
    case Step::kSendTo:
    case Step::kReceiveFrom:
    case Step::kSetRemoteAddress:
    case Step::kSetSendtoAddress:
    case Step::kPeerSendDatagram:
      return NewSocket::DATAGRAM;
    case Step::kEventCallback:
    case Step::kClose:
    case Step::kBind:
    case Step::kRegisterExtension:
    case Step::kPing:
    case Step::kGetLocalAddress:
      return -1;  // any
    default:
      return NewSocket::CONNECTION;
  }
}

int StandIn(const Life& life, const Step& step, Random* random) {
  const int use = UseOf(step);
  int found = -1;
  uint32_t count = 0;
  for (int i = 0; i < kTrackedSockets; ++i) {
    const SocketLife& socket = life.sockets[i];
    if (!socket.live() || socket.silent || (use >= 0 && socket.category != use)) continue;
    if (random->Below(++count) == 0) found = i;
  }
  return found;
}

class Mender {
 public:
  Mender(Random* random, Life* life, Sequence* sequence)
      : random_(random), life_(life), sequence_(sequence) {}

  void Run() {
    for (Script& script : *sequence_->mutable_scripts()) MendScript(&script);
    life_->Start(*sequence_);
    InOrder(*sequence_, [this](int thread, int index) {
      Step* step = sequence_->mutable_threads(thread)->mutable_steps(index);
      const Slots slots = SlotsOf(*step);
      const Outlook outlook = life_->Look(*step, slots);
      if (outlook == Outlook::kFine || outlook == Outlook::kIdle) {
        life_->Take(*step, slots, outlook, 0);
      } else if (MendStep(step)) {
        life_->Take(*step);
      } else {
        // Taken away below: the walk counts on indices.
        dropped_[count_++] = {thread, index};
      }
      return count_ < kMostDropped;
    });
    Drop();
  }

 private:
  static constexpr int kMostDropped = 64;

  // False: to be dropped.
  bool MendStep(Step* step) {
    for (int tries = 0; tries < 3; ++tries) {
      const Outlook outlook = life_->Look(*step, SlotsOf(*step));
      switch (outlook) {
        case Outlook::kBreach:
          if (!Decent(step)) return false;
          break;
        case Outlook::kBusy: {
          const int irp = life_->FreeIrp();
          if (irp < 0) return false;
          step->set_irp(static_cast<uint32_t>(irp));
          break;
        }
        case Outlook::kEmpty:
        case Outlook::kGone:
          if (!Rebind(step)) return false;
          break;
        case Outlook::kFull:
          if (!Renew(step)) return false;
          break;
        default:
          return true;
      }
    }
    const Outlook last = life_->Look(*step, SlotsOf(*step));
    return last == Outlook::kFine || last == Outlook::kIdle;
  }

  // Takes out what breaks an obligation, if it can be taken out.
  bool Decent(Step* step) {
    if (step->unguarded()) {
      step->clear_unguarded();
      return true;
    }
    if (step->op_case() == Step::kDisconnect && step->disconnect().abortive() &&
        step->disconnect().length() != 0) {
      step->mutable_disconnect()->clear_length();
      return true;
    }
    if (step->op_case() == Step::kInspectComplete &&
        step->inspect_complete().action() > InspectComplete::ACCEPT_CONNECTION) {
      step->mutable_inspect_complete()->set_action(InspectComplete::REJECT);
      return true;
    }
    return false;
  }

  bool Rebind(Step* step) {
    Slots slots = SlotsOf(*step);
    // A hold, list or inspection that is not there: another one is no better, and a skip says little.
    if (slots.socket < 0 || step->op_case() == Step::kPing || random_->OneIn(3)) return false;
    const int other = StandIn(*life_, *step, random_);
    if (other < 0 || other == slots.socket) return false;
    slots.socket = other;
    SetSlots(slots, step);
    return true;
  }

  // Makes it fill a slot that is free.
  bool Renew(Step* step) {
    Slots slots = SlotsOf(*step);
    switch (step->op_case()) {
      case Step::kSocket:
        slots.socket = life_->NewSocket();
        break;
      case Step::kSocketConnect:
        slots.socket = life_->NewSocket();
        slots.peer = life_->NewPeer();
        break;
      case Step::kAccept:
        slots.accepted = life_->NewSocket();
        break;
      case Step::kPeerConnect:
        slots.peer = life_->NewPeer();
        break;
      default:
        return false;
    }
    SetSlots(slots, step);
    return true;
  }

  void MendScript(Script* script) {
    if (Breaches(*script)) {
      script->clear_status();
      script->set_returns(script->event() == ACCEPT_EVENT && !script->has_target() ? Script::REFUSE
                                                                                   : Script::ACCEPT);
    }
    const int target = script->has_target() ? static_cast<int>(script->target()) : -1;
    for (Step& step : *script->mutable_steps()) {
      step.clear_unguarded();
      if (step.op_case() == Step::kDisconnect && step.disconnect().abortive())
        step.mutable_disconnect()->clear_length();
      // What is refused is not the client's to close.
      const bool refuses = script->event() == ACCEPT_EVENT && script->returns() == Script::RAW;
      if (refuses && SlotsOf(step).socket == target) script->set_returns(Script::ACCEPT);
      // A list cannot be kept of a socket that the same call closes.
      if (step.op_case() == Step::kClose && script->returns() == Script::RETAIN &&
          script->event() != INSPECT_EVENT && step.close().socket() == script->socket()) {
        script->set_returns(Script::ACCEPT);
      }
      const bool own_hold = step.op_case() == Step::kReleaseHold && script->has_hold();
      if (own_hold && step.release_hold().target() == script->hold()) step.mutable_yield();
      if (step.op_case() == Step::kScribble) step.mutable_yield();
      if (step.op_case() == Step::kSetSilentMode) step.mutable_yield();
    }
  }

  void Drop() {
    // In each thread the indices rise.
    for (int i = count_ - 1; i >= 0; --i) {
      const auto [thread, index] = dropped_[i];
      sequence_->mutable_threads(thread)->mutable_steps()->DeleteSubrange(index, 1);
    }
  }

  Random* const random_;
  Life* const life_;
  Sequence* const sequence_;
  std::pair<int, int> dropped_[kMostDropped];
  int count_ = 0;
};

// ---- Breaches

// Some socket of the right kind, -1 if there is none.
template <typename Good>
int Some(const Life& life, Random* random, const Good& good) {
  int found = -1;
  uint32_t count = 0;
  for (int i = 0; i < kTrackedSockets; ++i) {
    if (good(life.sockets[i]) && random->Below(++count) == 0) found = i;
  }
  return found;
}

bool BreachByReturn(Random* random, Sequence* sequence) {
  if (sequence->scripts().empty()) return false;
  Script* script = sequence->mutable_scripts(random->BelowInt(sequence->scripts_size()));
  if (script->has_on_completion_of_irp()) return false;
  static constexpr uint32_t kOdd[] = {0xC0000001, 0xC000000D, 0xC0000120, 0xC00000BB, 1, 5};
  script->set_returns(Script::RAW);
  script->set_status(kOdd[random->Below(6)]);
  return true;
}

bool BreachByCall(Random* random, Life* life, Writer* w) {
  const int connected = Some(*life, random, [](const SocketLife& s) { return s.stage == Stage::kConnected; });
  const int closed = Some(*life, random, [](const SocketLife& s) { return s.stage == Stage::kClosed; });
  const auto socket = [](int slot) { return static_cast<uint32_t>(slot); };
  switch (random->Below(5)) {
    case 0: {
      if (connected < 0) return false;
      auto* disconnect = w->Call()->mutable_disconnect();
      disconnect->set_socket(socket(connected));
      disconnect->set_abortive(true);
      disconnect->set_length(1 + random->Below(100));
      return true;
    }
    case 1: {
      if (closed < 0) return false;
      Step* step = w->Call();
      step->set_unguarded(true);
      step->mutable_event_callback()->set_socket(socket(closed));
      step->mutable_event_callback()->add_mask(RECEIVE);
      return true;
    }
    case 2:
      for (int i = 0; i < kTrackedIrps; ++i) {
        if (life->irps[i].out != Out::kLong || life->irps[i].op != Step::kEventCallback) continue;
        Step* step = w->Add();
        step->set_irp(socket(i));
        step->mutable_scribble();
        return true;
      }
      return false;
    case 3: {
      const int listener = Some(
          *life, random, [](const SocketLife& s) { return s.live() && s.category == NewSocket::LISTEN; });
      for (int i = 0; listener >= 0 && i < kTrackedInspects; ++i) {
        if (life->inspects[i].socket != listener) continue;
        auto* complete = w->Call()->mutable_inspect_complete();
        complete->set_socket(socket(listener));
        complete->set_inspect(socket(i));
        complete->set_action(static_cast<InspectComplete::Action>(random->Below(3)));
        return true;
      }
      return false;
    }
    default: {
      const int kept = Some(*life, random, [](const SocketLife& s) { return s.live() && s.lists != 0; });
      if (kept < 0) return false;
      Step* step = w->Call();
      step->set_unguarded(true);
      step->mutable_close()->set_socket(socket(kept));
      return true;
    }
  }
}

}  // namespace

void Mend(Random* random, Life* life, Sequence* sequence) { Mender(random, life, sequence).Run(); }

void Breach(Random* random, Life* life, Sequence* sequence) {
  if (sequence->threads().empty() || (random->OneIn(3) && BreachByReturn(random, sequence))) return;
  // Behind two thirds of the first thread.
  auto* steps = sequence->mutable_threads(0)->mutable_steps();
  const int at = steps->size() - random->BelowInt(steps->size() / 3 + 1);
  life->Start(*sequence);
  InOrder(*sequence, [&](int thread, int index) {
    if (thread == 0 && index == at) return false;
    life->Take(sequence->threads(thread).steps(index));
    return true;
  });
  Writer writer(sequence, steps, at, false, life, random);
  for (int tries = 0; tries < 4; ++tries) {
    if (BreachByCall(random, life, &writer)) return;
  }
}

}  // namespace wskcert::fuzz
