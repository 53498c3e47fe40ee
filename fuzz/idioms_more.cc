// Idioms that are needed less often: corners of the pages.
#include "fuzz/idioms_more.h"

#include "fuzz/idioms.h"
#include "fuzz/idioms_callbacks.h"

namespace wskcert::fuzz {
namespace {

void EnableOnce(Writer* w, int socket, uint32_t mask) {
  if ((w->life().sockets[socket].enabled & mask) != mask) w->Enable(socket, mask);
}

}  // namespace

// WskReceiveFromEvent refuses; a request, or enabling it again, comes after.
void DatagramsRefused(Writer* w) {
  Random& random = w->random();
  const int socket = AnyDatagramSocket(w);
  EnableOnce(w, socket, RECEIVE_FROM);
  const int peer = random.BelowInt(2);
  w->NewScript(RECEIVE_FROM_EVENT, socket)->set_returns(Script::REFUSE);
  w->Datagram(peer, socket);
  w->Calm();
  const uint32_t count = 1 + random.Below(3);
  for (uint32_t i = 0; i < count; ++i) {
    switch (random.Below(3)) {
      case 0: {
        auto* receive = w->Call()->mutable_receive_from();
        receive->set_socket(U(socket));
        receive->set_length(2000);
        break;
      }
      case 1:
        w->Enable(socket, RECEIVE_FROM);
        break;
      default:
        w->Datagram(peer, socket);
    }
    w->Calm();
  }
  w->Datagram(peer, socket);
  w->Calm();
}

// Whom a datagram socket hears, and where it sends.
void FixedAddresses(Writer* w) {
  Random& random = w->random();
  const int socket = AnyDatagramSocket(w);
  if (random.OneIn(2)) EnableOnce(w, socket, RECEIVE_FROM);
  {
    Step* step = w->Call();
    auto* address = random.OneIn(3) ? step->mutable_set_sendto_address() : step->mutable_set_remote_address();
    address->set_socket(U(socket));
    address->set_peer(0);
  }
  w->Calm();
  if (random.OneIn(2)) {
    auto* send = w->Call()->mutable_send_to();
    send->set_socket(U(socket));
    send->set_peer(1);
    send->set_length(10 + random.Below(50));
    w->Calm();
  }
  if (random.OneIn(3)) {
    auto* receive = w->Call()->mutable_receive_from();
    receive->set_socket(U(socket));
    receive->set_length(2000);
  }
  w->Datagram(1, socket);
  w->Calm();
  if (random.OneIn(2)) w->Datagram(0, socket);
  w->Calm();
}

// Our graceful disconnect, over a transport that has no half-open connections, or whose peer acknowledges
// late.
void HalfClosed(Writer* w) {
  Random& random = w->random();
  const Pair pair = AnyConnection(w);
  const bool one_way = random.OneIn(2);
  const bool held = random.OneIn(2);
  EnableOnce(w, pair.socket, SomeOf(kConnectionEvents, &random));
  if (one_way) w->Add()->mutable_no_half_open()->set_peer(U(pair.peer));
  const auto acks = [w, &pair](bool hold) {
    auto* step = w->Add()->mutable_peer_hold_acks();
    step->set_peer(U(pair.peer));
    step->set_hold(hold);
  };
  if (held) acks(true);
  auto* disconnect = w->Call()->mutable_disconnect();
  disconnect->set_socket(U(pair.socket));
  if (random.OneIn(2)) disconnect->set_length(w->Length());
  w->Calm();
  if (held && random.OneIn(3)) {
    disconnect = w->Call()->mutable_disconnect();
    disconnect->set_socket(U(pair.socket));
    disconnect->set_abortive(true);
    w->Calm();
  }
  if (held) acks(false);
  if (held) w->Calm();
  w->PeerSend(pair.peer);
  w->Calm();
}

// Requests that wait until they are full, until the end, or that ask for what there is not.
void RequestsWithFlags(Writer* w) {
  Random& random = w->random();
  const Pair pair = AnyConnection(w);
  const uint32_t length = 50 + random.Below(200);
  auto* receive = w->Call()->mutable_receive();
  receive->set_socket(U(pair.socket));
  switch (random.Below(4)) {
    case 0:
      receive->add_flags(Transfer::DRAIN);
      break;
    case 1:
      receive->set_length(length);
      receive->set_raw_flags(8u << random.Below(8));
      break;
    default:
      receive->set_length(length);
      receive->add_flags(Transfer::WAITALL);
  }
  w->Calm();
  for (uint32_t i = 0; i < 2; ++i) {
    auto* send = w->Add()->mutable_peer_send();
    send->set_peer(U(pair.peer));
    send->set_length(length / 2 + random.Below(3));
    w->Calm();
  }
  if (random.OneIn(2)) Trigger(w, DISCONNECT_EVENT, pair.socket);
  w->Calm();
}

// An ioctl ignores its level.
void Levels(Writer* w) {
  Random& random = w->random();
  const uint32_t level = 1 + random.Below(0xFFFF);
  switch (random.Below(3)) {
    case 0: {
      // What works with level 0 works with any.
      const Pair pair = AnyConnection(w);
      w->Call()->mutable_query_send_backlog()->set_socket(U(pair.socket));
      w->Calm();
      auto* query = w->Call()->mutable_query_send_backlog();
      query->set_socket(U(pair.socket));
      query->set_level(level);
      break;
    }
    case 1: {
      const Pair pair = AnyConnection(w);
      w->Settle();
      auto* silent = w->Call()->mutable_set_silent_mode();
      silent->set_socket(U(pair.socket));
      silent->set_level(level);
      break;
    }
    default: {
      const int listener = AnyListener(w, true);
      auto* query = w->Add()->mutable_query_inspect_id();
      query->set_socket(U(listener));
      query->set_level(level);
    }
  }
  w->Calm();
}

// A pended inspection whose listening socket dies, or is asked about, before it is answered.
void InspectedLate(Writer* w) {
  Random& random = w->random();
  const int listener = AnyListener(w, true);
  EnableOnce(w, listener, ACCEPT);
  const int inspect = w->life().NewInspect();
  const int accepted = w->life().NewSocket();
  const int peer = w->life().NewPeer();
  w->NewScript(ACCEPT_EVENT, listener)->set_target(U(accepted));
  Script* script = w->NewScript(INSPECT_EVENT, listener);
  script->set_target(U(inspect));
  const bool pends = !random.OneIn(3);
  if (pends) script->set_returns(Script::RETAIN);
  w->PeerConnect(listener, peer);
  w->Settle();
  switch (random.Below(4)) {
    case 0:
      w->Add()->mutable_break_bound()->set_socket(U(listener));
      w->Calm();
      break;
    case 1:
      w->Add()->mutable_peer_abandon()->set_peer(U(peer));
      w->Calm();
      break;
    case 2:
      if (random.OneIn(2)) w->Close(listener);
      break;
    default:
      break;
  }
  if (pends) {
    auto* complete = w->Call()->mutable_inspect_complete();
    complete->set_socket(U(listener));
    complete->set_inspect(U(inspect));
    complete->set_action(InspectComplete::ACCEPT_CONNECTION);
    w->Calm();
  }
  w->Add()->mutable_query_inspect_id()->set_socket(U(accepted));
  w->Calm();
}

// A stream socket that has become one kind of socket is asked for what the other kind does.
void StreamRoles(Writer* w) {
  Random& random = w->random();
  const int socket = w->life().NewSocket();
  const int peer = w->life().NewPeer();
  auto* made = w->Call()->mutable_socket();
  made->set_socket(U(socket));
  made->set_category(NewSocket::STREAM);
  w->Settle();
  w->Call()->mutable_bind()->set_socket(U(socket));
  w->Settle();
  const bool listens = random.OneIn(2);
  for (uint32_t i = 0; i < 2; ++i) {
    if (listens == (i == 0)) {
      if (i == 1 && random.OneIn(2)) {
        const int accepted = w->life().NewSocket();
        auto* accept = w->Call()->mutable_accept();
        accept->set_socket(U(socket));
        accept->set_accepted(U(accepted));
      } else {
        w->Call()->mutable_listen()->set_socket(U(socket));
      }
    } else if (i == 1 && random.OneIn(2)) {
      switch (random.Below(3)) {
        case 0:
          w->Receive(socket);
          break;
        case 1: {
          auto* send = w->Call()->mutable_send();
          send->set_socket(U(socket));
          send->set_length(10);
          break;
        }
        default:
          w->Call()->mutable_disconnect()->set_socket(U(socket));
      }
    } else {
      auto* connect = w->Call()->mutable_connect();
      connect->set_socket(U(socket));
      connect->set_peer(U(peer));
    }
    w->Calm();
  }
  w->Enable(socket, SomeOf(ACCEPT | kConnectionEvents, &random));
  w->Calm();
  if (listens) {
    w->PeerConnect(socket, w->life().NewPeer());
  } else {
    w->PeerSend(peer);
  }
  w->Calm();
}

// What a listening socket hands down, while an accept runs, is refused, or after it was changed.
void Inherits(Writer* w) {
  Random& random = w->random();
  const int listener = AnyListener(w, random.OneIn(4));
  const uint32_t first = SomeOf(kConnectionEvents, &random);
  w->Enable(listener, ACCEPT | first);
  const uint32_t rounds = 1 + random.Below(3);
  for (uint32_t i = 0; i < rounds; ++i) {
    const int accepted = w->life().NewSocket();
    const int peer = w->life().NewPeer();
    Script* script = w->NewScript(ACCEPT_EVENT, listener);
    script->set_target(U(accepted));
    if (random.OneIn(5)) {
      script->set_returns(Script::RAW);
      script->set_status(0xC00000D0);
    }
    const int hold = random.OneIn(3) ? w->life().NewHold() : -1;
    if (hold >= 0) script->set_hold(U(hold));
    w->PeerConnect(listener, peer);
    if (hold >= 0)
      w->Await(hold);
    else
      w->Calm();
    if (random.OneIn(2)) w->Enable(listener, SomeOf(kConnectionEvents, &random));
    w->PeerSend(peer);
    w->Settle();
    if (hold >= 0) {
      w->ReleaseHold(hold);
      w->Settle();
    }
    switch (random.Below(6)) {
      case 0:
        w->Disable(listener, ACCEPT, random.OneIn(2));
        w->Calm();
        w->Enable(listener, ACCEPT);
        break;
      case 1:
        w->Disable(listener, SomeOf(first, &random), random.OneIn(2));
        break;
      case 2:
        w->Add()->mutable_peer_disconnect()->set_peer(U(peer));
        break;
      case 3:
        w->Close(listener);
        w->Calm();
        w->PeerSend(peer);
        w->Settle();
        return;
      default:
        break;
    }
    w->Calm();
  }
}

// Something of another client: what is static there is not static here.
void OtherClient(Writer* w) {
  Random& random = w->random();
  const int socket = w->life().NewSocket();
  const int peer = w->life().NewPeer();
  const uint32_t how = random.Below(3);
  Step* step = w->Call();
  step->set_client(1);
  if (how == 0) {
    auto* connect = step->mutable_socket_connect();
    connect->set_socket(U(socket));
    connect->set_peer(U(peer));
    w->Settle();
    w->PeerSend(peer);
  } else {
    auto* made = step->mutable_socket();
    made->set_socket(U(socket));
    made->set_category(how == 1 ? NewSocket::DATAGRAM : NewSocket::LISTEN);
    w->Settle();
    w->Call()->mutable_bind()->set_socket(U(socket));
    w->Settle();
    if (how == 1) {
      w->Datagram(0, socket);
    } else {
      w->PeerConnect(socket, peer);
    }
  }
  w->Calm();
}

// ---- The client's registration: written around whatever there is

namespace {

void Say(Steps* steps, Step::OpCase op, uint32_t client) {
  Step* step = steps->Add();
  step->set_client(client);
  switch (op) {
    case Step::kRegister:
      step->mutable_register_();
      return;
    case Step::kCapture:
      step->mutable_capture();
      return;
    case Step::kReleaseNpi:
      step->mutable_release_npi();
      return;
    case Step::kDeregister:
      step->mutable_deregister();
      return;
    default:
      step->mutable_settle();
  }
}

// WskDeregister in a thread of its own, beside whatever it has to wait for.
void Deregisters(bool choices, Random* random, Life* life, Sequence* sequence) {
  if (sequence->threads_size() > 3) return;
  if (sequence->threads().empty()) sequence->add_threads();
  const uint32_t client = random->Below(2);
  Steps* first = sequence->mutable_threads(0)->mutable_steps();
  if (random->OneIn(3)) Say(first, Step::kCapture, client);
  if (random->OneIn(2)) {
    Step* step = first->Add();
    step->set_client(client);
    step->set_irp(U(life->NewIrp()));
    step->mutable_socket_connect()->set_socket(U(life->NewSocket()));
    step->mutable_socket_connect()->set_peer(U(life->NewPeer()));
  }
  if (random->OneIn(4)) {
    Step* step = first->Add();
    step->set_client(client);
    step->set_irp(U(life->NewIrp()));
    step->mutable_control_client()->set_code(ControlClient::TRANSPORT_LIST_CHANGE);
  }
  if (random->OneIn(4)) {
    // Lets go inside a completion, which runs inside a call: that one has not returned yet.
    const int irp = life->NewIrp();
    Step* step = first->Add();
    step->set_client(client);
    step->set_irp(U(irp));
    auto* made = step->mutable_socket();
    made->set_socket(U(life->NewSocket()));
    made->set_category(NewSocket::LISTEN);
    if (random->OneIn(2)) made->set_raw_flags(random->Below(16));
    Script* script = sequence->add_scripts();
    script->set_on_completion_of_irp(U(irp));
    Say(script->mutable_steps(), Step::kReleaseNpi, client);
    const int yields = random->BelowInt(3);
    for (int i = 0; i < yields; ++i) script->add_steps()->mutable_yield();
    for (const char* name : {"yield", "completion"}) {
      if (choices && !random->OneIn(3)) FixChoice(name, 1, sequence->mutable_schedule());
    }
  }
  Steps* other = sequence->add_threads()->mutable_steps();
  const int settles = random->BelowInt(3);
  for (int i = 0; i < settles; ++i) other->Add()->mutable_settle();
  Say(other, Step::kDeregister, client);
  first->Add()->mutable_settle();
  const int releases = 1 + random->BelowInt(2);
  for (int i = 0; i < releases; ++i) {
    Say(first, Step::kReleaseNpi, client);
    if (!random->OneIn(4)) first->Add()->mutable_settle();
  }
  if (random->OneIn(3)) Say(first, Step::kCapture, client);
  first->Add()->mutable_settle();
}

// A client that does all of it itself, with a provider that may not be ready.
void ByHand(Random* random, Life* life, Sequence* sequence) {
  sequence->clear_threads();
  sequence->clear_scripts();
  sequence->mutable_setup()->set_manual(true);
  sequence->mutable_setup()->set_manual_teardown(random->OneIn(2));
  sequence->add_threads();
  Steps* first = sequence->mutable_threads(0)->mutable_steps();
  const bool late = random->OneIn(2);
  if (late) first->Add()->mutable_set_ready()->set_ready(false);
  Say(first, Step::kRegister, 0);
  if (random->OneIn(5))
    first->Mutable(first->size() - 1)->mutable_register_()->set_version(random->Below(0x300));
  if (!late) {
    Say(first, Step::kCapture, 0);
  } else {
    Steps* other = sequence->add_threads()->mutable_steps();
    first->Add()->mutable_settle();
    if (random->OneIn(2)) other->Add()->mutable_settle();
    Say(other, Step::kCapture, 0);
    if (random->OneIn(3))
      other->Mutable(other->size() - 1)->mutable_capture()->set_wait_ms(random->Below(50));
    first->Add()->mutable_settle();
    if (random->OneIn(2)) first->Add()->mutable_set_ready()->set_ready(true);
    if (random->OneIn(2)) first->Add()->mutable_settle();
  }
  if (random->OneIn(3)) {
    Step* step = first->Add();
    step->set_irp(U(life->NewIrp()));
    step->mutable_control_client()->set_code(ControlClient::TRANSPORT_LIST_CHANGE);
    if (random->OneIn(2)) first->Add()->mutable_settle();
    if (random->OneIn(3)) first->Add()->mutable_transport_list_change();
  }
  if (random->OneIn(3)) first->Add()->mutable_query_characteristics();
  if (!random->OneIn(4)) {
    if (random->OneIn(2)) Say(first, Step::kReleaseNpi, 0);
    Say(first, Step::kDeregister, 0);
    if (random->OneIn(2)) Say(first, Step::kCapture, 0);
    if (random->OneIn(3)) first->Mutable(first->size() - 1)->mutable_capture()->set_wait_ms(0);
  }
  first->Add()->mutable_settle();
}

}  // namespace

void EditRegistration(bool choices, Random* random, Life* life, Sequence* sequence) {
  if (random->OneIn(2)) return Deregisters(choices, random, life, sequence);
  ByHand(random, life, sequence);
}

}  // namespace wskcert::fuzz
