// Winsock Kernel: the programming interface between a WSK client (the application) and a WSK provider (the
// subsystem).
//
// Names, layouts and numbers are those of Windows' header; the words are this project's. Pages named in
// comments are those of Microsoft's documentation of Winsock Kernel. Include <wdm.h> (or <ntddk.h>,
// <ntifs.h>) first.
//
// Conventions that hold for every socket function unless its comment says otherwise:
//   IRQL     <= DISPATCH_LEVEL.
//   Irp      required. It needs one free stack location, and a completion routine that is called on success,
//            error and cancel; the provider completes it exactly once, whatever the function returns: with
//            success status after STATUS_SUCCESS, with failure status after an error, later after
//            STATUS_PENDING. The completion may come before the function returns
//            (using-irps-with-winsock-kernel-functions.md).
//   errors   STATUS_FILE_FORCED_CLOSED: the socket no longer works, close it soon.
//            STATUS_INSUFFICIENT_RESOURCES: out of memory. STATUS_CANCELLED (in the IRP): cancelled, or the
//            socket was closed meanwhile.
// For every event callback:
//   IRQL     <= DISPATCH_LEVEL, in an arbitrary thread. It may start requests, never wait for them.
//   A NULL indication or accepted socket says that the socket no longer works and should be closed soon.
#ifndef _WSK_
#define _WSK_

#include <mswsockdef.h>
#include <netioddk.h>
#include <ws2def.h>
#include <ws2ipdef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WSKAPI NTAPI

// ---- Versions of the interface (ns-wsk-_wsk_client_dispatch.md) ----

#define MAKE_WSK_VERSION(Mj, Mn) ((USHORT)(((USHORT)(Mj) << 8) | (USHORT)((Mn)&0xff)))
#define WSK_MAJOR_VERSION(V) ((UCHAR)((V) >> 8))
#define WSK_MINOR_VERSION(V) ((UCHAR)(V))

// ---- The interface's identifier ----

