// Saboteurs of extension interfaces.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

// The extension's mask is taken for one of WSK's own.
NTSTATUS MixMasks(Request* request) {
  const NTSTATUS status = Pass(request);
  Socket* socket = request->socket;
  const ULONG mask = request->ping & kAllEvents;
  if (mask == 0 || !NT_SUCCESS(status) || socket->connected == 0) return status;
  SetEvents(socket, request->function == Function::kDisable ? mask | WSK_EVENT_DISABLE : mask);
  return status;
}

const Saboteur kSaboteurs[] = {
    {.info = {"extension-mask-mixed", "category.extension.own-mask",
              "A request that names an extension's event changes the standard event of the same number.",
              "npi", false},
     .request = MixMasks},
};

}  // namespace

const Topic kExtensionTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
