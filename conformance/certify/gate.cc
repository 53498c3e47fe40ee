#include "conformance/certify/gate.h"

#include <set>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "conformance/certify/certify.h"
#include "conformance/certify/report.h"
#include "conformance/certify/trace_io.h"

namespace wskcert {
namespace {

const RuleVerdict* FindRule(const Certificate& certificate, const std::string& name) {
  for (const RuleVerdict& rule : certificate.rules()) {
    if (rule.rule() == name) return &rule;
  }
  return nullptr;
}

const CaseResult* FindCase(const Certificate& certificate, const std::string& name) {
  for (const CaseResult& result : certificate.cases()) {
    if (result.name() == name) return &result;
  }
  return nullptr;
}

WaiverResult::Outcome OutcomeOfRule(const Certificate& certificate, const std::string& name) {
  const RuleVerdict* rule = FindRule(certificate, name);
  if (rule == nullptr) return WaiverResult::STALE;
  if (RuleFails(certificate, *rule)) return WaiverResult::EXPECTED_FAILURE;
  // What a partial run does not break, another case may.
  if (!certificate.filter().empty()) return WaiverResult::NOT_PLAYED;
  return rule->verdict() == PASSED ? WaiverResult::UNEXPECTED_PASS : WaiverResult::STALE;
}

WaiverResult::Outcome OutcomeOfCase(const Certificate& certificate, const std::string& name) {
  const CaseResult* result = FindCase(certificate, name);
  if (result == nullptr) {
    return certificate.filter().empty() ? WaiverResult::STALE : WaiverResult::NOT_PLAYED;
  }
  if (CaseFails(*result)) return WaiverResult::EXPECTED_FAILURE;
  return result->outcome() == CaseResult::ACCEPTED ? WaiverResult::UNEXPECTED_PASS : WaiverResult::STALE;
}

// Those with EXPECTED_FAILURE excuse.
const WaiverResult* FindWaiver(const Certificate& certificate, const std::string& rule,
                               const std::string& case_name) {
  for (const WaiverResult& result : certificate.waivers()) {
    if (result.outcome() == WaiverResult::EXPECTED_FAILURE && result.waiver().rule() == rule &&
        result.waiver().case_name() == case_name) {
      return &result;
    }
  }
  return nullptr;
}

const char* OutcomeName(WaiverResult::Outcome outcome) {
  switch (outcome) {
    case WaiverResult::EXPECTED_FAILURE:
      return "expected failure";
    case WaiverResult::UNEXPECTED_PASS:
      return "unexpected pass";
    case WaiverResult::STALE:
      return "stale waiver";
    case WaiverResult::EXPIRED:
      return "expired waiver";
    default:
      return "not played";
  }
}

std::string Quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + "\"";
}

}  // namespace

absl::StatusOr<std::string> ParseDay(absl::string_view text) {
  const std::string day(text.substr(0, 10));
  absl::CivilDay parsed;
  // The library also takes what is not written out ("2026-1-2").
  if (day.size() == 10 && (text.size() == 10 || text[10] == 'T') && absl::ParseCivilTime(day, &parsed) &&
      absl::FormatCivilTime(parsed) == day) {
    return day;
  }
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' is no day: it is written YYYY-MM-DD"));
}

absl::StatusOr<WaiverFile> ParseWaivers(absl::string_view contents, const std::string& name) {
  WaiverFile file;
  if (absl::Status status = ParseTextMessage(contents, name, &file); !status.ok()) return status;
  std::set<std::string> seen;
  for (int i = 0; i < file.waivers_size(); ++i) {
    const Waiver& waiver = file.waivers(i);
    const std::string& subject = waiver.rule().empty() ? waiver.case_name() : waiver.rule();
    const auto complain = [&](absl::string_view what) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": waivers[", i, "] (", subject, "): ", what));
    };
    if (waiver.rule().empty() == waiver.case_name().empty())
      return complain("names neither or both of rule and case_name");
    if (waiver.reason().empty()) return complain("has no reason");
    const absl::StatusOr<std::string> day = ParseDay(waiver.expires());
    if (!day.ok()) return complain(absl::StrCat("expires: ", day.status().message()));
    if (!seen.insert(absl::StrCat(waiver.rule().empty() ? "case " : "rule ", subject)).second)
      return complain("is there twice");
  }
  return file;
}

