// The provider's hooks in the emulator.
#include <wdm.h>

#include "implementations/emulator/emulator.h"
#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/runtime.h"
#include "implementations/emulator/kernel/scheduler.h"
#include "implementations/emulator/provider/hooks.h"
#include "implementations/emulator/provider/provider.h"
#include "implementations/emulator/transport/network.h"

namespace wskcert::provider {

ULONG WspChoose(ULONG Kind, ULONG Count) { return emulator::Choose(static_cast<uint16_t>(Kind), Count); }

VOID WspYield(ULONG Kind) { emulator::Yield(static_cast<uint16_t>(Kind)); }

// A probe of the pool, so that the runtime's count of allocations includes the provider's.
BOOLEAN WspAllocationFails(VOID) {
  PVOID probe = ExAllocatePool2(POOL_FLAG_NON_PAGED, 16, 'psWk');
  if (probe == nullptr) return TRUE;
  ExFreePoolWithTag(probe, 'psWk');
  return FALSE;
}

VOID WspMisuse(const char* What, const char* Page, PVOID Object, ULONGLONG Since) {
  if (Since != 0) {
    emulator::BugCheckNow(emulator::kDriverVerifierDetectedViolation, reinterpret_cast<ULONG_PTR>(Object),
                          Since, 0, 0, "WSK client misuse: %s (%s %lld, since step %llu; %s)", What,
                          ObjectKind(Object), ObjectNumber(Object), Since, Page);
  }
  emulator::BugCheckNow(emulator::kDriverVerifierDetectedViolation, reinterpret_cast<ULONG_PTR>(Object), 0, 0,
                        0, "WSK client misuse: %s (%s %lld; %s)", What, ObjectKind(Object),
                        ObjectNumber(Object), Page);
}

ULONGLONG WspNow(VOID) { return emulator::t_steps; }

const transport::Transport* WspTransport(VOID) { return emulator::NetworkTransport(); }

}  // namespace wskcert::provider

namespace wskcert::emulator {

const void* EmulatorExports() { return provider::ProviderExports(); }

void EmulatorReset() {
  provider::ProviderReset();
  NetworkReset();
}

uint64_t EmulatorDigest() { return provider::ProviderDigest() * 31 + NetworkDigest(); }

void EmulatorSetReady(bool ready) { provider::ProviderSetReady(ready); }

void EmulatorChangeTransports() { provider::ProviderTransportsChanged(); }

}  // namespace wskcert::emulator
