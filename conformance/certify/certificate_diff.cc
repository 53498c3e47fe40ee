#include "conformance/certify/certificate_diff.h"

#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "conformance/certify/report.h"
#include "conformance/certify/trace_io.h"
#include "google/protobuf/stubs/logging.h"
#include "google/protobuf/util/json_util.h"

namespace wskcert {
namespace {

using Kind = CertificateDifference::Kind;
// In an order of its own: certificates of another version may have another one.
using Named = std::map<std::string, std::string>;

Named HeaderOf(const Certificate& certificate) {
  const auto seed = certificate.has_schedule_seed() ? absl::StrCat(certificate.schedule_seed()) : "";
  return {{"provider", certificate.provider()},
          {"provider_version", certificate.provider_version()},
          {"provider_sha256", certificate.provider_sha256()},
          {"host", certificate.host()},
          {"profile", certificate.profile()},
          {"level", certificate.level()},
          {"tool_version", certificate.tool_version()},
          {"suite_sha256", certificate.suite_sha256()},
          {"catalogue_sha256", certificate.catalogue_sha256()},
          {"filter", certificate.filter()},
          {"schedule_seed", seed},
          {"first_blamed", certificate.first_blamed()},
          {"first_blamed_in", certificate.first_blamed_in()},
          {"certified", certificate.certified() ? "yes" : "no"}};
}

Named RulesOf(const Certificate& certificate) {
  Named rules;
  for (const RuleVerdict& rule : certificate.rules()) rules[rule.rule()] = VerdictName(rule.verdict());
  return rules;
}

std::string OutcomeText(const CaseResult& result) {
  return absl::StrCat(CaseResult::Outcome_Name(result.outcome()), result.blamed().empty() ? "" : " of ",
                      absl::StrJoin(result.blamed(), ", "));
}

Named CasesOf(const Certificate& certificate) {
  Named cases;
  for (const CaseResult& result : certificate.cases()) cases[result.name()] = OutcomeText(result);
  return cases;
}

Named TracesOf(const Certificate& certificate) {
  Named traces;
  for (const CaseResult& result : certificate.cases()) traces[result.name()] = result.trace_sha256();
  return traces;
}

Named CountsOf(const Certificate& certificate) {
  const Counts& counts = certificate.counts();
  return {{"required rules", absl::StrCat(counts.required())},
          {"required rules passed", absl::StrCat(counts.required_passed())},
          {"cases", absl::StrCat(counts.cases())},
          {"observations", absl::StrCat(counts.observations())}};
}

void Compare(Kind kind, const Named& before, const Named& after, std::vector<CertificateDifference>* out) {
  Named all = before;
  all.insert(after.begin(), after.end());
  for (const auto& [name, value] : all) {
    const auto old = before.find(name);
    const auto now = after.find(name);
    const std::string first = old != before.end() ? old->second : "";
    const std::string second = now != after.end() ? now->second : "";
    if (first != second) out->push_back({kind, name, first, second});
  }
}

// Cases with the same outcome, but another trace.
void CompareTraces(const Certificate& before, const Certificate& after,
                   std::vector<CertificateDifference>* out) {
  const Named outcomes_before = CasesOf(before);
  const Named outcomes_after = CasesOf(after);
  const Named traces = TracesOf(after);
  for (const auto& [name, trace] : TracesOf(before)) {
    const auto other = traces.find(name);
    if (other == traces.end() || other->second == trace) continue;
    const std::string& outcome = outcomes_before.at(name);
    if (outcome != outcomes_after.at(name)) continue;
    out->push_back({Kind::kCase, name, absl::StrCat(outcome, ", trace ", trace.substr(0, 12)),
                    absl::StrCat(outcome, ", trace ", other->second.substr(0, 12))});
  }
}

std::string Quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      absl::StrAppend(&out, "\\", std::string(1, c));
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", c);
    } else {
      out += c;
    }
  }
  return absl::StrCat(out, "\"");
}

const char* KindName(Kind kind) {
  switch (kind) {
    case Kind::kHeader:
      return "certificate";
    case Kind::kRule:
      return "rule";
    case Kind::kCase:
      return "case";
    case Kind::kCount:
      return "count";
  }
  return "?";
}

}  // namespace

std::vector<CertificateDifference> Differences(const Certificate& before, const Certificate& after) {
  std::vector<CertificateDifference> out;
  Compare(Kind::kHeader, HeaderOf(before), HeaderOf(after), &out);
  Compare(Kind::kRule, RulesOf(before), RulesOf(after), &out);
  Compare(Kind::kCase, CasesOf(before), CasesOf(after), &out);
  CompareTraces(before, after, &out);
  Compare(Kind::kCount, CountsOf(before), CountsOf(after), &out);
  return out;
}

std::string DifferencesText(const std::vector<CertificateDifference>& differences) {
  if (differences.empty()) return "the same, but for the date\n";
  static constexpr struct {
    Kind kind;
    const char* title;
  } kParts[] = {{Kind::kHeader, "the certificates differ in"},
                {Kind::kRule, "rules whose verdict changed"},
                {Kind::kCase, "cases that changed"},
                {Kind::kCount, "counts"}};
  std::string text;
  for (const auto& part : kParts) {
    std::string lines;
    size_t count = 0;
    for (const CertificateDifference& difference : differences) {
      if (difference.kind != part.kind) continue;
      ++count;
      absl::StrAppend(&lines, "  ", difference.name, ": ",
                      difference.before.empty() ? "-" : difference.before, " -> ",
                      difference.after.empty() ? "-" : difference.after, "\n");
    }
    if (count != 0) absl::StrAppend(&text, part.title, " (", count, ")\n", lines);
  }
  return text;
}

std::string DifferencesJson(const std::vector<CertificateDifference>& differences) {
  std::vector<std::string> lines;
  lines.reserve(differences.size());
  for (const CertificateDifference& difference : differences) {
    lines.push_back(absl::StrCat(
        "  {\"kind\": \"", KindName(difference.kind), "\", \"name\": ", Quoted(difference.name),
        ", \"before\": ", Quoted(difference.before), ", \"after\": ", Quoted(difference.after), "}"));
  }
  return lines.empty() ? "[]\n" : absl::StrCat("[\n", absl::StrJoin(lines, ",\n"), "\n]\n");
}

absl::StatusOr<Certificate> ReadCertificate(const std::string& path) {
  std::error_code error;
  const bool directory = std::filesystem::is_directory(path, error);
  const std::string file = directory ? (std::filesystem::path(path) / "certificate.pb").string() : path;
  const absl::StatusOr<std::string> contents = ReadFile(file);
  if (!contents.ok()) return contents.status();
  Certificate certificate;
  // The library would print its own opinion of hostile bytes.
  google::protobuf::LogSilencer quiet;
  const bool json = absl::EndsWith(file, ".json");
  const bool read = json ? google::protobuf::util::JsonStringToMessage(*contents, &certificate).ok()
                         : certificate.ParseFromString(*contents);
  if (!read || certificate.format_version() == 0 || certificate.rules().empty()) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": no certificate"));
  }
  if (certificate.format_version() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": format_version ", certificate.format_version(),
                                                   " is newer than this tool, which knows 1"));
  }
  return certificate;
}

}  // namespace wskcert
