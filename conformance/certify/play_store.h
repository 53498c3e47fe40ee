// A directory with what was played: one file a case, written when the case is done, so that whoever is killed
// loses no more than what he was playing.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_PLAY_STORE_H_
#define WSKCERT_CONFORMANCE_CERTIFY_PLAY_STORE_H_

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "conformance/certify/provider.h"
#include "proto/played.pb.h"

namespace wskcert {

class PlayStore {
 public:
  // `directory`/plays. Nothing is touched yet.
  explicit PlayStore(const std::string& directory);

  // Makes it, for the plays of `run`. Those that are there already stay if `resume`, and must then be of the
  // same run; otherwise they are removed.
  absl::Status Open(const PlayedRun& run, bool resume) const;
  // Whose plays these are. NotFound: there are none.
  absl::StatusOr<PlayedRun> Run() const;

  // The plays of one case; empty: it was not played to the end. A file that cannot be read counts as that.
  std::optional<PlayedCase> Load(const std::string& case_name) const;
  absl::Status Save(const PlayedCase& played) const;

 private:
  std::string PathOf(const std::string& case_name) const;

  const std::string directory_;
};

// Hands on to another provider, and keeps what that gave.
class RecordingProvider : public Provider {
 public:
  explicit RecordingProvider(Provider* provider) : provider_(provider) {}
  const std::string& name() const override { return provider_->name(); }
  std::vector<NamedChoice> choices() const override { return provider_->choices(); }
  uint64_t capabilities() const override { return provider_->capabilities(); }
  ProviderIdentity identity() const override { return provider_->identity(); }
  std::string again() const override { return provider_->again(); }
  absl::StatusOr<PlayResult> Play(const Program& program) override { return PlayCase(program, "", 1); }
  absl::StatusOr<PlayResult> PlayCase(const Program& program, const std::string& case_name,
                                      uint32_t settle_scale) override;
  bool shares_host() const override { return provider_->shares_host(); }
  std::string Part() override { return provider_->Part(); }
  std::string WhyNotTimeAnew(const Silences::Missed& missed) override;
  void TimedAnew(const Silences::Missed& missed, const std::string& case_name, bool again) override {
    provider_->TimedAnew(missed, case_name, again);
  }

  // What was played since the last call.
  PlayedCase Take(const std::string& case_name);

 private:
  Provider* const provider_;
  PlayedCase played_;
};

// Gives back what was kept of a provider, which is asked only who it is.
class ReplayingProvider : public Provider {
 public:
  ReplayingProvider(Provider* provider, std::string more_again)
      : provider_(provider), more_again_(std::move(more_again)) {}
  const std::string& name() const override { return provider_->name(); }
  std::vector<NamedChoice> choices() const override { return provider_->choices(); }
  uint64_t capabilities() const override { return provider_->capabilities(); }
  ProviderIdentity identity() const override { return provider_->identity(); }
  std::string again() const override { return again_; }
  absl::StatusOr<PlayResult> Play(const Program& program) override { return PlayCase(program, "", 1); }
  // An error if this is not what was played next.
  absl::StatusOr<PlayResult> PlayCase(const Program& program, const std::string& case_name,
                                      uint32_t settle_scale) override;
  // What was decided then.
  std::string WhyNotTimeAnew(const Silences::Missed& missed) override { return why_not_; }

  // The next plays.
  void Add(const PlayedCase& played);
  bool empty() const { return plays_.empty(); }

 private:
  Provider* const provider_;
  const std::string more_again_;
  std::string again_;
  std::string why_not_;
  std::deque<KeptPlay> plays_;
};

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_PLAY_STORE_H_
