// What the judge knows. Internal to conformance/model.
//
// One struct per kind of object, in flat arrays indexed by slot; objects touched by a trace are listed, so
// that forgetting costs what the trace used. Times are stamps (indices of observations).
//
// judge.cc             the state itself, marking of rules, dispatch on the kind of observation
// judge_calls.cc       calls and their returns; creation, connecting, closing; the client's own obligations
// judge_control.cc     enabling and disabling: the decision tables
// judge_irps.cc        completions, and their agreement with what the call returned
// judge_callbacks.cc   starts, arguments and ends of callbacks
// judge_stream.cc      stimuli, and the bytes of a connection
// judge_category.cc    what differs between socket categories: roles, flags to inherit, functions, creation
// judge_listen.cc      listening sockets: connection requests, and the sockets that are accepted
// judge_accept.cc      WskAccept, and whom a connection is delivered to
// judge_inspect.cc     conditional accept: inspections, how they are answered, and aborted requests
// judge_disconnect.cc  how connections end: disconnects of the client's own, what the peer sees, what a close
//                      does to it
// judge_datagram.cc    datagrams: what was sent to whom, and what may be told of it
// judge_receive.cc     requests to receive, push bits, NULL indications, retained lists
// judge_other.cc       extensions, outputs of control requests, sends, backlogs, silent mode
// judge_registration.cc  registration, capture of the provider, and their ends; several clients
// judge_quiet.cc       quiescence: what is owed, which prohibitions were put to the test
// judge_explain.cc     words for people
#ifndef WSKCERT_CONFORMANCE_MODEL_JUDGE_STATE_H_
#define WSKCERT_CONFORMANCE_MODEL_JUDGE_STATE_H_

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

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
  bool static_refused = false;   // static, and datagrams were refused
  bool off_pends = false;        // a disable without IRP may wait although it is off
  bool function_called = false;  // datagrams: WskReceiveFrom, since a refusal turned it off
  uint8_t inherit_tags = 0;      // InheritTag bits
  uint8_t triggers = 0;          // stimuli since the last clear quiescence
  uint8_t running = 0;           // calls seen to begin and not to end
  uint8_t open_calls = 0;        // control requests about it that have not returned
  uint8_t open_enables = 0;
  uint16_t first_running = kNone;  // list of Running, youngest first
  uint8_t met_count = 0;           // why it had to come, as the first quiescence after it saw it
  RuleId met_rules[kMaxReasons] = {};
  uint64_t met_end = 0;                 // receive: the last byte that such calls showed
  uint32_t last_call = kNoIndex;        // begin of the latest control request about it
  uint32_t last_begin = kNoIndex;       // of a call of the callback
  uint32_t last_enable = kNoIndex;      // begin of the latest request that enables it
  uint32_t last_enable_end = kNoIndex;  // and return of the latest that did
  uint32_t late_since = kNoIndex;       // when the IRP completed, with late_start
  uint32_t late_at = kNoIndex;          // the last start after it
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
  uint16_t peer = kNone;        // none: another connection of that peer's has begun since
  bool reports = false;         // the host tells what this peer sees
  bool no_half_open = false;    // the transport knows no half-open connections
  bool acks_held = false;       // the peer acknowledges nothing
  bool acks_quiet = false;      // ... and has surely not for some time
  bool unacknowledged = false;  // bytes were given to sends since then
  bool garbled = false;         // a send failed or was cancelled: what reaches the peer is not known
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
  uint8_t code = 0;                  // of the call
  uint8_t client = 0;                // of a call that concerns no socket
  bool captured = false;             // ... whose client held the provider's NPI when the IRP completed
  bool creates = false;              // a socket, as far as it succeeds
  bool no_socket = false;            // ... whose completion names none
  bool inspections = false;          // a close with pended inspections
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
  uint32_t inside = kNoIndex;    // begin of the call of this very callback that issued the request
  uint64_t settled_sent = 0;     // bytes that the peer may have sent when it settled
  uint64_t offset = 0;           // of the first byte of a send
  bool stuck = false;            // sends, disconnects: outstanding at an exact quiescence
  bool dead_disconnect = false;  // WskDisconnect on a socket that surely no longer functioned
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
  uint32_t captures = 0;        // that were not released
  uint32_t captured_early = 0;  // of these, during the WskRegister that is being called
  uint32_t calls = 0;           // of the provider's table, that have not returned
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

class Judge::State {
 public:
  explicit State(Profile profile);

  void Start(uint64_t capabilities);
  void Observe(const Observation& o);
  void Bound(Observation& o) const;
  void Finish();

