// Mutants in which what was seen is changed, dropped, repeated or moved.
#include "conformance/model/mutator.h"

namespace wskcert::model {

bool Mutator::Status(size_t i) {
  if (KindOf(log_[i]) != Seen::kCallEnd && KindOf(log_[i]) != Seen::kCompletion) return false;
  constexpr wskcert::Status kTried[] = {kStatusSuccess, kStatusPending, kStatusEventPending,
                                        kStatusUnsuccessful, kStatusFileForcedClosed};
  for (wskcert::Status status : kTried) {
    if (status == log_[i].status) continue;
    if (Changed(i, "status " + StatusText(status) + " instead", [&](Observation& o) { o.status = status; })) {
      return true;
    }
  }
  return false;
}

bool Mutator::DropCompletion(size_t i) {
  if (KindOf(log_[i]) != Seen::kCompletion) return false;
  Edit edit(log_, count_);
  edit.Drop(i);
  for (size_t j = i + 1; j < count_; ++j) {
    if (KindOf(log_[j]) == Seen::kCompletionEnd && log_[j].begin == i) edit.Drop(j);
  }
  return Offer(edit.Build(), "dropped: " + Line(i));
}

void Mutator::DropCall(size_t i, Edit* edit) const {
  edit->Drop(i);
  for (size_t j = i + 1; j < count_; ++j) {
    const Seen kind = KindOf(log_[j]);
    const bool part = kind == Seen::kCallbackNode || kind == Seen::kCallbackEnd || kind == Seen::kHeld ||
                      kind == Seen::kUnheld || kind == Seen::kHoldRefused || kind == Seen::kRetainedRead;
    if (part && log_[j].begin == i) edit->Drop(j);
  }
  // A connection that is not offered is not refused either.
  const Event event = static_cast<Event>(log_[i].op);
  const bool offers = (event == Event::kAccept || event == Event::kInspect) && log_[i].peer != kNoSlot;
  for (size_t j = i + 1; j < count_ && offers; ++j) {
    const Observation& o = log_[j];
    if (o.peer != log_[i].peer) continue;
    if (KindOf(o) == Seen::kStimulusBegin) break;
    const PeerSight sight = static_cast<PeerSight>(o.code);
    const bool ends = sight == PeerSight::kReset || sight == PeerSight::kRefused;
    if (KindOf(o) == Seen::kPeerSaw && ends) edit->Drop(j);
  }
}

bool Mutator::DropCallback(size_t i) {
  if (KindOf(log_[i]) != Seen::kCallbackBegin) return false;
  Edit edit(log_, count_);
  DropCall(i, &edit);
  if (Offer(edit.Build(), "dropped: " + Line(i))) return true;
  // Silence also means that nothing takes its place.
  size_t more = 0;
  for (size_t j = i + 1; j < count_ && KindOf(log_[j]) != Seen::kQuiescence; ++j) {
    const Observation& o = log_[j];
    if (KindOf(o) != Seen::kCallbackBegin || o.op != log_[i].op || o.socket != log_[i].socket) continue;
    DropCall(j, &edit);
    ++more;
  }
  return more != 0 && Offer(edit.Build(), "dropped with the next " + std::to_string(more) + ": " + Line(i));
}

bool Mutator::DuplicateCompletion(size_t i) {
  if (KindOf(log_[i]) != Seen::kCompletion) return false;
  Edit edit(log_, count_);
  Observation again = log_[i];
  again.seen_flags |= kSeenSecondCompletion;
  edit.Insert(i + 1, again);
  return Offer(edit.Build(), "repeated: " + Line(i));
}

bool Mutator::EarlyCompletion(size_t i) {
  const Observation& o = log_[i];
  if (KindOf(o) != Seen::kCompletion || o.begin >= i) return false;
  for (size_t to = i; to-- > o.begin + 1;) {
    const Seen kind = KindOf(log_[to]);
    if (kind != Seen::kCallbackEnd && kind != Seen::kCompletion && kind != Seen::kQuiescence) continue;
    Edit edit(log_, count_);
    edit.Drop(i);
    for (size_t j = i + 1; j < count_; ++j) {
      if (KindOf(log_[j]) == Seen::kCompletionEnd && log_[j].begin == i) edit.Drop(j);
    }
    edit.Insert(to, o);
    if (Offer(edit.Build(), "moved before observation " + std::to_string(to) + ": " + Line(i))) return true;
  }
  return false;
}

bool Mutator::Argument(size_t i) {
  const bool creates =
      KindOf(log_[i]) == Seen::kCompletion && log_[i].information != 0 &&
      (static_cast<Op>(log_[i].op) == Op::kSocket || static_cast<Op>(log_[i].op) == Op::kSocketConnect ||
       static_cast<Op>(log_[i].op) == Op::kAccept);
  if (creates && Changed(i, "no socket", [](Observation& o) { o.information = 0; })) return true;
  const bool reads = IsCompletion(i, Op::kGetConditionalAccept);
  if (reads && Changed(i, "the other value", [](Observation& o) { o.offset ^= 1; })) return true;
  const bool asks = KindOf(log_[i]) == Seen::kCallEnd && log_[i].mask != 0;
  if (asks && Changed(i, "another id", [](Observation& o) { o.mask = kUnusedId; })) return true;
  if (KindOf(log_[i]) == Seen::kCompletion) return Result(i);
  if (KindOf(log_[i]) == Seen::kCallbackNode) return Node(i);
  if (KindOf(log_[i]) == Seen::kCallEnd && static_cast<Op>(log_[i].op) == Op::kRegisterExtension) {
    return Changed(i, "no table", [](Observation& o) { o.information = kUnfilledDispatch; });
  }
  if (KindOf(log_[i]) != Seen::kCallbackBegin) return false;
  const uint32_t flag =
      static_cast<Event>(log_[i].op) == Event::kReceive ? kFlagEntireMessage : kMessageBroadcast;
  if (Changed(i, "another flag", [flag](Observation& o) { o.flags ^= flag; })) return true;
  const Event event = static_cast<Event>(log_[i].op);
  const bool requests = event == Event::kAccept || event == Event::kInspect;
  if (requests && Changed(i, "an address of another family", [](Observation& o) { o.code = 1; })) return true;
  if (event == Event::kAbort && Changed(i, "another id", [](Observation& o) { o.information = kUnusedId; })) {
    return true;
  }
  if (event == Event::kInspect && log_[i].information > 1 &&
      Changed(i, "the id of the request before", [](Observation& o) { --o.information; })) {
    return true;
  }
  return Changed(i, "BytesIndicated one more", [](Observation& o) { ++o.information; }) ||
         Changed(i, "IRQL above DISPATCH_LEVEL", [](Observation& o) { o.irql = kDispatchLevel + 1; }) ||
         Changed(i, "IRQL below DISPATCH_LEVEL", [](Observation& o) { o.irql = kPassiveLevel; }) ||
         Changed(i, "the abortive flag flipped", [](Observation& o) { o.flags ^= kFlagAbortive; });
}

bool Mutator::Result(size_t i) {
  const Op op = static_cast<Op>(log_[i].op);
  const auto more = [](Observation& o) { ++o.information; };
  const auto beyond = [](Observation& o) { o.information = kMaxTransferBytes + 1, o.length = 0; };
  const auto fewer = [](Observation& o) { o.length -= --o.information < o.length ? 1 : 0; };
  const auto cut = [](Observation& o) { o.flags ^= kMessageTruncated; };
  switch (op) {
    case Op::kReceive:
      return Changed(i, "more bytes than were asked for", beyond) ||
             (log_[i].length != 0 && Changed(i, "a byte less", fewer));
    case Op::kReceiveFrom:
      return Changed(i, "MSG_TRUNC flipped", cut) ||
             Changed(i, "MSG_BCAST flipped", [](Observation& o) { o.flags ^= kMessageBroadcast; }) ||
             (log_[i].length != 0 && Changed(i, "a byte less", fewer));
    case Op::kSend:
      return log_[i].information != 0 && Changed(i, "a byte less", fewer);
    default:
      return op >= Op::kEventCallback && op <= Op::kSetSilentMode && Changed(i, "Information one more", more);
  }
}

bool Mutator::Node(size_t i) {
  if (static_cast<Event>(log_[i].op) != Event::kReceiveFrom) return false;
  return Changed(i, "no address", [](Observation& o) { o.code = 1; }) ||
         Changed(i, "control information of no length",
                 [](Observation& o) { o.information = kControlInfoGiven; }) ||
         (log_[i].length > 1 && Changed(i, "a byte less", [](Observation& o) { --o.length; }));
}

bool Mutator::Content(size_t i) {
  const Observation& o = log_[i];
  const bool node = KindOf(o) == Seen::kCallbackNode || KindOf(o) == Seen::kRetainedRead;
  const bool event = KindOf(o) == Seen::kCallbackBegin && static_cast<Event>(o.op) == Event::kReceive;
  const bool completion = KindOf(o) == Seen::kCompletion && static_cast<Op>(o.op) == Op::kReceive;
  if ((!node && !event && !completion) || o.length == 0) return false;
  return Changed(i, "bytes of nobody",
                 [](Observation& c) { c.content = static_cast<uint8_t>(wskcert::Content::kCorrupt); }) ||
         Changed(i, "bytes from the beginning of the stream", [](Observation& c) { c.offset = 0; }) ||
         Changed(i, "bytes one further", [](Observation& c) { ++c.offset; });
}

bool Mutator::Context(size_t i) {
  if (KindOf(log_[i]) != Seen::kCallbackBegin) return false;
  Edit edit(log_, count_);
  DropCall(i, &edit);
  Observation fault = log_[i];
  fault.kind = static_cast<uint8_t>(Seen::kFault);
  fault.code = static_cast<uint8_t>(FaultKind::kBadContext);
  fault.socket = kNoSlot;
  edit.Insert(i, fault);
  if (Offer(edit.Build(), "another context: " + Line(i))) return true;
  const Event event = static_cast<Event>(log_[i].op);
  if (event != Event::kReceive && event != Event::kReceiveFrom) return false;
  // A list that cannot be walked.
  Edit broken(log_, count_);
  fault.code = static_cast<uint8_t>(FaultKind::kBadIndication);
  fault.socket = log_[i].socket;
  broken.Insert(i + 1, fault);
  return Offer(broken.Build(), "a list without an end: " + Line(i));
}

bool Mutator::Ending(size_t i) {
  if (KindOf(log_[i]) != Seen::kEnd) return false;
  for (FaultKind kind : {FaultKind::kSecondCompletion, FaultKind::kBadIrp, FaultKind::kIrqlChanged}) {
    Edit edit(log_, count_);
    Observation fault = log_[i];
    fault.kind = static_cast<uint8_t>(Seen::kFault);
    fault.code = static_cast<uint8_t>(kind);
    edit.Insert(i, fault);
    if (Offer(edit.Build(), "added before the end: " + ObservationText(fault, static_cast<uint32_t>(i))))
      return true;
  }
  return Changed(i, "the provider crashed",
                 [](Observation& o) { o.code = static_cast<uint8_t>(wskcert::Ending::kCrashed); });
}

bool Mutator::NoFunction(size_t i) {
  if (KindOf(log_[i]) != Seen::kCallBegin || log_[i].socket == kNoSlot) return false;
  Observation skip = log_[i];
  skip.kind = static_cast<uint8_t>(Seen::kSkip);
  skip.seen_flags = 0;
  skip.content = 0;
  skip.code = static_cast<uint8_t>(SkipReason::kNoFunction);
  Edit edit(log_, count_);
  edit.Insert(i, skip);
  return Offer(edit.Build(), "no function for: " + Line(i));
}

bool Mutator::Sight(size_t i) {
  const bool connected =
      KindOf(log_[i]) == Seen::kPeerSaw && static_cast<PeerSight>(log_[i].code) == PeerSight::kConnected;
  return connected && Changed(i, "refused instead",
                              [](Observation& o) { o.code = static_cast<uint8_t>(PeerSight::kRefused); });
}

bool Mutator::DropSight(size_t i) {
  if (KindOf(log_[i]) != Seen::kPeerSaw) return false;
  Edit edit(log_, count_);
  edit.Drop(i);
  return Offer(edit.Build(), "dropped: " + Line(i));
}

bool Mutator::Return(size_t i) {
  const Observation& o = log_[i];
  if (KindOf(o) != Seen::kCallEnd || o.begin >= i) return false;
  if (static_cast<Op>(o.op) != Op::kCapture && static_cast<Op>(o.op) != Op::kDeregister) return false;
  Edit dropped(log_, count_);
  dropped.Drop(i);
  if (Offer(dropped.Build(), "dropped: " + Line(i))) return true;
  for (size_t to = i; to-- > o.begin + 1;) {
    Edit edit(log_, count_);
    edit.Drop(i);
    edit.Insert(to, o);
    if (Offer(edit.Build(), "moved before observation " + std::to_string(to) + ": " + Line(i))) return true;
  }
  return false;
}

}  // namespace wskcert::model
