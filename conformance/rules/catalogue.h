// The rule catalogue with everything that is printed about a rule: statement, sources, capabilities, ways to
// break it.
//
// The judge does not need this; it works with rules_gen.h alone.
//
//   const Rule* rule = catalogue::Find("disable.idle.returns-success");
//   for (const Rule& rule : catalogue::All().rules()) ...
#ifndef WSKCERT_CONFORMANCE_RULES_CATALOGUE_H_
#define WSKCERT_CONFORMANCE_RULES_CATALOGUE_H_

#include <optional>
#include <string_view>

#include "conformance/rules/rule_set.h"
#include "proto/rules.pb.h"

namespace wskcert::catalogue {

// The whole catalogue, parsed once; every rule carries its topic. Safe to call from several threads.
const RuleFile& All();

// The rule of an enumerator. The reference lives as long as the program.
const Rule& Get(RuleId id);

// The rule of that name, or nullopt.
std::optional<RuleId> Find(std::string_view name);

// Rules that a certificate requires.
RuleSet Required();

// What can be said about a rule before any trace was played. Tables of rules are grouped by it.
enum class Standing {
  kJudged,         // the model judges it, for whichever party
  kNotModelled,    // a trace could show a breach; the model does not judge it yet
  kNotObservable,  // no trace can show a breach; the rule says why
  kPermission,     // allows something, so that nothing can break it
  kOpen,           // the pages leave it open, so that nothing can break it
};
Standing StandingOf(const Rule& rule);

// For people: "judged", "not modelled", "not observable", "permission", "left open".
const char* StandingName(Standing standing);

// Bits of Capability (format.h) that a host must have for the rule to be exercised.
uint64_t CapabilitiesOf(RuleId id);

}  // namespace wskcert::catalogue

#endif  // WSKCERT_CONFORMANCE_RULES_CATALOGUE_H_
