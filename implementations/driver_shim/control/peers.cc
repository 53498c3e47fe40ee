#include "implementations/driver_shim/control/peers.h"

#include <algorithm>
#include <cstring>

namespace wskcert::shim {
namespace {

constexpr long kConnectionEvents = FD_CONNECT | FD_READ | FD_WRITE | FD_CLOSE;

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool Bind(SOCKET socket, uint16_t port) {
  const sockaddr_in address = Loopback(port);
  return bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

uint16_t PortOf(SOCKET socket) {
  sockaddr_in address = {};
  int length = sizeof(address);
  return getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) == 0 ? ntohs(address.sin_port)
                                                                                  : 0;
}

void Close(SOCKET* socket) {
  if (*socket != INVALID_SOCKET) closesocket(*socket);
  *socket = INVALID_SOCKET;
}

}  // namespace

Peers::Peers() : event_(WSACreateEvent()), buffer_(kMaxTransferBytes) {}

Peers::~Peers() {
  for (Peer& peer : peers_) {
    CloseConnection(&peer, true);
    Unreach(&peer);
    Close(&peer.next);
  }
  WSACloseEvent(event_);
}

uint64_t Peers::Capabilities() {
  return static_cast<uint64_t>(Capability::kListeners) | static_cast<uint64_t>(Capability::kDatagrams);
}

std::vector<PeerEntry> Peers::Prepare(uint32_t count) {
  Reset();
  if (peers_.size() < count) peers_.resize(count);
  count_ = count;
  std::vector<PeerEntry> entries(count);
  for (uint32_t i = 0; i < count; ++i) {
    Peer& peer = peers_[i];
    // One that was connected to is made anew: a connection nobody accepted yet may still be coming.
    if (peer.used || peer.refuses) Unreach(&peer);
    if (peer.listener == INVALID_SOCKET && !MakeReachable(&peer)) return {};
    if (peer.next == INVALID_SOCKET && !MakeNext(&peer)) return {};
    const sockaddr_in address = Loopback(peer.port);
    std::memcpy(entries[i].ipv4, &address, sizeof(entries[i].ipv4));
    entries[i].connects_from = peer.next_port;
  }
  return entries;
}

void Peers::Reset() {
  for (Peer& peer : peers_) CloseConnection(&peer, true);
}

// A TCP port that accepts, and the UDP port of the same number.
bool Peers::MakeReachable(Peer* peer) {
  for (int tries = 0; tries < 16; ++tries) {
    peer->listener = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    peer->datagrams = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    if (Bind(peer->listener, 0)) peer->port = PortOf(peer->listener);
    if (peer->port != 0 && Bind(peer->datagrams, peer->port) && listen(peer->listener, SOMAXCONN) == 0 &&
        WSAEventSelect(peer->listener, event_, FD_ACCEPT) == 0 &&
        WSAEventSelect(peer->datagrams, event_, FD_READ) == 0) {
      peer->used = peer->refuses = false;
      return true;
    }
    Unreach(peer);
  }
  return false;
}

bool Peers::MakeNext(Peer* peer) {
  peer->next = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
  if (peer->next != INVALID_SOCKET && Bind(peer->next, 0)) peer->next_port = PortOf(peer->next);
  if (peer->next_port != 0 && WSAEventSelect(peer->next, event_, kConnectionEvents) == 0) return true;
  Close(&peer->next);
  return false;
}

void Peers::Unreach(Peer* peer) {
  Close(&peer->listener);
  Close(&peer->datagrams);
  peer->port = 0;
}

void Peers::CloseConnection(Peer* peer, bool reset) {
  if (peer->connection == INVALID_SOCKET) return;
  if (reset) {
    const linger hard = {1, 0};
    setsockopt(peer->connection, SOL_SOCKET, SO_LINGER, reinterpret_cast<const char*>(&hard), sizeof(hard));
  }
  Close(&peer->connection);
  peer->connecting = peer->over = peer->shut = false;
  peer->unsent.clear();
}

bool Peers::SetPolicy(Peer* peer, uint32_t code) {
  if (code % 3 == 2) return false;  // nobody can make this machine's loopback interface lose a SYN
  const bool refuses = code % 3 == 1;
  if (refuses == peer->refuses) return true;
  // Bound and not listening it refuses, and nobody else gets the port.
  Close(&peer->listener);
  peer->listener = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
  if (peer->listener == INVALID_SOCKET || !Bind(peer->listener, peer->port)) return false;
  peer->refuses = refuses;
  if (refuses) return true;
  return listen(peer->listener, SOMAXCONN) == 0 && WSAEventSelect(peer->listener, event_, FD_ACCEPT) == 0;
}

bool Peers::Connect(Peer* peer, const uint8_t* address, uint16_t* connects_from) {
  if (peer->connection != INVALID_SOCKET && !peer->over) return false;
  CloseConnection(peer, false);
  if (peer->next == INVALID_SOCKET) return false;
  sockaddr_in to = {};
  std::memcpy(&to, address, sizeof(to));
  if (to.sin_family != AF_INET) return false;
  if (to.sin_addr.s_addr == 0) to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  peer->connection = peer->next;
  peer->next = INVALID_SOCKET;
  if (MakeNext(peer)) *connects_from = peer->next_port;
  peer->connecting = true;
  if (connect(peer->connection, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0) return true;
  if (WSAGetLastError() == WSAEWOULDBLOCK) return true;
  CloseConnection(peer, false);
  return false;
}

void Peers::Send(Peer* peer) {
  if (peer->connecting) return;
  size_t sent = 0;
  while (sent < peer->unsent.size()) {
    const int size = static_cast<int>(peer->unsent.size() - sent);
    const int done =
        send(peer->connection, reinterpret_cast<const char*>(peer->unsent.data() + sent), size, 0);
    if (done <= 0) break;
    sent += static_cast<size_t>(done);
  }
  peer->unsent.erase(peer->unsent.begin(), peer->unsent.begin() + static_cast<ptrdiff_t>(sent));
  if (peer->unsent.empty() && peer->shut) shutdown(peer->connection, SD_SEND);
}

bool Peers::Perform(const PeerCommand& command, const uint8_t* bytes, uint16_t* connects_from) {
  if (command.peer >= count_) return false;
  Peer& peer = peers_[command.peer];
  const bool connected = peer.connection != INVALID_SOCKET;
  switch (static_cast<Op>(command.op)) {
    case Op::kPeerListen:
      return SetPolicy(&peer, command.code);
    case Op::kPeerConnect:
      return Connect(&peer, command.address, connects_from);
    case Op::kPeerSend:
      if (!connected || peer.shut) return false;
      peer.unsent.insert(peer.unsent.end(), bytes, bytes + command.length);
      Send(&peer);
      return true;
    case Op::kPeerDisconnect:
      if (!connected || peer.shut) return false;
      peer.shut = true;
      Send(&peer);
      return true;
    case Op::kPeerReset:
      if (!connected) return false;
      CloseConnection(&peer, true);
      return true;
    case Op::kPeerSendDatagram: {
      if (command.code % 3 != static_cast<uint32_t>(Cast::kUnicast)) return false;
      sockaddr_in to = {};
      std::memcpy(&to, command.address, sizeof(to));
      if (to.sin_family != AF_INET) return false;
      if (to.sin_addr.s_addr == 0) to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      return sendto(peer.datagrams, reinterpret_cast<const char*>(bytes), static_cast<int>(command.length), 0,
                    reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == static_cast<int>(command.length);
    }
    default:
      return false;
  }
}

void Peers::Accept(Peer* peer, uint32_t index, const Sink& sink) {
  for (;;) {
    SOCKET accepted = accept(peer->listener, nullptr, nullptr);
    if (accepted == INVALID_SOCKET) return;
    peer->used = true;
    if (peer->connection != INVALID_SOCKET && !peer->over) {
      Close(&accepted);
      continue;
    }
    CloseConnection(peer, false);
    peer->connection = accepted;
    WSAEventSelect(accepted, event_, kConnectionEvents);
    sink(index, PeerSight::kConnected, nullptr, 0);
    // Its bytes may have been there before anybody asked for its events.
    Receive(peer, index, 0, sink);
  }
}

void Peers::Receive(Peer* peer, uint32_t index, int error, const Sink& sink) {
  while (!peer->over && peer->connection != INVALID_SOCKET) {
    const int size =
        recv(peer->connection, reinterpret_cast<char*>(buffer_.data()), static_cast<int>(buffer_.size()), 0);
    if (size > 0) {
      sink(index, PeerSight::kData, buffer_.data(), static_cast<uint32_t>(size));
    } else if (size == 0) {
      peer->over = true;
      sink(index, PeerSight::kFin, nullptr, 0);
    } else if (WSAGetLastError() == WSAEWOULDBLOCK && error == 0) {
      return;
    } else {
      peer->over = true;
      sink(index, PeerSight::kReset, nullptr, 0);
    }
  }
}

void Peers::ReceiveDatagrams(const Peer& peer, uint32_t index, const Sink& sink) {
  for (;;) {
    const int size = recvfrom(peer.datagrams, reinterpret_cast<char*>(buffer_.data()),
                              static_cast<int>(buffer_.size()), 0, nullptr, nullptr);
    if (size < 0) return;
    sink(index, PeerSight::kDatagram, buffer_.data(), static_cast<uint32_t>(size));
  }
}

void Peers::LookAt(Peer* peer, uint32_t index, const Sink& sink) {
  WSANETWORKEVENTS events = {};
  if (!peer->refuses && peer->listener != INVALID_SOCKET &&
      WSAEnumNetworkEvents(peer->listener, nullptr, &events) == 0 &&
      (events.lNetworkEvents & FD_ACCEPT) != 0) {
    Accept(peer, index, sink);
  }
  if (WSAEnumNetworkEvents(peer->datagrams, nullptr, &events) == 0 &&
      (events.lNetworkEvents & FD_READ) != 0) {
    ReceiveDatagrams(*peer, index, sink);
  }
  if (peer->connection == INVALID_SOCKET || WSAEnumNetworkEvents(peer->connection, nullptr, &events) != 0)
    return;
  if (peer->connecting && (events.lNetworkEvents & FD_CONNECT) != 0) {
    peer->connecting = false;
    if (events.iErrorCode[FD_CONNECT_BIT] != 0) {
      sink(index, PeerSight::kRefused, nullptr, 0);
      CloseConnection(peer, false);
      return;
    }
    sink(index, PeerSight::kConnected, nullptr, 0);
    Send(peer);
  }
  if (peer->connecting) return;
  if ((events.lNetworkEvents & FD_WRITE) != 0) Send(peer);
  if ((events.lNetworkEvents & (FD_READ | FD_CLOSE)) != 0) {
    const bool closed = (events.lNetworkEvents & FD_CLOSE) != 0;
    Receive(peer, index, closed ? events.iErrorCode[FD_CLOSE_BIT] : 0, sink);
  }
}

void Peers::Look(const Sink& sink) {
  WSAResetEvent(event_);
  for (uint32_t i = 0; i < count_; ++i) LookAt(&peers_[i], i, sink);
}

uint16_t FreePorts(uint32_t count) {
  constexpr uint32_t kFirst = 10'000;
  constexpr uint32_t kEnd = 32'000;  // ports that machines give out by themselves are above
  static uint32_t next = kFirst + GetTickCount() / 16 % (kEnd - kFirst);
  if (count > kEnd - kFirst) return 0;
  for (int tries = 0; tries < 64; ++tries) {
    if (next + count > kEnd) next = kFirst;
    const uint32_t first = next;
    next += std::max(count, 1u);
    bool free = true;
    for (uint32_t port = first; free && port < first + count; ++port) {
      SOCKET probe = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
      sockaddr_in address = Loopback(static_cast<uint16_t>(port));
      address.sin_addr.s_addr = 0;
      free = bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
      Close(&probe);
    }
    if (free) return static_cast<uint16_t>(first);
  }
  return 0;
}

}  // namespace wskcert::shim
