// From a Sequence to the program that the executor plays.
//
//   absl::StatusOr<Program> program = Compile(sequence, ProviderChoices());
//   if (!program.ok()) ...   // says which step and field, e.g. "threads[0].steps[3].event_callback.socket:
//   5000 ..."
//
// Compiling never judges: a sequence that breaks every obligation of the client compiles as well as a decent
// one. What is refused is what cannot be played at all: a slot beyond the limits, too many steps, a wait
// inside a callback.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_COMPILE_H_
#define WSKCERT_CONFORMANCE_CERTIFY_COMPILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "conformance/certify/program.h"
#include "conformance/executor/format.h"
#include "proto/sequence.pb.h"

namespace wskcert {

// A choice that a provider offers by name.
struct NamedChoice {
  std::string name;
  uint16_t kind;
};

// Compiles `sequence`. `choices` are the names that Schedule.fixed may use; a name that is not among them is
// an error only if `choices` is not empty (a provider without choices ignores them).
absl::StatusOr<Program> Compile(const Sequence& sequence, absl::Span<const NamedChoice> choices);

// The same for loops: its memory is kept, so that after the first few sequences nothing is allocated unless
// something is wrong with one. For one thread.
class SequenceCompiler {
 public:
  explicit SequenceCompiler(std::vector<NamedChoice> choices);
  ~SequenceCompiler();
  SequenceCompiler(const SequenceCompiler&) = delete;
  SequenceCompiler& operator=(const SequenceCompiler&) = delete;

  // The program is valid until the next call.
  absl::StatusOr<const Program*> Compile(const Sequence& sequence);

 private:
  class State;
  std::unique_ptr<State> state_;
};

// The choices of the emulator and its kernel runtime.
std::vector<NamedChoice> EmulatorChoices();

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_COMPILE_H_
