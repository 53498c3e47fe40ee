// The numbers that format.h spells out are those of the kernel headers.
// clang-format off
#include <wdm.h>
#include <wsk.h>
// clang-format on

#include "conformance/executor/format.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

constexpr Status Unsigned(NTSTATUS status) { return static_cast<Status>(status); }

static_assert(kStatusSuccess == Unsigned(STATUS_SUCCESS));
static_assert(kStatusPending == Unsigned(STATUS_PENDING));
static_assert(kStatusEventPending == Unsigned(STATUS_EVENT_PENDING));
static_assert(kStatusBufferOverflow == Unsigned(STATUS_BUFFER_OVERFLOW));
static_assert(kStatusUnsuccessful == Unsigned(STATUS_UNSUCCESSFUL));
static_assert(kStatusNotImplemented == Unsigned(STATUS_NOT_IMPLEMENTED));
static_assert(kStatusInvalidHandle == Unsigned(STATUS_INVALID_HANDLE));
static_assert(kStatusInvalidParameter == Unsigned(STATUS_INVALID_PARAMETER));
static_assert(kStatusInvalidDeviceRequest == Unsigned(STATUS_INVALID_DEVICE_REQUEST));
static_assert(kStatusAccessDenied == Unsigned(STATUS_ACCESS_DENIED));
static_assert(kStatusInsufficientResources == Unsigned(STATUS_INSUFFICIENT_RESOURCES));
static_assert(kStatusDeviceNotReady == Unsigned(STATUS_DEVICE_NOT_READY));
static_assert(kStatusFileForcedClosed == Unsigned(STATUS_FILE_FORCED_CLOSED));
static_assert(kStatusNotSupported == Unsigned(STATUS_NOT_SUPPORTED));
static_assert(kStatusRequestNotAccepted == Unsigned(STATUS_REQUEST_NOT_ACCEPTED));
static_assert(kStatusCancelled == Unsigned(STATUS_CANCELLED));
static_assert(kStatusInvalidDeviceState == Unsigned(STATUS_INVALID_DEVICE_STATE));
static_assert(kStatusAddressAlreadyExists == Unsigned(STATUS_ADDRESS_ALREADY_EXISTS));
static_assert(kStatusDataNotAccepted == Unsigned(STATUS_DATA_NOT_ACCEPTED));
static_assert(kStatusNoInterface == Unsigned(STATUS_NOINTERFACE));
static_assert(kEventSendBacklog == WSK_EVENT_SEND_BACKLOG);
static_assert(kEventReceive == WSK_EVENT_RECEIVE);
static_assert(kEventDisconnect == WSK_EVENT_DISCONNECT);
static_assert(kEventReceiveFrom == WSK_EVENT_RECEIVE_FROM);
static_assert(kEventAccept == WSK_EVENT_ACCEPT);
static_assert(kEventDisable == WSK_EVENT_DISABLE);
static_assert(kFlagAbortive == WSK_FLAG_ABORTIVE);
static_assert(kFlagReleaseAsap == WSK_FLAG_RELEASE_ASAP);
static_assert(kFlagEntireMessage == WSK_FLAG_ENTIRE_MESSAGE);
static_assert(kFlagAtDispatchLevel == WSK_FLAG_AT_DISPATCH_LEVEL);
static_assert(kFlagNoDelay == WSK_FLAG_NODELAY);
static_assert(kFlagWaitAll == WSK_FLAG_WAITALL);
static_assert(kFlagDrain == WSK_FLAG_DRAIN);
static_assert(kPassiveLevel == PASSIVE_LEVEL);
static_assert(kDispatchLevel == DISPATCH_LEVEL);
static_assert(static_cast<int>(Category::kBasic) == WSK_FLAG_BASIC_SOCKET);
static_assert(static_cast<int>(Category::kListen) == WSK_FLAG_LISTEN_SOCKET);
static_assert(static_cast<int>(Category::kConnection) == WSK_FLAG_CONNECTION_SOCKET);
static_assert(static_cast<int>(Category::kDatagram) == WSK_FLAG_DATAGRAM_SOCKET);
static_assert(static_cast<int>(Category::kStream) == WSK_FLAG_STREAM_SOCKET);

// NT_SUCCESS and IsSuccess agree on one status of each severity.
TEST(ApiNumbers, IsSuccessIsNtSuccess) {
  for (const NTSTATUS status : {STATUS_SUCCESS, STATUS_PENDING, STATUS_EVENT_PENDING, STATUS_BUFFER_OVERFLOW,
                                STATUS_INVALID_PARAMETER}) {
    EXPECT_EQ(IsSuccess(Unsigned(status)), NT_SUCCESS(status)) << std::hex << Unsigned(status);
  }
}

}  // namespace
}  // namespace wskcert
