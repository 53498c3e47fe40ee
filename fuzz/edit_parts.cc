// Edits of arguments, scripts, the schedule and the beginning.
#include <algorithm>

#include "fuzz/edits.h"
#include "fuzz/idioms.h"

namespace wskcert::fuzz {
namespace {

constexpr uint32_t kLengths[] = {0,   1,   2,    10,   50,   64,   99,    100,
                                 101, 200, 1000, 1460, 1461, 3000, 20000, 65536};

uint32_t AnyLength(Random* random) { return kLengths[random->Below(16)]; }

void FlipFlag(uint32_t flag, google::protobuf::RepeatedField<int>* flags) {
  const int value = static_cast<int>(flag);
  const auto at = std::find(flags->begin(), flags->end(), value);
  if (at == flags->end()) {
    flags->Add(value);
  } else {
    flags->erase(at);
  }
}

void ChangeMask(Random* random, EventCallback* request, Step* step) {
  static constexpr uint32_t kFlags[] = {RECEIVE, DISCONNECT, SEND_BACKLOG, ACCEPT, RECEIVE_FROM};
  switch (random->Below(12)) {
    case 0:
    case 1:
    case 2:
      return FlipFlag(DISABLE, request->mutable_mask());
    case 3:
      if (step->has_irp()) {
        step->clear_irp();
      } else {
        step->set_irp(random->Below(8));
      }
      return;
    case 4:
      request->set_npi(random->OneIn(2) ? NPI_WSK_COPY : random->OneIn(2) ? NPI_FOREIGN : NPI_EXTENSION);
      return;
    case 5:
      request->set_raw_mask(random->OneIn(2) ? 0 : 1u << random->Below(31));
      return;
    case 6:
      step->set_at_dispatch(!step->at_dispatch());
      return;
    default:
      return FlipFlag(kFlags[random->Below(5)], request->mutable_mask());
  }
}

void ChangeTransfer(Random* random, Transfer* transfer) {
  switch (random->Below(5)) {
    case 0:
      return FlipFlag(1 + random->Below(4), transfer->mutable_flags());
    case 1:
      transfer->set_raw_flags(random->OneIn(2) ? 0 : 1u << random->Below(8));
      return;
    default:
      transfer->set_length(AnyLength(random));
  }
}

void ChangePeerSend(Random* random, PeerSend* send) {
  switch (random->Below(4)) {
    case 0:
      send->set_push(!send->push());
      return;
    case 1:
      send->set_cast(static_cast<PeerSend::Cast>(random->Below(3)));
      return;
    default:
      send->set_length(AnyLength(random));
  }
}

template <typename T>
void ChangeDispatch(Random* random, T* made) {
  if (random->OneIn(3)) {
    made->set_no_dispatch(!made->no_dispatch());
    return;
  }
  FlipFlag(random->Below(7), made->mutable_dispatch());
}

// How a call is made.
void ChangeCall(Random* random, Step* step) {
  switch (random->Below(6)) {
    case 0:
      step->set_irp_style(step->irp_style() == OWN ? PASSED_DOWN : OWN);
      return;
    case 1:
      if (step->op_case() >= Step::kSend && step->op_case() <= Step::kClose)
        step->set_at_dispatch(!step->at_dispatch());
      return;
    case 2:
      if (step->op_case() == Step::kSocket || step->op_case() == Step::kSocketConnect)
        step->set_client(random->Below(2));
      return;
    default:
      if (step->has_irp()) step->set_irp(random->Below(12));
  }
}

}  // namespace

void ChangeArgument(Random* random, Step* step) {
  if (random->OneIn(5)) return ChangeCall(random, step);
  switch (step->op_case()) {
    case Step::kEventCallback:
      return ChangeMask(random, step->mutable_event_callback(), step);
    case Step::kControlClient:
      if (random->OneIn(6)) {
        step->mutable_control_client()->set_code(
            static_cast<ControlClient::ControlCode>(2 + random->Below(7)));
        return;
      }
      return FlipFlag(0x10u << random->Below(6), step->mutable_control_client()->mutable_mask());
    case Step::kSend:
      return ChangeTransfer(random, step->mutable_send());
    case Step::kReceive:
      return ChangeTransfer(random, step->mutable_receive());
    case Step::kSendTo:
      return ChangeTransfer(random, step->mutable_send_to());
    case Step::kReceiveFrom:
      return ChangeTransfer(random, step->mutable_receive_from());
    case Step::kPeerSend:
      return ChangePeerSend(random, step->mutable_peer_send());
    case Step::kPeerSendDatagram:
      return ChangePeerSend(random, step->mutable_peer_send_datagram());
    case Step::kDisconnect:
      if (random->OneIn(2)) {
        step->mutable_disconnect()->set_abortive(!step->disconnect().abortive());
      } else {
        step->mutable_disconnect()->set_length(AnyLength(random));
      }
      return;
    case Step::kConnectEx:
      step->mutable_connect_ex()->set_length(AnyLength(random));
      return;
    case Step::kInspectComplete:
      step->mutable_inspect_complete()->set_action(static_cast<InspectComplete::Action>(random->Below(2)));
      return;
    case Step::kSocket: {
      static constexpr int kCategories[] = {NewSocket::BASIC, NewSocket::LISTEN, NewSocket::CONNECTION,
                                            NewSocket::DATAGRAM, NewSocket::STREAM};
      if (random->OneIn(2)) return ChangeDispatch(random, step->mutable_socket());
      step->mutable_socket()->set_category(static_cast<NewSocket::Category>(kCategories[random->Below(5)]));
      return;
    }
    case Step::kSocketConnect:
      return ChangeDispatch(random, step->mutable_socket_connect());
    case Step::kAccept:
      return ChangeDispatch(random, step->mutable_accept());
    case Step::kConditionalAccept:
      step->mutable_conditional_accept()->set_value(random->Below(2));
      return;
    case Step::kPeerListen:
      step->mutable_peer_listen()->set_policy(static_cast<PeerListen::Policy>(random->Below(3)));
      return;
    case Step::kPeerHoldAcks:
      step->mutable_peer_hold_acks()->set_hold(!step->peer_hold_acks().hold());
      return;
    case Step::kSetIdealBacklog:
      step->mutable_set_ideal_backlog()->set_length(random->Next() % 200000);
      return;
    case Step::kRelease:
      step->mutable_release()->set_no_list(!step->release().no_list());
      return;
    case Step::kRegisterExtension:
      step->mutable_register_extension()->set_npi(static_cast<NpiId>(random->Below(4)));
      return;
    default:
      return ChangeCall(random, step);
  }
}

void EditScripts(const Bench& bench) {
  Random* random = bench.random;
  Sequence* sequence = bench.sequence;
  const int count = sequence->scripts_size();
  if (count != 0 && random->OneIn(5)) {
    sequence->mutable_scripts()->DeleteSubrange(random->BelowInt(count), 1);
    return;
  }
  const Place place = AnyPlace(bench);
  Writer writer(sequence, place.steps, place.index, false, bench.life, random);
  if (count < 12 && random->OneIn(10)) {
    // What a completion routine does.
    Script* script = sequence->add_scripts();
    script->set_on_completion_of_irp(random->Below(6));
    script->set_nth(random->Below(2));
    Writer inside = writer.Inside(script);
    return Meanwhile(&inside, RECEIVE_EVENT, AnyConnection(&inside).socket);
  }
  if (count == 0 || (random->OneIn(3) && count < 12)) {
    // For some socket that is there, and an event that it may have.
    static constexpr EventName kEventsOfAll[] = {ACCEPT_EVENT,       INSPECT_EVENT,      RECEIVE_EVENT,
                                                 RECEIVE_EVENT,      RECEIVE_FROM_EVENT, DISCONNECT_EVENT,
                                                 SEND_BACKLOG_EVENT, ABORT_EVENT};
    const EventName event = kEventsOfAll[random->Below(8)];
    const int socket = event == ACCEPT_EVENT || event == INSPECT_EVENT || event == ABORT_EVENT
                           ? AnyListener(&writer, event != ACCEPT_EVENT)
                       : event == RECEIVE_FROM_EVENT ? AnyDatagramSocket(&writer)
                                                     : AnyConnection(&writer).socket;
    Script* script = writer.NewScript(event, socket);
    ChooseReturn(&writer, script);
    if (!random->OneIn(3)) return;
    Writer inside = writer.Inside(script);
    return Meanwhile(&inside, event, socket);
  }
  Script* script = sequence->mutable_scripts(random->BelowInt(count));
  if (script->has_on_completion_of_irp()) {
    if (script->steps_size() > 3) return;
    Writer inside = writer.Inside(script);
    return Meanwhile(&inside, RECEIVE_EVENT, AnyConnection(&inside).socket);
  }
  switch (random->Below(5)) {
    case 0:
      if (script->has_nth()) {
        script->set_nth(random->Below(script->nth() + 2));
      } else {
        script->set_nth(0);
      }
      return;
    case 1:
      if (script->has_hold()) {
        script->clear_hold();
      } else {
        script->set_hold(static_cast<uint32_t>(bench.life->NewHold()));
        writer.ReleaseHold(static_cast<int>(script->hold()));
      }
      return;
    case 2: {
      script->set_returns(Script::ACCEPT);
      return ChooseReturn(&writer, script);
    }
    default: {
      if (!script->steps().empty() && random->OneIn(3)) {
        script->mutable_steps()->DeleteSubrange(random->BelowInt(script->steps_size()), 1);
        return;
      }
      if (script->steps_size() > 4 || script->socket() >= static_cast<uint32_t>(kTrackedSockets)) return;
      Writer inside = writer.Inside(script);
      return Meanwhile(&inside, script->event(), static_cast<int>(script->socket()));
    }
  }
}

void EditSchedule(const Bench& bench) {
  Random* random = bench.random;
  Schedule* schedule = bench.sequence->mutable_schedule();
  std::string* bytes = schedule->mutable_choices();
  const uint32_t size = static_cast<uint32_t>(bytes->size());
  switch (random->Below(10)) {
    case 0:
      bytes->clear();
      return;
    case 1:
    case 2: {
      // Mostly calm, by different degrees.
      bytes->assign(16 + random->Below(112), '\0');
      const uint32_t calm = 1 + random->Below(8);
      for (char& byte : *bytes) byte = random->OneIn(calm) ? static_cast<char>(random->Next()) : '\0';
      return;
    }
    case 3: {
      // As PCT does: calm but for a few points, each anywhere.
      bytes->assign(16 + random->Below(112), '\0');
      const uint32_t points = 1 + random->Below(3);
      for (uint32_t i = 0; i < points; ++i) {
        (*bytes)[random->Below(static_cast<uint32_t>(bytes->size()))] =
            static_cast<char>(1 + random->Below(3));
      }
      return;
    }
    case 4:
    case 5:
      if (size == 0) bytes->assign(32, '\0');
      (*bytes)[random->Below(static_cast<uint32_t>(bytes->size()))] = static_cast<char>(random->Below(4));
      return;
    case 6:
      if (random->OneIn(4)) schedule->set_fail_allocation(random->OneIn(2) ? 0 : random->Below(60));
      return;
    default:
      break;
  }
  const auto& names = bench.options.choices;
  auto* fixed = schedule->mutable_fixed();
  if (names.empty()) return;
  if (fixed->size() > 6 || (!fixed->empty() && random->OneIn(3))) {
    fixed->DeleteSubrange(random->BelowInt(fixed->size()), 1);
    return;
  }
  const std::string& name = names[random->Below(static_cast<uint32_t>(names.size()))];
  FixChoice(name, random->Below(4), schedule);
}

void EditBeginning(const Bench& bench) {
  Random* random = bench.random;
  Sequence* sequence = bench.sequence;
  if (sequence->threads().empty()) sequence->add_threads();
  bench.life->Start(*sequence);
  ClientSetup* setup = sequence->mutable_setup();
  Steps* steps = sequence->mutable_threads(0)->mutable_steps();
  Writer writer(sequence, steps, 0, false, bench.life, random);
  switch (random->Below(8)) {
    case 0:
      setup->set_ipv6(!setup->ipv6());
      return;
    case 1:
      setup->set_manual_teardown(!setup->manual_teardown());
      return;
    case 2:
    case 3: {
      if (setup->manual()) {
        setup->set_manual(false);
        return;
      }
      setup->set_manual(true);
      auto* registration = writer.Add()->mutable_register_();
      if (random->OneIn(6)) registration->set_version(random->Below(0x300));
      if (random->OneIn(4)) registration->set_no_client_event(true);
      auto* capture = writer.Add()->mutable_capture();
      if (random->OneIn(3)) capture->set_wait_ms(random->Below(100));
      return;
    }
    default: {
      // Settled first, or the sockets may be there before.
      const uint32_t mask = SomeOf(RECEIVE | DISCONNECT | SEND_BACKLOG | ACCEPT | RECEIVE_FROM, random);
      auto* control = writer.Add()->mutable_control_client();
      control->set_code(ControlClient::SET_STATIC_EVENT_CALLBACKS);
      AddMask(mask, control->mutable_mask());
      return;
    }
  }
}

}  // namespace wskcert::fuzz