// Identifies WSK's own event callbacks in WSK_EVENT_CALLBACK_CONTROL and WSK to the Network Module Registrar.
// Compared by content, never by address. Defined here once for the whole program.
extern CONST NPIID NPI_WSK_INTERFACE_ID;
#if defined(__cplusplus)
inline CONST NPIID NPI_WSK_INTERFACE_ID = {
#elif defined(_WIN32)
CONST NPIID __attribute__((selectany)) NPI_WSK_INTERFACE_ID = {
#else
CONST NPIID __attribute__((weak)) NPI_WSK_INTERFACE_ID = {
#endif
    0x2227E803, 0x8D8B, 0x11D4, {0xAB, 0xAD, 0x00, 0x90, 0x27, 0x71, 0x9E, 0x09}};

// ---- Categories of sockets: the Flags of WskSocket (winsock-kernel-socket-categories.md) ----

#define WSK_FLAG_BASIC_SOCKET 0x00000000       // control operations only
#define WSK_FLAG_LISTEN_SOCKET 0x00000001      // accepts connections
#define WSK_FLAG_CONNECTION_SOCKET 0x00000002  // one connection
#define WSK_FLAG_DATAGRAM_SOCKET 0x00000004    // datagrams
#define WSK_FLAG_STREAM_SOCKET 0x00000008  // becomes a listening or a connection-oriented socket by its use

// ---- Flags of functions ----

#define WSK_FLAG_NODELAY 0x00000002  // WskSend: do not hold the data back to join it with later data
#define WSK_FLAG_WAITALL \
  0x00000002  // WskReceive: complete only when the buffer is full or the connection ends
#define WSK_FLAG_DRAIN \
  0x00000004  // WskReceive: discard what comes until the connection ends; length must be zero
#define WSK_FLAG_ABORTIVE 0x00000001  // WskDisconnect: reset the connection at once

// ---- Flags of event callbacks ----

// WSK_FLAG_ABORTIVE in WskDisconnectEvent: the peer reset the connection.
#define WSK_FLAG_RELEASE_ASAP 0x00000002    // the buffers should not be retained for long
#define WSK_FLAG_ENTIRE_MESSAGE 0x00000004  // the data ends a message; over TCP, the push bit was set
#define WSK_FLAG_AT_DISPATCH_LEVEL \
  0x00000008  // the callback runs at DISPATCH_LEVEL; without it, at any level up to it

// ---- Event callbacks in an event mask (so-wsk-event-callback.md) ----

#define WSK_EVENT_RECEIVE_FROM 0x00000100  // datagram: WskReceiveFromEvent
#define WSK_EVENT_ACCEPT 0x00000200        // listening: WskAcceptEvent
#define WSK_EVENT_SEND_BACKLOG 0x00000010  // connection-oriented, and listening for the sockets it accepts
#define WSK_EVENT_RECEIVE 0x00000040       // likewise
#define WSK_EVENT_DISCONNECT 0x00000080    // likewise
#define WSK_EVENT_DISABLE 0x80000000       // with exactly one of the others: disable it

// ---- Options that only WSK sockets have, at SOL_SOCKET ----

#define SO_WSK_SECURITY (WSK_SO_BASE + 1)        // so-wsk-security.md
#define SO_WSK_EVENT_CALLBACK (WSK_SO_BASE + 2)  // so-wsk-event-callback.md

// ---- Ioctls that only WSK sockets have ----

#define SIO_WSK_SET_REMOTE_ADDRESS _WSAIOW(IOC_WSK, 0x1)        // datagram: fixed source and destination
#define SIO_WSK_REGISTER_EXTENSION _WSAIORW(IOC_WSK, 0x2)       // registering-an-extension-interface.md
#define SIO_WSK_QUERY_IDEAL_SEND_BACKLOG _WSAIOR(IOC_WSK, 0x3)  // SIZE_T: bytes that keep the connection busy
#define SIO_WSK_QUERY_RECEIVE_BACKLOG _WSAIOR(IOC_WSK, 0x4)     // SIZE_T: bytes buffered and not yet received
#define SIO_WSK_QUERY_INSPECT_ID _WSAIOR(IOC_WSK, 0x5)          // WSK_INSPECT_ID of an accepted socket
#define SIO_WSK_SET_SENDTO_ADDRESS _WSAIOW(IOC_WSK, 0x6)        // datagram: fixed destination
#define SIO_WSK_SET_TCP_SILENT_MODE _WSAIO(IOC_WSK, 0x7)  // the connection says nothing more to its peer

// ---- Client control codes (performing-control-operations-on-a-client-object.md) ----

#define WSK_TRANSPORT_LIST_QUERY 2
#define WSK_TRANSPORT_LIST_CHANGE 3
#define WSK_CACHE_SD 4
#define WSK_RELEASE_SD 5
#define WSK_TDI_DEVICENAME_MAPPING 6
#define WSK_SET_STATIC_EVENT_CALLBACKS 7
#define WSK_TDI_BEHAVIOR 8

#define WSK_TDI_BEHAVIOR_BYPASS_TDI 0x00000001

// ---- WaitTimeout of WskCaptureProviderNPI, otherwise milliseconds ----

#define WSK_NO_WAIT 0
#define WSK_INFINITE_WAIT 0xffffffff

// ---- Objects ----

// The client's attachment to the provider; opaque.
typedef PVOID WSK_CLIENT, *PWSK_CLIENT;

// A socket. Allocated by the provider, freed when its close completes. Dispatch points to the provider's
// table for the socket's category (ns-wsk-_wsk_socket.md).
typedef struct _WSK_SOCKET {
  CONST VOID* Dispatch;
} WSK_SOCKET, *PWSK_SOCKET;

// Length bytes from Offset in a chain of MDLs. Offset lies in the first MDL. Mdl may be NULL when Length is
// zero (ns-wsk-_wsk_buf.md).
typedef struct _WSK_BUF {
  PMDL Mdl;
  ULONG Offset;
  SIZE_T Length;
} WSK_BUF, *PWSK_BUF;

// Several datagrams for one WskSendMessages (ns-wsk-wsk_buf_list.md).
typedef struct _WSK_BUF_LIST {
  struct _WSK_BUF_LIST* Next;
  WSK_BUF Buffer;
} WSK_BUF_LIST, *PWSK_BUF_LIST;

// Received data, as a list of buffers that the provider owns (ns-wsk-_wsk_data_indication.md).
typedef struct _WSK_DATA_INDICATION {
  struct _WSK_DATA_INDICATION* Next;
  WSK_BUF Buffer;
} WSK_DATA_INDICATION, *PWSK_DATA_INDICATION;

// Received datagrams, one a node (ns-wsk-_wsk_datagram_indication.md).
typedef struct _WSK_DATAGRAM_INDICATION {
  struct _WSK_DATAGRAM_INDICATION* Next;
  WSK_BUF Buffer;
  PCMSGHDR ControlInfo;
  ULONG ControlInfoLength;
  PSOCKADDR RemoteAddress;
} WSK_DATAGRAM_INDICATION, *PWSK_DATAGRAM_INDICATION;

// Identifies an incoming connection under inspection; compared by content (ns-wsk-_wsk_inspect_id.md).
typedef struct _WSK_INSPECT_ID {
  ULONG_PTR Key;
  ULONG SerialNumber;
} WSK_INSPECT_ID, *PWSK_INSPECT_ID;

// An enumeration that a client passes may hold any int: for Microsoft's compiler and in C it does, C++
// elsewhere wants to be told.
#ifdef __cplusplus
#define WSK_ANY_INT : int
#else
#define WSK_ANY_INT
#endif

// What a client decides about an incoming connection (nc-wsk-pfn_wsk_inspect_event.md).
typedef enum WSK_ANY_INT {
  WskInspectReject,  // refuse it
  WskInspectAccept,  // go on with it
  WskInspectPend,    // decide later by WskInspectComplete
  WskInspectMax
} WSK_INSPECT_ACTION,
    *PWSK_INSPECT_ACTION;

// What WskControlSocket does (performing-control-operations-on-a-socket.md).
typedef enum WSK_ANY_INT {
  WskSetOption,
  WskGetOption,
  WskIoctl,
  WskControlMax
} WSK_CONTROL_SOCKET_TYPE,
    *PWSK_CONTROL_SOCKET_TYPE;

// Input of SO_WSK_EVENT_CALLBACK and WSK_SET_STATIC_EVENT_CALLBACKS: whose events, and which
// (ns-wsk-_wsk_event_callback_control.md).
typedef struct _WSK_EVENT_CALLBACK_CONTROL {
  PNPIID NpiId;
  ULONG EventMask;
} WSK_EVENT_CALLBACK_CONTROL, *PWSK_EVENT_CALLBACK_CONTROL;

// One transport in WSK_TRANSPORT_LIST_QUERY (ns-wsk-_wsk_transport.md).
typedef struct _WSK_TRANSPORT {
  USHORT Version;
  USHORT SocketType;
  ULONG Protocol;
  ADDRESS_FAMILY AddressFamily;
  GUID ProviderId;
} WSK_TRANSPORT, *PWSK_TRANSPORT;

// Input and output of SIO_WSK_REGISTER_EXTENSION.
typedef struct _WSK_EXTENSION_CONTROL_IN {
  PNPIID NpiId;
  PVOID ClientContext;
  CONST VOID* ClientDispatch;
} WSK_EXTENSION_CONTROL_IN, *PWSK_EXTENSION_CONTROL_IN;

typedef struct _WSK_EXTENSION_CONTROL_OUT {
  PVOID ProviderContext;
  CONST VOID* ProviderDispatch;
} WSK_EXTENSION_CONTROL_OUT, *PWSK_EXTENSION_CONTROL_OUT;

// Input of WSK_TDI_DEVICENAME_MAPPING; of historical interest (using-tdi-transports.md).
typedef struct _WSK_TDI_MAP {
  USHORT SocketType;
  ADDRESS_FAMILY AddressFamily;
  ULONG Protocol;
  CONST WCHAR* TdiDeviceName;
} WSK_TDI_MAP, *PWSK_TDI_MAP;

typedef struct _WSK_TDI_MAP_INFO {
  ULONG ElementCount;
  CONST WSK_TDI_MAP* Map;
} WSK_TDI_MAP_INFO, *PWSK_TDI_MAP_INFO;

// The versions a provider offers (ns-wsk-_wsk_provider_characteristics.md).
typedef struct _WSK_PROVIDER_CHARACTERISTICS {
  USHORT HighestVersion;
  USHORT LowestVersion;
} WSK_PROVIDER_CHARACTERISTICS, *PWSK_PROVIDER_CHARACTERISTICS;

// ---- Event callbacks: implemented by the client ----

// Something happened that concerns no particular socket. Returns STATUS_SUCCESS
// (nc-wsk-pfn_wsk_client_event.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_CLIENT_EVENT)(PVOID ClientContext, ULONG EventType, PVOID Information,
                                               SIZE_T InformationLength);

// Data came. Returns STATUS_SUCCESS (all of it taken, or the first *BytesAccepted bytes), STATUS_PENDING (the
// list is retained until WskRelease) or STATUS_DATA_NOT_ACCEPTED. After the last, and after taking a part, it
// is not called again until a WskReceive. Serial per socket (nc-wsk-pfn_wsk_receive_event.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_RECEIVE_EVENT)(PVOID SocketContext, ULONG Flags,
                                                PWSK_DATA_INDICATION DataIndication, SIZE_T BytesIndicated,
                                                SIZE_T* BytesAccepted);