  // judge.cc: marking rules.
  // Forbid: the observation is not allowed, because of these rules (most specific first), each followed by
  // the rules that it refines. A rule that is not in force in this profile, or inferred, does not refuse.
  // True if refused.
  bool Forbid(std::initializer_list<RuleId> rules) { return Forbid(rules.begin(), rules.size()); }
  bool Forbid(const RuleId* rules, size_t count);
  // The same with rules whose breach refuses in every profile. Always false, for callers to return.
  template <RuleId... kRules>
  bool Refuse() {
    static_assert((AlwaysRefuses(kRules) && ...), "a rule that may let a breach pass needs Forbid()");
    constexpr RuleId kList[] = {kRules...};
    Forbid(kList, sizeof...(kRules));
    return false;
  }
  // The rule was put to the test here.
  void Exercise(RuleId rule);
  // ... and its breach would show at the next exact quiescence at which nothing runs.
  void ExerciseWhenQuiet(RuleId rule) { when_quiet.Add(rule); }
  // The client broke an obligation; what follows about the socket is not judged.
  void Breach(RuleId rule, uint16_t socket);
  bool InForce(RuleId rule) const;

  SocketState* Socket(uint16_t slot);  // null if it is none that is judged
  void Touch(uint16_t slot);
  Running* RunningOf(uint32_t begin);
  OpenCall* CallOf(uint32_t begin);
  // Calls visit(begin, running) for each call of a callback that is on the stack above, innermost first.
  template <typename Visit>
  void ForEachAround(uint32_t enclosing, Visit visit) {
    for (uint32_t parent = enclosing, depth = 0; parent < references.size() && depth < 64; ++depth) {
      if (const Running* outer = RunningOf(parent)) visit(parent, *outer);
      parent = references[parent].parent;
    }
  }
  // A fresh entry. False: there are more things open at once than references are wide, so that judging ends.
  template <typename T>
  bool Entry(std::vector<T>& entries, std::vector<uint16_t>& free, uint16_t* id) {
    if (free.empty() && entries.size() == kNone) {
      inconclusive = over = true;
      return false;
    }
    if (free.empty()) {
      *id = static_cast<uint16_t>(entries.size());
      entries.emplace_back();
    } else {
      *id = free.back();
      free.pop_back();
      entries[*id] = T();
    }
    return true;
  }
  void LinkIrp(uint16_t slot);
  void UnlinkIrp(uint16_t slot);

  // judge_calls.cc
  void CallBegin(const Observation& o);
  void CallEnd(const Observation& o);
  void Creates(const Observation& o);
  void CloseBegin(const Observation& o, OpenCall& call);
  void AcceptingReturned(const OpenCall& call, SocketState& s, const Observation& o);
  void CloseReturned(const OpenCall& call, Status status);
  void CloseCompleted(uint16_t slot);
  void Special(const Observation& o, OpenCall& call, SocketState& s, Op op);
  bool ClientKeepsObligations(const Observation& o, uint16_t slot);

  // judge_category.cc
  void NewSocket(uint16_t slot, Category category, Origin origin, uint8_t client, uint32_t dispatch);
  void Created(const Observation& o, const IrpState& irp);
  void RoleBegin(const Observation& o, OpenCall& call);
  bool Unfit(bool must_fail, bool unaddressed, const SocketState& s, Status status, Moment moment);
  void NoFunction(const Observation& o);
  void Foreign(const SocketState& s, uint32_t event);
  bool JudgeRole(const Observation& o, SocketState& s, uint32_t event);
  size_t WhyNew(const SocketState& s, uint32_t event, RuleId* rules) const;
  size_t WhyOff(const SocketState& s, uint32_t event, RuleId* rules) const;
  void TestedCategory(SocketState& s);

  // judge_listen.cc
  void PeerConnects(const Observation& o);
  void PeerStimulus(const Observation& o);
  void PeerSaw(const Observation& o);
  void UnlinkPeer(uint16_t peer);
  void LeavePeer(uint16_t number);
  void AcceptStarts(const Observation& o, SocketState& s, uint32_t event, bool* had_to);
  void AcceptEnded(const Observation& o, const Running& call);
  void Accepted(uint16_t slot, uint16_t listener, Origin origin, uint16_t peer, uint32_t dispatch);
  void TakePeer(SocketState& s, uint16_t slot, uint16_t peer);
  bool Provisional(uint16_t slot, uint32_t enclosing);
  bool Unknown(const Observation& o, uint32_t event);
  bool ConnectionOwed(const SocketState& s, uint32_t event) const;

