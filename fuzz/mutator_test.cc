// What holds of every result of the mutator, over seeds of the suite, over random bytes and for every size.
#include "fuzz/mutator.h"

#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "conformance/certify/compile.h"
#include "conformance/certify/testbed.h"
#include "conformance/model/judge.h"
#include "conformance/suite/suite.h"
#include "fuzz/random.h"
#include "google/protobuf/stubs/logging.h"
#include "google/protobuf/unknown_field_set.h"
#include "gtest/gtest.h"

namespace wskcert::fuzz {
namespace {

Mutator::Options Defaults() {
  Mutator::Options options;
  for (const NamedChoice& choice : EmulatorChoices()) options.choices.push_back(choice.name);
  return options;
}

using Bytes = std::vector<uint8_t>;

Bytes BytesOf(const Sequence& sequence) {
  const std::string text = sequence.SerializeAsString();
  return {text.begin(), text.end()};
}

// One mutation of `bytes` into at most `max_size` bytes.
Bytes Mutated(Mutator* mutator, Bytes bytes, size_t max_size, uint32_t seed) {
  const size_t size = bytes.size();
  bytes.resize(std::max(size, max_size));
  bytes.resize(mutator->Mutate(bytes.data(), size, max_size, seed));
  return bytes;
}

// Empty: it can be played.
std::string Fault(const Bytes& bytes) {
  Sequence sequence;
  if (!sequence.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return "does not parse";
  const absl::StatusOr<Program> program = Compile(sequence, EmulatorChoices());
  return program.ok() ? "" : absl::StrCat(program.status().message(), "\n", sequence.DebugString());
}

Bytes RandomBytes(Random* random, size_t size) {
  Bytes bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random->Next());
  return bytes;
}

TEST(MutatorTest, ChainsFromEverySeedCompileAndFit) {
  Mutator mutator(Defaults());
  uint32_t seed = 0;
  for (const NamedCase& named : CuratedSuite().cases()) {
    Bytes bytes = BytesOf(named.body().sequence());
    for (int i = 0; i < 20; ++i) {
      bytes = Mutated(&mutator, bytes, 4096, ++seed);
      ASSERT_LE(bytes.size(), 4096u);
      ASSERT_EQ(Fault(bytes), "") << named.name() << ", seed " << seed;
    }
  }
}

TEST(MutatorTest, ALongChainFromNothingCompiles) {
  Mutator mutator(Defaults());
  Bytes bytes;
  for (uint32_t seed = 0; seed < 20000; ++seed) {
    bytes = Mutated(&mutator, bytes, 4096, seed);
    ASSERT_EQ(Fault(bytes), "") << "seed " << seed;
  }
}

TEST(MutatorTest, RandomBytesBecomeASequence) {
  Mutator mutator(Defaults());
  Random random(1);
  for (uint32_t seed = 0; seed < 20000; ++seed) {
    const Bytes bytes = Mutated(&mutator, RandomBytes(&random, random.Below(200)), 1000, seed);
    ASSERT_EQ(Fault(bytes), "") << "seed " << seed;
  }
}

// Bytes that are nearly a sequence reach every field's bounds.
TEST(MutatorTest, DamagedSeedsBecomeASequence) {
  Mutator mutator(Defaults());
  Random random(2);
  uint32_t seed = 0;
  for (const NamedCase& named : CuratedSuite().cases()) {
    const Bytes whole = BytesOf(named.body().sequence());
    for (int i = 0; i < 20; ++i) {
      Bytes bytes = whole;
      for (uint32_t k = 0; k <= random.Below(4); ++k) {
        bytes[random.Below(static_cast<uint32_t>(bytes.size()))] = static_cast<uint8_t>(random.Next());
      }
      bytes = Mutated(&mutator, bytes, 4096, ++seed);
      ASSERT_EQ(Fault(bytes), "") << named.name() << ", seed " << seed;
    }
  }
}

TEST(MutatorTest, FitsEverySize) {
  Mutator mutator(Defaults());
  Random random(3);
  const Bytes seed_bytes = BytesOf(CuratedSuite().cases(100).body().sequence());
  for (size_t max_size = 1; max_size < 600; ++max_size) {
    for (const Bytes& from : {seed_bytes, Bytes(), RandomBytes(&random, max_size)}) {
      const Bytes bytes = Mutated(&mutator, from, max_size, static_cast<uint32_t>(max_size));
      ASSERT_LE(bytes.size(), max_size);
      ASSERT_EQ(Fault(bytes), "") << max_size;
    }
  }
}

TEST(MutatorTest, TheSameBytesAndSeedGiveTheSame) {
  Mutator one(Defaults());
  Mutator other(Defaults());
  Random random(4);
  uint32_t seed = 0;
  for (const NamedCase& named : CuratedSuite().cases()) {
    const Bytes bytes = BytesOf(named.body().sequence());
    const Bytes first = Mutated(&one, bytes, 4096, ++seed);
    // What it did before must not matter.
    for (uint32_t i = 0; i < random.Below(3); ++i) Mutated(&other, first, 500, i);
    ASSERT_EQ(Mutated(&other, bytes, 4096, seed), first) << named.name();
  }
}

TEST(MutatorTest, UnknownFieldsAndTheVersionSurvive) {
  constexpr int kUnknown = 15000;
  Mutator mutator(Defaults());
  Sequence sequence = CuratedSuite().cases(7).body().sequence();
  sequence.GetReflection()->MutableUnknownFields(&sequence)->AddVarint(kUnknown, 77);
  Bytes bytes = BytesOf(sequence);
  for (uint32_t seed = 0; seed < 2000; ++seed) {
    bytes = Mutated(&mutator, bytes, 4096, seed);
    Sequence now;
    ASSERT_TRUE(now.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
    ASSERT_EQ(now.format_version(), sequence.format_version());
    const auto& fields = now.GetReflection()->GetUnknownFields(now);
    ASSERT_EQ(fields.field_count(), 1);
    ASSERT_EQ(fields.field(0).varint(), 77u);
  }
}

TEST(MutatorTest, DecodeGivesWhatWasMade) {
  Mutator mutator(Defaults());
  Bytes bytes = BytesOf(Mutator::Base());
  for (uint32_t seed = 0; seed < 1000; ++seed) {
    bytes = Mutated(&mutator, bytes, 4096, seed);
    const Sequence* sequence = mutator.Decode(bytes.data(), bytes.size());
    ASSERT_NE(sequence, nullptr);
    ASSERT_EQ(BytesOf(*sequence), bytes);
  }
  const Bytes other = BytesOf(CuratedSuite().cases(3).body().sequence());
  ASSERT_EQ(BytesOf(*mutator.Decode(other.data(), other.size())), other);
  const uint8_t garbage[] = {0xFF, 0xFF, 0xFF};
  EXPECT_EQ(mutator.Decode(garbage, sizeof(garbage)), nullptr);
}

TEST(MutatorTest, ANewerFormatIsReplaced) {
  Mutator mutator(Defaults());
  Sequence newer = Mutator::Base();
  newer.set_format_version(2);
  const Bytes bytes = Mutated(&mutator, BytesOf(newer), 4096, 5);
  Sequence now;
  ASSERT_TRUE(now.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  EXPECT_EQ(now.format_version(), 1u);
}

TEST(MutatorTest, CrossOverCompilesAndFits) {
  Mutator mutator(Defaults());
  Random random(5);
  const auto& cases = CuratedSuite().cases();
  for (uint32_t seed = 0; seed < 5000; ++seed) {
    const Bytes one = BytesOf(cases[random.BelowInt(cases.size())].body().sequence());
    const Bytes other = seed % 10 == 0 ? RandomBytes(&random, 50)
                                       : BytesOf(cases[random.BelowInt(cases.size())].body().sequence());
    Bytes out(4096);
    out.resize(
        mutator.CrossOver(one.data(), one.size(), other.data(), other.size(), out.data(), out.size(), seed));
    ASSERT_EQ(Fault(out), "") << "seed " << seed;
  }
}

// ---- What the sequences are worth: the judge decides

struct Worth {
  int breached = 0, with_callback = 0, skips = 0, steps = 0, played = 0;
};

Worth WorthOf(const Mutator::Options& options, bool from_suite) {
  Mutator mutator(options);
  Testbed testbed;
  model::Judge judge(model::Profile::kDocumented);
  SequenceCompiler compiler(EmulatorChoices());
  Worth worth;
  uint32_t seed = 0;
  for (const NamedCase& named : CuratedSuite().cases()) {
    Sequence sequence;
    if (from_suite) sequence = named.body().sequence();
    for (int i = 0; i < 6; ++i) {
      mutator.MutateSequence(&sequence, 4096, ++seed);
      const absl::StatusOr<const Program*> program = compiler.Compile(sequence);
      if (!program.ok()) continue;
      const Played& played = testbed.Play(**program);
      judge.Start(played.capabilities);
      judge.ObserveAll(played.log.data(), played.log.size());
      ++worth.played;
      worth.breached += model::IsFault(judge.breached()) ? 1 : 0;
      worth.steps += static_cast<int>((*program)->steps().size());
      bool called = false;
      for (const Observation& o : played.log) {
        called = called || o.kind == static_cast<uint8_t>(Seen::kCallbackBegin);
        worth.skips += o.kind == static_cast<uint8_t>(Seen::kSkip) ? 1 : 0;
      }
      worth.with_callback += called ? 1 : 0;
    }
  }
  return worth;
}

TEST(MutatorWorthTest, NearlyAllSequencesKeepTheObligations) {
  for (const bool from_suite : {true, false}) {
    const Worth worth = WorthOf(Defaults(), from_suite);
    EXPECT_LT(worth.breached * 100, worth.played * 10) << from_suite;
    EXPECT_GT(worth.breached * 100, worth.played * 1) << from_suite;
    EXPECT_LT(worth.skips * 100, worth.steps * 8) << from_suite;
    EXPECT_GT(worth.with_callback * 100, worth.played * 50) << from_suite;
  }
}

TEST(MutatorWorthTest, WithoutBreachesOnPurposeThereAreNearlyNone) {
  Mutator::Options options = Defaults();
  options.breaches = false;
  const Worth worth = WorthOf(options, false);
  EXPECT_LT(worth.breached * 100, worth.played * 2);
}

TEST(MutatorWorthTest, LegalityIsWhatMakesTheDifference) {
  Mutator::Options options = Defaults();
  options.legality = false;
  options.breaches = false;
  const Worth without = WorthOf(options, false);
  options.legality = true;
  const Worth with = WorthOf(options, false);
  EXPECT_GT(without.breached, 2 * with.breached);
  EXPECT_GT(without.skips, with.skips);
}

}  // namespace
}  // namespace wskcert::fuzz
