// Observations in words, for people: one line each, in the documentation's names.
//
//   [ 14] thread 0    WskControlSocket(socket 0, SO_WSK_EVENT_CALLBACK, DISABLE|RECEIVE, IRP 1) ...
//   [ 15] thread 0    ... returned STATUS_PENDING
#ifndef WSKCERT_CONFORMANCE_CERTIFY_RENDER_H_
#define WSKCERT_CONFORMANCE_CERTIFY_RENDER_H_

#include <string>

#include "absl/types/span.h"
#include "conformance/executor/format.h"

namespace wskcert {

// "STATUS_PENDING", or the number where it has no name here.
std::string StatusName(Status status);
std::string EventMaskName(uint32_t mask);
std::string CallbackName(uint16_t event);
std::string EndingName(Ending ending);

// What observation `index` of `log` says, without its stamp.
std::string RenderObservation(absl::Span<const Observation> log, uint32_t index);

// Lines of the log from `first` to `last`, both included, each with its stamp and thread; `mark` (or
// kNoIndex) gets an arrow. A call's begin and end that stand together become one line. Set-up and tear-down
// are left out where `own` is false.
std::string RenderLog(absl::Span<const Observation> log, uint32_t first, uint32_t last, uint32_t mark,
                      bool own);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_RENDER_H_
