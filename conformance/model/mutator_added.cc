// Mutants with something that nobody saw.
#include "conformance/model/mutator.h"

namespace wskcert::model {

void Mutator::BytesBefore(size_t i, uint16_t socket, uint64_t* shown, uint64_t* sent) const {
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

void Mutator::AddSlot(uint16_t slot, std::vector<uint16_t>* slots) {
  if (slot == kNoSlot || std::find(slots->begin(), slots->end(), slot) != slots->end()) return;
  slots->push_back(slot);
}

bool Mutator::InsertCallback(size_t i) {
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

bool Mutator::IsCompletion(size_t i, Op op) const {
  return KindOf(log_[i]) == Seen::kCompletion && static_cast<Op>(log_[i].op) == op;
}

Observation Mutator::NewCall(uint16_t socket, Event event) {
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

bool Mutator::Insert(size_t i, const Observation& begin, wskcert::Status status) {
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

bool Mutator::Deliver(size_t i) {
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

bool Mutator::Abort(size_t i) {
  const Seen kind = KindOf(log_[i]);
  if (kind != Seen::kQuiescence && kind != Seen::kCompletion) return false;
  uint16_t listener = kNoSlot;
  for (size_t j = 0; j < i; ++j) {
    const Observation& o = log_[j];
    if (KindOf(o) == Seen::kCallBegin && static_cast<Op>(o.op) == Op::kConditionalAccept) listener = o.socket;
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

bool Mutator::LastDatagram(size_t i, uint16_t socket, Observation* node) const {
  for (size_t j = i; j-- > 0;) {
    const Observation& o = log_[j];
    if (KindOf(o) != Seen::kStimulusBegin || static_cast<Op>(o.op) != Op::kPeerSendDatagram) continue;
    if (o.socket != socket) continue;
    node->peer = o.peer;
    node->offset = o.offset;
    node->length = o.length;
    node->content = static_cast<uint8_t>(o.length != 0 ? wskcert::Content::kExact : wskcert::Content::kNone);
    return true;
  }
  return false;
}

bool Mutator::InsertOne(size_t i, uint16_t socket, Event event, bool nothing) {
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

bool Mutator::FailedReceive(size_t i) {
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

bool Mutator::ClientEvent(size_t i) {
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

}  // namespace wskcert::model
