// The judge's state and what it does with it. Internal to conformance/model.
//
// Objects (judge_objects.h) stand in flat arrays indexed by slot; those touched by a trace are listed, so
// that forgetting costs what the trace used.
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

#include "conformance/model/decision_table.h"
#include "conformance/model/judge.h"
#include "conformance/model/judge_objects.h"

namespace wskcert::model {

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
  void ClientKeepsObligations(const Observation& o, uint16_t slot);

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
  void ListPeer(uint16_t slot);
  void MayFind(uint16_t slot);
  void UnlinkPeer(uint16_t peer);
  void LeavePeer(uint16_t number);
  void AcceptStarts(const Observation& o, SocketState& s, uint32_t event, bool* had_to);
  void AcceptEnded(const Observation& o, const Running& call);
  void AcceptEndedUnjudged(const Observation& o, const Running& call);
  void Adopt(uint16_t slot, uint8_t client);
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
  void StaticNotAlone(uint8_t client);
  void StaticRegistered(uint8_t client, bool anew);
  void StaticMay(const OpenCall& call);
  bool StaticUnderWay(uint8_t client, uint32_t event) const;
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
  void EnableCompleted(SocketState& s, const IrpState& irp);
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
  bool ReturnKeepsObligations(const Observation& o, const Running& call);
  void CallbackEnd(const Observation& o);
  static void WorksNoMore(SocketState& s);
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
  bool PeerIsActing(uint16_t number) const;
  void Trigger(SocketState& s, uint32_t event);
  // So few bytes may stand in several places of a stream.
  static constexpr uint32_t kAmbiguous = 2;
  static bool InSeveralPlaces(const Observation& o, const Stream& stream);
  static bool MayLieAround(const SocketState& s);
  bool JudgeContent(const Observation& o, SocketState& s);
  bool JudgeBytes(SocketState& s, uint64_t offset, uint32_t length);
  void Deliver(SocketState& s, uint64_t begin, uint64_t end);
  static bool Taken(const Stream& stream, uint64_t begin, uint64_t end);

  // judge_disconnect.cc
  PeerState& UsedPeer(uint16_t number);
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
  void ReleasedBeside(uint8_t client);
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
  bool MayFollowRelease() const;
  void StrangeContext(const Observation& o);
  void NeverReturned();

  // WskReceiveFromEvent has refused datagrams, and the provider may still be returning from that.
  bool RefusedLately(const EventState& e) const {
    return e.refused_at != kNoIndex && e.refused_at > last_exact;
  }
  // The transport may have given up a connection whose peer acknowledges nothing.
  bool GivenUp(const SocketState& s) const {
    return s.slow_peer && (s.local_disconnect || s.parting.given != 0 || s.parting.garbled);
  }
  // ... and, seen at exact quiescence, has unless its peer was to see that and did not.
  bool HasGivenUp(const SocketState& s) const {
    const Parting& p = s.parting;
    return GivenUp(s) && (p.reset_seen || !p.reports || p.peer == kNone);
  }
  // Nothing keeps the provider from what it owes about the socket: it is not being closed, functions, and
  // there is memory.
  bool Works(const SocketState& s) const { return !s.closing && !s.dead_may && !starved && !GivenUp(s); }
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
