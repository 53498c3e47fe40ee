#include "fuzz/idioms_callbacks.h"

namespace wskcert::fuzz {

EventName ConnectionEvent(Random* random) {
  switch (random->Below(6)) {
    case 0:
    case 1:
      return DISCONNECT_EVENT;
    case 2:
      return SEND_BACKLOG_EVENT;
    default:
      return RECEIVE_EVENT;
  }
}

void RegisterExtension(Writer* w, int socket) {
  if (!w->life().sockets[socket].extension) {
    auto* registration = w->Add()->mutable_register_extension();
    registration->set_socket(U(socket));
    registration->set_npi(w->random().OneIn(8) ? NPI_FOREIGN : NPI_EXTENSION);
  }
  auto* request = w->Add()->mutable_event_callback();
  request->set_socket(U(socket));
  request->set_npi(NPI_EXTENSION);
  request->set_raw_mask(0x40);
  w->Calm();
}

Occasion AnyOccasion(Writer* w) {
  Random& random = w->random();
  const uint32_t which = random.Below(20);
  if (which < 11) {
    const int socket = AnyConnection(w).socket;
    const EventName event = ConnectionEvent(&random);
    if ((w->life().sockets[socket].enabled & FlagOf(event)) == 0) w->Enable(socket, FlagOf(event));
    return {socket, event};
  }
  if (which < 14) {
    const int socket = AnyListener(w, false);
    if ((w->life().sockets[socket].enabled & ACCEPT) == 0) w->Enable(socket, ACCEPT);
    return {socket, ACCEPT_EVENT};
  }
  if (which < 16) return {AnyListener(w, true), INSPECT_EVENT};
  if (which < 19) {
    const int socket = AnyDatagramSocket(w);
    if ((w->life().sockets[socket].enabled & RECEIVE_FROM) == 0) w->Enable(socket, RECEIVE_FROM);
    return {socket, RECEIVE_FROM_EVENT};
  }
  const int socket = random.OneIn(2) ? AnyConnection(w).socket : AnyDatagramSocket(w);
  RegisterExtension(w, socket);
  return {socket, EXTENSION_EVENT};
}

// ---- Idioms

// Something happens, and the callback returns as it likes.
void Call(Writer* w) {
  const Occasion occasion = AnyOccasion(w);
  if (w->random().OneIn(2)) ChooseReturn(w, w->NewScript(occasion.event, occasion.socket));
  const uint32_t times = 1 + w->random().Below(3);
  for (uint32_t i = 0; i < times; ++i) Trigger(w, occasion.event, occasion.socket);
  w->Calm();
}

// A call is held, and meanwhile this and that is done.
void Held(Writer* w) {
  const Occasion occasion = AnyOccasion(w);
  const int hold = w->life().NewHold();
  Script* script = w->NewScript(occasion.event, occasion.socket);
  script->set_hold(U(hold));
  if (occasion.event == ACCEPT_EVENT || w->random().OneIn(3)) ChooseReturn(w, script);
  if (!Trigger(w, occasion.event, occasion.socket)) return;
  w->Await(hold);
  const uint32_t count = 1 + w->random().Below(3);
  for (uint32_t i = 0; i < count; ++i) {
    Meanwhile(w, occasion.event, occasion.socket);
    if (w->random().OneIn(2)) w->Settle();
  }
  w->ReleaseHold(hold);
  w->Calm();
  if (w->random().OneIn(2)) Trigger(w, occasion.event, occasion.socket);
  w->Calm();
}

// The callback itself does something.
void Inside(Writer* w) {
  const Occasion occasion = AnyOccasion(w);
  Script* script = w->NewScript(occasion.event, occasion.socket);
  if (occasion.event == ACCEPT_EVENT || w->random().OneIn(3)) ChooseReturn(w, script);
  {
    Writer inside = w->Inside(script);
    const bool on_accepted = occasion.event == ACCEPT_EVENT && script->has_target() && w->random().OneIn(2);
    if (on_accepted) {
      inside.Enable(static_cast<int>(script->target()), SomeOf(kConnectionEvents, &w->random()));
    } else {
      Meanwhile(&inside, occasion.event, occasion.socket);
    }
    if (w->random().OneIn(3)) Meanwhile(&inside, occasion.event, occasion.socket);
  }
  Trigger(w, occasion.event, occasion.socket);
  w->Calm();
  if (w->random().OneIn(2)) Trigger(w, occasion.event, occasion.socket);
  w->Calm();
}

// Disabled: the temptation to call follows, and perhaps it is enabled again.
void Disabled(Writer* w) {
  const Occasion occasion = AnyOccasion(w);
  const uint32_t flag = FlagOf(occasion.event);
  if (flag == 0) return;
  w->Calm();
  w->Disable(occasion.socket, flag, w->random().OneIn(2));
  w->Calm();
  Trigger(w, occasion.event, occasion.socket);
  w->Calm();
  if (w->random().OneIn(2)) return;
  w->Enable(occasion.socket, flag);
  w->Calm();
}

// A call refuses or takes a part; a request resumes it.
void Suspended(Writer* w) {
  const Pair pair = AnyConnection(w);
  if ((w->life().sockets[pair.socket].enabled & RECEIVE) == 0) w->Enable(pair.socket, RECEIVE);
  Script* script = w->NewScript(RECEIVE_EVENT, pair.socket);
  script->set_returns(w->random().OneIn(2) ? Script::REFUSE : Script::PARTIAL);
  script->set_accept_bytes(1 + w->random().Below(60));
  w->PeerSend(pair.peer);
  w->Calm();
  if (w->random().OneIn(2)) {
    w->PeerSend(pair.peer);
    w->Calm();
  }
  if (w->random().OneIn(4)) w->Disable(pair.socket, RECEIVE, w->random().OneIn(2));
  if (w->random().OneIn(4)) w->Enable(pair.socket, RECEIVE);
  w->Receive(pair.socket);
  w->Calm();
  if (w->random().OneIn(2)) w->PeerSend(pair.peer);
  w->Calm();
}

void Retained(Writer* w) {
  const bool datagram = w->random().OneIn(3);
  const Pair pair = datagram ? Pair{AnyDatagramSocket(w), 0} : AnyConnection(w);
  const EventName event = datagram ? RECEIVE_FROM_EVENT : RECEIVE_EVENT;
  if ((w->life().sockets[pair.socket].enabled & FlagOf(event)) == 0) w->Enable(pair.socket, FlagOf(event));
  const int list = w->life().NewList();
  Script* script = w->NewScript(event, pair.socket);
  script->set_returns(Script::RETAIN);
  script->set_target(U(list));
  Trigger(w, event, pair.socket);
  w->Settle();
  if (w->random().OneIn(2)) Trigger(w, event, pair.socket);
  if (w->random().OneIn(2)) w->Disable(pair.socket, FlagOf(event), w->random().OneIn(2));
  w->Calm();
  if (w->random().OneIn(2)) w->Add()->mutable_read_retained()->set_target(U(list));
  auto* release = w->Add()->mutable_release();
  release->set_socket(U(pair.socket));
  release->set_retained(U(list));
  if (w->random().OneIn(8)) {
    release = w->Add()->mutable_release();
    release->set_socket(U(pair.socket));
    release->set_no_list(true);
  }
  w->Calm();
}

// Requests that receive, before or after what comes.
void Requests(Writer* w) {
  const Pair pair = AnyConnection(w);
  const uint32_t count = 1 + w->random().Below(2);
  const bool first = w->random().OneIn(2);
  for (uint32_t i = 0; first && i < count; ++i) w->Receive(pair.socket);
  if (first) w->Calm();
  if (w->random().OneIn(4)) w->Disable(pair.socket, RECEIVE, w->random().OneIn(2));
  w->PeerSend(pair.peer);
  if (w->random().OneIn(3)) w->PeerSend(pair.peer);
  w->Calm();
  for (uint32_t i = 0; !first && i < count; ++i) w->Receive(pair.socket);
  w->Calm();
  if (w->random().OneIn(4)) w->Add()->mutable_peer_disconnect()->set_peer(U(pair.peer));
  w->Calm();
}

void Sends(Writer* w) {
  const Pair pair = AnyConnection(w);
  const bool held = w->random().OneIn(3);
  const auto hold_acks = [w, &pair](bool hold) {
    auto* acks = w->Add()->mutable_peer_hold_acks();
    acks->set_peer(U(pair.peer));
    acks->set_hold(hold);
  };
  if (held) hold_acks(true);
  auto* send = w->Call()->mutable_send();
  send->set_socket(U(pair.socket));
  send->set_length(w->Length());
  if (w->random().OneIn(8)) send->add_flags(Transfer::NODELAY);
  w->Calm();
  switch (w->random().Below(4)) {
    case 0: {
      auto* disconnect = w->Call()->mutable_disconnect();
      disconnect->set_socket(U(pair.socket));
      if (w->random().OneIn(3)) disconnect->set_length(w->Length());
      w->Calm();
      if (w->random().OneIn(2)) {
        disconnect = w->Call()->mutable_disconnect();
        disconnect->set_socket(U(pair.socket));
        disconnect->set_abortive(true);
        w->Calm();
      }
      break;
    }
    case 1: {
      auto* disconnect = w->Call()->mutable_disconnect();
      disconnect->set_socket(U(pair.socket));
      disconnect->set_abortive(true);
      w->Calm();
      break;
    }
    case 2:
      w->Close(pair.socket);
      w->Calm();
      break;
    default:
      break;
  }
  if (held && w->random().OneIn(2)) hold_acks(false);
  w->Calm();
}

}  // namespace wskcert::fuzz
