// What a mutation costs, and the conversions from and to bytes beside it, at 8, 32 and 128 operations.
//
// Each iteration mutates a sequence of that length; that it is put back afterwards is not counted.
#include <benchmark/benchmark.h>

#include <chrono>
#include <string>

#include "conformance/certify/compile.h"
#include "fuzz/mutator.h"

namespace wskcert {
namespace {

// One connection: its callbacks enabled and disabled in turn, data, receives and settles in between.
Sequence OneConnection(int64_t operations) {
  Sequence sequence;
  sequence.set_format_version(1);
  auto* steps = sequence.add_threads()->mutable_steps();
  steps->Add()->set_irp(0);
  steps->Mutable(0)->mutable_socket_connect();
  steps->Add()->mutable_settle();
  for (int64_t n = 2; n < operations; ++n) {
    Step* step = steps->Add();
    const bool disables = n % 8 == 5;
    switch (n % 4) {
      case 1:
        if (disables) step->set_irp(static_cast<uint32_t>(1 + n % 4));
        step->mutable_event_callback()->add_mask(RECEIVE);
        if (disables) step->mutable_event_callback()->add_mask(DISABLE);
        break;
      case 2:
        step->mutable_peer_send()->set_length(64);
        break;
      case 3:
        step->set_irp(static_cast<uint32_t>(1 + n % 4));
        step->mutable_receive()->set_length(64);
        break;
      default:
        step->mutable_settle();
    }
  }
  return sequence;
}

fuzz::Mutator::Options Options() {
  fuzz::Mutator::Options options;
  for (const NamedChoice& choice : EmulatorChoices()) options.choices.push_back(choice.name);
  return options;
}

void BM_Mutate(benchmark::State& state) {
  fuzz::Mutator mutator(Options());
  const Sequence original = OneConnection(state.range(0));
  Sequence sequence;
  uint32_t seed = 0;
  for (auto _ : state) {
    sequence = original;
    const auto begin = std::chrono::steady_clock::now();
    mutator.MutateSequence(&sequence, 1 << 16, ++seed);
    const auto end = std::chrono::steady_clock::now();
    state.SetIterationTime(std::chrono::duration<double>(end - begin).count());
  }
}
BENCHMARK(BM_Mutate)->Arg(8)->Arg(32)->Arg(128)->UseManualTime();

void BM_Parse(benchmark::State& state) {
  const std::string bytes = OneConnection(state.range(0)).SerializeAsString();
  Sequence sequence;
  for (auto _ : state) benchmark::DoNotOptimize(sequence.ParseFromString(bytes));
  state.SetBytesProcessed(static_cast<int64_t>(bytes.size()) * static_cast<int64_t>(state.iterations()));
}
BENCHMARK(BM_Parse)->Arg(8)->Arg(32)->Arg(128);

void BM_Serialize(benchmark::State& state) {
  const Sequence sequence = OneConnection(state.range(0));
  std::string bytes;
  for (auto _ : state) benchmark::DoNotOptimize(sequence.SerializeToString(&bytes));
}
BENCHMARK(BM_Serialize)->Arg(8)->Arg(32)->Arg(128);

// From bytes to bytes, as libFuzzer calls it: parsed, bounded, mutated, fitted, written.
void BM_MutateBytes(benchmark::State& state) {
  fuzz::Mutator mutator(Options());
  const std::string original = OneConnection(state.range(0)).SerializeAsString();
  std::string bytes;
  uint32_t seed = 0;
  for (auto _ : state) {
    bytes.assign(original);
    bytes.resize(4096);
    benchmark::DoNotOptimize(
        mutator.Mutate(reinterpret_cast<uint8_t*>(bytes.data()), original.size(), bytes.size(), ++seed));
  }
}
BENCHMARK(BM_MutateBytes)->Arg(8)->Arg(32)->Arg(128);

}  // namespace
}  // namespace wskcert

BENCHMARK_MAIN();
