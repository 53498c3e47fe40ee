// Addresses as text. See ws2def.h for the conventions. Any IRQL, except that Windows' wide forms are pageable
// there; ports are in network byte order.
#ifndef WSKCERT_INCLUDE_IP2STRING_H_
#define WSKCERT_INCLUDE_IP2STRING_H_

#include <wdm.h>
#include <in6addr.h>
#include <inaddr.h>

#ifdef __cplusplus
extern "C" {
#endif

// Dotted decimal. `S` has room for 16 characters; returned is where its terminator stands.
PSTR RtlIpv4AddressToStringA(const struct in_addr* Addr, PSTR S);
PWSTR RtlIpv4AddressToStringW(const struct in_addr* Addr, PWSTR S);
// With ":port" if the port is not zero. *AddressStringLength is the room, then what was used, with the
// terminator. STATUS_INVALID_PARAMETER: too small, with what is needed.
LONG RtlIpv4AddressToStringExA(const struct in_addr* Address, USHORT Port, PSTR AddressString,
                               PULONG AddressStringLength);
LONG RtlIpv4AddressToStringExW(const struct in_addr* Address, USHORT Port, PWSTR AddressString,
                               PULONG AddressStringLength);
// One to four numbers, decimal, octal or hexadecimal; Strict demands four decimal ones. *Terminator is where
// parsing ended. STATUS_INVALID_PARAMETER: no address.
LONG RtlIpv4StringToAddressA(PCSTR S, BOOLEAN Strict, PCSTR* Terminator, struct in_addr* Addr);
LONG RtlIpv4StringToAddressW(PCWSTR S, BOOLEAN Strict, PCWSTR* Terminator, struct in_addr* Addr);
// The whole string, with a port behind a colon or without (zero).
LONG RtlIpv4StringToAddressExA(PCSTR AddressString, BOOLEAN Strict, struct in_addr* Address, PUSHORT Port);
LONG RtlIpv4StringToAddressExW(PCWSTR AddressString, BOOLEAN Strict, struct in_addr* Address, PUSHORT Port);

// As IPv4's, with room for 46 characters; the longest run of zero words is shortened.
PSTR RtlIpv6AddressToStringA(const struct in6_addr* Addr, PSTR S);
PWSTR RtlIpv6AddressToStringW(const struct in6_addr* Addr, PWSTR S);
// "[address%scope]:port", without brackets and port if that is zero, without scope likewise.
LONG RtlIpv6AddressToStringExA(const struct in6_addr* Address, ULONG ScopeId, USHORT Port, PSTR AddressString,
                               PULONG AddressStringLength);
LONG RtlIpv6AddressToStringExW(const struct in6_addr* Address, ULONG ScopeId, USHORT Port,
                               PWSTR AddressString, PULONG AddressStringLength);
LONG RtlIpv6StringToAddressA(PCSTR S, PCSTR* Terminator, struct in6_addr* Addr);
LONG RtlIpv6StringToAddressW(PCWSTR S, PCWSTR* Terminator, struct in6_addr* Addr);
LONG RtlIpv6StringToAddressExA(PCSTR AddressString, struct in6_addr* Address, PULONG ScopeId, PUSHORT Port);
LONG RtlIpv6StringToAddressExW(PCWSTR AddressString, struct in6_addr* Address, PULONG ScopeId, PUSHORT Port);

#ifdef __cplusplus
}
#endif

#endif  // WSKCERT_INCLUDE_IP2STRING_H_
