#include "conformance/certify/play_store.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "conformance/certify/trace_io.h"
#include "google/protobuf/stubs/logging.h"

namespace wskcert {
namespace {

constexpr char kRunFile[] = "run.pb";

template <typename T>
std::optional<T> Parse(const std::string& path) {
  const absl::StatusOr<std::string> contents = ReadFile(path);
  T message;
  // The library would print its own opinion of hostile bytes.
  google::protobuf::LogSilencer quiet;
  if (!contents.ok() || !message.ParseFromString(*contents)) return std::nullopt;
  return message;
}

absl::Status MakeDirectory(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(path.string(), ": ", error.message()));
}

std::string Text(const PlayedRun& run) {
  return absl::StrCat("provider ", run.provider(), ", profile ", run.profile(), ", repeat ", run.repeat(),
                      run.options().empty() ? "" : " ", run.options(),
                      run.has_schedule_seed() ? absl::StrCat(" --schedule-seed=", run.schedule_seed()) : "");
}

}  // namespace

PlayStore::PlayStore(const std::string& directory)
    : directory_((std::filesystem::path(directory) / "plays").string()) {}

std::string PlayStore::PathOf(const std::string& case_name) const {
  return absl::StrCat(directory_, "/", case_name, ".played.pb");
}

absl::StatusOr<PlayedRun> PlayStore::Run() const {
  const std::optional<PlayedRun> run = Parse<PlayedRun>(absl::StrCat(directory_, "/", kRunFile));
  if (run.has_value()) return *run;
  return absl::NotFoundError(absl::StrCat(directory_, ": no plays of a run"));
}

absl::Status PlayStore::Open(const PlayedRun& run, bool resume) const {
  const absl::StatusOr<PlayedRun> before = Run();
  if (resume && before.ok()) {
    if (before->SerializeAsString() == run.SerializeAsString()) return absl::OkStatus();
    const bool described = Text(*before) != Text(run);
    return absl::FailedPreconditionError(absl::StrCat(
        directory_, ": what was played there cannot go on: it was ", Text(*before),
        described ? absl::StrCat(", this is ", Text(run)) : ", of another version of the suite or the tool"));
  }
  std::error_code error;
  std::filesystem::remove_all(directory_, error);
  if (absl::Status status = MakeDirectory(directory_); !status.ok()) return status;
  return WriteFile(absl::StrCat(directory_, "/", kRunFile), run.SerializeAsString());
}

std::optional<PlayedCase> PlayStore::Load(const std::string& case_name) const {
  std::optional<PlayedCase> played = Parse<PlayedCase>(PathOf(case_name));
  if (!played.has_value() || played->name() != case_name) return std::nullopt;
  return played;
}

absl::Status PlayStore::Save(const PlayedCase& played) const {
  const std::string path = PathOf(played.name());
  if (absl::Status status = MakeDirectory(std::filesystem::path(path).parent_path()); !status.ok())
    return status;
  return WriteFile(path, played.SerializeAsString());
}

absl::StatusOr<PlayResult> RecordingProvider::PlayCase(const Program& program, const std::string& case_name,
                                                       uint32_t settle_scale) {
  absl::StatusOr<PlayResult> result = provider_->PlayCase(program, case_name, settle_scale);
  if (!result.ok()) return result;
  KeptPlay* play = played_.add_plays();
  *play->mutable_trace() = TraceFromLog(result->log);
  play->mutable_trace()->set_program_sha256(Sha256Hex(program.bytes()));
  play->mutable_trace()->set_capabilities(result->capabilities);
  play->mutable_trace()->set_report(result->report);
  play->set_ending(static_cast<uint32_t>(result->ending));
  play->set_leaked(result->leaked);
  play->set_fault(result->fault);
  play->set_unreachable(result->unreachable);
  play->set_again(provider_->again());
  return result;
}

std::string RecordingProvider::WhyNotTimeAnew(const Silences::Missed& missed) {
  std::string why_not = provider_->WhyNotTimeAnew(missed);
  if (!played_.plays().empty()) {
    played_.mutable_plays(played_.plays_size() - 1)->set_not_timed_anew(why_not);
  }
  return why_not;
}

PlayedCase RecordingProvider::Take(const std::string& case_name) {
  PlayedCase played;
  played.Swap(&played_);
  played.set_name(case_name);
  return played;
}

void ReplayingProvider::Add(const PlayedCase& played) {
  for (const KeptPlay& play : played.plays()) plays_.push_back(play);
}

absl::StatusOr<PlayResult> ReplayingProvider::PlayCase(const Program& program, const std::string&, uint32_t) {
  if (plays_.empty() || plays_.front().trace().program_sha256() != Sha256Hex(program.bytes())) {
    return absl::InternalError("what was kept of the plays is not what is to be judged");
  }
  const KeptPlay play = std::move(plays_.front());
  plays_.pop_front();
  PlayResult result;
  if (!play.trace().observations().empty()) {
    absl::StatusOr<std::vector<Observation>> log = LogFromTrace(play.trace());
    if (!log.ok()) return log.status();
    result.log = *std::move(log);
  }
  result.capabilities = play.trace().capabilities();
  result.report = play.trace().report();
  result.ending = static_cast<Ending>(play.ending());
  result.leaked = play.leaked();
  result.fault = play.fault();
  result.unreachable = play.unreachable();
  again_ = absl::StrCat(play.again(), more_again_);
  why_not_ = play.not_timed_anew();
  return result;
}

}  // namespace wskcert
