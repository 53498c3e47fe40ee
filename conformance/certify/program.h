// A program that can be played: one flat block of records (conformance/executor/format.h), validated.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_PROGRAM_H_
#define WSKCERT_CONFORMANCE_CERTIFY_PROGRAM_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "conformance/executor/format.h"

namespace wskcert {

// A validated program. Its storage is aligned as the executor needs it.
class Program {
 public:
  Program() = default;
  explicit Program(absl::Span<const uint8_t> bytes);

  // Takes other bytes; what memory there is is kept.
  void Assign(absl::Span<const uint8_t> bytes);

  const void* data() const { return words_.data(); }
  size_t size() const { return size_; }
  const ProgramHeader& header() const { return *reinterpret_cast<const ProgramHeader*>(words_.data()); }
  absl::Span<const uint8_t> bytes() const {
    return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(words_.data()), size_);
  }
  absl::Span<const ProgramScript> scripts() const;
  absl::Span<const ProgramStep> steps() const;
  absl::Span<const ProgramChoice> choices() const;
  absl::Span<const uint8_t> schedule() const;

 private:
  std::vector<uint64_t> words_;
  size_t size_ = 0;
};

// Takes bytes that came from outside as a program.
absl::StatusOr<Program> ParseProgram(absl::Span<const uint8_t> bytes);
// The same into a program whose memory is kept. After an error it must not be played.
absl::Status ParseProgram(absl::Span<const uint8_t> bytes, Program* program);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_PROGRAM_H_
