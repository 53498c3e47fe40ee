// For scripts of host programs (host.h): handles to a hosted driver's device that stay open, with several
// requests at a time, which can be cancelled. HostControl is the short way for a single one.
//
//   HostHandle* handle;
//   if (HostOpen(&handle) < 0) return;
//   HostRequest* request;
//   HostBegin(handle, code, input, input_size, output_size, &request);    // the driver pends it
//   ...
//   HostCancel(request);
//   status = HostEnd(request, output, sizeof(output), &returned);         // waits, and frees the request
//   HostCleanup(handle);
//   HostClose(handle);
//
// All on threads of the emulated kernel, at PASSIVE_LEVEL. Statuses are NTSTATUS.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_HOST_HANDLES_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_HOST_HANDLES_H_

#include <cstdint>

namespace wskcert::emulator {

struct HostHandle;
struct HostRequest;

// Opens the device that the driver created last; `suffix` is what stands behind its name, or null. On failure
// *handle is null.
int32_t HostOpen(HostHandle** handle, const char* suffix = nullptr);

// Makes a device control request. A code of METHOD_BUFFERED has a system buffer, any other none. A request is
// there, and has to be ended, whatever the driver answers; null only without memory. `event`, a PKEVENT or
// null, is set as well when the request is completed.
HostRequest* HostBegin(HostHandle* handle, uint32_t code, const void* input, uint32_t input_size,
                       uint32_t output_size, void* event = nullptr);
// The two halves of it, for a script that must not lack memory at the moment of the request: first everything
// is allocated, then it is sent. HostInput is where `input_size` bytes belong.
HostRequest* HostPrepare(HostHandle* handle, uint32_t code, uint32_t input_size, uint32_t output_size,
                         void* event = nullptr);
void* HostInput(HostRequest* request);
void HostSend(HostRequest* request);
// Whether the driver has completed it.
bool HostIsDone(HostRequest* request);
// As CancelIoEx: the driver may or may not heed it. Nothing happens to a request that is done.
void HostCancel(HostRequest* request);
// Waits until it is completed, and frees it. Returns the request's status; *returned is how many bytes of
// `output`, which has the size given to HostBegin, the driver filled. Both may be null.
int32_t HostEnd(HostRequest* request, void* output, uint32_t* returned);

// Leaves a request to itself: it is freed when the driver completes it, at the latest in its unload.
void HostAbandon(HostRequest* request);

// What the I/O manager sends when the last handle goes: IRP_MJ_CLEANUP, and, once no request is left,
// IRP_MJ_CLOSE. A script may leave the first out, as some hosts do, and need not wait for the requests.
void HostCleanup(HostHandle* handle);
// Frees the handle. Requests may be ended afterwards.
void HostClose(HostHandle* handle);
// Frees the handle without a word to the driver, for a script that leaves the unload to find it open.
void HostForget(HostHandle* handle);

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_HOST_HANDLES_H_
