#include "implementations/driver_shim/hosted/driver_script.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <vector>

// After the standard library, which uses the words that <wdm.h> defines.
#include <wdm.h>

#include "implementations/driver_shim/driver/host_emulator.h"
#include "implementations/driver_shim/ioctl.h"
#include "implementations/emulator/host/handles.h"
#include "implementations/emulator/transport/network.h"

extern "C" NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path);

namespace wskcert::shim {
namespace {

using emulator::HostHandle;
using emulator::HostRequest;
using Bytes = std::vector<uint8_t>;

constexpr size_t kHandles = 3;
constexpr size_t kRequests = 24;
constexpr size_t kActions = 200;

// The script's bytes; zeros when they are used up.
class Source {
 public:
  Source(const uint8_t* bytes, size_t size) : at_(bytes), left_(size) {}
  bool empty() const { return left_ == 0; }
  uint8_t Byte() {
    if (left_ == 0) return 0;
    --left_;
    return *at_++;
  }
  uint32_t Below(uint32_t count) { return Byte() % count; }
  uint32_t Word() {
    uint32_t word = 0;
    for (int i = 0; i < 4; ++i) word = word << 8 | Byte();
    return word;
  }

 private:
  const uint8_t* at_;
  size_t left_;
};

ProgramStep Step(Op op, uint16_t socket, uint16_t irp, uint16_t peer) {
  ProgramStep step = {};
  step.op = static_cast<uint16_t>(op);
  step.socket = socket;
  step.irp = irp;
  step.peer = peer;
  step.target = kNoSlot;
  return step;
}

// One step among those that move something between client, provider and peers.
ProgramStep AnyStep(Source* source, uint16_t irp) {
  const auto socket = static_cast<uint16_t>(source->Below(2));
  switch (source->Below(12)) {
    case 0:
      return Step(Op::kSocketConnect, socket, irp, socket);
    case 1: {
      ProgramStep step = Step(Op::kSocket, socket, irp, kNoSlot);
      step.code = static_cast<uint32_t>(Category::kListen);
      step.mask = kAllDispatch;
      return step;
    }
    case 2:
      return Step(Op::kBind, socket, irp, kNoSlot);
    case 3: {
      ProgramStep step = Step(Op::kEventCallback, socket, kNoSlot, kNoSlot);
      step.mask = kEventReceive | kEventDisconnect;
      return step;
    }
    case 4: {
      ProgramStep step = Step(Op::kReceive, socket, irp, kNoSlot);
      step.length = 100;
      return step;
    }
    case 5: {
      ProgramStep step = Step(Op::kSend, socket, irp, kNoSlot);
      step.length = 50;
      return step;
    }
    case 6: {
      ProgramStep step = Step(Op::kPeerSend, kNoSlot, kNoSlot, socket);
      step.length = 1 + source->Byte();
      return step;
    }
    case 7:
      return Step(Op::kPeerConnect, socket, kNoSlot, socket);
    case 8:
      return Step(Op::kPeerReset, kNoSlot, kNoSlot, socket);
    case 9:
      return Step(Op::kClose, socket, irp, kNoSlot);
    case 10: {
      ProgramStep step = Step(Op::kAccept, 0, irp, kNoSlot);
      step.target = 2;
      return step;
    }
    default:
      return Step(Op::kSettle, kNoSlot, kNoSlot, kNoSlot);
  }
}

// A program that the driver takes.
Bytes MakeProgram(Source* source) {
  const uint32_t steps = source->Below(12);
  ProgramHeader header = {};
  header.magic = kProgramMagic;
  header.version = kFormatVersion;
  header.header_size = sizeof(header);
  header.total_size =
      static_cast<uint32_t>(sizeof(header) + sizeof(ProgramThread) + steps * sizeof(ProgramStep));
  header.threads = 1;
  header.steps = steps;
  header.clients = 1;
  header.sockets = 3;
  header.irps = static_cast<uint16_t>(steps);
  header.peers = 2;
  header.manual_teardown = static_cast<uint8_t>(source->Below(2));
  const ProgramThread thread = {0, steps};
  Bytes bytes(header.total_size);
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::memcpy(bytes.data() + sizeof(header), &thread, sizeof(thread));
  for (uint32_t i = 0; i < steps; ++i) {
    const ProgramStep step = AnyStep(source, static_cast<uint16_t>(i));
    std::memcpy(bytes.data() + sizeof(header) + sizeof(thread) + i * sizeof(step), &step, sizeof(step));
  }
  return bytes;
}

Bytes MakePlay(Source* source) {
  const Bytes program = MakeProgram(source);
  constexpr uint32_t kPeers = 2;
  PlayRequest request = {};
  request.size = sizeof(request);
  request.play = source->Below(3);
  request.peers = kPeers;
  request.program_offset = static_cast<uint32_t>(sizeof(request) + kPeers * sizeof(PeerEntry));
  request.program_size = static_cast<uint32_t>(program.size());
  request.capabilities = source->Byte();
  request.quiet_ms = 1 + source->Below(5);
  request.patience_ms = 20;
  request.settle_ms = 100;
  request.hold_ms = 100;
  request.command_ms = 1 + source->Byte();
  request.deadline_ms = 1 + 8u * source->Byte();
  Bytes bytes(request.program_offset + program.size());
  std::memcpy(bytes.data(), &request, sizeof(request));
  for (uint32_t peer = 0; peer < kPeers; ++peer) {
    PeerEntry entry = {};
    emulator::PeerAddress(peer, false, entry.ipv4);
    std::memcpy(bytes.data() + sizeof(request) + peer * sizeof(entry), &entry, sizeof(entry));
  }
  std::memcpy(bytes.data() + request.program_offset, program.data(), program.size());
  return bytes;
}

Bytes MakeReport(Source* source) {
  PeerReport report = {};
  report.size = sizeof(report);
  report.play = source->Below(3);
  report.kind = source->Below(2) == 0 ? ReportKind::kDone : ReportKind::kSight;
  report.number = source->Below(6);
  report.peer = source->Below(3);
  report.value = source->Below(8);
  report.length = source->Below(64);
  report.connects_from = static_cast<uint16_t>(source->Byte());
  Bytes bytes(sizeof(report) + report.length);
  std::memcpy(bytes.data(), &report, sizeof(report));
  return bytes;
}

struct Pending {
  HostRequest* request = nullptr;
  uint32_t code = 0;
  uint32_t output_size = 0;
};

class Script {
 public:
  Script(const uint8_t* bytes, size_t size, ScriptCounts* counts) : source_(bytes, size), counts_(counts) {}

