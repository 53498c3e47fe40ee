// The WSK provider's objects and the functions its files share. Kernel C++: IRQL <= DISPATCH_LEVEL throughout
// unless said otherwise; no lock is held across a call out. All state lies in one object that ProviderReset
// empties.
//
// Memory. Registrations and sockets come from reserved arrays. A request needs no memory of its own: what a
// pended IRP has to remember fits into the IRP's stack location, its driver words and its list entry.
//
// References. A socket counts the client's handle, each IRP it holds, each callback in progress, each call in
// progress, each queued work item and its endpoint. When the count falls to zero, and only then, a close
// completes: so its completion means that nothing of the socket is left.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_PROVIDER_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_PROVIDER_H_

#include <wdm.h>
#include <wsk.h>
#include <wsk_emulator_extension.h>
#include <wsk_exports.h>

#include "implementations/emulator/provider/hooks.h"

namespace wskcert::provider {

using emulator::ProviderChoice;

inline constexpr ULONG kCallers = 8;
inline constexpr ULONG kRegistrations = 64;
inline constexpr ULONG kSockets = 2048;
inline constexpr ULONG kDescriptors = 64;
inline constexpr ULONG kMessages = 1024;  // of WskSendMessages

// ---- A client

struct Registration {
  BOOLEAN used, closing;
  PWSK_REGISTRATION block;  // the client's
  ULONGLONG since;          // of the latest release of the NPI, for messages
  PVOID callers[kCallers];  // threads that run callbacks of its sockets, as far as there is room; interlocked
  WSK_CLIENT_NPI npi;       // a copy: clients pass one on the stack
  ULONG captures;           // successful captures not yet released
  ULONG calls;              // calls through WSK_PROVIDER_DISPATCH in progress
  ULONG sockets;            // open, being made or being closed
  BOOLEAN sockets_made;     // too late for static event callbacks
  BOOLEAN static_set;       // WSK_SET_STATIC_EVENT_CALLBACKS succeeded
  ULONG static_events;      // mask
  LIST_ENTRY notifications;  // IRPs of WSK_TRANSPORT_LIST_CHANGE; each counts among the calls
  ULONG waiting;             // captures that wait for the provider
  KEVENT changed;            // for them: set when the provider becomes ready, or the client deregisters
  KEVENT idle;               // for WskDeregister: set when nothing of all that is left
};

// What WSK_CACHE_SD hands out. Nobody looks into a security descriptor here: no local address is shared.
struct CachedDescriptor {
  Registration* client;  // null: free
  PVOID original;
};

// ---- A socket

enum EventIndex : UCHAR {
  kReceiveEvent,
  kDisconnectEvent,
  kBacklogEvent,
  kReceiveFromEvent,
  kPingEvent,
  kEventCount
};

// A listener uses the first places for other events.
inline constexpr UCHAR kAcceptEvent = 0, kInspectEvent = 1, kAbortEvent = 2;

struct Socket;
struct Node;
struct DatagramNode;

// The life of one event callback on one socket. Guarded by the socket's lock.
struct Event {
  BOOLEAN enabled;
  BOOLEAN fixed;       // statically enabled
  BOOLEAN disabling;   // to be disabled when the calls in progress have returned
  BOOLEAN reenable;    // enabled again after that
  BOOLEAN keep_going;  // calls may begin although disabling
  BOOLEAN bounded;     // disabling waits only for the calls that `awaited` counts
  // What came before the event was enabled is not told until more comes.
  BOOLEAN awaits_arrival;
  BOOLEAN held;       // no call yet: the socket is still being accepted
  BOOLEAN inherits;   // to be enabled when WskAcceptEvent, which is being called, has returned
  BOOLEAN queued;     // the work item
  ULONG in_progress;  // calls to the client that have not returned, or are about to begin
  ULONG enables;      // successful ones, to know whether one came during a call
  ULONG begun;        // calls, ever
  LONG entering;      // calls that begin and have not reached the client
  // When the latest disable was asked for: the latest call, and how many of the calls until then have not
  // returned.
  ULONG asked, awaited;
  Socket* socket;
  WORK_QUEUE_ITEM work;
};

// What one call of an event hands to the client.
struct Delivery {
  Node* nodes;  // received data
  SIZE_T bytes;
  SIZE_T accepted;
  ULONG flags;
  SIZE_T backlog;
  Socket* request;  // a connection that comes in
  DatagramNode* datagrams;
  ULONG enables;  // of the event before the call
  ULONG serial;   // of the call, among the event's
  ULONG ping;
};

// What differs between the events of sockets of different use. Functions with the socket's lock, unless said
// otherwise.
struct EventRules {
  ULONG bits[kEventCount];  // of the events that can be enabled and disabled; 0: cannot
  ULONG inheritable;        // bits that can be enabled for the sockets that will be accepted
  // Whether events can be enabled and disabled by now.
  bool (*ready)(const Socket* socket);
  // Whether the client gave a function for the event.
  bool (*has_function)(const Socket* socket, UCHAR event);
  // Whether there is something to tell, apart from whether it may be told now.
  bool (*wanted)(const Socket* socket, UCHAR event);
  // Takes what the call will tell; `delivery` is zeroed.
  void (*prepare)(Socket* socket, UCHAR event, Delivery* delivery);
  // Calls the client. Without the lock.
  NTSTATUS (*call)(Socket* socket, UCHAR event, Delivery* delivery);
  // Does what the client's answer asks for. Without the lock.
  void (*finish)(Socket* socket, UCHAR event, Delivery* delivery, NTSTATUS status);
};

enum class SocketState : UCHAR { kFree, kOpen, kClosing };

// What only a datagram socket has. Guarded by the socket's lock.
struct DatagramPart {
  const WSK_CLIENT_DATAGRAM_DISPATCH* dispatch;
  transport::DatagramEndpoint* endpoint;
  // Received and not taken by anybody yet, first come first.
  transport::Datagram *queue, **queue_end;
  // Refused by the event, and kept for WskReceiveFrom alone. They come before the queue.
  transport::Datagram *kept, **kept_end;
  transport::Datagram* spent;  // to be returned when the lock is not held
  BOOLEAN stalled;             // what is queued was refused, and waits for a new datagram
  BOOLEAN has_remote, has_send_to;
  SOCKADDR_INET remote;   // SIO_WSK_SET_REMOTE_ADDRESS
  SOCKADDR_INET send_to;  // SIO_WSK_SET_SENDTO_ADDRESS
};

inline constexpr UCHAR kPings = 16;

// The extension interface of wsk_emulator_extension.h, once the client registered for it.
struct PingPart {
  BOOLEAN registered;
  UCHAR first, count;  // of the values asked for and not told
  PVOID context;
  const WSKEMU_CLIENT_PING_DISPATCH* dispatch;
  ULONG values[kPings];
};

inline constexpr ULONG kBacklog = 128;         // connections that can wait for a listening socket's client
inline constexpr ULONG kRememberedAborts = 8;  // of the latest aborted requests

// What a listening socket has, or a stream socket that may become one. Guarded by the socket's lock.
struct ListenPart {
  const WSK_CLIENT_LISTEN_DISPATCH* dispatch;
  const WSK_CLIENT_CONNECTION_DISPATCH* connect_dispatch;  // of a stream socket
  BOOLEAN listening;
  BOOLEAN conditional;  // SO_CONDITIONAL_ACCEPT
  BOOLEAN dual;         // IPV6_V6ONLY is off
  BOOLEAN datagram;     // over UDP: cannot be bound
  BOOLEAN committed;    // a stream socket that connects
  BOOLEAN inspects;     // in conditional accept mode, requests are
  BOOLEAN ends;         // being closed; aborts are still told
  UCHAR inspect_null_due;
  ULONG room;       // connections that can wait
  ULONG inherited;  // events of the sockets it will accept
  ULONG serial;     // of the latest inspect id
  ULONG aborts;     // how many requests were aborted
  WSK_INSPECT_ID aborted[kRememberedAborts];
  // Connections that came in and were not handed to the client, first come first; linked through
  // RequestPart::next.
  ULONG request_count;
  Socket *requests, **requests_end;
};

enum class RequestState : UCHAR {
  kNone,        // handed to the client, or never was a request
  kInspectDue,  // to be inspected
  kInspecting,  // WskInspectEvent is being called
  kPended,      // it returned WskInspectPend
  kAdmitted,    // the handshake goes on
  kWaiting,     // established; to be accepted
  kAbortDue     // lost after its inspection; to be told
};

// What a socket has that a listening socket accepts. Guarded by the listening socket's lock.
struct RequestPart {
  // The listening socket, which it references, until it is handed to the client or given up. Changed with
  // both sockets' locks.
  Socket* listener;
  Socket* next;
  RequestState state;
  BOOLEAN inspected;  // `id` is valid
  BOOLEAN lost;       // while WskInspectEvent was being called
  // Guarded by the request's own lock: its endpoint is being told to go on, and whoever does that closes it
  // afterwards.
  BOOLEAN admitting, close_due;
  UCHAR decision;  // of an early WskInspectComplete; WskInspectMax: none
  WSK_INSPECT_ID id;
  SOCKADDR_INET local;
  PVOID accepting;  // the thread that calls WskAcceptEvent with it; guarded by its own lock
};

struct Socket {
  WSK_SOCKET wsk;  // first: the client's pointer points here
  SocketState state;
  UCHAR category;  // the flag given to WskSocket
  // `connecting` and `broken` are also read without the lock.
  BOOLEAN bound, connecting, connected;
  BOOLEAN send_closed;        // we disconnected gracefully
  BOOLEAN aborted;            // we disconnected abortively
  BOOLEAN peer_closed;        // the peer disconnected gracefully
  BOOLEAN peer_reset;         // the peer disconnected abortively
  BOOLEAN broken;             // no longer functional
  BOOLEAN breaking;           // broken, as its event is about to tell; the rest follows
  BOOLEAN silent;             // SIO_WSK_SET_TCP_SILENT_MODE
  BOOLEAN concurrent_events;  // callbacks of different events may overlap
  BOOLEAN overlapping;        // so may those of one event
  BOOLEAN suspended;          // the receive event, until a WskReceive
  BOOLEAN event_first;        // what waits goes to the event although a request waits, too
  BOOLEAN reset_told;         // an abortive disconnect: nothing received is told any more
  BOOLEAN disconnect_due, backlog_due;
  UCHAR null_due;  // NULL indications to come
  BOOLEAN completions_queued;
  ADDRESS_FAMILY family;
  const EventRules* rules;
  ULONG static_events;  // the client's, when the socket was made
  ULONG early_events;   // enabled before they could be, for the time when they can
  BOOLEAN early_ping;   // likewise
  LONG references;
  LONG calls;  // calls in progress, for finding a close beside them
  // For messages: when the latest call began, the latest list was retained, the close was called.
  LONG called_at;  // interlocked
  ULONGLONG retained_at, closed_at;
  KSPIN_LOCK lock;
  Registration* client;
  PVOID context;
  const WSK_CLIENT_CONNECTION_DISPATCH* dispatch;
  transport::Endpoint* endpoint;  // null without a connection's category
  DatagramPart datagram;
  PingPart ping;
  ListenPart listen;
  RequestPart request;
  SOCKADDR_INET remote;
  Event events[kEventCount];
  SIZE_T backlog;  // for the backlog event
  // What was received and not consumed.
  transport::Buffer *received, **received_end;
  SIZE_T received_bytes;
  transport::Buffer* spent;  // consumed; to be returned when the lock is not held
  Node* indicated;           // nodes of the receive event in progress
  ULONG retained;            // nodes that the client retains
  LIST_ENTRY receives, sends;
  LIST_ENTRY disables;              // IRPs that wait for calls in progress
  PIRP connect, disconnect, close;  // at most one each
  // IRPs with their outcome, for a worker to complete in this order.
  LIST_ENTRY completions;
  ULONG receive_completions;  // those of receives among them
  WORK_QUEUE_ITEM completion_work;
  ULONG receive_buffer_option, keep_alive_option, no_delay_option;
  Socket* next_free;
};

// One node of an indication, in a buffer's client area.
struct Node {
  WSK_DATA_INDICATION indication;  // first
  ULONG magic;
  BOOLEAN retained;
  Socket* socket;
  transport::Buffer* buffers;  // what it describes; linked through next
  Node* next;                  // in Socket::indicated
};
static_assert(sizeof(Node) <= sizeof(transport::Buffer::client_area));

// ---- An IRP in the provider's hands

enum class RequestKind : UCHAR {
  kOther,
  kSocketConnect,
  kConnect,
  kReceive,
  kReceiveFrom,
  kSend,
  kDisconnect,
  kDisable,
  kBind,
  kAccept
};

// Lies in the parameters of the IRP's stack location.
struct Request {
  Socket* socket;
  RequestKind kind;
  UCHAR events;    // kDisable: a bit for each event whose calls it waits for
  BOOLEAN listed;  // in one of the socket's lists
  BOOLEAN held;    // kSend: somebody tries to take it back from the transport
  BOOLEAN over;    // kSend: the transport is done with it, the outcome is in IoStatus
  BOOLEAN uncancellable;
  BOOLEAN carries;   // kReceive: cancelled, with bytes
  BOOLEAN connects;  // kSend: the data of a WskConnectEx
  ULONG flags;
  ULONG offset, length;  // kReceiveFrom: of the buffer
};
static_assert(sizeof(Request) <= 4 * sizeof(PVOID));

inline Request* RequestOf(PIRP irp) {
  return reinterpret_cast<Request*>(&IoGetCurrentIrpStackLocation(irp)->Parameters.Others);
}
// The request's buffer.
inline transport::Send* SpanOf(PIRP irp) {
  return reinterpret_cast<transport::Send*>(irp->Tail.Overlay.DriverContext);
}
// The same place, for a datagram to send and for one to receive.
inline transport::DatagramSend* DatagramSpanOf(PIRP irp) {
  return reinterpret_cast<transport::DatagramSend*>(irp->Tail.Overlay.DriverContext);
}
struct ReceiveFromOutput {
  PMDL mdl;
  PSOCKADDR remote;
  PULONG control_length;
  PULONG control_flags;
};
static_assert(sizeof(ReceiveFromOutput) <= 4 * sizeof(PVOID));
inline ReceiveFromOutput* OutputOf(PIRP irp) {
  return reinterpret_cast<ReceiveFromOutput*>(irp->Tail.Overlay.DriverContext);
}
inline PIRP IrpOf(PLIST_ENTRY link) { return CONTAINING_RECORD(link, IRP, Tail.Overlay.ListEntry); }

class SocketLock {
 public:
  explicit SocketLock(Socket* socket) : socket_(socket) { Take(); }
  ~SocketLock() {
    if (held_) Leave();
  }
  SocketLock(const SocketLock&) = delete;
  void Take() {
    KeAcquireSpinLock(&socket_->lock, &irql_);
    held_ = true;
  }
  void Leave() {
    held_ = false;
    KeReleaseSpinLock(&socket_->lock, irql_);
  }

