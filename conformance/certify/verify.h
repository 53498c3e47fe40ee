// Judging the traces of a certificate again, and comparing every verdict.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_VERIFY_H_
#define WSKCERT_CONFORMANCE_CERTIFY_VERIFY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/certificate.pb.h"
#include "proto/sequence.pb.h"

namespace wskcert {

struct Verification {
  // What does not agree, a line each; none: the traces bear the certificate out.
  std::vector<std::string> differences;
  // Cases without a trace, which a certificate can only state: faults of the protocol, cases that could not
  // be played.
  uint32_t unsupported = 0;
  uint32_t judged = 0;
};

// `traces` is a directory as --out=DIR leaves it: NAME.trace.pb for each case, or below traces/.  An error if
// it cannot be read at all, or if the certificate is of a version that is not known.
absl::StatusOr<Verification> Verify(const Certificate& certificate, const std::string& traces,
                                    const Suite& suite);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_VERIFY_H_
