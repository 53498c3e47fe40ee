// Where the judge allows more than disable.pml, with the reason why it may. Where it is the stricter one of
// the two there is no excuse: it would accuse what a reading of the pages allows.
#ifndef WSKCERT_CONFORMANCE_MODEL_PROMELA_DIFFERENCES_H_
#define WSKCERT_CONFORMANCE_MODEL_PROMELA_DIFFERENCES_H_

#include <string>

namespace wskcert::model::promela {

struct Difference {
  const char* name;
  const char* why;
  // Whether it explains that the judge allows the last label of a trace (alphabet.h).
  bool (*explains)(const std::string& trace);
};

inline constexpr int kDifferenceCount = 6;
extern const Difference kDifferences[kDifferenceCount];

}  // namespace wskcert::model::promela

#endif  // WSKCERT_CONFORMANCE_MODEL_PROMELA_DIFFERENCES_H_