 private:
  Socket* socket_;
  KIRQL irql_;
  bool held_;
};

// ---- irp.cc: taking, pending, completing

// Takes over a stack location of the client's IRP.
void TakeIrp(PIRP irp, Socket* socket, RequestKind kind);
// Completes the IRP here and now, and gives up its reference to the socket, if it has one.
void Complete(PIRP irp, NTSTATUS status, ULONG_PTR information);
// The end of a call whose outcome is known: completes the IRP (which may be null) now or later, as the
// schedule says, and returns what the call returns. The IRP must have been taken; a socket's reference is
// taken here.
NTSTATUS Answer(Socket* socket, PIRP irp, NTSTATUS status, ULONG_PTR information);
// As Answer, but always completed inside the call.
NTSTATUS AnswerNow(Socket* socket, PIRP irp, NTSTATUS status, ULONG_PTR information);
// With the socket's lock: puts the IRP into `list` with a cancel routine, and takes a reference. False: it
// was cancelled already; the caller completes it.
bool Pend(Socket* socket, PLIST_ENTRY list, PIRP irp);
// As Pend, without a cancel routine; `list` may be null.
void PendUncancellable(Socket* socket, PLIST_ENTRY list, PIRP irp);
// With the socket's lock: takes a pended IRP out of its list, for completion. False: its cancel routine will
// complete it.
bool Unpend(PIRP irp);
// Has an IRP with a reference completed by the socket's worker, in order. With the socket's lock.
void CompleteLater(Socket* socket, PIRP irp, NTSTATUS status, ULONG_PTR information);
void CompletionWork(PVOID socket);
// Completes IRPs with an outcome in IoStatus, linked in `list`; behind those that wait for the worker, if
// there are any.
void CompleteAll(Socket* socket, PLIST_ENTRY list);

// ---- socket.cc: life of a socket

// `dispatch` is the client's table for the category.
Socket* MakeSocket(Registration* client, UCHAR category, ADDRESS_FAMILY family, PVOID context,
                   const VOID* dispatch, NTSTATUS* status);
// A socket for a connection that comes in on a listening socket, not known to the client yet.
Socket* MakeRequest(Socket* listener, transport::Endpoint* connection);
// Undoes it, before anybody else knows the socket.
void UnmakeRequest(Socket* request);
void Reference(Socket* socket);
void Release(Socket* socket);
// Starts the end of a socket: cancels what pends, closes the endpoint, gives up the client's handle.
// `at_once`: does itself what would wait for a worker, if it can.
void CloseSocket(Socket* socket, bool at_once = false);
// Ends all requests of a socket with `status`, except the close. `connection` only: not disables.
void EndRequests(Socket* socket, NTSTATUS status, bool with_disables);
// Ends the sends: takes them back from the transport.
void EndSends(Socket* socket, NTSTATUS status);

// Ends a connection that a cancelled WskConnectEx had made. With no lock; the caller holds a reference.
void AbortConnection(Socket* socket);

// A call of the client on a socket, from its begin to its end. Bug checks on misuse.
class Call {
 public:
  Call(PWSK_SOCKET socket, const char* page);
  ~Call();
  Call(const Call&) = delete;
  Socket* socket() const { return socket_; }
  // The work is done; what follows (completing, calling back) may re-enter the provider.
  void Leave();

