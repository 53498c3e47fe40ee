// What exported clients have in common (docs/minimise_and_export.md): a WSK client's bookkeeping, in C over
// the kernel's headers, so that the exported file shows nothing but what is called, and what happens inside
// its callbacks.
//
// Sockets, IRPs, peers, holds, retained lists and inspect ids are slots of arrays that the exported file
// defines. A step that finds its slot in another state than it needs says so and is not made: the same guards
// as the suite's own client has.
//
// What was seen is said in lines (Say), one for each return of a call, begin and end of a callback,
// completion, and sight of a peer. IRQL as of the functions around which they are written.
#ifndef WSKCERT_CONFORMANCE_EXPORT_KIT_KIT_H_
#define WSKCERT_CONFORMANCE_EXPORT_KIT_KIT_H_

// clang-format off
#include <ntddk.h>
#include <wsk.h>
#include <wsk_emulator_extension.h>
// clang-format on

#include "conformance/export/kit/scene.h"

#define NO_SLOT 0xFFFF

// ---------------------------------------------------------------------------------------------------------------------
// Slots.

typedef struct CLIENT {
  WSK_CLIENT_DISPATCH Dispatch;
  WSK_REGISTRATION Registration;
  WSK_PROVIDER_NPI Npi;
  volatile LONG State;     // CLIENT_*
  volatile LONG Captured;  // captures that were not released
  volatile LONG Inside;    // calls of registration functions that have not returned
  BOOLEAN HasNpi;
} CLIENT;
enum { CLIENT_NEVER_REGISTERED, CLIENT_REGISTERED, CLIENT_LEFT };

typedef struct CLIENT_SOCKET {
  PWSK_SOCKET Socket;
  volatile LONG State;       // SOCKET_*
  volatile LONG References;  // calls of its functions that have not returned
  volatile LONG Retained;    // lists of it that are held
  USHORT Peer, Listener;     // NO_SLOT: none
  UCHAR Client;
  ULONG Category;            // WSK_FLAG_*_SOCKET
  ULONGLONG Sent, Received;  // bytes of its streams
  volatile LONG Calls[9];    // of each callback, by EVENT_*
  WSK_CLIENT_DATAGRAM_DISPATCH DatagramDispatch;
  WSK_CLIENT_CONNECTION_DISPATCH ConnectionDispatch;
  WSK_CLIENT_LISTEN_DISPATCH ListenDispatch;
  WSK_CLIENT_STREAM_DISPATCH StreamDispatch;
  WSK_EXTENSION_CONTROL_OUT Extension;
} CLIENT_SOCKET;
enum { SOCKET_EMPTY, SOCKET_CREATING, SOCKET_OPEN, SOCKET_CLOSING, SOCKET_CLOSED, SOCKET_FAILED };
enum {
  EVENT_ACCEPT,
  EVENT_INSPECT,
  EVENT_ABORT,
  EVENT_RECEIVE,
  EVENT_RECEIVE_FROM,
  EVENT_DISCONNECT,
  EVENT_SEND_BACKLOG,
  EVENT_CLIENT,
  EVENT_EXTENSION
};

// What a completion means beyond its status.
typedef enum COMPLETES {
  COMPLETES_NOTHING_MORE,
  COMPLETES_SOCKET,
  COMPLETES_ACCEPT,
  COMPLETES_CLOSE,
  COMPLETES_CONNECT,
  COMPLETES_RECEIVE,
  COMPLETES_RECEIVE_FROM
} COMPLETES;

// An MDL over at most 64 KiB needs this many page numbers behind it.
#define MDL_PAGES 17

typedef struct CLIENT_IRP {
  PIRP Irp;
  volatile LONG State;        // IRP_*
  volatile LONG Cancels;      // IoCancelIrp calls that have not returned
  volatile LONG Completions;  // so far
  const char* Operation;      // that it was passed to last
  COMPLETES Completes;
  CLIENT_SOCKET* Socket;  // of that operation; the one that WskAccept makes
  BOOLEAN PassedDown, SeenAbove, Endless;
  PUCHAR Bytes;
  ULONG Length;
  WSK_BUF Buffer;
  union {
    MDL Mdl;
    UCHAR Storage[sizeof(MDL) + MDL_PAGES * sizeof(PFN_NUMBER)];
  } Memory;
  // Arguments that must outlive the call.
  WSK_EVENT_CALLBACK_CONTROL Control;
  union {
    ULONG Value;
    WSK_INSPECT_ID InspectId;
    SIZE_T Size;
  } Data;
  SOCKADDR_STORAGE Remote, Local;
  ULONG ControlLength, ControlFlags;
} CLIENT_IRP;
enum { IRP_FREE, IRP_OWNED /* by the provider */, IRP_COMPLETED, IRP_PREPARING, IRP_COMPLETING };

