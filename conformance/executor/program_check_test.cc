#include "conformance/executor/program_check.h"

#include <cstring>
#include <functional>
#include <vector>

#include "gtest/gtest.h"

namespace wskcert {
namespace {

// One thread of two steps and one script of one step, all of it in order.
struct Image {
  ProgramHeader header;
  ProgramThread thread;
  ProgramScript script;
  ProgramStep steps[3];
};
static_assert(sizeof(Image) == 64 + 8 + 32 + 3 * 40);

Image GoodImage() {
  Image image = {};
  image.header.magic = kProgramMagic;
  image.header.version = kFormatVersion;
  image.header.header_size = sizeof(ProgramHeader);
  image.header.total_size = sizeof(Image);
  image.header.threads = 1;
  image.header.scripts = 1;
  image.header.steps = 3;
  image.header.clients = 1;
  image.header.sockets = 1;
  image.header.irps = 1;
  image.header.peers = 1;
  image.header.holds = 1;
  image.thread = {0, 2};
  image.script.event = static_cast<uint8_t>(Event::kReceive);
  image.script.nth = kNoSlot;
  image.script.hold = 0;
  image.script.target = kNoSlot;
  image.script.first_step = 2;
  image.script.step_count = 1;
  for (ProgramStep& step : image.steps) step.socket = step.irp = step.peer = step.target = kNoSlot;
  image.steps[0].op = static_cast<uint16_t>(Op::kSocketConnect);
  image.steps[0].socket = image.steps[0].irp = image.steps[0].peer = 0;
  image.steps[1].op = static_cast<uint16_t>(Op::kSettle);
  image.steps[2].op = static_cast<uint16_t>(Op::kYield);
  return image;
}

ProgramFault FaultOf(const Image& image) { return ValidateProgram(&image, sizeof(image)).fault; }

TEST(ProgramCheck, AcceptsWhatTheCompilerMakes) { EXPECT_EQ(FaultOf(GoodImage()), ProgramFault::kNone); }

struct Breakage {
  const char* name;
  ProgramFault expected;
  std::function<void(Image*)> breaks;
};

class ProgramCheckRefuses : public testing::TestWithParam<Breakage> {};

TEST_P(ProgramCheckRefuses, NamesTheFault) {
  Image image = GoodImage();
  GetParam().breaks(&image);
  EXPECT_EQ(FaultOf(image), GetParam().expected);
  EXPECT_STRNE(ProgramFaultText(GetParam().expected), "unknown");
}

INSTANTIATE_TEST_SUITE_P(
    Breakages, ProgramCheckRefuses,
    testing::Values(
        Breakage{"Magic", ProgramFault::kNotAProgram, [](Image* i) { i->header.magic = 1; }},
        Breakage{"Version", ProgramFault::kVersion, [](Image* i) { i->header.version = 2; }},
        Breakage{"StatedSize", ProgramFault::kTooShort, [](Image* i) { i->header.total_size -= 1; }},
        Breakage{"Reserved", ProgramFault::kReserved, [](Image* i) { i->header.reserved1[2] = 1; }},
        Breakage{"NoThread", ProgramFault::kCounts, [](Image* i) { i->header.threads = 0; }},
        Breakage{"TooManySockets", ProgramFault::kCounts,
                 [](Image* i) { i->header.sockets = kMaxSockets + 1; }},
        Breakage{"PartsDoNotAddUp", ProgramFault::kSize, [](Image* i) { i->header.steps = 2; }},
        Breakage{"HugeCount", ProgramFault::kCounts, [](Image* i) { i->header.steps = 0xFFFFFFFF; }},
        Breakage{"ThreadBeyondSteps", ProgramFault::kThreadRange, [](Image* i) { i->thread.step_count = 4; }},
        Breakage{"ThreadWraps", ProgramFault::kThreadRange,
                 [](Image* i) {
                   i->thread = {3, 0xFFFFFFFE};
                 }},
        Breakage{"StepOfTwo", ProgramFault::kScriptOverlap, [](Image* i) { i->script.first_step = 1; }},
        Breakage{"StepOfNone", ProgramFault::kScriptOverlap, [](Image* i) { i->script.step_count = 0; }},
        Breakage{"Event", ProgramFault::kScriptEvent, [](Image* i) { i->script.event = kEventCount; }},
        Breakage{"Return", ProgramFault::kScriptEvent, [](Image* i) { i->script.returns = 5; }},
        Breakage{"ScriptSocket", ProgramFault::kScriptSlot, [](Image* i) { i->script.socket = 1; }},
        Breakage{"ScriptHold", ProgramFault::kScriptSlot, [](Image* i) { i->script.hold = 1; }},
        Breakage{"ScriptTarget", ProgramFault::kScriptSlot, [](Image* i) { i->script.target = 0; }},
        Breakage{"HeldCompletion", ProgramFault::kHeldCompletion,
                 [](Image* i) { i->script.event = kScriptOnCompletion; }},
        Breakage{"Op", ProgramFault::kOp, [](Image* i) { i->steps[1].op = 999; }},
        Breakage{"MissingSocket", ProgramFault::kStepSlot, [](Image* i) { i->steps[0].socket = kNoSlot; }},
        Breakage{"Peer", ProgramFault::kStepSlot, [](Image* i) { i->steps[0].peer = 1; }},
        Breakage{"StrayTarget", ProgramFault::kStepSlot, [](Image* i) { i->steps[0].target = 0; }},
        Breakage{"Level", ProgramFault::kStepLevel, [](Image* i) { i->steps[0].irql = 1; }},
        Breakage{"LevelOfAWait", ProgramFault::kStepLevel,
                 [](Image* i) {
                   i->steps[0] = ProgramStep();
                   i->steps[0].op = static_cast<uint16_t>(Op::kDeregister);
                   i->steps[0].socket = i->steps[0].irp = i->steps[0].peer = i->steps[0].target = kNoSlot;
                   i->steps[0].irql = kDispatchLevel;
                 }},
        Breakage{"Length", ProgramFault::kStepRange,
                 [](Image* i) { i->steps[0].length = kMaxTransferBytes + 1; }},
        Breakage{"Client", ProgramFault::kStepRange, [](Image* i) { i->steps[0].client = 1; }},
        Breakage{"WaitInScript", ProgramFault::kWaitInScript,
                 [](Image* i) { i->steps[2].op = static_cast<uint16_t>(Op::kSettle); }},
        Breakage{"ReleaseInHold", ProgramFault::kReleaseInHold,
                 [](Image* i) {
                   i->steps[2].op = static_cast<uint16_t>(Op::kReleaseHold);
                   i->steps[2].target = 0;
                 }}),
    [](const testing::TestParamInfo<Breakage>& info) { return info.param.name; });

TEST(ProgramCheck, RefusesEveryTruncation) {
  const Image image = GoodImage();
  for (size_t size = 0; size < sizeof(image); ++size) {
    std::vector<uint64_t> copy((size + 7) / 8 + 1);
    std::memcpy(copy.data(), &image, size);
    EXPECT_NE(ValidateProgram(copy.data(), size).fault, ProgramFault::kNone) << size;
  }
}

TEST(ProgramCheck, RefusesAMisalignedBlock) {
  std::vector<uint64_t> copy(sizeof(Image) / 8 + 2);
  const Image image = GoodImage();
  std::memcpy(reinterpret_cast<char*>(copy.data()) + 4, &image, sizeof(image));
  EXPECT_EQ(ValidateProgram(reinterpret_cast<char*>(copy.data()) + 4, sizeof(image)).fault,
            ProgramFault::kMisaligned);
}

TEST(ProgramCheck, NamesEveryOperationOnce) {
  int known = 0;
  for (uint32_t op = 0; op < 200; ++op) {
    EXPECT_EQ(IsKnownOp(static_cast<uint16_t>(op)), OpName(static_cast<uint16_t>(op)) != nullptr) << op;
    known += IsKnownOp(static_cast<uint16_t>(op)) ? 1 : 0;
  }
  EXPECT_EQ(known, 57);
}

}  // namespace
}  // namespace wskcert
