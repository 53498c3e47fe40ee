// Traces as text: how they are shown to people, and how hand-labelled ones are written.
//
// One observation a line: what it is, what it names, then fields, in any order. Labels (`@name`) stand for
// the index of the observation that begins something.
//
//   connected socket=0 peer=0                              the calls that make a connected socket, then quiet
//   listening socket=0      datagrams socket=0             ... a bound listening or datagram socket
//   call event_callback socket=0 mask=RECEIVE @c           kCallBegin; irp=N passes an IRP
//   return @c SUCCESS                                      kCallEnd
//   complete @c SUCCESS information=0 @done                kCompletion of the IRP that the call passed
//   completion-end @done                                   kCompletionEnd
//   event receive socket=0 bytes=0+10 flags=0 @r           kCallbackBegin; bytes=OFFSET+LENGTH of the stream
//   node @r bytes=0+5                                      kCallbackNode
//   end @r SUCCESS                                         kCallbackEnd; accepted=N for a partial acceptance,
//                                                          target=N for the accepted socket
//   do peer_send socket=0 peer=0 bytes=0+10                kStimulusBegin and kStimulusEnd; `begin` / `done
//   @s` apart quiet            quiet timed                           kQuiescence held @r hold=0   unheld @r
//   hold=0   hold-refused @r    kHeld, kUnheld, kHoldRefused retained @r bytes=0+10 content=exact
//   kRetainedRead saw data peer=0 bytes=0+3                              kPeerSaw skip send socket=0 reason=3
//   kSkip fault bad-context receive                              kFault finish           finish bug-check
//   kEnd
//
// `client=N` is the client of a call that concerns one, `subset=N` a set of dispatch pointers; on the return
// of SIO_WSK_QUERY_INSPECT_ID the number of the id. `id=N` is that number on inspect and abort events,
// `value=N` what a query returned. Every line also takes irql=N, thread=N, inside=@label (the enclosing
// observation) and step=N. Statuses, event masks and flags are written by name, or as numbers. `#` begins a
// comment.
#ifndef WSKCERT_CONFORMANCE_MODEL_TRACE_TEXT_H_
#define WSKCERT_CONFORMANCE_MODEL_TRACE_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/executor/format.h"

namespace wskcert::model {

// A trace file: header lines up to a line `---`, then observations.
//
//   rule NAME            the rule that the trace is about
//   expect accept        or: expect refuse. The refused observation's line begins with `!`
//   exercises NAME...    rules that an accepted trace exercises (besides `rule`)
//   profile windows      default: documented
//   capabilities N       default: all
//   because TEXT         why the page says so
struct TraceFile {
  std::string rule;
  bool accept = true;
  bool windows = false;
  uint64_t capabilities = ~uint64_t{0};
  std::vector<std::string> exercises;
  std::string because;
  std::vector<Observation> log;
  std::optional<uint32_t> refused_at;
};

// An observation of a kind that names nothing: to be filled in.
Observation BlankObservation(Seen kind);

// nullopt, and one line in `error`, if the text cannot be read.
std::optional<TraceFile> ParseTrace(std::string_view text, std::string* error);

// One observation as a line that ParseTrace reads. `index`: its place in the log, used as the label of what
// it begins.
std::string ObservationText(const Observation& observation, uint32_t index);

// The whole log, indented by nesting.
std::string TraceText(const Observation* log, size_t count);

// Names of statuses, for other printing too: "STATUS_" left out, or a number.
std::string StatusText(Status status);

}  // namespace wskcert::model

#endif  // WSKCERT_CONFORMANCE_MODEL_TRACE_TEXT_H_