  void Run() {
    emulator::HostOpen(&handles_[0]);
    for (size_t i = 0; i < kActions && !source_.empty(); ++i) Act();
    for (Pending& pending : requests_) {
      if (pending.request == nullptr) continue;
      if (!emulator::HostIsDone(pending.request)) ++counts_->left;
      emulator::HostAbandon(pending.request);
    }
    for (HostHandle* handle : handles_) {
      if (handle != nullptr) emulator::HostForget(handle);
    }
  }

 private:
  void Act() {
    switch (source_.Below(12)) {
      case 0:
      case 1:
        return Open();
      case 2:
        return Close();
      case 3:
      case 4:
        return Edited(kPlay, MakePlay(&source_));
      case 5:
      case 6:
        return Edited(kReport, MakeReport(&source_));
      case 7:
        return Request(kNextCommand, {}, source_.Below(2) == 0 ? 70'000 : source_.Word() % 100);
      case 8:
        return Plain();
      case 9:
        return Cancel();
      case 10:
        emulator::Settle();
        return Collect();
      default:
        emulator::Yield(emulator::kChoiceYield);
        return Collect();
    }
  }

  void Open() {
    HostHandle*& handle = handles_[source_.Below(kHandles)];
    if (handle != nullptr) return;
    emulator::HostOpen(&handle, source_.Below(8) == 0 ? "\\below" : nullptr);
  }

  // Some hosts send no CLEANUP, and CLOSE while requests are pending.
  void Close() {
    HostHandle*& handle = handles_[source_.Below(kHandles)];
    if (handle == nullptr) return;
    const uint32_t how = source_.Below(3);
    if (how != 0) emulator::HostCleanup(handle);
    if (how == 2) return;
    emulator::HostClose(handle);
    handle = nullptr;
  }

  void Plain() {
    static constexpr uint32_t kCodes[] = {kStatus, kStop, kPlay, kReport, kNextCommand};
    const uint32_t which = source_.Below(std::size(kCodes) + 1);
    const uint32_t code = which < std::size(kCodes) ? kCodes[which] : source_.Word();
    Bytes input(source_.Byte());
    for (uint8_t& byte : input) byte = source_.Byte();
    Request(code, input, source_.Byte());
  }

  // A request that would be right, but for a few bytes and sizes.
  void Edited(uint32_t code, Bytes input) {
    for (uint32_t edits = source_.Below(4) == 0 ? source_.Below(4) : 0; edits != 0; --edits) {
      if (!input.empty()) input[source_.Word() % input.size()] = source_.Byte();
    }
    if (source_.Below(8) == 0) input.resize(source_.Word() % (input.size() + 64));
    uint32_t output = code == kPlay ? 40'000 : 0;
    if (source_.Below(8) == 0) output = source_.Word() % 600;
    Request(code, input, output);
  }

  void Request(uint32_t code, const Bytes& input, uint32_t output_size) {
    Collect();
    HostHandle* handle = handles_[source_.Below(kHandles)];
    for (size_t i = 0; i < kHandles && handle == nullptr; ++i) handle = handles_[i];
    const auto free = std::find_if(requests_.begin(), requests_.end(),
                                   [](const Pending& pending) { return pending.request == nullptr; });
    if (handle == nullptr || free == requests_.end()) return;
    free->request =
        emulator::HostBegin(handle, code, input.data(), static_cast<uint32_t>(input.size()), output_size);
    free->code = code;
    free->output_size = output_size;
    ++counts_->requests;
  }

  void Cancel() {
    const Pending& pending = requests_[source_.Below(kRequests)];
    if (pending.request != nullptr) emulator::HostCancel(pending.request);
  }

  void Collect() {
    for (Pending& pending : requests_) {
      if (pending.request == nullptr || !emulator::HostIsDone(pending.request)) continue;
      Bytes output(pending.output_size);
      uint32_t returned = 0;
      const int32_t status = emulator::HostEnd(pending.request, output.data(), &returned);
      pending.request = nullptr;
      Count(pending.code, status, returned, output);
    }
  }

  void Count(uint32_t code, int32_t status, uint32_t returned, const Bytes& output) {
    if (status == STATUS_CANCELLED) ++counts_->cancelled;
    ++(status >= 0 ? counts_->succeeded : counts_->refused);
    if (status < 0 || code != kPlay) return;
    PlayReply reply = {};
    if (returned >= sizeof(reply)) std::memcpy(&reply, output.data(), sizeof(reply));
    if (reply.count != 0 && sizeof(reply) + uint64_t{reply.count} * sizeof(Observation) == returned)
      ++counts_->plays;
  }

  Source source_;
  ScriptCounts* counts_;
  HostHandle* handles_[kHandles] = {};
  std::vector<Pending> requests_ = std::vector<Pending>(kRequests);
};

void RunScript(void* script) { static_cast<Script*>(script)->Run(); }

int32_t Enter(void* driver, void* path) {
  return DriverEntry(static_cast<PDRIVER_OBJECT>(driver), static_cast<PUNICODE_STRING>(path));
}

}  // namespace

emulator::HostReport RunDriverScript(const uint8_t* bytes, size_t size, ScriptCounts* counts) {
  // The first part decides who runs when.
  const size_t schedule_size = size != 0 ? std::min<size_t>(bytes[0], size - 1) : 0;
  const size_t used = size != 0 ? schedule_size + 1 : 0;
  Script script(bytes + used, size - used, counts);
  UseClock(true);
  emulator::HostOptions options;
  options.name = "WskShim";
  options.run.schedule = size != 0 ? bytes + 1 : bytes;
  options.run.schedule_size = schedule_size;
  // Time passes only when nothing else can run: on a machine on which a bound of seconds passes before a
  // thread that is ready comes to run, the driver gives that thread up, and is right to.
  uint8_t fixed[emulator::kChoiceTimer + 1];
  std::fill(std::begin(fixed), std::end(fixed), uint8_t{0xFF});
  fixed[emulator::kChoiceTimer] = 0;
  options.run.fixed_choices = fixed;
  options.run.fixed_choice_count = std::size(fixed);
  emulator::HostReport report;
  emulator::HostDriver(&Enter, options, &RunScript, &script, &report);
  UseClock(false);
  return report;
}

}  // namespace wskcert::shim
