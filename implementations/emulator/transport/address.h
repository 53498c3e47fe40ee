// Addresses in the simulated network: our host's, the peers', and what can be done with a SOCKADDR.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_TRANSPORT_ADDRESS_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_TRANSPORT_ADDRESS_H_

// wdm.h must come first.
#include <wdm.h>
#include <wsk.h>

namespace wskcert::emulator {

// Our host is 10.0.0.1 and fd00::1. Peer p is 10.(1 + p / 256).(p % 256).1 and fd00::1:p, at port 1024 + p.

// The peer at an address and port; -1: nobody is there.
LONG PeerAt(const SOCKADDR_INET* address);

// Writes a peer's address; returns its length.
ULONG WritePeerAddress(ULONG peer, bool ipv6, void* sockaddr_out);

// Copies a SOCKADDR of `family`; false if it is of another.
bool CopyAddress(SOCKADDR_INET* to, const SOCKADDR* from, ADDRESS_FAMILY family);

// Whether a socket can be bound to the address: the host's own, loopback, or the wildcard.
bool IsLocal(const SOCKADDR_INET* address);

// Whether it is the wildcard address, and whether two addresses of one family are equal but for the port.
bool IsWildcard(const SOCKADDR_INET* address);
bool SameHost(const SOCKADDR_INET* a, const SOCKADDR_INET* b);

// Between IPv4 and IPv4 mapped into IPv6; other addresses stay as they are.
void MapIntoIpv6(SOCKADDR_INET* address);
void UnmapFromIpv6(SOCKADDR_INET* address);

// Turns the wildcard into the host's address.
void ResolveWildcard(SOCKADDR_INET* address);

// The port, in host order.
USHORT Port(const SOCKADDR_INET* address);
void SetPort(SOCKADDR_INET* address, USHORT port);

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_TRANSPORT_ADDRESS_H_
