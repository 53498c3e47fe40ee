// The curated suite, as built into this binary: every file conformance/suite/TOPIC/NAME.textproto.
#ifndef WSKCERT_CONFORMANCE_SUITE_SUITE_H_
#define WSKCERT_CONFORMANCE_SUITE_SUITE_H_

#include <string>

#include "proto/sequence.pb.h"

namespace wskcert {

// All cases, in the order of their names. Parsed once.
const Suite& CuratedSuite();

// Its serialised form, for a fingerprint.
const std::string& CuratedSuiteBytes();

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_SUITE_SUITE_H_
