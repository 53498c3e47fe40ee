// The reducer: makes a sequence smaller as long as it still has some property, whatever that is.
//
//   Reducer reducer(sequence, [](const Sequence& candidate) -> absl::StatusOr<bool> { ... });
//   absl::Status status = reducer.Run();      // an error is one that the property reported
//   ... reducer.best() ...
//
// Delta debugging first: chunks of steps and scripts are left out, from the end, halves first, then smaller
// ones. Then single changes: threads are joined, fields cleared, lengths lowered, bytes of the schedule
// zeroed and cut, slots renumbered. All of it is repeated until one whole round changes nothing; so the
// result is a fixed point, and reducing it again changes nothing. Every change makes the sequence simpler in
// an order that has an end. Deterministic if the property is. Used by one thread.
#ifndef WSKCERT_CONFORMANCE_MINIMIZE_REDUCER_H_
#define WSKCERT_CONFORMANCE_MINIMIZE_REDUCER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/sequence.pb.h"

namespace wskcert {

// Steps of all threads and scripts.
int CountSteps(const Sequence& sequence);

class Reducer {
 public:
  // Whether a candidate still has the property. It is asked once at most about each candidate. An error ends
  // the reduction.
  using Property = std::function<absl::StatusOr<bool>(const Sequence& candidate)>;

  // `start` has the property. Once `limit` candidates were asked about, the best one so far stands.
  Reducer(Sequence start, Property property, uint64_t limit);

  absl::Status Run();

  const Sequence& best() const { return best_; }
  uint64_t asked() const { return asked_; }
  // False: the limit was met before the fixed point.
  bool finished() const { return finished_; }

 private:
  // Whether `candidate` has the property; if so it is the best one from now on.
  bool Try(Sequence candidate);
  // Applies `change` to a copy of the best one and tries it.
  bool TryChange(const std::function<void(Sequence*)>& change);

  void CutSchedule();
  void LeaveOutChunks();
  bool LeaveOut(size_t chunk);
  void LeaveOutPairs();
  void JoinThreads();
  void SimplifyFields();
  void SimplifySchedule();
  void MergeSlots();
  void RenumberSlots();

  const Property property_;
  const uint64_t limit_;
  Sequence best_;
  uint64_t asked_ = 0;
  bool stopped_ = false;  // by the limit or an error
  bool finished_ = false;
  absl::Status status_;
  std::unordered_set<std::string> refused_;  // never iterated
};

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_MINIMIZE_REDUCER_H_
