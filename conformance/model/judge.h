// The judge: reads a log, observation by observation, and says whether an implementation may show it.
//
//   Judge judge(Profile::kDocumented);
//   judge.Start(capabilities);
//   judge.ObserveAll(log, count);
//   if (judge.refusal().refused) std::cerr << judge.Explain();
//   else certificate.Passed(judge.exercised());
//
// What it knows of the implementation is a set of possible states, kept per object as may/must views
// (judge_state.h). An observation is accepted if some of them allows it. Where the documentation leaves a
// choice, the set grows; where it does not, a rule forbids the observation and is blamed for the refusal.
//
// Judging never allocates once the arrays have grown to the size of the largest log seen. A Judge is used by
// one thread. It expects a log that ValidateLog() (log_check.h) accepts, and stays memory-safe on any other.
#ifndef WSKCERT_CONFORMANCE_MODEL_JUDGE_H_
#define WSKCERT_CONFORMANCE_MODEL_JUDGE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "conformance/executor/format.h"
#include "conformance/rules/rule_set.h"

namespace wskcert::model {

enum class Profile : uint8_t {
  kDocumented,  // everything that the documentation leaves open is accepted
  kWindows,     // narrowed by observed behaviour of Windows
};

// The first observation that no possible state allows.
struct Refusal {
  bool refused = false;
  uint32_t index =
      kNoIndex;  // of the observation in the log; the number of observations if only the end shows it
  uint8_t blamed_count = 0;
  RuleId blamed[8] = {};  // most specific first; none: unattributed, a defect of this program
  // If it is silence that is refused: what did not come, where that is one event or one completion on one
  // socket.
  enum class Missing : uint8_t { kNothing, kEvent, kCompletion } missing = Missing::kNothing;
  uint16_t missing_what = 0;  // Event; Op of the call that passed the IRP
  uint16_t missing_socket = kNoSlot;
};

// What the judge knows of one event callback of one socket: the phases of its life (PhaseSet of
// callback_life.h) that the trace allows, and two circumstances that decide about its next call.
struct CallbackView {
  uint16_t phases = 0;                // 0: there is no such socket, or nothing about it is judged
  bool possibly_in_progress = false;  // a call of it may run in the provider (docs/time.md)
  bool suspended = false;             // by a refusal or a partial acceptance, surely
};

// Whether the client broke more than what is a documented error path (enabling too early, setting static
// callbacks too late): those leave the judgement of all else as it is.
bool IsFault(const RuleSet& breached);

class Judge {
 public:
  explicit Judge(Profile profile);
  ~Judge();
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;

  // Forgets the last log. `capabilities`: Capability bits of the host that played the next one.
  void Start(uint64_t capabilities);

  // The next observation of the log. False once refused; later ones are ignored.
  bool Observe(const Observation& observation);

  // The whole log, and Finish().
  bool ObserveAll(const Observation* log, size_t count);

  // The log is over: judges what is still owed if its last observation says that the run came to an end.
  void Finish();

  const Refusal& refusal() const;
  // Rules whose premise held and which alone kept a wrong observation from being allowed. Certification
  // confirms each with ConfirmBite() (mutations.h).
  const RuleSet& exercised() const;
  // Inferred rules that were broken: shown, never red.
  const RuleSet& deviated() const;
  // Application rules that the client broke; what their poison scope covers was not judged from there on.
  const RuleSet& breached() const;
  // For feedback and reports. Any slot and event may be asked for.
  CallbackView View(uint16_t socket, Event event) const;
  // Something could not be decided: a log that ends early, a bound of the judge.
  bool inconclusive() const;

  // For people: what was observed, what was allowed there, and which rules say so.
  std::string Explain() const;

  class State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace wskcert::model

#endif  // WSKCERT_CONFORMANCE_MODEL_JUDGE_H_
