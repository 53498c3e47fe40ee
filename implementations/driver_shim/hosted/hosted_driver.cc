#include "implementations/driver_shim/hosted/hosted_driver.h"

#include <cstring>
#include <deque>
#include <utility>

// After the standard library, which uses the words that <wdm.h> defines.
#include <wdm.h>

#include "implementations/driver_shim/driver/host_emulator.h"
#include "implementations/driver_shim/hosted/peer_sights.h"
#include "implementations/driver_shim/ioctl.h"
#include "implementations/emulator/host/handles.h"
#include "implementations/emulator/transport/network.h"

extern "C" NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path);

namespace wskcert::shim {
namespace {

using emulator::HostBegin;
using emulator::HostEnd;
using emulator::HostHandle;
using emulator::HostRequest;

constexpr uint32_t kPlayNumber = 1;
constexpr uint32_t kCommandBytes = sizeof(PeerCommand) + kMaxTransferBytes;

// What a peer saw, until the script's thread reports it: it is told at levels where nobody may wait.
struct Sight {
  PeerSight sight;
  uint32_t peer;
  std::vector<uint8_t> bytes;
};

struct Hosting {
  const uint8_t* program;
  size_t size;
  const HostedPlayOptions* options;
  HostedPlay* played;
  HostHandle* handle;
  KEVENT something;  // a request was completed, or a peer saw something
  std::deque<Sight> sights;
};

void OnPeerEvent(void* context, const emulator::PeerEvent* event) {
  auto* hosting = static_cast<Hosting*>(context);
  if (hosting->options->saw != nullptr) hosting->options->saw(hosting->options->context, event);
  Sight sight = {SightOf(event->kind), event->peer, {}};
  if (event->length != 0) sight.bytes.assign(event->data, event->data + event->length);
  hosting->sights.push_back(std::move(sight));
  KeSetEvent(&hosting->something, IO_NO_INCREMENT, FALSE);
}

// Memory for a report. Where allocations are made to fail, the next one may be there again.
HostRequest* PrepareReport(Hosting* hosting, size_t bytes) {
  HostRequest* request = nullptr;
  while (request == nullptr) {
    request =
        emulator::HostPrepare(hosting->handle, kReport, static_cast<uint32_t>(sizeof(PeerReport) + bytes), 0);
  }
  return request;
}

void SendReport(HostRequest* request, const PeerReport& report, const std::vector<uint8_t>& bytes) {
  auto* input = static_cast<uint8_t*>(emulator::HostInput(request));
  std::memcpy(input, &report, sizeof(report));
  if (!bytes.empty()) std::memcpy(input + sizeof(report), bytes.data(), bytes.size());
  emulator::HostSend(request);
  HostEnd(request, nullptr, nullptr);
}

void ReportSights(Hosting* hosting) {
  while (!hosting->sights.empty()) {
    const Sight sight = std::move(hosting->sights.front());
    hosting->sights.pop_front();
    PeerReport report = {};
    report.size = sizeof(report);
    report.play = kPlayNumber;
    report.kind = ReportKind::kSight;
    report.peer = sight.peer;
    report.value = static_cast<uint32_t>(sight.sight);
    report.length = static_cast<uint32_t>(sight.bytes.size());
    SendReport(PrepareReport(hosting, sight.bytes.size()), report, sight.bytes);
  }
}

void PerformCommand(Hosting* hosting, const std::vector<uint8_t>& bytes) {
  PeerCommand command;
  std::memcpy(&command, bytes.data(), sizeof(command));
  Stimulus stimulus = {};
  stimulus.op = static_cast<Op>(command.op);
  stimulus.peer = command.peer;
  stimulus.code = command.code;
  stimulus.length = command.length;
  stimulus.push = command.push != 0;
  stimulus.bytes = bytes.data() + sizeof(command);
  stimulus.address = command.address;
  PeerReport report = {};
  report.size = sizeof(report);
  report.play = kPlayNumber;
  report.kind = ReportKind::kDone;
  report.number = command.number;
  // Afterwards there may be no memory for it.
  HostRequest* request = PrepareReport(hosting, 0);
  report.value = hosting->options->perform(hosting->options->context, &stimulus) ? 1 : 0;
  SendReport(request, report, {});
}

std::vector<uint8_t> MakeRequest(const Hosting& hosting) {
  ProgramHeader header;
  std::memcpy(&header, hosting.program, sizeof(header));
  PlayRequest request = {};
  request.size = sizeof(request);
  request.play = kPlayNumber;
  request.peers = header.peers;
  request.program_offset = static_cast<uint32_t>(sizeof(request) + header.peers * sizeof(PeerEntry));
  request.program_size = static_cast<uint32_t>(hosting.size);
  request.capabilities = hosting.options->capabilities;
  request.quiet_ms = 5;
  request.patience_ms = 20;
  request.settle_ms = 1000;
  request.hold_ms = request.command_ms = 2000;
  request.deadline_ms = 10'000;
  std::vector<uint8_t> bytes(request.program_offset + hosting.size);
  std::memcpy(bytes.data(), &request, sizeof(request));
  for (uint32_t peer = 0; peer < header.peers; ++peer) {
    PeerEntry entry = {};
    emulator::PeerAddress(peer, false, entry.ipv4);
    emulator::PeerAddress(peer, true, entry.ipv6);
    std::memcpy(bytes.data() + sizeof(request) + peer * sizeof(entry), &entry, sizeof(entry));
  }
  std::memcpy(bytes.data() + request.program_offset, hosting.program, hosting.size);
  return bytes;
}

void TakeReply(Hosting* hosting, HostRequest* request) {
  HostedPlay* played = hosting->played;
  std::vector<uint8_t> output(sizeof(PlayReply) + (hosting->options->log_capacity) * sizeof(Observation));
  uint32_t returned = 0;
  played->status = HostEnd(request, output.data(), &returned);
  if (returned < sizeof(PlayReply)) return;
  PlayReply reply;
  std::memcpy(&reply, output.data(), sizeof(reply));
  if (sizeof(reply) + uint64_t{reply.count} * sizeof(Observation) != returned) return;
  played->log.resize(reply.count);
  std::memcpy(played->log.data(), output.data() + sizeof(reply), reply.count * sizeof(Observation));
  played->capabilities = reply.capabilities;
  played->kept = reply.kept_irps + reply.kept_sockets + reply.kept_registrations;
}

// The script: thread 0 of the emulated kernel is the program of user mode.
void PlayThrough(void* context) {
  auto* hosting = static_cast<Hosting*>(context);
  KeInitializeEvent(&hosting->something, SynchronizationEvent, FALSE);
  hosting->played->status = HostOpen(&hosting->handle);
  if (hosting->handle == nullptr) return;
  const std::vector<uint8_t> input = MakeRequest(*hosting);
  const auto output_size =
      static_cast<uint32_t>(sizeof(PlayReply) + hosting->options->log_capacity * sizeof(Observation));
  HostRequest* play = HostBegin(hosting->handle, kPlay, input.data(), static_cast<uint32_t>(input.size()),
                                output_size, &hosting->something);
  HostRequest* next =
      HostBegin(hosting->handle, kNextCommand, nullptr, 0, kCommandBytes, &hosting->something);
  while (play != nullptr && next != nullptr && !HostIsDone(play)) {
    KeWaitForSingleObject(&hosting->something, Executive, KernelMode, FALSE, nullptr);
    ReportSights(hosting);
    if (!HostIsDone(next)) continue;
    std::vector<uint8_t> bytes(kCommandBytes);
    uint32_t returned = 0;
    const int32_t status = HostEnd(next, bytes.data(), &returned);
    // The next is asked for before this one is performed, for the same reason.
    next = HostBegin(hosting->handle, kNextCommand, nullptr, 0, kCommandBytes, &hosting->something);
    if (status >= 0 && returned >= sizeof(PeerCommand)) PerformCommand(hosting, bytes);
  }
  if (play != nullptr) TakeReply(hosting, play);
  emulator::HostCleanup(hosting->handle);
  if (next != nullptr) HostEnd(next, nullptr, nullptr);
  emulator::HostClose(hosting->handle);
}

// Their types differ for a program without <wdm.h>; on every machine both are pointers.
int32_t Enter(void* driver, void* path) {
  return DriverEntry(static_cast<PDRIVER_OBJECT>(driver), static_cast<PUNICODE_STRING>(path));
}

}  // namespace

HostedPlay PlayOnHostedDriver(const uint8_t* program, size_t size, const HostedPlayOptions& options) {
  HostedPlay played;
  Hosting hosting = {};
  hosting.program = program;
  hosting.size = size;
  hosting.options = &options;
  hosting.played = &played;
  UseClock(false);
  emulator::NetworkSetPeerSink(OnPeerEvent, &hosting);
  emulator::HostOptions host;
  host.name = "WskShim";
  host.run = options.run;
  emulator::HostDriver(&Enter, host, &PlayThrough, &hosting, &played.report);
  emulator::NetworkSetPeerSink(nullptr, nullptr);
  return played;
}

}  // namespace wskcert::shim