// The peer disconnected; WSK_FLAG_ABORTIVE tells how. Returns STATUS_SUCCESS
// (nc-wsk-pfn_wsk_disconnect_event.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_DISCONNECT_EVENT)(PVOID SocketContext, ULONG Flags);

// The number of bytes that should be outstanding in sends to keep the connection busy has changed. Returns
// STATUS_SUCCESS (nc-wsk-pfn_wsk_send_backlog_event.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_SEND_BACKLOG_EVENT)(PVOID SocketContext, SIZE_T IdealBacklogSize);

// The functions a client may enable on a connection-oriented socket; NULL for those it does not
// (ns-wsk-_wsk_client_connection_dispatch.md). The provider keeps the pointer, not a copy.
typedef struct _WSK_CLIENT_CONNECTION_DISPATCH {
  PFN_WSK_RECEIVE_EVENT WskReceiveEvent;
  PFN_WSK_DISCONNECT_EVENT WskDisconnectEvent;
  PFN_WSK_SEND_BACKLOG_EVENT WskSendBacklogEvent;
} WSK_CLIENT_CONNECTION_DISPATCH, *PWSK_CLIENT_CONNECTION_DISPATCH;

// A connection was accepted. Returns STATUS_SUCCESS, having set the context and dispatch of the new socket,
// or STATUS_REQUEST_NOT_ACCEPTED: the provider closes it (nc-wsk-pfn_wsk_accept_event.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_ACCEPT_EVENT)(PVOID SocketContext, ULONG Flags, PSOCKADDR LocalAddress,
                                               PSOCKADDR RemoteAddress, PWSK_SOCKET AcceptSocket,
                                               PVOID* AcceptSocketContext,
                                               CONST WSK_CLIENT_CONNECTION_DISPATCH** AcceptSocketDispatch);

