#include "implementations/driver_shim/control/service.h"

namespace wskcert::shim {
namespace {

constexpr char kName[] = "wskshim";

class ServiceHandle {
 public:
  explicit ServiceHandle(SC_HANDLE handle) : handle_(handle) {}
  ~ServiceHandle() {
    if (handle_ != nullptr) CloseServiceHandle(handle_);
  }
  ServiceHandle(const ServiceHandle&) = delete;
  ServiceHandle& operator=(const ServiceHandle&) = delete;
  SC_HANDLE get() const { return handle_; }
  bool ok() const { return handle_ != nullptr; }

 private:
  SC_HANDLE handle_;
};

// Opens the service and does `what` with it.
template <typename What>
DWORD WithService(What what) {
  const ServiceHandle manager(OpenSCManagerA(nullptr, nullptr, SC_MANAGER_ALL_ACCESS));
  if (!manager.ok()) return GetLastError();
  const ServiceHandle service(OpenServiceA(manager.get(), kName, SERVICE_ALL_ACCESS));
  if (!service.ok()) return GetLastError();
  return what(service.get());
}

}  // namespace

DWORD InstallDriver(const std::string& path) {
  const ServiceHandle manager(OpenSCManagerA(nullptr, nullptr, SC_MANAGER_ALL_ACCESS));
  if (!manager.ok()) return GetLastError();
  const ServiceHandle created(CreateServiceA(
      manager.get(), kName, "wskcert driver shim", SERVICE_ALL_ACCESS, SERVICE_KERNEL_DRIVER,
      SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL, path.c_str(), nullptr, nullptr, nullptr, nullptr, nullptr));
  if (created.ok()) return 0;
  if (GetLastError() != ERROR_SERVICE_EXISTS) return GetLastError();
  const ServiceHandle service(OpenServiceA(manager.get(), kName, SERVICE_ALL_ACCESS));
  if (!service.ok()) return GetLastError();
  return ChangeServiceConfigA(service.get(), SERVICE_NO_CHANGE, SERVICE_NO_CHANGE, SERVICE_NO_CHANGE,
                              path.c_str(), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr)
             ? 0
             : GetLastError();
}

DWORD LoadDriver() {
  return WithService([](SC_HANDLE service) -> DWORD {
    if (StartServiceA(service, 0, nullptr)) return 0;
    return GetLastError() == ERROR_SERVICE_ALREADY_RUNNING ? 0 : GetLastError();
  });
}

DWORD UnloadDriver() {
  return WithService([](SC_HANDLE service) -> DWORD {
    SERVICE_STATUS status;
    if (ControlService(service, SERVICE_CONTROL_STOP, &status)) return 0;
    return GetLastError() == ERROR_SERVICE_NOT_ACTIVE ? 0 : GetLastError();
  });
}

DWORD UninstallDriver() {
  return WithService([](SC_HANDLE service) -> DWORD { return DeleteService(service) ? 0 : GetLastError(); });
}

}  // namespace wskcert::shim
