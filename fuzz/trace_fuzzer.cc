// libFuzzer's target: traces from someone who means harm.
//
// An input is what `wskcert check` takes (a Trace, binary or text, or a stored log), or a hand-written trace
// (trace_text.h). What the validator lets through is judged, explained, rendered and converted there and
// back. And whatever the validator says, the bytes of a stored log are given to the judge as they are: it
// must stay memory-safe on any log.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "conformance/certify/render.h"
#include "conformance/certify/trace_io.h"
#include "conformance/model/judge.h"
#include "conformance/model/log_check.h"
#include "conformance/model/trace_text.h"
#include "fuzz/records.h"
#include "fuzz/report.h"

extern "C" __attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using wskcert::LogHeader;
using wskcert::Observation;

// Both profiles: the second narrows what the first leaves open, with code of its own.
void Judge(absl::Span<const Observation> log, uint64_t capabilities) {
  static auto* const documented = new wskcert::model::Judge(wskcert::model::Profile::kDocumented);
  static auto* const windows = new wskcert::model::Judge(wskcert::model::Profile::kWindows);
  for (wskcert::model::Judge* judge : {documented, windows}) {
    judge->Start(capabilities);
    judge->ObserveAll(log.data(), log.size());
    if (judge->refusal().refused && judge->Explain().empty()) {
      wskcert::fuzz::Fail("trace_fuzzer.cc", "refusal-without-explanation", "");
    }
  }
}

// An accepted log means the same after it was stored as a message; what kinds do not use may be lost.
void ThereAndBack(absl::Span<const Observation> log) {
  const absl::StatusOr<std::vector<Observation>> again = LogFromTrace(wskcert::TraceFromLog(log));
  if (!again.ok())
    wskcert::fuzz::Fail("trace_fuzzer.cc", "trace-lost", std::string(again.status().message()));
  bool same = again->size() == log.size();
  for (size_t i = 0; same && i < log.size(); ++i) {
    // A record that was never filled is nothing, whatever it holds.
    Observation one = log[i];
    if (one.ready == 0) one = (*again)[i];
    one.ready = (*again)[i].ready;
    same = std::memcmp(&one, &(*again)[i], sizeof(one)) == 0;
    if (!same)
      wskcert::fuzz::Fail("trace_fuzzer.cc", "trace-changed",
                          wskcert::RenderObservation(log, static_cast<uint32_t>(i)));
  }
  if (!same) wskcert::fuzz::Fail("trace_fuzzer.cc", "trace-changed", "the number of observations");
}

void JudgeUnvalidated(const uint8_t* data, size_t size) {
  LogHeader header;
  if (size < sizeof(header)) return;
  std::memcpy(&header, data, sizeof(header));
  static auto* const log = new std::vector<Observation>;
  log->resize((size - sizeof(header)) / sizeof(Observation));
  if (!log->empty()) std::memcpy(log->data(), data + sizeof(header), log->size() * sizeof(Observation));
  Judge(*log, header.capabilities);
}

void JudgeHandWritten(std::string_view text) {
  std::string error;
  const std::optional<wskcert::model::TraceFile> file = wskcert::model::ParseTrace(text, &error);
  if (!file.has_value()) {
    if (error.empty()) wskcert::fuzz::Fail("trace_fuzzer.cc", "error-without-text", "");
    return;
  }
  wskcert::model::TraceText(file->log.data(), file->log.size());
  Judge(file->log, file->capabilities);
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  if (!wskcert::fuzz::IsLog(data, size)) return LLVMFuzzerMutate(data, size, max_size);
  if (seed % 2 == 0) return wskcert::fuzz::ShuffleLog(data, size, max_size, seed / 2);
  size = LLVMFuzzerMutate(data, size, max_size);
  // Once in a while the header is left as it has become.
  return seed % 16 == 1 ? size : wskcert::fuzz::RepairLog(data, size);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto* const text = reinterpret_cast<const char*>(data);
  const absl::StatusOr<wskcert::LoadedTrace> trace =
      wskcert::ParseTrace(absl::string_view(text, size), "input");
  if (trace.ok()) {
    Judge(trace->log, trace->header.capabilities());
    RenderLog(trace->log, 0, static_cast<uint32_t>(trace->log.size()), wskcert::kNoIndex, true);
    ThereAndBack(trace->log);
  }
  if (wskcert::fuzz::IsLog(data, size)) {
    JudgeUnvalidated(data, size);
  } else {
    JudgeHandWritten(std::string_view(text, size));
  }
  return 0;
}
