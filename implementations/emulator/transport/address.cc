#include "implementations/emulator/transport/address.h"

#include <wdm.h>
#include <wsk.h>

#include "implementations/emulator/transport/network.h"

namespace wskcert::emulator {
namespace {

constexpr USHORT kFirstPeerPort = 1024;

USHORT Swap(USHORT value) { return __builtin_bswap16(value); }

void SetIpv4(IN_ADDR* address, UCHAR a, UCHAR b, UCHAR c, UCHAR d) { address->S_un.S_un_b = {a, b, c, d}; }

// fd00::HIGH:LOW
void SetIpv6(IN6_ADDR* address, USHORT high, USHORT low) {
  *address = IN6_ADDR{};
  address->u.Word[0] = Swap(0xfd00);
  address->u.Word[6] = Swap(high);
  address->u.Word[7] = Swap(low);
}

bool Equal(const IN6_ADDR* a, const IN6_ADDR* b) {
  for (int i = 0; i < 8; ++i) {
    if (a->u.Word[i] != b->u.Word[i]) return false;
  }
  return true;
}

}  // namespace

LONG PeerAt(const SOCKADDR_INET* address) {
  ULONG port = Port(address);
  if (port < kFirstPeerPort || port >= kFirstPeerPort + kPeers) return -1;
  ULONG peer = port - kFirstPeerPort;
  SOCKADDR_INET expected = {};
  WritePeerAddress(peer, address->si_family == AF_INET6, &expected);
  if (address->si_family == AF_INET) {
    return address->Ipv4.sin_addr.s_addr == expected.Ipv4.sin_addr.s_addr ? static_cast<LONG>(peer) : -1;
  }
  if (address->si_family != AF_INET6) return -1;
  return Equal(&address->Ipv6.sin6_addr, &expected.Ipv6.sin6_addr) ? static_cast<LONG>(peer) : -1;
}

ULONG WritePeerAddress(ULONG peer, bool ipv6, void* sockaddr_out) {
  USHORT port = Swap(static_cast<USHORT>(kFirstPeerPort + peer));
  if (ipv6) {
    auto* out = static_cast<SOCKADDR_IN6*>(sockaddr_out);
    *out = SOCKADDR_IN6{};
    out->sin6_family = AF_INET6;
    out->sin6_port = port;
    SetIpv6(&out->sin6_addr, 1, static_cast<USHORT>(peer));
    return sizeof *out;
  }
  auto* out = static_cast<SOCKADDR_IN*>(sockaddr_out);
  *out = SOCKADDR_IN{};
  out->sin_family = AF_INET;
  out->sin_port = port;
  SetIpv4(&out->sin_addr, 10, static_cast<UCHAR>(1 + peer / 256), static_cast<UCHAR>(peer % 256), 1);
  return sizeof *out;
}

bool CopyAddress(SOCKADDR_INET* to, const SOCKADDR* from, ADDRESS_FAMILY family) {
  if (from == nullptr || from->sa_family != family) return false;
  *to = SOCKADDR_INET{};
  if (family == AF_INET) {
    to->Ipv4 = *reinterpret_cast<const SOCKADDR_IN*>(from);
  } else if (family == AF_INET6) {
    to->Ipv6 = *reinterpret_cast<const SOCKADDR_IN6*>(from);
  } else {
    return false;
  }
  return true;
}

bool IsLocal(const SOCKADDR_INET* address) {
  if (address->si_family == AF_INET) {
    const auto& bytes = address->Ipv4.sin_addr.S_un.S_un_b;
    bool host = bytes.s_b1 == 10 && bytes.s_b2 == 0 && bytes.s_b3 == 0 && bytes.s_b4 == 1;
    return host || bytes.s_b1 == 127 || address->Ipv4.sin_addr.s_addr == INADDR_ANY;
  }
  IN6_ADDR host;
  SetIpv6(&host, 0, 1);
  IN6_ADDR any = {};
  IN6_ADDR loopback = {};
  loopback.u.Byte[15] = 1;
  const IN6_ADDR* own = &address->Ipv6.sin6_addr;
  return Equal(own, &host) || Equal(own, &any) || Equal(own, &loopback);
}

bool IsWildcard(const SOCKADDR_INET* address) {
  if (address->si_family == AF_INET) return address->Ipv4.sin_addr.s_addr == INADDR_ANY;
  IN6_ADDR any = {};
  return Equal(&address->Ipv6.sin6_addr, &any);
}

bool SameHost(const SOCKADDR_INET* a, const SOCKADDR_INET* b) {
  if (a->si_family == AF_INET) return a->Ipv4.sin_addr.s_addr == b->Ipv4.sin_addr.s_addr;
  return Equal(&a->Ipv6.sin6_addr, &b->Ipv6.sin6_addr);
}

void MapIntoIpv6(SOCKADDR_INET* address) {
  if (address->si_family != AF_INET) return;
  SOCKADDR_IN from = address->Ipv4;
  *address = SOCKADDR_INET{};
  address->Ipv6.sin6_family = AF_INET6;
  address->Ipv6.sin6_port = from.sin_port;
  address->Ipv6.sin6_addr.u.Word[5] = 0xFFFF;
  RtlCopyMemory(&address->Ipv6.sin6_addr.u.Word[6], &from.sin_addr, sizeof from.sin_addr);
}

void UnmapFromIpv6(SOCKADDR_INET* address) {
  if (address->si_family != AF_INET6) return;
  SOCKADDR_IN6 from = address->Ipv6;
  const USHORT* words = from.sin6_addr.u.Word;
  if ((words[0] | words[1] | words[2] | words[3] | words[4]) != 0 || words[5] != 0xFFFF) return;
  *address = SOCKADDR_INET{};
  address->Ipv4.sin_family = AF_INET;
  address->Ipv4.sin_port = from.sin6_port;
  RtlCopyMemory(&address->Ipv4.sin_addr, &words[6], sizeof address->Ipv4.sin_addr);
}

void ResolveWildcard(SOCKADDR_INET* address) {
  if (address->si_family == AF_INET) {
    if (address->Ipv4.sin_addr.s_addr == INADDR_ANY) SetIpv4(&address->Ipv4.sin_addr, 10, 0, 0, 1);
  } else {
    IN6_ADDR any = {};
    if (Equal(&address->Ipv6.sin6_addr, &any)) SetIpv6(&address->Ipv6.sin6_addr, 0, 1);
  }
}

USHORT Port(const SOCKADDR_INET* address) {
  return Swap(address->si_family == AF_INET ? address->Ipv4.sin_port : address->Ipv6.sin6_port);
}

void SetPort(SOCKADDR_INET* address, USHORT port) {
  if (address->si_family == AF_INET) {
    address->Ipv4.sin_port = Swap(port);
  } else {
    address->Ipv6.sin6_port = Swap(port);
  }
}

}  // namespace wskcert::emulator
