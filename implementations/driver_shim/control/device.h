// The driver's device: opening it, and requests that wait.
#ifndef WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_DEVICE_H_
#define WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_DEVICE_H_

#include <windows.h>
#include <winsock2.h>

#include <string>

#include "implementations/driver_shim/ioctl.h"

namespace wskcert::shim {

// A request under way. Its buffers must stay where they are until it is done.
struct Pending {
  OVERLAPPED overlapped = {};
  bool begun = false;
};

class Device {
 public:
  Device() = default;
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  // False: error() says why.
  bool Open();
  void Close();

  // False: it failed at once. The event of `pending` is set when it is done.
  bool Begin(DWORD code, const void* input, DWORD input_size, void* output, DWORD output_size,
             Pending* pending);
  // Waits for it. 0, or the error; *returned is how much was written to `output`.
  DWORD End(Pending* pending, DWORD* returned);
  // Asks for it to be cancelled, and waits until it is over.
  void Cancel(Pending* pending);
  // Begin and End.
  DWORD Control(DWORD code, const void* input, DWORD input_size, void* output, DWORD output_size,
                DWORD* returned);

  DWORD ReadStatus(StatusReply* status);
  DWORD error() const { return error_; }

 private:
  HANDLE handle_ = INVALID_HANDLE_VALUE;
  DWORD error_ = 0;
};

// An error's number and text.
std::string ErrorText(DWORD error);

}  // namespace wskcert::shim

#endif  // WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_DEVICE_H_
