// The WSK headers in C: layouts, and both ways to name the basic functions.
#include <wdm.h>
#include <wsk_exports.h>
#include <mstcpip.h>

#include "wsk_layout_check.inc"

NTSTATUS WskLayoutCloseBothWays(PWSK_SOCKET socket, PIRP first, PIRP second) {
  const WSK_PROVIDER_CONNECTION_DISPATCH* dispatch = socket->Dispatch;
  NTSTATUS status = dispatch->WskCloseSocket(socket, first);
  return NT_SUCCESS(status) ? dispatch->Basic.WskCloseSocket(socket, second) : status;
}
