// The executor's own state: slots for everything a program names. Internal to conformance/executor.
//
// Slots are filled at most once and never recycled while the session lives, so a late callback or completion
// always finds memory that is still what it was; only IRPs are reused, after their completion, as clients do.
//
// Threads of the client, callbacks and completions touch slots at the same time. A slot's `state` says who
// may touch the rest: it is changed with interlocked operations and read with ReadAcquire.
#ifndef WSKCERT_CONFORMANCE_EXECUTOR_SESSION_H_
#define WSKCERT_CONFORMANCE_EXECUTOR_SESSION_H_

// clang-format off
#include <wdm.h>
#include <wsk.h>
#include <wsk_emulator_extension.h>
#include <wsk_exports.h>
// clang-format on

#include "conformance/executor/executor.h"
#include "conformance/executor/shared.h"

namespace wskcert {

inline constexpr uint32_t kTrackedThreads = 256;
inline constexpr uint32_t kMaxNesting = 6;
inline constexpr uint32_t kSpareStack = 8192;  // left for the provider below a nested call
inline constexpr uint32_t kIrpStackLocations = 4;
inline constexpr uint32_t kArenaLimit = 8u << 20;

enum SocketState : LONG {
  kSocketEmpty,
  kSocketCreating,
  kSocketOpen,
  kSocketClosing,
  kSocketClosed,
  kSocketFailed
};
enum IrpState : LONG {
  kIrpFree,
  kIrpOwned,  // by the provider
  kIrpCompleted,
  kIrpPreparing,  // a client thread is about to pass it
  kIrpCompleting  // its completion routine is at work
};
// Of slots that a callback fills.
enum SlotState : LONG { kSlotEmpty, kSlotFull, kSlotReleased, kSlotFilling };

// kLeft: WskDeregister was called. The block is kept, so that it can still be named to the provider.
enum RegistrationState : LONG { kNeverRegistered, kRegistered, kLeft };

struct ClientSlot {
  WSK_CLIENT_DISPATCH dispatch;
  WSK_REGISTRATION registration;
  WSK_PROVIDER_NPI npi;
  volatile LONG state;      // RegistrationState
  volatile LONG captured;   // captures that were not released
  volatile LONG npi_state;  // 0: none, 1: being written, 2: npi can be read
  volatile LONG inside;     // calls of registration functions that have not returned
};

struct SocketSlot {
  Session* session;
  Loose<WSK_SOCKET*> socket;
  volatile LONG state;       // SocketState
  volatile LONG references;  // calls to the socket's functions that have not returned
  volatile LONG retained;    // lists of it that the client holds
  uint16_t index;
  Loose<uint16_t> peer;   // connected or connecting to, or kNoSlot
  uint16_t first_script;  // of the scripts of this socket, linked through Session::next_script
  uint8_t client;
  uint8_t category;          // Category
  Loose<uint64_t> sent;      // bytes given to WskSend, WskConnectEx and WskDisconnect
  Loose<uint64_t> received;  // where the next byte of its stream is expected
  Loose<uint16_t> listener;  // that it was accepted on
  volatile LONG calls[kEventCount];
  union {
    WSK_CLIENT_DATAGRAM_DISPATCH datagram;
    struct {
      WSK_CLIENT_CONNECTION_DISPATCH connection;
      WSK_CLIENT_LISTEN_DISPATCH listen;
      WSK_CLIENT_STREAM_DISPATCH stream;
    } parts;
  } dispatch;
  WSK_EXTENSION_CONTROL_OUT extension;  // of the emulator's extension interface, once registered
};

struct PeerSlot {
  Loose<uint16_t> socket;             // the socket slot bound to it, or kNoSlot
  Loose<uint8_t> generation;          // of its connections
  volatile LONG busy;                 // it has a connection, or tries to have one
  volatile LONG sending;              // threads that have it send: bytes travel in the order of their numbers
  Loose<uint64_t> sent;               // bytes it sent on this connection
  Loose<uint64_t> received;           // bytes it saw on this connection
  Loose<uint64_t> datagrams_sent;     // bytes of the datagrams it sent
  Loose<uint64_t> datagrams_to_it;    // bytes of the datagrams sent to it
  Loose<uint64_t> datagrams_seen;     // where the next datagram from it is expected
  Loose<uint64_t> datagrams_arrived;  // where the next datagram to it is expected
};

struct InspectSlot {
  WSK_INSPECT_ID id;
  volatile LONG state;  // SlotState
};

// An inspect id that a listening socket was given. Ids are numbered as they are met, for their members may be
// anything.
struct SeenId {
  WSK_INSPECT_ID id;
  uint16_t socket;
  volatile LONG slot;   // the inspect slot that it filled last, or kNoSlot
  volatile LONG state;  // SlotState
};

// An MDL over at most kMaxTransferBytes needs this many page numbers behind it.
inline constexpr uint32_t kMdlPages = kMaxTransferBytes / 4096 + 1;

struct IrpSlot {
  Session* session;
  Loose<IRP*> irp;
  volatile LONG state;    // IrpState
  volatile LONG cancels;  // IoCancelIrp calls that have not returned: it must not be reused meanwhile
  volatile LONG completions;
  uint16_t index;
  uint16_t op;  // of the call that passed it last
  uint16_t socket;
  uint16_t target;
  uint32_t begin;  // stamp of that call
  uint32_t step;
  uint8_t style;  // IrpStyle
  uint8_t teardown;
  uint8_t above_seen;  // kPassedDown: the driver above saw the completion
  uint8_t endless;     // completes with the registration at the latest, so nobody waits for it
  uint8_t* bytes;
  uint32_t length;
  WSK_BUF buffer;
  WSK_EVENT_CALLBACK_CONTROL control;
  union {
    ULONG value;
    WSK_INSPECT_ID inspect_id;
    WSK_EXTENSION_CONTROL_IN extension_in;
    uint8_t address[2][32];  // remote, local
  } data;
  ULONG control_flags;
  ULONG control_length;
  union {
    MDL mdl;
    uint8_t storage[sizeof(MDL) + kMdlPages * sizeof(PFN_NUMBER)];
  } memory;
};

// A call that is held occupies a thread of the provider's, or of the system's. If all were taken, what the
// provider has to do would wait for them, and silence would not mean that it has done it.
inline constexpr LONG kMaxHeldCalls = 32;

struct HoldSlot {
  KEVENT released;
  volatile LONG entered;
};

struct RetainedSlot {
  void* list;           // of WSK_DATA_INDICATION; on a datagram socket of WSK_DATAGRAM_INDICATION
  volatile LONG state;  // SlotState
  uint16_t socket;
  uint32_t begin;  // stamp of the callback that retained it
  uint32_t length;
  uint64_t offset;
  uint8_t content;
};

class Session {
 public:
  // The program's parts.
  const ProgramHeader* header;
  const ProgramThread* threads;
  const ProgramScript* scripts;
  const ProgramStep* steps;

