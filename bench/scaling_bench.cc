// Whether costs stay flat: for one operation from 10 to 10,000 of them, for one operation on one of 1 to
// 1,000 sockets, and memory over many runs.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <cstdlib>
#include <fstream>
#include <iostream>

#include "bench/sequences.h"
#include "conformance/certify/testbed.h"
#include "conformance/model/judge.h"

namespace wskcert {
namespace {

Testbed::Options RoomyOptions() {
  Testbed::Options options;
  options.log_capacity = 1u << 18;
  return options;
}

// What a run performs: the program's calls, stimuli and settles, and those of its set-up and tear-down.
size_t Performed(const Played& played) {
  size_t count = 0;
  for (const Observation& o : played.log) {
    const Seen kind = static_cast<Seen>(o.kind);
    if (kind == Seen::kCallBegin || kind == Seen::kStimulusBegin || kind == Seen::kQuiescence) ++count;
  }
  return count;
}

void PlayAndJudge(benchmark::State& state, const Program& program) {
  Testbed testbed(RoomyOptions());
  model::Judge judge(model::Profile::kDocumented);
  size_t observations = 0;
  const size_t performed = Performed(testbed.Play(program));
  for (auto _ : state) {
    const Played& played = testbed.Play(program);
    judge.Start(played.capabilities);
    judge.ObserveAll(played.log.data(), played.log.size());
    observations = played.log.size();
    if (played.ending != Ending::kFinished || judge.refusal().refused) {
      std::cerr << played.report << "\n" << judge.Explain() << "\n";
      std::abort();
    }
  }
  const auto per = [&](double operations) {
    return benchmark::Counter(operations * static_cast<double>(state.iterations()),
                              benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  };
  state.counters["steps"] = static_cast<double>(program.header().steps);
  state.counters["performed"] = static_cast<double>(performed);
  state.counters["observations"] = static_cast<double>(observations);
  state.counters["per_step"] = per(program.header().steps);
  state.counters["per_performed"] = per(static_cast<double>(performed));
  state.counters["per_observation"] = per(static_cast<double>(observations));
}

void BM_Operations(benchmark::State& state) {
  PlayAndJudge(state, bench::OneConnection(static_cast<int>(state.range(0))));
}
BENCHMARK(BM_Operations)->Arg(10)->Arg(100)->Arg(1000)->Arg(10000);

void BM_Sockets(benchmark::State& state) {
  PlayAndJudge(state, bench::ManyConnections(static_cast<int>(state.range(0))));
}
BENCHMARK(BM_Sockets)->Arg(1)->Arg(10)->Arg(100)->Arg(1000);

// Resident pages, in KiB.
double ResidentKib() {
  std::ifstream file("/proc/self/statm");
  double total = 0;
  double resident = 0;
  file >> total >> resident;
  return resident * 4;
}

// The counters say how much larger the process is after each tenth of the runs: 0 from the second on is flat.
void BM_MemoryOverRuns(benchmark::State& state) {
  const Program program = bench::OneConnection(32);
  Testbed testbed;
  model::Judge judge(model::Profile::kDocumented);
  const int64_t runs = state.range(0);
  for (auto _ : state) {
    double first = 0;
    double last = 0;
    for (int64_t run = 0; run < runs; ++run) {
      const Played& played = testbed.Play(program);
      judge.Start(played.capabilities);
      judge.ObserveAll(played.log.data(), played.log.size());
      if (run == runs / 10) first = ResidentKib();
    }
    last = ResidentKib();
    state.counters["kib_after_a_tenth"] = first;
    state.counters["kib_grown_since"] = last - first;
  }
}
BENCHMARK(BM_MemoryOverRuns)->Arg(1000000)->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace wskcert

BENCHMARK_MAIN();
