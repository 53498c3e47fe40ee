#include "conformance/certify/trace_io.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "conformance/model/log_check.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/stubs/logging.h"
#include "google/protobuf/text_format.h"

namespace wskcert {
namespace {

using ::google::protobuf::Message;

// Keeps the first error of a text parse, with its place.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (text_.empty()) text_ = absl::StrCat(line + 1, ":", column + 1, ": ", message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

absl::Status ParseText(absl::string_view contents, const std::string& name, Message* message) {
  google::protobuf::TextFormat::Parser parser;
  FirstError error;
  parser.RecordErrorsTo(&error);
  parser.SetRecursionLimit(32);
  google::protobuf::io::ArrayInputStream stream(contents.data(), static_cast<int>(contents.size()));
  if (parser.Parse(&stream, message)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ":", error.text().empty() ? "unreadable" : error.text()));
}

// Text consists of printable characters and white space; every binary form here starts with something else
// soon enough.
bool LooksLikeText(absl::string_view contents) {
  for (const char c : contents.substr(0, 256)) {
    const unsigned char u = static_cast<unsigned char>(c);
    if (u < 0x20 && c != '\n' && c != '\r' && c != '\t') return false;
  }
  return true;
}

absl::Status ParseBinary(absl::string_view contents, const std::string& name, Message* message) {
  // The library would print its own opinion of hostile bytes.
  google::protobuf::LogSilencer quiet;
  if (message->ParseFromArray(contents.data(), static_cast<int>(contents.size()))) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, ": neither text nor a binary ",
                                                 message->GetDescriptor()->name(), " (", contents.size(),
                                                 " bytes)"));
}

absl::Status CheckSize(absl::string_view contents, const std::string& name) {
  if (contents.size() <= kMaxFileBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, ": larger than ", kMaxFileBytes, " bytes"));
}

template <typename T>
bool Fits(uint64_t value) {
  return value <= static_cast<T>(~static_cast<T>(0));
}

absl::Status FromProto(const TraceRecord& in, Observation* out) {
  const auto slot = [](bool has, uint32_t value) { return has ? value : static_cast<uint32_t>(kNoSlot); };
  if (!Fits<uint8_t>(static_cast<uint64_t>(in.kind())) || !Fits<uint16_t>(in.op()) ||
      !Fits<uint8_t>(in.thread()) || !Fits<uint8_t>(in.irql()) || !Fits<uint16_t>(in.socket()) ||
      !Fits<uint16_t>(in.irp()) || !Fits<uint16_t>(in.peer()) || !Fits<uint16_t>(in.target()) ||
      !Fits<uint8_t>(in.content()) || !Fits<uint8_t>(in.code()) || !Fits<uint8_t>(in.seen_flags())) {
    return absl::InvalidArgumentError("a number is too large for its field");
  }
  *out = {};
  out->ready = in.kind() == TraceRecord::NOTHING ? 0 : 1;
  out->kind = static_cast<uint8_t>(in.kind());
  out->op = static_cast<uint16_t>(in.op());
  out->thread = static_cast<uint8_t>(in.thread());
  out->irql = static_cast<uint8_t>(in.irql());
  out->socket = static_cast<uint16_t>(slot(in.has_socket(), in.socket()));
  out->irp = static_cast<uint16_t>(slot(in.has_irp(), in.irp()));
  out->peer = static_cast<uint16_t>(slot(in.has_peer(), in.peer()));
  out->target = static_cast<uint16_t>(slot(in.has_target(), in.target()));
  out->begin = in.has_begin() ? in.begin() : kNoIndex;
  out->enclosing = in.has_enclosing() ? in.enclosing() : kNoIndex;
  out->step = in.has_step() ? in.step() : kNoIndex;
  out->status = in.status();
  out->information = in.information();
  out->flags = in.flags();
  out->mask = in.mask();
  out->length = in.length();
  out->offset = in.offset();
  out->content = static_cast<uint8_t>(in.content());
  out->code = static_cast<uint8_t>(in.code());
  out->seen_flags = static_cast<uint8_t>(in.seen_flags());
  return absl::OkStatus();
}

absl::Status CheckLog(absl::Span<const Observation> log, const std::string& name) {
  char error[256];
  if (ValidateLog(log.data(), log.size(), error, sizeof(error))) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, ": ", error));
}

absl::StatusOr<LoadedTrace> ParseStoredLog(absl::string_view contents, const std::string& name) {
  LogHeader header;
  std::memcpy(&header, contents.data(), sizeof(header));
  const size_t records = contents.size() - sizeof(header);
  if (header.version != kFormatVersion || header.record_size != sizeof(Observation)) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": log of version ", header.version,
                                                   " with records of ", header.record_size,
                                                   " bytes is not supported"));
  }
  if (records != static_cast<size_t>(header.count) * sizeof(Observation)) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": states ", header.count, " observations but has ", records, " bytes for them"));
  }
  LoadedTrace trace;
  trace.header.set_capabilities(header.capabilities);
  trace.log.resize(header.count);
  if (header.count != 0) std::memcpy(trace.log.data(), contents.data() + sizeof(header), records);
  if (absl::Status status = CheckLog(trace.log, name); !status.ok()) return status;
  return trace;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0)
    return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  if (S_ISDIR(info.st_mode)) return absl::InvalidArgumentError(absl::StrCat(path, ": is a directory"));
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  std::string contents;
  char chunk[65536];
  while (file.read(chunk, sizeof(chunk)) || file.gcount() > 0) {
    contents.append(chunk, static_cast<size_t>(file.gcount()));
    // Bounded while reading: a pipe or device has no size to ask for.
    if (contents.size() > kMaxFileBytes) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": larger than ", kMaxFileBytes, " bytes"));
    }
  }
  return contents;
}

