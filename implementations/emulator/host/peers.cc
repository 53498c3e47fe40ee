#include "implementations/emulator/host/peers.h"

#include <cstring>

namespace wskcert::emulator {
namespace {

// The host's wildcard address and a port, as SOCKADDR_IN or SOCKADDR_IN6 of ws2def.h. This file cannot
// include those: it is for programs with POSIX headers.
struct HostAddress {
  HostAddress(uint16_t port, bool ipv6) {
    std::memset(bytes, 0, sizeof bytes);
    bytes[0] = ipv6 ? 23 : 2;  // AF_INET6 or AF_INET of Windows, little endian
    bytes[2] = static_cast<uint8_t>(port >> 8);
    bytes[3] = static_cast<uint8_t>(port);
  }
  alignas(8) uint8_t bytes[28];
};

const uint8_t* BytesOf(std::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); }

}  // namespace

Peers::Peers() { NetworkSetPeerSink(&Peers::OnEvent, this); }
Peers::~Peers() { NetworkSetPeerSink(nullptr, nullptr); }

const PeerView& Peers::Saw(uint32_t peer) const {
  static const PeerView nothing;
  const auto found = views_.find(peer);
  return found == views_.end() ? nothing : found->second;
}

bool Peers::Connect(uint32_t peer, uint16_t port, bool ipv6) {
  const HostAddress address(port, ipv6);
  // Before the attempt, because what comes of it may be told at once.
  {
    std::lock_guard<std::mutex> guard(lock_);
    views_[peer] = PeerView();
  }
  return PeerConnect(peer, address.bytes);
}

bool Peers::Send(uint32_t peer, std::string_view bytes) {
  return PeerSend(peer, BytesOf(bytes), static_cast<uint32_t>(bytes.size()), /*push=*/true);
}

bool Peers::SendDatagram(uint32_t peer, uint16_t port, std::string_view bytes, bool ipv6) {
  const HostAddress address(port, ipv6);
  return PeerSendDatagram(peer, address.bytes, BytesOf(bytes), static_cast<uint32_t>(bytes.size()));
}

void Peers::OnEvent(void* peers, const PeerEvent* event) {
  auto* self = static_cast<Peers*>(peers);
  std::lock_guard<std::mutex> guard(self->lock_);
  PeerView& view = self->views_[event->peer];
  const auto* data = reinterpret_cast<const char*>(event->data);
  switch (event->kind) {
    case PeerEvent::kConnected:
      view.connected = true;
      break;
    case PeerEvent::kData:
      view.received.append(data, event->length);
      break;
    case PeerEvent::kFin:
      view.finished = true;
      break;
    case PeerEvent::kReset:
      view.reset = true;
      break;
    case PeerEvent::kRefused:
      view.refused = true;
      break;
    case PeerEvent::kDatagram:
      view.datagrams.emplace_back(data, event->length);
      break;
  }
}

}  // namespace wskcert::emulator