// A connection request came to a socket in conditional accept mode, before its handshake; the return decides
// (nc-wsk-pfn_wsk_inspect_event.md).
typedef WSK_INSPECT_ACTION(WSKAPI* PFN_WSK_INSPECT_EVENT)(PVOID SocketContext, PSOCKADDR LocalAddress,
                                                          PSOCKADDR RemoteAddress, PWSK_INSPECT_ID InspectID);

// A connection request that was inspected is gone before it was established. Returns STATUS_SUCCESS
// (nc-wsk-pfn_wsk_abort_event.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_ABORT_EVENT)(PVOID SocketContext, PWSK_INSPECT_ID InspectID);

// The functions of a listening socket (ns-wsk-_wsk_client_listen_dispatch.md).
typedef struct _WSK_CLIENT_LISTEN_DISPATCH {
  PFN_WSK_ACCEPT_EVENT WskAcceptEvent;
  PFN_WSK_INSPECT_EVENT WskInspectEvent;
  PFN_WSK_ABORT_EVENT WskAbortEvent;
} WSK_CLIENT_LISTEN_DISPATCH, *PWSK_CLIENT_LISTEN_DISPATCH;

// Datagrams came; Flags also has MSG_BCAST and MSG_MCAST. Returns STATUS_SUCCESS, STATUS_PENDING (retained
// until WskRelease) or STATUS_DATA_NOT_ACCEPTED (nc-wsk-pfn_wsk_receive_from_event.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_RECEIVE_FROM_EVENT)(PVOID SocketContext, ULONG Flags,
                                                     PWSK_DATAGRAM_INDICATION DataIndication);

// The function of a datagram socket (ns-wsk-_wsk_client_datagram_dispatch.md).
typedef struct _WSK_CLIENT_DATAGRAM_DISPATCH {
  PFN_WSK_RECEIVE_FROM_EVENT WskReceiveFromEvent;
} WSK_CLIENT_DATAGRAM_DISPATCH, *PWSK_CLIENT_DATAGRAM_DISPATCH;

// The functions of a stream socket, for both of its uses (ns-wsk-_wsk_client_stream_dispatch.md).
typedef struct _WSK_CLIENT_STREAM_DISPATCH {
  CONST WSK_CLIENT_LISTEN_DISPATCH* Listen;
  CONST WSK_CLIENT_CONNECTION_DISPATCH* Connect;
} WSK_CLIENT_STREAM_DISPATCH, *PWSK_CLIENT_STREAM_DISPATCH;

// What a client offers beyond its sockets: the version it wants and its client event function, or NULL
// (ns-wsk-_wsk_client_dispatch.md).
typedef struct _WSK_CLIENT_DISPATCH {
  USHORT Version;
  USHORT Reserved;
  PFN_WSK_CLIENT_EVENT WskClientEvent;
} WSK_CLIENT_DISPATCH, *PWSK_CLIENT_DISPATCH;

