#include "fuzz/records.h"

#include <cstring>
#include <random>
#include <vector>

#include "conformance/certify/compile.h"
#include "conformance/executor/format.h"
#include "conformance/executor/program_check.h"
#include "conformance/suite/suite.h"
#include "gtest/gtest.h"

namespace wskcert::fuzz {
namespace {

using Bytes = std::vector<uint8_t>;

ProgramFault FaultOf(const Bytes& bytes) {
  std::vector<uint64_t> words((bytes.size() + 7) / 8 + 1);
  if (!bytes.empty()) std::memcpy(words.data(), bytes.data(), bytes.size());
  return ValidateProgram(words.data(), bytes.size()).fault;
}

Bytes Noise(std::mt19937& random, size_t size) {
  Bytes bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

TEST(RepairProgram, LeavesGoodProgramsAlone) {
  for (const NamedCase& candidate : CuratedSuite().cases()) {
    const absl::StatusOr<Program> program = Compile(candidate.body().sequence(), EmulatorChoices());
    ASSERT_TRUE(program.ok());
    const Bytes good(program->bytes().begin(), program->bytes().end());
    Bytes repaired = good;
    ASSERT_EQ(RepairProgram(repaired.data(), repaired.size()), good.size()) << candidate.name();
    EXPECT_EQ(repaired, good) << candidate.name();
  }
}

TEST(RepairProgram, WhateverTheBytesTheirFramePassesTheValidator) {
  std::mt19937 random(1);
  for (int round = 0; round < 5000; ++round) {
    Bytes bytes = Noise(random, 80 + random() % 4000);
    const size_t size = RepairProgram(bytes.data(), bytes.size());
    ASSERT_LE(size, bytes.size());
    bytes.resize(size);
    const ProgramFault fault = FaultOf(bytes);
    // What the steps and scripts say is not repaired; nor are slot counts beyond their limits.
    for (const ProgramFault frame :
         {ProgramFault::kTooShort, ProgramFault::kNotAProgram, ProgramFault::kVersion,
          ProgramFault::kReserved, ProgramFault::kSize, ProgramFault::kThreadRange,
          ProgramFault::kScriptRange, ProgramFault::kScriptOverlap}) {
      EXPECT_NE(fault, frame) << ProgramFaultText(fault) << " in round " << round;
    }
  }
}

TEST(RepairProgram, LeavesWhatIsTooSmall) {
  for (size_t size = 0; size < sizeof(ProgramHeader) + sizeof(ProgramThread); ++size) {
    Bytes bytes(size, 0x5A);
    EXPECT_EQ(RepairProgram(bytes.data(), size), size);
    EXPECT_EQ(bytes, Bytes(size, 0x5A));
  }
}

TEST(RepairLog, CountsWholeRecords) {
  Bytes bytes(sizeof(LogHeader) + 3 * sizeof(Observation) + 17, 1);
  const size_t size = RepairLog(bytes.data(), bytes.size());
  EXPECT_EQ(size, sizeof(LogHeader) + 3 * sizeof(Observation));
  EXPECT_TRUE(IsLog(bytes.data(), size));
  LogHeader header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  EXPECT_EQ(header.count, 3u);
  EXPECT_EQ(header.record_size, sizeof(Observation));
}

// Records are told apart by their first byte; after any number of shuffles only those that were there are.
TEST(ShuffleLog, KeepsRecordsWholeAndStaysInBounds) {
  std::mt19937 random(2);
  for (int round = 0; round < 2000; ++round) {
    const size_t count = random() % 6;
    const size_t max_size = sizeof(LogHeader) + 8 * sizeof(Observation);
    Bytes bytes(max_size + sizeof(Observation), 0xEE);  // what lies beyond max_size is not touched
    for (size_t i = 0; i < count; ++i) {
      std::memset(&bytes[sizeof(LogHeader) + i * sizeof(Observation)], static_cast<int>(i + 1),
                  sizeof(Observation));
    }
    size_t size = sizeof(LogHeader) + count * sizeof(Observation);
    for (int i = 0; i < 20; ++i) {
      size = ShuffleLog(bytes.data(), size, max_size, static_cast<uint32_t>(random()));
      ASSERT_LE(size, max_size);
      ASSERT_EQ((size - sizeof(LogHeader)) % sizeof(Observation), 0u);
    }
    for (size_t at = sizeof(LogHeader); at < size; ++at) {
      const size_t first =
          sizeof(LogHeader) + (at - sizeof(LogHeader)) / sizeof(Observation) * sizeof(Observation);
      ASSERT_EQ(bytes[at], bytes[first]);
      ASSERT_LE(bytes[at], count);
    }
    for (size_t at = max_size; at < bytes.size(); ++at) ASSERT_EQ(bytes[at], 0xEE);
  }
}

}  // namespace
}  // namespace wskcert::fuzz
