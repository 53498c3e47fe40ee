#include "conformance/model/promela/differences.h"

#include <algorithm>
#include <vector>

#include "conformance/model/promela/alphabet.h"

namespace wskcert::model::promela {

namespace {

constexpr int kOpen = -1;
constexpr int kPending = 1;
constexpr int kEventPending = 2;
constexpr int kFailure = 3;

// A request of a trace, by the places of its labels in it.
struct Request {
  Label label;
  size_t begin = 0;
  size_t end = std::string::npos;  // of its return
  int status = kOpen;
  int irp = 0;
};

std::vector<Request> RequestsOf(const std::string& trace) {
  std::vector<Request> requests;
  int irps = 0;
  for (size_t i = 0; i < trace.size(); ++i) {
    const Label label = LabelOf(trace[i] - '@');
    if (label.kind <= Kind::kDisableIrp) {
      requests.push_back({label, i, std::string::npos, kOpen, label.kind == Kind::kDisableIrp ? ++irps : 0});
    } else if (label.kind == Kind::kReturn) {
      for (size_t k = requests.size(); k-- > 0;) {
        if (requests[k].label.thread != label.thread) continue;
        requests[k].end = i;
        requests[k].status = label.status;
        break;
      }
    }
  }
  return requests;
}

// The request that the last label, a return or a completion, is about.
const Request* Concerned(const std::vector<Request>& requests, const std::string& trace) {
  const Label last = LabelOf(trace.back() - '@');
  for (const Request& request : requests) {
    if (last.kind == Kind::kReturn && request.end + 1 == trace.size()) return &request;
    if (last.kind == Kind::kComplete && request.irp == last.number) return &request;
  }
  return nullptr;
}

// A call of the callback begins between the begin of the request and its return.
bool CallBegins(const std::string& trace, const Request& request) {
  for (size_t i = request.begin; i < std::min(request.end, trace.size()); ++i) {
    if (LabelOf(trace[i] - '@').kind == Kind::kBegin) return true;
  }
  return false;
}

// The last label is the failure of an IRP whose request has not returned yet.
bool FailsBeforeReturn(const std::string& trace) {
  const Label last = LabelOf(trace.back() - '@');
  const std::vector<Request> requests = RequestsOf(trace);
  const Request* request = Concerned(requests, trace);
  return last.kind == Kind::kComplete && last.status == 1 && request != nullptr && request->status == kOpen;
}

// Two requests have been under way at the same time.
bool Overlap(const std::string& trace) {
  const std::vector<Request> requests = RequestsOf(trace);
  for (size_t i = 0; i + 1 < requests.size(); ++i) {
    for (size_t k = i + 1; k < requests.size(); ++k) {
      if (requests[k].begin < requests[i].end) return true;
    }
  }
  return false;
}

// A request to enable begins while a disable waits, or might.
bool EnableWhileDisableWaits(const std::string& trace) {
  for (const Request& disable : RequestsOf(trace)) {
    if (disable.status != kPending && disable.status != kEventPending) continue;
    for (size_t i = disable.end + 1; i < trace.size(); ++i) {
      const Label label = LabelOf(trace[i] - '@');
      if (label.kind == Kind::kEnable) return true;
      if (label.kind == Kind::kComplete && label.number == disable.irp) break;
    }
  }
  return false;
}

// A request has failed earlier; or an enable now, and a call began during it.
bool RequestFailed(const std::string& trace) {
  for (const Request& request : RequestsOf(trace)) {
    if (request.status != kFailure) continue;
    if (request.end + 1 != trace.size()) return true;
    if (request.label.kind == Kind::kEnable && CallBegins(trace, request)) return true;
  }
  return false;
}

// The last label is the return of a disable, or the completion of its IRP, and a call began during it.
bool CallBeganDuringDisable(const std::string& trace) {
  const std::vector<Request> requests = RequestsOf(trace);
  const Request* request = Concerned(requests, trace);
  return request != nullptr && request->label.kind != Kind::kEnable && CallBegins(trace, *request);
}

// The last label begins the call for an event that was not told of at an earlier quiescence.
bool ToldAfterQuiet(const std::string& trace) {
  const Label last = LabelOf(trace.back() - '@');
  if (last.kind != Kind::kBegin) return false;
  int events = 0;
  for (const char c : trace) {
    const Kind kind = LabelOf(c - '@').kind;
    events += kind == Kind::kEvent ? 1 : 0;
    if (kind == Kind::kQuiet && events >= last.number) return true;
  }
  return false;
}

}  // namespace

const Difference kDifferences[kDifferenceCount] = {
    {"failure before the return",
     "An IRP fails before its request returns: whether an error was open is known, and judged, at the "
     "return.",
     FailsBeforeReturn},
    {"requests that overlap",
     "Two requests at the same time: the judge keeps whatever any order of their steps could explain.",
     Overlap},
    {"a request that failed",
     "The judge does not conclude from a failure what was enabled; and an enable may have been in force "
     "until it "
     "failed.",
     RequestFailed},
    {"an enable while a disable waits",
     "Which of the two has the last word is open, and the judge does not conclude it from later outcomes.",
     EnableWhileDisableWaits},
    {"a call that began during a disable",
     "Where the outcome of a disable is open, the judge does not conclude from a call in between what came "
     "first.",
     CallBeganDuringDisable},
    {"told after quiet",
     "An event that came while a request enabled the callback, and was not told of by the next quiescence: "
     "what may "
     "wake it the pages do not say.",
     ToldAfterQuiet},
};

}  // namespace wskcert::model::promela
