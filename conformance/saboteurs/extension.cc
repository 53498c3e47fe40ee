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

NTSTATUS NotOnBasicSockets(Request* request) {
  const bool mine =
      request->function == Function::kRegisterExtension && request->socket->category == WSK_FLAG_BASIC_SOCKET;
  return mine ? Answer(request, STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_DEVICE_REQUEST) : Pass(request);
}

// An interface that nobody has is taken for a mistake of the caller's.
NTSTATUS DeclineAsInvalid(Request* request) {
  const NTSTATUS status = Pass(request);
  const Control* control = request->control;
  const bool mine = request->function == Function::kControl && control->type == WskIoctl &&
                    control->code == SIO_WSK_REGISTER_EXTENSION;
  return mine && status == STATUS_NOT_SUPPORTED ? STATUS_INVALID_PARAMETER : status;
}

NTSTATUS LeaveOutputEmpty(Request* request) {
  const NTSTATUS status = Pass(request);
  if (request->function == Function::kRegisterExtension && NT_SUCCESS(status)) {
    static_cast<WSK_EXTENSION_CONTROL_OUT*>(request->control->output)->ProviderDispatch = nullptr;
  }
  return status;
}

// A call that the client cannot attribute, then the right one.
NTSTATUS ForeignPingContext(Socket* socket, ULONG value) {
  socket->extension.client->PingEvent(socket, value);
  return CallPing(socket, value);
}

const Saboteur kSaboteurs[] = {
    {.info = {"extension-not-on-basic-sockets", "extension.every-category",
              "A basic socket has no SIO_WSK_REGISTER_EXTENSION.", "npi", false},
     .request = NotOnBasicSockets},
    {.info = {"extension-declined-as-invalid", "extension.unknown.not-supported",
              "Registering an unknown interface returns STATUS_INVALID_PARAMETER.", "npi", false},
     .request = DeclineAsInvalid},
    {.info = {"extension-output-empty", "extension.registered.output-filled",
              "A registration that succeeds leaves the provider's table out.", "npi", false},
     .request = LeaveOutputEmpty},
    {.info = {"extension-gets-foreign-context", "extension.context-passed",
              "The extension's callback gets a context that the client never gave.", "npi", false},
     .ping = ForeignPingContext},
    {.info = {"extension-mask-mixed", "category.extension.own-mask",
              "A request that names an extension's event changes the standard event of the same number.",
              "npi", false},
     .request = MixMasks},
};

}  // namespace

const Topic kExtensionTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
