// The model walking by itself.
//
// A walk is a trace in which a client that keeps its obligations does things at random, and the provider is
// the judge: after every step the walker offers it each output that a provider could think of, notes which of
// them it would accept, and goes on with one of those. So a walk shows what the model allows, not what some
// provider happens to do.
//
//   Walker walker(Universe::kConnection, seed);
//   walker.Walk(40, [&](const std::string& output) { allowed.insert(output); });
//   TraceText(walker.log().data(), walker.log().size());     // one trace, accepted to its end
//
// An output is named by OutputName(): what it is, and what is known of the callback or call that it concerns;
// numbers are left out. The same names are given to what real providers show, so the two can be compared:
// an output that the model allows and no provider was ever seen to give is either left open by the pages or
// not forbidden by mistake. Each of them is explained in unwitnessed.txt (certify/walk_test.cc compares).
//
// Not for several threads. The same universe and seed give the same walk.
#ifndef WSKCERT_CONFORMANCE_MODEL_WALK_H_
#define WSKCERT_CONFORMANCE_MODEL_WALK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "conformance/executor/format.h"
#include "conformance/model/judge.h"

namespace wskcert::model {

// What the walk is about: the sockets that exist when it begins.
enum class Universe : uint8_t {
  kConnection,   // a connected socket
  kListener,     // a listening socket
  kConditional,  // a listening socket in conditional-accept mode
  kDatagram,     // a datagram socket
};
inline constexpr Universe kUniverses[] = {Universe::kConnection, Universe::kListener, Universe::kConditional,
                                          Universe::kDatagram};
const char* NameOf(Universe universe);

// What `output`, about to be observed by a judge that has seen the log so far, is called; empty if it is no
// output of the provider. `log` holds the observations before it, for those that it refers to.
std::string OutputName(const Judge& judge, const std::vector<Observation>& log, const Observation& output);

class Walker {
 public:
  Walker(Universe universe, uint32_t seed);

  // Takes `steps` steps from the beginning. Calls `allowed` with the name of every output that the judge
  // would have accepted on the way.
  void Walk(size_t steps, const std::function<void(const std::string&)>& allowed);

  // The trace of the last walk: accepted by the judge up to its end, which is not an end of the run.
  const std::vector<Observation>& log() const { return log_; }

 private:
  // One thing that could be seen next: an observation, perhaps with others that belong to it.
  using Candidate = std::vector<Observation>;

  struct OpenCall {
    uint32_t begin;
    Op op;
    uint16_t irp;
    uint8_t thread;
  };
  struct Outstanding {
    uint32_t begin;
    Op op;
    uint16_t irp;
    uint16_t socket;
    uint32_t length;
    uint8_t thread;
  };
  struct RunningCall {
    uint32_t begin;
    Event event;
    uint16_t socket;
    uint16_t peer;
    uint8_t thread;
    uint32_t length;
    bool held;
    bool nothing;
  };
  struct Peer {
    bool asked = false, taken = false;
  };

  bool Chance(uint32_t percent) { return random_() % 100 < percent; }
  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }

  void Begin();
  bool Accepted(const Candidate& candidate, std::string* name);
  bool Breached();
  void Append(const Candidate& candidate);
  void Follow(const Observation& o, uint32_t index);

  // walk_inputs.cc: what the client and the network do.
  void Input();
  void Call(uint8_t thread, uint32_t enclosing);
  void ConnectionCall(Observation* o);
  void ListenerCall(Observation* o);
  void DatagramCall(Observation* o);
  void EventCall(Observation* o);
  void Stimulus();
  void EndCallback(size_t which);
  void Do(Observation o);
  bool ThreadBusy(uint8_t thread) const;

  // walk_outputs.cc: what a provider could show.
  std::vector<Candidate> Outputs();
  void Returns(std::vector<Candidate>* all) const;
  void Completions(std::vector<Candidate>* all) const;
  void Callbacks(std::vector<Candidate>* all) const;
  void Sights(std::vector<Candidate>* all) const;
  void Silence(std::vector<Candidate>* all) const;
  Observation CallbackOf(Event event, uint16_t socket) const;
  uint8_t FreeThread() const;

  Universe universe_;
  uint32_t seed_;
  std::mt19937 random_;
  Judge judge_;
  std::vector<Observation> log_;
  std::vector<OpenCall> calls_;
  std::vector<Outstanding> irps_;
  std::vector<RunningCall> running_;
  Peer peers_[4];
  uint16_t next_irp_ = 0;
  uint16_t next_socket_ = 1;
  uint16_t inspected_[4] = {};  // inspect slot -> peer
  uint16_t inspects_ = 0;
  uint16_t retained_ = 0;  // lists that the client has not released, the latest slot first
  uint64_t sent_ = 0;      // bytes or datagrams' bytes sent to socket 0
  uint64_t taken_ = 0;     // ... that it has taken
  uint64_t given_ = 0;     // bytes that socket 0 sent
  uint64_t seen_ = 0;      // ... that its peer saw
  uint32_t backlog_ = 0;
  bool closing_ = false;
  bool connected_ = true;  // the connection of socket 0 goes on, as far as the network is concerned
};

}  // namespace wskcert::model

#endif  // WSKCERT_CONFORMANCE_MODEL_WALK_H_
