#include "conformance/certify/program.h"

#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "conformance/executor/program_check.h"

namespace wskcert {

Program::Program(absl::Span<const uint8_t> bytes) { Assign(bytes); }

void Program::Assign(absl::Span<const uint8_t> bytes) {
  words_.resize((bytes.size() + 7) / 8);
  size_ = bytes.size();
  if (!bytes.empty()) std::memcpy(words_.data(), bytes.data(), bytes.size());
}

absl::Span<const ProgramScript> Program::scripts() const {
  const uint8_t* at = bytes().data() + sizeof(ProgramHeader) + header().threads * sizeof(ProgramThread);
  return absl::MakeConstSpan(reinterpret_cast<const ProgramScript*>(at), header().scripts);
}

absl::Span<const ProgramStep> Program::steps() const {
  const uint8_t* at = reinterpret_cast<const uint8_t*>(scripts().data() + scripts().size());
  return absl::MakeConstSpan(reinterpret_cast<const ProgramStep*>(at), header().steps);
}

absl::Span<const ProgramChoice> Program::choices() const {
  const uint8_t* at = reinterpret_cast<const uint8_t*>(steps().data() + steps().size());
  return absl::MakeConstSpan(reinterpret_cast<const ProgramChoice*>(at), header().choices);
}

absl::Span<const uint8_t> Program::schedule() const {
  const uint8_t* at = reinterpret_cast<const uint8_t*>(choices().data() + choices().size());
  return absl::MakeConstSpan(at, header().schedule_size);
}

absl::Status ParseProgram(absl::Span<const uint8_t> bytes, Program* program) {
  if (bytes.size() > kMaxProgramBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("program of ", bytes.size(), " bytes: at most ", kMaxProgramBytes, " are allowed"));
  }
  program->Assign(bytes);
  const ProgramError error = ValidateProgram(program->data(), program->size());
  if (error.fault != ProgramFault::kNone) {
    return absl::InvalidArgumentError(
        absl::StrCat("program: ", ProgramFaultText(error.fault), " (at ", error.index, ")"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Program> ParseProgram(absl::Span<const uint8_t> bytes) {
  Program program;
  if (absl::Status status = ParseProgram(bytes, &program); !status.ok()) return status;
  return program;
}

}  // namespace wskcert
