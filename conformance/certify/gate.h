// The gate: which of a certificate's failures count, once waivers have been applied (proto/waivers.proto).
//
// A rule fails if it failed, or if it is required, reachable at the certificate's level, and did not pass. A
// case fails if it violated a rule, if the provider died, or if it was not answered as the protocol wants. An
// expected failure does not count. What a waiver expects and does not find counts, each in its own way:
// unexpected pass, stale, expired.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_GATE_H_
#define WSKCERT_CONFORMANCE_CERTIFY_GATE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/certificate.pb.h"
#include "proto/waivers.pb.h"

namespace wskcert {

// A waiver file, as text. Every waiver names one rule or case, once, with a reason and a day on which it
// expires.
absl::StatusOr<WaiverFile> ParseWaivers(absl::string_view contents, const std::string& name);

// "YYYY-MM-DD", or the day of a certificate's date: without what follows. An error if it is no day.
absl::StatusOr<std::string> ParseDay(absl::string_view text);

// Records in the certificate what becomes of each waiver on that day ("YYYY-MM-DD").
void ApplyWaivers(const WaiverFile& waivers, const std::string& today, Certificate* certificate);

// A waiver for every rule and case that fails. `reason`: empty, to say what was seen.
WaiverFile DraftWaivers(const Certificate& certificate, const std::string& reason,
                        const std::string& expires);
// As a file, for people to go on with.
std::string WaiverText(const WaiverFile& waivers);

// Whether it fails, waived or not. In a partial certificate a rule that was not exercised does not.
bool RuleFails(const Certificate& certificate, const RuleVerdict& rule);
bool CaseFails(const CaseResult& result);
// Null, or the waiver that excuses it.
const WaiverResult* WaiverOf(const Certificate& certificate, const RuleVerdict& rule);
// Whether a case that fails is excused: by a waiver of its own, or because it violates waived rules only.
bool CaseIsWaived(const Certificate& certificate, const CaseResult& result);

// How many waivers came to this.
int CountWaivers(const Certificate& certificate, WaiverResult::Outcome outcome);

// "unexpected pass: RULE (REASON)", for people.
std::string WaiverLine(const WaiverResult& result);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_GATE_H_
