// What a play found, in a form that two plays can be compared by.
#ifndef WSKCERT_CONFORMANCE_MINIMIZE_FINDING_H_
#define WSKCERT_CONFORMANCE_MINIMIZE_FINDING_H_

#include <string>
#include <vector>

#include "conformance/certify/run_case.h"

namespace wskcert {

struct Finding {
  // The first rule that was blamed; or how the provider died: "killed by signal 11", "hung", "bug check
  // 0xC4", "deadlock", "livelock", "leak"; or the judge's own defect. Empty: nothing was found.
  std::string what;
  // Every rule that was blamed, the most specific first.
  std::vector<std::string> rules;
  // Obligations that the client broke. What they touch was not judged.
  RuleSet breached;
  // Rules that were put to the test.
  RuleSet exercised;

  // How it died is what the client asked for: it had broken an obligation before.
  bool clients_fault = false;

  bool empty() const { return what.empty(); }
  // Nothing is wrong with the provider.
  bool clean() const { return empty() || clients_fault; }
};

Finding FindingOf(const CaseRun& run);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_MINIMIZE_FINDING_H_