// A client as WskRegister takes it; the structure is copied, the dispatch is not (ns-wsk-_wsk_client_npi.md).
typedef struct _WSK_CLIENT_NPI {
  PVOID ClientContext;
  CONST WSK_CLIENT_DISPATCH* Dispatch;
} WSK_CLIENT_NPI, *PWSK_CLIENT_NPI;

// ---- Socket functions: implemented by the provider ----

// Sets or gets an option, or performs an ioctl. Whether Irp is required, allowed or forbidden depends on the
// operation; without one, an operation that cannot complete inline fails with STATUS_REQUEST_NOT_ACCEPTED.
// STATUS_EVENT_PENDING: an event callback without an IRP is being disabled while calls to it are in progress.
// IRQL: PASSIVE_LEVEL for the SIO_ADDRESS_LIST ioctls (nc-wsk-pfn_wsk_control_socket.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_CONTROL_SOCKET)(PWSK_SOCKET Socket, WSK_CONTROL_SOCKET_TYPE RequestType,
                                                 ULONG ControlCode, ULONG Level, SIZE_T InputSize,
                                                 PVOID InputBuffer, SIZE_T OutputSize, PVOID OutputBuffer,
                                                 SIZE_T* OutputSizeReturned, PIRP Irp);

// Closes the socket: completes its pending IRPs, waits for event callbacks in progress, resets a connection
// that was not disconnected both ways. No other call on the socket may be in progress, none may follow, and
// no indication may be retained (nc-wsk-pfn_wsk_close_socket.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_CLOSE_SOCKET)(PWSK_SOCKET Socket, PIRP Irp);

// Gives the socket a local address. Flags: 0. (nc-wsk-pfn_wsk_bind.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_BIND)(PWSK_SOCKET Socket, PSOCKADDR LocalAddress, ULONG Flags, PIRP Irp);

// Makes a stream socket a listening one (nc-wsk-pfn_wsk_listen.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_LISTEN)(PWSK_SOCKET Socket, PIRP Irp);

// Waits for a connection; Information is the new PWSK_SOCKET, its event callbacks disabled
// (nc-wsk-pfn_wsk_accept.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_ACCEPT)(PWSK_SOCKET ListenSocket, ULONG Flags, PVOID AcceptSocketContext,
                                         CONST WSK_CLIENT_CONNECTION_DISPATCH* AcceptSocketDispatch,
                                         PSOCKADDR LocalAddress, PSOCKADDR RemoteAddress, PIRP Irp);

// Decides about a connection request that was left pending (nc-wsk-pfn_wsk_inspect_complete.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_INSPECT_COMPLETE)(PWSK_SOCKET ListenSocket, PWSK_INSPECT_ID InspectID,
                                                   WSK_INSPECT_ACTION Action, PIRP Irp);

// The address that the socket has; the buffer stays valid until completion
// (nc-wsk-pfn_wsk_get_local_address.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_GET_LOCAL_ADDRESS)(PWSK_SOCKET Socket, PSOCKADDR LocalAddress, PIRP Irp);

// The address that the socket is connected with (nc-wsk-pfn_wsk_get_remote_address.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_GET_REMOTE_ADDRESS)(PWSK_SOCKET Socket, PSOCKADDR RemoteAddress, PIRP Irp);

// Connects a bound socket. Flags: 0 (nc-wsk-pfn_wsk_connect.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_CONNECT)(PWSK_SOCKET Socket, PSOCKADDR RemoteAddress, ULONG Flags, PIRP Irp);

// Connects and sends with the handshake where the transport can. Buffer may be NULL
// (nc-wsk-pfn_wsk_connect_ex.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_CONNECT_EX)(PWSK_SOCKET Socket, PSOCKADDR RemoteAddress, PWSK_BUF Buffer,
                                             ULONG Flags, PIRP Irp);

// Sends. Information: bytes sent. The buffer stays locked until completion (nc-wsk-pfn_wsk_send.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_SEND)(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PIRP Irp);

// Receives. Information: bytes received; success with 0 bytes after the peer's graceful disconnect. Also
// resumes a receive event callback that refused data; a length of zero does only that
// (nc-wsk-pfn_wsk_receive.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_RECEIVE)(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PIRP Irp);

// Disconnects: gracefully after what is in Buffer (or NULL), or with WSK_FLAG_ABORTIVE at once
// (nc-wsk-pfn_wsk_disconnect.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_DISCONNECT)(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags, PIRP Irp);