  // judge_datagram.cc
  void DatagramSent(const Observation& o, SocketState& s);
  void DatagramsEnded(const Observation& o, SocketState& s, const Running& call);
  Datagram* FindDatagram(const Observation& o, bool* all);
  bool JudgeSender(const Datagram& sent, const SocketState& s);
  bool JudgePrecedence(const Datagram& sent, const SocketState& s);
  void DatagramNode(const Observation& o, SocketState& s, const Running& call);
  bool JudgeAnyDatagram(const IrpState& irp, const SocketState& s);
  void DatagramReceived(const Observation& o, IrpState& irp, SocketState& s);
  void AddressFixed(const Observation& o, const IrpState& irp, SocketState& s);
  void QuietDatagrams(SocketState& s);

  // judge_receive.cc
  void ReceiveBegin(const Observation& o, SocketState& s);
  bool Excused(const IrpState& irp, const SocketState& s) const;
  bool JudgeReceive(const Observation& o, const IrpState& irp, const SocketState& s);
  bool JudgeSomething(const IrpState& irp, const SocketState& s);
  bool JudgeWait(const IrpState& irp, bool excused);
  bool JudgeReceiveStatus(const IrpState& irp, const SocketState& s, Status status);
  bool JudgeDrained(const Observation& o, const SocketState& s, uint32_t length);
  void DrainCancelled(const IrpState& irp);
  void ReceiveDone(const IrpState& irp, SocketState& s);
  void PeerSends(const Observation& o, SocketState& s);
  bool JudgePush(const Observation& o, SocketState& s);
  bool JudgeAlive(const Observation& o, const SocketState& s, uint32_t length);
  void RetainedBy(const Observation& o, const Running& call);
  void RetainedRead(const Observation& o);
  void ReleaseBegin(const Observation& o, OpenCall& call);
  bool JudgeRelease(const OpenCall& call, Status status);
  void QuietReceiving(SocketState& s);

  // judge_other.cc
  bool JudgeReturn(const Observation& o, const OpenCall& call, SocketState& s);
  bool JudgeOutcome(const Observation& o, IrpState& irp, SocketState& s);
  bool JudgeOutput(const Observation& o, const IrpState& irp);
  bool JudgeLevel(const Observation& o, const IrpState& irp, SocketState& s);
  bool ExtensionReturned(const Observation& o, const OpenCall& call, SocketState& s);
  bool JudgeFinal(const IrpState& irp, SocketState& s, Status status);
  bool JudgeConnectFlags(const IrpState& irp, const SocketState& s, Status status);
  bool SendCompleted(const IrpState& irp, SocketState& s, Status status);
  bool QuietSends(SocketState& s);
  void BacklogSet(uint64_t size, SocketState& s);
  bool JudgeBacklog(const Observation& o, const SocketState& s);
  void QuietBacklog(SocketState& s);
  bool SilentBegin(const Observation& o, uint16_t slot);
  void SilentCompleted(const Observation& o, const IrpState& irp, SocketState& s);
  bool JudgeSilentRequest(const IrpState& irp, const SocketState& s, Status status);
  bool JudgeSilent(const Observation& o, const SocketState& s, uint32_t event);
  void QuietSilent(SocketState& s);

  // judge_accept.cc
  bool MayWait(const SocketState& s) const;
  void Taker(const SocketState& s, PeerState& peer);
  void NewRequest(SocketState& s, PeerState& peer);
  bool NullIndication(SocketState& s, uint32_t event);
  bool JudgeAcceptArguments(const Observation& o, const SocketState& s, const PeerState& peer);
  bool JudgeDelivery(uint16_t listener, uint16_t number, bool by_event);
  void Refused(PeerState& peer, const SocketState& s, const Observation& o);
  void GoneBegin(OpenCall& call, const SocketState& s);
  bool JudgeGone(const AcceptCall& accept, RuleId broken, Status status, Moment moment);
  void AcceptBegin(OpenCall& call, const Observation& o, SocketState& s);
  void AcceptReturned(const OpenCall& call, SocketState& s, Status status);
  bool AcceptCompleted(const Observation& o, IrpState& irp, SocketState& s);
  void AcceptFailed(const IrpState& irp, SocketState& s, Status status);
  void QuietListener(SocketState& s);

