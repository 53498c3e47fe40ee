// The driver, hosted on the emulator's kernel runtime in this process: loads it, opens a session, plays one
// program through its device, and unloads it. Everything between a program and its log crosses the device's
// requests, as on a real machine. For host code; no <wdm.h> here.
#ifndef WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_HOSTED_HOSTED_DRIVER_H_
#define WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_HOSTED_HOSTED_DRIVER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "conformance/executor/environment.h"
#include "conformance/executor/format.h"
#include "implementations/emulator/host/host.h"
#include "implementations/emulator/transport/network.h"

namespace wskcert::shim {

struct HostedPlayOptions {
  emulator::RunOptions run;
  uint32_t log_capacity = 1u << 16;
  uint64_t capabilities = 0;  // of the driver's log: its host's and its peers'
  // Performs a stimulus on the emulated network. On a thread of the emulated kernel, at PASSIVE_LEVEL.
  bool (*perform)(void* context, const Stimulus* stimulus) = nullptr;
  // Told of what peers see, before the driver is; may be null. At any level.
  void (*saw)(void* context, const emulator::PeerEvent* event) = nullptr;
  void* context = nullptr;
};

struct HostedPlay {
  int32_t status = 0;            // NTSTATUS of the play request
  std::vector<Observation> log;  // ends with a kEnd
  uint64_t capabilities = 0;
  uint32_t kept = 0;            // IRPs, sockets and registrations that the provider kept
  emulator::HostReport report;  // of the whole run, unload included
};

// What peers saw goes to the driver while this runs; nobody else may be the network's sink.
HostedPlay PlayOnHostedDriver(const uint8_t* program, size_t size, const HostedPlayOptions& options);

}  // namespace wskcert::shim

#endif  // WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_HOSTED_HOSTED_DRIVER_H_
