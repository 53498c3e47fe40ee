// The driver as a service of the machine. All need the rights of an administrator. 0, or the error.
#ifndef WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_SERVICE_H_
#define WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_SERVICE_H_

#include <windows.h>
#include <winsock2.h>

#include <string>

namespace wskcert::shim {

// Registers the driver's file, an absolute path, to be started on demand. One that is registered already is
// pointed at this file.
DWORD InstallDriver(const std::string& path);
// Loads it; 0 also if it is loaded.
DWORD LoadDriver();
// Asks it to unload; 0 also if it is not loaded. The driver may refuse (StatusReply::state).
DWORD UnloadDriver();
// Takes it off the list of services, once it is unloaded.
DWORD UninstallDriver();

}  // namespace wskcert::shim

#endif  // WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_SERVICE_H_
