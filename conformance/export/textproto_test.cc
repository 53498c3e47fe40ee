#include "conformance/export/textproto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conformance/certify/compile.h"
#include "conformance/certify/trace_io.h"
#include "conformance/suite/suite.h"

namespace wskcert {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What the executor plays; a case is its text form if both compile to the same program.
std::string ProgramBytes(const Sequence& sequence) {
  const absl::StatusOr<Program> program = Compile(sequence, EmulatorChoices());
  EXPECT_TRUE(program.ok()) << program.status();
  if (!program.ok()) return "";
  return {reinterpret_cast<const char*>(program->bytes().data()), program->bytes().size()};
}

TEST(TextprotoTest, EveryCaseOfTheSuiteIsReadBackUnchanged) {
  for (const NamedCase& candidate : CuratedSuite().cases()) {
    const std::string text = CaseAsText(candidate.body(), {"Two\n\nlines.", {{0, "before the first step"}}});
    const absl::StatusOr<Case> back = ParseCase(text, candidate.name());
    ASSERT_TRUE(back.ok()) << back.status() << "\n" << text;
    EXPECT_EQ(back->SerializeAsString(), candidate.body().SerializeAsString()) << text;
    EXPECT_EQ(ProgramBytes(back->sequence()), ProgramBytes(candidate.body().sequence())) << text;
  }
}

TEST(TextprotoTest, WritesLikePeople) {
  const absl::StatusOr<Case> body = ParseCase(R"pb(
                                                summary: "A \"word\"."
                                                sequence {
                                                  format_version: 1
                                                  setup { manual: true }
                                                  threads {
                                                    steps {
                                                      irp: 0
                                                      socket_connect {}
                                                    }
                                                    steps { event_callback { mask: [ RECEIVE, DISABLE ] } }
                                                    steps { peer_send { length: 5 } }
                                                    steps { release { no_list: true } }
                                                    steps { peer_hold_acks {} }
                                                    steps {}
                                                    steps { settle {} }
                                                  }
                                                  scripts {
                                                    on_completion_of_irp: 0
                                                    steps { yield {} }
                                                  }
                                                  scripts { hold: 0 }
                                                  schedule {
                                                    choices: "\000\377"
                                                    fixed { name: "callback-irql" value: 1 }
                                                  }
                                                })pb",
                                              "text");
  ASSERT_TRUE(body.ok()) << body.status();
  EXPECT_EQ(CaseAsText(*body, {"Head.", {{1, "here"}}}), R"(# Head.
# proto-file: proto/sequence.proto
# proto-message: wskcert.Case
summary: "A \"word\"."
sequence {
  format_version: 1
  setup { manual: true }
  threads {
    steps { irp: 0 socket_connect { socket: 0 peer: 0 } }
    # here
    steps { event_callback { socket: 0 mask: [RECEIVE, DISABLE] } }
    steps { peer_send { peer: 0 length: 5 } }
    steps { release { socket: 0 no_list: true } }
    steps { peer_hold_acks { peer: 0 hold: false } }
    steps { settle {} }
  }
  scripts {
    on_completion_of_irp: 0
    steps { yield {} }
  }
  scripts { event: ACCEPT_EVENT socket: 0 hold: 0 }
  schedule { choices: "\000\377" fixed { name: "callback-irql" value: 1 } }
}
)");
}

// A mutator may leave numbers that no enumeration knows; the text form keeps them.
TEST(TextprotoTest, KeepsNumbersWithoutAName) {
  Case body;
  Step* step = body.mutable_sequence()->add_threads()->add_steps();
  step->mutable_event_callback()->add_mask(static_cast<MaskFlag>(0x12345));
  step->mutable_event_callback()->set_npi(static_cast<NpiId>(77));
  body.mutable_sequence()->add_scripts()->set_event(static_cast<EventName>(-3));
  const absl::StatusOr<Case> back = ParseCase(CaseAsText(body, {}), "numbers");
  ASSERT_TRUE(back.ok()) << back.status() << CaseAsText(body, {});
  EXPECT_EQ(back->SerializeAsString(), body.SerializeAsString());
}

}  // namespace
}  // namespace wskcert