 private:
  Socket* socket_;
  bool inside_ = true;
};

// STATUS_SUCCESS if the socket has a connection that data can be exchanged over, in silent mode apart from
// the close nothing can. With the lock.
NTSTATUS ConnectionStatus(const Socket* socket);

// ---- events.cc

// Where something became possible.
enum class Place : UCHAR { kClientCall, kTransport, kWorker };
// Goes on with whatever the socket can do now: fills receives, calls back.
void Advance(Socket* socket, Place place);
// With the lock: whether an event is enabled as far as other threads can know. WskAcceptEvent may have
// returned although its caller has not come to enabling what the accepted socket inherits.
inline bool SeemsEnabled(const Socket* socket, UCHAR event) {
  const Event& it = socket->events[event];
  return it.enabled || (it.inherits && socket->request.accepting != KeGetCurrentThread());
}
// With the lock: whether an event of the socket's category is enabled and could be called, were there
// something to tell.
bool CanBeCalled(const Socket* socket, UCHAR event);
// With the lock, a request having come for what waits: whether it is too late, since the event is about to be
// called. `choice` says who wins that race.
bool LosesRace(const Socket* socket, UCHAR event, emulator::ProviderChoice choice);
// How many NULL indications tell that a socket works no more.
UCHAR NullIndications();
// Sets a socket's events up for its use.
void InitializeEvents(Socket* socket, const EventRules* rules);
extern const EventRules kConnectionRules;
// The rules of the extension's event, beside those of a socket's category.
extern const EventRules kPingRules;
extern const EventRules kBasicRules;
extern const EventRules kDatagramRules;
extern const EventRules kListenRules;
// Of a stream socket that has not begun to listen or to connect.
extern const EventRules kStreamRules;
// Gives a socket's events their meaning once its use is known.
void SetEventRules(Socket* socket, const EventRules* rules);
// Holds the events back that belong to the socket's use, and lets their calls begin.
void HoldEvents(Socket* socket);
void StartEvents(Socket* socket);
inline constexpr ULONG kConnectionEvents = WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT | WSK_EVENT_SEND_BACKLOG;

// ---- event_control.cc

// SO_WSK_EVENT_CALLBACK.
NTSTATUS ControlEvents(Call* call, SIZE_T size, const VOID* input, PIRP irp);
// With the lock, when events can be enabled from now on: enables those that were asked for before.
void EnableEarlyEvents(Socket* socket);

// ---- indication.cc

// With the lock: makes an indication of received data; returns the first node.
Node* BuildIndication(Socket* socket, SIZE_T* bytes, ULONG* flags);
// After the callback returned: consumes, gives back or retains. Takes the lock itself.
void FinishIndication(Socket* socket, NTSTATUS status, SIZE_T bytes, SIZE_T accepted);
void DropReceived(Socket* socket);
// With the lock: takes `bytes` off what was received. ReturnSpent follows, without the lock.
void ConsumeReceived(Socket* socket, SIZE_T bytes);
void ReturnSpent(Socket* socket);

// ---- datagram.cc, datagram_send.cc

NTSTATUS OpenDatagrams(Socket* socket, const VOID* dispatch);
void CloseDatagrams(Socket* socket, bool at_once);
// Gives back what is buffered.
void DropDatagrams(Socket* socket);
// With the lock: gives queued datagrams to pending receives, which go to `done`.
void FillDatagramReceives(Socket* socket, PLIST_ENTRY done);
// SIO_WSK_SET_REMOTE_ADDRESS and SIO_WSK_SET_SENDTO_ADDRESS.
NTSTATUS SetDatagramAddress(Socket* socket, ULONG code, SIZE_T size, const VOID* input);
// With the lock held by nobody: takes a send back from the transport, of whatever kind the socket is.
bool TakeBackSend(Socket* socket, PIRP irp);
extern const transport::DatagramClient kDatagramClient;
void ReleaseMessages(PIRP irp);
void OnDatagramSent(void* context, transport::DatagramSend* send, NTSTATUS status);

// ---- extension.cc

// SIO_WSK_REGISTER_EXTENSION.
NTSTATUS RegisterExtension(Call* call, SIZE_T input_size, const VOID* input, SIZE_T output_size, PVOID output,
                           PIRP irp);
// With the lock: forgets what was asked for, since the event is disabled.
void DropPings(Socket* socket);
// What enabling an extension's event answers without a registration, and a standard one on a basic socket.
NTSTATUS UnregisteredStatus();
NTSTATUS BasicSocketStatus();
// ---- listen.cc, accept.cc, inspect.cc

// Makes a bound socket a listening one. With no lock.
NTSTATUS StartListening(Socket* socket);
// With the lock: gives waiting connections to pending WskAccepts; the completed go to `done`.
void FillAccepts(Socket* listener, PLIST_ENTRY done);
// With the lock: takes a request out of its listener's list, for somebody who holds a reference of the
// listener's.
void DetachRequest(Socket* listener, Socket* request);
// Goes on with a request's handshake. With no lock; the caller holds a reference of the request's.
void AdmitRequest(Socket* request);
// With the lock: the first request in a state, or null.
Socket* FindRequest(const Socket* listener, RequestState state);
// Gives up all requests that were not handed to the client; with the second argument, aborts are told first
// where a request was inspected.
void DropRequests(Socket* listener, bool tell);
// With the listener's lock: a request is lost before it was established. True: it is to be closed by the
// caller, without the lock.
bool LoseRequest(Socket* listener, Socket* request);
// The inspect and abort events' parts of kListenRules.
void PrepareInspect(Socket* listener, Delivery* delivery);
NTSTATUS CallInspect(Socket* listener, Delivery* delivery);
void FinishInspect(Socket* listener, Delivery* delivery, NTSTATUS status);
void PrepareAbort(Socket* listener, Delivery* delivery);
NTSTATUS CallAbort(Socket* listener, Delivery* delivery);
void FinishAbort(Socket* listener, Delivery* delivery, NTSTATUS status);
// SO_CONDITIONAL_ACCEPT and SIO_WSK_QUERY_INSPECT_ID.
NTSTATUS SetConditional(Socket* socket, SIZE_T size, const VOID* input);
NTSTATUS GetConditional(Socket* socket, SIZE_T size, PVOID output, SIZE_T* returned);
NTSTATUS QueryInspectId(Socket* socket, SIZE_T size, PVOID output, SIZE_T* returned);
// What the transport tells: a connection that comes in; one of a request's reports, of which there are: the
// handshake is over, and a reset before it was accepted. False: the socket is no request any more.
void* OnIncoming(void* context, transport::Endpoint* connection);
bool OnRequestConnected(Socket* request, NTSTATUS status);
void OnRequestReset(Socket* request);
void OnListenerBroken(Socket* listener);
extern const WSK_PROVIDER_LISTEN_DISPATCH kListenDispatch;
extern const WSK_PROVIDER_STREAM_DISPATCH kStreamDispatch;

// What a query with a missing or too small buffer answers.
NTSTATUS TooSmall();

// ---- receive.cc, send.cc, control.cc, client.cc: the tables' functions

// With the lock: completes what can be of the pending receives; the completed go to `done`.
void FillReceives(Socket* socket, PLIST_ENTRY done);
// With the lock: gives a receive that waits for more what has come, and sets its outcome. False: it waits for
// anything at all. ReturnSpent follows, without the lock.
bool GiveWhatCame(Socket* socket, PIRP irp);
// Copies received data into a chain of MDLs. False: it cannot be mapped.
bool CopyToMdls(const transport::Buffer* buffers, PMDL mdl, SIZE_T offset, SIZE_T bytes);
// Bug checks unless the buffer lies in its MDLs.
void CheckBuffer(Socket* socket, const WSK_BUF* buffer);

NTSTATUS WSKAPI WspReceive(PWSK_SOCKET, PWSK_BUF, ULONG, PIRP);
NTSTATUS WSKAPI WspRelease(PWSK_SOCKET, PWSK_DATA_INDICATION);
NTSTATUS WSKAPI WspSend(PWSK_SOCKET, PWSK_BUF, ULONG, PIRP);
NTSTATUS WSKAPI WspDisconnect(PWSK_SOCKET, PWSK_BUF, ULONG, PIRP);
NTSTATUS WSKAPI WspSendTo(PWSK_SOCKET, PWSK_BUF, ULONG, PSOCKADDR, ULONG, PCMSGHDR, PIRP);
NTSTATUS WSKAPI WspSendMessages(PWSK_SOCKET, PWSK_BUF_LIST, ULONG, PSOCKADDR, ULONG, PCMSGHDR, PIRP);
NTSTATUS WSKAPI WspReceiveFrom(PWSK_SOCKET, PWSK_BUF, ULONG, PSOCKADDR, PULONG, PCMSGHDR, PULONG, PIRP);
NTSTATUS WSKAPI WspReleaseDatagrams(PWSK_SOCKET, PWSK_DATAGRAM_INDICATION);
NTSTATUS WSKAPI WspControlSocket(PWSK_SOCKET, WSK_CONTROL_SOCKET_TYPE, ULONG, ULONG, SIZE_T, PVOID, SIZE_T,
                                 PVOID, SIZE_T*, PIRP);
NTSTATUS WSKAPI WspCloseSocket(PWSK_SOCKET, PIRP);
NTSTATUS WSKAPI WspBind(PWSK_SOCKET, PSOCKADDR, ULONG, PIRP);
NTSTATUS WSKAPI WspConnect(PWSK_SOCKET, PSOCKADDR, ULONG, PIRP);
NTSTATUS WSKAPI WspConnectEx(PWSK_SOCKET, PSOCKADDR, PWSK_BUF, ULONG, PIRP);
NTSTATUS WSKAPI WspGetLocalAddress(PWSK_SOCKET, PSOCKADDR, PIRP);
NTSTATUS WSKAPI WspGetRemoteAddress(PWSK_SOCKET, PSOCKADDR, PIRP);
NTSTATUS WSKAPI WspSendEx(PWSK_SOCKET, PWSK_BUF, ULONG, ULONG, PCMSGHDR, PIRP);
NTSTATUS WSKAPI WspReceiveEx(PWSK_SOCKET, PWSK_BUF, ULONG, PULONG, PCMSGHDR, PULONG, PIRP);
NTSTATUS WSKAPI WspAccept(PWSK_SOCKET, ULONG, PVOID, CONST WSK_CLIENT_CONNECTION_DISPATCH*, PSOCKADDR,
                          PSOCKADDR, PIRP);
NTSTATUS WSKAPI WspListen(PWSK_SOCKET, PIRP);
NTSTATUS WSKAPI WspInspectComplete(PWSK_SOCKET, PWSK_INSPECT_ID, WSK_INSPECT_ACTION, PIRP);
NTSTATUS WSKAPI WspControlClient(PWSK_CLIENT, ULONG, SIZE_T, PVOID, SIZE_T, PVOID, SIZE_T*, PIRP);
NTSTATUS WSKAPI WspSocket(PWSK_CLIENT, ADDRESS_FAMILY, USHORT, ULONG, ULONG, PVOID, CONST VOID*, PEPROCESS,
                          PETHREAD, PSECURITY_DESCRIPTOR, PIRP);
NTSTATUS WSKAPI WspSocketConnect(PWSK_CLIENT, USHORT, ULONG, PSOCKADDR, PSOCKADDR, ULONG, PVOID,
                                 CONST WSK_CLIENT_CONNECTION_DISPATCH*, PEPROCESS, PETHREAD,
                                 PSECURITY_DESCRIPTOR, PIRP);
NTSTATUS WSKAPI WspGetAddressInfo(PWSK_CLIENT, PUNICODE_STRING, PUNICODE_STRING, ULONG, GUID*, PADDRINFOEXW,
                                  PADDRINFOEXW*, PEPROCESS, PETHREAD, PIRP);
VOID WSKAPI WspFreeAddressInfo(PWSK_CLIENT, PADDRINFOEXW);
NTSTATUS WSKAPI WspGetNameInfo(PWSK_CLIENT, PSOCKADDR, ULONG, PUNICODE_STRING, PUNICODE_STRING, ULONG,
                               PEPROCESS, PETHREAD, PIRP);

// The client behind a handle, counting a call in progress; null if there is none. Bug checks on misuse.
Registration* EnterClient(PWSK_CLIENT client);
// A callback of one of the client's sockets runs on this thread.
void EnterCallback(Registration* client);
void LeaveCallback(Registration* client);
void LeaveClient(Registration* client);
void SocketGone(Registration* client);
// Ends what WSK_TRANSPORT_LIST_CHANGE queued.
void EndNotifications(Registration* client, NTSTATUS status);
// With the provider's lock: takes back what the client cached with WSK_CACHE_SD.
void ForgetDescriptors(const Registration* client);

// Ends what a socket that has become useless was doing. With no lock.
void EndBroken(Socket* socket);
// What the transport tells the sockets.
extern const transport::Client kTransportClient;

// ---- The whole

struct Provider {
  transport::Message* free_messages;
  ULONG messages_used;
  transport::Message messages[kMessages];
  ULONG descriptors_used;
  CachedDescriptor descriptors[kDescriptors];
  KSPIN_LOCK lock;  // of the arrays, not of what lies in them
  BOOLEAN not_ready;
  ULONG registrations_used, sockets_used;
  Socket *free_sockets, *free_sockets_end;
  Registration registrations[kRegistrations];
  Socket sockets[kSockets];
};
extern Provider provider;

const WSK_EXPORTS* ProviderExports();
void ProviderReset();
void ProviderSetReady(bool ready);
void ProviderTransportsChanged();
// For messages: "socket", "client" or "object", and its number.
const char* ObjectKind(const VOID* object);
LONGLONG ObjectNumber(const VOID* object);

}  // namespace wskcert::provider

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_PROVIDER_H_