bool RuleFails(const Certificate& certificate, const RuleVerdict& rule) {
  if (rule.verdict() == FAILED) return true;
  if (!rule.required() || rule.verdict() == PASSED || !certificate.filter().empty()) return false;
  return !IsBeyondReach(rule.verdict()) || certificate.level() != kLevelReachable;
}

bool CaseFails(const CaseResult& result) {
  switch (result.outcome()) {
    case CaseResult::VIOLATION:
    case CaseResult::PROVIDER_DIED:
    case CaseResult::PROTOCOL_FAULT:
    case CaseResult::UNATTRIBUTED:
      return true;
    default:
      // What such a case did not show, its rules lack.
      return false;
  }
}

void ApplyWaivers(const WaiverFile& waivers, const std::string& today, Certificate* certificate) {
  certificate->clear_waivers();
  for (const Waiver& waiver : waivers.waivers()) {
    WaiverResult result;
    *result.mutable_waiver() = waiver;
    if (waiver.expires() < today) {
      result.set_outcome(WaiverResult::EXPIRED);
    } else if (waiver.rule().empty()) {
      result.set_outcome(OutcomeOfCase(*certificate, waiver.case_name()));
    } else {
      result.set_outcome(OutcomeOfRule(*certificate, waiver.rule()));
    }
    *certificate->add_waivers() = result;
  }
}

const WaiverResult* WaiverOf(const Certificate& certificate, const RuleVerdict& rule) {
  return FindWaiver(certificate, rule.rule(), "");
}

bool CaseIsWaived(const Certificate& certificate, const CaseResult& result) {
  if (FindWaiver(certificate, "", result.name()) != nullptr) return true;
  if (result.outcome() != CaseResult::VIOLATION || result.blamed().empty()) return false;
  for (const std::string& rule : result.blamed()) {
    if (FindWaiver(certificate, rule, "") == nullptr) return false;
  }
  return true;
}

int CountWaivers(const Certificate& certificate, WaiverResult::Outcome outcome) {
  int count = 0;
  for (const WaiverResult& result : certificate.waivers()) count += result.outcome() == outcome ? 1 : 0;
  return count;
}

std::string WaiverLine(const WaiverResult& result) {
  const Waiver& waiver = result.waiver();
  return absl::StrCat(OutcomeName(result.outcome()), ": ",
                      waiver.rule().empty() ? absl::StrCat("case ", waiver.case_name()) : waiver.rule(), " (",
                      waiver.reason(), "; until ", waiver.expires(),
                      waiver.link().empty() ? "" : absl::StrCat("; ", waiver.link()), ")");
}

WaiverFile DraftWaivers(const Certificate& certificate, const std::string& reason,
                        const std::string& expires) {
  WaiverFile file;
  for (const RuleVerdict& rule : certificate.rules()) {
    if (rule.client_obligation() || !RuleFails(certificate, rule)) continue;
    Waiver* waiver = file.add_waivers();
    waiver->set_rule(rule.rule());
    waiver->set_reason(!reason.empty()               ? reason
                       : !rule.violated_in().empty() ? absl::StrCat("violated in ", rule.violated_in(0))
                       : !rule.declined_in().empty() ? absl::StrCat("declined in ", rule.declined_in())
                                                     : VerdictName(rule.verdict()));
    waiver->set_expires(expires);
  }
  for (const CaseResult& result : certificate.cases()) {
    // A violation is excused by its rules.
    if (!CaseFails(result) || result.outcome() == CaseResult::VIOLATION) continue;
    Waiver* waiver = file.add_waivers();
    waiver->set_case_name(result.name());
    waiver->set_reason(reason.empty() ? CaseResult::Outcome_Name(result.outcome()) : reason);
    waiver->set_expires(expires);
  }
  return file;
}

std::string WaiverText(const WaiverFile& waivers) {
  std::string text =
      "# Failures that are expected: `wskcert certify --waivers=THIS` (proto/waivers.proto).\n";
  for (const Waiver& waiver : waivers.waivers()) {
    absl::StrAppend(&text, "waivers { ", waiver.rule().empty() ? "case_name: " : "rule: ",
                    Quoted(waiver.rule().empty() ? waiver.case_name() : waiver.rule()),
                    " reason: ", Quoted(waiver.reason()));
    if (!waiver.link().empty()) absl::StrAppend(&text, " link: ", Quoted(waiver.link()));
    absl::StrAppend(&text, " expires: ", Quoted(waiver.expires()), " }\n");
  }
  return text;
}

}  // namespace wskcert
