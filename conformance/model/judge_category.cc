// What differs between socket categories: their events, functions and roles, and how sockets come to be.
#include "conformance/model/judge_state.h"

namespace wskcert::model {

EventSet NamedBy(uint32_t mask) {
  EventSet named = 0;
  for (uint32_t event = 0; event < kEvents; ++event) {
    if ((mask & kMaskOf[event]) != 0) named |= Bit(event);
  }
  return named;
}

// winsock-kernel-events.md: one table of events for each category.
EventSet EventsOf(Category category) {
  switch (category) {
    case Category::kListen:
      return kOfListener;
    case Category::kConnection:
      return kOfConnection;
    case Category::kDatagram:
      return Bit(kReceiveFrom);
    case Category::kStream:
      return kOfListener | kOfConnection;
    default:
      return 0;
  }
}

// The provider dispatch pages, one for each category. WskConnectEx and later members are not in every
// version.
bool HasOperation(Category category, Op op) {
  const bool connects = category == Category::kConnection || category == Category::kStream;
  const bool listens = category == Category::kListen || category == Category::kStream;
  const bool datagram = category == Category::kDatagram;
  switch (op) {
    case Op::kEventCallback:
    case Op::kGetEventCallback:
    case Op::kClose:
      return true;
    case Op::kBind:
    case Op::kGetLocalAddress:
      return category != Category::kBasic;
    case Op::kListen:
      return category == Category::kStream;
    case Op::kAccept:
      return listens;
    case Op::kInspectComplete:
      return category == Category::kListen;
    case Op::kConnect:
    case Op::kSend:
    case Op::kReceive:
    case Op::kDisconnect:
    case Op::kGetRemoteAddress:
      return connects;
    case Op::kRelease:
      return connects || datagram;
    case Op::kSendTo:
    case Op::kReceiveFrom:
      return datagram;
    default:
      return false;
  }
}

void Judge::State::NewSocket(uint16_t slot, Category category, Origin origin, uint8_t client,
                             uint32_t dispatch) {
  Touch(slot);
  SocketState& s = sockets[slot];
  s = SocketState();
  s.used = s.dirty = s.created = true;
  s.category = category;
  s.origin = origin;
  s.own = EventsOf(category);
  // Several category flags at once, or unknown ones, are an open case (N115).
  s.judged = s.own != 0 || category == Category::kBasic;
  s.client = client;
  s.dispatch = dispatch;
  s.own_stimulus = category == Category::kBasic;
  s.connected_may = s.bound_may = s.bound_must = origin != Origin::kCreated;
  uint32_t own_mask = 0;
  for (uint32_t rest = s.own; rest != 0; rest &= rest - 1) {
    const uint32_t event = static_cast<uint32_t>(__builtin_ctz(rest));
    PhaseSet phases = static_phases[s.client][event];
    // Whether accepted and stream sockets get static callbacks is open (ambiguities 15, 28).
    const bool accepted = origin == Origin::kByFunction || origin == Origin::kByEvent;
    if (accepted || category == Category::kStream) phases |= SetOf(Phase::kNew);
    if (StaticUnderWay(s.client, event)) phases |= SetOf(Phase::kNew, Phase::kStatic);
    s.events[event].phases = phases;
    own_mask |= kMaskOf[event];
  }
  s.events[kExtension].unjudged = true;  // what an extension's callbacks owe, the extension defines
  s.foreign_static = static_mask[s.client] & ~own_mask;
  ++sockets_of[s.client];
}

// The IRP that creates a socket is complete.
void Judge::State::Created(const Observation& o, const IrpState& irp) {
  const uint16_t slot = static_cast<Op>(irp.op) == Op::kAccept ? irp.target : irp.socket;
  SocketState& s = sockets[slot];
  (IsSuccess(o.status) && !irp.no_socket ? s.made : s.failed) = true;
  if (!s.judged) return;
  // wsk-set-static-event-callbacks.md: flags of several categories may be combined. What a provider does not
  // have at all, it declines.
  if (static_cast<Op>(irp.op) != Op::kSocket || s.foreign_static == 0 || starved) return;
  const bool declined = o.status == kStatusNotSupported || o.status == kStatusNotImplemented ||
                        o.status == kStatusInsufficientResources || irp.cancelled;
  if (declined) return;
  if (!IsSuccess(o.status)) {
    Refuse<RuleId::kStaticMixedMaskCreationSucceeds>();
    return;
  }
  Exercise(RuleId::kStaticMixedMaskCreationSucceeds);
}

void Judge::State::NoFunction(const Observation& o) {
  if (static_cast<SkipReason>(o.code) != SkipReason::kNoFunction || Socket(o.socket) == nullptr) return;
  const SocketState& s = sockets[o.socket];
  if (HasOperation(s.category, static_cast<Op>(o.op))) {
    Forbid({RuleId::kCategoryFunctionsPresent});
  }
}

// Functions that the socket, as it stands, must decline.
void Judge::State::RoleBegin(const Observation& o, OpenCall& call) {
  SocketState& s = sockets[call.socket];
  const Op op = static_cast<Op>(o.op);
  if (call.socket >= kMaxSockets) return;
  const bool stream = s.category == Category::kStream;
  switch (op) {
    case Op::kBind:
      s.bound_may = true;
      break;
    case Op::kSendTo:
      s.bound_may = true;  // unbound, the outcome is open
      break;
    case Op::kGetLocalAddress:
      call.unaddressed = !s.bound_may && !s.connected_may;
      break;
    case Op::kGetRemoteAddress:
      call.unaddressed = !s.connected_may && !s.listening_may;
      break;
    case Op::kConnect:
    case Op::kConnectEx:
    case Op::kSend:
    case Op::kReceive:
    case Op::kDisconnect:
      call.must_fail = stream && s.listening_must;
      break;
    case Op::kListen:
      s.listening_may = true;  // stream sockets alone have it
      call.must_fail = s.connected_must;
      break;
    case Op::kAccept:
      call.must_fail = stream && s.connected_must;
      break;
    default:
      break;
  }
  irps[call.irp].must_fail = call.must_fail;
  irps[call.irp].unaddressed = call.unaddressed;
  if (s.judged && HasOperation(s.category, op)) Exercise(RuleId::kCategoryFunctionsPresent);
}

// What such a function returned, or completed its IRP with.
bool Judge::State::Unfit(bool must_fail, bool unaddressed, const SocketState& s, Status status,
                         Moment moment) {
  if ((!must_fail && !unaddressed) || s.dead_may || s.closing) return true;
  if ((starved && !IsSuccess(status)) || status == kStatusPending) return true;
  if (unaddressed) {
    const bool remote = static_cast<Op>(last.op) == Op::kGetRemoteAddress;
    const RuleId rule =
        remote ? RuleId::kBindOrderRemoteAddressUnconnectedFails : RuleId::kBindOrderLocalAddressUnboundFails;
    // After an error the IRP fails, with whatever status.
    const bool wrong = moment == Moment::kInline ? IsSuccess(status) : status != kStatusInvalidDeviceState;
    if (wrong) return !Forbid({rule});
    Exercise(rule);
    return true;
  }
  const RuleId rule =
      s.listening_must ? RuleId::kCategoryStreamListenCommits : RuleId::kCategoryStreamConnectCommits;
  if (IsSuccess(status)) return !Forbid({rule});
  Exercise(rule);
  return true;
}

// A callback that the socket's category does not have.
void Judge::State::Foreign(const SocketState& s, uint32_t event) {
  RuleId rules[3];
  size_t count = 0;
  if (event < kConnectionEvents && (s.inherit_may & Bit(event)) != 0) {
    rules[count++] = RuleId::kInheritListenerNotCalledItself;
  }
  if ((s.foreign_static & kMaskOf[event]) != 0) {
    rules[count++] = RuleId::kStaticOtherCategoryNotApplied;
  }
  rules[count++] = RuleId::kCategoryForeignEventNeverCalled;
  Forbid(rules, count);
}

// Is the socket such that the callback can have something to tell?
bool Judge::State::JudgeRole(const Observation& o, SocketState& s, uint32_t event) {
  if (s.closed) return true;
  if (event == kReceiveFrom) {
    const bool nothing = (o.seen_flags & kSeenNullIndication) != 0;
    if (s.bound_may || nothing) return true;
    return Refuse<RuleId::kBindOrderDatagramNoCallbackBefore>();
  }
  const bool stream = s.category == Category::kStream;
  const bool listens = stream ? s.listening_may : s.bound_may;
  if (event < kConnectionEvents) {
    // ns-wsk-_wsk_client_stream_dispatch.md: one of the two tables, according to the role.
    if (stream && (s.listening_must || (listens && !s.connected_may))) {
      // What it may pass on is not for itself.
      if ((s.inherit_may & Bit(event)) != 0) {
        return Refuse<RuleId::kInheritListenerNotCalledItself, RuleId::kCategoryStreamRoleTable>();
      }
      return Refuse<RuleId::kCategoryStreamRoleTable>();
    }
    if (s.connected_may) return true;
    return Refuse<RuleId::kConnectBeforeNoCallback>();
  }
  if (stream && (s.connected_must || (s.connected_may && !listens))) {
    return Refuse<RuleId::kCategoryStreamRoleTable>();
  }
  if (listens) return true;
  return Refuse<RuleId::kBindOrderListenNoCallbackBefore>();
}

// Why a callback that was never enabled is off, most particular first.
size_t Judge::State::WhyNew(const SocketState& s, uint32_t event, RuleId* rules) const {
  size_t count = 0;
  if (event == kInspect || event == kAbort) {
    rules[count++] = static_mask[s.client] != 0 ? RuleId::kStaticConditionalNotEnabled
                     : event == kInspect        ? RuleId::kInspectOnlyConditional
                                                : RuleId::kAbortOnlyConditional;
    return count;
  }
  const bool listed = event < kConnectionEvents && s.listener < kMaxSockets;
  const bool before = (s.inherit_may & Bit(event)) != 0;
  // WskAccept may have passed it on.
  const bool passed_on = before && s.origin == Origin::kByFunction;
  if ((s.extension_enabled & kMaskOf[event]) != 0 && !passed_on) {
    rules[count++] = RuleId::kCategoryExtensionOwnMask;
  }
  if (s.enable_requested && !passed_on) {
    rules[count++] = RuleId::kEnableCallbackOnlyWhenEnabled;
    return count;
  }
  if (listed && s.origin == Origin::kByEvent) {
    const bool later = !before && (sockets[s.listener].inherit_may & Bit(event)) != 0;
    rules[count++] = later                ? RuleId::kInheritLaterSocketsOnly
                     : s.inherit_may != 0 ? RuleId::kInheritAcceptEventOnlyThose
                                          : RuleId::kInheritNoneAllDisabled;
    return count;
  }
  if (listed && before) {
    rules[count++] = RuleId::kInheritByFunctionNotEnabled;
    return count;
  }
  bool others = false;
  for (uint32_t client = 0; client < kMaxClients; ++client) {
    others |= client != s.client && (static_mask[client] & kMaskOf[event]) != 0;
  }
  rules[count++] = others && !static_asked[s.client] ? RuleId::kStaticOtherClientUnaffected
                   : listed                          ? RuleId::kAcceptFunctionCallbacksDisabled
                                                     : RuleId::kEnableDefaultStartsDisabled;
  return count;
}

// The rules that forbid a start, one or more for each phase that the callback may be in.
size_t Judge::State::WhyOff(const SocketState& s, uint32_t event, RuleId* rules) const {
  size_t count = 0;
  const PhaseSet phases = s.events[event].phases;
  if ((phases & SetOf(Phase::kNew)) != 0) {
    count = WhyNew(s, event, rules);
    // The phase that forbids least decides, and this rule is only inferred.
    if (count == 1 && rules[0] == RuleId::kInheritByFunctionNotEnabled) return count;
  }
  for (unsigned rest = phases & ~SetOf(Phase::kNew); rest != 0; rest &= rest - 1) {
    const Phase phase = static_cast<Phase>(__builtin_ctz(rest));
    if (phase == Phase::kDisabled) {
      if (event == kReceive) rules[count++] = RuleId::kDisableSuccessStopsReceive;
      if (event == kAccept) rules[count++] = RuleId::kDisableSuccessStopsAccept;
      if (event == kReceiveFrom) rules[count++] = RuleId::kDisableSuccessStopsReceiveFrom;
    }
    if (phase == Phase::kRefusedOff && s.events[event].function_called) {
      rules[count++] = RuleId::kReceiveFromRefusedFunctionDoesNotResume;
    }
    rules[count++] = ForbidsStart(phase);
  }
  return count;
}

// Prohibitions that follow from the category: put to the test where the socket had something to tell.
void Judge::State::TestedCategory(SocketState& s) {
  if (!Works(s)) return;
  const auto is_static = [&s](uint32_t event) {
    return s.events[event].phases == SetOf(Phase::kStatic) && HasFunction(s.dispatch, event);
  };
  bool active = true;
  switch (s.category) {
    case Category::kListen:
      active = s.bound_must;
      if (!s.bound_may && s.events[kAccept].tempted && is_static(kAccept)) {
        Exercise(RuleId::kBindOrderListenNoCallbackBefore);
      }
      break;
    case Category::kDatagram:
      active = s.bound_must;
      if (!s.bound_may && s.events[kReceiveFrom].tempted && is_static(kReceiveFrom)) {
        Exercise(RuleId::kBindOrderDatagramNoCallbackBefore);
      }
      break;
    case Category::kConnection:
      active = s.connected_must;
      if (!s.connected_may && (is_static(kReceive) || is_static(kDisconnect) || is_static(kBacklog))) {
        Exercise(RuleId::kConnectBeforeNoCallback);
      }
      break;
    case Category::kStream: {
      active = s.listening_must || s.connected_must;
      const uint32_t other = s.listening_must ? kConnectionMask : kEventAccept;
      const uint32_t named = s.foreign_named | static_mask[s.client];
      if (active && s.own_stimulus && (named & other) != 0) Exercise(RuleId::kCategoryStreamRoleTable);
      break;
    }
    default:
      break;
  }
  if (active && s.category == Category::kListen && s.own_stimulus && !s.conditional_may) {
    if (static_mask[s.client] != 0) {
      Exercise(RuleId::kStaticConditionalNotEnabled);
    } else {
      Exercise(RuleId::kInspectOnlyConditional);
      Exercise(RuleId::kAbortOnlyConditional);
    }
  }
  if (active && s.own_stimulus && s.foreign_static != 0) {
    Exercise(RuleId::kStaticOtherCategoryNotApplied);
  } else if (active && s.own_stimulus && s.foreign_named != 0 && s.category != Category::kStream) {
    Exercise(RuleId::kCategoryForeignEventNeverCalled);
  }
  if (active && s.inherit_may != 0 && s.accepted_data && s.category == Category::kListen) {
    Exercise(RuleId::kInheritListenerNotCalledItself);
  }
  s.own_stimulus = s.accepted_data = false;
}

}  // namespace wskcert::model
