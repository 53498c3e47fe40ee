// Makes seeds from the curated suite:
//
//   make_seeds DIRECTORY          every case, in DIRECTORY/TARGET/ for each target
//   make_seeds --golden DIRECTORY one case of each topic, the largest of a modest size: what is kept in
//   corpus/
//
// A case gives a sequence for differential_fuzzer, its program for program_fuzzer, and the log that the
// emulator leaves, as a stored log, for trace_fuzzer; in the golden corpus also sequences and traces as text.
#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "conformance/certify/compile.h"
#include "conformance/certify/testbed.h"
#include "conformance/certify/trace_io.h"
#include "conformance/suite/suite.h"
#include "google/protobuf/text_format.h"

namespace wskcert {
namespace {

std::string Text(const google::protobuf::Message& message) {
  std::string text;
  google::protobuf::TextFormat::PrintToString(message, &text);
  return text;
}

std::string Topic(const NamedCase& candidate) {
  return candidate.name().substr(0, candidate.name().find('/'));
}

// Small enough to be kept in a repository, large enough for something to happen.
constexpr size_t kGoldenBytes = 200;

std::vector<const NamedCase*> Chosen(bool golden) {
  std::vector<const NamedCase*> chosen;
  std::map<std::string, const NamedCase*> best_of;
  for (const NamedCase& candidate : CuratedSuite().cases()) {
    const size_t size = candidate.body().sequence().ByteSizeLong();
    if (!golden) chosen.push_back(&candidate);
    if (size > kGoldenBytes) continue;
    const NamedCase*& best = best_of[Topic(candidate)];
    if (best == nullptr || size > best->body().sequence().ByteSizeLong()) best = &candidate;
  }
  if (!golden) return chosen;
  for (const auto& [topic, candidate] : best_of) chosen.push_back(candidate);
  return chosen;
}

class Writer {
 public:
  Writer(std::string directory, bool golden) : directory_(std::move(directory)), golden_(golden) {}

  absl::Status WriteCase(const NamedCase& candidate) {
    const std::string name = absl::StrReplaceAll(candidate.name(), {{"/", "."}});
    const Sequence& sequence = candidate.body().sequence();
    const absl::StatusOr<Program> program = Compile(sequence, EmulatorChoices());
    if (!program.ok()) return program.status();
    const Played& played = testbed_.Play(*program);
    absl::Status status = Write("differential_fuzzer", name, sequence.SerializeAsString());
    status.Update(Write("program_fuzzer", absl::StrCat(name, ".program"),
                        absl::string_view(static_cast<const char*>(program->data()), program->size())));
    status.Update(
        Write("trace_fuzzer", absl::StrCat(name, ".log"), StoredLog(played.log, played.capabilities)));
    if (golden_) {
      status.Update(Write("program_fuzzer", absl::StrCat(name, ".textproto"), Text(candidate.body())));
      status.Update(Write("trace_fuzzer", absl::StrCat(name, ".textproto"), Text(TraceFromLog(played.log))));
    }
    return status;
  }

 private:
  absl::Status Write(absl::string_view target, absl::string_view name, absl::string_view contents) {
    const std::string directory = absl::StrCat(directory_, "/", target);
    std::filesystem::create_directories(directory);
    return WriteFile(absl::StrCat(directory, "/", name), contents);
  }

  const std::string directory_;
  const bool golden_;
  Testbed testbed_;
};

int Main(const std::vector<std::string>& arguments) {
  const bool golden = arguments.size() == 2 && arguments[0] == "--golden";
  if (arguments.size() != (golden ? 2 : 1)) {
    std::cerr << "usage: make_seeds [--golden] DIRECTORY\n";
    return 3;
  }
  Writer writer(arguments.back(), golden);
  size_t count = 0;
  for (const NamedCase* candidate : Chosen(golden)) {
    if (const absl::Status status = writer.WriteCase(*candidate); !status.ok()) {
      std::cerr << candidate->name() << ": " << status.message() << "\n";
      return 3;
    }
    ++count;
  }
  std::cout << count << " cases written below " << arguments.back() << "\n";
  return 0;
}

}  // namespace
}  // namespace wskcert

int main(int argc, char** argv) { return wskcert::Main({argv + 1, argv + argc}); }
