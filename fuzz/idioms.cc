// What idioms have in common: sockets in use, occasions for events, calls while one runs.
#include "fuzz/idioms.h"

#include "fuzz/idioms_callbacks.h"

namespace wskcert::fuzz {
namespace {

NewSocket* Make(Writer* w, int socket, int category) {
  Step* step = w->Call();
  if (w->random().OneIn(30)) step->set_client(1);
  auto* made = step->mutable_socket();
  made->set_socket(U(socket));
  made->set_category(static_cast<NewSocket::Category>(category));
  if (w->random().OneIn(30)) made->set_no_dispatch(true);
  if (w->random().OneIn(25)) made->add_dispatch(static_cast<EventName>(w->random().Below(7)));
  return made;
}

void Bind(Writer* w, int socket) { w->Call()->mutable_bind()->set_socket(U(socket)); }

// A random one of the sockets for which `good` is true; -1 if there is none.
template <typename Good>
int Pick(Writer* w, const Good& good) {
  const Life& life = w->life();
  int found = -1;
  uint32_t count = 0;
  for (int i = 0; i < kTrackedSockets; ++i) {
    if (life.sockets[i].live() && good(life.sockets[i]) && w->random().Below(++count) == 0) found = i;
  }
  return found;
}

bool Listens(const SocketLife& socket) {
  return socket.stage == Stage::kBound && !socket.dead &&
         (socket.category == NewSocket::LISTEN || socket.listening);
}

Pair MakeConnection(Writer* w) {
  const Pair pair = {w->life().NewSocket(), w->life().NewPeer()};
  const uint32_t how = w->random().Below(8);
  if (how < 5) {
    Step* step = w->Call();
    auto* connect = step->mutable_socket_connect();
    connect->set_socket(U(pair.socket));
    connect->set_peer(U(pair.peer));
    if (w->random().OneIn(25)) connect->add_dispatch(w->random().OneIn(2) ? RECEIVE_EVENT : DISCONNECT_EVENT);
    if (w->random().OneIn(40)) connect->set_no_dispatch(true);
  } else {
    Make(w, pair.socket, how == 6 ? NewSocket::STREAM : NewSocket::CONNECTION);
    w->Settle();
    Bind(w, pair.socket);
    w->Settle();
    Step* step = w->Call();
    auto* connect = how == 5 ? step->mutable_connect_ex() : step->mutable_connect();
    connect->set_socket(U(pair.socket));
    connect->set_peer(U(pair.peer));
    if (how == 5 && w->random().OneIn(2)) connect->set_length(w->Length());
    if (how == 5 && w->random().OneIn(12)) connect->set_raw_flags(1);
  }
  w->Calm();
  if (w->random().OneIn(30)) w->Add()->mutable_no_half_open()->set_peer(U(pair.peer));
  return pair;
}

// A connection that a listening socket gives to its client.
Pair AcceptConnection(Writer* w, int listener) {
  const Pair pair = {w->life().NewSocket(), w->life().NewPeer()};
  const bool by_event = (w->life().sockets[listener].enabled & ACCEPT) != 0 || w->random().OneIn(2);
  if (!by_event) {
    const bool first = w->random().OneIn(2);
    if (first) w->PeerConnect(listener, pair.peer);
    if (first) w->Calm();
    auto* accept = w->Call()->mutable_accept();
    accept->set_socket(U(listener));
    accept->set_accepted(U(pair.socket));
    w->Calm();
    if (!first) w->PeerConnect(listener, pair.peer);
  } else {
    Script* script = w->NewScript(ACCEPT_EVENT, listener);
    script->set_target(U(pair.socket));
    if ((w->life().sockets[listener].enabled & ACCEPT) == 0) {
      w->Enable(
          listener,
          ACCEPT | (w->random().OneIn(2) ? SomeOf(RECEIVE | DISCONNECT | SEND_BACKLOG, &w->random()) : 0));
    }
    w->PeerConnect(listener, pair.peer);
  }
  w->Calm();
  return pair;
}

}  // namespace

Pair AnyConnection(Writer* w) {
  const int found =
      Pick(w, [](const SocketLife& s) { return s.stage == Stage::kConnected && s.peer >= 0 && !s.dead; });
  if (found >= 0 && !w->random().OneIn(6)) return {found, w->life().sockets[found].peer};
  if (w->later()) return found >= 0 ? Pair{found, w->life().sockets[found].peer} : Pair{};
  const int listener = Pick(w, Listens);
  if (listener >= 0 && !w->random().OneIn(3)) return AcceptConnection(w, listener);
  if (w->random().OneIn(6)) return AcceptConnection(w, AnyListener(w, false));
  return MakeConnection(w);
}

int AnyListener(Writer* w, bool conditional) {
  const int found =
      Pick(w, [conditional](const SocketLife& s) { return Listens(s) && (!conditional || s.conditional); });
  if (w->later()) return found >= 0 ? found : 0;
  if (found >= 0 && !w->random().OneIn(8)) return found;
  const int socket = w->life().NewSocket();
  const bool stream = w->random().OneIn(6);
  Make(w, socket, stream ? NewSocket::STREAM : NewSocket::LISTEN);
  w->Settle();
  if (conditional) {
    auto* accept = w->Call()->mutable_conditional_accept();
    accept->set_socket(U(socket));
    accept->set_value(1);
    w->Settle();
  }
  Bind(w, socket);
  w->Settle();
  if (stream) {
    w->Call()->mutable_listen()->set_socket(U(socket));
    w->Settle();
  }
  return socket;
}

int AnyDatagramSocket(Writer* w) {
  const int found = Pick(w, [](const SocketLife& s) {
    return s.category == NewSocket::DATAGRAM && s.stage == Stage::kBound && !s.dead;
  });
  if (w->later()) return found >= 0 ? found : 0;
  if (found >= 0 && !w->random().OneIn(6)) return found;
  const int socket = w->life().NewSocket();
  Make(w, socket, NewSocket::DATAGRAM);
  w->Settle();
  Bind(w, socket);
  w->Settle();
  return socket;
}

bool Trigger(Writer* w, EventName event, int socket) {
  const SocketLife& s = w->life().sockets[socket];
  const int peer = s.peer;
  switch (event) {
    case RECEIVE_EVENT:
      if (peer < 0) return false;
      w->PeerSend(peer);
      return true;
    case DISCONNECT_EVENT:
      if (peer < 0) return false;
      switch (w->random().Below(8)) {
        case 0:
          w->Add()->mutable_break_socket()->set_peer(U(peer));
          return true;
        case 1:
        case 2:
        case 3:
          w->Add()->mutable_peer_reset()->set_peer(U(peer));
          return true;
        default:
          w->Add()->mutable_peer_disconnect()->set_peer(U(peer));
          return true;
      }
    case SEND_BACKLOG_EVENT: {
      if (peer < 0) return false;
      auto* backlog = w->Add()->mutable_set_ideal_backlog();
      backlog->set_peer(U(peer));
      backlog->set_length(1000 + w->random().Below(200000));
      return true;
    }
    case RECEIVE_FROM_EVENT:
      w->Datagram(w->random().BelowInt(3), socket);
      return true;
    case ACCEPT_EVENT:
    case INSPECT_EVENT:
      w->PeerConnect(socket, w->life().NewPeer());
      return true;
    case EXTENSION_EVENT: {
      auto* ping = w->Add()->mutable_ping();
      ping->set_socket(U(socket));
      ping->set_value(w->random().Below(100));
      return true;
    }
    default:
      return false;
  }
}

void ChooseReturn(Writer* w, Script* script) {
  Random& random = w->random();
  switch (script->event()) {
    case RECEIVE_EVENT:
    case RECEIVE_FROM_EVENT:
      switch (random.Below(6)) {
        case 0:
          script->set_returns(Script::REFUSE);
          return;
        case 1:
          script->set_returns(Script::RETAIN);
          script->set_target(U(w->life().NewList()));
          return;
        case 2:
          if (script->event() != RECEIVE_EVENT) return;
          script->set_returns(Script::PARTIAL);
          script->set_accept_bytes(1 + random.Below(120));
          return;
        default:
          return;
      }
    case ACCEPT_EVENT:
      if (random.OneIn(6)) {
        if (random.OneIn(3)) script->set_returns(Script::REFUSE);
        if (random.OneIn(5)) {
          // Gives a context and a table, and refuses then.
          script->set_returns(Script::RAW);
          script->set_status(0xC00000D0);
          script->set_target(U(w->life().NewSocket()));
        }
        return;
      }
      script->set_target(U(w->life().NewSocket()));
      if (random.OneIn(16)) script->set_no_dispatch(true);
      if (random.OneIn(16)) script->add_dispatch(random.OneIn(2) ? RECEIVE_EVENT : DISCONNECT_EVENT);
      return;
    case INSPECT_EVENT:
      switch (random.Below(4)) {
        case 0:
          script->set_returns(Script::REFUSE);
          break;
        case 1:
          return;
        default:
          script->set_returns(Script::RETAIN);
      }
      script->set_target(U(w->life().NewInspect()));
      return;
    default:
      return;
  }
}

void Meanwhile(Writer* w, EventName event, int socket) {
  const uint32_t flag = FlagOf(event);
  Random& random = w->random();
  const SocketLife s = w->life().sockets[socket];
  switch (random.Below(12)) {
    case 0:
    case 1:
    case 2:
      if (flag != 0) w->Disable(socket, flag, true);
      return;
    case 3:
    case 4:
      if (flag != 0) w->Disable(socket, flag, false);
      return;
    case 5:
      w->Enable(socket, flag != 0 ? flag : SomeOf(EventsOf(s.category), &random));
      return;
    case 6:
      w->Disable(socket, SomeOf(EventsOf(s.category), &random), random.OneIn(2));
      return;
    case 7:
      if (event == ACCEPT_EVENT || event == INSPECT_EVENT || random.OneIn(2)) return w->Close(socket);
      return w->Receive(socket);
    case 8:
      Trigger(w, event, socket);
      return;
    case 9:
      if (s.peer >= 0) Trigger(w, random.OneIn(2) ? RECEIVE_EVENT : DISCONNECT_EVENT, socket);
      return;
    case 10: {
      if (s.peer < 0) return;
      auto* send = w->Call()->mutable_send();
      send->set_socket(U(socket));
      send->set_length(w->Length());
      return;
    }
    default:
      w->Settle();
  }
}

}  // namespace wskcert::fuzz