typedef struct PEER {
  USHORT Socket;  // connected with it
  UCHAR Generation;
  volatile LONG Busy;  // it has a connection, or tries to
  ULONGLONG Sent, Received, DatagramsSent, DatagramsToIt, DatagramsSeen, DatagramsArrived;
} PEER;

typedef struct HOLD {
  KEVENT Released;
  volatile LONG Entered;
} HOLD;

typedef struct RETAINED {
  PVOID List;           // WSK_DATA_INDICATION, of a datagram socket WSK_DATAGRAM_INDICATION
  volatile LONG State;  // SLOT_*
  CLIENT_SOCKET* Socket;
  ULONGLONG Offset;
} RETAINED;
typedef struct INSPECTED {
  WSK_INSPECT_ID Id;
  volatile LONG State;  // SLOT_*
} INSPECTED;
enum { SLOT_EMPTY, SLOT_FULL, SLOT_RELEASED, SLOT_FILLING };

// The exported file's.
extern CLIENT Clients[];
extern CLIENT_SOCKET Sockets[];
extern CLIENT_IRP Irps[];
extern PEER Peers[];
extern HOLD Holds[];
extern RETAINED Retained[];
extern INSPECTED Inspects[];
// How many of each are used; behind StepIrps come as many as there are sockets, for the closes of the
// tear-down.
extern const ULONG ClientCount, SocketCount, StepIrps, PeerCount, HoldCount, RetainedCount, InspectCount;
extern const BOOLEAN Ipv6;
// Fills the client's dispatch tables of a socket.
const void* DispatchOf(CLIENT_SOCKET* socket, ULONG events);
#define ALL_EVENTS 0x1FF
#define NO_DISPATCH 0x80000000
// What happens in the completion routine of this IRP, the n-th time; HasCompletionSteps: whether there is
// anything at all.
VOID CompletionSteps(CLIENT_IRP* irp, LONG nth);
extern const BOOLEAN HasCompletionSteps;

// ---------------------------------------------------------------------------------------------------------------------
// Set-up and tear-down (calls.c).

VOID InitialiseSlots(VOID);
// Waits for rest, then lets every held callback go on.
VOID ReleaseHolds(VOID);
// Undoes what is left: lists, sockets, registrations.
VOID TearDown(VOID);
VOID FreeIrps(VOID);
// IRPs that the provider owns, but for those that wait for the registration's end.
extern volatile LONG Outstanding;
// Makes the slot's IRP ready to be passed; FALSE: it is in use, or there is no memory.
BOOLEAN PrepareIrp(CLIENT_IRP* slot, BOOLEAN passed_down);

// `flags` as of OpenCall.
VOID Register(CLIENT* client, USHORT version, BOOLEAN event, ULONG flags);
VOID Capture(CLIENT* client, ULONG milliseconds, ULONG flags);
VOID QueryCharacteristics(CLIENT* client, ULONG flags);
VOID ReleaseNpi(CLIENT* client, ULONG flags);
VOID Deregister(CLIENT* client, ULONG flags);

// Runs a thread of the client; ends it.
typedef VOID THREAD_STEPS(VOID);
PVOID StartThread(THREAD_STEPS* steps);
VOID JoinThread(PVOID thread);

// ---------------------------------------------------------------------------------------------------------------------
// Calls. Open, set the arguments, Begin, call, End.

typedef struct CALL {
  CLIENT_SOCKET* Socket;  // null: a client's call
  CLIENT_IRP* Slot;       // null: no IRP
  const char* Operation;
  ULONG Flags;
  KIRQL Level, OldLevel;
  PIRP Irp;  // to be passed
  BOOLEAN Depth;
} CALL;
#define AT_DISPATCH 1  // the call is made at DISPATCH_LEVEL
#define UNGUARDED 2    // the guards are off: it breaks an obligation of the client on purpose
#define PASSED_DOWN 4  // the IRP comes from a driver above
#define CREATES 8      // WskSocket, WskSocketConnect: the slot is empty
#define CLOSES 16
#define ENDLESS 32  // completes with the registration at the latest

// False: said to be skipped, and nothing is to be done. `irp`: null for none.
BOOLEAN OpenCall(CALL* call, CLIENT_SOCKET* socket, CLIENT_IRP* irp, const char* operation, ULONG flags);
// For a call that is not made after all.
VOID SkipCall(CALL* call, const char* reason);
VOID BeginCall(CALL* call);
VOID EndCall(CALL* call, NTSTATUS status, const char* what);
VOID SkipStep(const char* operation, const char* reason);

