// A provider in a shared library (docs/certify_your_provider.md): each case is played in a process of its
// own, which loads the library over the emulator's kernel runtime and simulated network.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_LIB_PROVIDER_H_
#define WSKCERT_CONFORMANCE_CERTIFY_LIB_PROVIDER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "conformance/certify/provider.h"

namespace wskcert {

// `name` is how the command line spells it, "lib:FILE". An error says why the library cannot be loaded: no
// such file, no library, a symbol that nobody has, an export that is missing, constructors that crash.
absl::StatusOr<std::unique_ptr<Provider>> MakeLibProvider(const std::string& name, const std::string& file,
                                                          const ProviderOptions& options);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_LIB_PROVIDER_H_
