// The interposer: stands between a WSK client and a provider, as a filter driver stands in a device's stack,
// and lets a saboteur step in at each call, each completion and each callback. Internal to
// conformance/saboteurs.
//
// Wrapped are registration, client, sockets of every category, however they come to be, and the emulator's
// extension interface. An IRP on its way down gets the interposer's stack location, where it remembers what
// the IRP was for; so a request needs no memory. Sockets and clients come from arrays and are not used twice
// in a run: a saboteur may touch one after its close.
//
// Kernel C++, IRQL <= DISPATCH_LEVEL unless said otherwise. No locks: what is shared are counters and
// pointers that are exchanged.
#ifndef WSKCERT_CONFORMANCE_SABOTEURS_INTERPOSER_H_
#define WSKCERT_CONFORMANCE_SABOTEURS_INTERPOSER_H_

// clang-format off
#include <wdm.h>
#include <wsk.h>
#include <wsk_emulator_extension.h>
#include <wsk_exports.h>
// clang-format on

#include "conformance/saboteurs/saboteurs.h"

namespace wskcert::saboteurs {

enum class Function : UCHAR {
  kSocket,
  kSocketConnect,
  kBind,
  kConnect,
  kConnectEx,
  kListen,
  kAccept,
  kInspectComplete,
  kEnable,   // SO_WSK_EVENT_CALLBACK, set, without WSK_EVENT_DISABLE
  kDisable,  // SO_WSK_EVENT_CALLBACK, set, with it
  kRegisterExtension,
  kControl,  // any other control operation
  kGetLocalAddress,
  kGetRemoteAddress,
  kSend,
  kSendEx,
  kReceive,
  kReceiveEx,
  kDisconnect,
  kSendTo,
  kSendMessages,
  kReceiveFrom,
  kClose,
};

enum EventIndex : UCHAR {
  kReceiveEvent,
  kDisconnectEvent,
  kBacklogEvent,
  kAcceptEvent,
  kReceiveFromEvent,
  kInspectEvent,
  kAbortEvent,
  kPingEvent,
  kEventCount
};
// WSK's flag of each; 0 for those that have none.
inline constexpr ULONG kEventBits[kEventCount] = {WSK_EVENT_RECEIVE,
                                                  WSK_EVENT_DISCONNECT,
                                                  WSK_EVENT_SEND_BACKLOG,
                                                  WSK_EVENT_ACCEPT,
                                                  WSK_EVENT_RECEIVE_FROM,
                                                  0,
                                                  0,
                                                  0};
// Those of connection-oriented sockets, and those of all.
inline constexpr ULONG kAllEvents = WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT | WSK_EVENT_SEND_BACKLOG;
inline constexpr ULONG kEveryEvent = kAllEvents | WSK_EVENT_ACCEPT | WSK_EVENT_RECEIVE_FROM;

// A registered client, and what it gets in place of the provider's NPI.
struct Client {
  PWSK_REGISTRATION registration;  // null: the block has another registration now
  WSK_CLIENT_NPI npi;              // the client's own
  WSK_CLIENT_DISPATCH ours;
  WSK_PROVIDER_NPI real;
  WSK_PROVIDER_DISPATCH dispatch;
  ULONG static_events;
  volatile LONG captures;  // that were not released
  volatile LONG calls;     // of the provider's table that have not returned
  volatile LONG leaving;   // WskDeregister was called
  KEVENT never;            // signalled by nobody
  volatile LONG awaited;   // the saboteur waits for `released`; without one the interposer signals nothing
  KEVENT released;         // nothing is captured any more
  KEVENT gone;             // for the saboteur: the provider's WskDeregister has returned
};

inline constexpr ULONG kQueuedReceives = 8;

// The provider's functions of a socket, whatever its category; null for those that its table lacks.
struct Functions {
  PFN_WSK_CONTROL_SOCKET control;
  PFN_WSK_CLOSE_SOCKET close;
  PFN_WSK_BIND bind;
  PFN_WSK_LISTEN listen;
  PFN_WSK_ACCEPT accept;
  PFN_WSK_INSPECT_COMPLETE inspect_complete;
  PFN_WSK_CONNECT connect;
  PFN_WSK_CONNECT_EX connect_ex;
  PFN_WSK_GET_LOCAL_ADDRESS get_local_address;
  PFN_WSK_GET_REMOTE_ADDRESS get_remote_address;
  PFN_WSK_SEND send;
  PFN_WSK_SEND_EX send_ex;
  PFN_WSK_RECEIVE receive;
  PFN_WSK_RECEIVE_EX receive_ex;
  PFN_WSK_DISCONNECT disconnect;
  PFN_WSK_RELEASE_DATA_INDICATION_LIST release;
  PFN_WSK_SEND_TO send_to;
  PFN_WSK_SEND_MESSAGES send_messages;
  PFN_WSK_RECEIVE_FROM receive_from;
  PFN_WSK_RELEASE_DATAGRAM_INDICATION_LIST release_datagrams;
};

// The client's and the provider's part of the emulator's extension interface on one socket.
struct Extension {
  PVOID client_context, provider_context;
  const WSKEMU_CLIENT_PING_DISPATCH* client;
  const WSKEMU_PROVIDER_PING_DISPATCH* provider;
  WSK_EXTENSION_CONTROL_IN in;  // what the provider gets
};

// A request to connect, as the client has answered it so far.
struct Inspected {
  WSK_INSPECT_ID id;
  WSK_INSPECT_ACTION action;
  bool pended;  // at first
};
inline constexpr ULONG kInspected = 8;

// A call of WskInspectEvent beside the provider's.
struct Inspecting {
  SOCKADDR_INET local, remote;
  WSK_INSPECT_ID id;
  WSK_INSPECT_ACTION action;
  KEVENT done;
};

// A socket of any category.
struct Socket {
  WSK_SOCKET wsk;    // first: what the client holds
  WSK_SOCKET* real;  // null until it was created
  Client* owner;
  ULONG category;    // a WSK_FLAG_*_SOCKET
  Socket* listener;  // that accepted it, or null
  bool by_event;     // it was accepted by WskAcceptEvent
  Function created;  // kSocket, kSocketConnect, kAccept
  PVOID context;     // the client's
  // The client's functions, and what the provider gets in their place. Null where the client gave null, or
  // where the category has none of the kind.
  const WSK_CLIENT_CONNECTION_DISPATCH* client;
  const WSK_CLIENT_LISTEN_DISPATCH* client_listen;
  const WSK_CLIENT_DATAGRAM_DISPATCH* client_datagram;
  WSK_CLIENT_CONNECTION_DISPATCH ours;
  WSK_CLIENT_LISTEN_DISPATCH ours_listen;
  WSK_CLIENT_DATAGRAM_DISPATCH ours_datagram;
  WSK_CLIENT_STREAM_DISPATCH ours_stream;
  Functions functions;
  union {
    WSK_PROVIDER_BASIC_DISPATCH basic;
    WSK_PROVIDER_LISTEN_DISPATCH listen;
    WSK_PROVIDER_DATAGRAM_DISPATCH datagram;
    WSK_PROVIDER_CONNECTION_DISPATCH connection;
    WSK_PROVIDER_STREAM_DISPATCH stream;
  } table;
  Extension extension;

