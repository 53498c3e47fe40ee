#include "conformance/certify/compile.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "conformance/certify/compile_steps.h"

namespace wskcert {

// Collects a program's parts.
class SequenceCompiler::State : private StepCompiler {
 public:
  explicit State(std::vector<NamedChoice> choices) : names_(std::move(choices)) {}

  absl::StatusOr<const Program*> Run(const Sequence& sequence) {
    if (sequence.format_version() > 1) {
      return absl::InvalidArgumentError(absl::StrCat("format_version: ", sequence.format_version(),
                                                     " is newer than this tool, which knows 1"));
    }
    if (sequence.threads_size() > static_cast<int>(kMaxThreads)) {
      return absl::InvalidArgumentError(
          absl::StrCat("threads: ", sequence.threads_size(), ", at most ", kMaxThreads, " can be played"));
    }
    error_.clear();
    header_ = {};
    threads_.clear();
    scripts_.clear();
    steps_.clear();
    choices_.clear();
    header_.manual_setup = sequence.setup().manual() ? 1 : 0;
    header_.manual_teardown = sequence.setup().manual_teardown() ? 1 : 0;
    header_.ipv6 = sequence.setup().ipv6() ? 1 : 0;
    header_.clients = 1;
    for (int i = 0; i < sequence.threads_size(); ++i) {
      where_ = {"threads", i, -1};
      threads_.push_back(AddSteps(sequence.threads(i).steps()));
    }
    if (threads_.empty()) threads_.push_back({0, 0});
    for (int i = 0; i < sequence.scripts_size(); ++i) {
      where_ = {"scripts", i, -1};
      AddScript(sequence.scripts(i));
    }
    AddSchedule(sequence.schedule());
    if (!error_.empty()) return absl::InvalidArgumentError(error_);
    const absl::Status status = Assemble(sequence.schedule().choices());
    if (!status.ok()) return status;
    return &program_;
  }

 private:
  ProgramThread AddSteps(const google::protobuf::RepeatedPtrField<StepProto>& steps) {
    const uint32_t first = static_cast<uint32_t>(steps_.size());
    for (int i = 0; i < steps.size(); ++i) {
      where_.step = i;
      if (steps_.size() >= kMaxSteps) {
        Fail(Path(), absl::StrCat("more than ", kMaxSteps, " steps"));
        break;
      }
      // A step without an operation, as mutation or an older tool may leave it, is nothing to play.
      if (steps[i].op_case() == StepProto::OP_NOT_SET) continue;
      steps_.push_back(CompileStep(steps[i]));
    }
    where_.step = -1;
    return {first, static_cast<uint32_t>(steps_.size()) - first};
  }

  void AddScript(const Script& script) {
    ProgramScript out = {};
    if (scripts_.size() >= kMaxScripts)
      return Fail(Path(), absl::StrCat("more than ", kMaxScripts, " scripts"));
    if (script.has_on_completion_of_irp()) {
      out.event = kScriptOnCompletion;
      out.socket = Slot(script.on_completion_of_irp(), kMaxIrps, &header_.irps, "on_completion_of_irp");
    } else {
      if (script.event() < 0 || script.event() >= static_cast<int>(kEventCount))
        return Fail(Path(), "unknown event");
      out.event = static_cast<uint8_t>(script.event());
      out.socket = Socket(script.socket());
    }
    if (script.returns() < 0 || script.returns() > Script::RAW) return Fail(Path(), "unknown return");
    out.returns = static_cast<uint8_t>(script.returns());
    if (script.nth() >= kNoSlot) return Fail(absl::StrCat(Path(), ".nth"), "beyond 65534");
    out.nth = script.has_nth() ? static_cast<uint16_t>(script.nth()) : kNoSlot;
    out.hold = script.has_hold() ? Slot(script.hold(), kMaxHolds, &header_.holds, "hold") : kNoSlot;
    out.target = kNoSlot;
    if (script.has_target() && script.has_on_completion_of_irp()) {
      return Fail(absl::StrCat(Path(), ".target"), "a completion routine fills no slot");
    }
    if (script.has_target()) {
      switch (script.event()) {
        case ACCEPT_EVENT:
          out.target = Socket(script.target());
          break;
        case INSPECT_EVENT:
          out.target = Slot(script.target(), kMaxInspects, &header_.inspects, "target");
          break;
        default:
          out.target = Slot(script.target(), kMaxRetained, &header_.retained, "target");
      }
    }
    out.accept_bytes = script.accept_bytes();
    out.status = script.status();
    out.mask = DispatchSubset(script.dispatch(), script.no_dispatch());
    const ProgramThread steps = AddSteps(script.steps());
    out.first_step = steps.first_step;
    out.step_count = steps.step_count;
    scripts_.push_back(out);
  }

