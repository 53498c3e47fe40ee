// A small WSK provider, as an example of one that wskcert certifies (docs/certify_your_provider.md).
// Connection-oriented sockets with receive and disconnect callbacks, and listening sockets that accept by
// callback; everything else is declined.
//
// client.c: the five exports and the provider's table. socket.c: making, binding, connecting, closing, and
// enabling callbacks. data.c: sends, receives and indications.
#ifndef WSKCERT_EXAMPLES_SMALL_PROVIDER_SMALL_H_
#define WSKCERT_EXAMPLES_SMALL_PROVIDER_SMALL_H_

#include <wdm.h>
#include <wsk.h>
#include <wskcert_transport.h>

#define SMALL_TAG 'lamS'

// A registration. It is there until every capture was released and every socket closed.
typedef struct _SMALL_CLIENT {
  WSK_CLIENT_NPI Npi;
  LONG References;
  BOOLEAN Leaving;  // WskDeregister waits
  KEVENT Idle;
} SMALL_CLIENT, *PSMALL_CLIENT;

// The callbacks of a socket that can be enabled.
typedef enum _SMALL_EVENT {
  SmallReceiveEvent,
  SmallDisconnectEvent,
  SmallAcceptEvent,
  SmallEventCount
} SMALL_EVENT;

typedef struct _SMALL_SOCKET {
  WSK_SOCKET Public;  // what the client sees; must be first
  PSMALL_CLIENT Client;
  PVOID Context;
  const VOID* Dispatch;  // the client's
  WSKCERT_ENDPOINT* Endpoint;
  struct _SMALL_SOCKET* Listener;  // until it was accepted: who it came in on

  KSPIN_LOCK Lock;  // guards what follows; not held across any call out
  ULONG Enabled;    // WSK_EVENT_*
  ULONG Calls[SmallEventCount];
  PIRP Disabling[SmallEventCount];  // to be completed when the calls in progress have returned
  PIRP ConnectIrp;
  PIRP DisconnectIrp;
  PIRP CloseIrp;
  LIST_ENTRY Receives;   // IRPs of WskReceive
  WSKCERT_BUFFER* Data;  // what nobody took yet
  WSKCERT_BUFFER** DataEnd;
  BOOLEAN Pumping;    // somebody delivers
  BOOLEAN Suspended;  // the callback did not take everything
  BOOLEAN Ended;      // the peer's direction is closed, or the connection is gone
  BOOLEAN Abortive;   // ... gone
  BOOLEAN Told;       // of that
  BOOLEAN Closing;
} SMALL_SOCKET, *PSMALL_SOCKET;

// client.c
VOID SmallReferenceClient(PSMALL_CLIENT Client);
VOID SmallReleaseClient(PSMALL_CLIENT Client);
// Takes an IRP over from whoever called. Every one is then completed once.
VOID SmallBegin(PIRP Irp);
// Completes it; returns the status, for a call that is over at once.
NTSTATUS SmallComplete(PIRP Irp, NTSTATUS Status, ULONG_PTR Information);
NTSTATUS SmallDecline(PIRP Irp);

// socket.c
NTSTATUS WSKAPI SmallSocket(PWSK_CLIENT Client, ADDRESS_FAMILY Family, USHORT Type, ULONG Protocol,
                            ULONG Flags, PVOID Context, const VOID* Dispatch, PEPROCESS Process,
                            PETHREAD Thread, PSECURITY_DESCRIPTOR Descriptor, PIRP Irp);
NTSTATUS WSKAPI SmallSocketConnect(PWSK_CLIENT Client, USHORT Type, ULONG Protocol, PSOCKADDR Local,
                                   PSOCKADDR Remote, ULONG Flags, PVOID Context,
                                   const WSK_CLIENT_CONNECTION_DISPATCH* Dispatch, PEPROCESS Process,
                                   PETHREAD Thread, PSECURITY_DESCRIPTOR Descriptor, PIRP Irp);
// Before and after a call of a callback. With the lock.
VOID SmallCallBegins(PSMALL_SOCKET Socket, SMALL_EVENT Event);
// ... returns an IRP to be completed with success, or NULL.
PIRP SmallCallEnds(PSMALL_SOCKET Socket, SMALL_EVENT Event);
// Goes on with a close once no call is in progress. Without the lock; the socket may be gone afterwards.
VOID SmallCloseIfIdle(PSMALL_SOCKET Socket);
ULONG SmallCallbackFlags(VOID);

// data.c
VOID SmallPump(PSMALL_SOCKET Socket);
VOID SmallReceived(PVOID Context, WSKCERT_BUFFER* Buffers);
VOID SmallDisconnected(PVOID Context, bool Abortive);
VOID SmallSent(PVOID Context, WSKCERT_SEND* Send, NTSTATUS Status);
NTSTATUS WSKAPI SmallSend(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PIRP Irp);
NTSTATUS WSKAPI SmallReceiveIrp(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PIRP Irp);
NTSTATUS WSKAPI SmallRelease(PWSK_SOCKET Socket, PWSK_DATA_INDICATION Indication);

#endif  // WSKCERT_EXAMPLES_SMALL_PROVIDER_SMALL_H_
