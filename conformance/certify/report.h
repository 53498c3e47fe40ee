// Certificates for people (text), for CI (JUnit XML) and for machines (JSON, protobuf).
#ifndef WSKCERT_CONFORMANCE_CERTIFY_REPORT_H_
#define WSKCERT_CONFORMANCE_CERTIFY_REPORT_H_

#include <string>

#include "absl/status/status.h"
#include "conformance/certify/certify.h"
#include "proto/certificate.pb.h"

namespace wskcert {

// Exit statuses of the command line; docs and --help name them.
enum ExitStatus {
  kExitGood = 0,       // certified; or what was run is allowed
  kExitViolation = 1,  // a rule was broken, or a required one was not exercised
  kExitDied = 2,       // the provider crashed, hung, stopped the machine or leaked
  kExitUsage = 3,      // bad usage or bad input
  kExitOurs = 4,       // a defect of wskcert itself
  // With waivers, if nothing else is wrong:
  kExitUnexpectedPass = 5,  // a rule or case passed that was expected to fail
  kExitStale = 6,           // a waiver is about nothing that fails or exists
  kExitExpired = 7,         // a waiver's day is over
};

// The worst that a certificate reports; a partial certificate is judged by what it played.
ExitStatus ExitStatusOf(const Certificate& certificate);

const char* VerdictName(Verdict verdict);
// Rules by topic, one line each, then the sums.
std::string RuleTable(const Certificate& certificate, bool colour);
// The stories of what failed, at most `limit` of them, the shortest traces first.
std::string Stories(const Certificate& certificate, size_t limit);
// The last lines: certified or not, and why not.
std::string Conclusion(const Certificate& certificate);
// A test case a rule, and one a case of the suite.
std::string JUnit(const Certificate& certificate);
absl::StatusOr<std::string> Json(const Certificate& certificate);

// Writes certificate.pb, certificate.json, certificate.junit.xml and traces/TOPIC/NAME.trace.pb below
// `directory`, which is made.
absl::Status WriteCertification(const Certification& certification, const std::string& directory);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_REPORT_H_
