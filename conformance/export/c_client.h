// A sequence as a WSK client in C: a driver that makes the same calls, with what was seen beside them.
//
// The file is to be compiled as a driver's source over implementations/include, with the kit (kit/kit.h), and
// hosted by exported_host, which compares what it sees with what was seen here (docs/minimise_and_export.md).
#ifndef WSKCERT_CONFORMANCE_EXPORT_C_CLIENT_H_
#define WSKCERT_CONFORMANCE_EXPORT_C_CLIENT_H_

#include <string>
#include <vector>

#include "conformance/certify/provider.h"
#include "conformance/certify/run_case.h"
#include "proto/sequence.pb.h"

namespace wskcert {

struct CClient {
  std::string text;
  // What of the sequence is not in the C form, a line each; the text says it as well.
  std::vector<std::string> left_out;
};

// `run` is how `body` was played on `provider`, which compiled it to `program`.
CClient ExportAsC(const Case& body, const Program& program, const CaseRun& run, const Provider& provider);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_EXPORT_C_CLIENT_H_