  Environment environment;
  const WSK_EXPORTS* exports;

  Observation* log;
  uint32_t log_capacity;
  volatile LONG log_next;
  volatile LONG outstanding;  // IRPs that the provider owns
  volatile LONG inside;       // callbacks and completion routines that have not returned

  // Innermost begin on each thread's stack, by ThreadNumber, and how deep.
  uint32_t innermost[kTrackedThreads];
  uint8_t depth[kTrackedThreads];

  ClientSlot clients[kMaxClients];
  uint8_t* arena;
  uint32_t arena_size;
  volatile LONG arena_used;

  SocketSlot* sockets;
  IrpSlot* irps;  // header->irps of them for the steps, then one a socket for the tear-down's closes
  PeerSlot* peers;
  HoldSlot* holds;
  volatile LONG held;  // calls that are kept in progress; at most kMaxHeldCalls
  RetainedSlot* retained;
  InspectSlot* inspects;
  SeenId* ids;
  volatile LONG ids_taken;
  uint16_t* next_script;  // a script's successor for the same socket
  uint16_t first_completion_script;

  uint32_t IrpCount() const { return header->irps + header->sockets; }
  // Peers ask to connect once or a few times; ids beyond that have no number.
  uint32_t IdCapacity() const { return 16 + 4u * header->peers; }
};

// observe.cc
// ---------------------------------------------------------------------------------------------------------

// A new observation, stamped; null if the log is full. Fill it, then Publish it.
Observation* Reserve(Session* session, Seen kind, uint32_t* stamp);
void Publish(Observation* observation);

// Makes `stamp` the innermost begin of the calling thread while it lives.
class Nested {
 public:
  Nested(Session* session, uint32_t stamp);
  ~Nested();
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

