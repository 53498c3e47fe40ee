// What was accepted stays accepted under the changes of metamorphic.h, and beside a socket that has nothing
// to do with the others. (certify/metamorphic_suite_test.cc: the same for the traces of the suite.)
#include "conformance/model/metamorphic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "conformance/model/judge.h"
#include "conformance/model/trace_test_util.h"
#include "conformance/model/trace_text.h"

namespace wskcert::model {
namespace {

using Log = std::vector<Observation>;

Seen KindOf(const Observation& o) { return static_cast<Seen>(o.kind); }

bool Accepted(const TraceFile& file, const Log& log, std::string* why) {
  Judge judge(file.windows ? Profile::kWindows : Profile::kDocumented);
  judge.Start(file.capabilities);
  const bool accepted = judge.ObserveAll(log.data(), log.size());
  if (!accepted) *why = judge.Explain() + TraceText(log.data(), log.size());
  return accepted;
}

TEST(MetamorphicTest, WhatMeansTheSameStaysAccepted) {
  size_t checked[std::size(kRelations)] = {};
  for (const std::string& name : TraceNames()) {
    const TraceFile file = LoadTrace(name);
    if (!file.accept) continue;
    for (Relation relation : kRelations) {
      // One step and two, so that a change can follow another.
      std::vector<Log> generation = {file.log};
      for (int step = 0; step < 2; ++step) {
        std::vector<Log> next;
        for (const Log& log : generation) {
          ForEachVariant(log, relation, [&](const Log& changed, size_t at) {
            std::string why;
            EXPECT_TRUE(Accepted(file, changed, &why))
                << name << ": " << NameOf(relation) << " at " << at << "\n"
                << why;
            next.push_back(changed);
            ++checked[static_cast<size_t>(relation)];
          });
        }
        generation = std::move(next);
      }
    }
  }
  for (Relation relation : kRelations) {
    EXPECT_GT(checked[static_cast<size_t>(relation)], 10u) << NameOf(relation);
  }
}

TEST(MetamorphicTest, AnUnrelatedSocketChangesNothing) {
  const TraceFile extra = [] {
    std::string error;
    return *ParseTrace(
        "connected socket=9 peer=9 client=3\n"
        "call event_callback socket=9 mask=SEND_BACKLOG @e\n"
        "return @e SUCCESS\n"
        "quiet\n",
        &error);
  }();
  for (const std::string& name : TraceNames()) {
    const TraceFile file = LoadTrace(name);
    const bool client_control = std::any_of(file.log.begin(), file.log.end(), [](const Observation& o) {
      return KindOf(o) == Seen::kCallBegin && static_cast<Op>(o.op) == Op::kControlClient;
    });
    if (!file.accept || client_control) continue;
    Log log = extra.log;
    const uint32_t shift = static_cast<uint32_t>(log.size());
    for (Observation o : file.log) {
      if (o.begin != kNoIndex) o.begin += shift;
      if (o.enclosing != kNoIndex) o.enclosing += shift;
      log.push_back(o);
    }
    Judge alone(file.windows ? Profile::kWindows : Profile::kDocumented);
    alone.Start(file.capabilities);
    alone.ObserveAll(file.log.data(), file.log.size());
    Judge beside(file.windows ? Profile::kWindows : Profile::kDocumented);
    beside.Start(file.capabilities);
    EXPECT_TRUE(beside.ObserveAll(log.data(), log.size())) << name << "\n" << beside.Explain();
    alone.exercised().ForEach(
        [&](RuleId rule) { EXPECT_TRUE(beside.exercised().Has(rule)) << name << ": " << InfoOf(rule).name; });
  }
}

}  // namespace
}  // namespace wskcert::model
