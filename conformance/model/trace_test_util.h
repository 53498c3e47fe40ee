// The hand-labelled traces, for tests. They are found relative to the source tree, where tests run.
#ifndef WSKCERT_CONFORMANCE_MODEL_TRACE_TEST_UTIL_H_
#define WSKCERT_CONFORMANCE_MODEL_TRACE_TEST_UTIL_H_

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "conformance/model/trace_text.h"
#include "conformance/rules/rule_set.h"

namespace wskcert::model {

// File names without their ending, sorted.
inline std::vector<std::string> TraceNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("conformance/model/traces")) {
    if (entry.path().extension() == ".txt") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

inline TraceFile LoadTrace(const std::string& name) {
  std::ifstream in("conformance/model/traces/" + name + ".txt");
  std::stringstream text;
  text << in.rdbuf();
  std::string error;
  std::optional<TraceFile> file = ParseTrace(text.str(), &error);
  if (!file.has_value()) {
    std::fprintf(stderr, "%s.txt: %s\n", name.c_str(), error.c_str());
    std::abort();
  }
  return *std::move(file);
}

inline std::optional<RuleId> RuleNamed(const std::string& name) {
  for (size_t i = 0; i < kRuleCount; ++i) {
    if (name == kRuleInfo[i].name) return static_cast<RuleId>(i);
  }
  return std::nullopt;
}

}  // namespace wskcert::model

#endif  // WSKCERT_CONFORMANCE_MODEL_TRACE_TEST_UTIL_H_
