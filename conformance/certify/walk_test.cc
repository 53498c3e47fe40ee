// What the model allows, and what a provider shows: the model's own walks (model/walk.h) beside the suite on
// the emulator under every choice and many schedules. What the model allows in a walk and the emulator never
// shows is listed in model/unwitnessed.txt, with the reason why it may be allowed all the same.
#include "conformance/model/walk.h"

#include <fnmatch.h>

#include <fstream>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "conformance/certify/run_case.h"
#include "conformance/certify/testbed.h"
#include "conformance/suite/suite.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

constexpr int kWalks = 1500;  // in each universe
constexpr size_t kSteps = 60;
constexpr int kSchedules = 60;               // for each case
constexpr uint32_t kMaxValue = 3;            // of a choice
constexpr uint16_t kFirstProviderKind = 16;  // below are the scheduler's, which schedules vary

// Names of what the judge allows in walks, each with a walk in which it does.
std::map<std::string, std::string> Allowed(int walks) {
  std::map<std::string, std::string> all;
  for (model::Universe universe : model::kUniverses) {
    for (int seed = 0; seed < walks; ++seed) {
      model::Walker walker(universe, static_cast<uint32_t>(seed));
      walker.Walk(kSteps, [&](const std::string& output) {
        if (!output.empty()) {
          all.try_emplace(output, std::string(NameOf(universe)).append(" ").append(std::to_string(seed)));
        }
      });
    }
  }
  return all;
}

// Names of what the emulator shows in the suite.
class Witness {
 public:
  void Play(const Sequence& sequence) {
    absl::StatusOr<Program> program = Compile(sequence, EmulatorChoices());
    ASSERT_TRUE(program.ok()) << program.status();
    const Played& played = testbed_.Play(*program);
    judge_.Start(played.capabilities);
    log_.clear();
    for (const Observation& o : played.log) {
      const std::string name = OutputName(judge_, log_, o);
      // Behind a breach nothing is judged, so nothing is allowed there either.
      if (!judge_.Observe(o) || !judge_.breached().empty()) return;
      if (!name.empty()) seen_.insert(name);
      log_.push_back(o);
    }
  }
  const std::set<std::string>& seen() const { return seen_; }

 private:
  Testbed testbed_;
  model::Judge judge_{model::Profile::kDocumented};
  std::vector<Observation> log_;
  std::set<std::string> seen_;
};

bool Fixes(const Sequence& sequence, const std::string& choice) {
  for (const FixedChoice& fixed : sequence.schedule().fixed()) {
    if (fixed.name() == choice) return true;
  }
  return false;
}

void PlaySuite(Witness* witness) {
  for (const NamedCase& named : CuratedSuite().cases()) {
    // A case's schedules are its own, whatever other cases there are.
    std::seed_seq seed(named.name().begin(), named.name().end());
    std::mt19937 random(seed);
    witness->Play(named.body().sequence());
    for (const NamedChoice& choice : EmulatorChoices()) {
      if (choice.kind < kFirstProviderKind || Fixes(named.body().sequence(), choice.name)) continue;
      for (uint32_t value = 1; value <= kMaxValue; ++value) {
        Sequence sequence = named.body().sequence();
        FixedChoice* fixed = sequence.mutable_schedule()->add_fixed();
        fixed->set_name(choice.name);
        fixed->set_value(value);
        witness->Play(sequence);
      }
    }
    for (int round = 0; round < kSchedules; ++round) {
      Sequence sequence = named.body().sequence();
      std::string schedule(256, '\0');
      const uint32_t calm = 1 + random() % 6;
      for (char& byte : schedule) byte = random() % calm == 0 ? static_cast<char>(random()) : '\0';
      sequence.mutable_schedule()->set_choices(schedule);
      witness->Play(sequence);
    }
  }
}

// The patterns of unwitnessed.txt, in which `*` stands for anything. A comment above them is the reason.
std::vector<std::string> Explained() {
  std::ifstream in("conformance/model/unwitnessed.txt");
  std::vector<std::string> patterns;
  bool reason = false;
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) {
      reason = false;
    } else if (line[0] == '#') {
      reason = true;
    } else {
      EXPECT_TRUE(reason) << "no reason stands above: " << line;
      patterns.push_back(line);
    }
  }
  return patterns;
}

// Sanitizers make walks and plays ten times as slow, and what is allowed does not depend on them.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

TEST(Walk, TheSameSeedWalksTheSameWay) {
  for (model::Universe universe : model::kUniverses) {
    for (uint32_t seed = 0; seed < 20; ++seed) {
      std::vector<std::string> first, second;
      model::Walker walker(universe, seed);
      walker.Walk(kSteps, [&](const std::string& output) { first.push_back(output); });
      const size_t length = walker.log().size();
      walker.Walk(kSteps, [&](const std::string& output) { second.push_back(output); });
      EXPECT_EQ(first, second);
      EXPECT_EQ(length, walker.log().size());
      EXPECT_FALSE(first.empty());
    }
  }
}

TEST(Walk, WhatNoProviderWasSeenToDoIsExplained) {
  if (kSanitized) {
    EXPECT_GT(Allowed(40).size(), 150u);
    return;
  }
  const std::map<std::string, std::string> allowed = Allowed(kWalks);
  Witness witness;
  PlaySuite(&witness);
  const std::vector<std::string> patterns = Explained();
  std::vector<bool> needed(patterns.size());
  size_t unwitnessed = 0;
  for (const auto& [name, where] : allowed) {
    if (witness.seen().contains(name)) continue;
    ++unwitnessed;
    bool explained = false;
    for (size_t i = 0; i < patterns.size(); ++i) {
      if (fnmatch(patterns[i].c_str(), name.c_str(), 0) != 0) continue;
      needed[i] = explained = true;
    }
    EXPECT_TRUE(explained) << "allowed in walk " << where << ", never seen, and not explained: " << name;
  }
  for (size_t i = 0; i < patterns.size(); ++i) {
    EXPECT_TRUE(needed[i]) << "explains nothing that is allowed and unseen: " << patterns[i];
  }
  RecordProperty("allowed", static_cast<int>(allowed.size()));
  RecordProperty("seen", static_cast<int>(witness.seen().size()));
  RecordProperty("unwitnessed", static_cast<int>(unwitnessed));
}

}  // namespace
}  // namespace wskcert
