#include "implementations/driver_shim/control/player.h"

#include <algorithm>
#include <cstring>

#include "conformance/executor/program_check.h"

namespace wskcert::shim {
namespace {

// The stored form of a log: its header, then the observations.
Bytes StoredLog(const PlayReply& reply, const uint8_t* observations) {
  LogHeader header = {};
  header.magic = kLogMagic;
  header.version = kFormatVersion;
  header.record_size = sizeof(Observation);
  header.count = reply.count;
  header.flags = reply.flags;
  header.capabilities = reply.capabilities;
  Bytes log(sizeof(header) + reply.count * sizeof(Observation));
  std::memcpy(log.data(), &header, sizeof(header));
  std::memcpy(log.data() + sizeof(header), observations, reply.count * sizeof(Observation));
  return log;
}

std::string Describe(const PlayReply& reply) {
  std::string text;
  if (reply.stuck != 0) text = "threads never returned";
  const auto add = [&text](uint32_t count, const char* what) {
    if (count != 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + what;
  };
  add(reply.kept_irps, " IRPs were never completed");
  add(reply.kept_sockets, " sockets could not be closed");
  add(reply.kept_registrations, " registrations were not ended");
  return text;
}

}  // namespace

Player::~Player() { device_.Cancel(&next_); }

bool Player::Open() {
  if (!device_.Open()) {
    error_ = "opening \\\\.\\WskShim: " + ErrorText(device_.error());
    return false;
  }
  if (const DWORD error = device_.ReadStatus(&status_); error != 0) {
    error_ = "asking the driver for its status: " + ErrorText(error);
    return false;
  }
  command_.resize(sizeof(PeerCommand) + kMaxTransferBytes);
  reply_.resize(sizeof(PlayReply) +
                std::min(options_.log_capacity, status_.max_log_capacity) * sizeof(Observation));
  return Ask();
}

uint64_t Player::Capabilities() const {
  return (status_.capabilities & ~options_.hidden) | Peers::Capabilities();
}

// Has the driver give the next command, once there is one.
bool Player::Ask() {
  if (device_.Begin(kNextCommand, nullptr, 0, command_.data(), static_cast<DWORD>(command_.size()), &next_))
    return true;
  error_ = "asking the driver for commands: " + ErrorText(device_.error());
  return false;
}

void Player::Report(const PeerReport& report, const uint8_t* bytes) {
  Bytes input(sizeof(report) + report.length);
  std::memcpy(input.data(), &report, sizeof(report));
  if (report.length != 0) std::memcpy(input.data() + sizeof(report), bytes, report.length);
  DWORD returned;
  // Where the play is over meanwhile, nobody misses it.
  device_.Control(kReport, input.data(), static_cast<DWORD>(input.size()), nullptr, 0, &returned);
}

bool Player::Answer(uint32_t play) {
  DWORD returned = 0;
  if (device_.End(&next_, &returned) != 0 || returned < sizeof(PeerCommand)) return false;
  PeerCommand command;
  std::memcpy(&command, command_.data(), sizeof(command));
  PeerReport report = {};
  report.size = sizeof(report);
  report.play = play;
  report.kind = ReportKind::kDone;
  report.number = command.number;
  report.peer = command.peer;
  if (command.play == play) {
    const uint8_t* bytes = command_.data() + sizeof(command);
    report.value = peers_.Perform(command, bytes, &report.connects_from) ? 1 : 0;
  }
  Report(report, nullptr);
  return Ask();
}

Outcome Player::TakeReply(DWORD returned) const {
  Outcome outcome;
  PlayReply reply = {};
  if (returned >= sizeof(reply)) std::memcpy(&reply, reply_.data(), sizeof(reply));
  if (reply.size != sizeof(reply) ||
      sizeof(reply) + uint64_t{reply.count} * sizeof(Observation) != returned) {
    outcome.text = "the driver's reply has a wrong size";
    return outcome;
  }
  outcome.played = true;
  outcome.log = StoredLog(reply, reply_.data() + sizeof(reply));
  outcome.text = Describe(reply);
  return outcome;
}

Outcome Player::Run(const Bytes& request, uint32_t play, uint32_t timeout_ms) {
  Outcome lost;
  lost.device_lost = true;
  lost.error = ErrorKind::kDied;
  Pending pending;
  if (!device_.Begin(kPlay, request.data(), static_cast<DWORD>(request.size()), reply_.data(),
                     static_cast<DWORD>(reply_.size()), &pending)) {
    lost.text = "the play request failed: " + ErrorText(device_.error());
    lost.worn_out = device_.error() == ERROR_BUSY || device_.error() == ERROR_NOT_READY;
    lost.device_lost = !lost.worn_out;
    lost.error = lost.worn_out ? ErrorKind::kFault : ErrorKind::kDied;
    return lost;
  }
  const auto sink = [&](uint32_t peer, PeerSight sight, const uint8_t* bytes, uint32_t length) {
    PeerReport report = {};
    report.size = sizeof(report);
    report.play = play;
    report.kind = ReportKind::kSight;
    report.peer = peer;
    report.value = static_cast<uint32_t>(sight);
    report.length = length;
    Report(report, bytes);
  };
  // The driver ends it by itself; this is for one that does not answer.
  const DWORD begun = GetTickCount();
  const DWORD bound = timeout_ms + 10'000;
  bool asked = true;
  for (;;) {
    const HANDLE events[3] = {pending.overlapped.hEvent, peers_.event(), next_.overlapped.hEvent};
    const DWORD spent = GetTickCount() - begun;
    const DWORD which =
        spent < bound ? WaitForMultipleObjects(asked ? 3 : 2, events, FALSE, bound - spent) : WAIT_TIMEOUT;
    if (which == WAIT_OBJECT_0) break;
    if (which == WAIT_OBJECT_0 + 1) {
      peers_.Look(sink);
    } else if (which == WAIT_OBJECT_0 + 2) {
      asked = Answer(play);
    } else {
      lost.text = "the driver does not answer";
      return lost;
    }
  }
  DWORD returned = 0;
  const DWORD error = device_.End(&pending, &returned);
  CloseHandle(pending.overlapped.hEvent);
  peers_.Reset();
  if (error != 0) {
    lost.text = "the play request failed: " + ErrorText(error);
    return lost;
  }
  if (!asked) {
    lost.text = error_;
    return lost;
  }
  return TakeReply(returned);
}

Outcome Player::Play(const PlayMessage& message) {
  Outcome outcome;
  const ProgramError fault = ValidateProgram(message.program.data(), message.program.size());
  if (fault.fault != ProgramFault::kNone) {
    outcome.error = ErrorKind::kRefused;
    outcome.text =
        std::string(ProgramFaultText(fault.fault)) + " (index " + std::to_string(fault.index) + ")";
    return outcome;
  }
  ProgramHeader header;
  std::memcpy(&header, message.program.data(), sizeof(header));
  if (header.fail_allocation != 0) {
    outcome.error = ErrorKind::kCannot;
    outcome.text = "nobody can make the n-th allocation of this machine's provider fail";
    return outcome;
  }
  const std::vector<PeerEntry> entries = peers_.Prepare(header.peers);
  const uint16_t first_port = FreePorts(header.sockets);
  if (entries.size() != header.peers || first_port == 0) {
    outcome.text = "no ports are free for the peers";
    return outcome;
  }
  const uint32_t scale = std::clamp<uint32_t>(message.settle_scale, 1, 100);
  const uint32_t timeout = message.timeout_ms != 0
                               ? std::min(message.timeout_ms, options_.deadline_ms * scale)
                               : options_.deadline_ms * scale;
  PlayRequest request = {};
  request.size = sizeof(request);
  request.play = ++plays_;
  request.peers = header.peers;
  const size_t peers_end = sizeof(request) + entries.size() * sizeof(PeerEntry);
  request.program_offset = static_cast<uint32_t>((peers_end + 15) & ~size_t{15});
  request.program_size = static_cast<uint32_t>(message.program.size());
  request.absent = options_.absent;
  request.capabilities = Capabilities();
  request.quiet_ms = options_.quiet_ms * scale;
  request.patience_ms = options_.patience_ms * scale;
  request.settle_ms = options_.settle_ms * scale;
  request.hold_ms = options_.hold_ms;
  request.command_ms = options_.command_ms;
  request.deadline_ms = timeout;
  request.first_port = first_port;
  Bytes bytes(request.program_offset + message.program.size());
  std::memcpy(bytes.data(), &request, sizeof(request));
  if (!entries.empty())
    std::memcpy(bytes.data() + sizeof(request), entries.data(), entries.size() * sizeof(PeerEntry));
  std::memcpy(bytes.data() + request.program_offset, message.program.data(), message.program.size());
  return Run(bytes, request.play, timeout);
}

}  // namespace wskcert::shim