// Gives back retained data. No IRP. STATUS_INVALID_PARAMETER: not such a list
// (nc-wsk-pfn_wsk_release_data_indication_list.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_RELEASE_DATA_INDICATION_LIST)(PWSK_SOCKET Socket,
                                                               PWSK_DATA_INDICATION DataIndication);

// Reserved for the system on connection-oriented and stream sockets.
typedef NTSTATUS(WSKAPI* PFN_WSK_SEND_EX)(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags,
                                          ULONG ControlInfoLength, PCMSGHDR ControlInfo, PIRP Irp);
typedef NTSTATUS(WSKAPI* PFN_WSK_RECEIVE_EX)(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags,
                                             PULONG ControlInfoLength, PCMSGHDR ControlInfo,
                                             PULONG ControlFlags, PIRP Irp);

// Sends one datagram (nc-wsk-pfn_wsk_send_to.md), or several to one address
// (nc-wsk-pfn_wsk_send_messages.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_SEND_TO)(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags,
                                          PSOCKADDR RemoteAddress, ULONG ControlInfoLength,
                                          PCMSGHDR ControlInfo, PIRP Irp);
typedef NTSTATUS(WSKAPI* PFN_WSK_SEND_MESSAGES)(PWSK_SOCKET Socket, PWSK_BUF_LIST BufferList, ULONG Flags,
                                                PSOCKADDR RemoteAddress, ULONG ControlInfoLength,
                                                PCMSGHDR ControlInfo, PIRP Irp);

// Receives one datagram (nc-wsk-pfn_wsk_receive_from.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_RECEIVE_FROM)(PWSK_SOCKET Socket, PWSK_BUF Buffer, ULONG Flags,
                                               PSOCKADDR RemoteAddress, PULONG ControlLength,
                                               PCMSGHDR ControlInfo, PULONG ControlFlags, PIRP Irp);

// Gives back retained datagrams (nc-wsk-pfn_wsk_release_datagram_indication_list.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_RELEASE_DATAGRAM_INDICATION_LIST)(
    PWSK_SOCKET Socket, PWSK_DATAGRAM_INDICATION DatagramIndication);

// ---- The provider's tables: what WSK_SOCKET::Dispatch points to, by category ----

// What every socket can do (ns-wsk-_wsk_provider_basic_dispatch.md).
typedef struct _WSK_PROVIDER_BASIC_DISPATCH {
  PFN_WSK_CONTROL_SOCKET WskControlSocket;
  PFN_WSK_CLOSE_SOCKET WskCloseSocket;
} WSK_PROVIDER_BASIC_DISPATCH, *PWSK_PROVIDER_BASIC_DISPATCH;

// The basic functions begin every table. In C++ they are the member Basic; in C also members of the table
// itself (unnamed member, -fms-extensions), so that both Dispatch->WskCloseSocket and
// Dispatch->Basic.WskCloseSocket compile.
#ifdef __cplusplus
#define WSK_BASIC_PART WSK_PROVIDER_BASIC_DISPATCH Basic
#else
#define WSK_BASIC_PART                 \
  union {                              \
    WSK_PROVIDER_BASIC_DISPATCH;       \
    WSK_PROVIDER_BASIC_DISPATCH Basic; \
  }
#endif

// ns-wsk-_wsk_provider_listen_dispatch.md
typedef struct _WSK_PROVIDER_LISTEN_DISPATCH {
  WSK_BASIC_PART;
  PFN_WSK_BIND WskBind;
  PFN_WSK_ACCEPT WskAccept;
  PFN_WSK_INSPECT_COMPLETE WskInspectComplete;
  PFN_WSK_GET_LOCAL_ADDRESS WskGetLocalAddress;
} WSK_PROVIDER_LISTEN_DISPATCH, *PWSK_PROVIDER_LISTEN_DISPATCH;

// ns-wsk-_wsk_provider_datagram_dispatch.md; WskSendMessages from Windows 8
typedef struct _WSK_PROVIDER_DATAGRAM_DISPATCH {
  WSK_BASIC_PART;
  PFN_WSK_BIND WskBind;
  PFN_WSK_SEND_TO WskSendTo;
  PFN_WSK_RECEIVE_FROM WskReceiveFrom;
  PFN_WSK_RELEASE_DATAGRAM_INDICATION_LIST WskRelease;
  PFN_WSK_GET_LOCAL_ADDRESS WskGetLocalAddress;
  PFN_WSK_SEND_MESSAGES WskSendMessages;
} WSK_PROVIDER_DATAGRAM_DISPATCH, *PWSK_PROVIDER_DATAGRAM_DISPATCH;

