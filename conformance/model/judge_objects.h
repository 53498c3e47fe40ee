// What the judge knows of each kind of object: callbacks, connections, sockets, IRPs, clients, calls.
// Internal to conformance/model; judge_state.h keeps them. Unknowns are pairs of what may and what must be.
// Times are stamps (indices of observations).
#ifndef WSKCERT_CONFORMANCE_MODEL_JUDGE_OBJECTS_H_
#define WSKCERT_CONFORMANCE_MODEL_JUDGE_OBJECTS_H_

#include <cstdint>

#include "conformance/model/callback_life.h"
#include "conformance/model/decision_table.h"
#include "conformance/model/judge.h"
#include "conformance/model/judge_receive_state.h"
#include "conformance/model/judge_requests.h"

namespace wskcert::model {

// The event callbacks of sockets, in the order in which the judge keeps them: first those of a connection.
inline constexpr uint32_t kReceive = 0;
inline constexpr uint32_t kDisconnect = 1;
inline constexpr uint32_t kBacklog = 2;
inline constexpr uint32_t kConnectionEvents = 3;
inline constexpr uint32_t kAccept = 3;
inline constexpr uint32_t kReceiveFrom = 4;
inline constexpr uint32_t kInspect = 5;
inline constexpr uint32_t kAbort = 6;
inline constexpr uint32_t kExtension = 7;
inline constexpr uint32_t kEvents = 8;
inline constexpr uint32_t kMaskOf[kEvents] = {
    kEventReceive, kEventDisconnect, kEventSendBacklog, kEventAccept, kEventReceiveFrom, 0, 0, 0};
inline constexpr uint32_t kConnectionMask = kEventReceive | kEventDisconnect | kEventSendBacklog;
inline constexpr uint32_t kStandardMask = kConnectionMask | kEventAccept | kEventReceiveFrom;

// A set of events of one socket, one bit each.
using EventSet = uint8_t;
constexpr EventSet Bit(uint32_t event) { return static_cast<EventSet>(1u << event); }
inline constexpr EventSet kOfConnection = Bit(kReceive) | Bit(kDisconnect) | Bit(kBacklog);
inline constexpr EventSet kOfListener = Bit(kAccept) | Bit(kInspect) | Bit(kAbort);

// Index of an Event of format.h; kEvents for the client's own.
uint32_t LocalEvent(uint16_t event);
// The events whose flags a mask holds.
EventSet NamedBy(uint32_t mask);
// The events that a socket of a category can have, without those of extensions.
EventSet EventsOf(Category category);
// Whether a category's provider table has the function that an operation calls.
bool HasOperation(Category category, Op op);

inline constexpr uint32_t kIrpSlots = kMaxIrps + kMaxSockets;  // the tear-down has IRPs of its own
inline constexpr uint16_t kNoIrpEntry = kIrpSlots;             // see judge_requests.h
inline constexpr uint32_t kSocketEntries = kMaxSockets + 1;

// Reasons for which an inherited callback is enabled, beside inheritance itself.
enum InheritTag : uint8_t { kInheritTried = 1, kInheritCycled = 2, kInheritAdds = 4 };

// Rules that may stand behind one indication that is owed.
inline constexpr size_t kMaxReasons = 12;

// Counts of what is under way: a log may end more than it began.
template <typename Count>
constexpr void Lower(Count& count) {
  count = static_cast<Count>(count - (count != 0));
}

// One event callback of one socket.
struct EventState {
  PhaseSet phases = SetOf(Phase::kNew);
  SuspensionSet suspension = kFlowing;
  bool unjudged = false;    // the client returned something undefined from it
  bool trigger = false;     // something happened that may have committed a call not yet seen
  bool kept_back = false;   // ... before an exact quiescence at which another callback was held
  bool recent = false;      // a call was seen since the last moment when surely none was in progress
  bool late_start = false;  // a call committed while a disable was pending may show after its IRP completed
  bool tempted = false;     // something happened that would start it, were it not off or suspended
  bool met = false;         // a call that had to come has come since the last clear quiescence
  bool owed = false;        // disconnect, backlog: a call must come
  bool multi = false;       // enabled together with others
  bool sibling_disabled = false;  // since it was enabled, another callback of the socket was disabled
  bool static_tried = false;      // static, and the client tried to disable it
  bool resumed = false;           // a WskReceive completed after a refusal
  bool inherited = false;         // enabled because it was on the listening socket
  bool loose = false;  // calls may be on their way that were committed before a refusal turned it off
  bool static_refused = false;     // static, and datagrams were refused
  bool off_pends = false;          // a disable without IRP may wait although it is off
  bool function_called = false;    // datagrams: WskReceiveFrom, since a refusal turned it off
  uint8_t inherit_tags = 0;        // InheritTag bits
  uint8_t triggers = 0;            // stimuli since the last clear quiescence
  uint8_t running = 0;             // calls seen to begin and not to end
  uint8_t open_calls = 0;          // control requests about it that have not returned
  uint8_t open_enables = 0;        // enables that have not returned, or that pend
  uint16_t first_running = kNone;  // list of Running, youngest first
  uint8_t met_count = 0;           // why it had to come, as the first quiescence after it saw it
  RuleId met_rules[kMaxReasons] = {};
  uint64_t met_end = 0;            // receive: the last byte that such calls showed
  uint32_t last_call = kNoIndex;   // begin of the latest control request about it
  uint32_t last_begin = kNoIndex;  // of a call of the callback
  // An enable that pended, and `version` when it had returned.
  uint32_t pended_enable = kNoIndex, pended_version = 0;
  uint32_t last_enable = kNoIndex;      // begin of the latest request that enables it
  uint32_t last_enable_end = kNoIndex;  // and return of the latest that did
  uint32_t late_since = kNoIndex;       // when the IRP completed, with late_start
  uint32_t late_at = kNoIndex;          // the last start after it
  uint32_t flowing_since = kNoIndex;    // receive: the last time that a suspension may have ended
  uint32_t refused_at = kNoIndex;       // datagrams: the last refusal
  uint32_t version = 0;                 // counts changes by anything but the returns of control requests
  uint32_t disables_before = 0;         // successful disables of this event on any socket when it was enabled

