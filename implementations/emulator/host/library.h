// A provider in a shared library: found, checked and linked to this process, which offers it the kernel
// runtime and the simulated network (docs/certify_your_provider.md).
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_HOST_LIBRARY_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_HOST_LIBRARY_H_

namespace wskcert::emulator {

struct ProviderLibrary {
  const void* exports = nullptr;  // a const WSK_EXPORTS*; null: `error` says why
  char error[512] = "";
  // What the library says about itself, or empty: its variables WskcertProviderName and
  // WskcertProviderVersion.
  char name[128] = "";
  char version[128] = "";
};

// Loads the library, for good. Runs its constructors, so whoever does not trust it does this in a process
// that it may take down. One library in a process.
void LoadProviderLibrary(const char* path, ProviderLibrary* library);

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_HOST_LIBRARY_H_
