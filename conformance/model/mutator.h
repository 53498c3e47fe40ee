// The mutants of a trace, one by one. Internal to mutations.cc.
//
// mutator_changed.cc   observations changed, dropped, repeated or moved
// mutator_added.cc     calls of callbacks and ends of receives that nobody saw
#ifndef WSKCERT_CONFORMANCE_MODEL_MUTATOR_H_
#define WSKCERT_CONFORMANCE_MODEL_MUTATOR_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "conformance/model/mutations.h"
#include "conformance/model/trace_text.h"

namespace wskcert::model {

using Log = std::vector<Observation>;
// The number of an inspect id that no client was given.
inline constexpr uint32_t kUnusedId = 4000;

using Visit = bool (*)(void*, Log&, const std::string&);

inline Seen KindOf(const Observation& o) { return static_cast<Seen>(o.kind); }

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

  bool Status(size_t i);
  bool DropCompletion(size_t i);
  void DropCall(size_t i, Edit* edit) const;
  bool DropCallback(size_t i);
  bool DuplicateCompletion(size_t i);
  // To every place from just after its call began, the latest first.
  bool EarlyCompletion(size_t i);
  // The end of the run of bytes that were sent to a socket, and of those that it was shown, before
  // observation i.
  void BytesBefore(size_t i, uint16_t socket, uint64_t* shown, uint64_t* sent) const;
  static void AddSlot(uint16_t slot, std::vector<uint16_t>* slots);
  // A call of each event of each socket, before every quiescence, completion and ending.
  bool InsertCallback(size_t i);
  bool IsCompletion(size_t i, Op op) const;
  static Observation NewCall(uint16_t socket, Event event);
  // A whole call before observation i.
  bool Insert(size_t i, const Observation& begin, wskcert::Status status);
  // A WskAcceptEvent for a connection of each peer that has asked to connect, and one without a socket.
  bool Deliver(size_t i);
  // A WskAbortEvent for each request that was inspected, and for one that was not.
  bool Abort(size_t i);
  // The last datagram that was sent to a socket before observation i, as a node of an indication.
  bool LastDatagram(size_t i, uint16_t socket, Observation* node) const;
  bool InsertOne(size_t i, uint16_t socket, Event event, bool nothing);
  bool Argument(size_t i);
  // What an IRP brought.
  bool Result(size_t i);
  // One datagram of a list.
  bool Node(size_t i);
  bool Content(size_t i);
  bool Context(size_t i);
  // A receive that a disable found queued ends right after the disable.
  bool FailedReceive(size_t i);
  bool Ending(size_t i);
  bool NoFunction(size_t i);
  bool Sight(size_t i);
  bool DropSight(size_t i);
  // Captures and WskDeregister: never, and at every earlier place, the latest first.
  bool Return(size_t i);
  bool ClientEvent(size_t i);

  const Observation* log_;
  size_t count_;
  Visit visit_;
  void* context_;
};

}  // namespace wskcert::model

#endif  // WSKCERT_CONFORMANCE_MODEL_MUTATOR_H_
