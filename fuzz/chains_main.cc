// chains: what differential_fuzzer checks, over chains of mutations and without an engine: nothing is
// instrumented, kept or minimised, so that a sequence of the suite's size takes a tenth of the time. For what
// lies a few mutations away from sequences that are there; an engine gets further from them.
//
//   chains EXECUTIONS [--seed=N] [--length=N] [--findings=DIR] [--inputs-only] [FILE|DIR...]
//
// A chain begins with one of the suite's cases, or of the inputs given beside them (of differential_fuzzer,
// as they lie in its corpus; --inputs-only: of these alone, to stay near what they are about), and is up to
// --length mutations long (default 30). The first three sequences of each kind of finding are written to
// --findings (default: the working directory) as crash-SEED-RULE-N, which differential_fuzzer and `wskcert
// minimize` take. Prints at the end what was found how often, and how much was executed. Status: 0 nothing
// found, 1 something, 3 bad usage. The same arguments give the same.
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "conformance/certify/compile.h"
#include "conformance/certify/trace_io.h"
#include "conformance/suite/suite.h"
#include "fuzz/differential.h"
#include "fuzz/input_files.h"
#include "fuzz/mutator.h"
#include "fuzz/random.h"

namespace wskcert::fuzz {
namespace {

constexpr int kFound = 1;
constexpr int kBadUsage = 3;
constexpr size_t kMost = 4096;  // bytes of a sequence
constexpr int kKept = 3;        // sequences of a kind of finding

struct Arguments {
  uint64_t executions = 0;
  uint32_t seed = 1;
  uint32_t length = 30;
  std::string findings = ".";
  bool inputs_only = false;
  std::vector<std::string> inputs;
};

bool Parse(int argc, char** argv, Arguments* out) {
  for (int i = 1; i < argc; ++i) {
    absl::string_view word = argv[i];
    if (absl::ConsumePrefix(&word, "--seed=")) {
      if (!absl::SimpleAtoi(word, &out->seed)) return false;
    } else if (absl::ConsumePrefix(&word, "--length=")) {
      if (!absl::SimpleAtoi(word, &out->length) || out->length == 0) return false;
    } else if (absl::ConsumePrefix(&word, "--findings=")) {
      out->findings = std::string(word);
    } else if (word == "--inputs-only") {
      out->inputs_only = true;
    } else if (word.empty() || word[0] == '-') {
      return false;
    } else if (out->executions != 0) {
      out->inputs.emplace_back(word);
    } else if (!absl::SimpleAtoi(word, &out->executions) || out->executions == 0) {
      return false;
    }
  }
  return out->executions != 0 && (!out->inputs_only || !out->inputs.empty());
}

// The suite's cases, unless only inputs are wanted, then the inputs; none: there is none, or one cannot be
// read.
std::vector<Sequence> Beginnings(const Arguments& arguments) {
  std::vector<Sequence> beginnings;
  if (!arguments.inputs_only) {
    for (const NamedCase& named : CuratedSuite().cases()) beginnings.push_back(named.body().sequence());
  }
  for (const std::string& file : InputFiles(arguments.inputs)) {
    const absl::StatusOr<std::string> bytes = ReadFile(file);
    Sequence sequence;
    if (!bytes.ok() || !sequence.ParseFromString(*bytes)) {
      std::cerr << (bytes.ok() ? absl::StrCat(file, ": is no input of differential_fuzzer")
                               : std::string(bytes.status().message()))
                << "\n";
      return {};
    }
    beginnings.push_back(std::move(sequence));
  }
  if (beginnings.empty()) std::cerr << "no input is there\n";
  return beginnings;
}

Mutator::Options Options(const std::vector<Sequence>& bases) {
  Mutator::Options options;
  for (const NamedChoice& choice : EmulatorChoices()) options.choices.push_back(choice.name);
  options.bases = bases;
  return options;
}

// False: the finding could not be written.
bool Keep(const Arguments& arguments, const Finding& finding, int number, const Sequence& sequence) {
  const std::string file =
      absl::StrCat(arguments.findings, "/crash-", arguments.seed, "-", finding.rule, "-", number);
  std::cerr << finding.rule << ": " << file << "\n";
  std::ofstream stream(file, std::ios::binary);
  stream << sequence.SerializeAsString();
  stream.close();
  if (!stream) std::cerr << file << ": cannot be written\n";
  return static_cast<bool>(stream);
}

int Main(int argc, char** argv) {
  Arguments arguments;
  if (!Parse(argc, argv, &arguments)) {
    std::cerr << "usage: chains EXECUTIONS [--seed=N] [--length=N] [--findings=DIR] [--inputs-only] "
                 "[FILE|DIR...]\n";
    return kBadUsage;
  }
  const std::vector<Sequence> beginnings = Beginnings(arguments);
  if (beginnings.empty()) return kBadUsage;
  Mutator mutator(Options(beginnings));
  Differential differential({});
  Random random(arguments.seed);
  std::map<std::string, int> found;
  for (uint64_t executed = 0; executed < arguments.executions;) {
    Sequence sequence = beginnings[random.Below(static_cast<uint32_t>(beginnings.size()))];
    const uint32_t length = 1 + random.Below(arguments.length);
    for (uint32_t i = 0; i < length && executed < arguments.executions; ++i, ++executed) {
      mutator.MutateSequence(&sequence, kMost, random.Next());
      const Finding* finding = differential.Run(sequence);
      if (finding == nullptr) continue;
      const int number = found[finding->rule]++;
      if (number < kKept && !Keep(arguments, *finding, number, sequence)) return kBadUsage;
      ++executed;
      break;
    }
  }
  for (const auto& [rule, times] : found) std::cout << times << " times " << rule << "\n";
  const Tally& tally = differential.tally();
  std::cout << arguments.executions << " executions, " << tally.observations << " observations, "
            << tally.exercised.size() << " rules exercised, " << found.size() << " kinds of findings\n";
  return found.empty() ? 0 : kFound;
}

}  // namespace
}  // namespace wskcert::fuzz

int main(int argc, char** argv) { return wskcert::fuzz::Main(argc, argv); }