// The client of a call that is not of a socket: false, and said, if it has no provider.
BOOLEAN HasProvider(const CLIENT* client, const char* operation);
// Takes an empty slot for a new socket, connected to `peer` or NO_SLOT. False: said to be skipped.
BOOLEAN TakeSlot(CALL* call, UCHAR client, ULONG category, USHORT peer);
// Takes an empty slot for WskAccept on call->Socket.
BOOLEAN TakeAcceptSlot(CALL* call, CLIENT_SOCKET* accepted);
// Takes `peer` for a connection of the socket.
BOOLEAN TakePeer(CALL* call, USHORT peer);
// Makes call->Slot->Buffer; with `fills` the next bytes of the socket's stream, else room for bytes. False:
// said to be skipped.
BOOLEAN MakeBuffer(CALL* call, ULONG length, BOOLEAN fills);
// The next bytes to a peer's datagrams.
BOOLEAN MakeDatagram(CALL* call, ULONG length, USHORT peer);
// Addresses, in the call's IRP slot or, without one, in a static place.
PSOCKADDR PeerAddress(CALL* call, USHORT peer);
PSOCKADDR WildcardAddress(CALL* call, BOOLEAN port);
PSOCKADDR RoomForLocal(CALL* call);
PSOCKADDR RoomForRemote(CALL* call);

// The provider's tables by category; null if the socket's has no such function.
#define BASIC(s) ((const WSK_PROVIDER_BASIC_DISPATCH*)(s)->Socket->Dispatch)
#define LISTENING(s) ((const WSK_PROVIDER_LISTEN_DISPATCH*)(s)->Socket->Dispatch)
#define DATAGRAM(s) ((const WSK_PROVIDER_DATAGRAM_DISPATCH*)(s)->Socket->Dispatch)
#define CONNECTION(s) ((const WSK_PROVIDER_CONNECTION_DISPATCH*)(s)->Socket->Dispatch)
#define STREAMING(s) ((const WSK_PROVIDER_STREAM_DISPATCH*)(s)->Socket->Dispatch)
#define OF_CONNECTION(s, Function)                                       \
  ((s)->Category == WSK_FLAG_CONNECTION_SOCKET ? CONNECTION(s)->Function \
   : (s)->Category == WSK_FLAG_STREAM_SOCKET   ? STREAMING(s)->Function  \
                                               : NULL)
#define OF_LISTENER(s, Function)                                      \
  ((s)->Category == WSK_FLAG_LISTEN_SOCKET   ? LISTENING(s)->Function \
   : (s)->Category == WSK_FLAG_STREAM_SOCKET ? STREAMING(s)->Function \
                                             : NULL)
#define OF_DATAGRAM(s, Function) ((s)->Category == WSK_FLAG_DATAGRAM_SOCKET ? DATAGRAM(s)->Function : NULL)
PFN_WSK_BIND BindOf(const CLIENT_SOCKET* socket);
PFN_WSK_GET_LOCAL_ADDRESS GetLocalAddressOf(const CLIENT_SOCKET* socket);
// "the provider's table has no such function"
extern const char NoFunction[];

VOID ReleaseList(CLIENT_SOCKET* socket, RETAINED* list, ULONG flags, const char* what);
VOID CancelIrp(CLIENT_IRP* irp);
VOID CloseSocket(CLIENT_SOCKET* socket, CLIENT_IRP* irp, ULONG flags, const char* what);
VOID Ping(CLIENT_SOCKET* socket, ULONG value, ULONG flags, const char* what);

extern const NPIID ForeignNpi, WskNpiCopy;

// ---------------------------------------------------------------------------------------------------------------------
// Bytes of a stream, and where some of them belong (content.c).
typedef enum CONTENT { CONTENT_NONE, CONTENT_EXACT, CONTENT_FOREIGN, CONTENT_CORRUPT } CONTENT;
typedef struct DECODED {
  CONTENT Content;
  ULONG Peer;
  ULONGLONG Offset;
} DECODED;
ULONG StreamId(ULONG peer, ULONG generation, BOOLEAN to_peer);
VOID FillPattern(ULONG stream, ULONGLONG offset, PUCHAR bytes, ULONG length);
DECODED Decode(const CLIENT_SOCKET* socket, const UCHAR* bytes, ULONG length);
DECODED DecodePeer(ULONG peer, const UCHAR* bytes, ULONG length);
DECODED DecodeDatagram(ULONG peer, BOOLEAN to_peer, const UCHAR* bytes, ULONG length);
// "bytes 0..10 of its stream"; `text` has room for 80.
const char* BytesText(DECODED decoded, ULONG length, char* text);
typedef struct INDICATION {
  ULONGLONG Bytes;
  ULONG Nodes;
  DECODED Decoded;
  BOOLEAN OneRun, Readable;
} INDICATION;
INDICATION ReadIndication(const CLIENT_SOCKET* socket, const WSK_DATA_INDICATION* list);
INDICATION ReadDatagrams(const WSK_DATAGRAM_INDICATION* list);
DECODED DecodeOneDatagram(const WSK_DATAGRAM_INDICATION* datagram);

