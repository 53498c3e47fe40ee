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
// judge_quiet.cc       quiescence: what is owed, which prohibitions were put to the test
// judge_explain.cc     words for people
#ifndef WSKCERT_CONFORMANCE_MODEL_JUDGE_STATE_H_
#define WSKCERT_CONFORMANCE_MODEL_JUDGE_STATE_H_

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

#include "conformance/model/callback_life.h"
#include "conformance/model/judge.h"

namespace wskcert::model {

// The three event callbacks of a connection-oriented socket, in the order in which the judge keeps them.
inline constexpr uint32_t kReceive = 0;
inline constexpr uint32_t kDisconnect = 1;
inline constexpr uint32_t kBacklog = 2;
inline constexpr uint32_t kEvents = 3;
inline constexpr uint32_t kMaskOf[kEvents] = {kEventReceive, kEventDisconnect, kEventSendBacklog};
inline constexpr uint32_t kConnectionMask = kEventReceive | kEventDisconnect | kEventSendBacklog;

// Index of an Event of format.h; kEvents for those of other categories.
uint32_t LocalEvent(uint16_t event);

inline constexpr uint16_t kNone = 0xFFFF;                      // end of an intrusive list
inline constexpr uint32_t kIrpSlots = kMaxIrps + kMaxSockets;  // the tear-down has IRPs of its own
inline constexpr uint32_t kNoSocketEntry = kMaxSockets;  // holds the IRPs of calls that concern no socket
inline constexpr uint32_t kSocketEntries = kMaxSockets + 1;

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
  uint8_t running = 0;            // calls seen to begin and not to end
  uint8_t open_calls = 0;         // control requests about it that have not returned
  uint8_t open_enables = 0;
  uint16_t first_running = kNone;  // list of Running, youngest first
  uint8_t met_count = 0;           // why it had to come, as the first quiescence after it saw it
  RuleId met_rules[6] = {};
  uint64_t met_end = 0;           // receive: the last byte that such calls showed
  uint32_t last_call = kNoIndex;  // begin of the latest control request about it
  uint32_t last_enable_end = kNoIndex;
  uint32_t version = 0;          // counts changes by anything but the returns of control requests
  uint32_t disables_before = 0;  // successful disables of this event on any socket when it was enabled

  bool MayStart() const { return (phases & kStartable) != 0; }
  bool MustIndicate() const { return (phases & ~kOwing) == 0 && open_calls == 0; }
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

struct SocketState {
  EventState events[kEvents];
  Stream stream;
  bool used = false;
  bool judged = false;  // a connection-oriented socket whose client keeps its obligations
  bool dirty = false;   // in the list of sockets to look at on quiescence
  bool connected_may = false;
  bool connected_must = false;
  bool dead_may = false;  // may no longer be functional
  bool breaking = false;  // was broken; surely dead after exact quiescence
  bool dead_must = false;
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
  uint64_t backlog = 0;  // the ideal size last set; 0: none yet
};

// One use of an IRP slot.
struct IrpState {
  uint32_t call = kNoIndex;  // begin of the call that passed it
  uint16_t op = 0;
  uint16_t socket = kNone;  // entry in State::sockets
  uint16_t next = kNone, previous = kNone;
  bool listed = false;
  bool completed = false;
  bool returned = false;      // the call has returned
  bool disables = false;      // a request to disable one event
  bool control = false;       // any SO_WSK_EVENT_CALLBACK request
  bool pended_row = false;    // the table asked for STATUS_PENDING: the outcome must be success
  bool waited_outer = false;  // a call that was in progress has returned while the IRP was outstanding
  bool cancelled = false;
  bool resumes = false;        // queued while indications were suspended: who gets what is buffered is open
  bool settled = false;        // queued across an exact quiescence
  bool disable_since = false;  // a disable was requested on the socket since it was queued
  bool closing = false;        // outstanding when the socket's close was called
  bool race = false;           // queued when a refusing callback ran: whether it lifts the suspension is open
  uint8_t event = kEvents;
  uint32_t inside = kNoIndex;  // begin of the call of this very callback that issued the request
  uint64_t settled_sent = 0;   // bytes that the peer may have sent when it settled
  uint32_t length = 0;
  uint32_t flags = 0;
  Status status = 0;  // completed with
  Status returned_status = 0;
};

// A call of a callback that has begun and not ended.
struct Running {
  uint32_t begin = kNoIndex;
  uint16_t socket = kNone;
  uint8_t event = kEvents;
  bool nothing = false;       // a NULL indication
  bool readable = true;       // its bytes are known
  bool receive_near = false;  // a WskReceive was queued or called while it ran
  uint8_t thread = 0;
  uint16_t next = kNone, previous = kNone;
  uint32_t nodes_left = 0;
  uint32_t nodes_length = 0;
  uint32_t length = 0;
  uint32_t flags = 0;
  uint64_t offset = 0;
};

// A call of the client's that has begun and not returned.
struct OpenCall {
  uint32_t begin = kNoIndex;
  uint16_t op = 0;
  uint16_t socket = kNone;
  uint16_t irp = kNone;
  uint8_t thread = 0;
  uint8_t named = 0;  // bits of local events that the request names
  bool with_irp = false;
  bool disables = false;
  bool odd = false;        // the pages leave the outcome open: mask, identifier, size
  bool several = false;    // disables more than one event
  bool alone = true;       // no other request about the same events overlaps, seen from its begin
  bool completed = false;  // its IRP has completed
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
  uint32_t inside = kNoIndex;
  Status completed_status = 0;
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
  uint16_t socket = kNone;
  uint32_t length = 0;
};
inline constexpr uint32_t kMaxPending = 16;

// What an observation refers to, by its index.
struct Reference {
  enum Kind : uint8_t { kNothing, kCall, kCallback, kCompletion };
  Kind kind = kNothing;
  uint16_t id = kNone;         // in State::running or State::calls, while it has not ended
  uint32_t parent = kNoIndex;  // the enclosing observation
};

class Judge::State {
 public:
  explicit State(Profile profile);

