// The functions that the WSK provider's files share; objects.h has its objects. Kernel C++: IRQL <=
// DISPATCH_LEVEL throughout unless said otherwise; no lock is held across a call out. All state lies in one
// object that ProviderReset empties.
//
// Memory. Registrations and sockets come from reserved arrays. A request needs no memory of its own: what a
// pended IRP has to remember fits into the IRP's stack location, its driver words and its list entry.
//
// References. A socket counts the client's handle, each IRP it holds, each callback in progress, each call in
// progress, each queued work item and its endpoint. When the count falls to zero, and only then, a close
// completes: so its completion means that nothing of the socket is left.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_PROVIDER_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_PROVIDER_H_

#include "implementations/emulator/provider/objects.h"

namespace wskcert::provider {

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

// ---- socket.cc: sockets are made, counted and called

// Whether WskSocket's parameters name a category, and a protocol that fits it, over an address family that
// there is.
NTSTATUS CheckKind(ADDRESS_FAMILY family, USHORT type, ULONG protocol, ULONG flags);
// `dispatch` is the client's table for the category.
Socket* MakeSocket(Registration* client, UCHAR category, ADDRESS_FAMILY family, PVOID context,
                   const VOID* dispatch, NTSTATUS* status);
// A socket for a connection that comes in on a listening socket, not known to the client yet.
Socket* MakeRequest(Socket* listener, transport::Endpoint* connection);
// Undoes it, before anybody else knows the socket.
void UnmakeRequest(Socket* request);
// The place of a socket of which nothing is left can be used again.
void FreeSocket(Socket* socket);
void Reference(Socket* socket);
// The socket behind the client's pointer; bug checks if it is none, or closed.
Socket* CheckSocket(PWSK_SOCKET socket, const char* page);

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

// ---- close.cc: the end of a socket

// Gives up a reference; with the last one, nothing of the socket is left.
void Release(Socket* socket);
// Starts the end of a socket: cancels what pends, closes the endpoint, gives up the client's handle.
// `at_once`: does itself what would wait for a worker, if it can.
void CloseSocket(Socket* socket, bool at_once = false);
// Ends all requests of a socket with `status`, except the close.
void EndRequests(Socket* socket, NTSTATUS status, bool with_disables);
// Ends the sends: takes them back from the transport.
void EndSends(Socket* socket, NTSTATUS status);
// Ends a connection that a cancelled WskConnectEx had made. With no lock; the caller holds a reference.
void AbortConnection(Socket* socket);

// ---- events.cc

// Where something became possible.
enum class Place : UCHAR { kClientCall, kTransport, kWorker };
// Goes on with whatever the socket can do now: fills receives, calls back.
void Advance(Socket* socket, Place place);
// With the lock: whether an event is enabled as far as other threads can know. WskAcceptEvent may have
// returned although its caller has not come to enabling what the accepted socket inherits.
inline bool SeemsEnabled(const Socket* socket, UCHAR event) {
  const Event& it = socket->events[event];
  return it.enabled || (it.inherits && socket->request.accepting != PsGetCurrentThreadId());
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
// Takes a send back from the transport, of whatever kind the socket is; false: it is still to be told as
// sent. Called with the lock and returns with it, without having it meanwhile: the request is held for that
// time.
bool TakeBackSend(SocketLock* lock, Socket* socket, PIRP irp);
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
// What ProviderReset() sets back, as a number.
ULONGLONG ProviderDigest();
void ProviderSetReady(bool ready);
void ProviderTransportsChanged();
// For messages: "socket", "client" or "object", and its number.
const char* ObjectKind(const VOID* object);
LONGLONG ObjectNumber(const VOID* object);

}  // namespace wskcert::provider

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_PROVIDER_H_
