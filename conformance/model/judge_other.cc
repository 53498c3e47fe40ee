// What belongs to no other subject: extension interfaces, outputs and levels of control requests, sends, the
// ideal backlog, silent mode, flags of WskConnectEx.
#include <algorithm>
#include <iterator>

#include "conformance/model/judge_state.h"

namespace wskcert::model {

namespace {

bool IsQuery(Op op) {
  return op == Op::kQuerySendBacklog || op == Op::kQueryInspectId || op == Op::kGetConditionalAccept;
}

bool HasNoOutput(Op op) {
  return op == Op::kEventCallback || op == Op::kConditionalAccept || op == Op::kSetRemoteAddress ||
         op == Op::kSetSendToAddress || op == Op::kSetSilentMode;
}

}  // namespace

// What a call returned, where that by itself is said.
bool Judge::State::JudgeReturn(const Observation& o, const OpenCall& call, SocketState& s) {
  switch (static_cast<Op>(call.op)) {
    case Op::kRelease:
      return JudgeRelease(call, o.status);
    case Op::kRegisterExtension:
      return ExtensionReturned(o, call, s);
    default:
      return true;
  }
}

// What an IRP completed with, likewise.
bool Judge::State::JudgeOutcome(const Observation& o, IrpState& irp, SocketState& s) {
  switch (static_cast<Op>(irp.op)) {
    case Op::kReceive:
      if (!JudgeReceive(o, irp, s)) return false;
      ReceiveDone(irp, s);
      if (!IsSuccess(o.status) || (irp.flags & kFlagDrain) != 0) return true;
      return JudgeDrained(o, s, o.length) && JudgeAlive(o, s, o.length);
    case Op::kReceiveFrom:
      if (IsSuccess(o.status)) DatagramReceived(o, irp, s);
      return !refusal.refused;
    case Op::kSetRemoteAddress:
    case Op::kSetSendToAddress:
      AddressFixed(o, irp, s);
      return JudgeOutput(o, irp);
    case Op::kSetSilentMode:
      SilentCompleted(o, irp, s);
      return JudgeOutput(o, irp);
    default:
      return JudgeOutput(o, irp) && JudgeLevel(o, irp, s);
  }
}

// The final status of a call: what it returned, or, after STATUS_PENDING, what its IRP completed with.
bool Judge::State::JudgeFinal(const IrpState& irp, SocketState& s, Status status) {
  const bool got = irp.completed && IsSuccess(status);
  switch (static_cast<Op>(irp.op)) {
    case Op::kReceive:
      return JudgeReceiveStatus(irp, s, status) && (!got || JudgeSomething(irp, s));
    case Op::kReceiveFrom:
      return !got || JudgeAnyDatagram(irp, s);
    case Op::kSend:
      return irp.silent ? JudgeSilentRequest(irp, s, status) : SendCompleted(irp, s, status);
    case Op::kDisconnect:
      return JudgeSilentRequest(irp, s, status);
    case Op::kConnectEx:
      return JudgeConnectFlags(irp, s, status);
    default:
      return true;
  }
}

// nc-wsk-pfn_wsk_control_socket.md, Return value: the bytes returned in the output buffer.
bool Judge::State::JudgeOutput(const Observation& o, const IrpState& irp) {
  const Op op = static_cast<Op>(irp.op);
  const bool query = IsQuery(op);
  if (!IsSuccess(o.status) || (!query && !HasNoOutput(op))) return true;
  if (o.information != (query ? irp.length : 0)) return Refuse<RuleId::kIrpControlInformationIsOutputSize>();
  Exercise(RuleId::kIrpControlInformationIsOutputSize);
  return true;
}

// The Level argument of an ioctl is ignored: what worked with 0 works with another, too.
bool Judge::State::JudgeLevel(const Observation& o, const IrpState& irp, SocketState& s) {
  if (static_cast<Op>(irp.op) != Op::kQuerySendBacklog) return true;
  Receiving& r = s.receiving;
  const bool success = IsSuccess(o.status);
  if (irp.mask == 0) {
    r.query_worked |= success;
    return true;
  }
  if (!r.query_worked || Excused(irp, s)) return true;
  if (!success) return Refuse<RuleId::kControlLevelIgnoredByIoctl>();
  Exercise(RuleId::kControlLevelIgnoredByIoctl);
  return true;
}

// SIO_WSK_REGISTER_EXTENSION, which is issued without an IRP.
bool Judge::State::ExtensionReturned(const Observation& o, const OpenCall& call, SocketState& s) {
  const Npi npi = static_cast<Npi>(call.code);
  if (call.with_irp) s.extension_tried = true;
  if (call.with_irp || !Works(s) || s.receiving.silent_may) return true;
  if (npi == Npi::kForeign) {
    // registering-an-extension-interface.md: an interface that is not supported.
    if (o.status != kStatusNotSupported) return Refuse<RuleId::kExtensionUnknownNotSupported>();
    Exercise(RuleId::kExtensionUnknownNotSupported);
    return true;
  }
  if (npi != Npi::kExtension) return true;
  const bool success = o.status == kStatusSuccess;
  // sio-wsk-register-extension.md: it applies to all types of sockets. What a second registration returns is
  // open.
  if (!success && o.status != kStatusNotSupported && o.status != kStatusInsufficientResources) {
    // Of two at once either may be the second.
    const bool beside = std::any_of(std::begin(calls), std::end(calls), [&call](const OpenCall& other) {
      return other.begin != kNoIndex && other.begin != call.begin && other.socket == call.socket &&
             static_cast<Op>(other.op) == Op::kRegisterExtension;
    });
    if (s.extension_tried || beside) return true;
    return Refuse<RuleId::kExtensionEveryCategory>();
  }
  Exercise(RuleId::kExtensionEveryCategory);
  s.extension_tried = true;
  if (!success) return true;
  // ns-wsk-_wsk_extension_control_out.md: filled in.
  if (o.information != 0) return Refuse<RuleId::kExtensionRegisteredOutputFilled>();
  Exercise(RuleId::kExtensionRegisteredOutputFilled);
  return true;
}

// nc-wsk-pfn_wsk_connect_ex.md, Return value: as many bytes may come with the request.
constexpr uint32_t kMostWithConnect = 65535;

// The same: no flags are defined. Where the socket could be connected.
bool Judge::State::JudgeConnectFlags(const IrpState& irp, const SocketState& s, Status status) {
  if (irp.flags == 0 || !irp.could_connect || Hampered(s) || irp.cancelled) return true;
  // The page has another status for a buffer that is too long, and says nothing of which goes first.
  if (irp.length > kMostWithConnect && status == kStatusBufferOverflow) return true;
  if (status != kStatusInvalidParameter) return Refuse<RuleId::kConnectExFlagsRefused>();
  Exercise(RuleId::kConnectExFlagsRefused);
  return true;
}

// ---- Sends

// nc-wsk-pfn_wsk_send.md: nothing is buffered, so what has completed was sent, all of it.
bool Judge::State::SendCompleted(const IrpState& irp, SocketState& s, Status status) {
  Receiving& r = s.receiving;
  if (!IsSuccess(status)) {
    r.send_failed = true;  // how much of it has gone is not said
    return true;
  }
  // Returned, but not completed yet: that it will be is another rule's.
  if (!irp.completed) return true;
  if (irp.information < irp.length) return Refuse<RuleId::kSendNotBuffered>();
  const uint64_t end = irp.offset + irp.length;
  if (irp.length != 0 && end > r.sent_done) {
    r.sent_done = end;
    r.sends_done = true;
  }
  return true;
}

// What the peer has seen is kept with the end of the connection (judge_disconnect.cc).
bool Judge::State::QuietSends(SocketState& s) {
  Receiving& r = s.receiving;
  const Parting& p = s.parting;
  if (!r.sends_done) return true;
  r.sends_done = false;
  if (r.send_failed || p.garbled || !p.reports || p.peer == kNone) return true;
  if (s.closing || s.reset_may || s.dead_may || starved) return true;
  if (p.seen < r.sent_done) return Refuse<RuleId::kSendNotBuffered>();
  Exercise(RuleId::kSendNotBuffered);
  return true;
}

// ---- The ideal send backlog

void Judge::State::BacklogSet(uint64_t size, SocketState& s) {
  Receiving& r = s.receiving;
  if (r.size_count == kBacklogSizes) {
    r.sizes_unknown = true;
    return;
  }
  r.sizes[r.size_count++] = size;
}

// nc-wsk-pfn_wsk_send_backlog_event.md, Parameters: the new size. Where nothing but the environment could
// have changed it, and the callback was enabled all the time.
bool Judge::State::JudgeBacklog(const Observation& o, const SocketState& s) {
  constexpr uint64_t kNeeded = static_cast<uint64_t>(Capability::kBacklogControl);
  const Receiving& r = s.receiving;
  const EventState& e = s.events[kBacklog];
  if ((capabilities & kNeeded) == 0 || r.sizes_unknown || r.size_count == 0 || !Exact()) return true;
  if (e.last_enable_end != kNoIndex && e.last_enable_end > r.quiet_at) return true;
  for (uint32_t i = 0; i < r.size_count; ++i) {
    if (r.sizes[i] != o.information) continue;
    Exercise(RuleId::kBacklogSizeIsNewSize);
    return true;
  }
  return Refuse<RuleId::kBacklogSizeIsNewSize>();
}

void Judge::State::QuietBacklog(SocketState& s) {
  Receiving& r = s.receiving;
  // A call in progress holds back one that tells of what was before.
  if (s.events[kBacklog].running != 0) return;
  r.size_count = 0;
  r.sizes_unknown = !s.events[kBacklog].MustIndicate() || !s.connected_must;
  // What is outstanding may move the ideal backlog when the peer acknowledges it.
  for (uint16_t i = s.first_irp; i != kNone; i = irps[i].next) {
    const Op op = static_cast<Op>(irps[i].op);
    r.sizes_unknown |= op == Op::kSend || (op == Op::kDisconnect && irps[i].length != 0);
  }
  r.quiet_at = now;
}

// ---- Silent mode (sio-wsk-set-tcp-silent-mode.md)

// Before the call is noted. False: the socket is no longer judged.
bool Judge::State::SilentBegin(const Observation& o, uint16_t slot) {
  SocketState& s = sockets[slot];
  Receiving& r = s.receiving;
  const Op op = static_cast<Op>(o.op);
  if (op == Op::kSetSilentMode) {
    r.silent_may = true;
    for (uint16_t i = s.first_irp; i != kNone; i = irps[i].next) {
      const Op pending = static_cast<Op>(irps[i].op);
      if (pending != Op::kSend && pending != Op::kDisconnect) continue;
      Breach(RuleId::kApplicationSilentModeNothingPending, slot);
      return false;
    }
    return true;
  }
  if (!r.silent_must || op == Op::kClose || op == Op::kRelease) return true;
  // What these return is said, although they are not valid either.
  if (op == Op::kSend || op == Op::kDisconnect) return true;
  Breach(RuleId::kApplicationSilentModeOnlyClose, slot);
  return false;
}

void Judge::State::SilentCompleted(const Observation& o, const IrpState& irp, SocketState& s) {
  Receiving& r = s.receiving;
  if (!IsSuccess(o.status)) {
    // Another request that is under way may still succeed.
    bool others = false;
    for (uint16_t i = s.first_irp; i != kNone; i = irps[i].next) {
      others |= static_cast<Op>(irps[i].op) == Op::kSetSilentMode;
    }
    if (!others) r.silent_may = r.silent_must;
    return;
  }
  s.stream.lossy = r.silent_may = true;
  if (irp.overlaps) return;
  r.silent_must = true;
  r.silent_sent = s.stream.sent_may;
  r.silent_over = s.fin_may || s.reset_may || s.dead_may;
}

// Sends and disconnects fail, and with which status.
bool Judge::State::JudgeSilentRequest(const IrpState& irp, const SocketState& s, Status status) {
  if (!irp.silent || Hampered(s) || irp.cancelled || s.receiving.silent_over) return true;
  // What the pages of the functions say of a socket that works no more.
  if (s.dead_may && !s.dead_by_local) return true;
  // A flag that the function does not have is a reason of its own.
  const uint32_t flags = static_cast<Op>(irp.op) == Op::kSend ? kFlagNoDelay : kFlagAbortive;
  if ((irp.flags & ~flags) != 0 && !IsSuccess(status)) return true;
  // nc-wsk-pfn_wsk_send.md: a transport need not support this one, either.
  const bool no_delay = static_cast<Op>(irp.op) == Op::kSend && (irp.flags & kFlagNoDelay) != 0;
  if (no_delay && status == kStatusNotSupported) return true;
  if (status != kStatusInvalidDeviceState) return Refuse<RuleId::kSilentModeRequestsFail>();
  Exercise(RuleId::kSilentModeRequestsFail);
  return true;
}

// What came since is told of by no callback.
bool Judge::State::JudgeSilent(const Observation& o, const SocketState& s, uint32_t event) {
  const Receiving& r = s.receiving;
  if (!r.silent_must || r.silent_over || s.closing) return true;
  if (event == kDisconnect) return Refuse<RuleId::kSilentModeNothingIndicated>();
  const bool data = event == kReceive && o.length != 0 && static_cast<Content>(o.content) == Content::kExact;
  if (data && o.offset >= r.silent_sent && !InSeveralPlaces(o, s.stream))
    return Refuse<RuleId::kSilentModeNothingIndicated>();
  return true;
}

void Judge::State::QuietSilent(SocketState& s) {
  Receiving& r = s.receiving;
  const EventState& receive = s.events[kReceive];
  const EventState& disconnect = s.events[kDisconnect];
  const bool told = receive.MustIndicate() && s.receives == 0 && HasFunction(s.dispatch, kReceive);
  const bool ended =
      (s.fin_may || s.reset_may) && disconnect.MustIndicate() && HasFunction(s.dispatch, kDisconnect);
  if (r.silent_must && !r.silent_over && !Hampered(s) && ((r.silent_tempted && told) || ended)) {
    Exercise(RuleId::kSilentModeNothingIndicated);
  }
  r.silent_tempted = false;
}

}  // namespace wskcert::model
