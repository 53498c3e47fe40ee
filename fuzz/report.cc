#include "fuzz/report.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"

namespace wskcert::fuzz {
namespace {

// Date and thread are always the same, so that the same input gives the same bytes.
std::string CheckFailed(const char* file, const std::string& rule) {
  return absl::StrCat("F0101 00:00:00.000000 1 ", file, ":1] Check failed: ", rule, "\n");
}

[[noreturn]] void PrintAndAbort(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
  std::abort();
}

}  // namespace

std::string ReportText(const Finding& finding, const Sequence& sequence) {
  Case body;
  *body.mutable_sequence() = sequence;
  std::string text;
  google::protobuf::TextFormat::PrintToString(body, &text);
  return absl::StrCat("==== finding: ", finding.rule, "\n", finding.story,
                      CheckFailed("differential_fuzzer.cc", finding.rule), "==== the sequence\n", text,
                      "==== end\n");
}

void Report(const Finding& finding, const Sequence& sequence) {
  PrintAndAbort(ReportText(finding, sequence));
}

void Fail(const char* file, const std::string& rule, const std::string& story) {
  PrintAndAbort(
      absl::StrCat("==== finding: ", rule, "\n", story, "\n", CheckFailed(file, rule), "==== end\n"));
}

void ReportProgress(const Tally& tally) {
  constexpr uint64_t kFirst = 1024;
  constexpr uint64_t kInterval = 65536;
  const uint64_t n = tally.executions;
  const bool power = (n & (n - 1)) == 0 && n >= kFirst && n <= kInterval;
  if (!power && (n == 0 || n % kInterval != 0)) return;
  const auto share = [n](uint64_t part) {
    return static_cast<double>(part) * 100.0 / static_cast<double>(n);
  };
  std::fprintf(
      stderr,
      "wskcert: %llu executions, %llu refused, %zu rules exercised, %.1f%% with callbacks, %.1f%% with a "
      "breach, %.1f%% with documented errors alone, %.1f%% stopped, %.1f observations each\n",
      static_cast<unsigned long long>(n), static_cast<unsigned long long>(tally.refused),
      tally.exercised.size(), share(tally.with_callback), share(tally.with_breach),
      share(tally.with_error_path), share(tally.stopped),
      static_cast<double>(tally.observations) / static_cast<double>(n));
}

}  // namespace wskcert::fuzz
