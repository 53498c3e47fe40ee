// Programs and observations: the binary form of what is played and of what was seen.
//
// A *program* is a Sequence (proto/sequence.proto) compiled into one flat, position-independent block of
// fixed-size records. A *log* is an array of fixed-size observations. Both cross trust boundaries (an IOCTL
// buffer in the driver, a pipe in the testee protocol), so whoever receives one validates it first:
// ValidateProgram() in program_check.h, ValidateLog() in log_check.h. Nothing here needs a library: the
// header is included by kernel C++, by the judge and by the host tools alike, which is why it spells numbers
// out instead of taking them from wsk.h (api_numbers_test.cc compares the two).
//
// Layout of a program:
//
//   ProgramHeader | ProgramThread[threads] | ProgramScript[scripts] | ProgramStep[steps] |
//   ProgramChoice[choices]
//                 | schedule bytes
//
// Time. The log *is* the clock: publishing an observation reserves the next index with one interlocked
// increment, and that index is its stamp. An interval [begin, end] is a pair of records (kCallBegin,
// kCallEnd), stamped immediately before and immediately after the edge on the observing side. Two events are
// ordered only if the end of one has a smaller index than the begin of the other.
#ifndef WSKCERT_CONFORMANCE_EXECUTOR_FORMAT_H_
#define WSKCERT_CONFORMANCE_EXECUTOR_FORMAT_H_

#include <stdint.h>

