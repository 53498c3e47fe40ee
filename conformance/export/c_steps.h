// A step of a program as C. Internal to conformance/export.
#ifndef WSKCERT_CONFORMANCE_EXPORT_C_STEPS_H_
#define WSKCERT_CONFORMANCE_EXPORT_C_STEPS_H_

#include <string>

#include "conformance/executor/format.h"

namespace wskcert {

// Whether the step is a function of its own; the others are one statement.
bool NeedsFunction(const ProgramStep& step);
// The statement, without indentation or an end of line; of a step that needs a function the call of it.
std::string StatementOf(const ProgramStep& step, uint32_t number);
// The body of the function, indented by two.
std::string FunctionBody(const ProgramStep& step, bool ipv6);
// "Step3_event_callback"
std::string FunctionName(const ProgramStep& step, uint32_t number);
// What of the step the C form leaves out; empty: nothing.
std::string LeftOut(const ProgramStep& step);

// A C string literal.
std::string Literal(const std::string& text);
// "WSK_EVENT_RECEIVE | WSK_EVENT_DISABLE"
std::string MaskText(uint32_t mask);
// The subset of dispatch pointers as DispatchOf of the kit takes it.
std::string EventsText(uint32_t subset);
// "STATUS_SUCCESS", or a cast number.
std::string StatusText(uint32_t status);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_EXPORT_C_STEPS_H_
