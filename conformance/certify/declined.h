// Which requests a provider declines: it answers "not supported" where a page lets it.
//
// A provider cannot be brought to rules about what it declines, so their verdict is `declined`. It has to do
// so each time: what is granted even once is there, and its rules are to be shown. Only the traces count.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_DECLINED_H_
#define WSKCERT_CONFORMANCE_CERTIFY_DECLINED_H_

#include <string>

#include "conformance/certify/run_case.h"
#include "proto/rules.pb.h"

namespace wskcert {

// For people: "WskReceive with WSK_FLAG_WAITALL".
const char* DeclinableText(Declinable request);

class Declined {
 public:
  // Looks at what a judged run says; of a refused one, at what came before the refusal.
  void Add(const CaseRun& run);

  // The first case, by name, in which the request was declined; empty if it never was, or was granted
  // somewhere.
  std::string In(Declinable request) const;

 private:
  struct Answers {
    bool granted = false;
    std::string declined_in;
  };
  Answers answers_[Declinable_ARRAYSIZE];
};

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_DECLINED_H_
