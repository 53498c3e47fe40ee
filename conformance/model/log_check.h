// Validation of logs that come from elsewhere: a driver, a pipe, a file.
#ifndef WSKCERT_CONFORMANCE_MODEL_LOG_CHECK_H_
#define WSKCERT_CONFORMANCE_MODEL_LOG_CHECK_H_

#include <cstddef>

#include "conformance/executor/format.h"

namespace wskcert {

// True if the log can be read as one: every enumeration in range, slots within the limits, every reference to
// an earlier observation of the right kind, each call, callback and stimulus ended at most once, nothing
// after kEnd. It says nothing about whether what was observed is right; that is the judge's. On false,
// `error` holds one line that names the observation.
bool ValidateLog(const Observation* log, size_t count, char* error, size_t error_size);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_MODEL_LOG_CHECK_H_
