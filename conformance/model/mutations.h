// Proof, on a trace itself, that a rule was put to the test: a small change to that trace that breaks the
// rule.
//
// When the judge reports a rule as exercised, some wrong observation was kept out by it. ConfirmBite() finds
// such a wrong trace: the accepted log with one thing dropped, repeated, moved, inserted or changed, which
// the judge refuses naming the rule. Certification counts a rule as passed only if it was confirmed so; then
// no rule is green because nothing could have gone wrong.
#ifndef WSKCERT_CONFORMANCE_MODEL_MUTATIONS_H_
#define WSKCERT_CONFORMANCE_MODEL_MUTATIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "conformance/executor/format.h"
#include "conformance/model/judge.h"

namespace wskcert::model {

struct Mutant {
  std::vector<Observation> log;
  std::string change;   // what was changed, for people
  uint32_t refused_at;  // observation of the mutant
};

// The ways in which a trace is changed, in the order in which they are tried.
enum class Mutation : uint8_t {
  kStatus,               // a returned or completed status
  kDropCompletion,       // a completion removed
  kDropCallback,         // a whole call of a callback removed
  kDuplicateCompletion,  // a completion repeated at the end of its window
  kEarlyCompletion,      // a completion moved to an earlier place
  kInsertCallback,       // a call of a callback added before a quiescence
  kArgument,             // an argument of a callback, or what an IRP brought
  kContent,              // the bytes of a delivery
  kContext,              // a callback with a context that no socket has, or with a list without an end
  kFailedReceive,        // a queued receive ended without cause
  kEnding,               // the executor reports a fault before the end, or the run ends in a crash
  kNoFunction,           // a function is missing from the socket's table
  kSight,                // a peer is refused instead of connected
  kDropSight,            // what a peer saw removed
  kDeliver,              // a call of WskAcceptEvent for a connection, or without one
  kAbort,                // a call of WskAbortEvent for a request
  kReturn,               // a call that may wait returns earlier, or never
  kClientEvent,          // a call of WskClientEvent added
};
inline constexpr uint8_t kMutationCount = 18;
const char* NameOf(Mutation mutation);

// Calls visit(mutant) for each mutant of one kind in a fixed order, until it returns true. Whether it did.
//   visit: bool(std::vector<Observation>& log, const std::string& change)
bool ForEachMutant(const Observation* log, size_t count, Mutation mutation,
                   bool (*visit)(void* context, std::vector<Observation>& log, const std::string& change),
                   void* context);

// A mutant of this accepted log that the judge refuses by that rule; nullopt if there is none. Costs up to a
// few dozen judgements for each observation of the log; `judge` is used for them and left in the state of the
// last one.
std::optional<Mutant> ConfirmBite(const Observation* log, size_t count, uint64_t capabilities, RuleId rule,
                                  Judge& judge);

}  // namespace wskcert::model

#endif  // WSKCERT_CONFORMANCE_MODEL_MUTATIONS_H_
