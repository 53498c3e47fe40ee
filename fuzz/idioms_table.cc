// More idioms, and the table of all of them.
#include "fuzz/idioms.h"
#include "fuzz/idioms_callbacks.h"
#include "fuzz/idioms_more.h"

namespace wskcert::fuzz {
namespace {

// Our side ends the connection; what comes then, and what is sent then.
void Disconnects(Writer* w) {
  const Pair pair = AnyConnection(w);
  if (w->random().OneIn(2)) w->Enable(pair.socket, SomeOf(kConnectionEvents, &w->random()));
  w->Calm();
  auto* disconnect = w->Call()->mutable_disconnect();
  disconnect->set_socket(U(pair.socket));
  if (w->random().OneIn(3))
    disconnect->set_abortive(true);
  else if (w->random().OneIn(2))
    disconnect->set_length(w->Length());
  w->Calm();
  if (w->random().OneIn(2)) w->PeerSend(pair.peer);
  if (w->random().OneIn(2)) {
    auto* send = w->Call()->mutable_send();
    send->set_socket(U(pair.socket));
    send->set_length(w->Length());
  }
  w->Calm();
  if (w->random().OneIn(2)) Trigger(w, DISCONNECT_EVENT, pair.socket);
  w->Calm();
}

// The peer ends it.
void PeerEnds(Writer* w) {
  const Pair pair = AnyConnection(w);
  w->Enable(pair.socket,
            w->random().OneIn(2) ? uint32_t{DISCONNECT} : SomeOf(kConnectionEvents, &w->random()));
  if (w->random().OneIn(2)) w->PeerSend(pair.peer);
  if (w->random().OneIn(2)) w->Calm();
  Trigger(w, DISCONNECT_EVENT, pair.socket);
  w->Calm();
  switch (w->random().Below(5)) {
    case 0: {
      auto* send = w->Call()->mutable_send();
      send->set_socket(U(pair.socket));
      send->set_length(w->Length());
      break;
    }
    case 1:
      w->Receive(pair.socket);
      break;
    case 2:
      w->Enable(pair.socket, SomeOf(kConnectionEvents, &w->random()));
      break;
    case 3:
      w->Disable(pair.socket, SomeOf(kConnectionEvents, &w->random()), w->random().OneIn(2));
      break;
    default:
      w->Call()->mutable_disconnect()->set_socket(U(pair.socket));
  }
  w->Calm();
}

void Accepts(Writer* w) {
  const int listener = AnyListener(w, w->random().OneIn(4));
  const uint32_t count = 1 + w->random().Below(3);
  const uint32_t inherited = w->random().OneIn(2) ? SomeOf(kConnectionEvents, &w->random()) : 0;
  if (w->random().OneIn(2))
    w->Enable(listener, ACCEPT | inherited);
  else if (inherited != 0)
    w->Enable(listener, inherited);
  for (uint32_t i = 0; i < count; ++i) {
    if ((w->life().sockets[listener].enabled & ACCEPT) != 0) {
      Script* script = w->NewScript(ACCEPT_EVENT, listener);
      ChooseReturn(w, script);
    } else {
      const int accepted = w->life().NewSocket();
      auto* accept = w->Call()->mutable_accept();
      accept->set_socket(U(listener));
      accept->set_accepted(U(accepted));
    }
    w->PeerConnect(listener, w->life().NewPeer());
    w->Calm();
  }
  if (w->random().OneIn(4))
    w->Disable(listener, w->random().OneIn(2) ? uint32_t{ACCEPT} : SomeOf(inherited | ACCEPT, &w->random()),
               w->random().OneIn(2));
  w->Calm();
}

void Inspects(Writer* w) {
  const int listener = AnyListener(w, true);
  if ((w->life().sockets[listener].enabled & ACCEPT) == 0 && !w->random().OneIn(3))
    w->Enable(listener, ACCEPT);
  if (w->random().OneIn(2)) ChooseReturn(w, w->NewScript(ACCEPT_EVENT, listener));
  const int inspect = w->life().NewInspect();
  Script* script = w->NewScript(INSPECT_EVENT, listener);
  script->set_returns(w->random().OneIn(5)   ? Script::REFUSE
                      : w->random().OneIn(5) ? Script::ACCEPT
                                             : Script::RETAIN);
  script->set_target(U(inspect));
  const int peer = w->life().NewPeer();
  w->PeerConnect(listener, peer);
  w->Settle();
  if (w->random().OneIn(4)) w->Add()->mutable_peer_abandon()->set_peer(U(peer));
  if (w->random().OneIn(4)) w->Calm();
  if (script->returns() == Script::RETAIN && !w->random().OneIn(5)) {
    auto* complete = w->Call()->mutable_inspect_complete();
    complete->set_socket(U(listener));
    complete->set_inspect(U(inspect));
    complete->set_action(w->random().OneIn(3) ? InspectComplete::REJECT : InspectComplete::ACCEPT_CONNECTION);
  }
  w->Calm();
  if (w->random().OneIn(4)) w->Add()->mutable_peer_abandon()->set_peer(U(peer));
  w->Calm();
}

void Datagrams(Writer* w) {
  const int socket = AnyDatagramSocket(w);
  Random& random = w->random();
  const uint32_t count = 1 + random.Below(4);
  for (uint32_t i = 0; i < count; ++i) {
    switch (random.Below(8)) {
      case 0:
      case 1: {
        auto* receive = w->Call()->mutable_receive_from();
        receive->set_socket(U(socket));
        receive->set_length(random.OneIn(3) ? random.Below(30) : 2000);
        break;
      }
      case 2: {
        auto* send = w->Call()->mutable_send_to();
        send->set_socket(U(socket));
        send->set_peer(random.Below(3));
        send->set_length(w->Length());
        break;
      }
      case 3: {
        const bool remote = random.OneIn(2);
        Step* step = w->Call();
        auto* address = remote ? step->mutable_set_remote_address() : step->mutable_set_sendto_address();
        address->set_socket(U(socket));
        address->set_peer(random.Below(2));
        break;
      }
      case 4:
        w->Enable(socket, RECEIVE_FROM);
        break;
      case 5:
        if (random.OneIn(2)) ChooseReturn(w, w->NewScript(RECEIVE_FROM_EVENT, socket));
        break;
      default:
        w->Datagram(random.BelowInt(3), socket);
    }
    if (random.OneIn(2)) w->Settle();
  }
  w->Datagram(random.BelowInt(3), socket);
  w->Calm();
}

void Closes(Writer* w) {
  const Occasion occasion = AnyOccasion(w);
  const int socket = occasion.socket;
  Random& random = w->random();
  switch (random.Below(4)) {
    case 0:
      if (w->life().sockets[socket].peer >= 0) w->Receive(socket);
      break;
    case 1: {
      Script* script = w->NewScript(occasion.event, socket);
      Writer inside = w->Inside(script);
      inside.Close(socket);
      Trigger(w, occasion.event, socket);
      break;
    }
    case 2:
      Trigger(w, occasion.event, socket);
      break;
    default:
      break;
  }
  if (random.OneIn(2)) w->Settle();
  w->Close(socket);
  w->Calm();
  if (random.OneIn(2)) Trigger(w, occasion.event, socket);
  w->Calm();
}

void Dies(Writer* w) {
  const Occasion occasion = AnyOccasion(w);
  const int socket = occasion.socket;
  const SocketLife s = w->life().sockets[socket];
  if (s.peer >= 0) {
    w->Add()->mutable_break_socket()->set_peer(U(s.peer));
  } else {
    w->Add()->mutable_break_bound()->set_socket(U(socket));
  }
  w->Calm();
  Random& random = w->random();
  switch (random.Below(6)) {
    case 0:
      w->Enable(socket, SomeOf(EventsOf(s.category), &random));
      break;
    case 1:
      w->Disable(socket, SomeOf(EventsOf(s.category), &random), random.OneIn(2));
      break;
    case 2:
      if (s.peer >= 0) {
        w->Receive(socket);
        break;
      }
      if (occasion.event == ACCEPT_EVENT || occasion.event == INSPECT_EVENT) {
        const int accepted = w->life().NewSocket();
        auto* accept = w->Call()->mutable_accept();
        accept->set_socket(U(socket));
        accept->set_accepted(U(accepted));
      }
      break;
    case 3:
      if (s.peer >= 0) {
        auto* disconnect = w->Call()->mutable_disconnect();
        disconnect->set_socket(U(socket));
        disconnect->set_abortive(random.OneIn(2));
      }
      break;
    default:
      break;
  }
  w->Calm();
}

void Backlogs(Writer* w) {
  const Pair pair = AnyConnection(w);
  if (w->random().OneIn(2)) w->Enable(pair.socket, SEND_BACKLOG);
  Trigger(w, SEND_BACKLOG_EVENT, pair.socket);
  w->Calm();
  if (w->random().OneIn(2)) {
    auto* query = w->Call()->mutable_query_send_backlog();
    query->set_socket(U(pair.socket));
    if (w->random().OneIn(6)) query->set_level(7);
  }
  w->Calm();
}

void Extensions(Writer* w) {
  int socket;
  if (w->random().OneIn(4)) {
    socket = w->life().NewSocket();
    w->Call()->mutable_socket()->set_socket(U(socket));
    w->Settle();
  } else {
    socket = w->random().OneIn(2)   ? AnyConnection(w).socket
             : w->random().OneIn(2) ? AnyDatagramSocket(w)
                                    : AnyListener(w, false);
  }
  RegisterExtension(w, socket);
  Trigger(w, EXTENSION_EVENT, socket);
  w->Calm();
  if (w->random().OneIn(2)) {
    const bool with_irp = w->random().OneIn(2);
    Step* step = with_irp ? w->Call() : w->Add();
    auto* request = step->mutable_event_callback();
    request->set_socket(U(socket));
    request->set_npi(NPI_EXTENSION);
    request->set_raw_mask(0x40);
    request->add_mask(DISABLE);
    Trigger(w, EXTENSION_EVENT, socket);
  }
  w->Calm();
  if (w->life().sockets[socket].peer >= 0) Trigger(w, RECEIVE_EVENT, socket);
  w->Calm();
}

// Asking for options and addresses, on whatever there is.
void Questions(Writer* w) {
  const Occasion occasion = AnyOccasion(w);
  const uint32_t count = 1 + w->random().Below(3);
  for (uint32_t i = 0; i < count; ++i) {
    Step* step = w->Call();
    switch (w->random().Below(6)) {
      case 0:
        step->mutable_get_local_address()->set_socket(U(occasion.socket));
        break;
      case 1:
        step->mutable_get_remote_address()->set_socket(U(occasion.socket));
        break;
      case 2:
        step->mutable_get_conditional_accept()->set_socket(U(occasion.socket));
        break;
      case 3:
        step->clear_irp();
        step->mutable_query_inspect_id()->set_socket(U(occasion.socket));
        break;
      case 4:
        step->mutable_query_send_backlog()->set_socket(U(occasion.socket));
        break;
      default:
        step->mutable_get_event_callback()->set_socket(U(occasion.socket));
    }
    w->Calm();
  }
}

// A socket used before its time, or of a category that does not have it.
void Early(Writer* w) {
  static constexpr int kCategories[] = {NewSocket::BASIC, NewSocket::LISTEN, NewSocket::CONNECTION,
                                        NewSocket::DATAGRAM, NewSocket::STREAM};
  const int socket = w->life().NewSocket();
  auto* made = w->Call()->mutable_socket();
  made->set_socket(U(socket));
  made->set_category(static_cast<NewSocket::Category>(kCategories[w->random().Below(5)]));
  w->Calm();
  const uint32_t count = 1 + w->random().Below(3);
  for (uint32_t i = 0; i < count; ++i) {
    switch (w->random().Below(8)) {
      case 0:
        w->Call()->mutable_get_local_address()->set_socket(U(socket));
        break;
      case 1:
        w->Call()->mutable_get_remote_address()->set_socket(U(socket));
        break;
      case 2:
        w->Call()->mutable_bind()->set_socket(U(socket));
        break;
      case 3:
        w->Call()->mutable_get_conditional_accept()->set_socket(U(socket));
        break;
      case 4:
        w->Disable(socket, SomeOf(ACCEPT | RECEIVE | RECEIVE_FROM | DISCONNECT, &w->random()),
                   w->random().OneIn(2));
        break;
      case 5: {
        const int peer = w->life().NewPeer();
        if (w->random().OneIn(2)) {
          w->PeerConnect(socket, peer);
        } else {
          w->Datagram(peer, socket);
        }
        break;
      }
      default:
        w->Enable(socket, SomeOf(ACCEPT | kConnectionEvents | RECEIVE_FROM, &w->random()));
    }
    w->Calm();
  }
}

// What one socket has must not touch another: two of a kind, one is changed, both are tempted.
void Two(Writer* w) {
  const Pair one = AnyConnection(w);
  const Pair other = AnyConnection(w);
  const EventName event = ConnectionEvent(&w->random());
  w->Enable(one.socket, FlagOf(event));
  w->Enable(other.socket, FlagOf(event));
  w->Calm();
  const bool holds = w->random().OneIn(2);
  const int hold = holds ? w->life().NewHold() : 0;
  if (holds) {
    w->NewScript(event, other.socket)->set_hold(U(hold));
    Trigger(w, event, other.socket);
    w->Await(hold);
  }
  w->Disable(one.socket, FlagOf(event), w->random().OneIn(2));
  w->Calm();
  Trigger(w, event, one.socket);
  if (holds)
    w->ReleaseHold(hold);
  else
    Trigger(w, event, other.socket);
  w->Calm();
}

// A connection that the peer refuses, or never answers.
void Unhappy(Writer* w) {
  const int socket = w->life().NewSocket();
  const int peer = w->life().NewPeer();
  auto* policy = w->Add()->mutable_peer_listen();
  policy->set_peer(U(peer));
  policy->set_policy(w->random().OneIn(2) ? PeerListen::REFUSES : PeerListen::IGNORES);
  auto* connect = w->Call()->mutable_socket_connect();
  connect->set_socket(U(socket));
  connect->set_peer(U(peer));
  w->Settle();
}

void Silent(Writer* w) {
  const Pair pair = AnyConnection(w);
  if (w->random().OneIn(2)) w->Enable(pair.socket, SomeOf(kConnectionEvents, &w->random()));
  w->Settle();
  w->Call()->mutable_set_silent_mode()->set_socket(U(pair.socket));
  w->Settle();
  if (w->random().OneIn(2)) w->PeerSend(pair.peer);
  if (w->random().OneIn(3)) {
    w->Call()->mutable_disconnect()->set_socket(U(pair.socket));
  } else if (w->random().OneIn(2)) {
    auto* send = w->Call()->mutable_send();
    send->set_socket(U(pair.socket));
    send->set_length(10);
  }
  w->Calm();
  if (w->random().OneIn(2)) w->Close(pair.socket);
}

void Cancels(Writer* w) {
  const Pair pair = AnyConnection(w);
  w->Receive(pair.socket);
  w->Calm();
  const Life& life = w->life();
  for (int i = 0; i < kTrackedIrps; ++i) {
    if (life.irps[i].out != Out::kLong || w->random().OneIn(3)) continue;
    Step* step = w->Add();
    step->set_irp(U(i));
    step->mutable_cancel_irp();
    break;
  }
  w->Calm();
}

struct Entry {
  void (*write)(Writer*);
  uint32_t weight;
};
constexpr Entry kIdioms[] = {
    {Call, 8},           {Held, 12},         {Inside, 10},
    {Disabled, 7},       {Suspended, 6},     {Retained, 5},
    {Requests, 6},       {Sends, 5},         {Disconnects, 5},
    {PeerEnds, 6},       {Accepts, 8},       {Inspects, 8},
    {Datagrams, 8},      {Closes, 6},        {Dies, 5},
    {Backlogs, 3},       {Extensions, 3},    {Questions, 3},
    {Early, 5},          {Two, 4},           {Unhappy, 1},
    {Silent, 1},         {Cancels, 2},       {DatagramsRefused, 4},
    {FixedAddresses, 3}, {HalfClosed, 4},    {RequestsWithFlags, 4},
    {Levels, 1},         {InspectedLate, 4}, {StreamRoles, 3},
    {Inherits, 6},       {OtherClient, 1},
};

constexpr uint32_t Total() {
  uint32_t total = 0;
  for (const Entry& entry : kIdioms) total += entry.weight;
  return total;
}

}  // namespace

void WriteIdiom(Writer* writer) {
  uint32_t at = writer->random().Below(Total());
  for (const Entry& entry : kIdioms) {
    if (at < entry.weight) return entry.write(writer);
    at -= entry.weight;
  }
}

}  // namespace wskcert::fuzz
