// A sequence as a case of the suite: summary, rules and source from what it showed.
#ifndef WSKCERT_CONFORMANCE_EXPORT_DESCRIBE_H_
#define WSKCERT_CONFORMANCE_EXPORT_DESCRIBE_H_

#include <string>

#include "conformance/certify/run_case.h"
#include "conformance/minimize/finding.h"
#include "proto/sequence.pb.h"

namespace wskcert {

// Fills what `body` lacks: the summary with the statement of the first rule that was blamed (or with how the
// provider died), the rules with those that were blamed, the source with the page of the first. `exercised`,
// if not null, are the rules that a clean provider puts to the test: others are left out, because a case
// lists what it exercises where all is well.
void Describe(const Finding& finding, const RuleSet* exercised, Case* body);

// What was seen, up to the violation or, without one, to the end, as text for a comment; long ones are cut at
// the beginning.
std::string Story(const CaseRun& run);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_EXPORT_DESCRIBE_H_
