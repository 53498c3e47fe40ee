#include "conformance/certify/long_run.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "conformance/certify/play_order.h"
#include "conformance/certify/play_store.h"
#include "conformance/certify/schedule_seed.h"
#include "conformance/certify/trace_io.h"
#include "conformance/certify/workers.h"
#include "conformance/rules/catalogue.h"

namespace wskcert {
namespace {

std::string Sha256Of(const std::string& bytes) {
  return Sha256Hex(absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
}

std::string PlayOptionsText(const ProviderOptions& options) {
  if (options.scheduler == Scheduler::kFibers) return "";
  return absl::StrCat("--scheduler=threads --seed=", options.seed,
                      options.random_choices ? " --latitude" : "");
}

PlayedRun RunOf(const Suite& suite, const LongRunOptions& options) {
  PlayedRun run;
  run.set_tool_version(kToolVersion);
  run.set_provider(options.provider);
  run.set_suite_sha256(Sha256Of(suite.SerializeAsString()));
  run.set_catalogue_sha256(Sha256Of(catalogue::All().SerializeAsString()));
  run.set_profile(ProfileName(options.certify.profile));
  run.set_repeat(static_cast<uint32_t>(options.certify.repeat));
  run.set_options(PlayOptionsText(options.provider_options));
  if (options.schedule_seed.has_value()) run.set_schedule_seed(*options.schedule_seed);
  return run;
}

Suite Seeded(Suite suite, const std::optional<uint64_t>& seed) {
  if (!seed.has_value()) return suite;
  for (NamedCase& candidate : *suite.mutable_cases()) {
    SeedSchedule(*seed, candidate.name(), candidate.mutable_body()->mutable_sequence());
  }
  return suite;
}

// What one process plays with. With real threads each play has a seed of its own, whoever makes it, and so a
// provider of its own.
class Player {
 public:
  Player(const LongRunOptions& options, const PlayStore& store) : options_(options), store_(store) {}

  // Plays one case as often as it is to be, and keeps it. `number` is the case's in the whole suite.
  absl::Status Play(const NamedCase& candidate, size_t number) {
    if (provider_ == nullptr || options_.provider_options.scheduler == Scheduler::kThreads) {
      ProviderOptions provider_options = options_.provider_options;
      provider_options.seed += number * static_cast<uint64_t>(options_.certify.repeat);
      absl::StatusOr<std::unique_ptr<Provider>> made = MakeProvider(options_.provider, provider_options);
      if (!made.ok()) return made.status();
      provider_ = *std::move(made);
    }
    if (provider_->shares_host() && IsKiller(candidate.body().sequence())) {
      if (absl::Status status = Finish(); !status.ok()) return status;
    }
    RecordingProvider recording(provider_.get());
    model::Judge judge(options_.certify.profile);
    for (int left = options_.certify.repeat; left > 0; --left) {
      const absl::StatusOr<CaseRun> run = RunCase(&recording, &judge, candidate.name(), candidate.body(), "");
      if (!run.ok()) return run.status();
      if (run->outcome != CaseResult::ACCEPTED) break;
    }
    last_ = recording.Take(candidate.name());
    return store_.Save(last_);
  }

  // Ends the host, if there is one. What that does wrong after its last answer costs the case it played last.
  absl::Status Finish() {
    const std::string fault = provider_ != nullptr ? provider_->Part() : "";
    if (fault.empty() || last_.plays().empty()) return absl::OkStatus();
    last_.mutable_plays()->DeleteSubrange(1, last_.plays_size() - 1);
    last_.mutable_plays(0)->set_fault(fault);
    return store_.Save(last_);
  }

 private:
  const LongRunOptions& options_;
  const PlayStore& store_;
  std::unique_ptr<Provider> provider_;
  PlayedCase last_;
};

// The cases that are chosen, with their numbers in the suite.
std::vector<std::pair<const NamedCase*, size_t>> Chosen(const Suite& suite, const LongRunOptions& options) {
  std::vector<std::pair<const NamedCase*, size_t>> chosen;
  size_t matching = 0;
  for (int i = 0; i < suite.cases_size(); ++i) {
    if (!CaseMatches(suite.cases(i), options.certify.filter)) continue;
    if (matching++ % options.shards == options.shard - 1)
      chosen.push_back({&suite.cases(i), static_cast<size_t>(i)});
  }
  return chosen;
}

absl::Status PlayMissing(const LongRunOptions& options, const PlayStore& store,
                         const std::vector<std::pair<const NamedCase*, size_t>>& chosen,
                         const LongProgress& played) {
  std::vector<size_t> missing;
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (!options.resume || !store.Load(chosen[i].first->name()).has_value()) missing.push_back(i);
  }
  const size_t before = chosen.size() - missing.size();
  std::stable_partition(missing.begin(), missing.end(),
                        [&chosen](size_t i) { return !IsKiller(chosen[i].first->body().sequence()); });
  size_t done = before;
  if (before != 0) played(done, chosen.size(), before, "");
  // Each process has a copy of its own.
  Player player(options, store);
  return RunInProcesses(
      missing.size(), options.jobs,
      [&](size_t job) { return player.Play(*chosen[missing[job]].first, chosen[missing[job]].second); },
      [&](size_t job) { played(++done, chosen.size(), before, chosen[missing[job]].first->name()); },
      [&] { return player.Finish(); });
}

std::string SeedOption(const std::optional<uint64_t>& seed) {
  return seed.has_value() ? absl::StrCat(" --schedule-seed=", *seed) : "";
}

}  // namespace

absl::StatusOr<Certification> CertifyLong(const Suite& suite, const LongRunOptions& options,
                                          const LongProgress& played, const Progress& judged) {
  const Suite seeded = Seeded(suite, options.schedule_seed);
  const std::vector<std::pair<const NamedCase*, size_t>> chosen = Chosen(seeded, options);
  if (chosen.empty()) {
    return absl::NotFoundError(absl::StrCat("no case, topic or rule matches '", options.certify.filter,
                                            "' in shard ", options.shard, "/", options.shards));
  }
  const PlayStore store(options.store);
  if (absl::Status status = store.Open(RunOf(seeded, options), options.resume); !status.ok()) return status;
  if (absl::Status status = PlayMissing(options, store, chosen, played); !status.ok()) return status;

  absl::StatusOr<std::unique_ptr<Provider>> provider =
      MakeProvider(options.provider, options.provider_options);
  if (!provider.ok()) return provider.status();
  ReplayingProvider replaying(provider->get(), SeedOption(options.schedule_seed));
  Suite of_shard;
  for (const auto& [candidate, number] : chosen) {
    *of_shard.add_cases() = *candidate;
    const std::optional<PlayedCase> kept = store.Load(candidate->name());
    if (kept.has_value()) replaying.Add(*kept);
  }
  absl::StatusOr<Certification> done = Certify(&replaying, of_shard, options.certify, judged);
  if (!done.ok()) return done;
  if (!replaying.empty()) return absl::InternalError("more was played than judged");
  Certificate& certificate = done->certificate;
  certificate.set_suite_sha256(Sha256Of(suite.SerializeAsString()));
  if (options.schedule_seed.has_value()) certificate.set_schedule_seed(*options.schedule_seed);
  if (options.shards > 1) {
    const std::string shard = absl::StrCat("shard ", options.shard, "/", options.shards);
    certificate.set_filter(
        options.certify.filter.empty() ? shard : absl::StrCat(options.certify.filter, ", ", shard));
    certificate.set_certified(false);
  }
  return done;
}

namespace {

// The one run that all stores are of.
absl::StatusOr<PlayedRun> CommonRun(const std::vector<std::string>& stores) {
  PlayedRun common;
  for (size_t i = 0; i < stores.size(); ++i) {
    const absl::StatusOr<PlayedRun> run = PlayStore(stores[i]).Run();
    if (!run.ok()) return run.status();
    if (i != 0 && run->SerializeAsString() != common.SerializeAsString()) {
      return absl::InvalidArgumentError(
          absl::StrCat(stores[i], ": its plays are not of the same run as those of ", stores[0]));
    }
    common = *run;
  }
  return common;
}

}  // namespace

absl::StatusOr<Certification> MergeShards(const Suite& suite, const std::vector<std::string>& stores,
                                          const std::string& date, const Progress& judged) {
  const absl::StatusOr<PlayedRun> run = CommonRun(stores);
  if (!run.ok()) return run.status();
  const std::optional<uint64_t> seed =
      run->has_schedule_seed() ? std::optional<uint64_t>(run->schedule_seed()) : std::nullopt;
  const Suite seeded = Seeded(suite, seed);
  if (run->tool_version() != kToolVersion || run->suite_sha256() != Sha256Of(seeded.SerializeAsString()) ||
      run->catalogue_sha256() != Sha256Of(catalogue::All().SerializeAsString())) {
    return absl::InvalidArgumentError(
        absl::StrCat(stores[0], ": its plays are of another version of the suite or the tool"));
  }
  CertifyOptions certify;
  const absl::StatusOr<model::Profile> profile = ParseProfile(run->profile());
  if (!profile.ok()) return profile.status();
  certify.profile = *profile;
  certify.repeat = static_cast<int>(run->repeat());
  certify.date = date;
  absl::StatusOr<std::unique_ptr<Provider>> provider = MakeProvider(run->provider(), ProviderOptions());
  if (!provider.ok()) return provider.status();
  ReplayingProvider replaying(provider->get(), SeedOption(seed));
  std::string missing;
  size_t count = 0;
  for (const NamedCase& candidate : seeded.cases()) {
    std::optional<PlayedCase> kept;
    for (const std::string& store : stores) {
      if (!kept.has_value()) kept = PlayStore(store).Load(candidate.name());
    }
    if (kept.has_value()) {
      replaying.Add(*kept);
    } else if (count++ == 0) {
      missing = candidate.name();
    }
  }
  if (count != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        count, " of ", seeded.cases_size(), " cases were not played in any of them, the first is ", missing));
  }
  absl::StatusOr<Certification> done = Certify(&replaying, seeded, certify, judged);
  if (!done.ok()) return done;
  done->certificate.set_suite_sha256(Sha256Of(suite.SerializeAsString()));
  if (seed.has_value()) done->certificate.set_schedule_seed(*seed);
  return done;
}

}  // namespace wskcert