  // What an observer at this place can know; kept for every saboteur.
  volatile LONG enabled;               // events, as the client must believe
  volatile LONG inherit;               // a listener: what sockets accepted from now on inherit
  volatile LONG running[kEventCount];  // calls inside the client
  PKTHREAD volatile runner[kEventCount];
  volatile LONG suspended;              // the receive event, until a WskReceive
  volatile LONG refusals;               // how often the client did so
  volatile LONG receives;               // calls of WskReceive
  volatile LONG receives_outstanding;   // of which the IRP has not completed
  volatile LONG retained;               // lists
  volatile LONG alone;                  // events that a request of their own enabled last
  volatile LONG disables[kEventCount];  // State::disables at that time
  volatile LONG inherit_requests;       // that gave it
  volatile LONG conditional;            // SO_CONDITIONAL_ACCEPT is on
  volatile LONG inspects_pended;
  volatile LONG inspected_count;    // requests that the client was asked about, of which
  Inspected inspected[kInspected];  // the first
  PSOCKADDR local, remote;          // that the client gave to the WskAccept that made the socket
  volatile LONG bound;
  volatile LONG connected;
  volatile LONG silent;  // SIO_WSK_SET_TCP_SILENT_MODE was accepted
  volatile LONG closing;

  // For the saboteur.
  PVOID volatile kept[kEventCount];  // IRPs to be completed with success when the running calls have returned
  PVOID volatile queued[kQueuedReceives];
  SOCKADDR_INET address;
  Inspecting inspecting;
  PVOID output;
  volatile LONG mark;
  volatile LONG64 left;  // bytes
  ULONG flags;
  WSK_DATA_INDICATION* list;
  WSK_DATA_INDICATION made;  // an indication of the interposer's own
  WSK_DATAGRAM_INDICATION made_datagram;
  PSOCKADDR asked_address;  // of the last WskReceiveFrom
  PULONG asked_flags;
  PVOID* accepting_context;  // while it is being accepted by event: what the client has said so far
  const WSK_CLIENT_CONNECTION_DISPATCH** accepting_dispatch;
  PVOID* published_context;  // and where the provider looks for it
  const WSK_CLIENT_CONNECTION_DISPATCH** published_dispatch;
  KEVENT done;
  WORK_QUEUE_ITEM work;
  void (*later)(Socket* socket);
  volatile LONG later_queued;
};

// One call of the client on its way to the provider. For kSocket and kSocketConnect the arguments behind
// `creation`.
struct Creation {
  PWSK_CLIENT client;
  ADDRESS_FAMILY family;
  USHORT type;
  ULONG protocol;
  PSOCKADDR local, remote;
  ULONG flags;
  PVOID context;  // this and the next: what the provider gets
  const VOID* dispatch;
  PEPROCESS process;
  PETHREAD thread;
  PSECURITY_DESCRIPTOR security;
};
struct Control {
  WSK_CONTROL_SOCKET_TYPE type;
  ULONG code, level;
  SIZE_T input_size;
  PVOID input;
  SIZE_T output_size;
  PVOID output;
  SIZE_T* returned;
};
struct Accepting {
  Socket* made;   // null: there is no place for one, it goes past the interposer
  PVOID context;  // this and the next: what the provider gets
  const WSK_CLIENT_CONNECTION_DISPATCH* dispatch;
  PSOCKADDR local, remote;
};
struct Request {
  Socket* socket;
  Function function;
  UCHAR tag;    // of the saboteur; comes back in Completion
  ULONG flags;  // of the call
  // kEnable, kDisable: which of WSK's events, without WSK_EVENT_DISABLE; 0 if there are others among them.
  // `mask` on a socket that is used for a connection, `events` on any. `ping`: the extension's mask.
  ULONG mask;
  ULONG events;
  ULONG ping;
  PWSK_BUF buffer;
  PWSK_BUF_LIST buffers;  // kSendMessages
  PSOCKADDR address;
  PWSK_INSPECT_ID inspect;  // kInspectComplete
  WSK_INSPECT_ACTION action;
  PULONG control_length;  // kReceiveEx, kReceiveFrom
  ULONG control_info_length;
  PCMSGHDR control_info;
  PULONG control_flags;
  const Control* control;
  const Creation* creation;
  const Accepting* accepting;
  PIRP irp;
};

// A call of WskControlClient.
struct ClientRequest {
  Client* client;
  ULONG code;
  SIZE_T input_size;
  PVOID input;
  SIZE_T output_size;
  PVOID output;
  SIZE_T* returned;
  PIRP irp;
};

// An IRP on its way up. The saboteur may change irp->IoStatus.
struct Completion {
  Socket* socket;
  Function function;
  UCHAR tag;
  ULONG flags;        // of the call
  bool after_return;  // PassHeld only: the function had returned before
  PWSK_BUF buffer;    // of those that have one
  Socket* made;       // kAccept: the accepted socket
  PIRP irp;
};

struct ReceiveCall {
  Socket* socket;
  ULONG flags;
  PWSK_DATA_INDICATION list;
  SIZE_T bytes;
  SIZE_T* accepted;
};
struct AcceptCall {
  Socket* socket;
  ULONG flags;
  PSOCKADDR local, remote;
  Socket* made;          // the accepted socket; null if the provider gave none, or there is no place for it
  PWSK_SOCKET accepted;  // what the client gets
  PVOID context;         // from here on what the client gives back
  const WSK_CLIENT_CONNECTION_DISPATCH* dispatch;
};
struct InspectCall {
  Socket* socket;
  PSOCKADDR local, remote;
  PWSK_INSPECT_ID id;
};
struct ReceiveFromCall {
  Socket* socket;
  ULONG flags;
  PWSK_DATAGRAM_INDICATION list;
};

// A saboteur. Hooks that are null leave the provider honest there.
struct Saboteur {
  SaboteurInfo info;
  // In place of Pass(request).
  NTSTATUS (*request)(Request* request) = nullptr;
  // STATUS_SUCCESS: the IRP goes on to the client. STATUS_MORE_PROCESSING_REQUIRED: the saboteur keeps it (or
  // has completed it).
  NTSTATUS (*completing)(Completion* completion) = nullptr;
  // In place of PassClient.
  NTSTATUS (*control_client)(ClientRequest* request) = nullptr;
  // In place of PassRelease. `list`: of data or of datagrams, as the socket's category has it; null if the
  // client gave none.
  NTSTATUS (*release)(Socket* socket, PVOID list) = nullptr;
  // In place of CallReceive and so on. CallAccept must be called exactly once.
  NTSTATUS (*receive)(ReceiveCall* call) = nullptr;
  NTSTATUS (*disconnect)(Socket* socket, ULONG flags) = nullptr;
  NTSTATUS (*backlog)(Socket* socket, SIZE_T ideal) = nullptr;
  NTSTATUS (*accept)(AcceptCall* call) = nullptr;
  WSK_INSPECT_ACTION (*inspect)(const InspectCall* call) = nullptr;
  NTSTATUS (*abort)(Socket* socket, PWSK_INSPECT_ID id) = nullptr;
  NTSTATUS (*receive_from)(ReceiveFromCall* call) = nullptr;
  NTSTATUS (*ping)(Socket* socket, ULONG value) = nullptr;
  // In place of PassCapture and PassDeregister.
  NTSTATUS (*capture)(Client* client, ULONG timeout, PWSK_PROVIDER_NPI npi) = nullptr;
  void (*deregister)(Client* client) = nullptr;
};

struct Topic {
  const Saboteur* saboteurs;
  ULONG count;
};

// ---- Ways to treat a request

// The honest way: down to the provider, with its completion routine's way back through the interposer.
NTSTATUS Pass(Request* request);
// The same, but if the IRP (required) completes before the function returns, then it stays here: *held.
// Whoever called completes it with IoCompleteRequest.
NTSTATUS PassHeld(Request* request, bool* held);
// Passes requests of `function` so that a completing hook knows which of them were queued
// (Completion::after_return).
NTSTATUS PassWatched(Request* request, Function function);
// Whether a queued request of `function` brings bytes that its event could have told.
bool BringsWhatTheEventTells(const Completion& completion, Function function, EventIndex event);
// From a completing hook: hands a kReceive back to the provider, as if it had never completed.
void PassAgain(Completion* completion);
// The same for a kAccept of PassHeld that brought a socket, which the saboteur keeps: the next one has this
// context and table of the client's.
void AcceptAgain(Completion* completion, PVOID context, const WSK_CLIENT_CONNECTION_DISPATCH* dispatch);
// Calls the provider with this IRP or none, with no way back; the client's IRP is not touched.
NTSTATUS Forward(const Request& request, PIRP irp);
// Calls the provider with an IRP of the interposer's own and forgets it. False: no memory; nothing was
// called.
bool ForwardAlone(const Request& request);
// Completes the client's IRP, if there is one, with `irp_status`; returns `status`.
NTSTATUS Answer(Request* request, NTSTATUS status, NTSTATUS irp_status);
// Marks the client's IRP pending and takes it out of the request; the caller completes it some time, or
// never.
PIRP Keep(Request* request);
// Completes an IRP that Keep returned.
void CompleteKept(PVOID irp, NTSTATUS status);

// The honest way for a call of WskControlClient.
NTSTATUS PassClient(ClientRequest* request);
// The honest way for a call of WskRelease.
NTSTATUS PassRelease(Socket* socket, PVOID list);
// The honest ways for WskCaptureProviderNPI and WskDeregister.
NTSTATUS PassCapture(Client* client, ULONG timeout, PWSK_PROVIDER_NPI npi);
void PassDeregister(Client* client);
// Enables or disables on the provider, behind the client's back.
NTSTATUS SetEvents(Socket* socket, ULONG mask);
// The provider says that the socket no longer functions.
bool Broken(Socket* socket);
// The inspect id of the request that an accepted socket comes from. False: it was not inspected.
bool IdOf(Socket* made, WSK_INSPECT_ID* id);
// Calls routine(socket) on a system thread at PASSIVE_LEVEL. False: the socket has such a call waiting
// already.
bool Later(Socket* socket, void (*routine)(Socket* socket));

// ---- Calls of the client

NTSTATUS CallReceive(const ReceiveCall& call);
NTSTATUS CallDisconnect(Socket* socket, ULONG flags);
NTSTATUS CallBacklog(Socket* socket, SIZE_T ideal);
NTSTATUS CallAccept(AcceptCall* call);
WSK_INSPECT_ACTION CallInspect(const InspectCall& call);
NTSTATUS CallAbort(Socket* socket, PWSK_INSPECT_ID id);
NTSTATUS CallReceiveFrom(const ReceiveFromCall& call);
NTSTATUS CallPing(Socket* socket, ULONG value);

// For hooks: the same, except that events whose flags are in the socket's mark do not reach the client. What
// was to be indicated stays with the provider, if it can.
NTSTATUS UnlessMutedReceive(ReceiveCall* call);
NTSTATUS UnlessMutedDisconnect(Socket* socket, ULONG flags);
NTSTATUS UnlessMutedBacklog(Socket* socket, SIZE_T ideal);

// ---- Questions

// An enable of events of connections, on a socket used for one.
bool IsEnable(const Request& request);
// An enable, on any socket, that names all of these events among others.
inline bool IsEnableOf(const Request& request, ULONG events) {
  return request.function == Function::kEnable && events != 0 && (request.events & events) == events;
}
// A disable of exactly this event, on any socket.
inline bool IsDisableOf(const Request& request, EventIndex event) {
  return request.function == Function::kDisable && request.events != 0 && request.events == kEventBits[event];
}
// A disable of exactly one of the events of connections, on a socket used for one.
bool IsDisable(const Request& request, EventIndex* event);
inline bool IsDisable(const Request& request) {
  EventIndex event;
  return IsDisable(request, &event);
}
// A call of that event, or of any, is inside the client.
inline bool Running(const Socket* socket, EventIndex event) { return socket->running[event] != 0; }
bool Running(const Socket* socket);
// The caller itself runs inside a call of that event, or of any.
inline bool Inside(const Socket* socket, EventIndex event) {
  return Running(socket, event) && socket->runner[event] == KeGetCurrentThread();
}
bool Inside(const Socket* socket);
// The event runs for another socket.
bool RunningElsewhere(const Socket* socket, EventIndex event);
// Nothing runs on any socket, and nothing on this one is suspended or retained.
bool Idle(const Socket* socket);
// The client gave a function for the event.
bool Has(const Socket* socket, EventIndex event);
inline bool Enabled(const Socket* socket, EventIndex event) {
  return ((static_cast<ULONG>(socket->enabled) | socket->owner->static_events) & kEventBits[event]) != 0;
}

// The client has enabled the event and counts on it for that reason alone: not because of a request with
// several events, a disable of something else, or a WskReceive after a refusal. A missing indication then
// breaks no rule but the plainest.
bool CountsOn(const Socket* socket, EventIndex event);
// The same of an event that is enabled statically.
bool CountsOnStatic(const Socket* socket, EventIndex event);
inline bool IsStatic(const Socket* socket, EventIndex event) {
  return (socket->owner->static_events & kEventBits[event]) != 0;
}

// The other sockets, for those that confuse them: calls visit(socket, argument) for each that is open.
void ForEachOther(const Socket* socket, void (*visit)(Socket* other, ULONG argument), ULONG argument);
// Sockets of the client that it has not closed.
ULONG OpenSockets(const Client* client);
// Every open socket, of any category.
void ForEachOpen(void (*visit)(Socket* socket, PVOID argument), PVOID argument);
// The same as ForEachOther for the sockets that this listener accepted.
void ForEachAccepted(const Socket* listener, void (*visit)(Socket* other, ULONG argument), ULONG argument);

// ---- Among the interposer's own files

inline constexpr ULONG kClients = 64;
inline constexpr ULONG kSockets = 2048;

// Everything that a run changes. Interpose empties it.
struct State {
  const WSK_EXPORTS* real;
  const Saboteur* saboteur;
  const WSK_PROVIDER_DISPATCH* dispatch;  // the provider's, as captured last
  volatile LONG clients_used, sockets_used;
  volatile LONG disables;  // requests so far, on any socket
  Client clients[kClients];
  Socket sockets[kSockets];
};
extern State state;

// interposer_requests.cc
// A socket of the interposer's that the provider has not got yet. Null: no place for one.
Socket* NewSocket(Client* owner, Function created, ULONG category, PVOID context);
NTSTATUS Run(Request* request);
// interposer_tables.cc: gives the client this socket in the place of the provider's.
void Adopt(Socket* socket, WSK_SOCKET* real);
// The same for the emulator's extension interface.
void AdoptExtension(Socket* socket, WSK_EXTENSION_CONTROL_OUT* out);
// interposer_callbacks.cc: what the provider shall call in place of the client's functions; null if it gave
// none. `dispatch` is of the kind that goes with the category.
const VOID* WrapCallbacks(Socket* socket, const VOID* dispatch);
const VOID* PingCallbacks();
// Tells the provider what the client has said so far about a socket that it is accepting.
void PublishAccepted(Socket* made);

// ---- For table.cc

const WSK_EXPORTS* Interpose(const WSK_EXPORTS* real, const Saboteur* saboteur);

extern const Topic kStaticTopic, kCategoryTopic, kInheritTopic, kListenTopic, kDatagramTopic, kExtensionTopic,
    kDisableOthersTopic, kReceiveRequestTopic, kDatagramNodeTopic, kSilentTopic;
extern const Topic kAcceptTopic, kInspectTopic, kRegistrationTopic;
extern const Topic kEnableTopic, kDisableTopic, kInProgressTopic, kIrpTopic, kReceiveTopic, kDisconnectTopic,
    kCloseTopic, kCallbackTopic, kRunTopic;

}  // namespace wskcert::saboteurs

#endif  // WSKCERT_CONFORMANCE_SABOTEURS_INTERPOSER_H_
