#include "conformance/certify/report.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "conformance/certify/declined.h"
#include "conformance/certify/gate.h"
#include "conformance/certify/trace_io.h"
#include "conformance/rules/catalogue.h"
#include "google/protobuf/util/json_util.h"

namespace wskcert {
namespace {

constexpr const char* kVerdictNames[] = {"not exercised", "passed",        "FAILED",    "deviation",
                                         "unreachable",   "declined",      "undefined", "inconclusive",
                                         "not modelled",  "not observable"};

const char* ColourOf(Verdict verdict) {
  switch (verdict) {
    case PASSED:
      return "\033[32m";
    case FAILED:
      return "\033[31m";
    case DEVIATION:
    case INCONCLUSIVE:
      return "\033[33m";
    default:
      return "";
  }
}

// XML text without what XML cannot hold.
std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? '?' : c;
    }
  }
  return out;
}

// Rules that no trace speaks about are counted, not listed: `wskcert rules` has them.
bool CanHaveVerdict(const RuleVerdict& rule) {
  return rule.verdict() != NOT_MODELLED && rule.verdict() != NOT_OBSERVABLE;
}

bool Listed(const RuleVerdict& rule) {
  return CanHaveVerdict(rule) && (rule.required() || rule.verdict() != NOT_EXERCISED);
}

// The rules of a topic: those with a line of their own, and how many have none.
struct TopicRules {
  std::vector<const RuleVerdict*> listed;
  int not_modelled = 0;
  int not_observable = 0;
};

std::string TopicLine(const std::string& topic, const TopicRules& rules) {
  const auto passed = std::count_if(rules.listed.begin(), rules.listed.end(),
                                    [](const RuleVerdict* r) { return r->verdict() == PASSED; });
  std::vector<std::string> parts;
  if (!rules.listed.empty()) parts.push_back(absl::StrCat(passed, " of ", rules.listed.size(), " passed"));
  if (rules.not_modelled > 0) parts.push_back(absl::StrCat(rules.not_modelled, " not modelled"));
  if (rules.not_observable > 0) parts.push_back(absl::StrCat(rules.not_observable, " not observable"));
  return absl::StrCat(topic, "  (", absl::StrJoin(parts, ", "), ")\n");
}

std::string FailureText(const Certificate& certificate, const RuleVerdict& rule) {
  if (rule.violated_in().empty()) {
    return absl::StrCat("required, but ", VerdictName(rule.verdict()),
                        rule.declined_in().empty() ? "" : " in ", rule.declined_in());
  }
  for (const CaseResult& result : certificate.cases()) {
    if (result.name() == rule.violated_in(0)) return result.story();
  }
  return "";
}

}  // namespace

const char* VerdictName(Verdict verdict) { return kVerdictNames[verdict]; }

ExitStatus ExitStatusOf(const Certificate& certificate) {
  ExitStatus worst = kExitGood;
  for (const CaseResult& result : certificate.cases()) {
    if (result.outcome() == CaseResult::UNATTRIBUTED) return kExitOurs;
    if (!CaseFails(result) || CaseIsWaived(certificate, result)) continue;
    if (result.outcome() != CaseResult::VIOLATION) worst = kExitDied;
    if (worst == kExitGood) worst = kExitViolation;
  }
  if (worst != kExitGood) return worst;
  for (const RuleVerdict& rule : certificate.rules()) {
    if (RuleFails(certificate, rule) && WaiverOf(certificate, rule) == nullptr) return kExitViolation;
  }
  if (CountWaivers(certificate, WaiverResult::EXPIRED) > 0) return kExitExpired;
  if (CountWaivers(certificate, WaiverResult::UNEXPECTED_PASS) > 0) return kExitUnexpectedPass;
  if (CountWaivers(certificate, WaiverResult::STALE) > 0) return kExitStale;
  // Without waivers nothing but a certificate is good; a partial one is judged by what it played.
  if (!certificate.waivers().empty() || !certificate.filter().empty()) return kExitGood;
  return certificate.certified() ? kExitGood : kExitViolation;
}

