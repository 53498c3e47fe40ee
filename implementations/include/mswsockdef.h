// Microsoft's additions to the socket definitions: those that kernel clients use. See ws2def.h for the
// conventions.
#ifndef _MSWSOCKDEF_
#define _MSWSOCKDEF_

#include <ws2def.h>

#define SIO_UDP_CONNRESET _WSAIOW(IOC_VENDOR, 12)
#define SIO_SOCKET_CLOSE_NOTIFY _WSAIOW(IOC_VENDOR, 13)
#define SIO_UDP_NETRESET _WSAIOW(IOC_VENDOR, 15)
#define SIO_SET_COMPATIBILITY_MODE _WSAIOW(IOC_VENDOR, 300)

// Whether the network adapters spread what they receive over processors.
#define SIO_QUERY_RSS_SCALABILITY_INFO _WSAIOR(IOC_VENDOR, 210)
typedef struct _RSS_SCALABILITY_INFO {
  BOOLEAN RssEnabled;
} RSS_SCALABILITY_INFO, *PRSS_SCALABILITY_INFO;

// How SIO_ADDRESS_LIST_SORT and its like order what they return is of no concern here; the security options
// of so-wsk-security.md are Microsoft's IPsec interface, which this project leaves out.

#endif  // _MSWSOCKDEF_
