#include "conformance/export/c_client.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "conformance/certify/render.h"
#include "conformance/export/c_callbacks.h"
#include "conformance/export/c_steps.h"
#include "conformance/export/outcome.h"
#include "conformance/minimize/finding.h"

namespace wskcert {
namespace {

using ::absl::StrAppend;
using ::absl::StrCat;

class ClientWriter {
 public:
  ClientWriter(const Case& body, const Program& program, const CaseRun& run, const Provider& provider)
      : body_(body),
        program_(program),
        header_(program.header()),
        run_(run),
        provider_(provider),
        lines_(OutcomeLines(run.played.log)) {
    for (size_t i = 0; i < lines_.size(); ++i) {
      if (lines_[i].step != kNoIndex) lines_of_step_[lines_[i].step].push_back(i);
    }
  }

  CClient Write() {
    FindLeftOut();
    Head();
    Slots();
    Steps();
    text_ += CallbacksText(program_, StepComment());
    Threads();
    Driver();
    Record();
    return {std::move(text_), std::move(left_out_)};
  }

 private:
  void FindLeftOut() {
    if (!program_.schedule().empty()) {
      left_out_.push_back(
          "nothing of the schedule, but its bytes may decide other things: this client has choice points of "
          "its own");
    }
    if (header_.manual_teardown != 0)
      left_out_.push_back("DriverUnload: what the steps leave open stays open");
    for (const ProgramStep& step : program_.steps()) {
      const std::string what = LeftOut(step);
      if (!what.empty()) left_out_.push_back(what);
    }
  }

  // The lines that were seen of a step, as a comment.
  std::string Seen(uint32_t step, const char* indent) const {
    std::string text;
    const auto found = lines_of_step_.find(step);
    if (found == lines_of_step_.end()) return text;
    for (const size_t line : found->second) {
      StrAppend(&text, indent, static_cast<int>(line) == Violation() ? "// >" : "// ",
                absl::StrFormat("[%3d] ", line), lines_[line].text, "\n");
    }
    return text;
  }
  std::function<std::string(uint32_t)> StepComment() const {
    return [this](uint32_t step) { return NeedsFunction(program_.steps()[step]) ? "" : Seen(step, "    "); };
  }

  // The line at which the trace was refused, or -1.
  int Violation() const {
    const model::Refusal& refusal = run_.judged.refusal;
    if (!refusal.refused) return -1;
    for (size_t i = 0; i < lines_.size(); ++i) {
      if (lines_[i].observation == refusal.index) return static_cast<int>(i);
    }
    return -1;
  }

  void Comment(const std::string& text) {
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      // A backslash at its end would make the next line part of the comment.
      if (!line.empty() && line.back() == '\\') line.remove_suffix(1);
      StrAppend(&text_, line.empty() ? "//" : "// ", line, "\n");
    }
  }

  void Head() {
    Comment(StrCat(run_.name, ", exported as a WSK client."));
    if (!body_.summary().empty()) Comment(StrCat("\n", body_.summary()));
    const Finding finding = FindingOf(run_);
    if (!finding.empty()) {
      Comment(StrCat("\nOn ", provider_.name(), ": ", finding.what,
                     Violation() >= 0 ? " is broken in the line marked >." : "."));
    }
    if (!left_out_.empty()) Comment(StrCat("\nNOT EXPORTED:\n  ", absl::StrJoin(left_out_, "\n  ")));
    Comment(
        "\nComments with a number say what was seen when it was exported. ci/host_exported compiles and "
        "hosts this file.");
    text_ += "#include \"conformance/export/kit/kit.h\"\n\n";
  }

  void Array(const char* type, const char* name, uint32_t count) {
    StrAppend(&text_, type, " ", name, "[", std::max<uint32_t>(count, 1), "];\n");
  }

  void Slots() {
    Array("CLIENT", "Clients", header_.clients);
    Array("CLIENT_SOCKET", "Sockets", header_.sockets);
    Array("CLIENT_IRP", "Irps", header_.irps + header_.sockets);
    Array("PEER", "Peers", header_.peers);
    Array("HOLD", "Holds", header_.holds);
    Array("RETAINED", "Retained", header_.retained);
    Array("INSPECTED", "Inspects", header_.inspects);
    StrAppend(&text_, "const ULONG ClientCount = ", header_.clients, ", SocketCount = ", header_.sockets,
              ", StepIrps = ", header_.irps, ", PeerCount = ", header_.peers,
              ",\n            HoldCount = ", header_.holds, ", RetainedCount = ", header_.retained,
              ", InspectCount = ", header_.inspects,
              ";\nconst BOOLEAN Ipv6 = ", header_.ipv6 != 0 ? "TRUE" : "FALSE", ";\n\n");
  }

  // What more than one place needs is declared before.
  void Steps() {
    const absl::Span<const ProgramStep> steps = program_.steps();
    text_ += DeclarationsText(program_);
    for (uint32_t i = 0; i < steps.size(); ++i) {
      if (!NeedsFunction(steps[i])) continue;
      StrAppend(&text_, Seen(i, ""), "static VOID ", FunctionName(steps[i], i), "(VOID) {\n",
                FunctionBody(steps[i], header_.ipv6 != 0), "}\n\n");
    }
  }

  absl::Span<const ProgramThread> ThreadsOf() const {
    return {reinterpret_cast<const ProgramThread*>(program_.bytes().data() + sizeof(ProgramHeader)),
            header_.threads};
  }