  // judge_inspect.cc
  PeerState* RequestOf(const IdState& id);
  bool InspectStarts(const Observation& o, SocketState& s);
  void NumberUsed(uint32_t number, const IdState& request);
  void InspectEnded(const Observation& o, const Running& call, SocketState& s);
  bool JudgeInspected(const PeerState& peer, const SocketState& s);
  bool AbortStarts(const Observation& o, SocketState& s);
  void InspectCompleteBegin(OpenCall& call, const Observation& o, SocketState& s);
  void InspectCompleted(const IrpState& irp, Status status);
  bool QuietInspection(const SocketState& s, PeerState& peer, bool by_event, bool queued);
  void RunningInspections(const SocketState& s);
  void OptionRead(const Observation& o, const IrpState& irp, const SocketState& s);
  void IdOf(SocketState& s, uint16_t number);
  void QueryIdReturned(const OpenCall& call, const SocketState& s, const Observation& o);

  // judge_control.cc
  void ControlClientBegin(const Observation& o, OpenCall& call);
  void ControlClient(const OpenCall& call, Status status);
  void MayInherit(uint16_t listener, EventSet events);
  void NamedBegin(SocketState& s, OpenCall& call, uint32_t event);
  bool DisableWaits(const SocketState& s, uint32_t event) const;
  Premise EnablePremise(const OpenCall& call) const;
  void ControlBegin(const Observation& o, OpenCall& call);
  void ControlReturned(OpenCall& call, Status status);
  bool JudgeEnable(const OpenCall& call, Status status);
  bool JudgeDisable(const OpenCall& call, Status status, bool never_returned);
  void ApplyReturn(const OpenCall& call, Status status);
  void DisableIrpCompleted(IrpState& irp, Status status);

  // judge_irps.cc
  void Completion(const Observation& o);
  bool Agree(const IrpState& irp, Status returned, Status completed);
  void Owed(const IrpState& irp);
  void ReceiveCompleted(const Observation& o, IrpState& irp);
  bool Succeeded(const Observation& o, IrpState& irp);
  void QueuedEnded(const Observation& o, const IrpState& irp, const SocketState& s);

  // judge_callbacks.cc
  void CallbackBegin(const Observation& o);
  void CallbackNode(const Observation& o);
  void CallbackEnd(const Observation& o);
  bool JudgeStart(const Observation& o, SocketState& s, uint32_t event);
  bool JudgeReceiveStart(const Observation& o, SocketState& s);
  bool JudgeDisconnectStart(const Observation& o, SocketState& s);
  bool JudgeArguments(const Observation& o, const SocketState& s, uint32_t event);
  void ReceiveEnded(const Observation& o, SocketState& s, const Running& call);
  void NoteWaiters(SocketState& s, uint32_t event, uint32_t begin);

  // judge_stream.cc
  void StimulusBegin(const Observation& o);
  void NotePending(const Pending& begun);
  void Breaks(const Observation& o, SocketState& s);
  void StimulusEnd(const Observation& o);
  void Trigger(SocketState& s, uint32_t event);
  bool JudgeContent(const Observation& o, SocketState& s);
  bool JudgeBytes(SocketState& s, uint64_t offset, uint32_t length);
  void Deliver(SocketState& s, uint64_t begin, uint64_t end);
  static bool Taken(const Stream& stream, uint64_t begin, uint64_t end);

  // judge_disconnect.cc
  void LinkConnection(uint16_t slot, uint16_t peer);
  void PartPeer(uint16_t peer);
  void SendBegin(const Observation& o, const OpenCall& call, SocketState& s);
  void DisconnectBegin(const Observation& o, OpenCall& call, SocketState& s);
  bool DisconnectOutcome(IrpState& irp, SocketState& s, Status status, Moment moment);
  bool Parts(IrpState& irp, SocketState& s, Status status, Moment moment);
  void ExerciseParting(const IrpState& irp, const SocketState& s, Status status);
  bool SendOutcome(IrpState& irp, SocketState& s, Status status, Moment moment);
  bool JudgeParted(const Observation& o, const SocketState& s, uint32_t length);
  void PartingStimulus(const Observation& o, SocketState& s);
  void NoHalfOpen(SocketState& s);
  void ConnectionSight(const Observation& o);
  void CloseParts(SocketState& s) const;
  void QuietParting(SocketState& s);
  void OwedParting(const IrpState& irp);
  bool Aborted(const IrpState& irp) const;

