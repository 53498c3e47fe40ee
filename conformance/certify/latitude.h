// Plays the suite in ways that nobody wrote: with choices fixed, under other schedules, with steps changed.
// For tests of what the model accepts. It expects what such a test expects: see ExpectAccepted.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_LATITUDE_H_
#define WSKCERT_CONFORMANCE_CERTIFY_LATITUDE_H_

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "conformance/certify/compile.h"
#include "conformance/certify/run_case.h"
#include "conformance/certify/testbed.h"
#include "conformance/suite/suite.h"
#include "gtest/gtest.h"

namespace wskcert {

// Sanitizers make a run ten times as slow; there a part of the pairs and schedules must do, and the plain
// build plays all.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

struct Fixed {
  std::string name;
  uint16_t kind;
  uint16_t value;
};

// Mostly zeros, so that some runs are nearly calm and others are not.
inline std::string RandomSchedule(std::mt19937* random) {
  std::string schedule(64 + (*random)() % 512, '\0');
  const uint32_t calm = 1 + (*random)() % 8;
  for (char& byte : schedule) byte = (*random)() % calm == 0 ? static_cast<char>((*random)()) : '\0';
  return schedule;
}

// Plays the suite with choices fixed beside those that a case fixes itself, and hands each judged log to
// `check`. `change`, if given, changes each sequence before.
class Latitude {
 public:
  using Change = std::function<void(Sequence*)>;

  explicit Latitude(model::Profile profile, Change change = nullptr)
      : change_(std::move(change)), judge_(profile) {}

  bool changes() const { return change_ != nullptr; }

  template <typename Check>
  void ForEachCase(const std::vector<Fixed>& fixed, const std::string& schedule, const Check& check,
                   const std::vector<bool>* only = nullptr) {
    for (int i = 0; i < CuratedSuite().cases_size(); ++i) {
      if (only != nullptr && !(*only)[static_cast<size_t>(i)]) continue;
      Sequence sequence = CuratedSuite().cases(i).body().sequence();
      if (!Fix(fixed, &sequence)) continue;
      if (change_) change_(&sequence);
      if (!schedule.empty()) sequence.mutable_schedule()->set_choices(schedule);
      absl::StatusOr<Program> program = Compile(sequence, EmulatorChoices());
      ASSERT_TRUE(program.ok()) << program.status();
      const Played& played = testbed_.Play(*program);
      check(static_cast<size_t>(i), played, JudgeLog(&judge_, played.log, played.capabilities));
    }
  }

 private:
  // False: the case fixes one of them itself.
  static bool Fix(const std::vector<Fixed>& fixed, Sequence* sequence) {
    for (const Fixed& choice : fixed) {
      for (const FixedChoice& own : sequence->schedule().fixed()) {
        if (own.name() == choice.name) return false;
      }
      FixedChoice* added = sequence->mutable_schedule()->add_fixed();
      added->set_name(choice.name);
      added->set_value(choice.value);
    }
    return true;
  }

  const Change change_;
  Testbed testbed_;
  model::Judge judge_;
};

inline std::string Describe(const std::vector<Fixed>& fixed) {
  std::string text;
  for (const Fixed& choice : fixed) text += " " + choice.name + "=" + std::to_string(choice.value);
  return text;
}

inline const std::string& NameOf(size_t index) {
  return CuratedSuite().cases(static_cast<int>(index)).name();
}

// nf-wsk-wskderegister.md, Remarks: it waits for what the client has not closed or released. A step that
// found nothing to close yet is recorded as a skip; the call then waits for ever, and rightly so.
inline bool WaitsForItsClient(const Played& played) {
  const auto skipped = [](const Observation& o) { return static_cast<Seen>(o.kind) == Seen::kSkip; };
  return played.ending == Ending::kDeadlock && absl::StrContains(played.report, "inside WskDeregister") &&
         std::any_of(played.log.begin(), played.log.end(), skipped);
}

inline void ExpectAccepted(Latitude* latitude, const std::vector<Fixed>& fixed, const std::string& schedule,
                           const std::vector<bool>* only = nullptr) {
  const auto check = [&](size_t index, const Played& played, const Judged& judged) {
    EXPECT_FALSE(judged.refusal.refused) << NameOf(index) << Describe(fixed) << "\n"
                                         << RefusalStory(played.log, judged);
    // A breach that a case commits on purpose may end the machine; nothing else may.
    if (latitude->changes() && WaitsForItsClient(played)) return;
    if (judged.breached.empty()) {
      EXPECT_EQ(played.ending, Ending::kFinished)
          << NameOf(index) << Describe(fixed) << ": " << played.report;
      EXPECT_FALSE(played.leaked) << NameOf(index) << Describe(fixed) << ": " << played.report;
    }
  };
  latitude->ForEachCase(fixed, schedule, check, only);
}

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_LATITUDE_H_
