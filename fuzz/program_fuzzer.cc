// libFuzzer's target: programs and sequences from someone who means harm, into validator, compiler and
// executor, over the emulator.
//
// An input is a program (format.h), or a sequence or case, binary or text, as `wskcert run` takes it. What
// the validator lets through is played; the log that it leaves must be one, and the judge must survive it.
// What the judge says is not of interest here: breaches of the client's obligations are welcome.
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "conformance/certify/compile.h"
#include "conformance/certify/testbed.h"
#include "conformance/certify/trace_io.h"
#include "conformance/model/judge.h"
#include "conformance/model/log_check.h"
#include "fuzz/records.h"
#include "fuzz/report.h"

extern "C" __attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

wskcert::Testbed::Options Bounded() {
  wskcert::Testbed::Options options;
  options.log_capacity = 1u << 13;
  options.step_budget = 20000;
  return options;
}

void Play(const wskcert::Program& program) {
  static auto* const testbed = new wskcert::Testbed(Bounded());
  static auto* const judge = new wskcert::model::Judge(wskcert::model::Profile::kDocumented);
  const wskcert::Played& played = testbed->Play(program);
  char error[256];
  if (!wskcert::ValidateLog(played.log.data(), played.log.size(), error, sizeof(error))) {
    wskcert::fuzz::Fail("program_fuzzer.cc", "invalid-log", error);
  }
  judge->Start(played.capabilities);
  judge->ObserveAll(played.log.data(), played.log.size());
}

void PlaySequence(const wskcert::Sequence& sequence) {
  static auto* const compiler = new wskcert::SequenceCompiler(wskcert::EmulatorChoices());
  const absl::StatusOr<const wskcert::Program*> program = compiler->Compile(sequence);
  if (program.ok()) {
    Play(**program);
  } else if (program.status().message().empty()) {
    wskcert::fuzz::Fail("program_fuzzer.cc", "error-without-text", "");
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  const bool program = wskcert::fuzz::IsProgram(data, size);
  size = LLVMFuzzerMutate(data, size, max_size);
  // Once in a while the header is left as it has become.
  return program && seed % 8 != 0 ? wskcert::fuzz::RepairProgram(data, size) : size;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (wskcert::fuzz::IsProgram(data, size)) {
    const absl::StatusOr<wskcert::Program> program = wskcert::ParseProgram(absl::MakeConstSpan(data, size));
    if (program.ok()) Play(*program);
    return 0;
  }
  const std::string contents(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<wskcert::Case> body = wskcert::ParseCase(contents, "input");
  if (body.ok()) PlaySequence(body->sequence());
  return 0;
}
