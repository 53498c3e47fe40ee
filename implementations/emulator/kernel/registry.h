// The registry that kernel code sees: what the host puts there for a run. Plain C++, for hosts.
//
// Kernel code reads it with RtlQueryRegistryValues, ZwOpenKey and ZwQueryValueKey (wdm/registry.h). Names
// compare without case. An open key is a pool block of the ledger, so one that is never closed shows as a
// leak.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_REGISTRY_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_REGISTRY_H_

#include <cstddef>
#include <cstdint>

namespace wskcert::emulator {

// A value of the driver's service key or of a key below it.
struct RegistryValue {
  const char* key;   // Below the service key, as in "Parameters"; "" is the service key itself.
  const char* name;  // ASCII.
  const char* text;  // A REG_SZ, ASCII, cut after 127 characters; null: a REG_DWORD.
  uint32_t number;
};

// From now on the registry has the service key of `service` with these values, which must outlive their use.
// Between runs; a null service empties the registry.
void SetRegistry(const char* service, const RegistryValue* values, size_t count);

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_REGISTRY_H_