  // judge_registration.cc
  void SetReadyBegin(const Observation& o);
  void SetReadyEnd(const Observation& o);
  void RegistrationBegin(const Observation& o, OpenCall& call);
  void RegistrationEnd(const Observation& o, const OpenCall& call);
  void Registered(ClientState& c, const OpenCall& call);
  void CaptureReturned(ClientState& c, const OpenCall& call, Status status);
  bool UnreadyCapture(const OpenCall& call, Status status, bool late);
  bool SurelyOpen(const SocketState& s) const;
  void CountSockets(uint8_t client, uint32_t* surely, uint32_t* possibly) const;
  uint32_t ClientIrps(uint8_t client, bool list_changes) const;
  void DeregisterReturned(uint8_t client);
  void NestedCompletionEnded(const Observation& o);
  void QuietRegistration();
  void QuietCapture(const OpenCall& open);
  void QuietDeregister(uint8_t client);
  bool MayWait(const OpenCall& call) const;

  // judge_quiet.cc
  void Missing(Refusal::Missing kind, uint32_t what);
  void Quiescence(bool exact);
  void QuietSocket(uint16_t slot, bool clear);
  bool QuietSubjects(SocketState& s);
  bool OwedConditions(const SocketState& s, uint32_t event) const;
  bool OffTested(const SocketState& s, uint32_t event) const;
  void OwedIndications(SocketState& s);
  void TestedProhibitions(SocketState& s, bool clear);
  bool AfterRefusal(const SocketState& s) const;
  size_t ReasonsToIndicate(const SocketState& s, uint32_t event, RuleId* rules) const;
  void Ended(const Observation& o);
  bool BadClient() const;
  void StrangeContext(const Observation& o);
  void NeverReturned();

  // Nothing keeps the provider from what it owes about the socket: it is not being closed, functions, and
  // there is memory.
  // WskReceiveFromEvent has refused datagrams, and the provider may still be returning from that.
  bool RefusedLately(const EventState& e) const {
    return e.refused_at != kNoIndex && e.refused_at > last_exact;
  }
  // The transport may have given up a connection whose peer acknowledges nothing.
  bool GivenUp(const SocketState& s) const {
    return s.slow_peer && (s.local_disconnect || s.parting.given != 0 || s.parting.garbled);
  }
  bool Works(const SocketState& s) const { return !s.closing && !s.dead_may && !starved; }
  // It is being closed, or there is no memory: with what a request ends is open.
  bool Hampered(const SocketState& s) const { return s.closing || starved; }

  bool Exact() const { return (capabilities & static_cast<uint64_t>(Capability::kExactQuiescence)) != 0; }

  Profile profile;
  uint64_t capabilities = 0;
  uint32_t now = 0;       // index of the observation that is being judged
  Observation last = {};  // as Bound() leaves it
  Refusal refusal;
  RuleSet exercised, deviated, breached, when_quiet;
  bool inconclusive = false;
  bool over = false;  // kEnd was seen, the log overflowed, or something was refused
  bool ended = false;
  bool starved = false;  // the provider runs out of memory: nothing is owed
  PhaseSet static_phases[kMaxClients][kEvents] = {};
  uint32_t static_mask[kMaxClients] = {};  // as far as it is surely in force
  bool static_asked[kMaxClients] = {};
  uint32_t sockets_of[kMaxClients] = {};
  uint32_t disables[kEvents] = {};     // successful ones, over all sockets
  uint32_t running_now[kEvents] = {};  // over all sockets
  uint32_t running_total = 0;
  uint32_t open_calls = 0;
  uint32_t last_exact = 0;     // index of the last exact quiescence
  uint32_t waiting_calls = 0;  // of these, captures and WskDeregister: they may wait
  ClientState clients[kMaxClients] = {};
  bool client_event_given = false;  // some client has a WskClientEvent
  Ready ready = Ready::kUnknown, ready_next = Ready::kUnknown;
  uint32_t ready_stimulus = kNoIndex;
  uint32_t ready_open = 0;    // stimuli about it that have not ended
  bool ready_beside = false;  // the last one began beside another: which counts is not known
  Pending stimuli[kMaxPending] = {};
  RetainedList retained[kNoRetained + 1] = {};

  std::vector<SocketState> sockets;
  std::vector<IrpState> irps;
  std::vector<PeerState> peers;
  Requests requests;
  std::vector<Running> running;
  std::vector<OpenCall> calls;
  std::vector<uint16_t> free_running, free_calls, dirty, used_sockets, used_irps, used_peers;
  std::vector<Datagram> datagrams;
  std::vector<DatagramPeer> datagram_peers;
  std::vector<uint16_t> used_datagram_peers, used_retained;
  std::vector<Reference> references;
};

}  // namespace wskcert::model

#endif  // WSKCERT_CONFORMANCE_MODEL_JUDGE_STATE_H_
