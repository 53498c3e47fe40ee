// The WSK headers in C++: layouts, and what is more than a declaration.
#ifndef WSK_LAYOUT_ONLY
#include <gtest/gtest.h>
#endif

#include <wdm.h>
// After wdm.h.
#include <mstcpip.h>
#include <wsk_exports.h>

#include "wsk_layout_check.inc"

#ifndef WSK_LAYOUT_ONLY
extern "C" NTSTATUS WskLayoutCloseBothWays(PWSK_SOCKET socket, PIRP first, PIRP second);

namespace {

int closes = 0;

NTSTATUS Close(PWSK_SOCKET, PIRP) {
  ++closes;
  return STATUS_SUCCESS;
}

TEST(WskHeader, TheBasicPartHasTwoNamesInC) {
  WSK_PROVIDER_CONNECTION_DISPATCH dispatch = {};
  dispatch.Basic.WskCloseSocket = Close;
  WSK_SOCKET socket = {&dispatch};
  EXPECT_EQ(WskLayoutCloseBothWays(&socket, nullptr, nullptr), STATUS_SUCCESS);
  EXPECT_EQ(closes, 2);
}

TEST(WskHeader, InterfaceId) {
  EXPECT_EQ(NPI_WSK_INTERFACE_ID.Data1, 0x2227E803u);
  EXPECT_EQ(NPI_WSK_INTERFACE_ID.Data4[7], 0x09);
}

TEST(WskHeader, ControlDataIsAligned) {
  EXPECT_EQ(WSA_CMSG_LEN(4), 20u);
  EXPECT_EQ(WSA_CMSG_SPACE(4) % sizeof(void*), 0u);
}

}  // namespace
#endif