 private:
  Session* session_;
  uint32_t thread_;
  uint32_t outer_;
};
// True if the calling thread may nest one call more.
bool MayNest(Session* session);

void Skip(Session* session, const ProgramStep* step, uint32_t step_index, SkipReason reason);
void Fault(Session* session, FaultKind kind, uint16_t socket, uint16_t irp, uint32_t begin, Status status);

// content.cc
// ---------------------------------------------------------------------------------------------------------

struct Decoded {
  Content content;
  uint16_t peer;  // kForeign: whose stream
  uint64_t offset;
};
// Finds out which bytes these are, that a socket received (or, `peer_side`, that the peer of `socket` saw).
Decoded Decode(const Session* session, const SocketSlot* socket, const uint8_t* bytes, uint32_t length);
Decoded DecodePeer(const Session* session, uint32_t peer, const uint8_t* bytes, uint32_t length);
// How many bytes at the beginning are those that the socket is to receive next.
uint32_t LeadingBytes(const Session* session, const SocketSlot* socket, const uint8_t* bytes,
                      uint32_t length);
// The same as Decode for one datagram, from or to this peer; any number if it is none's.
Decoded DecodeDatagram(const Session* session, uint32_t peer, bool to_peer, const uint8_t* bytes,
                       uint32_t length);

// The client has got the first `bytes` of these. Where the stream is expected to go on does not move back: a
// callback may have been told of what is behind the bytes of a request before that was seen to complete.
inline void Received(SocketSlot* socket, const Decoded& decoded, uint64_t bytes) {
  const uint64_t end = decoded.offset + bytes;
  if (decoded.content == Content::kExact && bytes != 0 && end > socket->received) socket->received = end;
}
// What an indication chain holds. False: it cannot be walked (a node without a readable buffer, or no end in
// sight).
struct Indication {
  uint64_t bytes;
  uint32_t nodes;
  Decoded decoded;  // of the whole, if it is one run
  bool one_run;
};
bool ReadIndication(const Session* session, const SocketSlot* socket, const WSK_DATA_INDICATION* list,
                    Indication* out);
// Publishes a kCallbackNode for each datagram; false: the chain cannot be walked.
bool RecordDatagrams(Session* session, const SocketSlot* socket, const WSK_DATAGRAM_INDICATION* list,
                     uint32_t begin);
// What a list of datagrams holds: bytes of all, the place of the first that has any, and `one_run` if every
// one is exact. False: no end in sight.
bool ReadDatagrams(const Session* session, const WSK_DATAGRAM_INDICATION* list, Indication* out);
// Publishes a kCallbackNode for each node.
void RecordNodes(Session* session, const SocketSlot* socket, const WSK_DATA_INDICATION* list, uint32_t begin);

// irps.cc
// ------------------------------------------------------------------------------------------------------------

// Makes the slot's IRP ready for a call: allocates or reuses it. The slot is the caller's then
// (kIrpPreparing). False: it is in use, or there is no memory.
bool PrepareIrp(Session* session, IrpSlot* slot, IrpStyle style);
// The bytes and the WSK_BUF of a transfer. False: no room in the arena.
bool PrepareBuffer(Session* session, IrpSlot* slot, uint32_t length);
uint8_t* ArenaBytes(Session* session, uint32_t length);
void FreeIrps(Session* session);

// steps.cc, calls.cc
// -------------------------------------------------------------------------------------------------

void RunSteps(Session* session, uint32_t first, uint32_t count, bool inside_callback);
void RunStep(Session* session, const ProgramStep* step, uint32_t step_index, bool inside_callback);
// Where real threads may meet, a moment's delay.
inline void Dally(const Session* session, Edge edge) {
  if (session->environment.Dally != nullptr) session->environment.Dally(session->environment.context, edge);
}
// Takes `peer` for the socket: a new connection, whose streams begin at 0. False: it has one.
bool TakePeer(Session* session, uint16_t peer, SocketSlot* socket);
// The socket was accepted from this peer (any number: one that nobody has is ignored).
void BindAccepted(Session* session, SocketSlot* socket, uint32_t peer);
// The connection is over, or never was.
void FreePeer(Session* session, uint16_t peer);
// The SOCKADDR under which peers reach a bound socket of this slot: the wildcard address and a port of the
// slot's own.
void LocalAddressOf(const Session* session, uint16_t socket, uint8_t* address);
const NPIID* NpiPointer(uint8_t npi);
// A stimulus that happens without the environment's doing.
void RecordStimulus(Session* session, Op op, uint16_t irp, uint32_t step_index, uint32_t length);
void RunStimulus(Session* session, const ProgramStep* step, uint32_t step_index);
void RunClientCall(Session* session, const ProgramStep* step, uint32_t step_index);
void RunSocketCall(Session* session, const ProgramStep* step, uint32_t step_index);
void SettleAndRecord(Session* session, uint32_t step_index);

// A call to the provider between its two stamps.
struct Call {
  Session* session;
  const ProgramStep* step;
  SocketSlot* socket;  // null for client calls
  IrpSlot* irp;        // null: no IRP is passed
  uint32_t step_index;
  uint32_t begin;
  uint32_t thread;
  uint32_t outer;
  KIRQL level;
  KIRQL old_level;
  uint8_t teardown;
};
// Checks the guards, takes the socket's reference and the IRP, and fills `call`. False: recorded as a skip.
bool OpenCall(Session* session, const ProgramStep* step, uint32_t step_index, SocketSlot* socket, Call* call);
// Stamps the begin. `length`, `offset` and `code` go to the observation.
void BeginCall(Call* call, uint32_t length, uint64_t offset, uint8_t code);
// Stamps the end and gives back what OpenCall took. `information`, `value` and `id`, the number of an inspect
// id, go to the observation.
void EndCall(Call* call, NTSTATUS status, uint64_t information = 0, uint64_t value = 0, uint32_t id = 0);
// Gives back what OpenCall took, for a call that is not made after all, and records that. Only before
// BeginCall.
void AbandonCall(Call* call, SkipReason reason);
inline PIRP IrpOf(const Call& call) { return call.irp != nullptr ? PIRP{call.irp->irp} : nullptr; }

// Counts a callback or completion routine while it lives: the last thing that it touches of the session.
class Inside {
 public:
  explicit Inside(Session* session) : inside_(&session->inside) { CountUp(inside_); }
  ~Inside() { CountDown(inside_); }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  volatile LONG* inside_;
};

// callbacks.cc
// -------------------------------------------------------------------------------------------------------

// The client dispatch table for a socket of this category with this subset of pointers; null for kNoDispatch.
const void* ClientDispatch(SocketSlot* socket, uint32_t subset);
// The client dispatch table of the emulator's extension interface.
const void* ExtensionDispatch();
// The number of this id of a listening socket, from 1; 0: there is no room for numbers. An id that is not
// known gets one if `add`, and else is kNoIndex.
uint32_t NumberOfId(Session* session, uint16_t listener, const WSK_INSPECT_ID& id, bool add);
// The inspect slot of the id with this number, or kNoSlot.
uint16_t InspectSlotOf(const Session* session, uint32_t number);
void RunCompletionScript(Session* session, IrpSlot* slot);
// Sessions whose sockets may show up in a callback's context.
void AddSession(Session* session);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_EXECUTOR_SESSION_H_
