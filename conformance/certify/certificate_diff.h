// What differs between two certificates.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_CERTIFICATE_DIFF_H_
#define WSKCERT_CONFORMANCE_CERTIFY_CERTIFICATE_DIFF_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/certificate.pb.h"

namespace wskcert {

struct CertificateDifference {
  enum Kind { kHeader, kRule, kCase, kCount } kind;
  // A header's field, a rule's or case's name, or what is counted.
  std::string name;
  // Empty: it is not there.
  std::string before;
  std::string after;
};

// Everything but the date: who was certified by what, rules whose verdict changed, cases with another
// outcome, first blamed rule or trace, and the counts.
std::vector<CertificateDifference> Differences(const Certificate& before, const Certificate& after);

std::string DifferencesText(const std::vector<CertificateDifference>& differences);
std::string DifferencesJson(const std::vector<CertificateDifference>& differences);

// Reads certificate.pb, certificate.json, or a directory with the former.
absl::StatusOr<Certificate> ReadCertificate(const std::string& path);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_CERTIFICATE_DIFF_H_
