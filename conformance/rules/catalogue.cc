#include "conformance/rules/catalogue.h"

#include <cstdlib>
#include <string>

#include "conformance/executor/format.h"

namespace wskcert::catalogue {
namespace {

struct NamedCapability {
  const char* name;
  Capability bit;
};
constexpr NamedCapability kCapabilities[] = {
    {"ExactQuiescence", Capability::kExactQuiescence},
    {"IrqlVisible", Capability::kIrqlVisible},
    {"HoldAtPassive", Capability::kHoldAtPassive},
    {"HalfOpenDrops", Capability::kHalfOpenDrops},
    {"BacklogControl", Capability::kBacklogControl},
    {"BreakSocket", Capability::kBreakSocket},
    {"FailAllocations", Capability::kFailAllocations},
    {"HoldAcks", Capability::kHoldAcks},
    {"Datagrams", Capability::kDatagrams},
    {"Listeners", Capability::kListeners},
    {"Ipv6", Capability::kIpv6},
    {"NoHalfOpen", Capability::kNoHalfOpen},
    {"SetReady", Capability::kSetReady},
    {"PushBit", Capability::kPushBit},
    {"Casts", Capability::kCasts},
    {"Schedule", Capability::kSchedule},
    {"FailNth", Capability::kFailNth},
};

}  // namespace

const RuleFile& All() {
  static const RuleFile* const all = [] {
    auto* parsed = new RuleFile;
    // The bytes are part of the program, so a failure is a broken build.
    if (!parsed->ParseFromArray(kCatalogueBytes, static_cast<int>(kCatalogueSize))) std::abort();
    return parsed;
  }();
  return *all;
}

const Rule& Get(RuleId id) { return All().rules(static_cast<int>(id)); }

std::optional<RuleId> Find(std::string_view name) {
  for (size_t i = 0; i < kRuleCount; ++i) {
    if (name == kRuleInfo[i].name) return static_cast<RuleId>(i);
  }
  return std::nullopt;
}

RuleSet Required() {
  RuleSet required;
  for (size_t i = 0; i < kRuleCount; ++i) {
    if (kRuleInfo[i].required) required.Add(static_cast<RuleId>(i));
  }
  return required;
}

Standing StandingOf(const Rule& rule) {
  if (rule.modelled()) return Standing::kJudged;
  if (rule.strength() == STRENGTH_MAY) return Standing::kPermission;
  if (rule.strength() == STRENGTH_OPEN) return Standing::kOpen;
  return rule.not_observable_reason().empty() ? Standing::kNotModelled : Standing::kNotObservable;
}

const char* StandingName(Standing standing) {
  switch (standing) {
    case Standing::kJudged:
      return "judged";
    case Standing::kNotModelled:
      return "not modelled";
    case Standing::kNotObservable:
      return "not observable";
    case Standing::kPermission:
      return "permission";
    case Standing::kOpen:
      return "left open";
  }
  return "";
}

uint64_t CapabilitiesOf(RuleId id) {
  uint64_t bits = 0;
  for (const std::string& name : Get(id).capabilities()) {
    for (const NamedCapability& capability : kCapabilities) {
      if (name == capability.name) bits |= static_cast<uint64_t>(capability.bit);
    }
  }
  return bits;
}

}  // namespace wskcert::catalogue
