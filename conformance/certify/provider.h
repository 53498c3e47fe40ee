// A provider under test: something that plays a program and gives back what a client saw.
//
// A provider may crash, hang, flood the log or lie. Play() survives all of it: the case is played in a
// process of its own, the log lies in memory that outlives that process, and a watchdog ends what does not
// end by itself.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_PROVIDER_H_
#define WSKCERT_CONFORMANCE_CERTIFY_PROVIDER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "conformance/certify/child_player.h"
#include "conformance/certify/compile.h"
#include "conformance/certify/silences.h"
#include "conformance/certify/testbed.h"
#include "conformance/executor/format.h"

namespace wskcert {

// What a certificate says about who was certified.
struct ProviderIdentity {
  std::string name;
  std::string version;
  std::string sha256;  // of its binary, in hexadecimal; empty: there is none of its own
  std::string host;    // what it ran on; empty: this process
};

class Provider {
 public:
  virtual ~Provider() = default;
  // As the command line spells it: "emulator", "saboteur:NAME", "exec:COMMAND".
  virtual const std::string& name() const = 0;
  virtual std::vector<NamedChoice> choices() const = 0;
  virtual uint64_t capabilities() const = 0;
  // An error only if nothing could be played at all for reasons of ours (no memory, no process).
  virtual absl::StatusOr<PlayResult> Play(const Program& program) = 0;
  // The same, with what only a provider outside this process wants to know: what is played, for its own
  // reports, and how many times longer than usual silence is to be awaited.
  virtual absl::StatusOr<PlayResult> PlayCase(const Program& program, const std::string& case_name,
                                              uint32_t settle_scale) {
    return Play(program);
  }
  // By default: its name, at this version of the tool.
  virtual ProviderIdentity identity() const;
  // The options, beyond the provider's name, with which the command line repeats what Play did last; empty,
  // or beginning with a space.
  virtual std::string again() const { return ""; }

  // Whether one host plays all cases, so that a case may spoil those after it.
  virtual bool shares_host() const { return false; }
  // Ends the host, if there is one; the next play has a new one. What the host did wrong after its last
  // answer, or empty.
  virtual std::string Part() { return ""; }

  // Where something is missing after silence that was only timed: why the case that was played last is not to
  // be played again, with more time. Empty: it is.
  virtual std::string WhyNotTimeAnew(const Silences::Missed& missed) { return ""; }
  // It was, and the same was missing `again`, or was not.
  virtual void TimedAnew(const Silences::Missed& missed, const std::string& case_name, bool again) {}
};

// A provider whose host may be slow: keeps what that was awaited for in vain.
class TimedProvider : public Provider {
 public:
  std::string WhyNotTimeAnew(const Silences::Missed& missed) override { return silences_.WhyNot(missed); }
  void TimedAnew(const Silences::Missed& missed, const std::string& case_name, bool again) override {
    silences_.Timed(missed, case_name, again);
  }

 private:
  Silences silences_;
};

// What a play on the emulator in this process came to.
PlayResult ResultOf(const Played& played);

struct ProviderOptions {
  // After this a case counts as hung.
  absl::Duration timeout = absl::Seconds(10);
  // Plays in this process: faster, but a crash is a crash of ours, and nothing ends what hangs.
  bool in_process = false;
  uint32_t log_capacity = 1u << 16;
  Scheduler scheduler = Scheduler::kFibers;
  uint64_t seed = 0;            // With Scheduler::kThreads: of the first Play; the next has the next number.
  bool random_choices = false;  // With Scheduler::kThreads.
};

// A line each: name and what it is.
struct ProviderInfo {
  std::string name;
  std::string what;
  std::string breaks;  // the rule, for saboteurs
};
std::vector<ProviderInfo> ListProviders();

// The provider of that name. The error says which names there are.
absl::StatusOr<std::unique_ptr<Provider>> MakeProvider(const std::string& name,
                                                       const ProviderOptions& options);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_PROVIDER_H_
