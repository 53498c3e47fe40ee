// The driver's device under programs that are no friends of it.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

// After the standard library, which uses the words that <wdm.h> defines.
#include <wdm.h>
#include <wsk.h>
#include <wsk_exports.h>

#include "implementations/driver_shim/driver/host_emulator.h"
#include "implementations/driver_shim/driver/security.h"
#include "implementations/driver_shim/hosted/driver_script.h"
#include "implementations/driver_shim/ioctl.h"
#include "implementations/emulator/emulator.h"
#include "implementations/emulator/host/handles.h"
#include "implementations/emulator/host/host.h"

extern "C" NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path);

namespace wskcert::shim {
namespace {

using emulator::HostBegin;
using emulator::HostEnd;
using emulator::HostHandle;
using emulator::HostReport;
using emulator::HostRequest;
using Bytes = std::vector<uint8_t>;

// One thread and these steps.
Bytes Program(const std::vector<ProgramStep>& steps) {
  ProgramHeader header = {};
  header.magic = kProgramMagic;
  header.version = kFormatVersion;
  header.header_size = sizeof(header);
  header.total_size =
      static_cast<uint32_t>(sizeof(header) + sizeof(ProgramThread) + steps.size() * sizeof(ProgramStep));
  header.threads = 1;
  header.steps = static_cast<uint32_t>(steps.size());
  header.clients = header.sockets = header.irps = 1;
  header.peers = 1;
  const ProgramThread thread = {0, header.steps};
  Bytes bytes(header.total_size);
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::memcpy(bytes.data() + sizeof(header), &thread, sizeof(thread));
  if (!steps.empty()) {
    std::memcpy(bytes.data() + sizeof(header) + sizeof(thread), steps.data(),
                steps.size() * sizeof(ProgramStep));
  }
  return bytes;
}

ProgramStep Step(Op op) {
  ProgramStep step = {};
  step.op = static_cast<uint16_t>(op);
  step.socket = step.irp = step.peer = step.target = kNoSlot;
  return step;
}

ProgramStep MakeSocket() {
  ProgramStep step = Step(Op::kSocket);
  step.socket = step.irp = 0;
  step.code = static_cast<uint32_t>(Category::kConnection);
  return step;
}

// A step that waits for a peer, for as long as nobody answers.
ProgramStep AskPeer() {
  ProgramStep step = Step(Op::kPeerListen);
  step.peer = 0;
  return step;
}

PlayRequest Request(const Bytes& program) {
  PlayRequest request = {};
  request.size = sizeof(request);
  request.play = 7;
  request.peers = 1;
  request.program_offset = sizeof(request) + sizeof(PeerEntry) + 8;
  request.program_size = static_cast<uint32_t>(program.size());
  request.quiet_ms = 1;
  request.patience_ms = request.settle_ms = request.hold_ms = 10;
  request.command_ms = 60'000;
  request.deadline_ms = 100'000;
  return request;
}

Bytes Input(const PlayRequest& request, const Bytes& program) {
  Bytes bytes(sizeof(request) + sizeof(PeerEntry) + 8 + program.size());
  std::memcpy(bytes.data(), &request, sizeof(request));
  std::memcpy(bytes.data() + bytes.size() - program.size(), program.data(), program.size());
  return bytes;
}

constexpr uint32_t kRoom = sizeof(PlayReply) + 100 * sizeof(Observation);

int32_t Enter(void* driver, void* path) {
  return DriverEntry(static_cast<PDRIVER_OBJECT>(driver), static_cast<PUNICODE_STRING>(path));
}

// The script of a test, on a thread of the emulated kernel.
HostReport Host(const std::function<void()>& script, const WSK_EXPORTS* exports = nullptr) {
  UseClock(true);
  emulator::HostOptions options;
  options.exports = exports;
  HostReport report;
  emulator::HostDriver(
      &Enter, options, [](void* context) { (*static_cast<const std::function<void()>*>(context))(); },
      const_cast<std::function<void()>*>(&script), &report);
  UseClock(false);
  return report;
}

NTSTATUS Control(HostHandle* handle, uint32_t code, const Bytes& input, uint32_t output_size,
                 Bytes* output = nullptr) {
  HostRequest* request =
      HostBegin(handle, code, input.data(), static_cast<uint32_t>(input.size()), output_size);
  Bytes bytes(output_size);
  uint32_t returned = 0;
  const NTSTATUS status = HostEnd(request, bytes.data(), &returned);
  bytes.resize(returned);
  if (output != nullptr) *output = bytes;
  return status;
}

StatusReply StatusOf(HostHandle* handle) {
  Bytes output;
  EXPECT_EQ(Control(handle, kStatus, {}, sizeof(StatusReply), &output), STATUS_SUCCESS);
  StatusReply status = {};
  if (output.size() == sizeof(status)) std::memcpy(&status, output.data(), sizeof(status));
  return status;
}

// A handle that is opened, used and closed as a program does.
void WithHandle(const std::function<void(HostHandle*)>& use) {
  HostHandle* handle = nullptr;
  ASSERT_EQ(emulator::HostOpen(&handle), STATUS_SUCCESS);
  use(handle);
  emulator::HostCleanup(handle);
  emulator::HostClose(handle);
}

TEST(Driver, SaysHowItIs) {
  const HostReport report = Host([] {
    WithHandle([](HostHandle* handle) {
      const StatusReply status = StatusOf(handle);
      EXPECT_EQ(status.size, sizeof(status));
      EXPECT_EQ(status.state, State::kReady);
      EXPECT_EQ(status.sessions, 1u);
      EXPECT_EQ(status.security, STATUS_SUCCESS);
      EXPECT_EQ(Control(handle, kStatus, {}, sizeof(StatusReply) - 1), STATUS_BUFFER_TOO_SMALL);
    });
  });
  EXPECT_TRUE(emulator::Clean(report)) << report.text;
}

TEST(Driver, PlaysAProgram) {
  const HostReport report = Host([] {
    WithHandle([](HostHandle* handle) {
      const Bytes program = Program({MakeSocket(), Step(Op::kSettle)});
      Bytes output;
      ASSERT_EQ(Control(handle, kPlay, Input(Request(program), program), kRoom, &output), STATUS_SUCCESS);
      PlayReply reply;
      ASSERT_GE(output.size(), sizeof(reply));
      std::memcpy(&reply, output.data(), sizeof(reply));
      ASSERT_EQ(output.size(), sizeof(reply) + reply.count * sizeof(Observation));
      EXPECT_EQ(reply.play, 7u);
      EXPECT_EQ(reply.kept_irps + reply.kept_sockets + reply.kept_registrations + reply.stuck, 0u);
      Observation last;
      std::memcpy(&last, output.data() + output.size() - sizeof(last), sizeof(last));
      EXPECT_EQ(last.kind, static_cast<uint8_t>(Seen::kEnd));
      EXPECT_EQ(last.code, static_cast<uint8_t>(Ending::kFinished));
    });
  });
  EXPECT_TRUE(emulator::Clean(report)) << report.text;
}

TEST(Driver, MarksALogThatIsTooShort) {
  const HostReport report = Host([] {
    WithHandle([](HostHandle* handle) {
      const Bytes program = Program({MakeSocket()});
      Bytes output;
      const uint32_t room = sizeof(PlayReply) + 3 * sizeof(Observation);
      ASSERT_EQ(Control(handle, kPlay, Input(Request(program), program), room, &output), STATUS_SUCCESS);
      PlayReply reply;
      std::memcpy(&reply, output.data(), sizeof(reply));
      EXPECT_EQ(reply.count, 3u);
      EXPECT_EQ(reply.flags, kLogOverflow);
      EXPECT_EQ(Control(handle, kPlay, Input(Request(program), program), room - 2 * sizeof(Observation)),
                STATUS_BUFFER_TOO_SMALL);
    });
  });
  EXPECT_TRUE(emulator::Clean(report)) << report.text;
}

TEST(Driver, RefusesWhatItCannotBelieve) {
  const HostReport report = Host([] {
    WithHandle([](HostHandle* handle) {
      const Bytes program = Program({MakeSocket()});
      const auto refused = [&](const std::function<void(PlayRequest*)>& edit) {
        PlayRequest request = Request(program);
        edit(&request);
        EXPECT_EQ(Control(handle, kPlay, Input(request, program), kRoom), STATUS_INVALID_PARAMETER);
      };
      refused([](PlayRequest* r) { r->size = 0; });
      refused([](PlayRequest* r) { r->peers = 0; });  // fewer than the program has
      refused([](PlayRequest* r) { r->peers = 3; });  // reach into the program
      refused([](PlayRequest* r) { r->peers = 0x10000001; });
      refused([](PlayRequest* r) { r->program_offset += 1; });
      refused([](PlayRequest* r) { r->program_offset = 0xFFFFFFF8; });
      refused([](PlayRequest* r) { r->program_size += 1; });
      refused([](PlayRequest* r) { r->program_size = 0xFFFFFFFF; });
      refused([](PlayRequest* r) { r->program_size -= 1; });  // not what the program says
      refused([](PlayRequest* r) { r->quiet_ms = 0; });
      refused([](PlayRequest* r) { r->deadline_ms = kMaxWait + 1; });
      refused([](PlayRequest* r) { r->absent = 2; });
      refused([](PlayRequest* r) { r->reserved[2] = 1; });
      Bytes bad = program;
      bad[0] ^= 1;
      EXPECT_EQ(Control(handle, kPlay, Input(Request(bad), bad), kRoom), STATUS_INVALID_PARAMETER);
      EXPECT_EQ(Control(handle, kPlay, {}, kRoom), STATUS_INVALID_PARAMETER);
      EXPECT_EQ(Control(handle, kReport, {1, 2, 3}, 0), STATUS_INVALID_PARAMETER);
      EXPECT_EQ(Control(handle, kStatus + 4 * 9, {}, 0), STATUS_INVALID_DEVICE_REQUEST);
      EXPECT_EQ(Control(handle, kStatus | 3, {}, 0), STATUS_INVALID_DEVICE_REQUEST);
      EXPECT_EQ(StatusOf(handle).plays, 0u);
    });
  });
  EXPECT_TRUE(emulator::Clean(report)) << report.text;
}

TEST(Driver, OpensOnlyItself) {
  const HostReport report = Host([] {
    HostHandle* handle = nullptr;
    EXPECT_EQ(emulator::HostOpen(&handle, "\\below"), STATUS_OBJECT_NAME_NOT_FOUND);
    HostHandle* handles[kMaxSessions];
    for (HostHandle*& each : handles) ASSERT_EQ(emulator::HostOpen(&each), STATUS_SUCCESS);
    EXPECT_EQ(emulator::HostOpen(&handle), STATUS_TOO_MANY_SESSIONS);
    for (HostHandle* each : handles) emulator::HostClose(each);
  });
  EXPECT_TRUE(emulator::Clean(report)) << report.text;
}

TEST(Driver, PlaysOneProgramAHandle) {
  const HostReport report = Host([] {
    WithHandle([](HostHandle* handle) {
      const Bytes program = Program({AskPeer()});
      const Bytes input = Input(Request(program), program);
      HostRequest* first = HostBegin(handle, kPlay, input.data(), static_cast<uint32_t>(input.size()), kRoom);
      EXPECT_FALSE(emulator::HostIsDone(first));
      EXPECT_EQ(Control(handle, kPlay, input, kRoom), STATUS_DEVICE_BUSY);
      EXPECT_EQ(Control(handle, kStop, {}, 0), STATUS_SUCCESS);
      EXPECT_EQ(HostEnd(first, nullptr, nullptr), STATUS_SUCCESS);
      EXPECT_EQ(Control(handle, kStop, {}, 0), STATUS_SUCCESS);  // nothing to stop
    });
  });
  EXPECT_TRUE(emulator::Clean(report)) << report.text;
}

TEST(Driver, GivesUpAPeerThatDoesNotAnswer) {
  const HostReport report = Host([] {
    WithHandle([](HostHandle* handle) {
      const Bytes program = Program({AskPeer()});
      Bytes output;
      ASSERT_EQ(Control(handle, kPlay, Input(Request(program), program), kRoom, &output), STATUS_SUCCESS);
      bool impossible = false;
      for (size_t at = sizeof(PlayReply); at < output.size(); at += sizeof(Observation)) {
        Observation o;
        std::memcpy(&o, output.data() + at, sizeof(o));
        impossible |= o.kind == static_cast<uint8_t>(Seen::kStimulusEnd) && o.status == kStatusUnsuccessful;
      }
      EXPECT_TRUE(impossible);
    });
  });
  EXPECT_TRUE(emulator::Clean(report)) << report.text;
}

TEST(Driver, CancelledRequestsComplete) {
  const HostReport report = Host([] {
    WithHandle([](HostHandle* handle) {
      HostRequest* next = HostBegin(handle, kNextCommand, nullptr, 0, 70'000);
      emulator::HostCancel(next);
      EXPECT_EQ(HostEnd(next, nullptr, nullptr), STATUS_CANCELLED);
      const Bytes program = Program({AskPeer()});
      const Bytes input = Input(Request(program), program);
      HostRequest* play = HostBegin(handle, kPlay, input.data(), static_cast<uint32_t>(input.size()), kRoom);
      emulator::HostCancel(play);
      // It ends as if it had been stopped, with its log.
      EXPECT_EQ(HostEnd(play, nullptr, nullptr), STATUS_SUCCESS);
    });
  });
  EXPECT_TRUE(emulator::Clean(report)) << report.text;
}

TEST(Driver, CloseEndsWhatIsPending) {
  for (const bool cleanup : {true, false}) {
    const HostReport report = Host([cleanup] {
      HostHandle* handle = nullptr;
      ASSERT_EQ(emulator::HostOpen(&handle), STATUS_SUCCESS);
      HostRequest* next = HostBegin(handle, kNextCommand, nullptr, 0, 70'000);
      const Bytes program = Program({AskPeer(), AskPeer()});
      const Bytes input = Input(Request(program), program);
      HostRequest* play = HostBegin(handle, kPlay, input.data(), static_cast<uint32_t>(input.size()), kRoom);
      if (cleanup) {
        emulator::HostCleanup(handle);
        EXPECT_EQ(Control(handle, kPlay, input, kRoom), STATUS_CANCELLED);
      }
      emulator::HostClose(handle);
      EXPECT_GE(HostEnd(play, nullptr, nullptr), 0);
      HostEnd(next, nullptr, nullptr);
    });
    EXPECT_TRUE(emulator::Clean(report)) << report.text;
  }
}

TEST(Driver, UnloadEndsWhatIsOpen) {
  const HostReport report = Host([] {
    HostHandle* handle = nullptr;
    ASSERT_EQ(emulator::HostOpen(&handle), STATUS_SUCCESS);
    const Bytes program = Program({MakeSocket(), AskPeer()});
    const Bytes input = Input(Request(program), program);
    emulator::HostAbandon(HostBegin(handle, kPlay, input.data(), static_cast<uint32_t>(input.size()), kRoom));
    emulator::HostAbandon(HostBegin(handle, kNextCommand, nullptr, 0, 10));
    emulator::HostForget(handle);
  });
  EXPECT_TRUE(emulator::Clean(report)) << report.text;
}

// ---- A provider that never completes the IRP of a WskSocket.

const WSK_EXPORTS* g_real;
WSK_PROVIDER_DISPATCH g_dispatch;

NTSTATUS WSKAPI NeverCompletes(PWSK_CLIENT, ADDRESS_FAMILY, USHORT, ULONG, ULONG, PVOID, CONST VOID*,
                               PEPROCESS, PETHREAD, PSECURITY_DESCRIPTOR, PIRP) {
  return STATUS_NOT_IMPLEMENTED;
}

NTSTATUS WSKAPI Capture(PWSK_REGISTRATION registration, ULONG wait, PWSK_PROVIDER_NPI npi) {
  const NTSTATUS status = g_real->CaptureProviderNPI(registration, wait, npi);
  if (NT_SUCCESS(status)) {
    g_dispatch = *npi->Dispatch;
    g_dispatch.WskSocket = NeverCompletes;
    npi->Dispatch = &g_dispatch;
  }
  return status;
}

TEST(Driver, KeepsWhatAProviderKeeps) {
  g_real = static_cast<const WSK_EXPORTS*>(emulator::EmulatorExports());
  WSK_EXPORTS exports = *g_real;
  exports.CaptureProviderNPI = Capture;
  const HostReport report = Host(
      [] {
        WithHandle([](HostHandle* handle) {
          const Bytes program = Program({MakeSocket(), Step(Op::kSettle)});
          for (uint32_t i = 1; i <= 2; ++i) {
            Bytes output;
            ASSERT_EQ(Control(handle, kPlay, Input(Request(program), program), kRoom, &output),
                      STATUS_SUCCESS);
            PlayReply reply;
            std::memcpy(&reply, output.data(), sizeof(reply));
            EXPECT_EQ(reply.kept_irps, 1u);
            EXPECT_EQ(reply.kept_registrations, 1u);  // WskDeregister would wait for it
            const StatusReply status = StatusOf(handle);
            EXPECT_EQ(status.state, State::kQuarantined);
            EXPECT_EQ(status.quarantined, i);
            EXPECT_EQ(status.orphaned_irps, i);
            EXPECT_GT(status.quarantined_bytes, 0u);
          }
          HostHandle* another = nullptr;
          EXPECT_EQ(emulator::HostOpen(&another), STATUS_DEVICE_NOT_READY);
        });
      },
      &exports);
  EXPECT_EQ(report.run.ending, emulator::Ending::kFinished) << report.text;
  // It does not unload any more.
  EXPECT_FALSE(report.unloaded);
  EXPECT_EQ(report.run.leaks.irps, 2u) << report.text;
}

TEST(Driver, ItsSecurityDescriptorSaysWhatItShall) {
  const uint8_t* d = kSystemAndAdministrators;
  EXPECT_EQ(d[2] | d[3] << 8, 0x9004);  // self-relative, protected, with a DACL
  EXPECT_EQ(d[16], 20);
  const uint8_t* acl = d + 20;
  EXPECT_EQ(acl[2], sizeof(kSystemAndAdministrators) - 20);
  EXPECT_EQ(acl[4], 2);
  EXPECT_EQ(acl[8 + 2] + acl[8 + 20 + 2] + 8, acl[2]);  // both entries, and nothing else
}

TEST(Driver, SurvivesScripts) {
  ScriptCounts counts = {};
  for (uint32_t seed = 1; seed <= 3000; ++seed) {
    std::mt19937 random(seed);
    Bytes bytes(40 + random() % 600);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    const HostReport report = RunDriverScript(bytes.data(), bytes.size(), &counts);
    ASSERT_TRUE(emulator::Clean(report)) << "seed " << seed << ": " << report.text;
  }
  // They get somewhere.
  EXPECT_GT(counts.plays, 1000u);
  EXPECT_GT(counts.succeeded, 2000u);
  EXPECT_GT(counts.refused, 5000u);
  EXPECT_GT(counts.cancelled, 700u);
  EXPECT_GT(counts.left, 1500u);
}

}  // namespace
}  // namespace wskcert::shim
