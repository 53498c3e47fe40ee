#include "conformance/suite/suite.h"

#include <cstddef>

namespace wskcert {
namespace suite_internal {
extern const unsigned char kBytes[];
extern const std::size_t kSize;
}  // namespace suite_internal

const std::string& CuratedSuiteBytes() {
  static const std::string* const bytes =
      new std::string(reinterpret_cast<const char*>(suite_internal::kBytes), suite_internal::kSize);
  return *bytes;
}

const Suite& CuratedSuite() {
  static const Suite* const suite = [] {
    auto* parsed = new Suite;
    parsed->ParseFromString(CuratedSuiteBytes());
    return parsed;
  }();
  return *suite;
}

}  // namespace wskcert