  bool MayStart() const { return (phases & kStartable) != 0; }
  bool MustIndicate() const { return (phases & ~kOwing) == 0 && open_calls == 0 && !unjudged; }
  // A call of it may be in progress in the provider.
  bool PossiblyInProgress() const { return running != 0 || recent || trigger; }
};

// Whether the client gave the socket a function for the event.
bool HasFunction(uint32_t dispatch, uint32_t event);

// Bytes that were delivered beyond a gap.
struct Island {
  uint64_t begin, end;
};
inline constexpr uint32_t kMaxIslands = 8;

// The stream from the peer to the client.
struct Stream {
  uint64_t sent_may = 0;   // bytes that the peer may have sent
  uint64_t sent_must = 0;  // bytes that it has sent
  uint64_t delivered = 0;  // all bytes below were accepted or received
  uint64_t indicated = 0;  // end of the furthest indication
  uint64_t owed_from = 0;  // bytes from here on arrived while WskReceiveEvent had to be called for them
  Island islands[kMaxIslands] = {};
  uint8_t island_count = 0;
  bool unknown = false;  // content is no longer judged
  bool lossy = false;    // bytes may be lost: reset, drain, close, local disconnect
};

// How a socket came to be.
enum class Origin : uint8_t { kCreated, kBySocketConnect, kByFunction, kByEvent };

// How a connection ends, and what its peer sees of it.
struct Parting {
  uint16_t peer = kNone;          // none: another connection of that peer's has begun since
  bool reports = false;           // the host tells what this peer sees
  bool no_half_open = false;      // the transport knows no half-open connections
  bool half_open_unsure = false;  // ... which was said of the peer before the connection had a socket
  uint32_t doubtful = 0;          // sends under way that may fail
  uint32_t early = 0;             // graceful disconnects from before the connection was asked for, not failed
  bool acks_held = false;         // the peer acknowledges nothing
  bool acks_quiet = false;        // ... and has surely not for some time
  bool unacknowledged = false;    // bytes were given to sends since then
  bool garbled = false;           // a send failed or was cancelled: what reaches the peer is not known
  bool graceful = false, graceful_done = false, graceful_quiet = false;
  bool abort_done = false, abort_quiet = false;
  bool reset_done = false, reset_quiet = false;  // by the peer
  bool held_back = false;  // the graceful disconnect found bytes that were surely not acknowledged
  bool behind =
      false;  // when the graceful disconnect began the peer had not seen all that was to come before it
  bool reset_due = false;  // the peer must see a reset, for the socket is closed
  bool reset_seen = false;
  bool fin_seen = false;
  uint32_t abort_begin = kNoIndex;
  uint64_t given = 0;      // bytes that sends took
  uint64_t seen = 0;       // bytes that the peer has seen
  uint64_t before = 0;     // bytes given before the graceful disconnect
  uint64_t with = 0;       // ... and with it
  uint64_t sent_then = 0;  // bytes that the peer may have sent when a disconnect was over and all was quiet
};

struct SocketState {
  EventState events[kEvents];
  Stream stream;
  Parting parting;
  Receiving receiving;
  bool used = false;
  bool stray = false;  // used before anything has told where it comes from, and so not judged
  bool created = false;
  bool made = false;    // ... and surely there
  bool failed = false;  // ... and surely not there
  bool judged = false;  // its client keeps its obligations
  Category category = Category::kBasic;
  Origin origin = Origin::kCreated;
  EventSet own = 0;  // events that its category has
  uint8_t client = 0;
  uint16_t listener = kNoSocketEntry;  // of an accepted socket
  bool accepting = false;              // its WskAcceptEvent has not returned
  bool settled = false;                // exact quiescence since it was accepted
  bool refused = false;                // its WskAcceptEvent has refused it
  bool bound_may = false, bound_must = false;
  bool listening_may = false, listening_must = false;  // stream sockets: WskListen
  bool conditional_may = false, conditional_must = false;
  uint32_t last_conditional = kNoIndex;  // begin of the latest request about that mode
  bool disable_tried = false;            // any request to disable, in conditional-accept mode
  bool enable_requested = false;         // any request to enable
  bool remote_filter = false;            // a fixed remote address: other datagrams are discarded
  bool own_stimulus = false;   // since the last clear quiescence: something that its own callbacks tell of
  bool accepted_data = false;  // listener: the same on a socket that was accepted on it
  bool extension_may = false, extension_must = false;
  bool extension_tried = false;                            // a registration has returned
  uint32_t extension_enabled = 0, extension_disabled = 0;  // mask bits that requests about an extension named
  uint32_t foreign_named = 0;                              // flags of other categories that requests named
  uint32_t foreign_static = 0;                             // ... that the static mask named
  ListenState listening;
  EventSet inherit_taken = 0;  // listener: what requests named that did not fail when they returned
  EventSet inherit_may = 0, inherit_must = 0;  // listener: connection callbacks enabled for accepted sockets
  EventSet inherit_tried = 0;                  // ... that the client tried to disable there
  uint32_t inherit_since[kConnectionEvents] = {};
  uint32_t inherit_request[kConnectionEvents] = {};  // begin of the request that enabled it
  uint32_t accept_disabled_at = kNoIndex;            // last success in disabling WskAcceptEvent
  uint32_t inspections = 0;                          // pended and surely not completed
  uint16_t first_peer = kNone;                       // list of PeerState
  uint16_t accepts = 0;                              // WskAccept calls whose IRP is not completed
  uint16_t receive_froms = 0;                        // likewise WskReceiveFrom
  uint32_t datagrams = 0;                            // that were sent to it and may still be waiting
  uint64_t datagram_bytes = 0;                       // of these, and of those taken since there were none
  bool dirty = false;                                // in the list of sockets to look at on quiescence
  bool connected_may = false;
  bool connected_must = false;
  bool dead_may = false;  // may no longer be functional
  bool breaking = false;  // was broken; surely dead after exact quiescence, unless it ended otherwise
  bool ended = false;     // the connection may have ended otherwise
  bool dead_must = false;
  bool dead_by_local = false;  // dead_may only because the client itself disconnected abortively
  bool closing = false;
  bool closed = false;
  bool close_failed = false;
  bool tempted_after_close = false;  // something was left, or came, that would have called an open socket
  bool fin_may = false;              // the peer disconnected gracefully
  bool reset_may = false;            // the peer disconnected abortively
  bool slow_peer = false;            // the peer does not acknowledge, so that time-outs may come
  bool local_disconnect = false;
  bool local_quiet = false;    // exact quiescence since the local disconnect
  bool told_graceful = false;  // WskDisconnectEvent has returned from telling so
  bool told_abortive = false;
  bool graceful_quiet = false;  // exact quiescence since it told of a graceful disconnect
  bool abortive_quiet = false;  // exact quiescence since it told of an abortive disconnect
  uint8_t running = 0;          // callbacks of any kind
  uint16_t open_calls = 0;
  uint16_t retained = 0;
  uint16_t receives = 0;       // WskReceive calls whose IRP is not completed
  uint16_t first_irp = kNone;  // list of IrpState: passed and not yet completed
  uint32_t close_begin = kNoIndex;
  uint32_t told_at = kNoIndex;  // when it told of a disconnect first
  uint32_t dispatch = 0;
  uint64_t backlog = 0;         // the ideal size last set; 0: none yet
  uint64_t backlog_before = 0;  // ... before the changes that are owed
};

// Why bytes that are sent can no longer arrive.
enum class Barred : uint8_t { kNo, kByRemoteAbort, kByOwnAbort, kByOwnDisconnect };

// One use of an IRP slot.
struct IrpState {
  uint32_t call = kNoIndex;  // begin of the call that passed it
  uint16_t op = 0;
  uint16_t socket = kNoSocketEntry;
  uint16_t next = kNone, previous = kNone;
  bool listed = false;
  bool completed = false;
  bool returned = false;             // the call has returned
  bool disables = false;             // a request to disable one event
  bool control = false;              // any SO_WSK_EVENT_CALLBACK request
  bool dead = false;                 // ... on a socket that surely no longer functioned
  bool unconnected = false;          // a disconnect of a socket that was never to be connected before
  uint8_t code = 0;                  // of the call
  uint8_t client = 0;                // of a call that concerns no socket
  bool captured = false;             // ... whose client held the provider's NPI when the IRP completed
  bool creates = false;              // a socket, as far as it succeeds
  bool no_socket = false;            // ... whose completion names none
  bool inspections = false;          // a close with pended inspections
  bool first_conditional = false;    // the first request about conditional-accept mode on its socket
  bool must_fail = false;            // the function does not suit the role that the stream socket took
  bool unaddressed = false;          // an address was asked for that the socket does not have
  uint16_t target = kNoSocketEntry;  // WskAccept: slot of the accepted socket
  bool pended_row = false;           // the table asked for STATUS_PENDING: the outcome must be success
  bool overtook = false;             // a disable: completed while a call of the callback ran
  bool waited_outer = false;         // a call that was in progress has returned while the IRP was outstanding
  bool cancelled = false;
  bool overlaps = false;       // issued while another request of the socket was under way
  bool resumes = false;        // queued while indications were suspended: who gets what is buffered is open
  bool settled = false;        // queued across an exact quiescence
  bool disable_since = false;  // a disable was requested on the socket since it was queued
  bool closing = false;        // outstanding when the socket's close was called
  bool silent = false;         // issued in silent mode
  bool early = false;          // ... or before the socket was surely connected
  bool could_connect = false;  // WskConnectEx, seen from its begin
  bool passed_over = false;    // a receive with flags: what would have completed one without has come
  bool race = false;           // queued when a refusing callback ran: whether it lifts the suspension is open
  uint8_t event = kEvents;
  EventSet enables = 0;          // an enable that returned STATUS_PENDING: what it names
  uint32_t inside = kNoIndex;    // begin of the call of this very callback that issued the request
  uint64_t settled_sent = 0;     // bytes that the peer may have sent when it settled
  uint64_t offset = 0;           // of the first byte of a send
  bool stuck = false;            // sends, disconnects: outstanding at an exact quiescence
  bool dead_disconnect = false;  // WskDisconnect on a socket that surely no longer functioned
  bool doubtful = false;         // a send that may fail for its flags, or as too early
  Barred barred = Barred::kNo;   // sends: why none may succeed
  uint32_t settled_at = 0;
  uint16_t peer = kNoPeerEntry;
  uint32_t mask = 0;
  AcceptCall accept;  // WskAccept, WskInspectComplete
  uint32_t length = 0;
  uint32_t flags = 0;
  uint64_t information = 0;  // completed with
  Status status = 0;
  Status returned_status = 0;
};

// Whether the provider can be captured, as far as the host has said or a capture has shown.
enum class Ready : uint8_t { kUnknown, kYes, kNo };

// A registration of a client.
struct ClientState {
  bool registered = false;   // WskRegister succeeded, and this is what has become of it
  bool registering = false;  // ... and is being called again
  bool versions_known = false;
  bool deregister_quiet = false;  // exact quiescence while WskDeregister waits
  // What alone kept it then.
  bool waits_releases = false, waits_sockets = false;
  bool had_list_change = false;  // a request for changes of the transport list was pending when it was called
  bool rested = false;           // exact quiescence since it returned
  uint16_t version = 0;          // asked for
  uint16_t highest = 0, lowest = 0;
  uint32_t captures = 0;         // that were not released
  uint32_t captured_early = 0;   // of these, during the WskRegister that is being called
  uint32_t calls = 0;            // of the provider's table, that have not returned
  bool released_beside = false;  // the last capture was released while there were such
  uint32_t deregister_begin = kNoIndex, deregister_end = kNoIndex;
};

// A call of a callback that has begun and not ended.
struct Running {
  uint32_t begin = kNoIndex;
  uint16_t socket = kNoSocketEntry;
  uint8_t event = kEvents;
  bool nothing = false;          // a NULL indication
  bool readable = true;          // its bytes are known, and one run of the stream
  bool quiet_with_data = false;  // accept: while it ran all else came to rest, with data of the peer waiting
  uint16_t peer = kNoPeerEntry;
  bool receive_near = false;  // a WskReceive was queued or called while it ran
  uint8_t thread = 0;
  uint16_t next = kNone, previous = kNone;
  uint32_t datagrams = 0;
  uint32_t nodes_left = 0;
  uint64_t nodes_end = 0;  // of the last node's bytes in their stream
  uint32_t nodes_length = 0;
  uint32_t length = 0;
  uint32_t flags = 0;
  uint64_t offset = 0;
};

// What a call of WskRelease is given.
enum class Release : uint8_t { kOpen, kOfRetained, kOfNothing };

// A call of the client's that has begun and not returned.
struct OpenCall {
  uint32_t begin = kNoIndex;
  uint16_t op = 0;
  uint16_t socket = kNoSocketEntry;
  uint16_t irp = kNoIrpEntry;
  uint8_t thread = 0;
  uint8_t named = 0;  // bits of local events that the request names
  bool with_irp = false;
  bool disables = false;
  bool malformed = false;  // the mask, identifier or size is not that of a proper request
  bool powerless = false;  // its identifier is that of no interface, so it has no effect
  bool must_fail = false, unaddressed = false;  // as in IrpState
  bool alone_in_client = false;                 // static callbacks: the first, and no socket yet
  Release release = Release::kOpen;
  uint32_t flags = 0;
  uint8_t client = 0;
  AcceptCall accept;
  bool ready = false;     // capture: the provider was surely ready when it began
  bool unready = false;   // ... surely not
  bool too_late = false;  // capture: WskDeregister had been called
  bool anew = false;      // capture: beside a WskRegister of the same client
  bool blocked = false;   // capture: it waited at an exact quiescence
  EventSet inherits = 0;  // listener: connection events that the request names
  bool odd = false;       // the pages leave the outcome open: mask, identifier, size
  bool several = false;   // disables more than one event
  bool alone = true;      // no other request about the same events overlaps, seen from its begin
  bool judged = false;
  bool must_enabled = false;  // disable: surely enabled before, dynamically
  bool was_static = false;
  bool all_off = false;      // enable: every named event surely off before
  bool dead = false;         // the socket was surely dead
  bool in_progress = false;  // possibly, when the call began
  bool running_at_begin = false;
  uint8_t tags = 0;  // Tag bits
  uint8_t code = 0;
  uint32_t mask = 0;
  uint32_t length = 0;
  uint32_t inside = kNoIndex;
  PhaseSet before[kEvents] = {};
  uint32_t version[kEvents] = {};
};

// Circumstances of an idle disable, each with a rule that says it does not count.
enum Tag : uint8_t {
  kTagSuspended = 1,
  kTagOtherCallbackRuns = 2,
  kTagOtherSocketRuns = 4,
  kTagRetained = 8,
};

// A stimulus that has begun and not ended.
struct Pending {
  uint32_t begin = kNoIndex;
  uint16_t socket = kNoSocketEntry;
  uint16_t peer = kNoPeerEntry;
  bool to_peer = false;  // of a connection that had no socket yet
  uint32_t length = 0;
  uint16_t early = kNoSocketEntry;  // what was no socket yet and may become one meanwhile
};
inline constexpr uint32_t kMaxPending = 16;

// What an observation refers to, by its index.
struct Reference {
  enum Kind : uint8_t { kNothing, kCall, kCallback };  // which have not ended
  Kind kind = kNothing;
  uint16_t id = kNone;         // in State::running or State::calls
  uint32_t parent = kNoIndex;  // the enclosing observation
};

// Where a status stands: in the return, in a completion before the return, in one after STATUS_PENDING.
enum class Moment : uint8_t { kReturn, kInline, kLater };

}  // namespace wskcert::model

#endif  // WSKCERT_CONFORMANCE_MODEL_JUDGE_OBJECTS_H_
