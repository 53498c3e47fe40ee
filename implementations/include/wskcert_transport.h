// The simulated network, for a provider of one's own that is hosted by wskcert
// (docs/certify_your_provider.md): the table through which it opens endpoints, connects, listens, sends and
// receives. Peers at the other end are driven by the suite. C and C++. Include <wdm.h> first.
//
// Rules for both sides: no function waits; each may be called at IRQL <= DISPATCH_LEVEL, in any thread, with
// no lock held. The transport calls its client from threads of its own, never from within a call of the
// client (except Sent, when a Send is refused), and one at a time per endpoint. What an endpoint's owner must
// do: return every buffer, and call Close for every endpoint that was opened or that Incoming took.
#ifndef WSKCERT_IMPLEMENTATIONS_INCLUDE_WSKCERT_TRANSPORT_H_
#define WSKCERT_IMPLEMENTATIONS_INCLUDE_WSKCERT_TRANSPORT_H_

#include <stdbool.h>
#include <wsk.h>

#ifdef __cplusplus
extern "C" {
#endif

// One end of a connection, or a listening address.
typedef struct _WSKCERT_ENDPOINT WSKCERT_ENDPOINT;

// A received segment. It belongs to the client from Received until ReturnBuffers. Offset and Length say what
// of it the client has not consumed yet; the transport does not look at them meanwhile.
typedef struct _WSKCERT_BUFFER {
  struct _WSKCERT_BUFFER* Next;
  PUCHAR Base;
  ULONG Offset;  // from Base; never 0 in a fresh buffer
  ULONG Length;
  ULONG Capacity;
  bool Push;                                // TCP's push bit was set on this segment
  DECLSPEC_ALIGN(16) UCHAR ClientArea[80];  // for the client's own use
  // Memory for an MDL that describes a part of the buffer; the client builds it.
  DECLSPEC_ALIGN(16) UCHAR Mdl[sizeof(MDL) + 2 * sizeof(PFN_NUMBER)];
} WSKCERT_BUFFER;

// Bytes to send. The memory is the client's and stays valid until Sent, or until CancelSend has returned
// true. It fits into the four words that an IRP has for its driver (Tail.Overlay.DriverContext).
typedef struct _WSKCERT_SEND {
  struct _WSKCERT_SEND* Next;  // the transport's
  PMDL Mdl;
  SIZE_T Length;
  ULONG Offset;    // within the first MDL
  bool NoDelay;    // do not wait for more
  bool Taken;      // the transport's
  bool Cancelled;  // the transport's
} WSKCERT_SEND;

// What the transport tells its client about an endpoint; Context is what Open was given, or Incoming
// returned.
typedef struct _WSKCERT_TRANSPORT_CLIENT {
  // The outcome of Connect, and of a connection that came in after Admit.
  void (*Connected)(PVOID Context, NTSTATUS Status);
  // Data came, in order; the buffers are the client's now.
  void (*Received)(PVOID Context, WSKCERT_BUFFER* Buffers);
  // The peer closed its direction, or reset the connection.
  void (*Disconnected)(PVOID Context, bool Abortive);
  // A Send is over: the peer acknowledged all of it (STATUS_SUCCESS), or never will.
  void (*Sent)(PVOID Context, WSKCERT_SEND* Send, NTSTATUS Status);
  // A graceful Disconnect is over.
  void (*DisconnectDone)(PVOID Context, NTSTATUS Status);
  // How many bytes should be outstanding in sends has changed.
  void (*BacklogChanged)(PVOID Context, SIZE_T Bytes);
  // The endpoint works no more. Only Closed follows.
  void (*Broken)(PVOID Context);
  // The outcome of Close: nothing will be said about the endpoint again.
  void (*Closed)(PVOID Context);
  // A peer asks for a connection with a listening endpoint. Returns the context for the reports about it, or
  // NULL to refuse: then Connection is not the client's.
  PVOID (*Incoming)(PVOID Context, WSKCERT_ENDPOINT* Connection);
} WSKCERT_TRANSPORT_CLIENT;

typedef struct _WSKCERT_TRANSPORT {
  // Makes an endpoint for AF_INET or AF_INET6. STATUS_INSUFFICIENT_RESOURCES, STATUS_NOT_SUPPORTED.
  NTSTATUS(*Open)
  (const WSKCERT_TRANSPORT_CLIENT* Client, PVOID Context, ADDRESS_FAMILY Family, WSKCERT_ENDPOINT** Endpoint);
  // Gives it a local address; port 0 takes a free one. STATUS_ADDRESS_ALREADY_EXISTS,
  // STATUS_INVALID_ADDRESS_COMPONENT.
  NTSTATUS (*Bind)(WSKCERT_ENDPOINT* Endpoint, const SOCKADDR* Address);
  void (*LocalAddress)(WSKCERT_ENDPOINT* Endpoint, SOCKADDR_INET* Address);
  // Starts connecting a bound endpoint; ends in Connected, unless Disconnect or Close comes first.
  void (*Connect)(WSKCERT_ENDPOINT* Endpoint, const SOCKADDR* Address);
  // Sends after what was sent before; ends in Sent.
  void (*Send)(WSKCERT_ENDPOINT* Endpoint, WSKCERT_SEND* Send);
  // Takes a Send back. False: Sent was called, is being called, or will be soon.
  bool (*CancelSend)(WSKCERT_ENDPOINT* Endpoint, WSKCERT_SEND* Send);
  // Graceful: closes our direction after what was sent; ends in DisconnectDone. Abortive: resets at once;
  // nothing is reported, not even the outcome of a graceful one.
  void (*Disconnect)(WSKCERT_ENDPOINT* Endpoint, bool Abortive);
  // From now on nothing goes out on the connection and nothing that comes in is told.
  void (*Silence)(WSKCERT_ENDPOINT* Endpoint);
  // Ends the endpoint's usefulness; ends in Broken, if there is something to break.
  void (*Break)(WSKCERT_ENDPOINT* Endpoint);
  // Gives buffers back.
  void (*ReturnBuffers)(WSKCERT_BUFFER* Buffers);
  // How many bytes should be outstanding in sends.
  SIZE_T (*IdealBacklog)(WSKCERT_ENDPOINT* Endpoint);
  // Ends the endpoint, resetting a connection that is not closed both ways; ends in Closed. Sends that are
  // left end first. Other reports can still come until Closed does.
  void (*Close)(WSKCERT_ENDPOINT* Endpoint);
  // As Close, but over when it returns, without Closed. False: something is under way; then nothing has
  // happened.
  bool (*CloseAtOnce)(WSKCERT_ENDPOINT* Endpoint);
  // Lets peers connect to a bound endpoint: Incoming. Dual: an IPv6 endpoint at the wildcard address takes
  // IPv4 too.
  NTSTATUS (*Listen)(WSKCERT_ENDPOINT* Endpoint, bool Dual);
  // Goes on with the handshake of a connection that came in; ends in Connected.
  void (*Admit)(WSKCERT_ENDPOINT* Connection);
  // The peer's address of a connection that came in.
  void (*RemoteAddress)(WSKCERT_ENDPOINT* Connection, SOCKADDR_INET* Address);
  // Datagrams: a const wskcert::transport::DatagramTransport*
  // (implementations/emulator/transport/transport.h).
  const void* Datagrams;
} WSKCERT_TRANSPORT;

// The host's; the same for the life of the process.
const WSKCERT_TRANSPORT* WskcertTransport(void);

#ifdef __cplusplus
}
#endif

#endif  // WSKCERT_IMPLEMENTATIONS_INCLUDE_WSKCERT_TRANSPORT_H_
