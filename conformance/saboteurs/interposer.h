// The interposer: stands between a WSK client and a provider, as a filter driver stands in a device's stack,
// and lets a saboteur step in at each call, each completion and each callback. Internal to
// conformance/saboteurs.
//
// Wrapped are registration, client and connection-oriented sockets; sockets of other categories go past it
// unseen. An IRP on its way down gets the interposer's stack location, where it remembers what the IRP was
// for; so a request needs no memory. Sockets and clients come from arrays and are not used twice in a run: a
// saboteur may touch one after its close.
//
// Kernel C++, IRQL <= DISPATCH_LEVEL unless said otherwise. No locks: what is shared are counters and
// pointers that are exchanged.
#ifndef WSKCERT_CONFORMANCE_SABOTEURS_INTERPOSER_H_
#define WSKCERT_CONFORMANCE_SABOTEURS_INTERPOSER_H_

// clang-format off
#include <wdm.h>
#include <wsk.h>
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
  kEnable,   // SO_WSK_EVENT_CALLBACK, set, without WSK_EVENT_DISABLE
  kDisable,  // SO_WSK_EVENT_CALLBACK, set, with it
  kControl,  // any other control operation
  kGetLocalAddress,
  kGetRemoteAddress,
  kSend,
  kSendEx,
  kReceive,
  kReceiveEx,
  kDisconnect,
  kClose,
};

enum EventIndex : UCHAR { kReceiveEvent, kDisconnectEvent, kBacklogEvent, kEventCount };
inline constexpr ULONG kEventBits[kEventCount] = {WSK_EVENT_RECEIVE, WSK_EVENT_DISCONNECT,
                                                  WSK_EVENT_SEND_BACKLOG};
inline constexpr ULONG kAllEvents = WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT | WSK_EVENT_SEND_BACKLOG;

// A registered client, and what it gets in place of the provider's NPI.
struct Client {
  PWSK_REGISTRATION registration;  // null: no longer registered
  WSK_CLIENT_NPI npi;              // the client's own
  WSK_CLIENT_DISPATCH ours;
  WSK_PROVIDER_NPI real;
  WSK_PROVIDER_DISPATCH dispatch;
  ULONG static_events;
};

inline constexpr ULONG kQueuedReceives = 8;

// A connection-oriented socket.
struct Socket {
  WSK_SOCKET wsk;    // first: what the client holds
  WSK_SOCKET* real;  // null until it was created
  Client* owner;
  PVOID context;                                 // the client's
  const WSK_CLIENT_CONNECTION_DISPATCH* client;  // the client's, or null
  WSK_CLIENT_CONNECTION_DISPATCH ours;
  WSK_PROVIDER_CONNECTION_DISPATCH table;

  // What an observer at this place can know; kept for every saboteur.
  volatile LONG enabled;               // events, as the client must believe
  volatile LONG running[kEventCount];  // calls inside the client
  PKTHREAD volatile runner[kEventCount];
  volatile LONG suspended;              // the receive event, until a WskReceive
  volatile LONG refusals;               // how often the client did so
  volatile LONG receives;               // calls of WskReceive
  volatile LONG receives_outstanding;   // of which the IRP has not completed
  volatile LONG retained;               // lists
  volatile LONG alone;                  // events that a request of their own enabled last
  volatile LONG disables[kEventCount];  // State::disables at that time
  volatile LONG connected;
  volatile LONG closing;

  // For the saboteur.
  PVOID volatile kept[kEventCount];  // IRPs to be completed with success when the running calls have returned
  PVOID volatile queued[kQueuedReceives];
  volatile LONG mark;
  volatile LONG64 left;  // bytes
  ULONG flags;
  WSK_DATA_INDICATION* list;
  WSK_DATA_INDICATION made;  // an indication of the interposer's own
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
struct Request {
  Socket* socket;
  Function function;
  UCHAR tag;    // of the saboteur; comes back in Completion
  ULONG flags;  // of the call
  ULONG mask;   // kEnable, kDisable: without WSK_EVENT_DISABLE
  PWSK_BUF buffer;
  PSOCKADDR address;
  PULONG control_length;  // kReceiveEx
  ULONG control_info_length;
  PCMSGHDR control_info;
  PULONG control_flags;
  const Control* control;
  const Creation* creation;
  PIRP irp;
};

// An IRP on its way up. The saboteur may change irp->IoStatus.
struct Completion {
  Socket* socket;
  Function function;
  UCHAR tag;
  ULONG flags;        // of the call
  bool after_return;  // PassHeld only: the function had returned before
  PWSK_BUF buffer;
  PIRP irp;
};

struct ReceiveCall {
  Socket* socket;
  ULONG flags;
  PWSK_DATA_INDICATION list;
  SIZE_T bytes;
  SIZE_T* accepted;
};

// A saboteur. Hooks that are null leave the provider honest there.
struct Saboteur {
  SaboteurInfo info;
  // In place of Pass(request).
  NTSTATUS (*request)(Request* request) = nullptr;
  // STATUS_SUCCESS: the IRP goes on to the client. STATUS_MORE_PROCESSING_REQUIRED: the saboteur keeps it (or
  // has completed it).
  NTSTATUS (*completing)(Completion* completion) = nullptr;
  // In place of CallReceive, CallDisconnect, CallBacklog.
  NTSTATUS (*receive)(ReceiveCall* call) = nullptr;
  NTSTATUS (*disconnect)(Socket* socket, ULONG flags) = nullptr;
  NTSTATUS (*backlog)(Socket* socket, SIZE_T ideal) = nullptr;
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
// From a completing hook: hands a kReceive back to the provider, as if it had never completed.
void PassAgain(Completion* completion);
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

// Enables or disables on the provider, behind the client's back.
NTSTATUS SetEvents(Socket* socket, ULONG mask);
// The provider says that the socket no longer functions.
bool Broken(Socket* socket);
// Calls routine(socket) on a system thread at PASSIVE_LEVEL. False: the socket has such a call waiting
// already.
bool Later(Socket* socket, void (*routine)(Socket* socket));

// ---- Calls of the client

NTSTATUS CallReceive(const ReceiveCall& call);
NTSTATUS CallDisconnect(Socket* socket, ULONG flags);
NTSTATUS CallBacklog(Socket* socket, SIZE_T ideal);

// ---- Questions

// An enable of WSK's events, any of them.
bool IsEnable(const Request& request);
// A disable of exactly one of WSK's events.
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

// The other sockets, for those that confuse them: calls visit(socket, argument) for each that is open.
void ForEachOther(const Socket* socket, void (*visit)(Socket* other, ULONG argument), ULONG argument);

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
Socket* NewSocket(Client* owner, PVOID context, const WSK_CLIENT_CONNECTION_DISPATCH* client);
NTSTATUS Run(Request* request);
// interposer_callbacks.cc
void WrapCallbacks(Socket* socket);

// ---- For table.cc

const WSK_EXPORTS* Interpose(const WSK_EXPORTS* real, const Saboteur* saboteur);

extern const Topic kEnableTopic, kDisableTopic, kInProgressTopic, kIrpTopic, kReceiveTopic, kDisconnectTopic,
    kCloseTopic, kCallbackTopic, kRunTopic;

}  // namespace wskcert::saboteurs

#endif  // WSKCERT_CONFORMANCE_SABOTEURS_INTERPOSER_H_