std::string RuleTable(const Certificate& certificate, bool colour) {
  // By topic, in the catalogue's order within one.
  std::map<std::string, TopicRules> topics;
  size_t width = 0;
  for (const RuleVerdict& rule : certificate.rules()) {
    if (rule.client_obligation()) continue;
    if (Listed(rule)) {
      topics[rule.topic()].listed.push_back(&rule);
      width = std::max(width, rule.rule().size());
    } else if (rule.verdict() == NOT_MODELLED) {
      ++topics[rule.topic()].not_modelled;
    } else if (rule.verdict() == NOT_OBSERVABLE) {
      ++topics[rule.topic()].not_observable;
    }
  }
  std::string text;
  for (const auto& [topic, rules] : topics) {
    absl::StrAppend(&text, "\n", TopicLine(topic, rules));
    for (const RuleVerdict* rule : rules.listed) {
      absl::StrAppendFormat(&text, "  %-*s  %s%-13s%s %s %4d case%s\n", static_cast<int>(width), rule->rule(),
                            colour ? ColourOf(rule->verdict()) : "", VerdictName(rule->verdict()),
                            colour && *ColourOf(rule->verdict()) != '\0' ? "\033[0m" : "",
                            rule->required() ? "required" : "        ", rule->exercised(),
                            rule->exercised() == 1 ? "" : "s");
    }
  }
  return text;
}

std::string Stories(const Certificate& certificate, size_t limit) {
  std::vector<const CaseResult*> failed;
  for (const CaseResult& result : certificate.cases()) {
    if (result.outcome() == CaseResult::UNREACHABLE_CASE) continue;
    if (!result.story().empty()) failed.push_back(&result);
  }
  std::stable_sort(failed.begin(), failed.end(), [](const CaseResult* a, const CaseResult* b) {
    return a->observations() < b->observations();
  });
  // One story for each first-blamed rule says more than many of the same.
  std::map<std::string, int> told;
  std::string text;
  size_t shown = 0;
  for (const CaseResult* result : failed) {
    const std::string key =
        absl::StrCat(result->outcome(), ":", result->blamed_size() > 0 ? result->blamed(0) : "");
    if (told[key]++ > 0 || shown == limit) continue;
    ++shown;
    absl::StrAppend(&text, "\n", CaseResult::Outcome_Name(result->outcome()), "  ", result->name(), "\n",
                    result->story());
  }
  if (failed.size() > shown) {
    absl::StrAppend(&text, "\n", failed.size() - shown,
                    " more cases failed; certificate.json has them all\n");
  }
  return text;
}

// The waivers that are not as expected become reasons; all are counted.
static void AddGate(const Certificate& certificate, std::vector<std::string>* reasons, std::string* text) {
  for (const WaiverResult& result : certificate.waivers()) {
    if (result.outcome() == WaiverResult::EXPECTED_FAILURE || result.outcome() == WaiverResult::NOT_PLAYED)
      continue;
    absl::StrAppend(text, WaiverLine(result), "\n");
  }
  const int expected = CountWaivers(certificate, WaiverResult::EXPECTED_FAILURE);
  reasons->push_back(absl::StrCat(expected, " expected failure", expected == 1 ? "" : "s"));
  absl::StrAppend(text, "GATE ", ExitStatusOf(certificate) == kExitGood ? "GREEN" : "RED", ": ", expected,
                  " expected, ", CountWaivers(certificate, WaiverResult::UNEXPECTED_PASS),
                  " unexpected passes, ", CountWaivers(certificate, WaiverResult::STALE), " stale, ",
                  CountWaivers(certificate, WaiverResult::EXPIRED), " expired\n");
}

