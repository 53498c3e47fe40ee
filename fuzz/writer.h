// Writes steps and scripts at one place of a sequence, knowing what lives there.
#ifndef WSKCERT_FUZZ_WRITER_H_
#define WSKCERT_FUZZ_WRITER_H_

#include <cstdint>
#include <string>

#include "fuzz/life.h"
#include "fuzz/random.h"
#include "proto/sequence.pb.h"

namespace wskcert::fuzz {

using Steps = google::protobuf::RepeatedPtrField<Step>;

// Room for a step at `at`.
Step* InsertStep(Steps* steps, int at);

class Writer {
 public:
  // Writes into `steps` of `sequence` from `at` on; `life` is what lives there, and follows. `later`: nobody
  // knows when these steps come, because they are a script's.
  Writer(Sequence* sequence, Steps* steps, int at, bool later, Life* life, Random* random)
      : sequence_(sequence), steps_(steps), at_(at), later_(later), life_(life), random_(random) {}
  ~Writer() { Done(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  Life& life() {
    Done();
    return *life_;
  }
  Random& random() { return *random_; }
  bool later() const { return later_; }
  int at() const { return at_; }
  Sequence* sequence() { return sequence_; }

  // The next step; and with an IRP that is free there. Filled in by the caller before the next call of any
  // function.
  Step* Add();
  Step* Call();

  void Settle() {
    if (!later_) Add()->mutable_settle();
  }
  // Nearly always; what is left out makes a race.
  void Calm() {
    if (!random_->OneIn(8)) Settle();
  }

  Script* NewScript(EventName event, int socket);
  // As if written inside `script`.
  Writer Inside(Script* script) {
    return Writer(sequence_, script->mutable_steps(), script->steps_size(), true, &life(), random_);
  }

  // ---- What idioms are made of
  void Enable(int socket, uint32_t mask);
  void Disable(int socket, uint32_t flag, bool with_irp);
  void Close(int socket);
  void PeerSend(int peer);
  void Datagram(int peer, int socket);
  void PeerConnect(int socket, int peer);
  void Receive(int socket);
  void Await(int hold) {
    if (!later_) Add()->mutable_await_hold()->set_target(static_cast<uint32_t>(hold));
  }
  void ReleaseHold(int hold) { Add()->mutable_release_hold()->set_target(static_cast<uint32_t>(hold)); }

  uint32_t Length();

 private:
  void Done();

  Sequence* const sequence_;
  Steps* const steps_;
  int at_;
  const bool later_;
  Life* const life_;
  Random* const random_;
  Step* open_ = nullptr;  // added, and perhaps not yet filled in
};

// The events of a category, some of them: at least one.
uint32_t SomeOf(uint32_t mask, Random* random);
// Fixes a choice, or changes what it is fixed to.
void FixChoice(const std::string& name, uint32_t value, Schedule* schedule);
void AddMask(uint32_t mask, google::protobuf::RepeatedField<int>* flags);

}  // namespace wskcert::fuzz

#endif  // WSKCERT_FUZZ_WRITER_H_
