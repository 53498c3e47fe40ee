#include "implementations/driver_shim/control/device.h"

namespace wskcert::shim {

Device::~Device() { Close(); }

bool Device::Open() {
  Close();
  handle_ = CreateFileA("\\\\.\\WskShim", GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_EXISTING,
                        FILE_FLAG_OVERLAPPED, nullptr);
  error_ = handle_ == INVALID_HANDLE_VALUE ? GetLastError() : 0;
  return error_ == 0;
}

void Device::Close() {
  if (handle_ != INVALID_HANDLE_VALUE) CloseHandle(handle_);
  handle_ = INVALID_HANDLE_VALUE;
}

bool Device::Begin(DWORD code, const void* input, DWORD input_size, void* output, DWORD output_size,
                   Pending* pending) {
  if (pending->overlapped.hEvent == nullptr) {
    pending->overlapped.hEvent = CreateEventA(nullptr, TRUE, FALSE, nullptr);
    if (pending->overlapped.hEvent == nullptr) {
      error_ = GetLastError();
      return false;
    }
  }
  ResetEvent(pending->overlapped.hEvent);
  pending->overlapped.Internal = pending->overlapped.InternalHigh = 0;
  const BOOL done = DeviceIoControl(handle_, code, const_cast<void*>(input), input_size, output, output_size,
                                    nullptr, &pending->overlapped);
  error_ = done ? 0 : GetLastError();
  if (error_ == ERROR_IO_PENDING) error_ = 0;
  pending->begun = error_ == 0;
  return pending->begun;
}

DWORD Device::End(Pending* pending, DWORD* returned) {
  *returned = 0;
  if (!pending->begun) return ERROR_INVALID_FUNCTION;
  pending->begun = false;
  return GetOverlappedResult(handle_, &pending->overlapped, returned, TRUE) ? 0 : GetLastError();
}

void Device::Cancel(Pending* pending) {
  if (!pending->begun) return;
  CancelIoEx(handle_, &pending->overlapped);
  DWORD returned;
  End(pending, &returned);
}

DWORD Device::Control(DWORD code, const void* input, DWORD input_size, void* output, DWORD output_size,
                      DWORD* returned) {
  Pending pending;
  DWORD error = 0;
  *returned = 0;
  if (Begin(code, input, input_size, output, output_size, &pending)) {
    error = End(&pending, returned);
  } else {
    error = error_;
  }
  if (pending.overlapped.hEvent != nullptr) CloseHandle(pending.overlapped.hEvent);
  return error;
}

DWORD Device::ReadStatus(StatusReply* status) {
  DWORD returned = 0;
  *status = {};
  const DWORD error = Control(kStatus, nullptr, 0, status, sizeof(*status), &returned);
  if (error != 0) return error;
  const bool same = returned == sizeof(*status) && status->size == sizeof(*status) &&
                    status->protocol_version == kProtocolVersion && status->format_version == kFormatVersion;
  return same ? 0 : ERROR_REVISION_MISMATCH;
}

std::string ErrorText(DWORD error) {
  char text[256] = "";
  DWORD size = FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr, error, 0,
                              text, sizeof(text), nullptr);
  while (size > 0 && (text[size - 1] == '\r' || text[size - 1] == '\n' || text[size - 1] == '.')) --size;
  return "error " + std::to_string(error) + (size != 0 ? ": " + std::string(text, size) : "");
}

}  // namespace wskcert::shim
