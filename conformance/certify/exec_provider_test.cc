// Testees, honest and hostile. Each misbehaviour costs the one case it happens in, has a name in the report,
// and leaves every other case as it is. What hangs here never answers, so nothing depends on how fast the
// machine is.
#include "conformance/certify/exec_provider.h"

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "conformance/certify/certify.h"
#include "conformance/certify/report.h"
#include "conformance/certify/subprocess.h"
#include "conformance/suite/suite.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kVictim[] = "in_progress/receive_held_with_irp";

// A few cases, the victim in the middle.
Suite SmallSuite() {
  Suite suite;
  bool victim = false;
  int after = 0;
  for (const NamedCase& candidate : CuratedSuite().cases()) {
    if (!absl::StartsWith(candidate.name(), "in_progress/")) continue;
    if (candidate.name() == kVictim) victim = true;
    if (!victim && suite.cases_size() >= 2) continue;
    if (victim && candidate.name() != kVictim && ++after > 3) break;
    *suite.add_cases() = candidate;
  }
  return suite;
}

std::string CommandFor(const std::string& mode, const std::string& victim, const std::string& flag = "") {
  return absl::StrCat("exec ", HOSTILE_TESTEE, " ", mode, " ", victim, " ", flag);
}
std::string Command(const std::string& mode, const std::string& flag = "") {
  return CommandFor(mode, kVictim, flag);
}

absl::StatusOr<std::unique_ptr<Provider>> Start(const std::string& command) {
  ExecOptions options;
  // Those that hang never answer; whoever answers may take its time.
  options.timeout = absl::Seconds(600);
  return MakeExecProvider(absl::StrCat("exec:", command), command, options);
}

Certificate CertificateOf(const std::string& command, bool hangs) {
  ExecOptions options;
  options.timeout = absl::Seconds(600);
  options.part_timeout = absl::Seconds(600);
  if (hangs) {
    options.patience = [](const std::string& name) {
      return name == kVictim ? absl::Milliseconds(20) : absl::Seconds(600);
    };
  }
  absl::StatusOr<std::unique_ptr<Provider>> provider = MakeExecProvider("exec:x", command, options);
  if (!provider.ok()) {
    ADD_FAILURE() << provider.status();
    return Certificate();
  }
  const absl::StatusOr<Certification> done =
      Certify(provider->get(), SmallSuite(), CertifyOptions(), [](auto...) {});
  if (!done.ok()) {
    ADD_FAILURE() << done.status();
    return Certificate();
  }
  return done->certificate;
}

const CaseResult& ResultOf(const Certificate& certificate, const std::string& name) {
  static const auto* const none = new CaseResult;
  for (const CaseResult& result : certificate.cases()) {
    if (result.name() == name) return result;
  }
  return *none;
}

// Every case but `spoilt` as an honest testee's.
void ExpectOthersUnaffected(const Certificate& certificate, const std::string& spoilt) {
  static const auto* const honest = new Certificate(CertificateOf(Command("honest"), false));
  ASSERT_GE(honest->cases_size(), 5);
  ASSERT_EQ(certificate.cases_size(), honest->cases_size());
  for (int i = 0; i < honest->cases_size(); ++i) {
    EXPECT_EQ(honest->cases(i).outcome(), CaseResult::ACCEPTED);
    if (honest->cases(i).name() == spoilt) continue;
    EXPECT_EQ(certificate.cases(i).SerializeAsString(), honest->cases(i).SerializeAsString())
        << certificate.cases(i).name();
  }
}

struct Misbehaviour {
  const char* mode;
  CaseResult::Outcome outcome;
  const char* said;  // in the story
  bool hangs = false;
};

std::string NameOf(const ::testing::TestParamInfo<Misbehaviour>& info) {
  std::string name = info.param.mode;
  for (char& c : name) c = c == '-' ? '_' : c;
  return name;
}

class HostileTestee : public ::testing::TestWithParam<Misbehaviour> {};

