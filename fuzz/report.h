// How a target tells of a finding, and how it tells that it is getting on.
#ifndef WSKCERT_FUZZ_REPORT_H_
#define WSKCERT_FUZZ_REPORT_H_

#include <string>

#include "fuzz/differential.h"
#include "proto/sequence.pb.h"

namespace wskcert::fuzz {

// The finding as text: story, a line of the form in which ClusterFuzz knows a failed check (with a fixed
// date, so that the same input gives the same bytes), and the sequence as a case for the suite.
std::string ReportText(const Finding& finding, const Sequence& sequence);

// Prints that to stderr and aborts. Call it on the main stack, never inside a run.
[[noreturn]] void Report(const Finding& finding, const Sequence& sequence);

// The same without a sequence: for the targets whose inputs are other things. `file` names the target's
// source.
[[noreturn]] void Fail(const char* file, const std::string& rule, const std::string& story);

// Prints the tally to stderr, one line that ci/fuzz reads, after 1,024, 2,048, 4,096, ... executions up to
// 65,536 and then after every 65,536.
void ReportProgress(const Tally& tally);

}  // namespace wskcert::fuzz

#endif  // WSKCERT_FUZZ_REPORT_H_
