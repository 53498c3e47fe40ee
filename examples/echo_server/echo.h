// An echo server as a driver: what connections send comes back, from the very buffers in which it arrived.
//
//   driver.c      loading and unloading, the registration with WSK, the listening socket
//   connection.c  one connection: its event callbacks, and the work item that sends and closes
//
// The driver compiles for Windows and, unchanged, over this project's headers for the emulator.
#ifndef EXAMPLES_ECHO_SERVER_ECHO_H_
#define EXAMPLES_ECHO_SERVER_ECHO_H_

#include <ntddk.h>
#include <wsk.h>

EXTERN_C_START

#define ECHO_TAG_CONNECTION 'nChE'
#define ECHO_TAG_PIECE 'ePhE'

// The one server.
typedef struct _ECHO_SERVER {
  PDEVICE_OBJECT Device;  // Keeps the driver loaded while one of its work items runs.
  WSK_REGISTRATION Registration;
  WSK_PROVIDER_NPI Provider;
  PWSK_SOCKET Listener;
  KSPIN_LOCK Lock;
  _Guarded_by_(Lock) LIST_ENTRY Connections;
  EX_RUNDOWN_REF Open;  // One reference per connection; unloading waits for it.
} ECHO_SERVER, *PECHO_SERVER;

// An indication that the connection has retained, waiting to be sent back.
typedef struct _ECHO_PIECE {
  LIST_ENTRY Link;
  PWSK_DATA_INDICATION Retained;  // The whole list, for WskRelease.
  PWSK_DATA_INDICATION Next;      // What is to be sent next; NULL when everything was.
} ECHO_PIECE, *PECHO_PIECE;

// One connection. It lives while it is referenced: once for the open socket, once while it is busy, once
// while its abort is in progress, and by whoever looks at it in the server's list.
typedef struct _ECHO_CONNECTION {
  LIST_ENTRY Link;
  volatile LONG References;
  PECHO_SERVER Server;
  PWSK_SOCKET Socket;
  EX_RUNDOWN_REF Calls;  // Calls to the socket's functions; closing waits until there is none.
  PIO_WORKITEM Work;
  PIRP Irp;       // Of the send, disconnect or close in progress.
  PIRP AbortIrp;  // Of the abortive disconnect.
  KSPIN_LOCK Lock;
  _Guarded_by_(Lock) LIST_ENTRY Pieces;
  _Guarded_by_(Lock) BOOLEAN Busy;        // The work item is queued or runs, or Irp is in progress.
  _Guarded_by_(Lock) BOOLEAN PeerClosed;  // The peer sends nothing more.
  _Guarded_by_(Lock) BOOLEAN Finished;    // We send nothing more.
  _Guarded_by_(Lock) BOOLEAN Aborted;     // Give up whatever is left and close.
  _Guarded_by_(Lock) BOOLEAN Resetting;   // AbortIrp is used.
  _Guarded_by_(Lock) BOOLEAN Closing;     // Nothing is accepted from here on.
} ECHO_CONNECTION, *PECHO_CONNECTION;

extern const WSK_CLIENT_CONNECTION_DISPATCH EchoConnectionDispatch;

// Makes the context of a connection that was just accepted. NULL: out of memory.
_IRQL_requires_max_(DISPATCH_LEVEL) _Must_inspect_result_ PECHO_CONNECTION
    EchoOpenConnection(_Inout_ PECHO_SERVER Server, _In_ PWSK_SOCKET Socket);

// Resets every connection; each then closes itself. No connection may arrive any more.
_IRQL_requires_max_(DISPATCH_LEVEL) VOID EchoAbortConnections(_Inout_ PECHO_SERVER Server);

// Prepares an IRP for its next use.
_IRQL_requires_max_(DISPATCH_LEVEL) VOID
    EchoPrepareIrp(_Inout_ PIRP Irp, _In_ PIO_COMPLETION_ROUTINE Routine, _In_ PVOID Context);

// For requests that are waited for: the context is the KEVENT that it sets.
IO_COMPLETION_ROUTINE EchoSetEvent;

EXTERN_C_END

#endif  // EXAMPLES_ECHO_SERVER_ECHO_H_