  void AddSchedule(const Schedule& schedule) {
    if (schedule.choices().size() > kMaxScheduleBytes) {
      Fail("schedule.choices", absl::StrCat("more than ", kMaxScheduleBytes, " bytes"));
    }
    header_.fail_allocation = schedule.fail_allocation();
    for (int i = 0; i < schedule.fixed_size(); ++i) {
      const FixedChoice& fixed = schedule.fixed(i);
      if (fixed.value() > 254) Fail(absl::StrCat("schedule.fixed[", i, "].value"), "beyond 254");
      const auto named = std::find_if(names_.begin(), names_.end(),
                                      [&](const NamedChoice& choice) { return choice.name == fixed.name(); });
      if (named == names_.end()) {
        if (!names_.empty())
          Fail(absl::StrCat("schedule.fixed[", i, "].name"),
               absl::StrCat("there is no choice '", fixed.name(), "'"));
        continue;
      }
      choices_.push_back({named->kind, static_cast<uint16_t>(fixed.value())});
    }
  }

  template <typename T>
  void Append(const T* data, size_t count) {
    if (count == 0) return;
    const uint8_t* first = reinterpret_cast<const uint8_t*>(data);
    bytes_.insert(bytes_.end(), first, first + count * sizeof(T));
  }

  absl::Status Assemble(const std::string& schedule) {
    header_.magic = kProgramMagic;
    header_.version = kFormatVersion;
    header_.header_size = sizeof(ProgramHeader);
    header_.threads = static_cast<uint16_t>(threads_.size());
    header_.scripts = static_cast<uint16_t>(scripts_.size());
    header_.steps = static_cast<uint32_t>(steps_.size());
    header_.choices = static_cast<uint16_t>(choices_.size());
    header_.schedule_size = static_cast<uint32_t>(schedule.size());
    bytes_.clear();
    Append(&header_, 1);
    Append(threads_.data(), threads_.size());
    Append(scripts_.data(), scripts_.size());
    Append(steps_.data(), steps_.size());
    Append(choices_.data(), choices_.size());
    Append(schedule.data(), schedule.size());
    const uint32_t size = static_cast<uint32_t>(bytes_.size());
    std::memcpy(bytes_.data() + offsetof(ProgramHeader, total_size), &size, sizeof(size));
    return ParseProgram(bytes_, &program_);
  }

  const std::vector<NamedChoice> names_;
  std::vector<ProgramThread> threads_;
  std::vector<ProgramScript> scripts_;
  std::vector<ProgramStep> steps_;
  std::vector<ProgramChoice> choices_;
  std::vector<uint8_t> bytes_;
  Program program_;
};

SequenceCompiler::SequenceCompiler(std::vector<NamedChoice> choices)
    : state_(std::make_unique<State>(std::move(choices))) {}
SequenceCompiler::~SequenceCompiler() = default;

absl::StatusOr<const Program*> SequenceCompiler::Compile(const Sequence& sequence) {
  return state_->Run(sequence);
}

absl::StatusOr<Program> Compile(const Sequence& sequence, absl::Span<const NamedChoice> choices) {
  SequenceCompiler compiler({choices.begin(), choices.end()});
  absl::StatusOr<const Program*> program = compiler.Compile(sequence);
  if (!program.ok()) return program.status();
  return **program;
}

}  // namespace wskcert
