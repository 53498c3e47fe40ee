// What this machine is: Windows, or Wine, and which provider of WSK it has.
#ifndef WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_MACHINE_H_
#define WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_MACHINE_H_

#include <string>

namespace wskcert::shim {

struct Machine {
  bool wine = false;
  std::string host;              // "Wine 8.0", "Windows 10.0.19045"
  std::string provider_version;  // of netio.sys
  std::string provider_sha256;   // of its file; empty if it cannot be read
};

Machine ThisMachine();

}  // namespace wskcert::shim

#endif  // WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_MACHINE_H_
