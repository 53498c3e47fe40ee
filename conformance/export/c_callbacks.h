// The event callbacks of an exported client, with what its scripts do inside them. Internal to
// conformance/export.
#ifndef WSKCERT_CONFORMANCE_EXPORT_C_CALLBACKS_H_
#define WSKCERT_CONFORMANCE_EXPORT_C_CALLBACKS_H_

#include <cstdint>
#include <functional>
#include <string>

#include "conformance/certify/program.h"

namespace wskcert {

// What steps need of the callbacks before those are defined.
std::string DeclarationsText(const Program& program);

// The callbacks that the program's sockets can have, DispatchOf and CompletionSteps. `comment` gives what was
// seen of a step, as comment lines indented by four.
std::string CallbacksText(const Program& program, const std::function<std::string(uint32_t step)>& comment);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_EXPORT_C_CALLBACKS_H_
