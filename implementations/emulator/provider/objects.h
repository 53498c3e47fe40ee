// The WSK provider's objects: clients, sockets with their parts, requests, and the lock of a socket.
// provider.h has the functions, and says what holds for all of it.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_OBJECTS_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_OBJECTS_H_

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

// A flag that is written and read with and without the lock; each access is atomic.
class Flag {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): it stands for the plain type.
  operator bool() const { return ReadBooleanAcquire(&value_) != FALSE; }
  // NOLINTNEXTLINE(misc-unconventional-assign-operator): as above.
  void operator=(bool value) { WriteBooleanRelease(&value_, value ? TRUE : FALSE); }

 private:
  BOOLEAN value_;
};

// The same for a mask, of which all bits are replaced at once.
class Mask {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): it stands for the plain type.
  operator ULONG() const { return static_cast<ULONG>(ReadAcquire(&value_)); }
  // NOLINTNEXTLINE(misc-unconventional-assign-operator): as above.
  void operator=(ULONG value) { WriteRelease(&value_, static_cast<LONG>(value)); }

 private:
  LONG value_;
};

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
  Mask static_events;
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
  Flag connecting;
  Flag starting_connect;  // the transport is being asked, and the IRP can be cancelled already
  Flag connect_given_up;  // ... and was: who asks the transport ends it again
  Flag broken;            // no longer functional
  BOOLEAN bound, connected;
  BOOLEAN send_closed;        // we disconnected gracefully
  BOOLEAN aborted;            // we disconnected abortively
  BOOLEAN peer_closed;        // the peer disconnected gracefully
  BOOLEAN peer_reset;         // the peer disconnected abortively
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

}  // namespace wskcert::provider

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_OBJECTS_H_
