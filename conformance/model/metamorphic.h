// Changes of an accepted trace that it must survive: they take knowledge away from the observer, or replace
// what was seen by something that means the same.
//
// A call's interval lies around the provider's own and may be wider; a callback's lies inside it and may be
// narrower (docs/time.md). Bytes may come in two indications instead of one, a completion later, as long as
// nothing depends on it, and several events may be enabled by several requests instead of one. A
// false accusation that such a change brings about is a defect of the judge.
#ifndef WSKCERT_CONFORMANCE_MODEL_METAMORPHIC_H_
#define WSKCERT_CONFORMANCE_MODEL_METAMORPHIC_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "conformance/executor/format.h"

namespace wskcert::model {

enum class Relation : uint8_t {
  kExchange,         // one call widened, or one callback narrowed, by one observation
  kSplitIndication,  // one WskReceiveEvent becomes two
  kDelayCompletion,  // a completion comes as late as it may
  kSplitEnable,      // one request becomes one for each event
};
inline constexpr Relation kRelations[] = {Relation::kExchange, Relation::kSplitIndication,
                                          Relation::kDelayCompletion, Relation::kSplitEnable};
const char* NameOf(Relation relation);

// Calls visit(changed log, index of what was changed) for every way to change the log so, in order.
void ForEachVariant(const std::vector<Observation>& log, Relation relation,
                    const std::function<void(const std::vector<Observation>&, size_t)>& visit);

}  // namespace wskcert::model

#endif  // WSKCERT_CONFORMANCE_MODEL_METAMORPHIC_H_