absl::Status WriteFile(const std::string& path, absl::string_view contents) {
  const std::string temporary = absl::StrCat(path, ".partial");
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file.write(contents.data(), static_cast<std::streamsize>(contents.size()));
  file.close();
  if (!file || std::rename(temporary.c_str(), path.c_str()) != 0) {
    return absl::UnavailableError(absl::StrCat(path, ": cannot be written: ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

absl::Status ParseTextMessage(absl::string_view contents, const std::string& name, Message* message) {
  if (absl::Status status = CheckSize(contents, name); !status.ok()) return status;
  return ParseText(contents, name, message);
}

absl::StatusOr<Case> ParseCase(absl::string_view contents, const std::string& name) {
  if (absl::Status status = CheckSize(contents, name); !status.ok()) return status;
  Case out;
  if (LooksLikeText(contents)) {
    const absl::Status as_case = ParseText(contents, name, &out);
    if (as_case.ok()) return out;
    out.Clear();
    if (ParseText(contents, name, out.mutable_sequence()).ok()) return out;
    return as_case;
  }
  if (absl::Status status = ParseBinary(contents, name, out.mutable_sequence()); !status.ok()) return status;
  return out;
}

absl::StatusOr<LoadedTrace> ParseTrace(absl::string_view contents, const std::string& name) {
  if (absl::Status status = CheckSize(contents, name); !status.ok()) return status;
  if (contents.size() >= sizeof(LogHeader)) {
    uint32_t magic;
    std::memcpy(&magic, contents.data(), sizeof(magic));
    if (magic == kLogMagic) return ParseStoredLog(contents, name);
  }
  LoadedTrace loaded;
  const absl::Status status = LooksLikeText(contents) ? ParseText(contents, name, &loaded.header)
                                                      : ParseBinary(contents, name, &loaded.header);
  if (!status.ok()) return status;
  if (loaded.header.format_version() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": format_version ", loaded.header.format_version(),
                                                   " is newer than this tool, which knows 1"));
  }
  absl::StatusOr<std::vector<Observation>> log = LogFromTrace(loaded.header);
  if (!log.ok()) return absl::InvalidArgumentError(absl::StrCat(name, ": ", log.status().message()));
  loaded.log = *std::move(log);
  loaded.header.clear_observations();
  if (absl::Status checked = CheckLog(loaded.log, name); !checked.ok()) return checked;
  return loaded;
}

void ToProto(const Observation& in, Trace* trace) {
  TraceRecord* out = trace->add_observations();
  if (in.ready == 0) return;
  out->set_kind(static_cast<TraceRecord::Kind>(in.kind));
  out->set_op(in.op);
  out->set_thread(in.thread);
  out->set_irql(in.irql);
  if (in.socket != kNoSlot) out->set_socket(in.socket);
  if (in.irp != kNoSlot) out->set_irp(in.irp);
  if (in.peer != kNoSlot) out->set_peer(in.peer);
  if (in.target != kNoSlot) out->set_target(in.target);
  if (in.begin != kNoIndex) out->set_begin(in.begin);
  if (in.enclosing != kNoIndex) out->set_enclosing(in.enclosing);
  if (in.step != kNoIndex) out->set_step(in.step);
  out->set_status(in.status);
  out->set_information(in.information);
  out->set_flags(in.flags);
  out->set_mask(in.mask);
  out->set_length(in.length);
  out->set_offset(in.offset);
  out->set_content(in.content);
  out->set_code(in.code);
  out->set_seen_flags(in.seen_flags);
}

absl::StatusOr<std::vector<Observation>> LogFromTrace(const Trace& trace) {
  std::vector<Observation> log(static_cast<size_t>(trace.observations_size()));
  for (size_t i = 0; i < log.size(); ++i) {
    const absl::Status status = FromProto(trace.observations(static_cast<int>(i)), &log[i]);
    if (!status.ok())
      return absl::InvalidArgumentError(absl::StrCat("observations[", i, "]: ", status.message()));
  }
  return log;
}

Trace TraceFromLog(absl::Span<const Observation> log) {
  Trace trace;
  trace.set_format_version(1);
  for (const Observation& observation : log) ToProto(observation, &trace);
  return trace;
}

std::string StoredLog(absl::Span<const Observation> log, uint64_t capabilities) {
  LogHeader header = {};
  header.magic = kLogMagic;
  header.version = kFormatVersion;
  header.record_size = sizeof(Observation);
  header.count = static_cast<uint32_t>(log.size());
  header.capabilities = capabilities;
  std::string bytes(sizeof(header) + log.size() * sizeof(Observation), '\0');
  std::memcpy(bytes.data(), &header, sizeof(header));
  if (!log.empty()) std::memcpy(bytes.data() + sizeof(header), log.data(), log.size() * sizeof(Observation));
  return bytes;
}

std::string Sha256Hex(absl::Span<const uint8_t> bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) absl::StrAppend(&hex, absl::Hex(digest[i], absl::kZeroPad2));
  return hex;
}

std::string LogSha256(absl::Span<const Observation> log) {
  return Sha256Hex(
      absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(log.data()), log.size() * sizeof(Observation)));
}

}  // namespace wskcert