// ns-wsk-_wsk_provider_connection_dispatch.md; WskConnectEx and what follows only in newer versions
typedef struct _WSK_PROVIDER_CONNECTION_DISPATCH {
  WSK_BASIC_PART;
  PFN_WSK_BIND WskBind;
  PFN_WSK_CONNECT WskConnect;
  PFN_WSK_GET_LOCAL_ADDRESS WskGetLocalAddress;
  PFN_WSK_GET_REMOTE_ADDRESS WskGetRemoteAddress;
  PFN_WSK_SEND WskSend;
  PFN_WSK_RECEIVE WskReceive;
  PFN_WSK_DISCONNECT WskDisconnect;
  PFN_WSK_RELEASE_DATA_INDICATION_LIST WskRelease;
  PFN_WSK_CONNECT_EX WskConnectEx;
  PFN_WSK_SEND_EX WskSendEx;
  PFN_WSK_RECEIVE_EX WskReceiveEx;
} WSK_PROVIDER_CONNECTION_DISPATCH, *PWSK_PROVIDER_CONNECTION_DISPATCH;

// ns-wsk-_wsk_provider_stream_dispatch.md; WskConnectEx and what follows only in newer versions
typedef struct _WSK_PROVIDER_STREAM_DISPATCH {
  WSK_BASIC_PART;
  PFN_WSK_BIND WskBind;
  PFN_WSK_ACCEPT WskAccept;
  PFN_WSK_CONNECT WskConnect;
  PFN_WSK_LISTEN WskListen;
  PFN_WSK_SEND WskSend;
  PFN_WSK_RECEIVE WskReceive;
  PFN_WSK_DISCONNECT WskDisconnect;
  PFN_WSK_RELEASE_DATA_INDICATION_LIST WskRelease;
  PFN_WSK_GET_LOCAL_ADDRESS WskGetLocalAddress;
  PFN_WSK_GET_REMOTE_ADDRESS WskGetRemoteAddress;
  PFN_WSK_CONNECT_EX WskConnectEx;
  PFN_WSK_SEND_EX WskSendEx;
  PFN_WSK_RECEIVE_EX WskReceiveEx;
} WSK_PROVIDER_STREAM_DISPATCH, *PWSK_PROVIDER_STREAM_DISPATCH;

#undef WSK_BASIC_PART

// ---- Client functions: implemented by the provider ----

// Creates a socket; Information is the PWSK_SOCKET. Flags is a category; Dispatch the client's table for it,
// or NULL. IRQL: PASSIVE_LEVEL. Without an IRP it cannot deliver a socket and fails at once
// (nc-wsk-pfn_wsk_socket.md, creating-sockets.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_SOCKET)(PWSK_CLIENT Client, ADDRESS_FAMILY AddressFamily, USHORT SocketType,
                                         ULONG Protocol, ULONG Flags, PVOID SocketContext,
                                         CONST VOID* Dispatch, PEPROCESS OwningProcess, PETHREAD OwningThread,
                                         PSECURITY_DESCRIPTOR SecurityDescriptor, PIRP Irp);

// Creates, binds and connects a connection-oriented socket in one go; Information is the PWSK_SOCKET. IRQL:
// as WskSocket (nc-wsk-pfn_wsk_socket_connect.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_SOCKET_CONNECT)(PWSK_CLIENT Client, USHORT SocketType, ULONG Protocol,
                                                 PSOCKADDR LocalAddress, PSOCKADDR RemoteAddress, ULONG Flags,
                                                 PVOID SocketContext,
                                                 CONST WSK_CLIENT_CONNECTION_DISPATCH* Dispatch,
                                                 PEPROCESS OwningProcess, PETHREAD OwningThread,
                                                 PSECURITY_DESCRIPTOR SecurityDescriptor, PIRP Irp);

// A control operation on the client itself. Whether Irp is required or must be NULL depends on the code.
// STATUS_BUFFER_OVERFLOW: *OutputSizeReturned bytes are needed (nc-wsk-pfn_wsk_control_client.md).
typedef NTSTATUS(WSKAPI* PFN_WSK_CONTROL_CLIENT)(PWSK_CLIENT Client, ULONG ControlCode, SIZE_T InputSize,
                                                 PVOID InputBuffer, SIZE_T OutputSize, PVOID OutputBuffer,
                                                 SIZE_T* OutputSizeReturned, PIRP Irp);

