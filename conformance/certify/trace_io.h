// Reading and writing what the tool plays and judges: sequences, cases, programs and traces, from files that
// nobody vouches for.
//
// Every function says what is wrong and where ("x.textproto:12:3: ..."), whatever it is given; sizes are
// bounded before anything is parsed.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_TRACE_IO_H_
#define WSKCERT_CONFORMANCE_CERTIFY_TRACE_IO_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "conformance/executor/format.h"
#include "google/protobuf/message.h"
#include "proto/sequence.pb.h"
#include "proto/trace.pb.h"

namespace wskcert {

// Largest file that is read, in bytes.
inline constexpr size_t kMaxFileBytes = 256u << 20;

absl::StatusOr<std::string> ReadFile(const std::string& path);
// Writes to a temporary file beside `path` and renames it, so that a reader never sees half a file.
absl::Status WriteFile(const std::string& path, absl::string_view contents);

// Any message's text form.
absl::Status ParseTextMessage(absl::string_view contents, const std::string& name,
                              google::protobuf::Message* message);

// A case: text form of Case (or of a bare Sequence), or binary, told apart by content. `name` is used in
// messages.
absl::StatusOr<Case> ParseCase(absl::string_view contents, const std::string& name);

// A log that can be judged, with what its trace says about itself.
struct LoadedTrace {
  Trace header;  // without observations
  std::vector<Observation> log;
};
// A trace: binary or text Trace, or a stored log (LogHeader and records). The log has passed ValidateLog.
absl::StatusOr<LoadedTrace> ParseTrace(absl::string_view contents, const std::string& name);

// A log as it is sent and stored, which ParseTrace reads.
std::string StoredLog(absl::Span<const Observation> log, uint64_t capabilities);

// Between the two forms of an observation, without loss.
void ToProto(const Observation& in, Trace* out);
absl::StatusOr<std::vector<Observation>> LogFromTrace(const Trace& trace);
Trace TraceFromLog(absl::Span<const Observation> log);

// SHA-256 in hexadecimal.
std::string Sha256Hex(absl::Span<const uint8_t> bytes);
// Of a log's records, without their `ready` words.
std::string LogSha256(absl::Span<const Observation> log);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_TRACE_IO_H_
