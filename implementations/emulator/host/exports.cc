// The five functions that netio.sys exports, for drivers that are linked against them.
#include "implementations/emulator/host/exports.h"

#include "implementations/emulator/emulator.h"
#include "implementations/emulator/kernel/runtime.h"

namespace wskcert::emulator {
namespace {
const WSK_EXPORTS* g_exports = nullptr;
}  // namespace

void SetExports(const WSK_EXPORTS* exports) { g_exports = exports; }

const WSK_EXPORTS* Exports() {
  return g_exports != nullptr ? g_exports : static_cast<const WSK_EXPORTS*>(EmulatorExports());
}

}  // namespace wskcert::emulator

using wskcert::emulator::Exports;
using wskcert::emulator::SetBlockedNote;

extern "C" {

NTSTATUS WSKAPI WskRegister(PWSK_CLIENT_NPI npi, PWSK_REGISTRATION registration) {
  return Exports()->Register(npi, registration);
}

VOID WSKAPI WskDeregister(PWSK_REGISTRATION registration) {
  SetBlockedNote("in WskDeregister: a socket is open, a capture not released or a call in progress");
  Exports()->Deregister(registration);
  SetBlockedNote(nullptr);
}

NTSTATUS WSKAPI WskCaptureProviderNPI(PWSK_REGISTRATION registration, ULONG timeout, PWSK_PROVIDER_NPI npi) {
  SetBlockedNote("in WskCaptureProviderNPI: the subsystem is not ready");
  const NTSTATUS status = Exports()->CaptureProviderNPI(registration, timeout, npi);
  SetBlockedNote(nullptr);
  return status;
}

VOID WSKAPI WskReleaseProviderNPI(PWSK_REGISTRATION registration) {
  Exports()->ReleaseProviderNPI(registration);
}

NTSTATUS WSKAPI WskQueryProviderCharacteristics(PWSK_REGISTRATION registration,
                                                PWSK_PROVIDER_CHARACTERISTICS characteristics) {
  return Exports()->QueryProviderCharacteristics(registration, characteristics);
}

}  // extern "C"