// Required rules that nobody can be blamed for not having shown.
static std::string BeyondReach(const Certificate& certificate) {
  int unreachable = 0;
  int declined = 0;
  std::set<std::string> requests;
  for (const RuleVerdict& rule : certificate.rules()) {
    if (!rule.required()) continue;
    if (rule.verdict() == UNREACHABLE) ++unreachable;
    if (rule.verdict() != DECLINED) continue;
    ++declined;
    const std::optional<RuleId> id = catalogue::Find(rule.rule());
    if (id.has_value()) requests.insert(DeclinableText(catalogue::Get(*id).declinable()));
  }
  std::vector<std::string> parts;
  if (unreachable != 0) parts.push_back(absl::StrCat(unreachable, " unreachable"));
  if (declined != 0)
    parts.push_back(absl::StrCat(declined, " declined (", absl::StrJoin(requests, ", "), ")"));
  return parts.empty() ? "" : absl::StrCat("required, and not shown: ", absl::StrJoin(parts, ", "), "\n");
}

static std::string NotTimedAnew(const Certificate& certificate) {
  int count = 0;
  for (const CaseResult& result : certificate.cases()) count += result.not_timed_anew() ? 1 : 0;
  if (count == 0) return "";
  return absl::StrCat(count, " case", count == 1 ? " misses" : "s miss",
                      " what was awaited longer, in vain, in others: not timed anew, inconclusive\n");
}

std::string Conclusion(const Certificate& certificate) {
  const Counts& counts = certificate.counts();
  std::string text =
      absl::StrFormat("%d cases, %d observations; required rules passed: %d of %d\n", counts.cases(),
                      counts.observations(), counts.required_passed(), counts.required());
  absl::StrAppend(&text, BeyondReach(certificate));
  if (certificate.has_schedule_seed()) {
    absl::StrAppend(&text, "schedules: random bytes of seed ", certificate.schedule_seed(), "\n");
  }
  absl::StrAppend(&text, NotTimedAnew(certificate));
  std::vector<std::string> reasons;
  if (!certificate.waivers().empty()) AddGate(certificate, &reasons, &text);
  if (certificate.certified()) {
    if (!certificate.not_modelled().empty()) {
      absl::StrAppend(&text, "not modelled, of what binds the provider: ",
                      absl::StrJoin(certificate.not_modelled(), "; "), "\n");
    }
    return absl::StrCat(text, "CERTIFIED: ", certificate.provider(), ", profile ", certificate.profile(),
                        ", level ", certificate.level(), "\n");
  }
  if (!certificate.filter().empty())
    reasons.push_back(absl::StrCat("only '", certificate.filter(), "' was played"));
  std::map<Verdict, int> missing;
  for (const RuleVerdict& rule : certificate.rules()) {
    if (RuleFails(certificate, rule) && WaiverOf(certificate, rule) == nullptr) ++missing[rule.verdict()];
  }
  for (const auto& [verdict, count] : missing) {
    reasons.push_back(absl::StrCat(count, " rule", count == 1 ? "" : "s", " ", VerdictName(verdict)));
  }
  std::map<int, int> outcomes;
  for (const CaseResult& result : certificate.cases()) {
    if (!CaseIsWaived(certificate, result)) ++outcomes[result.outcome()];
  }
  for (const auto& [outcome, count] : outcomes) {
    if (outcome == CaseResult::ACCEPTED) continue;
    reasons.push_back(absl::StrCat(count, " case", count == 1 ? "" : "s", " ",
                                   CaseResult::Outcome_Name(static_cast<CaseResult::Outcome>(outcome))));
  }
  if (!certificate.first_blamed().empty()) {
    absl::StrAppend(&text, "first blamed: ", certificate.first_blamed(), " in ",
                    certificate.first_blamed_in(), "\n");
  }
  return absl::StrCat(text, "NOT CERTIFIED: ", certificate.provider(), ": ", absl::StrJoin(reasons, "; "),
                      "\n");
}

// What a waiver's outcome adds to the report for CI: 1 if it is a failure.
int AddWaiver(const WaiverResult& result, std::string* body) {
  const Waiver& waiver = result.waiver();
  absl::StrAppend(body, "    <testcase classname=\"waivers\" name=\"",
                  Escaped(waiver.rule().empty() ? waiver.case_name() : waiver.rule()), "\"");
  const char* type = result.outcome() == WaiverResult::UNEXPECTED_PASS ? "unexpected-pass"
                     : result.outcome() == WaiverResult::STALE         ? "stale-waiver"
                     : result.outcome() == WaiverResult::EXPIRED       ? "expired-waiver"
                                                                       : nullptr;
  if (type == nullptr) {
    absl::StrAppend(body, "/>\n");
    return 0;
  }
  absl::StrAppend(body, "><failure type=\"", type, "\" message=\"", Escaped(WaiverLine(result)),
                  "\"/></testcase>\n");
  return 1;
}

