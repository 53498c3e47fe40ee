// What one sequence costs: played on the emulator, judged, and both, with 8, 32 and 128 operations.
//
// The sequence is what a fuzzer plays most: one connection, its callbacks enabled and disabled in turn, data,
// refusals and receives in between, and a settle now and then. Counters: operations and observations per
// iteration, and nanoseconds per operation.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <iostream>

#include "conformance/certify/compile.h"
#include "conformance/certify/testbed.h"
#include "conformance/model/judge.h"

namespace wskcert {
namespace {

// The n-th operation after the connect, in a pattern of eight.
void AddOperation(int n, Sequence* sequence) {
  Step* step = sequence->mutable_threads(0)->add_steps();
  switch (n % 8) {
    case 0: {
      EventCallback* enable = step->mutable_event_callback();
      enable->add_mask(RECEIVE);
      enable->add_mask(DISCONNECT);
      return;
    }
    case 1:
    case 5:
      step->mutable_peer_send()->set_length(64);
      return;
    case 2:
    case 6:
      step->mutable_settle();
      return;
    case 3: {
      step->set_irp(static_cast<uint32_t>(1 + n % 4));
      EventCallback* disable = step->mutable_event_callback();
      disable->add_mask(RECEIVE);
      disable->add_mask(DISABLE);
      return;
    }
    case 4: {
      step->set_irp(static_cast<uint32_t>(1 + n % 4));
      step->mutable_receive()->set_length(64);
      return;
    }
    default: {
      step->set_irp(static_cast<uint32_t>(1 + n % 4));
      step->mutable_send()->set_length(64);
    }
  }
}

Program MakeProgram(int operations) {
  Sequence sequence;
  sequence.set_format_version(1);
  Thread* thread = sequence.add_threads();
  Step* connect = thread->add_steps();
  connect->set_irp(0);
  connect->mutable_socket_connect();
  thread->add_steps()->mutable_settle();
  for (int n = 0; n < operations - 2; ++n) AddOperation(n, &sequence);
  absl::StatusOr<Program> program = Compile(sequence, EmulatorChoices());
  if (!program.ok()) {
    std::cerr << program.status() << "\n";
    std::abort();
  }
  return *std::move(program);
}

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
  const Program program = MakeProgram(static_cast<int>(state.range(0)));
  Testbed testbed;
  size_t observations = 0;
  for (auto _ : state) observations = testbed.Play(program).log.size();
  Report(state, observations);
}
BENCHMARK(BM_Play)->Arg(8)->Arg(32)->Arg(128);

void BM_Judge(benchmark::State& state) {
  const Program program = MakeProgram(static_cast<int>(state.range(0)));
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
  const Program program = MakeProgram(static_cast<int>(state.range(0)));
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
