// What one sequence costs: played on the emulator, judged, and both, with 8, 32 and 128 operations.
//
// The sequence is bench::OneConnection. Counters: operations and observations per
// iteration, and nanoseconds per operation.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <iostream>

#include "bench/sequences.h"
#include "conformance/certify/testbed.h"
#include "conformance/model/judge.h"

namespace wskcert {
namespace {

// A benchmark of a run that is refused would measure something else.
void CheckAccepted(const model::Judge& judge) {
  if (!judge.refusal().refused) return;
  std::cerr << judge.Explain() << "\n";
  std::abort();
}

void Report(benchmark::State& state, size_t observations) {
  state.counters["observations"] = static_cast<double>(observations);
  state.counters["per_operation"] =
      benchmark::Counter(static_cast<double>(state.range(0)) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void BM_Play(benchmark::State& state) {
  const Program program = bench::OneConnection(static_cast<int>(state.range(0)));
  Testbed testbed;
  size_t observations = 0;
  for (auto _ : state) observations = testbed.Play(program).log.size();
  Report(state, observations);
}
BENCHMARK(BM_Play)->Arg(8)->Arg(32)->Arg(128);

void BM_Judge(benchmark::State& state) {
  const Program program = bench::OneConnection(static_cast<int>(state.range(0)));
  Testbed testbed;
  const Played& played = testbed.Play(program);
  model::Judge judge(model::Profile::kDocumented);
  for (auto _ : state) {
    judge.Start(played.capabilities);
    judge.ObserveAll(played.log.data(), played.log.size());
  }
  CheckAccepted(judge);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * played.log.size()));
  Report(state, played.log.size());
}
BENCHMARK(BM_Judge)->Arg(8)->Arg(32)->Arg(128);

void BM_PlayAndJudge(benchmark::State& state) {
  const Program program = bench::OneConnection(static_cast<int>(state.range(0)));
  Testbed testbed;
  model::Judge judge(model::Profile::kDocumented);
  size_t observations = 0;
  for (auto _ : state) {
    const Played& played = testbed.Play(program);
    judge.Start(played.capabilities);
    judge.ObserveAll(played.log.data(), played.log.size());
    observations = played.log.size();
  }
  CheckAccepted(judge);
  Report(state, observations);
}
BENCHMARK(BM_PlayAndJudge)->Arg(8)->Arg(32)->Arg(128);

}  // namespace
}  // namespace wskcert

BENCHMARK_MAIN();