  void Start(uint64_t capabilities);
  void Observe(const Observation& o);
  void Finish();

  // judge.cc: marking rules.
  //
  // Forbid: the observation is not allowed, because of these rules (most specific first), each followed by
  // the rules that it refines. A rule that is not in force in this profile, or inferred, does not refuse.
  // True if refused.
  bool Forbid(std::initializer_list<RuleId> rules) { return Forbid(rules.begin(), rules.size()); }
  bool Forbid(const RuleId* rules, size_t count);
  // The rule was put to the test here.
  void Exercise(RuleId rule);
  // ... and its breach would show at the next exact quiescence at which nothing runs.
  void ExerciseWhenQuiet(RuleId rule);
  // The client broke an obligation; what follows about the socket is not judged.
  void Breach(RuleId rule, uint16_t socket);
  bool InForce(RuleId rule) const;

  SocketState* Socket(uint16_t slot);  // null if it is none that is judged
  void Touch(uint16_t slot);
  Running* RunningOf(uint32_t begin);
  OpenCall* CallOf(uint32_t begin);
  void LinkIrp(uint16_t slot);
  void UnlinkIrp(uint16_t slot);

  // judge_calls.cc
  void CallBegin(const Observation& o);
  void CallEnd(const Observation& o);
  void CreateSocket(const Observation& o);
  void CloseBegin(const Observation& o, OpenCall& call);
  void CloseReturned(const OpenCall& call, Status status);
  void CloseCompleted(uint16_t slot);
  bool ClientKeepsObligations(const Observation& o, uint16_t slot);

  // judge_control.cc
  void ControlClient(const OpenCall& call);
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
  void StimulusEnd(const Observation& o);
  void Trigger(SocketState& s, uint32_t event);
  bool JudgeContent(const Observation& o, SocketState& s);
  bool JudgeBytes(SocketState& s, uint64_t offset, uint32_t length);
  void Deliver(SocketState& s, uint64_t begin, uint64_t end);

  // judge_quiet.cc
  void Quiescence(bool exact);
  void QuietSocket(uint16_t slot, bool clear);
  bool OwedConditions(const SocketState& s, uint32_t event) const;
  void OwedIndications(SocketState& s);
  void TestedProhibitions(SocketState& s, bool clear);
  size_t ReasonsToIndicate(const SocketState& s, uint32_t event, RuleId* rules) const;
  void Ended(const Observation& o);
  void NeverReturned();

  bool Exact() const { return (capabilities & static_cast<uint64_t>(Capability::kExactQuiescence)) != 0; }

  Profile profile;
  uint64_t capabilities = 0;
  uint32_t now = 0;  // index of the observation that is being judged
  Observation last = {};
  Refusal refusal;
  RuleSet exercised, deviated, breached, when_quiet;
  bool inconclusive = false;
  bool over = false;  // kEnd was seen, or the log overflowed
  bool ended = false;
  bool starved = false;      // the provider runs out of memory: nothing is owed
  bool static_known = true;  // one client only, so that static callbacks can be told
  uint8_t clients = 0;
  PhaseSet static_phases[kEvents] = {};
  uint32_t disables[kEvents] = {};     // successful ones, over all sockets
  uint32_t running_now[kEvents] = {};  // over all sockets
  uint32_t running_total = 0;
  uint32_t open_calls = 0;
  Pending stimuli[kMaxPending] = {};

  std::vector<SocketState> sockets;
  std::vector<IrpState> irps;
  std::vector<Running> running;
  std::vector<OpenCall> calls;
  std::vector<uint16_t> free_running, free_calls, dirty, used_sockets, used_irps;
  std::vector<Reference> references;
};

}  // namespace wskcert::model

#endif  // WSKCERT_CONFORMANCE_MODEL_JUDGE_STATE_H_
