#include "fuzz/mutator.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "fuzz/edits.h"
#include "fuzz/fit.h"
#include "fuzz/mend.h"
#include "fuzz/random.h"
#include "fuzz/steps.h"
#include "google/protobuf/stubs/logging.h"

namespace wskcert::fuzz {
namespace {

constexpr uint32_t kVersion = 1;

// One sequence in so many breaks an obligation of the client on purpose.
constexpr uint32_t kBreachOneIn = 12;

Sequence MakeBase() {
  Sequence base;
  base.set_format_version(kVersion);
  auto* steps = base.add_threads()->mutable_steps();
  Step* step = steps->Add();
  step->set_irp(0);
  step->mutable_socket_connect();
  steps->Add()->mutable_settle();
  step = steps->Add();
  for (const MaskFlag flag : {RECEIVE, DISCONNECT}) step->mutable_event_callback()->add_mask(flag);
  steps->Add()->mutable_peer_send()->set_length(100);
  steps->Add()->mutable_settle();
  step = steps->Add();
  step->set_irp(1);
  for (const MaskFlag flag : {RECEIVE, DISABLE}) step->mutable_event_callback()->add_mask(flag);
  steps->Add()->mutable_settle();
  return base;
}

}  // namespace

class Mutator::State {
 public:
  explicit State(Options options) : options_(std::move(options)) {}

  // Bytes to `work_`. False: they are no sequence of this format.
  bool Read(const uint8_t* data, size_t size) {
    if (known_ && size == last_.size() && std::memcmp(data, last_.data(), size) == 0) return true;
    known_ = false;
    work_.Clear();
    if (size > kMost || !work_.ParseFromArray(data, static_cast<int>(size))) return false;
    return work_.format_version() <= kVersion;
  }

  // `work_` to bytes. They are what is known from now on.
  size_t Write(uint8_t* data, size_t max_size) {
    const size_t size = work_.ByteSizeLong();
    if (size > max_size) return 0;
    work_.SerializeWithCachedSizesToArray(data);
    last_.assign(reinterpret_cast<const char*>(data), size);
    known_ = true;
    return size;
  }

  void Know(const uint8_t* data, size_t size) {
    last_.assign(reinterpret_cast<const char*>(data), size);
    known_ = true;
  }

  const Options& options() const { return options_; }
  // Mends what edits broke, or breaks something, and fits the result into its room.
  void Finish(const Bench& bench, size_t max_size) {
    if (options_.legality) {
      Mend(bench.random, bench.life, bench.sequence);
    } else {
      Bound(options_.choices, bench.sequence);
    }
    if (options_.breaches && bench.random->OneIn(kBreachOneIn))
      Breach(bench.random, bench.life, bench.sequence);
    Fit(max_size, bench.random, bench.sequence);
  }

  Life& life() { return life_; }
  Sequence& work() { return work_; }
  Sequence& other() { return other_; }

 private:
  static constexpr size_t kMost = size_t{1} << 30;

  const Options options_;
  Sequence work_;
  Sequence other_;
  Life life_;
  // Bytes that do not parse are nothing to tell anybody about.
  const google::protobuf::LogSilencer silencer_;
  std::string last_;  // the bytes of work_, if known_
  bool known_ = false;
};

Mutator::Mutator(Options options) : state_(std::make_unique<State>(std::move(options))) {}
Mutator::~Mutator() = default;

const Sequence& Mutator::Base() {
  static const auto* const base = new Sequence(MakeBase());
  return *base;
}

void Mutator::MutateSequence(Sequence* sequence, size_t max_size, uint32_t seed) {
  Random random(seed);
  const Bench bench = {state_->options(), &random, &state_->life(), sequence};
  state_->life().Start(*sequence);
  // Mostly one change, now and then several, so that what two of them make together is met.
  do {
    Edit(bench);
  } while (random.OneIn(3));
  state_->Finish(bench, max_size);
}

size_t Mutator::Mutate(uint8_t* data, size_t size, size_t max_size, uint32_t seed) {
  if (!state_->Read(data, size)) state_->work() = Base();
  Bound(state_->options().choices, &state_->work());
  MutateSequence(&state_->work(), max_size, seed);
  return state_->Write(data, max_size);
}

size_t Mutator::CrossOver(const uint8_t* one, size_t one_size, const uint8_t* other, size_t other_size,
                          uint8_t* out, size_t max_size, uint32_t seed) {
  Sequence& theirs = state_->other();
  if (!theirs.ParseFromArray(other, static_cast<int>(other_size)) || theirs.format_version() > kVersion) {
    theirs = Base();
  }
  if (!state_->Read(one, one_size)) state_->work() = Base();
  Random random(seed);
  Bound(state_->options().choices, &theirs);
  Bound(state_->options().choices, &state_->work());
  const Bench bench = {state_->options(), &random, &state_->life(), &state_->work()};
  state_->life().Start(state_->work());
  Splice(theirs, bench);
  state_->Finish(bench, max_size);
  return state_->Write(out, max_size);
}

const Sequence* Mutator::Decode(const uint8_t* data, size_t size) {
  if (!state_->Read(data, size)) return nullptr;
  state_->Know(data, size);
  return &state_->work();
}

}  // namespace wskcert::fuzz
