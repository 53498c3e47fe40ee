// Receiving: requests of their own, push bits, indications that say that the socket is dead, retained lists.
#include <algorithm>

#include "conformance/model/judge_state.h"

namespace wskcert::model {

namespace {

constexpr uint32_t kReceiveFlags = kFlagWaitAll | kFlagDrain;

}  // namespace

// ---- Requests to receive

void Judge::State::ReceiveBegin(const Observation& o, SocketState& s) {
  if ((o.flags & kFlagDrain) != 0) {
    s.stream.unknown = s.stream.lossy = true;
    ++s.receiving.drains;
  }
}

// What else could have ended a WskReceive.
bool Judge::State::Excused(const IrpState& irp, const SocketState& s) const {
  return irp.cancelled || s.closing || s.fin_may || s.reset_may || s.dead_may || s.local_disconnect ||
         starved || irp.early || s.receiving.silent_may || GivenUp(s);
}

// Parameters, Flags: the events that complete a request that waits for all, or discards all.
bool Judge::State::JudgeWait(const IrpState& irp, bool excused) {
  if ((irp.flags & kReceiveFlags) == kReceiveFlags) return true;  // they exclude each other
  if ((irp.flags & kFlagWaitAll) != 0 && !excused) {
    if (irp.information < irp.length) return Refuse<RuleId::kReceiveWaitallWaits>();
    if (irp.passed_over) Exercise(RuleId::kReceiveWaitallWaits);
  }
  if ((irp.flags & kFlagDrain) != 0) {
    if (!excused) return Refuse<RuleId::kReceiveDrainWaits>();
    if (irp.passed_over && !irp.cancelled) Exercise(RuleId::kReceiveDrainWaits);
  }
  return true;
}

// The final status of a WskReceive.
bool Judge::State::JudgeReceiveStatus(const IrpState& irp, const SocketState& s, Status status) {
  const bool success = IsSuccess(status);
  const bool excused = Excused(irp, s);
  // nc-wsk-pfn_wsk_receive.md, Return value: a flag that the transport lacks. It may be taken for an invalid
  // parameter as well.
  if ((irp.flags & ~kReceiveFlags) != 0) {
    if (excused) return true;
    if (status != kStatusNotSupported && status != kStatusInvalidParameter) {
      return Refuse<RuleId::kReceiveFlagNotSupported>();
    }
    Exercise(RuleId::kReceiveFlagNotSupported);
    return true;
  }
  if (irp.flags != 0) return !success || !irp.completed || JudgeWait(irp, excused);
  // ns-wsk-_wsk_buf.md, Mdl: it may be NULL where the length is 0.
  if (irp.length != 0 || excused) return true;
  if (!success && status != kStatusInsufficientResources) {
    return Refuse<RuleId::kReceiveZeroLengthMdlMayBeNull>();
  }
  if (success) Exercise(RuleId::kReceiveZeroLengthMdlMayBeNull);
  return true;
}

// What a WskReceive brought, apart from the bytes themselves.
bool Judge::State::JudgeReceive(const Observation& o, const IrpState& irp, const SocketState& s) {
  if (!IsSuccess(o.status) || (irp.flags & ~kReceiveFlags) != 0) return true;
  // Return value, STATUS_SUCCESS and STATUS_PENDING: the number of bytes received.
  const bool corrupt = static_cast<Content>(o.content) == Content::kCorrupt;
  if (o.information > irp.length) return Refuse<RuleId::kReceiveInformationIsByteCount>();
  if (corrupt && o.mask != 0 && !s.stream.unknown && !MayLieAround(s)) {
    return Refuse<RuleId::kReceiveInformationIsByteCount, RuleId::kReceiveBytesNoneLost>();
  }
  if (o.information != 0) Exercise(RuleId::kReceiveInformationIsByteCount);
  return !irp.returned || JudgeSomething(irp, s);
}

// The same section: it succeeds, or is completed, when data has been received. None has, where the connection
// goes on. Of an IRP that is completed inside the call the return says more.
bool Judge::State::JudgeSomething(const IrpState& irp, const SocketState& s) {
  const bool nothing = irp.information == 0 && irp.length != 0 && irp.flags == 0;
  if (nothing && !s.stream.unknown && !s.receiving.sent_nothing && !Excused(irp, s)) {
    return Refuse<RuleId::kReceiveInformationIsByteCount>();
  }
  return true;
}

// Bytes that a request with WSK_FLAG_DRAIN was there to discard.
bool Judge::State::JudgeDrained(const Observation& o, const SocketState& s, uint32_t length) {
  const Receiving& r = s.receiving;
  if (!r.drained || length == 0 || static_cast<Content>(o.content) != Content::kExact) return true;
  const bool overlaps = o.offset < r.drained_to && o.offset + length > r.drained_from;
  // Which bytes would be next is not known of a stream that is discarded.
  if (!overlaps || length <= kAmbiguous) return true;
  return Refuse<RuleId::kReceiveDrainDiscards>();
}

// What has not arrived yet may come after the request.
void Judge::State::DrainCancelled(const IrpState& irp) {
  if (static_cast<Op>(irp.op) != Op::kReceive || (irp.flags & kFlagDrain) == 0) return;
  Receiving& r = sockets[irp.socket].receiving;
  if (r.drained && r.drained_to == UINT64_MAX) r.drained_to = r.quiet_sent_any;
}

void Judge::State::ReceiveDone(const IrpState& irp, SocketState& s) {
  Receiving& r = s.receiving;
  if ((irp.flags & kFlagDrain) == 0) return;
  Lower(r.drains);
  // What came when it was being completed or cancelled may have missed it.
  if (r.drained && r.drains == 0 && r.drained_to == UINT64_MAX) r.drained_to = r.quiet_sent_any;
}

// ---- What WskReceiveEvent is told

void Judge::State::PeerSends(const Observation& o, SocketState& s) {
  Receiving& r = s.receiving;
  const uint64_t begin = s.stream.sent_may;
  if (!r.push_known) {
    r.push_known = true;
    r.push_from = r.burst_from = begin;
  }
  r.sent_nothing |= o.length == 0;
  if (r.silent_must) r.silent_tempted = true;
  if (r.drained && r.drains != 0 && s.events[kReceive].MustIndicate()) r.drain_tempted = true;
  if ((o.flags & 1) == 0 || o.length == 0) return;
  if (r.pushed_count == kPushedRanges) {
    r.push_from = r.pushed[0].end;
    for (uint32_t i = 1; i < kPushedRanges; ++i) r.pushed[i - 1] = r.pushed[i];
    --r.pushed_count;
  }
  // Bytes that waited together may have travelled together.
  r.pushed[r.pushed_count++] = {r.burst_from, begin + o.length};
}

// Flags: WSK_FLAG_ENTIRE_MESSAGE tells of a push bit in the segments that the data came in.
bool Judge::State::JudgePush(const Observation& o, SocketState& s) {
  constexpr uint64_t kNeeded = static_cast<uint64_t>(Capability::kPushBit);
  Receiving& r = s.receiving;
  const uint64_t end = o.offset + o.length;
  if ((capabilities & kNeeded) == 0 || s.stream.unknown || s.fin_may || o.length == 0) return true;
  if (!r.push_known || o.offset < r.push_from || static_cast<Content>(o.content) != Content::kExact)
    return true;
  if (InSeveralPlaces(o, s.stream)) return true;
  bool any = false;
  bool last = false;
  for (uint32_t i = 0; i < r.pushed_count; ++i) {
    any |= r.pushed[i].begin < end && r.pushed[i].end > o.offset;
    last |= r.pushed[i].end == end;
  }
  const bool told = (o.flags & kFlagEntireMessage) != 0;
  // What was told of before and refused has been cut anew.
  const bool again = o.offset < s.stream.indicated;
  if ((told && !any) || (!told && last && !again)) return Refuse<RuleId::kReceiveFlagEntireMessage>();
  if (told == last && !again) Exercise(RuleId::kReceiveFlagEntireMessage);
  return true;
}

// Data of after an indication that said that the socket no longer functions.
bool Judge::State::JudgeAlive(const Observation& o, const SocketState& s, uint32_t length) {
  const Receiving& r = s.receiving;
  if (s.stream.unknown || length == 0 || InSeveralPlaces(o, s.stream)) return true;
  if (r.null_quiet && o.offset >= r.null_sent) return Refuse<RuleId::kReceiveNullIndicationMeansDead>();
  if (r.enabled_quiet && o.offset >= r.quiet_sent) Exercise(RuleId::kReceiveNullIndicationMeansDead);
  return true;
}

// ---- Retained lists

void Judge::State::RetainedBy(const Observation& o, const Running& call) {
  const uint16_t slot = std::min(o.target, kNoRetained);
  used_retained.push_back(slot);
  retained[slot] = {call.socket, now};
}

// A list that the client kept is read again. nc-wsk-pfn_wsk_receive_event.md, STATUS_PENDING: the client
// keeps it until it releases it. Whether it outlives the connection is open (N346).
void Judge::State::RetainedRead(const Observation& o) {
  const SocketState* s = Socket(o.socket);
  if (s == nullptr || s->stream.unknown || s->fin_may || s->reset_may || s->dead_may || GivenUp(*s)) return;
  if (static_cast<Content>(o.content) != Content::kExact && o.length != 0) {
    Refuse<RuleId::kReceiveRetainedUnchanged>();
  } else {
    Exercise(RuleId::kReceiveRetainedUnchanged);
  }
}

// What WskRelease must return: nothing that is known, success, or that its parameter is invalid.
void Judge::State::ReleaseBegin(const Observation& o, OpenCall& call) {
  if (o.target == kNoSocketEntry) {
    call.release = Release::kOfNothing;
    return;
  }
  SocketState& s = sockets[call.socket];
  Lower(s.retained);
  RetainedList& list = retained[std::min(o.target, kNoRetained)];
  // The provider may not know yet that the list is retained (ambiguities 34).
  if (list.socket == call.socket && list.at < last_exact) call.release = Release::kOfRetained;
  list.at = kNoIndex;
}

bool Judge::State::JudgeRelease(const OpenCall& call, Status status) {
  if (status == kStatusPending) {
    // Parameters: it has no IRP that could complete later. Whatever the list is, this is neither status.
    if (sockets[call.socket].category == Category::kDatagram)
      return Refuse<RuleId::kReceiveFromReleaseStatus>();
    return Refuse<RuleId::kReceiveReleaseSucceeds, RuleId::kReceiveReleaseInvalidParameter>();
  }
  const SocketState& s = sockets[call.socket];
  if (call.release == Release::kOpen || starved || s.dead_may || GivenUp(s)) return true;
  const bool datagrams = s.category == Category::kDatagram;
  const bool retained_list = call.release == Release::kOfRetained;
  const Status expected = retained_list ? kStatusSuccess : kStatusInvalidParameter;
  const RuleId rule = datagrams       ? RuleId::kReceiveFromReleaseStatus
                      : retained_list ? RuleId::kReceiveReleaseSucceeds
                                      : RuleId::kReceiveReleaseInvalidParameter;
  if (status != expected) return !Forbid({rule});
  Exercise(rule);
  return true;
}

// ---- Quiescence

void Judge::State::QuietReceiving(SocketState& s) {
  Receiving& r = s.receiving;
  r.burst_from = s.stream.sent_may;
  r.quiet_sent_any = s.stream.sent_may;
  if (r.told_null && !r.null_quiet) {
    r.null_quiet = true;
    r.null_sent = s.stream.sent_may;
    r.null_at = now;
  }
  const uint32_t event = s.category == Category::kDatagram ? kReceiveFrom : kReceive;
  const EventState& e = s.events[event];
  r.enabled_quiet = e.MustIndicate() && !s.dead_may && !s.closing;
  r.quiet_sent = s.stream.sent_may;
  if (r.drain_tempted && r.drained_to == UINT64_MAX && !Hampered(s)) Exercise(RuleId::kReceiveDrainDiscards);
  r.drain_tempted = false;
  // A request that discards what comes from now on, unless others stand before it.
  if (r.drains != 0 && r.drains == s.receives && !r.drained) {
    r.drained = true;
    r.drained_from = s.stream.sent_may;
    r.drained_to = UINT64_MAX;
  }
  for (uint16_t i = s.first_irp; i != kNone; i = irps[i].next) {
    IrpState& irp = irps[i];
    if (static_cast<Op>(irp.op) != Op::kReceive || !irp.settled) continue;
    // Data has come that would have completed it, had it no such flag.
    const bool data = s.stream.sent_must > irp.settled_sent;
    irp.passed_over |= data && (irp.flags & kReceiveFlags) != 0;
  }
}

}  // namespace wskcert::model
