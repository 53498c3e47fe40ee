// What one host was awaited for in vain.
//
// Where something is missing after silence that was only timed, the case is played again with ten times the
// bounds (timed.h). A function that never completes its IRP would cost that time in every case that calls it.
// So once the same thing was missing again in several cases, one after the other, cases that miss it as well
// are not timed anew: they are inconclusive, and say so. What makes a rule red was always timed twice.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_SILENCES_H_
#define WSKCERT_CONFORMANCE_CERTIFY_SILENCES_H_

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "conformance/model/judge.h"

namespace wskcert {

class Silences {
 public:
  // So many cases in a row, each with what was missing again after the longer time.
  static constexpr uint32_t kEnough = 3;

  // What did not come: the rule that demands it, and the event or function, of a judge's refusal.
  class Missed {
   public:
    explicit Missed(const model::Refusal& refusal)
        : what_(refusal.blamed[0], refusal.missing, refusal.missing_what) {}
    bool operator<(const Missed& other) const { return what_ < other.what_; }
    bool operator==(const Missed& other) const { return what_ == other.what_; }

   private:
    std::tuple<RuleId, model::Refusal::Missing, uint16_t> what_;
  };

  // A case was timed anew for it: was it missing again? If it came, the host was slow, and is given time
  // again from then on.
  void Timed(const Missed& missed, const std::string& case_name, bool again);

  // Why it is not awaited any longer; empty: it is.
  std::string WhyNot(const Missed& missed) const;

 private:
  struct Record {
    uint32_t in_a_row = 0;
    std::string cases;
  };
  std::map<Missed, Record> records_;
};

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_SILENCES_H_
