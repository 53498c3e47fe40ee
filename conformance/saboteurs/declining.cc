#include "conformance/saboteurs/declining.h"

#include "conformance/saboteurs/interposer.h"

namespace wskcert {
namespace saboteurs {
namespace {

NTSTATUS NotSupported(Request* request) {
  return Answer(request, STATUS_NOT_SUPPORTED, STATUS_NOT_SUPPORTED);
}

bool TurnsConditional(const Request& request) {
  return request.function == Function::kControl && request.control->type == WskSetOption &&
         request.control->code == SO_CONDITIONAL_ACCEPT && request.control->input_size == sizeof(ULONG) &&
         *static_cast<const ULONG*>(request.control->input) != 0;
}
bool SetsSilent(const Request& request) {
  return request.function == Function::kControl && request.control->type == WskIoctl &&
         request.control->code == SIO_WSK_SET_TCP_SILENT_MODE;
}
bool Receives(const Request& request, ULONG flag) {
  return request.function == Function::kReceive && (request.flags & flag) != 0;
}

NTSTATUS ConditionalAccept(Request* request) {
  return TurnsConditional(*request) ? NotSupported(request) : Pass(request);
}
NTSTATUS WaitAll(Request* request) {
  return Receives(*request, WSK_FLAG_WAITALL) ? NotSupported(request) : Pass(request);
}
NTSTATUS Drain(Request* request) {
  return Receives(*request, WSK_FLAG_DRAIN) ? NotSupported(request) : Pass(request);
}
NTSTATUS SilentMode(Request* request) { return SetsSilent(*request) ? NotSupported(request) : Pass(request); }

NTSTATUS WaitAllOfMuch(Request* request) {
  return request->buffer != nullptr && request->buffer->Length >= 100 ? WaitAll(request) : Pass(request);
}
NTSTATUS ConditionalAcceptAndAsks(Request* request) {
  if (!TurnsConditional(*request)) return Pass(request);
  ForwardAlone(*request);
  return NotSupported(request);
}
NTSTATUS SilentModeAndFallsSilent(Request* request) {
  if (!SetsSilent(*request)) return Pass(request);
  ForwardAlone(*request);
  return NotSupported(request);
}
NTSTATUS WaitAllWithoutCompleting(Request* request) {
  return Receives(*request, WSK_FLAG_WAITALL) ? STATUS_NOT_SUPPORTED : Pass(request);
}
NTSTATUS Enabling(Request* request) {
  return request->function == Function::kEnable ? NotSupported(request) : Pass(request);
}

const Saboteur kDecliners[] = {
    {.info = {"conditional-accept", "", "", "npi", false}, .request = ConditionalAccept},
    {.info = {"waitall", "", "", "npi", false}, .request = WaitAll},
    {.info = {"drain", "", "", "npi", false}, .request = Drain},
    {.info = {"silent-mode", "", "", "npi", false}, .request = SilentMode},
    {.info = {"waitall-of-much", "", "", "npi", false}, .request = WaitAllOfMuch},
    {.info = {"conditional-accept-and-asks", "", "", "npi", false}, .request = ConditionalAcceptAndAsks},
    {.info = {"silent-mode-and-falls-silent", "", "", "npi", false}, .request = SilentModeAndFallsSilent},
    {.info = {"waitall-without-completing", "", "", "npi", false}, .request = WaitAllWithoutCompleting},
    {.info = {"enabling", "", "", "npi", false}, .request = Enabling},
};

bool Equal(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) ++a, ++b;
  return *a == *b;
}

}  // namespace
}  // namespace saboteurs

const void* FindDecliner(const char* name) {
  for (const saboteurs::Saboteur& decliner : saboteurs::kDecliners) {
    if (saboteurs::Equal(decliner.info.name, name)) return &decliner;
  }
  return nullptr;
}

const void* Decline(const void* exports, void* context) {
  return saboteurs::Interpose(static_cast<const WSK_EXPORTS*>(exports),
                              static_cast<const saboteurs::Saboteur*>(context));
}

}  // namespace wskcert