  void Threads() {
    for (uint16_t t = 0; t < header_.threads; ++t) {
      const ProgramThread& thread = ThreadsOf()[t];
      StrAppend(&text_, "static VOID Thread", t, "(VOID) {\n");
      for (uint32_t i = thread.first_step; i < thread.first_step + thread.step_count; ++i) {
        const ProgramStep& step = program_.steps()[i];
        if (!NeedsFunction(step)) text_ += Seen(i, "  ");
        StrAppend(&text_, "  ", StatementOf(step, i), "\n");
      }
      text_ += "}\n\n";
    }
  }

  void Driver() {
    const bool unloads = header_.manual_teardown == 0;
    if (unloads) {
      text_ +=
          "static DRIVER_UNLOAD Unload;\n"
          "static VOID Unload(PDRIVER_OBJECT driver) {\n"
          "  UNREFERENCED_PARAMETER(driver);\n"
          "  ReleaseHolds();\n"
          "  TearDown();\n"
          "  FreeIrps();\n"
          "}\n\n";
    }
    text_ +=
        "DRIVER_INITIALIZE DriverEntry;\n"
        "NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path) {\n"
        "  UNREFERENCED_PARAMETER(registry_path);\n";
    text_ += unloads ? "  driver->DriverUnload = Unload;\n" : "  UNREFERENCED_PARAMETER(driver);\n";
    text_ += "  InitialiseSlots();\n";
    if (header_.fail_allocation != 0)
      StrAppend(&text_, "  Say(\"", header_.fail_allocation, " allocations fail\");\n");
    for (uint16_t c = 0; header_.manual_setup == 0 && c < header_.clients; ++c) {
      StrAppend(&text_, "  Register(&Clients[", c,
                "], MAKE_WSK_VERSION(1, 0), TRUE, 0);\n  Capture(&Clients[", c,
                "], WSK_INFINITE_WAIT, 0);\n");
    }
    for (uint16_t t = 1; t < header_.threads; ++t) {
      StrAppend(&text_, "  PVOID thread", t, " = StartThread(Thread", t, ");\n");
    }
    text_ += "  Thread0();\n";
    for (uint16_t t = 1; t < header_.threads; ++t) StrAppend(&text_, "  JoinThread(thread", t, ");\n");
    if (!unloads) text_ += "  ReleaseHolds();\n  FreeIrps();\n";
    text_ += "  return STATUS_SUCCESS;\n}\n\n";
  }

  std::string ScheduleText() const {
    std::vector<std::string> bytes;
    for (const uint8_t byte : program_.schedule()) bytes.push_back(StrCat(static_cast<int>(byte)));
    return absl::StrJoin(bytes, ", ");
  }

  std::string ChoicesText() const {
    std::vector<std::string> choices;
    for (const FixedChoice& fixed : body_.sequence().schedule().fixed()) {
      choices.push_back(StrCat("{", Literal(fixed.name()), ", ", fixed.value(), "}"));
    }
    return absl::StrJoin(choices, ", ");
  }

  void Record() {
    const std::string schedule = ScheduleText();
    const std::string choices = ChoicesText();
    text_ += "// What was seen.\nstatic const char* const Lines[] = {\n";
    for (size_t i = 0; i < lines_.size(); ++i) {
      StrAppend(&text_,
                absl::StrFormat("    /* %c%3d */ ", static_cast<int>(i) == Violation() ? '>' : ' ', i),
                Literal(lines_[i].text), ",\n");
    }
    text_ += "    NULL};\n";
    if (!schedule.empty())
      StrAppend(&text_, "static const unsigned char ScheduleBytes[] = {", schedule, "};\n");
    if (!choices.empty()) StrAppend(&text_, "static const SCENE_CHOICE Choices[] = {", choices, "};\n");
    StrAppend(&text_, "const SCENE_RECORD Record = {\n    .Case = ", Literal(run_.name),
              ",\n    .Provider = ", Literal(provider_.name()),
              ",\n    .Broken = ", Literal(FindingOf(run_).what),
              ",\n    .Ending = ", Literal(EndingName(run_.played.ending)),
              ",\n    .Lines = Lines,\n    .LineCount = ", lines_.size(), ",\n    .Violation = ", Violation(),
              ",\n");
    if (!schedule.empty())
      text_ += "    .Schedule = ScheduleBytes,\n    .ScheduleSize = sizeof(ScheduleBytes),\n";
    if (!choices.empty()) text_ += "    .Choices = Choices,\n    .ChoiceCount = ARRAYSIZE(Choices),\n";
    if (header_.fail_allocation != 0)
      StrAppend(&text_, "    .FailAllocation = ", header_.fail_allocation, ",\n");
    text_ += "};\n";
  }

  const Case& body_;
  const Program& program_;
  const ProgramHeader& header_;
  const CaseRun& run_;
  const Provider& provider_;
  const std::vector<OutcomeLine> lines_;
  std::map<uint32_t, std::vector<size_t>> lines_of_step_;
  std::string text_;
  std::vector<std::string> left_out_;
};

}  // namespace

CClient ExportAsC(const Case& body, const Program& program, const CaseRun& run, const Provider& provider) {
  return ClientWriter(body, program, run, provider).Write();
}

}  // namespace wskcert