TEST_P(HostileTestee, CostsOneCaseAndIsNamed) {
  const Certificate certificate = CertificateOf(Command(GetParam().mode), GetParam().hangs);
  const CaseResult& result = ResultOf(certificate, kVictim);
  EXPECT_EQ(result.outcome(), GetParam().outcome) << result.story();
  EXPECT_THAT(result.story(), HasSubstr(GetParam().said));
  EXPECT_FALSE(certificate.certified());
  ExpectOthersUnaffected(certificate, kVictim);
  // No zombie is left, nor a child.
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

INSTANTIATE_TEST_SUITE_P(
    Modes, HostileTestee,
    ::testing::Values(
        Misbehaviour{
            "crash", CaseResult::PROVIDER_DIED,
            "the testee killed by signal 11 (Segmentation fault) while it played; it wrote to standard "
            "error: about to fault"},
        Misbehaviour{"exit", CaseResult::PROVIDER_DIED, "the testee ended with status 3 while it played"},
        Misbehaviour{"hang", CaseResult::PROVIDER_DIED, "the testee hung while it played: killed after 20ms",
                     true},
        Misbehaviour{"closes", CaseResult::PROVIDER_DIED, "the testee closed its output"},
        Misbehaviour{"orphan", CaseResult::PROVIDER_DIED, "the testee ended with status 3"},
        Misbehaviour{"truncates", CaseResult::PROTOCOL_FAULT, "the message there is cut off after"},
        Misbehaviour{"stops", CaseResult::PROVIDER_DIED, "the testee hung while it played", true},
        Misbehaviour{"garbage", CaseResult::PROTOCOL_FAULT, "5 bytes that are no message"},
        Misbehaviour{"text", CaseResult::PROTOCOL_FAULT, "a message of 1835492723 bytes"},
        Misbehaviour{"no-length", CaseResult::PROTOCOL_FAULT, "a message of 0 bytes"},
        Misbehaviour{"huge-length", CaseResult::PROTOCOL_FAULT, "a message of 4294967280 bytes"},
        Misbehaviour{"short-length", CaseResult::PROTOCOL_FAULT, "bytes that are no message"},
        Misbehaviour{"long-length", CaseResult::PROVIDER_DIED, "the testee hung while it played", true},
        Misbehaviour{"flood-bytes", CaseResult::PROTOCOL_FAULT, "a message of 2863311530 bytes"},
        Misbehaviour{"flood-marks", CaseResult::PROTOCOL_FAULT,
                     "it sent a mark of a start instead of an answer"},
        Misbehaviour{"talks", CaseResult::PROVIDER_DIED, "the last word"},
        Misbehaviour{"wrong-id", CaseResult::PROTOCOL_FAULT, "when request 3 was asked"},
        Misbehaviour{"late", CaseResult::PROTOCOL_FAULT,
                     "it answered request 2 again, or late, when request 3"},
        Misbehaviour{"empty-log", CaseResult::PROTOCOL_FAULT, "its log of 0 bytes"},
        Misbehaviour{"log-magic", CaseResult::PROTOCOL_FAULT, "does not begin as one"},
        Misbehaviour{"log-size", CaseResult::PROTOCOL_FAULT, "observations but has"},
        Misbehaviour{"log-records", CaseResult::PROTOCOL_FAULT, "its log: observation 0: is enclosed by"},
        Misbehaviour{"log-end", CaseResult::PROTOCOL_FAULT, "does not end with an end"},
        Misbehaviour{"capabilities", CaseResult::PROTOCOL_FAULT, "its log has capabilities"},
        Misbehaviour{"error-died", CaseResult::PROVIDER_DIED, "winedevice is gone"},
        Misbehaviour{"error-fault", CaseResult::PROTOCOL_FAULT, "(FAULT): out of paper"},
        Misbehaviour{"error-cannot", CaseResult::UNREACHABLE_CASE, "the host says: no such network here"},
        Misbehaviour{"error-stream", CaseResult::PROTOCOL_FAULT, "(FAULT): I give up"},
        Misbehaviour{"hello-again", CaseResult::PROTOCOL_FAULT, "it sent a hello instead of an answer"},
        Misbehaviour{"bye", CaseResult::PROTOCOL_FAULT, "it sent a bye instead of an answer"}),
    NameOf);

// What is too much comes after a good answer, so the next case meets it.
class TooMuch : public ::testing::TestWithParam<const char*> {};

TEST_P(TooMuch, CostsTheNextCase) {
  const Suite suite = SmallSuite();
  std::string next;
  for (int i = 0; i + 1 < suite.cases_size(); ++i) {
    if (suite.cases(i).name() == kVictim) next = suite.cases(i + 1).name();
  }
  ASSERT_FALSE(next.empty());
  const Certificate certificate = CertificateOf(Command(GetParam()), false);
  const CaseResult& result = ResultOf(certificate, next);
  EXPECT_EQ(result.outcome(), CaseResult::PROTOCOL_FAULT);
  EXPECT_THAT(result.story(), ::testing::AnyOf(HasSubstr("it answered request 3 again, or late"),
                                               HasSubstr("before it had read all that it was sent")));
  ExpectOthersUnaffected(certificate, next);
}

INSTANTIATE_TEST_SUITE_P(Modes, TooMuch, ::testing::Values("twice", "flood"));

// After the last case there is no next one: what is too much then is met when the testee is parted with.
struct Parting {
  const char* mode;
  const char* said;
};

class TooMuchAtTheEnd : public ::testing::TestWithParam<Parting> {};

TEST_P(TooMuchAtTheEnd, CostsTheLastCase) {
  const Suite suite = SmallSuite();
  const std::string last = suite.cases(suite.cases_size() - 1).name();
  const Certificate certificate = CertificateOf(CommandFor(GetParam().mode, last), false);
  const CaseResult& result = ResultOf(certificate, last);
  EXPECT_EQ(result.outcome(), CaseResult::PROTOCOL_FAULT);
  EXPECT_THAT(result.story(), AllOf(HasSubstr(GetParam().said), HasSubstr("again: wskcert run ")));
  EXPECT_EQ(result.observations(), 0u);
  EXPECT_EQ(ExitStatusOf(certificate), kExitDied);
  ExpectOthersUnaffected(certificate, last);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
}

INSTANTIATE_TEST_SUITE_P(
    Modes, TooMuchAtTheEnd,
    ::testing::Values(Parting{"twice", "it sent an answer after its last answer"},
                      Parting{"flood", "it sent an answer after its last answer"},
                      Parting{"parting-answer", "it sent an answer after its last answer"},
                      Parting{"parting-flood", "it sent an answer after its last answer"},
                      Parting{"parting-text", "after its last answer: "},
                      Parting{"parting-cut", "after its last answer it sent 100 bytes that are no message"}),
    [](const auto& info) {
      std::string name = info.param.mode;
      for (char& c : name) c = c == '-' ? '_' : c;
      return name;
    });

TEST(ExecProvider, MayPartAsItLikesWhenAllIsAnswered) {
  const Suite suite = SmallSuite();
  const std::string last = suite.cases(suite.cases_size() - 1).name();
  ExpectOthersUnaffected(CertificateOf(CommandFor("parting-bye", last), false), "");
  ExpectOthersUnaffected(CertificateOf(CommandFor("parting-crash", last), false), "");
}

TEST(ExecProvider, AnswersBeforeTheFirstRequestCostTheFirstCase) {
  const Certificate certificate = CertificateOf(Command("unasked"), false);
  const std::string first = SmallSuite().cases(0).name();
  EXPECT_EQ(ResultOf(certificate, first).outcome(), CaseResult::PROTOCOL_FAULT);
}

TEST(ExecProvider, ThatDoesNotStartIsNoProvider) {
  const struct {
    const char* command;
    const char* said;
  } cases[] = {
      {"start-crash", "signal 11"},
      {"start-garbage", "a message of 1668048215 bytes"},
      {"old-protocol", "speaks version 99 of the testee protocol"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(Start(Command(c.command)).status().message(), HasSubstr(c.said));
  }
  EXPECT_THAT(Start("/no/such/program").status().message(), HasSubstr("ended with status 127"));
  EXPECT_THAT(Start("echo bad news >&2; exit 9").status().message(),
              AllOf(HasSubstr("ended with status 9"), HasSubstr("bad news")));
  ExecOptions impatient;
  impatient.start_timeout = absl::Milliseconds(20);
  EXPECT_THAT(MakeExecProvider("exec:x", Command("start-hang"), impatient).status().message(),
              HasSubstr("hung at its start: killed after 20ms"));
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
}

TEST(ExecProvider, AfterItsRestartItMustBeTheSame) {
  const std::string flag = absl::StrCat(::testing::TempDir(), "/changes-hello.", getpid());
  unlink(flag.c_str());
  const Certificate certificate = CertificateOf(Command("changes-hello", flag), false);
  unlink(flag.c_str());
  EXPECT_EQ(ResultOf(certificate, kVictim).outcome(), CaseResult::PROVIDER_DIED);
  const CaseResult& last = certificate.cases(certificate.cases_size() - 1);
  EXPECT_EQ(last.outcome(), CaseResult::PROTOCOL_FAULT);
  EXPECT_THAT(last.story(), HasSubstr("it says another hello than before"));
}

TEST(ExecProvider, ThatCannotBeRestartedIsGivenUp) {
  const std::string flag = absl::StrCat(::testing::TempDir(), "/restart-fails.", getpid());
  unlink(flag.c_str());
  absl::StatusOr<std::unique_ptr<Provider>> provider = Start(Command("restart-fails", flag));
  ASSERT_TRUE(provider.ok()) << provider.status();
  const absl::StatusOr<Program> program =
      Compile(SmallSuite().cases(0).body().sequence(), (*provider)->choices());
  ASSERT_TRUE(program.ok());
  EXPECT_EQ((*provider)->PlayCase(*program, kVictim, 1)->ending, Ending::kCrashed);
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT((*provider)->PlayCase(*program, "x", 1)->report,
                AllOf(HasSubstr("ended with status 7 at its start"), HasSubstr("the licence has expired")));
  }
  EXPECT_THAT((*provider)->PlayCase(*program, "x", 1)->fault, HasSubstr("5 starts in a row failed"));
  unlink(flag.c_str());
}

TEST(ExecProvider, GroupsAreKilledWhole) {
  absl::StatusOr<std::unique_ptr<Subprocess>> process = Subprocess::Start("sleep 1000 & echo $!; wait");
  ASSERT_TRUE(process.ok());
  std::string output;
  while (output.find('\n') == std::string::npos) {
    ASSERT_EQ((*process)->Next(nullptr, &output, Subprocess::Deadline::max()), Subprocess::Event::kOutput);
  }
  const pid_t grandchild = std::stoi(output);
  EXPECT_EQ(kill(grandchild, 0), 0);
  (*process)->Kill();
  // Killed; whoever adopted it reaps it. A zombie runs no more.
  const std::string stat = absl::StrCat("/proc/", grandchild, "/stat");
  for (bool runs = true; runs;) {
    FILE* file = fopen(stat.c_str(), "r");
    char state = 'Z';
    if (file != nullptr) {
      if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1) state = 'Z';
      fclose(file);
    }
    runs = state != 'Z';
  }
}

// One that parts after each answer is started again for each case, at no case's cost; also if it parts and
// stays.
TEST(ExecProvider, MayPartBetweenCases) {
  ExpectOthersUnaffected(CertificateOf(Command("parts"), false), "");
  ExpectOthersUnaffected(CertificateOf(Command("parts-badly"), false), "");
}

TEST(ExecProvider, WordsForAShell) {
  EXPECT_EQ(ShellWord("emulator"), "emulator");
  EXPECT_EQ(ShellWord("exec:a b"), "'exec:a b'");
  EXPECT_EQ(ShellWord("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellWord(""), "''");
}

}  // namespace
}  // namespace wskcert