// ---------------------------------------------------------------------------------------------------------------------
// Callbacks (callbacks.c): Begin says what came and gives the number of the call, End says what is returned.

LONG BeginAccept(CLIENT_SOCKET* socket, ULONG flags, PSOCKADDR local, PSOCKADDR remote, PWSK_SOCKET accepted);
// The socket whose context this is; null, and said, if it is nobody's.
CLIENT_SOCKET* SocketOf(PVOID context);
// Makes `made` the accepted socket; false: its slot is in use.
BOOLEAN AcceptInto(CLIENT_SOCKET* made, CLIENT_SOCKET* listener, PWSK_SOCKET accepted, PSOCKADDR remote,
                   ULONG events, PVOID* context, CONST WSK_CLIENT_CONNECTION_DISPATCH** dispatch);
// ... and it is not accepted after all.
VOID AcceptFailed(CLIENT_SOCKET* made);
LONG BeginInspect(CLIENT_SOCKET* socket, PSOCKADDR local, PSOCKADDR remote, PWSK_INSPECT_ID id);
// Keeps the id for WskInspectComplete; false: the slot is in use.
BOOLEAN KeepInspectId(INSPECTED* slot, PWSK_INSPECT_ID id);
LONG BeginAbort(CLIENT_SOCKET* socket, PWSK_INSPECT_ID id);
LONG BeginReceive(CLIENT_SOCKET* socket, ULONG flags, PWSK_DATA_INDICATION list, SIZE_T bytes,
                  INDICATION* read);
LONG BeginReceiveFrom(CLIENT_SOCKET* socket, ULONG flags, PWSK_DATAGRAM_INDICATION list, INDICATION* read);
LONG BeginDisconnect(CLIENT_SOCKET* socket, ULONG flags);
LONG BeginSendBacklog(CLIENT_SOCKET* socket, SIZE_T bytes);
LONG BeginExtension(CLIENT_SOCKET* socket, ULONG value);
// Steps inside a callback are between these two.
VOID EnterSteps(VOID);
VOID LeaveSteps(VOID);
// Stays in the callback until the hold is released; inside EnterSteps.
VOID StayIn(HOLD* hold);
// The list is the client's from now on; false: the slot is in use.
BOOLEAN RetainList(RETAINED* slot, CLIENT_SOCKET* socket, PVOID list, const INDICATION* read);
#define ALL_BYTES 0xFFFFFFFF
NTSTATUS EndReceive(CLIENT_SOCKET* socket, const INDICATION* read, NTSTATUS status, ULONG accepted,
                    SIZE_T* bytes_accepted);
NTSTATUS EndCallback(CLIENT_SOCKET* socket, const char* callback, NTSTATUS status);
VOID SayClientEvent(VOID);

// ---------------------------------------------------------------------------------------------------------------------
// Waiting, the environment and words (peers.c).

VOID Settle(VOID);
VOID AwaitHold(HOLD* hold);
VOID AwaitIrp(CLIENT_IRP* irp);
VOID ReleaseHold(HOLD* hold);
VOID ReadRetained(RETAINED* list);
VOID Scribble(CLIENT_IRP* irp);

VOID PeerConnect(USHORT peer, USHORT socket);
VOID PeerSend(USHORT peer, ULONG length, BOOLEAN push);
VOID PeerSendDatagram(USHORT peer, USHORT socket, ULONG length, ULONG cast);
// The others: says what, then does it, and says if that was impossible.
#define STIMULUS(what, done)                \
  do {                                      \
    Say("%s", what);                        \
    if (!(done)) Say("... impossible now"); \
  } while (0)
VOID BreakBound(USHORT socket);

VOID FreePeer(USHORT peer);
// Bytes that are there until the end; null: there are none left. The kit allocates no memory but IRPs, so
// that a case about lack of memory is about the provider's.
PUCHAR TakeBytes(ULONG length);
// The port of a socket's slot at the wildcard address.
VOID LocalAddressOf(ULONG socket, SOCKADDR_STORAGE* address);
VOID Say(const char* format, ...);
const char* StatusName(NTSTATUS status);
BOOLEAN MayNest(VOID);
extern UCHAR Depth[256];

#endif  // WSKCERT_CONFORMANCE_EXPORT_KIT_KIT_H_
