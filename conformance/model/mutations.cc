#include "conformance/model/mutations.h"

#include <optional>
#include <utility>

#include "conformance/model/mutator.h"

namespace wskcert::model {
namespace {

struct Search {
  Judge* judge;
  uint64_t capabilities;
  RuleId rule;
  std::optional<Mutant> found;
};

bool RefusedByName(void* context, Log& log, const std::string& change) {
  auto* search = static_cast<Search*>(context);
  search->judge->Start(search->capabilities);
  search->judge->ObserveAll(log.data(), log.size());
  const Refusal& refusal = search->judge->refusal();
  for (size_t i = 0; i < refusal.blamed_count; ++i) {
    if (refusal.blamed[i] != search->rule) continue;
    search->found = Mutant{std::move(log), change, refusal.index};
    return true;
  }
  return false;
}

}  // namespace

const char* NameOf(Mutation mutation) {
  constexpr const char* kNames[kMutationCount] = {"status",
                                                  "drop-completion",
                                                  "drop-callback",
                                                  "duplicate-completion",
                                                  "early-completion",
                                                  "insert-callback",
                                                  "argument",
                                                  "content",
                                                  "context",
                                                  "failed-receive",
                                                  "ending",
                                                  "no-function",
                                                  "sight",
                                                  "drop-sight",
                                                  "deliver",
                                                  "abort",

                                                  "return",
                                                  "client-event"};
  return kNames[static_cast<size_t>(mutation)];
}

bool ForEachMutant(const Observation* log, size_t count, Mutation mutation, Visit visit, void* context) {
  return Mutator(log, count, visit, context).Run(mutation);
}

std::optional<Mutant> ConfirmBite(const Observation* log, size_t count, uint64_t capabilities, RuleId rule,
                                  Judge& judge) {
  Search search = {&judge, capabilities, rule, std::nullopt};
  for (uint8_t i = 0; i < kMutationCount && !search.found.has_value(); ++i) {
    ForEachMutant(log, count, static_cast<Mutation>(i), RefusedByName, &search);
  }
  return std::move(search.found);
}

}  // namespace wskcert::model