std::string JUnit(const Certificate& certificate) {
  int failures = 0;
  int tests = certificate.cases_size();
  std::string body;
  for (const RuleVerdict& rule : certificate.rules()) {
    if (rule.client_obligation() || !CanHaveVerdict(rule)) continue;
    ++tests;
    absl::StrAppend(&body, "    <testcase classname=\"rules.", Escaped(rule.topic()), "\" name=\"",
                    Escaped(rule.rule()), "\"");
    const WaiverResult* waiver = WaiverOf(certificate, rule);
    if (waiver != nullptr) {
      absl::StrAppend(&body, "><skipped message=\"", Escaped(WaiverLine(*waiver)), "\"/></testcase>\n");
    } else if (RuleFails(certificate, rule)) {
      ++failures;
      absl::StrAppend(&body, "><failure message=\"", VerdictName(rule.verdict()), "\">",
                      Escaped(FailureText(certificate, rule)), "</failure></testcase>\n");
    } else if (rule.verdict() == PASSED) {
      absl::StrAppend(&body, "/>\n");
    } else {
      absl::StrAppend(&body, "><skipped message=\"", VerdictName(rule.verdict()), "\"/></testcase>\n");
    }
  }
  for (const CaseResult& result : certificate.cases()) {
    absl::StrAppend(&body, "    <testcase classname=\"suite\" name=\"", Escaped(result.name()), "\"");
    if (result.outcome() == CaseResult::ACCEPTED) {
      absl::StrAppend(&body, "/>\n");
      continue;
    }
    if (result.outcome() == CaseResult::UNREACHABLE_CASE) {
      absl::StrAppend(&body, "><skipped message=\"", Escaped(result.story()), "\"/></testcase>\n");
      continue;
    }
    if (CaseIsWaived(certificate, result)) {
      absl::StrAppend(&body, "><skipped message=\"expected failure\"/></testcase>\n");
      continue;
    }
    ++failures;
    absl::StrAppend(&body, "><failure message=\"", CaseResult::Outcome_Name(result.outcome()), "\">",
                    Escaped(result.story()), "</failure></testcase>\n");
  }
  for (const WaiverResult& result : certificate.waivers()) {
    ++tests;
    failures += AddWaiver(result, &body);
  }
  return absl::StrCat(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"wskcert.",
      Escaped(certificate.provider()), "\" tests=\"", tests, "\" failures=\"", failures, "\">\n", body,
      "  </testsuite>\n</testsuites>\n");
}

absl::StatusOr<std::string> Json(const Certificate& certificate) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(certificate, &json, options).ok()) {
    return absl::InternalError("the certificate cannot be written as JSON");
  }
  return json;
}

absl::Status WriteCertification(const Certification& certification, const std::string& directory) {
  const Certificate& certificate = certification.certificate;
  absl::StatusOr<std::string> json = Json(certificate);
  if (!json.ok()) return json.status();
  std::vector<std::pair<std::string, std::string>> files = {
      {"certificate.pb", certificate.SerializeAsString()},
      {"certificate.json", *json},
      {"certificate.junit.xml", JUnit(certificate)}};
  for (const CaseRun& run : certification.runs) {
    const Trace trace = TraceOf(run, certificate.provider());
    files.push_back({absl::StrCat("traces/", run.name, ".trace.pb"), trace.SerializeAsString()});
  }
  for (const auto& [name, contents] : files) {
    const std::filesystem::path path = std::filesystem::path(directory) / name;
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error)
      return absl::UnavailableError(absl::StrCat(path.parent_path().string(), ": ", error.message()));
    if (absl::Status status = WriteFile(path.string(), contents); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace wskcert