namespace wskcert {

inline constexpr uint32_t kProgramMagic = 0x504B5357;  // "WSKP", little endian
inline constexpr uint32_t kLogMagic = 0x4C4B5357;      // "WSKL"
inline constexpr uint16_t kFormatVersion = 1;

// Limits. A program beyond one is refused by the validator, never truncated.
inline constexpr uint32_t kMaxThreads = 8;
inline constexpr uint32_t kMaxClients = 4;
inline constexpr uint32_t kMaxSockets = 1024;
inline constexpr uint32_t kMaxIrps = 16384;
inline constexpr uint32_t kMaxPeers = 1024;
inline constexpr uint32_t kMaxHolds = 64;
inline constexpr uint32_t kMaxRetained = 256;
inline constexpr uint32_t kMaxInspects = 256;
inline constexpr uint32_t kMaxScripts = 1024;
inline constexpr uint32_t kMaxSteps = 32768;
inline constexpr uint32_t kMaxChoices = 64;
inline constexpr uint32_t kMaxScheduleBytes = 65536;
inline constexpr uint32_t kMaxTransferBytes = 65536;  // one send, receive or peer send
inline constexpr uint32_t kMaxProgramBytes = 4u << 20;

// "None" for the slot and index fields.
inline constexpr uint16_t kNoSlot = 0xFFFF;
inline constexpr uint32_t kNoIndex = 0xFFFFFFFF;

// ---------------------------------------------------------------------------------------------------------------------
// Numbers of the API that the judge and the host tools need. Values are those of wsk.h and ntstatus.h.

using Status = uint32_t;  // NTSTATUS, unsigned so that it prints as the documentation writes it
inline constexpr Status kStatusSuccess = 0;
inline constexpr Status kStatusPending = 0x00000103;
inline constexpr Status kStatusEventPending = 0x40000013;  // informational: NT_SUCCESS is true for it
inline constexpr Status kStatusBufferOverflow = 0x80000005;
inline constexpr Status kStatusUnsuccessful = 0xC0000001;
inline constexpr Status kStatusNotImplemented = 0xC0000002;
inline constexpr Status kStatusInvalidHandle = 0xC0000008;
inline constexpr Status kStatusInvalidParameter = 0xC000000D;
inline constexpr Status kStatusInvalidDeviceRequest = 0xC0000010;
inline constexpr Status kStatusAccessDenied = 0xC0000022;
inline constexpr Status kStatusInsufficientResources = 0xC000009A;
inline constexpr Status kStatusDeviceNotReady = 0xC00000A3;
inline constexpr Status kStatusFileForcedClosed = 0xC00000B6;
inline constexpr Status kStatusNotSupported = 0xC00000BB;
inline constexpr Status kStatusRequestNotAccepted = 0xC00000D0;
inline constexpr Status kStatusCancelled = 0xC0000120;
inline constexpr Status kStatusInvalidDeviceState = 0xC0000184;
inline constexpr Status kStatusAddressAlreadyExists = 0xC000020A;
inline constexpr Status kStatusDataNotAccepted = 0xC000021B;
inline constexpr Status kStatusNoInterface = 0xC00002B9;

// NT_SUCCESS: success and informational severities.
constexpr bool IsSuccess(Status status) { return static_cast<int32_t>(status) >= 0; }

inline constexpr uint32_t kEventSendBacklog = 0x10;
inline constexpr uint32_t kEventReceive = 0x40;
inline constexpr uint32_t kEventDisconnect = 0x80;
inline constexpr uint32_t kEventReceiveFrom = 0x100;
inline constexpr uint32_t kEventAccept = 0x200;
inline constexpr uint32_t kEventDisable = 0x80000000;

inline constexpr uint32_t kFlagAbortive = 1;
inline constexpr uint32_t kFlagReleaseAsap = 2;
inline constexpr uint32_t kFlagEntireMessage = 4;
inline constexpr uint32_t kFlagAtDispatchLevel = 8;
inline constexpr uint32_t kFlagNoDelay = 2;
inline constexpr uint32_t kFlagWaitAll = 2;
inline constexpr uint32_t kFlagDrain = 4;

// MSG_TRUNC and so on, of WskReceiveFromEvent and WskReceiveFrom.
inline constexpr uint32_t kMessageTruncated = 0x100;
inline constexpr uint32_t kMessageControlTruncated = 0x200;
inline constexpr uint32_t kMessageBroadcast = 0x400;
inline constexpr uint32_t kMessageMulticast = 0x800;

// How a datagram travelled: `code` of kPeerSendDatagram.
enum class Cast : uint8_t { kUnicast = 0, kBroadcast = 1, kMulticast = 2 };

inline constexpr uint8_t kPassiveLevel = 0;
inline constexpr uint8_t kDispatchLevel = 2;

// Socket categories, as WSK_FLAG_*_SOCKET.
enum class Category : uint8_t { kBasic = 0, kListen = 1, kConnection = 2, kDatagram = 4, kStream = 8 };

// Event callbacks of a client. kClientEvent is WskClientEvent; kExtension the event of an extension
// interface.
enum class Event : uint8_t {
  kAccept,
  kInspect,
  kAbort,
  kReceive,
  kReceiveFrom,
  kDisconnect,
  kSendBacklog,
  kClientEvent,
  kExtension,
};
inline constexpr uint32_t kEventCount = 9;

// The WSK_EVENT_* flag of an event, 0 for those that have none.
constexpr uint32_t EventFlag(Event event) {
  switch (event) {
    case Event::kAccept:
      return kEventAccept;
    case Event::kReceive:
      return kEventReceive;
    case Event::kReceiveFrom:
      return kEventReceiveFrom;
    case Event::kDisconnect:
      return kEventDisconnect;
    case Event::kSendBacklog:
      return kEventSendBacklog;
    default:
      return 0;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Operations. Numbers are kept for good: they stand in stored programs and logs.

enum class Op : uint16_t {
  kNone = 0,

  // The client and its registration.
  kRegister = 1,  // WskRegister for client slot `client`
  kCapture = 2,   // WskCaptureProviderNPI; length: WaitTimeout in ms
  kQueryCharacteristics = 3,
  kReleaseNpi = 4,     // WskReleaseProviderNPI
  kDeregister = 5,     // WskDeregister
  kControlClient = 6,  // WskControlClient; code: control code, mask: event mask, npi

  // Sockets.
  kSocket = 16,             // WskSocket; code: Category flags, mask: dispatch subset (DispatchBit)
  kSocketConnect = 17,      // WskSocketConnect to `peer`
  kBind = 18,               // WskBind to the wildcard address
  kListen = 19,             // WskListen (stream)
  kConnect = 20,            // WskConnect to `peer`
  kConnectEx = 21,          // WskConnectEx to `peer`, sending `length` bytes, `flags`
  kAccept = 22,             // WskAccept on `socket`; the accepted socket goes to slot `target`
  kEventCallback = 23,      // SO_WSK_EVENT_CALLBACK set: `mask`, `npi`, `size`
  kGetEventCallback = 24,   // the same with WskGetOption (undocumented)
  kConditionalAccept = 25,  // SO_CONDITIONAL_ACCEPT set to `code`
  kGetConditionalAccept = 26,
  kQuerySendBacklog = 27,   // SIO_WSK_QUERY_IDEAL_SEND_BACKLOG
  kQueryInspectId = 28,     // SIO_WSK_QUERY_INSPECT_ID
  kRegisterExtension = 29,  // SIO_WSK_REGISTER_EXTENSION
  kSetRemoteAddress = 30,   // SIO_WSK_SET_REMOTE_ADDRESS: `peer`
  kSetSendToAddress = 31,   // SIO_WSK_SET_SENDTO_ADDRESS: `peer`
  kSetSilentMode = 32,      // SIO_WSK_SET_TCP_SILENT_MODE
  kSend = 33,               // WskSend of `length` bytes, `flags`
  kReceive = 34,            // WskReceive into `length` bytes, `flags`
  kSendTo = 35,             // WskSendTo to `peer`
  kReceiveFrom = 36,        // WskReceiveFrom
  kRelease = 37,            // WskRelease of retained slot `target`; kNoSlot: of a NULL list
  kDisconnect = 38,         // WskDisconnect, `flags`, with `length` bytes
  kInspectComplete = 39,    // WskInspectComplete of inspect slot `target` with action `code`
  kGetLocalAddress = 40,
  kGetRemoteAddress = 41,
  kCancelIrp = 42,  // IoCancelIrp on `irp`
  kClose = 43,      // WskCloseSocket
  kPing = 44,       // asks the emulator's extension interface for its event, with value `length`

  // The environment.
  kPeerListen = 64,        // what `peer` does with our connects: code 0 accept, 1 refuse, 2 never answer
  kPeerConnect = 65,       // `peer` connects to listening socket `socket`
  kPeerAbandon = 66,       // `peer` drops its half-open connection
  kPeerSend = 67,          // `length` bytes of the connection, flags 1: push
  kPeerSendDatagram = 68,  // one datagram of `length` bytes to `socket`; code: Cast
  kPeerDisconnect = 69,    // graceful (FIN)
  kPeerReset = 70,         // abortive (RST)
  kPeerHoldAcks = 71,      // code 1: stops acknowledging, 0: resumes
  kSetIdealBacklog = 72,   // the ideal send backlog of the connection with `peer` becomes `length`
  kBreakSocket = 73,       // the connection with `peer`, or `socket`, stops being functional
  kFailAllocations = 74,   // the next `length` allocations of the provider fail
  kTransportListChange = 75,
  kBreakBound = 76,  // the listening or datagram socket `socket` stops being functional
  kNoHalfOpen = 77,  // the connection with `peer` is over a transport without half-open connections
  kSetReady = 78,    // code 1: the provider can be captured; 0: not yet

  // The executor itself.
  kSettle = 96,         // runs until nothing more happens
  kReleaseHold = 97,    // lets the callback held in hold slot `target` go on
  kAwaitHold = 98,      // until a callback is held in slot `target`; recorded as a skip if none comes
  kAwaitIrp = 99,       // until `irp` has completed; likewise
  kReadRetained = 100,  // reads retained list `target` again and compares
  kScribble = 101,      // overwrites the input buffer of `irp`
  kYield = 102,         // a scheduling point
};

// Which client dispatch pointers a socket gets: one bit for each Event, others NULL. kNoDispatch: a NULL
// table.
inline constexpr uint32_t kNoDispatch = 0x80000000;
constexpr uint32_t DispatchBit(Event event) { return 1u << static_cast<uint32_t>(event); }
inline constexpr uint32_t kAllDispatch = (1u << kEventCount) - 1;

// Whose NPI id an SO_WSK_EVENT_CALLBACK or static-callbacks request names.
enum class Npi : uint8_t {
  kWsk = 0,
  kWskCopy = 1 /* equal content elsewhere */,
  kExtension = 2,
  kForeign = 3,
  kNull = 4
};

// How the IRP of a step is made.
enum class IrpStyle : uint8_t {
  kOwn = 0,         // IoAllocateIrp; its completion routine returns STATUS_MORE_PROCESSING_REQUIRED
  kPassedDown = 1,  // comes from above: further stack locations in use, completion continues upwards
};

// Step flags.
inline constexpr uint8_t kStepUnguarded =
    1;                                     // a deliberate breach: the executor's guards are off for this step
inline constexpr uint8_t kStepKiller = 2;  // known to crash incomplete providers: a driver plays it last

struct ProgramHeader {
  uint32_t magic;        // kProgramMagic
  uint16_t version;      // kFormatVersion
  uint16_t header_size;  // sizeof(ProgramHeader)
  uint32_t total_size;   // of the whole block
  uint16_t threads;      // 1..kMaxThreads; thread 0 starts, the others are created by it
  uint16_t scripts;
  uint32_t steps;
  uint16_t clients;  // slots used, so that only they are set up
  uint16_t sockets;
  uint16_t irps;
  uint16_t peers;
  uint16_t holds;
  uint16_t retained;
  uint16_t inspects;
  uint16_t choices;
  uint32_t schedule_size;
  uint32_t fail_allocation;  // the n-th allocation of the run fails; 0: none
  uint8_t manual_setup;      // 1: the steps register and capture themselves
  uint8_t manual_teardown;   // 1: the steps close, release and deregister themselves
  uint8_t ipv6;              // 1: sockets are created over AF_INET6
  uint8_t reserved0;
  uint32_t reserved1[4];
};
static_assert(sizeof(ProgramHeader) == 64);

struct ProgramThread {
  uint32_t first_step;
  uint32_t step_count;
};

// What happens inside one call of an event callback, or inside one completion routine.
struct ProgramScript {
  uint8_t event;    // Event; or kScriptOnCompletion
  uint8_t returns;  // ScriptReturn
  uint16_t socket;  // slot whose callback this is (for kScriptOnCompletion: the IRP slot)
  uint16_t nth;     // the n-th call of it, from 0; kNoSlot: every call without a script of its own
  uint16_t hold;    // hold slot in which the call stays until released, after its steps; or kNoSlot
  uint16_t target;  // retained slot, accepted socket slot or inspect slot that the call fills; or kNoSlot
  uint16_t reserved;
  uint32_t first_step;
  uint32_t step_count;
  uint32_t accept_bytes;  // for ScriptReturn::kPartial
  uint32_t status;        // for ScriptReturn::kRaw
  uint32_t mask;          // accept: dispatch subset of the accepted socket
};
static_assert(sizeof(ProgramScript) == 32);
inline constexpr uint8_t kScriptOnCompletion = 0xFF;

enum class ScriptReturn : uint8_t {
  kAccept = 0,   // STATUS_SUCCESS, everything accepted; inspect: WskInspectAccept
  kPartial = 1,  // STATUS_SUCCESS with *BytesAccepted = accept_bytes
  kRetain = 2,   // STATUS_PENDING, the list goes to retained slot `target`; inspect: WskInspectPend
  kRefuse = 3,   // STATUS_DATA_NOT_ACCEPTED / STATUS_REQUEST_NOT_ACCEPTED; inspect: WskInspectReject
  kRaw = 4,      // `status` as it stands
};

struct ProgramStep {
  uint16_t op;      // Op
  uint16_t socket;  // socket slot, or kNoSlot
  uint16_t irp;     // IRP slot, or kNoSlot: a NULL IRP
  uint16_t peer;    // peer slot, or kNoSlot
  uint16_t target;  // op-specific slot, or kNoSlot
  uint8_t client;
  uint8_t irql;  // kPassiveLevel or kDispatchLevel: the level at which the call is made
  uint8_t npi;   // Npi
  uint8_t irp_style;
  uint8_t step_flags;
  uint8_t reserved0;
  uint32_t flags;   // the call's Flags argument
  uint32_t mask;    // event mask, or dispatch subset; ioctls: the level given
  uint32_t length;  // bytes
  uint32_t size;    // InputSize given, 0: the right one
  uint32_t code;    // control code, category, action, value
  uint32_t reserved1;
};
static_assert(sizeof(ProgramStep) == 40);

// A choice of the emulator, fixed for the whole program.
struct ProgramChoice {
  uint16_t kind;
  uint16_t value;
};

// ---------------------------------------------------------------------------------------------------------------------
// Observations.

enum class Seen : uint8_t {
  kNothing = 0,  // reserved but never filled (the run ended first); judged as absent
  kCallBegin = 1,
  kCallEnd = 2,
  kCompletion = 3,     // the completion routine of an IRP was entered
  kCompletionEnd = 4,  // it returned
  kCallbackBegin = 5,
  kCallbackNode = 6,  // after a kCallbackBegin: each datagram of a WskReceiveFromEvent; each node of a
                      // WskReceiveEvent whose nodes are not one run of its stream
  kCallbackEnd = 7,
  kStimulusBegin = 8,
  kStimulusEnd = 9,
  kPeerSaw = 10,
  kQuiescence = 11,    // code: Quiet
  kSkip = 12,          // a step was not played; code: SkipReason
  kFault = 13,         // the executor caught a fault of the provider; code: FaultKind
  kHeld = 14,          // a callback (enclosing) is held in slot `target`
  kUnheld = 15,        // it goes on
  kHoldRefused = 16,   // it could not be held: DISPATCH_LEVEL, inside a call of the client, too many held
  kRetainedRead = 17,  // a retained list was read again; code: Content
  kEnd = 18,           // last record; code: Ending, status: the bugcheck code for kBugCheck
};

enum class Quiet : uint8_t { kExact = 0, kTimed = 1 };
enum class Ending : uint8_t {
  kFinished = 0,
  kBugCheck = 1,  // the provider or its host stopped the machine
  kDeadlock = 2,  // client calls that never return; exact quiescence
  kLivelock = 3,  // the step budget ran out
  kOverflow = 4,  // the log is full; nothing after it is judged, and no liveness
  kCrashed = 5,   // the process of the provider died
  kTimedOut = 6,  // the watchdog ended it
};
enum class SkipReason : uint8_t {
  kEmptySlot = 1,        // the slot it names is empty
  kFullSlot = 2,         // the slot it would fill is in use
  kClosing = 3,          // the socket is closed or closing
  kCallsInProgress = 4,  // guard of closing-a-socket: other calls on the socket have not returned
  kRetainedLists = 5,    // guard: retained lists of the socket are not released
  kNoFunction = 6,       // the provider's table has NULL there
  kLimit = 7,            // nesting, stack or buffer limit
  kNotHere = 8,          // the environment cannot do it
  kInVain = 9,           // an awaited observation did not come
  kIrqlTooHigh = 10,     // guard: the call needs PASSIVE_LEVEL
  kNotSetUp = 11,        // the client is not registered or has no provider NPI
};
enum class FaultKind : uint8_t {
  kBadContext = 1,        // a callback came with a context that no socket has
  kBadIndication = 2,     // an indication chain that cannot be walked
  kSecondCompletion = 3,  // an IRP completed again (also flagged on the kCompletion)
  kIrqlChanged = 4,       // a call returned at another IRQL; status: the new one
  kNullSocket = 5,        // a success without a socket
  kBadIrp = 6,            // a completion routine with an IRP that is not ours
};
// What the peer saw.
enum class PeerSight : uint8_t {
  kConnected = 1,
  kData = 2,
  kFin = 3,
  kReset = 4,
  kRefused = 5,
  kDatagram = 6
};

// What the bytes of an indication, a receive buffer or a peer's data turned out to be.
enum class Content : uint8_t {
  kNone = 0,     // no bytes
  kExact = 1,    // bytes [offset, offset + length) of the stream that belongs there
  kForeign = 2,  // bytes of that place of another connection's stream (`peer`)
  kCorrupt = 3,  // found nowhere
};

// Flags of an observation (seen_flags).
inline constexpr uint8_t kSeenNullIndication = 1;  // DataIndication / AcceptSocket / InspectID was NULL
inline constexpr uint8_t kSeenSecondCompletion = 2;
inline constexpr uint8_t kSeenPendingReturned = 4;  // kCompletion: Irp->PendingReturned
inline constexpr uint8_t kSeenTeardown = 8;  // made by the executor's own set-up or tear-down, not by a step
inline constexpr uint8_t kSeenIrp = 16;      // kCallBegin: an IRP was passed
inline constexpr uint8_t kSeenInformational =
    32;                                        // kCompletion: IRP's Information is a socket (recorded as 1)
inline constexpr uint8_t kSeenUnguarded = 64;  // kCallBegin: the step was unguarded

// What the fields hold beyond what their own comments say:
//
//   kCallBegin   content: client slot, for calls of a client (kRegister .. kSocketConnect). code: control
//   code (kControlClient),
//                0: no WskClientEvent is given (kRegister), category flags (kSocket), NPI (kEventCallback,
//                kRegisterExtension), action (kInspectComplete), value (kConditionalAccept). length:
//                InputSize (kEventCallback, kControlClient), version asked for (kRegister), WaitTimeout
//                (kCapture). target: accepted socket slot (kAccept), retained slot (kRelease), inspect slot
//                (kInspectComplete). offset: of the first byte in its stream (sends), NPI (kControlClient).
//   kCallEnd     information: highest << 16 | lowest version (kQueryCharacteristics); what the output of a
//                kRegisterExtension lacks (kUnfilled...). kCancelIrp: status tells whether there was
//                something to cancel. offset: value returned by a query without IRP. kQueryInspectId: mask is
//                the number of the id, or kNoIndex for one that the listener was never given; target its
//                inspect slot.
//   kStimulus*   kFailAllocations: length is how many fail, or, as the log's first record, which one of the
//   run. kScribble: irp. kCompletion  offset: value returned by a query (kGetConditionalAccept,
//   kQuerySendBacklog); kQueryInspectId: target is the
//                inspect slot with that id. kAccept: target is the accepted socket slot, peer the one at its
//                remote address. kReceiveFrom: peer is the sender, flags are the ControlFlags. kReceive,
//                kReceiveFrom: where the bytes are kCorrupt, mask is how many at their beginning belong
//                there. information is 1 instead of a socket's address.
//   kCallbackBegin  accept, inspect: peer at the remote address; code 1 if an address is missing or of
//   another family than the
//                listener's, 2 if the local one is not where the listener is bound. inspect, abort: target is
//                the inspect slot with that id (inspect: the one it fills); information the number of the
//                id's content among all that the client was given, from 1, or 0 for one that has no number.
//                extension: information is the value of the ping.
//   kCallbackNode of a datagram: peer is the one at its remote address; content is kForeign if another peer
//                sent these bytes; code 1 if the address is missing or of another family than the socket's;
//                information is the length of its control information, and kControlInfoGiven if there is a
//                pointer to it.
//   kCallbackEnd accept: target is the accepted socket slot, mask the dispatch subset given. inspect: status
//   is the action.
//
// kRegisterExtension: members of the output that still hold what the executor had put there.
inline constexpr uint64_t kUnfilledDispatch = 1;
inline constexpr uint64_t kUnfilledContext = 2;
inline constexpr uint64_t kControlInfoGiven = uint64_t{1} << 32;

// One observation: 64 bytes, a cache line. Its index in the log is its stamp. Fields that a kind does not
// name are 0 (slots: kNoSlot, indices: kNoIndex).
struct Observation {
  uint32_t ready;  // stored last with release order: 1 when filled
  uint8_t kind;    // Seen
  uint8_t thread;  // dense number; 0 the first client thread. Provider threads are numbered as they are met.
  uint8_t irql;
  uint8_t seen_flags;
  uint16_t op;  // calls, stimuli, skips, and completions (the call that passed the IRP): Op. Callbacks: Event
  uint16_t socket;  // socket slot
  uint32_t begin;   // ends and nodes: index of their begin. Completions: index of the kCallBegin that passed
                    // the IRP
  uint32_t enclosing;  // index of the callback, completion or call begin on this thread's stack, or kNoIndex
  uint32_t step;       // index of the step, or kNoIndex
  uint16_t irp;
  uint16_t peer;
  uint16_t target;
  uint8_t code;          // see Seen
  uint8_t content;       // Content of `length` bytes at `offset`
  uint32_t status;       // returned, completed or (kCallbackEnd) given back by the client
  uint32_t flags;        // Flags argument, of call or callback
  uint32_t mask;         // calls: event mask or dispatch subset. kCallbackBegin: number of nodes
  uint32_t length;       // bytes asked for, described by the chain, delivered; kCallbackEnd: bytes accepted
                         // (kNoIndex: untouched)
  uint64_t information;  // completions: IoStatus.Information. Callbacks: BytesIndicated, IdealBacklogSize
  uint64_t offset;       // of the first byte in its stream
};
static_assert(sizeof(Observation) == 64);

// In front of a log that is stored or sent.
struct LogHeader {
  uint32_t magic;  // kLogMagic
  uint16_t version;
  uint16_t record_size;   // sizeof(Observation)
  uint32_t count;         // records that follow
  uint32_t flags;         // kLogOverflow
  uint64_t capabilities;  // Capability bits of the host that played it
  uint64_t reserved;
};
static_assert(sizeof(LogHeader) == 32);
inline constexpr uint32_t kLogOverflow = 1;

// What a host can do and see; a rule whose capability is missing is `unreachable`, never passed.
enum class Capability : uint64_t {
  kExactQuiescence = 1,
  kIrqlVisible = 2,
  kHoldAtPassive = 4,
  kHalfOpenDrops = 8,
  kBacklogControl = 16,
  kBreakSocket = 32,
  kFailAllocations = 64,
  kHoldAcks = 128,
  kDatagrams = 256,
  kListeners = 512,
  kIpv6 = 1024,
  kNoHalfOpen = 2048,  // transports without half-open connections
  kSetReady = 4096,    // a provider that cannot be captured yet
  kPushBit = 8192,     // the environment decides which segments have TCP's push bit
  kCasts = 16384,      // peers can broadcast and multicast datagrams
  kSchedule = 32768,   // a program's schedule bytes decide who runs; elsewhere they are ignored
  kFailNth = 65536,    // the n-th allocation of a run can fail
};

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_EXECUTOR_FORMAT_H_
