// How well the suite covers the catalogue: for every rule its cases, its saboteurs, the mutations that
// confirm it, and how often it was exercised on the honest emulator.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_COVERAGE_H_
#define WSKCERT_CONFORMANCE_CERTIFY_COVERAGE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "conformance/certify/certify.h"

namespace wskcert {

struct RuleCoverage {
  std::string rule;
  std::string topic;
  bool required = false;  // in the profile
  bool modelled = false;
  bool can_be_sabotaged = false;  // the catalogue says that an interposer can break it
  int cases = 0;                  // that are about it
  int saboteurs = 0;
  int exercised = 0;  // traces of the suite
  int confirmed = 0;  // of those: a mutation of the same trace was refused in the rule's name
  // What a required, modelled rule lacks: "case", "saboteur", "exercise", "mutation".
  std::vector<std::string> lacks;
};

struct Coverage {
  std::vector<RuleCoverage> rules;
  bool complete = false;  // no required, modelled rule lacks anything
};

// Plays the suite on `provider`, which should be honest. Obligations of the client are left out.
absl::StatusOr<Coverage> MeasureCoverage(Provider* provider, const Suite& suite, model::Profile profile);

// A table by topic, and a summary as the last line.
std::string CoverageTable(const Coverage& coverage);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_COVERAGE_H_
