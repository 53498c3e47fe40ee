// The traces of the suite, changed in ways that mean the same (model/metamorphic.h), stay accepted.
#include <iterator>
#include <string>
#include <vector>

#include "conformance/certify/run_case.h"
#include "conformance/certify/testbed.h"
#include "conformance/model/metamorphic.h"
#include "conformance/suite/suite.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

using Log = std::vector<Observation>;

TEST(MetamorphicSuite, WhatMeansTheSameStaysAccepted) {
  Testbed testbed;
  model::Judge judge(model::Profile::kDocumented);
  size_t checked[std::size(model::kRelations)] = {};
  for (const NamedCase& named : CuratedSuite().cases()) {
    absl::StatusOr<Program> program = Compile(named.body().sequence(), EmulatorChoices());
    ASSERT_TRUE(program.ok()) << named.name() << ": " << program.status();
    const Played& played = testbed.Play(*program);
    const Log log(played.log.begin(), played.log.end());
    for (model::Relation relation : model::kRelations) {
      ForEachVariant(log, relation, [&](const Log& changed, size_t at) {
        const Judged judged = JudgeLog(&judge, changed, played.capabilities);
        EXPECT_FALSE(judged.refusal.refused)
            << named.name() << ": " << NameOf(relation) << " at " << at << "\n"
            << RefusalStory(changed, judged);
        ++checked[static_cast<size_t>(relation)];
      });
    }
  }
  for (model::Relation relation : model::kRelations) {
    const size_t count = checked[static_cast<size_t>(relation)];
    EXPECT_GT(count, 20u) << NameOf(relation);
    RecordProperty(NameOf(relation), static_cast<int>(count));
  }
}

}  // namespace
}  // namespace wskcert
