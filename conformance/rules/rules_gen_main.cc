// rules_gen OUT.h OUT.cc FILE.textproto...: the catalogue as code.
//
// Writes the enumeration RuleId and one plain table of RuleInfo, so that the judge needs no protobuf, and the
// whole catalogue as serialised bytes for the loader. Rules that are modelled come first, so that what the
// judge handles lies together at the front of tables and sets; otherwise the enumeration has the order of the
// files and of the rules in them.
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "proto/rules.pb.h"

namespace {

using wskcert::Rule;
using wskcert::RuleFile;

// disable.idle.returns-success -> kDisableIdleReturnsSuccess
std::string Enumerator(const std::string& name) {
  std::string result = "k";
  bool upper = true;
  for (char c : name) {
    if (c == '.' || c == '-') {
      upper = true;
    } else {
      result += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
      upper = false;
    }
  }
  return result;
}

std::string Quoted(const std::string& text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

// All more general rules, nearest first. False if a name is unknown or the relation has a cycle.
bool Ancestors(const std::map<std::string, const Rule*>& by_name, const Rule& rule,
               std::set<std::string>* on_path, std::vector<std::string>* result) {
  if (!on_path->insert(rule.name()).second) return false;
  for (const std::string& general : rule.refines()) {
    if (by_name.count(general) == 0) {
      std::cerr << rule.name() << " refines " << general << ", which does not exist\n";
      return false;
    }
    result->push_back(general);
  }
  for (const std::string& general : rule.refines()) {
    if (!Ancestors(by_name, *by_name.at(general), on_path, result)) return false;
  }
  on_path->erase(rule.name());
  return true;
}

bool Read(const char* path, RuleFile* all) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  RuleFile file;
  if (!in || !google::protobuf::TextFormat::ParseFromString(text.str(), &file)) {
    std::cerr << "rules_gen: cannot read " << path << "\n";
    return false;
  }
  for (Rule& rule : *file.mutable_rules()) {
    if (rule.topic().empty()) rule.set_topic(file.topic());
  }
  all->mutable_rules()->MergeFrom(file.rules());
  all->mutable_omissions()->MergeFrom(file.omissions());
  return true;
}

void WriteHeader(const RuleFile& all, std::ostream& out) {
  out << "// Generated from conformance/rules/catalogue by rules_gen.\n"
         "#ifndef WSKCERT_CONFORMANCE_RULES_RULES_GEN_H_\n#define WSKCERT_CONFORMANCE_RULES_RULES_GEN_H_\n\n"
         "#include <cstddef>\n#include <cstdint>\n\nnamespace wskcert {\n\n"
         "// Every rule of the catalogue: those that are modelled, then the others, each part in its "
         "order.\nenum class RuleId : uint16_t {\n";
  for (const Rule& rule : all.rules()) out << "  " << Enumerator(rule.name()) << ",\n";
  const auto modelled =
      std::count_if(all.rules().begin(), all.rules().end(), [](const Rule& rule) { return rule.modelled(); });
  out << "};\ninline constexpr size_t kRuleCount = " << all.rules_size()
      << ";\n// Rules that the reference model judges: the first ones.\n"
         "inline constexpr size_t kModelledRuleCount = "
      << modelled
      << ";\n\n"
         "// What the judge and plain printing need of a rule.\nstruct RuleInfo {\n"
         "  const char* name;\n  const char* statement;\n  const char* page;     // of its first source, or "
         "\"\"\n"
         "  const char* section;\n  bool application;      // binds the application\n"
         "  bool inferred;         // a breach is a deviation\n"
         "  bool windows;          // in force in profile `windows` only\n  bool required;\n"
         "  bool modelled;         // the reference model judges it\n"
         "  uint8_t general_count;\n  RuleId general[4];     // the rules it refines, nearest first\n};\n\n"
         "// Whether a breach refuses a trace in every profile.\nconstexpr bool AlwaysRefuses(RuleId rule) "
         "{\n  "
         "switch (rule) {\n";
  for (const Rule& rule : all.rules()) {
    const bool soft =
        rule.strength() == wskcert::STRENGTH_INFERRED || rule.profile() == wskcert::RULE_PROFILE_WINDOWS;
    if (soft) out << "    case RuleId::" << Enumerator(rule.name()) << ":\n";
  }
  out << "      return false;\n    default:\n      return true;\n  }\n}\n\n"
         "extern const RuleInfo kRuleInfo[kRuleCount];\n"
         "inline const RuleInfo& InfoOf(RuleId rule) { return kRuleInfo[static_cast<size_t>(rule)]; }\n\n"
         "// The catalogue, a serialised RuleFile.\nextern const unsigned char kCatalogueBytes[];\n"
         "extern const size_t kCatalogueSize;\n\n}  // namespace wskcert\n\n#endif\n";
}

bool WriteSource(const RuleFile& all, std::ostream& out) {
  std::map<std::string, const Rule*> by_name;
  for (const Rule& rule : all.rules()) {
    if (!by_name.emplace(rule.name(), &rule).second) {
      std::cerr << "rules_gen: two rules are named " << rule.name() << "\n";
      return false;
    }
  }
  out << "// Generated from conformance/rules/catalogue by rules_gen.\n#include "
         "\"conformance/rules/rules_gen.h\"\n\n"
         "namespace wskcert {\n\nconst RuleInfo kRuleInfo[kRuleCount] = {\n";
  for (const Rule& rule : all.rules()) {
    std::vector<std::string> general;
    std::set<std::string> path;
    if (!Ancestors(by_name, rule, &path, &general) || general.size() > 4) {
      std::cerr << "rules_gen: " << rule.name() << " has a bad or too long chain of general rules\n";
      return false;
    }
    const bool sourced = rule.sources_size() > 0;
    out << "    {" << Quoted(rule.name()) << ", " << Quoted(rule.statement()) << ", "
        << Quoted(sourced ? rule.sources(0).page() : "") << ", "
        << Quoted(sourced ? rule.sources(0).section() : "") << ", "
        << (rule.party() == wskcert::PARTY_APPLICATION) << ", "
        << (rule.strength() == wskcert::STRENGTH_INFERRED) << ", "
        << (rule.profile() == wskcert::RULE_PROFILE_WINDOWS) << ", " << rule.required() << ", "
        << rule.modelled() << ", " << general.size() << ", {";
    for (const std::string& name : general) out << "RuleId::" << Enumerator(name) << ", ";
    out << "}},\n";
  }
  std::string bytes;
  all.SerializeToString(&bytes);
  out << "};\n\nconst unsigned char kCatalogueBytes[] = {";
  for (size_t i = 0; i < bytes.size(); ++i) {
    out << (i % 24 == 0 ? "\n    " : "") << static_cast<int>(static_cast<unsigned char>(bytes[i])) << ",";
  }
  out << "\n};\nconst size_t kCatalogueSize = sizeof(kCatalogueBytes);\n\n}  // namespace wskcert\n";
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: rules_gen OUT.h OUT.cc FILE.textproto...\n";
    return 2;
  }
  RuleFile all;
  for (int i = 3; i < argc; ++i) {
    if (!Read(argv[i], &all)) return 1;
  }
  std::stable_partition(all.mutable_rules()->pointer_begin(), all.mutable_rules()->pointer_end(),
                        [](const Rule* rule) { return rule->modelled(); });
  std::ofstream header(argv[1]);
  std::ofstream source(argv[2]);
  WriteHeader(all, header);
  if (!WriteSource(all, source)) return 1;
  header.flush();
  source.flush();
  return header && source ? 0 : 1;
}
