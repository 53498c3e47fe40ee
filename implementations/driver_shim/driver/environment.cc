// The environment of a play: peers beyond the handle, silence by the clock, numbers for threads.
#include "implementations/driver_shim/driver/shim.h"

namespace wskcert::shim {
namespace {

Run* RunOf(void* context) { return static_cast<Run*>(context); }

bool IsZero(const uint8_t* bytes, uint32_t length) {
  for (uint32_t i = 0; i < length; ++i) {
    if (bytes[i] != 0) return false;
  }
  return true;
}

uint32_t PeerAddress(void* context, uint32_t peer, bool ipv6, void* address) {
  const Run* run = RunOf(context);
  if (peer >= run->request.peers) return 0;
  const PeerEntry& entry = run->peers[peer];
  const uint8_t* bytes = ipv6 ? entry.ipv6 : entry.ipv4;
  const uint32_t length = ipv6 ? sizeof(entry.ipv6) : sizeof(entry.ipv4);
  if (IsZero(bytes, length)) return 0;
  RtlCopyMemory(address, bytes, length);
  return length;
}

// Port (as on the wire) and address of a SOCKADDR.
struct Place {
  uint16_t port;
  uint8_t length;  // of the address: 4 or 16
  const uint8_t* address;
};

Place PlaceOf(const void* sockaddr) {
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  const auto* bytes = static_cast<const uint8_t*>(sockaddr);
  Place place = {};
  RtlCopyMemory(&place.port, bytes + 2, sizeof(place.port));
  const auto family = static_cast<uint16_t>(bytes[0] | bytes[1] << 8);
  if (family == AF_INET) {
    place.length = 4;
    place.address = bytes + 4;
  } else if (family == AF_INET6) {
    const bool mapped = RtlCompareMemory(bytes + 8, kMapped, sizeof(kMapped)) == sizeof(kMapped);
    place.length = mapped ? 4 : 16;
    place.address = bytes + (mapped ? 20 : 8);
  }
  return place;
}

bool Same(const Place& a, const Place& b) {
  return a.length != 0 && a.length == b.length && a.port == b.port &&
         RtlCompareMemory(a.address, b.address, a.length) == a.length;
}

uint32_t PeerOfAddress(void* context, const void* address) {
  const Run* run = RunOf(context);
  if (address == nullptr) return kNoIndex;
  const Place place = PlaceOf(address);
  if (place.length == 0) return kNoIndex;
  // The latest first: ports come back.
  const auto port = static_cast<uint16_t>(place.port << 8 | place.port >> 8);
  for (LONG i = ReadAcquire(&run->source_count); place.length == 4 && i-- > 0;) {
    if (run->sources[i].port == port) return run->sources[i].peer;
  }
  for (uint32_t i = 0; i < run->request.peers; ++i) {
    if (Same(place, PlaceOf(run->peers[i].ipv4)) || Same(place, PlaceOf(run->peers[i].ipv6))) return i;
  }
  return kNoIndex;
}

bool Perform(void* context, const Stimulus* stimulus) {
  Run* run = RunOf(context);
  // At DISPATCH_LEVEL nobody can wait for an answer.
  if (run->stopped != 0 || KeGetCurrentIrql() > PASSIVE_LEVEL) return false;
  return PerformCommand(run->file, run, stimulus, run->request.command_ms);
}

// Waits, unless the run is stopped; false then.
bool Pause(Run* run, uint32_t milliseconds) {
  LARGE_INTEGER time = After(milliseconds);
  return KeWaitForSingleObject(&run->stop, Executive, KernelMode, FALSE, &time) == STATUS_TIMEOUT;
}

// IRPs that the last silence did not wait for in vain.
bool AnyToWaitFor(const Run* run) { return static_cast<LONG>(Outstanding(run->session)) > run->waited_for; }

// After the log has ended, whether the run was stopped or not: what is still with the provider may come back.
void AwaitLeftovers(Run* run) {
  constexpr uint32_t kStep = 2;
  const uint32_t bound = 4 * run->request.patience_ms;
  LARGE_INTEGER time = After(kStep);
  for (uint32_t waited = 0; waited < bound && AnyToWaitFor(run); waited += kStep) {
    KeDelayExecutionThread(KernelMode, FALSE, &time);
  }
  run->waited_for = static_cast<LONG>(Outstanding(run->session));
}

Quiet Settle(void* context) {
  Run* run = RunOf(context);
  if (run->stopped == 0 && HostSettle()) return Quiet::kExact;
  if (run->sealed != 0) {
    AwaitLeftovers(run);
    return Quiet::kTimed;
  }
  const PlayRequest& request = run->request;
  uint32_t waited = 0;  // in all, and since something happened last
  uint32_t silent = 0;
  uint32_t count = LogCount(run->session);
  while (waited < request.settle_ms) {
    // A silence that was cut short has waited for nothing.
    if (!Pause(run, request.quiet_ms)) return Quiet::kTimed;
    waited += request.quiet_ms;
    silent += request.quiet_ms;
    const uint32_t now = LogCount(run->session);
    if (now != count) {
      count = now;
      silent = 0;
    } else if (!AnyToWaitFor(run) || silent >= request.patience_ms) {
      break;
    }
  }
  run->waited_for = static_cast<LONG>(Outstanding(run->session));
  return Quiet::kTimed;
}

void Yield(void*) { YieldProcessor(); }

uint32_t ThreadNumber(void* context) {
  Run* run = RunOf(context);
  PVOID const id = PsGetCurrentThreadId();
  for (uint32_t i = 0; i < kThreadNumbers; ++i) {
    PVOID seen = run->threads[i];
    if (seen == nullptr) seen = InterlockedCompareExchangePointer(&run->threads[i], id, nullptr);
    if (seen == nullptr || seen == id) return i;
  }
  return kNoIndex;
}

}  // namespace

bool AddSource(Run* run, uint16_t port, uint32_t peer) {
  KIRQL irql;
  KeAcquireSpinLock(&run->sources_lock, &irql);
  const LONG count = run->source_count;
  const bool room = count < static_cast<LONG>(kMaxSources);
  if (room) {
    run->sources[count] = {port, static_cast<uint16_t>(peer)};
    InterlockedExchange(&run->source_count, count + 1);
  }
  KeReleaseSpinLock(&run->sources_lock, irql);
  return room;
}

void SetUpEnvironment(Run* run) {
  run->exports = *HostExports();
  if ((run->request.absent & kAbsentQueryCharacteristics) != 0)
    run->exports.QueryProviderCharacteristics = nullptr;
  KeInitializeSpinLock(&run->sources_lock);
  for (uint32_t i = 0; i < run->request.peers; ++i) {
    if (run->peers[i].connects_from != 0) AddSource(run, run->peers[i].connects_from, i);
  }
  Environment& environment = run->environment;
  environment.context = run;
  environment.capabilities = run->request.capabilities;
  environment.exports = &run->exports;
  environment.PeerAddress = PeerAddress;
  environment.PeerOfAddress = PeerOfAddress;
  environment.Perform = Perform;
  environment.Settle = Settle;
  environment.Yield = Yield;
  environment.ThreadNumber = ThreadNumber;
  environment.hold_bound = HostHasClock() ? static_cast<uint64_t>(run->request.hold_ms) * 10'000 : 0;
  environment.always_guarded = HostHasClock();
  environment.first_port = run->request.first_port;
}

}  // namespace wskcert::shim
