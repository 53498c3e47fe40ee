// What the provider needs of a network: a table of asynchronous functions, so that the simulated network, the
// host's loopback or another stack can be put below it. Kernel C++ (docs/kernel_cpp.md).
//
// Rules for both sides: no function waits; each may be called at IRQL <= DISPATCH_LEVEL, in any thread, with
// no lock held; Break may be called with a lock of the client's. The transport calls its client from threads
// of its own, never from within a call of the client (except Sent, when a Send is refused), and one at a time
// per endpoint.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_TRANSPORT_TRANSPORT_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_TRANSPORT_TRANSPORT_H_

// wdm.h must come first.
#include <wdm.h>
#include <wsk.h>

namespace wskcert::transport {

// One end of a connection. Opaque to the client.
struct Endpoint;

// Pages that one buffer can touch, and so the length of its memory descriptor list.
inline constexpr ULONG kBufferPages = 2;

// A received segment. It belongs to the client from Received until ReturnBuffers; the transport filled it and
// does not look at it meanwhile. `offset` and `length` say what of it the client has not consumed yet.
struct Buffer {
  Buffer* next;
  UCHAR* base;
  ULONG offset;  // from base; never 0 in a fresh buffer
  ULONG length;
  ULONG capacity;
  bool push;  // TCP's push bit was set on this segment
  // For the client's own use.
  alignas(16) UCHAR client_area[80];
  // Memory for an MDL that describes a part of the buffer; the client builds it.
  alignas(16) UCHAR mdl[sizeof(MDL) + kBufferPages * sizeof(PFN_NUMBER)];
};

// Bytes to send. The memory is the client's and stays valid until Sent, or until CancelSend has returned
// true. It fits into the four words that an IRP has for its driver.
struct Send {
  Send* next;  // the transport's
  PMDL mdl;
  SIZE_T length;
  ULONG offset;    // within the first MDL
  bool no_delay;   // do not wait for more
  bool taken;      // the transport's: it is in one of its lists
  bool cancelled;  // the transport's: to be over as soon as possible
};
static_assert(sizeof(Send) <= 4 * sizeof(PVOID));

// What the transport tells its client about an endpoint; `context` is what Open was given.
struct Client {
  // The outcome of Connect. STATUS_SUCCESS, STATUS_CONNECTION_REFUSED, STATUS_HOST_UNREACHABLE...
  void (*Connected)(void* context, NTSTATUS status);
  // Data came, in order; the buffers are the client's now.
  void (*Received)(void* context, Buffer* buffers);
  // The peer closed its direction, or reset the connection.
  void (*Disconnected)(void* context, bool abortive);
  // A Send is over: the peer acknowledged all of it (STATUS_SUCCESS), or never will.
  void (*Sent)(void* context, Send* send, NTSTATUS status);
  // A graceful Disconnect is over: the peer acknowledged it (STATUS_SUCCESS), or never will.
  void (*DisconnectDone)(void* context, NTSTATUS status);
  // How many bytes should be outstanding in sends has changed.
  void (*BacklogChanged)(void* context, SIZE_T bytes);
  // The endpoint works no more. Only Closed follows.
  void (*Broken)(void* context);
  // The outcome of Close: nothing will be said about the endpoint again.
  void (*Closed)(void* context);
  // A peer asks for a connection with a listening endpoint, `context` being the listener's. `connection` is
  // the new connection's endpoint; the client may already call Admit or Close for it. Returns the context
  // for the reports about it, or null to refuse: then the endpoint is not the client's.
  void* (*Incoming)(void* context, Endpoint* connection);
};

// ---- Datagrams

// A local address that datagrams come to and go out from. Opaque to the client.
struct DatagramEndpoint;

// What a UDP datagram can hold over IPv4; this transport's limit for both families.
inline constexpr ULONG kMaximumDatagram = 65507;

// A received datagram. It belongs to the client from Received until ReturnDatagrams.
struct Datagram {
  Datagram* next;
  Buffer* buffers;  // its bytes; null if it has none
  ULONG length;
  ULONG flags;  // MSG_BCAST, MSG_MCAST
  SOCKADDR_INET remote;
  ULONG control_length;                // of its control information, 0: it has none
  alignas(16) UCHAR control[48];       // objects that each begin with a CMSGHDR
  alignas(16) UCHAR client_area[112];  // for the client's own use
};

// One of several datagrams that go out together.
struct Message {
  Message* next;
  PMDL mdl;
  ULONG offset;
  ULONG length;
};

// A datagram to send, or several to one address. The memory stays valid until Sent, or until CancelSend has
// returned true. Fits where a Send does.
struct DatagramSend {
  DatagramSend* next;  // the transport's
  union {
    PMDL mdl;
    Message* messages;  // if there are several
  };
  ULONG length;       // of all together
  ULONG offset;       // within the first MDL; for one
  ULONG destination;  // the transport's
  bool several;
  bool taken, cancelled;  // the transport's, as in Send
};
static_assert(sizeof(DatagramSend) <= sizeof(Send));

struct DatagramClient {
  // Datagrams came; they are the client's now.
  void (*Received)(void* context, Datagram* datagrams);
  // A send is over: the datagrams left (STATUS_SUCCESS), or not all of them.
  void (*Sent)(void* context, DatagramSend* send, NTSTATUS status);
  // As in Client.
  void (*Broken)(void* context);
  void (*Closed)(void* context);
};

// The functions for datagrams, as those of the same names for connections.
struct DatagramTransport {
  NTSTATUS(*Open)
  (const DatagramClient* client, void* context, ADDRESS_FAMILY family, DatagramEndpoint** endpoint);
  NTSTATUS (*Bind)(DatagramEndpoint* endpoint, const SOCKADDR* address);
  void (*LocalAddress)(DatagramEndpoint* endpoint, SOCKADDR_INET* address);
  // Sends to an address of the endpoint's family, which is read during the call only; ends in Sent.
  void (*Send)(DatagramEndpoint* endpoint, DatagramSend* send, const SOCKADDR* to);
  bool (*CancelSend)(DatagramEndpoint* endpoint, DatagramSend* send);
  void (*Break)(DatagramEndpoint* endpoint);
  void (*ReturnDatagrams)(Datagram* datagrams);
  void (*Close)(DatagramEndpoint* endpoint);
  bool (*CloseAtOnce)(DatagramEndpoint* endpoint);
};

// A transport.
struct Transport {
  // Makes an endpoint for an address family. STATUS_INSUFFICIENT_RESOURCES, STATUS_NOT_SUPPORTED.
  NTSTATUS (*Open)(const Client* client, void* context, ADDRESS_FAMILY family, Endpoint** endpoint);
  // Gives it a local address; port 0 takes a free one. STATUS_ADDRESS_ALREADY_EXISTS,
  // STATUS_INVALID_ADDRESS_COMPONENT.
  NTSTATUS (*Bind)(Endpoint* endpoint, const SOCKADDR* address);
  // Its local address. After Connected a wildcard has become a real address.
  void (*LocalAddress)(Endpoint* endpoint, SOCKADDR_INET* address);
  // Starts connecting a bound endpoint; ends in Connected, unless Disconnect or Close comes first.
  void (*Connect)(Endpoint* endpoint, const SOCKADDR* address);
  // Sends after what was sent before; ends in Sent.
  void (*Send)(Endpoint* endpoint, struct Send* send);
  // Takes a Send back. False: Sent was called, is being called, or will be soon.
  bool (*CancelSend)(Endpoint* endpoint, struct Send* send);
  // Graceful: closes our direction after what was sent; ends in DisconnectDone. Abortive: resets at once or
  // stops connecting; nothing is reported, not even the outcome of a graceful one.
  void (*Disconnect)(Endpoint* endpoint, bool abortive);
  // From now on nothing goes out on the connection and nothing that comes in is told, not even its end; Close
  // tells the peer nothing. Sends and disconnects must not be outstanding.
  void (*Silence)(Endpoint* endpoint);
  // Ends the endpoint's usefulness: what was not told is dropped; ends in Broken,
  // if there is something to break.
  void (*Break)(Endpoint* endpoint);
  // Gives buffers back.
  void (*ReturnBuffers)(Buffer* buffers);
  // How many bytes should be outstanding in sends.
  SIZE_T (*IdealBacklog)(Endpoint* endpoint);
  // Ends the endpoint, resetting a connection that is not closed both ways; ends in Closed. Sends that are
  // left end first. Other reports can still come until Closed does. A connection that was not admitted is
  // refused.
  void (*Close)(Endpoint* endpoint);
  // As Close, but over when it returns, without Closed. False: something is still to be told or under way;
  // then nothing has happened.
  bool (*CloseAtOnce)(Endpoint* endpoint);
  // Lets peers connect to a bound endpoint, which cannot connect itself any more: Incoming. `dual`: an IPv6
  // endpoint at the wildcard address takes IPv4 too. STATUS_ADDRESS_ALREADY_EXISTS: IPv4's port is taken; the
  // endpoint is no longer bound.
  NTSTATUS (*Listen)(Endpoint* endpoint, bool dual);
  // Goes on with the handshake of a connection that came in; ends in Connected: success, or
  // STATUS_CONNECTION_ABORTED if the peer gave up. That can also be said before Admit.
  void (*Admit)(Endpoint* connection);
  // The peer's address of a connection that came in.
  void (*RemoteAddress)(Endpoint* connection, SOCKADDR_INET* address);
  const DatagramTransport* datagrams;
};

}  // namespace wskcert::transport

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_TRANSPORT_TRANSPORT_H_
