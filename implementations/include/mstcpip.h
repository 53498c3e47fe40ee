// TCP/IP ioctls and address classification for kernel clients. See ws2def.h for the conventions.
#ifndef _MSTCPIP_
#define _MSTCPIP_

#include <ws2def.h>
#include <ws2ipdef.h>

// Input of SIO_KEEPALIVE_VALS; times in milliseconds.
struct tcp_keepalive {
  ULONG onoff;
  ULONG keepalivetime;
  ULONG keepaliveinterval;
};

#define SIO_RCVALL _WSAIOW(IOC_VENDOR, 1)
#define SIO_RCVALL_MCAST _WSAIOW(IOC_VENDOR, 2)
#define SIO_RCVALL_IGMPMCAST _WSAIOW(IOC_VENDOR, 3)
#define SIO_KEEPALIVE_VALS _WSAIOW(IOC_VENDOR, 4)
#define SIO_ABSORB_RTRALERT _WSAIOW(IOC_VENDOR, 5)
#define SIO_UCAST_IF _WSAIOW(IOC_VENDOR, 6)
#define SIO_LIMIT_BROADCASTS _WSAIOW(IOC_VENDOR, 7)
#define SIO_INDEX_BIND _WSAIOW(IOC_VENDOR, 8)
#define SIO_INDEX_MCASTIF _WSAIOW(IOC_VENDOR, 9)
#define SIO_INDEX_ADD_MCAST _WSAIOW(IOC_VENDOR, 10)
#define SIO_INDEX_DEL_MCAST _WSAIOW(IOC_VENDOR, 11)
#define SIO_LOOPBACK_FAST_PATH _WSAIOW(IOC_VENDOR, 16)  // sio-loopback-fast-path.md

#define RCVALL_OFF 0
#define RCVALL_ON 1

FORCEINLINE BOOLEAN IN4_IS_ADDR_UNSPECIFIED(const IN_ADDR* a) { return a->S_un.S_addr == 0; }
FORCEINLINE BOOLEAN IN4_IS_ADDR_LOOPBACK(const IN_ADDR* a) { return a->S_un.S_un_b.s_b1 == 127; }
FORCEINLINE BOOLEAN IN4_IS_ADDR_MULTICAST(const IN_ADDR* a) { return (a->S_un.S_un_b.s_b1 & 0xf0) == 0xe0; }
FORCEINLINE BOOLEAN IN4_IS_ADDR_BROADCAST(const IN_ADDR* a) { return a->S_un.S_addr == 0xffffffff; }
FORCEINLINE BOOLEAN IN4_ADDR_EQUAL(const IN_ADDR* a, const IN_ADDR* b) {
  return a->S_un.S_addr == b->S_un.S_addr;
}

FORCEINLINE BOOLEAN IN6_ADDR_EQUAL(const IN6_ADDR* a, const IN6_ADDR* b) {
  int i;
  for (i = 0; i < 8; ++i) {
    if (a->u.Word[i] != b->u.Word[i]) return FALSE;
  }
  return TRUE;
}
FORCEINLINE BOOLEAN IN6_IS_ADDR_UNSPECIFIED(const IN6_ADDR* a) {
  int i;
  for (i = 0; i < 8; ++i) {
    if (a->u.Word[i] != 0) return FALSE;
  }
  return TRUE;
}
FORCEINLINE BOOLEAN IN6_IS_ADDR_LOOPBACK(const IN6_ADDR* a) {
  int i;
  for (i = 0; i < 15; ++i) {
    if (a->u.Byte[i] != 0) return FALSE;
  }
  return a->u.Byte[15] == 1;
}
FORCEINLINE BOOLEAN IN6_IS_ADDR_MULTICAST(const IN6_ADDR* a) { return a->u.Byte[0] == 0xff; }
FORCEINLINE BOOLEAN IN6_IS_ADDR_LINKLOCAL(const IN6_ADDR* a) {
  return a->u.Byte[0] == 0xfe && (a->u.Byte[1] & 0xc0) == 0x80;
}
FORCEINLINE BOOLEAN IN6_IS_ADDR_V4MAPPED(const IN6_ADDR* a) {
  int i;
  for (i = 0; i < 5; ++i) {
    if (a->u.Word[i] != 0) return FALSE;
  }
  return a->u.Word[5] == 0xffff;
}

#endif  // _MSTCPIP_
