#include "conformance/model/mutations.h"

#include <algorithm>

#include "conformance/model/trace_text.h"

namespace wskcert::model {
namespace {

using Log = std::vector<Observation>;
// The number of an inspect id that no client was given.
constexpr uint32_t kUnusedId = 4000;

using Visit = bool (*)(void*, Log&, const std::string&);

Seen KindOf(const Observation& o) { return static_cast<Seen>(o.kind); }

// A log under change. Observations keep their old indices as names until Build() numbers them anew, so that
// references follow what they refer to. References to what was dropped become "none".
class Edit {
 public:
  Edit(const Observation* log, size_t count) : log_(log), count_(count) {}

  void Drop(size_t index) { dropped_.push_back(index); }
  // `o` is placed before the observation at `index`; its references are to old indices. Its own name, for
  // later insertions to refer to, is returned.
  uint32_t Insert(size_t index, const Observation& o) {
    inserted_.push_back({index, o});
    return static_cast<uint32_t>(count_ + inserted_.size() - 1);
  }

  Log Build() const {
    Log result;
    result.reserve(count_ + inserted_.size());
    std::vector<uint32_t> renamed(count_ + inserted_.size(), kNoIndex);
    for (size_t i = 0; i <= count_; ++i) {
      for (size_t j = 0; j < inserted_.size(); ++j) {
        if (inserted_[j].before != i) continue;
        renamed[count_ + j] = static_cast<uint32_t>(result.size());
        result.push_back(inserted_[j].o);
      }
      if (i == count_ || std::find(dropped_.begin(), dropped_.end(), i) != dropped_.end()) continue;
      renamed[i] = static_cast<uint32_t>(result.size());
      result.push_back(log_[i]);
    }
    for (Observation& o : result) {
      if (o.begin != kNoIndex) o.begin = o.begin < renamed.size() ? renamed[o.begin] : kNoIndex;
      if (o.enclosing != kNoIndex)
        o.enclosing = o.enclosing < renamed.size() ? renamed[o.enclosing] : kNoIndex;
    }
    return result;
  }

 private:
  struct Insertion {
    size_t before;
    Observation o;
  };
  const Observation* log_;
  size_t count_;
  std::vector<size_t> dropped_;
  std::vector<Insertion> inserted_;
};

// Drives the visitor over the mutants of one kind.
class Mutator {
 public:
  Mutator(const Observation* log, size_t count, Visit visit, void* context)
      : log_(log), count_(count), visit_(visit), context_(context) {}

  bool Run(Mutation mutation) {
    for (size_t i = 0; i < count_; ++i) {
      if (At(mutation, i)) return true;
    }
    return false;
  }

 private:
  bool Offer(Log log, const std::string& change) { return visit_(context_, log, change); }

  std::string Line(size_t i) const { return ObservationText(log_[i], static_cast<uint32_t>(i)); }

  // A copy with one observation changed in place.
  template <typename Change>
  bool Changed(size_t i, const std::string& what, Change change) {
    Log copy(log_, log_ + count_);
    change(copy[i]);
    return Offer(std::move(copy), what + ": " + Line(i));
  }

  bool At(Mutation mutation, size_t i) {
    switch (mutation) {
      case Mutation::kStatus:
        return Status(i);
      case Mutation::kDropCompletion:
        return DropCompletion(i);
      case Mutation::kDropCallback:
        return DropCallback(i);
      case Mutation::kDuplicateCompletion:
        return DuplicateCompletion(i);
      case Mutation::kEarlyCompletion:
        return EarlyCompletion(i);
      case Mutation::kInsertCallback:
        return InsertCallback(i);
      case Mutation::kArgument:
        return Argument(i);
      case Mutation::kContent:
        return Content(i);
      case Mutation::kContext:
        return Context(i);
      case Mutation::kFailedReceive:
        return FailedReceive(i);
      case Mutation::kEnding:
        return Ending(i);
      case Mutation::kNoFunction:
        return NoFunction(i);
      case Mutation::kSight:
        return Sight(i);
      case Mutation::kDropSight:
        return DropSight(i);
      case Mutation::kDeliver:
        return Deliver(i);
      case Mutation::kAbort:
        return Abort(i);
      case Mutation::kReturn:
        return Return(i);
      case Mutation::kClientEvent:
        return ClientEvent(i);
    }
    return false;
  }

