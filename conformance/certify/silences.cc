#include "conformance/certify/silences.h"

#include "absl/strings/str_cat.h"
#include "conformance/certify/timed.h"

namespace wskcert {

void Silences::Timed(const Missed& missed, const std::string& case_name, bool again) {
  Record& record = records_[missed];
  if (!again) {
    record = Record();
    return;
  }
  ++record.in_a_row;
  absl::StrAppend(&record.cases, record.cases.empty() ? "" : ", ", case_name);
}

std::string Silences::WhyNot(const Missed& missed) const {
  const auto found = records_.find(missed);
  if (found == records_.end() || found->second.in_a_row < kEnough) return "";
  return absl::StrCat("not timed anew: the same was missing again after ", kLongSettleScale,
                      " times as long in ", found->second.cases);
}

}  // namespace wskcert