// Resolves a name to addresses, frees them, and resolves an address to a name
// (resolving-host-names-and-ip-addresses.md). IRQL: PASSIVE_LEVEL.
typedef NTSTATUS(WSKAPI* PFN_WSK_GET_ADDRESS_INFO)(PWSK_CLIENT Client, PUNICODE_STRING NodeName,
                                                   PUNICODE_STRING ServiceName, ULONG NameSpace,
                                                   GUID* Provider, PADDRINFOEXW Hints, PADDRINFOEXW* Result,
                                                   PEPROCESS OwningProcess, PETHREAD OwningThread, PIRP Irp);
typedef VOID(WSKAPI* PFN_WSK_FREE_ADDRESS_INFO)(PWSK_CLIENT Client, PADDRINFOEXW AddrInfo);
typedef NTSTATUS(WSKAPI* PFN_WSK_GET_NAME_INFO)(PWSK_CLIENT Client, PSOCKADDR SockAddr, ULONG SockAddrLength,
                                                PUNICODE_STRING NodeName, PUNICODE_STRING ServiceName,
                                                ULONG Flags, PEPROCESS OwningProcess, PETHREAD OwningThread,
                                                PIRP Irp);

// What a captured provider offers; the version may be higher in its minor part than what the client asked for
// (ns-wsk-_wsk_provider_dispatch.md).
typedef struct _WSK_PROVIDER_DISPATCH {
  USHORT Version;
  USHORT Reserved;
  PFN_WSK_SOCKET WskSocket;
  PFN_WSK_SOCKET_CONNECT WskSocketConnect;
  PFN_WSK_CONTROL_CLIENT WskControlClient;
  PFN_WSK_GET_ADDRESS_INFO WskGetAddressInfo;  // this and the next two from Windows 7
  PFN_WSK_FREE_ADDRESS_INFO WskFreeAddressInfo;
  PFN_WSK_GET_NAME_INFO WskGetNameInfo;
} WSK_PROVIDER_DISPATCH, *PWSK_PROVIDER_DISPATCH;

// A captured provider (ns-wsk-_wsk_provider_npi.md).
typedef struct _WSK_PROVIDER_NPI {
  PWSK_CLIENT Client;
  CONST WSK_PROVIDER_DISPATCH* Dispatch;
} WSK_PROVIDER_NPI, *PWSK_PROVIDER_NPI;

// ---- Registration: the provider's exports (registering-a-winsock-kernel-application.md) ----

// A registration instance. The client provides the memory and leaves its content to the provider
// (ns-wsk-_wsk_registration.md).
typedef struct _WSK_REGISTRATION {
  ULONGLONG ReservedRegistrationState;
  PVOID ReservedRegistrationContext;
  KSPIN_LOCK ReservedRegistrationLock;
} WSK_REGISTRATION, *PWSK_REGISTRATION;

// Makes a registration instance out of a client. Each success is matched by one WskDeregister with the same
// WskRegistration. IRQL: PASSIVE_LEVEL (nf-wsk-wskregister.md).
NTSTATUS WSKAPI WskRegister(PWSK_CLIENT_NPI WskClientNpi, PWSK_REGISTRATION WskRegistration);

// Undoes WskRegister. Returns only when every capture has been released, every call through
// WSK_PROVIDER_DISPATCH has returned and every socket is closed. IRQL: PASSIVE_LEVEL
// (nf-wsk-wskderegister.md).
VOID WSKAPI WskDeregister(PWSK_REGISTRATION WskRegistration);

// Captures the provider, waiting at most WaitTimeout milliseconds for it to be there.
// STATUS_DEVICE_NOT_READY: it is not, or the client is deregistering. STATUS_NOINTERFACE: the client's
// version is not supported. Each success is matched by one WskReleaseProviderNPI. IRQL: PASSIVE_LEVEL, or <=
// DISPATCH_LEVEL with WSK_NO_WAIT (nf-wsk-wskcaptureprovidernpi.md).
NTSTATUS WSKAPI WskCaptureProviderNPI(PWSK_REGISTRATION WskRegistration, ULONG WaitTimeout,
                                      PWSK_PROVIDER_NPI WskProviderNpi);

// Undoes one WskCaptureProviderNPI (nf-wsk-wskreleaseprovidernpi.md).
VOID WSKAPI WskReleaseProviderNPI(PWSK_REGISTRATION WskRegistration);

// Tells the range of versions that the provider offers. STATUS_DEVICE_NOT_READY: it is not there
// (nf-wsk-wskqueryprovidercharacteristics.md).
NTSTATUS WSKAPI WskQueryProviderCharacteristics(PWSK_REGISTRATION WskRegistration,
                                                PWSK_PROVIDER_CHARACTERISTICS WskProviderCharacteristics);

#ifdef __cplusplus
}
#endif

#endif  // _WSK_