  bool Status(size_t i) {
    if (KindOf(log_[i]) != Seen::kCallEnd && KindOf(log_[i]) != Seen::kCompletion) return false;
    constexpr wskcert::Status kTried[] = {kStatusSuccess, kStatusPending, kStatusEventPending,
                                          kStatusUnsuccessful, kStatusFileForcedClosed};
    for (wskcert::Status status : kTried) {
      if (status == log_[i].status) continue;
      if (Changed(i, "status " + StatusText(status) + " instead",
                  [&](Observation& o) { o.status = status; })) {
        return true;
      }
    }
    return false;
  }

  bool DropCompletion(size_t i) {
    if (KindOf(log_[i]) != Seen::kCompletion) return false;
    Edit edit(log_, count_);
    edit.Drop(i);
    for (size_t j = i + 1; j < count_; ++j) {
      if (KindOf(log_[j]) == Seen::kCompletionEnd && log_[j].begin == i) edit.Drop(j);
    }
    return Offer(edit.Build(), "dropped: " + Line(i));
  }

  void DropCall(size_t i, Edit* edit) const {
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

  bool DropCallback(size_t i) {
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

  bool DuplicateCompletion(size_t i) {
    if (KindOf(log_[i]) != Seen::kCompletion) return false;
    Edit edit(log_, count_);
    Observation again = log_[i];
    again.seen_flags |= kSeenSecondCompletion;
    edit.Insert(i + 1, again);
    return Offer(edit.Build(), "repeated: " + Line(i));
  }

  // To every place from just after its call began, the latest first.
  bool EarlyCompletion(size_t i) {
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

  // The end of the run of bytes that were sent to a socket, and of those that it was shown, before
  // observation i.
  void BytesBefore(size_t i, uint16_t socket, uint64_t* shown, uint64_t* sent) const {
    *shown = *sent = 0;
    for (size_t j = 0; j < i; ++j) {
      const Observation& o = log_[j];
      if (o.socket != socket) continue;
      if (KindOf(o) == Seen::kStimulusBegin && static_cast<Op>(o.op) == Op::kPeerSend) *sent += o.length;
      const bool data = (KindOf(o) == Seen::kCallbackBegin && static_cast<Event>(o.op) == Event::kReceive) ||
                        (KindOf(o) == Seen::kCompletion && static_cast<Op>(o.op) == Op::kReceive);
      if (data) *shown = std::max<uint64_t>(*shown, o.offset + o.length);
    }
  }

  static void AddSlot(uint16_t slot, std::vector<uint16_t>* slots) {
    if (slot == kNoSlot || std::find(slots->begin(), slots->end(), slot) != slots->end()) return;
    slots->push_back(slot);
  }

  // A call of each event of each socket, before every quiescence, completion and ending.
  bool InsertCallback(size_t i) {
    const Seen kind = KindOf(log_[i]);
    if (kind != Seen::kQuiescence && kind != Seen::kCompletion && kind != Seen::kEnd) return false;
    std::vector<uint16_t> sockets;
    for (size_t j = 0; j < i; ++j) {
      if (KindOf(log_[j]) == Seen::kCallBegin) AddSlot(log_[j].socket, &sockets);
      if (IsCompletion(j, Op::kAccept)) AddSlot(log_[j].target, &sockets);
    }
    // Sockets that are accepted, or just being accepted.
    for (size_t j = 0; j < count_; ++j) {
      const Observation& o = log_[j];
      const bool begun = KindOf(o) == Seen::kCallbackEnd && o.begin < i;
      if (begun && static_cast<Event>(log_[o.begin].op) == Event::kAccept) AddSlot(o.target, &sockets);
    }
    for (uint16_t socket : sockets) {
      for (Event event : {Event::kReceive, Event::kDisconnect, Event::kSendBacklog, Event::kAccept,
                          Event::kReceiveFrom, Event::kInspect, Event::kAbort}) {
        if (InsertOne(i, socket, event, false)) return true;
        const bool data = event == Event::kReceive || event == Event::kReceiveFrom;
        if (data && InsertOne(i, socket, event, true)) return true;
      }
    }
    return false;
  }

  bool IsCompletion(size_t i, Op op) const {
    return KindOf(log_[i]) == Seen::kCompletion && static_cast<Op>(log_[i].op) == op;
  }

  static Observation NewCall(uint16_t socket, Event event) {
    Observation begin = {};
    begin.ready = 1;
    begin.kind = static_cast<uint8_t>(Seen::kCallbackBegin);
    begin.op = static_cast<uint16_t>(event);
    begin.socket = socket;
    begin.irp = begin.peer = begin.target = kNoSlot;
    begin.begin = begin.enclosing = begin.step = kNoIndex;
    begin.thread = 200;  // a thread of the provider's
    return begin;
  }

  // A whole call before observation i.
  bool Insert(size_t i, const Observation& begin, wskcert::Status status) {
    Edit edit(log_, count_);
    const uint32_t name = edit.Insert(i, begin);
    Observation end = NewCall(begin.socket, static_cast<Event>(begin.op));
    end.kind = static_cast<uint8_t>(Seen::kCallbackEnd);
    end.begin = name;
    end.status = status;
    edit.Insert(i, end);
    return Offer(edit.Build(),
                 "added before observation " + std::to_string(i) + ": " + ObservationText(begin, name));
  }

  // A WskAcceptEvent for a connection of each peer that has asked to connect, and one without a socket.
  bool Deliver(size_t i) {
    const Seen kind = KindOf(log_[i]);
    if (kind != Seen::kQuiescence && kind != Seen::kCompletion) return false;
    for (size_t j = 0; j < i; ++j) {
      const Observation& o = log_[j];
      const bool asks = KindOf(o) == Seen::kStimulusBegin && static_cast<Op>(o.op) == Op::kPeerConnect;
      const bool called = KindOf(o) == Seen::kCallbackBegin && static_cast<Event>(o.op) == Event::kAccept &&
                          (o.seen_flags & kSeenNullIndication) != 0;
      if (o.socket == kNoSlot || (!asks && !called)) continue;
      Observation begin = NewCall(o.socket, Event::kAccept);
      begin.peer = o.peer;
      if (called) begin.seen_flags = kSeenNullIndication;
      if (Insert(i, begin, kStatusRequestNotAccepted)) return true;
    }
    return false;
  }

  // A WskAbortEvent for each request that was inspected, and for one that was not.
  bool Abort(size_t i) {
    const Seen kind = KindOf(log_[i]);
    if (kind != Seen::kQuiescence && kind != Seen::kCompletion) return false;
    uint16_t listener = kNoSlot;
    for (size_t j = 0; j < i; ++j) {
      const Observation& o = log_[j];
      if (KindOf(o) == Seen::kCallBegin && static_cast<Op>(o.op) == Op::kConditionalAccept)
        listener = o.socket;
      if (KindOf(o) != Seen::kCallbackBegin || static_cast<Event>(o.op) != Event::kInspect) continue;
      Observation begin = NewCall(o.socket, Event::kAbort);
      begin.information = o.information;
      begin.target = o.target;
      if (Insert(i, begin, kStatusSuccess)) return true;
    }
    if (listener == kNoSlot) return false;
    Observation begin = NewCall(listener, Event::kAbort);
    begin.information = kUnusedId;
    return Insert(i, begin, kStatusSuccess);
  }

  // The last datagram that was sent to a socket before observation i, as a node of an indication.
  bool LastDatagram(size_t i, uint16_t socket, Observation* node) const {
    for (size_t j = i; j-- > 0;) {
      const Observation& o = log_[j];
      if (KindOf(o) != Seen::kStimulusBegin || static_cast<Op>(o.op) != Op::kPeerSendDatagram) continue;
      if (o.socket != socket) continue;
      node->peer = o.peer;
      node->offset = o.offset;
      node->length = o.length;
      node->content =
          static_cast<uint8_t>(o.length != 0 ? wskcert::Content::kExact : wskcert::Content::kNone);
      return true;
    }
    return false;
  }

  bool InsertOne(size_t i, uint16_t socket, Event event, bool nothing) {
    Observation begin = NewCall(socket, event);
    if (nothing) begin.seen_flags = kSeenNullIndication;
    Observation end = begin;
    Observation node = begin;
    const bool datagram = event == Event::kReceiveFrom && !nothing && LastDatagram(i, socket, &node);
    if (datagram) {
      begin.mask = 1;
      begin.length = node.length;
    }
    if (event == Event::kReceive && !nothing) {
      uint64_t shown, sent;
      BytesBefore(i, socket, &shown, &sent);
      if (sent == shown) shown = sent != 0 ? sent - 1 : 0;
      begin.offset = shown;
      begin.length = static_cast<uint32_t>(sent > shown ? sent - shown : 1);
      begin.information = begin.length;
      begin.mask = 1;
      begin.content = static_cast<uint8_t>(wskcert::Content::kExact);
      end.length = kNoIndex;
    }
    Edit edit(log_, count_);
    const uint32_t name = edit.Insert(i, begin);
    if (datagram) {
      node.kind = static_cast<uint8_t>(Seen::kCallbackNode);
      node.begin = name;
      edit.Insert(i, node);
    }
    end.kind = static_cast<uint8_t>(Seen::kCallbackEnd);
    end.begin = name;
    edit.Insert(i, end);
    return Offer(edit.Build(),
                 "added before observation " + std::to_string(i) + ": " + ObservationText(begin, name));
  }

  bool Argument(size_t i) {
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
    if (requests && Changed(i, "an address of another family", [](Observation& o) { o.code = 1; }))
      return true;
    if (event == Event::kAbort &&
        Changed(i, "another id", [](Observation& o) { o.information = kUnusedId; })) {
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

  // What an IRP brought.
  bool Result(size_t i) {
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
               Changed(i, "MSG_BCAST flipped", [](Observation& o) { o.flags ^= kMessageBroadcast; });
      case Op::kSend:
        return log_[i].information != 0 && Changed(i, "a byte less", fewer);
      default:
        return op >= Op::kEventCallback && op <= Op::kSetSilentMode &&
               Changed(i, "Information one more", more);
    }
  }

  // One datagram of a list.
  bool Node(size_t i) {
    if (static_cast<Event>(log_[i].op) != Event::kReceiveFrom) return false;
    return Changed(i, "no address", [](Observation& o) { o.code = 1; }) ||
           Changed(i, "control information of no length",
                   [](Observation& o) { o.information = kControlInfoGiven; }) ||
           (log_[i].length > 1 && Changed(i, "a byte less", [](Observation& o) { --o.length; }));
  }

  bool Content(size_t i) {
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

  bool Context(size_t i) {
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

  // A receive that a disable found queued ends right after the disable.
  bool FailedReceive(size_t i) {
    const Observation& o = log_[i];
    const bool disable = KindOf(o) == Seen::kCallEnd && static_cast<Op>(o.op) == Op::kEventCallback &&
                         o.begin < i && (log_[o.begin].mask & kEventDisable) != 0;
    if (!disable) return false;
    for (size_t j = 0; j < o.begin; ++j) {
      const Observation& call = log_[j];
      const Op op = static_cast<Op>(call.op);
      const bool queues = op == Op::kReceive || op == Op::kAccept || op == Op::kReceiveFrom;
      if (KindOf(call) != Seen::kCallBegin || !queues || call.socket != o.socket) continue;
      Edit edit(log_, count_);
      bool completed_before = false;
      for (size_t k = j + 1; k < count_; ++k) {
        if (KindOf(log_[k]) != Seen::kCompletion || log_[k].begin != j) continue;
        completed_before |= k < i;
        edit.Drop(k);
      }
      if (completed_before) continue;
      Observation completion = call;
      completion.kind = static_cast<uint8_t>(Seen::kCompletion);
      completion.begin = static_cast<uint32_t>(j);
      completion.enclosing = kNoIndex;
      completion.seen_flags = 0;
      completion.length = 0;
      completion.flags = 0;
      completion.status = kStatusCancelled;
      edit.Insert(i + 1, completion);
      if (Offer(edit.Build(), "ended after observation " + std::to_string(i) + ": " + Line(j))) return true;
    }
    return false;
  }

  bool Ending(size_t i) {
    if (KindOf(log_[i]) != Seen::kEnd) return false;
    return Changed(i, "the provider crashed",
                   [](Observation& o) { o.code = static_cast<uint8_t>(wskcert::Ending::kCrashed); });
  }

  bool NoFunction(size_t i) {
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

  bool Sight(size_t i) {
    const bool connected =
        KindOf(log_[i]) == Seen::kPeerSaw && static_cast<PeerSight>(log_[i].code) == PeerSight::kConnected;
    return connected && Changed(i, "refused instead",
                                [](Observation& o) { o.code = static_cast<uint8_t>(PeerSight::kRefused); });
  }

  bool DropSight(size_t i) {
    if (KindOf(log_[i]) != Seen::kPeerSaw) return false;
    Edit edit(log_, count_);
    edit.Drop(i);
    return Offer(edit.Build(), "dropped: " + Line(i));
  }

  // Captures and WskDeregister: never, and at every earlier place, the latest first.
  bool Return(size_t i) {
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

  bool ClientEvent(size_t i) {
    if (KindOf(log_[i]) != Seen::kEnd) return false;
    Observation begin = log_[i];
    begin.kind = static_cast<uint8_t>(Seen::kCallbackBegin);
    begin.op = static_cast<uint16_t>(Event::kClientEvent);
    begin.code = 0;
    begin.status = 0;
    Observation end = begin;
    end.kind = static_cast<uint8_t>(Seen::kCallbackEnd);
    end.status = kStatusNotImplemented;
    Edit edit(log_, count_);
    end.begin = edit.Insert(i, begin);
    edit.Insert(i, end);
    return Offer(edit.Build(), "WskClientEvent is called");
  }

  const Observation* log_;
  size_t count_;
  Visit visit_;
  void* context_;
};

struct Search {
  Judge* judge;
  uint64_t capabilities;
  RuleId rule;
  std::optional<Mutant> found;
};

bool RefusedByName(void* context, Log& log, const std::string& change) {
  auto* search = static_cast<Search*>(context);
  search->judge->Start(search->capabilities);
  search->judge->ObserveAll(log.data(), log.size());
  const Refusal& refusal = search->judge->refusal();
  for (size_t i = 0; i < refusal.blamed_count; ++i) {
    if (refusal.blamed[i] != search->rule) continue;
    search->found = Mutant{std::move(log), change, refusal.index};
    return true;
  }
  return false;
}

}  // namespace

const char* NameOf(Mutation mutation) {
  constexpr const char* kNames[kMutationCount] = {"status",
                                                  "drop-completion",
                                                  "drop-callback",
                                                  "duplicate-completion",
                                                  "early-completion",
                                                  "insert-callback",
                                                  "argument",
                                                  "content",
                                                  "context",
                                                  "failed-receive",
                                                  "ending",
                                                  "no-function",
                                                  "sight",
                                                  "drop-sight",
                                                  "deliver",
                                                  "abort",

                                                  "return",
                                                  "client-event"};
  return kNames[static_cast<size_t>(mutation)];
}

bool ForEachMutant(const Observation* log, size_t count, Mutation mutation, Visit visit, void* context) {
  return Mutator(log, count, visit, context).Run(mutation);
}

std::optional<Mutant> ConfirmBite(const Observation* log, size_t count, uint64_t capabilities, RuleId rule,
                                  Judge& judge) {
  Search search = {&judge, capabilities, rule, std::nullopt};
  for (uint8_t i = 0; i < kMutationCount && !search.found.has_value(); ++i) {
    ForEachMutant(log, count, static_cast<Mutation>(i), RefusedByName, &search);
  }
  return std::move(search.found);
}

}  // namespace wskcert::model
