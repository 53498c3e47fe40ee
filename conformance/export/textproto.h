// A case as people write it: one step a line, slots named even where they are 0, comments.
#ifndef WSKCERT_CONFORMANCE_EXPORT_TEXTPROTO_H_
#define WSKCERT_CONFORMANCE_EXPORT_TEXTPROTO_H_

#include <map>
#include <string>

#include "proto/sequence.pb.h"

namespace wskcert {

struct CaseComments {
  // Above everything; may have several lines.
  std::string head;
  // Above a step, by its number in the compiled program: threads first, then scripts, without the steps that
  // have no operation.
  std::map<int, std::string> steps;
};

// The text form of a case: what a file of the suite holds. Parsing it gives the same case again, but for
// unknown fields and for steps without an operation.
std::string CaseAsText(const Case& body, const CaseComments& comments);

// One step, as in "irp: 0 socket_connect { socket: 0 peer: 0 }".
std::string StepAsText(const Step& step);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_EXPORT_TEXTPROTO_H_
