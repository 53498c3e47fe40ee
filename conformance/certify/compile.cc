#include "conformance/certify/compile.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace wskcert {
namespace {

using StepProto = ::wskcert::Step;

uint32_t Mask(const google::protobuf::RepeatedField<int>& flags, uint32_t raw) {
  uint32_t mask = raw;
  for (const int flag : flags) mask |= flag == DISABLE ? kEventDisable : static_cast<uint32_t>(flag);
  return mask;
}

uint32_t DispatchSubset(const google::protobuf::RepeatedField<int>& events, bool none) {
  if (none) return kNoDispatch;
  if (events.empty()) return kAllDispatch;
  uint32_t subset = 0;
  for (const int event : events) {
    if (event >= 0 && event < static_cast<int>(kEventCount)) subset |= DispatchBit(static_cast<Event>(event));
  }
  return subset;
}

}  // namespace

// Collects a program's parts, and the slots that it uses.
class SequenceCompiler::State {
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
  // What is being compiled, for messages; put into words only when something is wrong with it.
  struct Where {
    const char* list = "";
    int index = 0;
    int step = -1;  // none: the thread or script itself
  };

  std::string Path() const {
    std::string path = absl::StrCat(where_.list, "[", where_.index, "]");
    if (where_.step >= 0) absl::StrAppend(&path, ".steps[", where_.step, "]");
    return path;
  }

  void Fail(const std::string& where, const std::string& what) {
    if (error_.empty()) error_ = absl::StrCat(where, ": ", what);
  }

  // A slot number of a field, noted in `used`.
  uint16_t Slot(uint32_t value, uint32_t limit, uint16_t* used, const char* field) {
    if (value >= limit) {
      Fail(absl::StrCat(Path(), ".", field), absl::StrCat("slot ", value, " is beyond the limit of ", limit));
      return 0;
    }
    *used = std::max<uint16_t>(*used, static_cast<uint16_t>(value + 1));
    return static_cast<uint16_t>(value);
  }
  uint16_t Socket(uint32_t value) { return Slot(value, kMaxSockets, &header_.sockets, "socket"); }
  uint16_t Peer(uint32_t value) { return Slot(value, kMaxPeers, &header_.peers, "peer"); }
  uint32_t Length(uint32_t value) {
    if (value > kMaxTransferBytes) {
      Fail(absl::StrCat(Path(), ".length"), absl::StrCat(value, " bytes, at most ", kMaxTransferBytes));
    }
    return value;
  }

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

  ProgramStep CompileStep(const StepProto& in) {
    ProgramStep out = {};
    out.socket = out.irp = out.peer = out.target = kNoSlot;
    if (in.client() >= kMaxClients) {
      Fail(absl::StrCat(Path(), ".client"),
           absl::StrCat(in.client(), " is beyond the limit of ", kMaxClients));
    } else {
      out.client = static_cast<uint8_t>(in.client());
      header_.clients = std::max<uint16_t>(header_.clients, static_cast<uint16_t>(in.client() + 1));
    }
    if (in.has_irp()) out.irp = Slot(in.irp(), kMaxIrps, &header_.irps, "irp");
    out.irql = in.at_dispatch() ? kDispatchLevel : kPassiveLevel;
    out.irp_style = in.irp_style() == PASSED_DOWN ? 1 : 0;
    out.step_flags =
        static_cast<uint8_t>((in.unguarded() ? kStepUnguarded : 0) | (in.killer() ? kStepKiller : 0));
    CompileOp(in, &out);
    return out;
  }

  void Simple(ProgramStep* out, Op op) { out->op = static_cast<uint16_t>(op); }
  void OnSocket(ProgramStep* out, Op op, const ::wskcert::OnSocket& in) {
    Simple(out, op);
    out->socket = Socket(in.socket());
    out->mask = in.level();
  }
  void WithPeer(ProgramStep* out, Op op, const ::wskcert::WithPeer& in, bool socket) {
    Simple(out, op);
    if (socket) out->socket = Socket(in.socket());
    out->peer = Peer(in.peer());
    out->length = Length(in.length());
    out->flags = in.raw_flags();
  }
  void Transfer(ProgramStep* out, Op op, const ::wskcert::Transfer& in, bool peer) {
    Simple(out, op);
    out->socket = Socket(in.socket());
    if (peer) out->peer = Peer(in.peer());
    out->length = Length(in.length());
    out->flags = in.raw_flags();
    for (const int flag : in.flags()) {
      switch (flag) {
        case ::wskcert::Transfer::WAITALL:
          out->flags |= kFlagWaitAll;
          break;
        case ::wskcert::Transfer::DRAIN:
          out->flags |= kFlagDrain;
          break;
        case ::wskcert::Transfer::NODELAY:
          out->flags |= kFlagNoDelay;
          break;
        case ::wskcert::Transfer::OOB:
          out->flags |= 1;
          break;
        default:
          break;
      }
    }
  }
  void OnTarget(ProgramStep* out, Op op, uint32_t target, uint32_t limit, uint16_t* used) {
    Simple(out, op);
    out->target = Slot(target, limit, used, "target");
  }

  void CompileOp(const StepProto& in, ProgramStep* out) {
    if (CompileClientOp(in, out) || CompileSocketOp(in, out) || CompileStimulus(in, out)) return;
    CompileOwnOp(in, out);
  }

  bool CompileClientOp(const StepProto& in, ProgramStep* out) {
    switch (in.op_case()) {
      case StepProto::kRegister:
        Simple(out, Op::kRegister);
        out->code = in.register_().version() & 0xFFFF;
        out->flags = in.register_().no_client_event() ? 1 : 0;
        break;
      case StepProto::kCapture:
        Simple(out, Op::kCapture);
        out->length = in.capture().has_wait_ms() ? in.capture().wait_ms() : 0xFFFFFFFF;
        break;
      case StepProto::kQueryCharacteristics:
        Simple(out, Op::kQueryCharacteristics);
        break;
      case StepProto::kReleaseNpi:
        Simple(out, Op::kReleaseNpi);
        break;
      case StepProto::kDeregister:
        Simple(out, Op::kDeregister);
        break;
      case StepProto::kControlClient:
        Simple(out, Op::kControlClient);
        out->code = static_cast<uint32_t>(in.control_client().code());
        out->mask = Mask(in.control_client().mask(), in.control_client().raw_mask());
        out->npi = Npi(in.control_client().npi());
        out->size = Size(in.control_client().size());
        break;
      case StepProto::kSocket:
        Simple(out, Op::kSocket);
        out->socket = Socket(in.socket().socket());
        out->code = static_cast<uint32_t>(in.socket().category()) | in.socket().raw_flags();
        out->mask = DispatchSubset(in.socket().dispatch(), in.socket().no_dispatch());
        break;
      case StepProto::kSocketConnect:
        Simple(out, Op::kSocketConnect);
        out->socket = Socket(in.socket_connect().socket());
        out->peer = Peer(in.socket_connect().peer());
        out->mask = DispatchSubset(in.socket_connect().dispatch(), in.socket_connect().no_dispatch());
        break;
      default:
        return false;
    }
    return true;
  }

  uint8_t Npi(int npi) {
    if (npi < 0 || npi > NPI_NULL) Fail(absl::StrCat(Path(), ".npi"), "unknown");
    return static_cast<uint8_t>(npi);
  }
  uint32_t Size(uint32_t size) {
    if (size > 65536) Fail(absl::StrCat(Path(), ".size"), "beyond 65536");
    return size;
  }

  bool CompileSocketOp(const StepProto& in, ProgramStep* out) {
    switch (in.op_case()) {
      case StepProto::kBind:
        OnSocket(out, Op::kBind, in.bind());
        break;
      case StepProto::kListen:
        OnSocket(out, Op::kListen, in.listen());
        break;
      case StepProto::kConnect:
        WithPeer(out, Op::kConnect, in.connect(), true);
        break;
      case StepProto::kConnectEx:
        WithPeer(out, Op::kConnectEx, in.connect_ex(), true);
        break;
      case StepProto::kAccept:
        Simple(out, Op::kAccept);
        out->socket = Socket(in.accept().socket());
        out->target = Socket(in.accept().accepted());
        out->mask = DispatchSubset(in.accept().dispatch(), in.accept().no_dispatch());
        break;
      case StepProto::kEventCallback:
        Simple(out, Op::kEventCallback);
        out->socket = Socket(in.event_callback().socket());
        out->mask = Mask(in.event_callback().mask(), in.event_callback().raw_mask());
        out->npi = Npi(in.event_callback().npi());
        out->size = Size(in.event_callback().size());
        break;
      case StepProto::kGetEventCallback:
        OnSocket(out, Op::kGetEventCallback, in.get_event_callback());
        break;
      case StepProto::kConditionalAccept:
        Simple(out, Op::kConditionalAccept);
        out->socket = Socket(in.conditional_accept().socket());
        out->code = in.conditional_accept().value();
        break;
      case StepProto::kGetConditionalAccept:
        OnSocket(out, Op::kGetConditionalAccept, in.get_conditional_accept());
        break;
      case StepProto::kQuerySendBacklog:
        OnSocket(out, Op::kQuerySendBacklog, in.query_send_backlog());
        break;
      case StepProto::kQueryInspectId:
        OnSocket(out, Op::kQueryInspectId, in.query_inspect_id());
        break;
      case StepProto::kRegisterExtension:
        Simple(out, Op::kRegisterExtension);
        out->socket = Socket(in.register_extension().socket());
        out->npi = Npi(in.register_extension().npi());
        break;
      case StepProto::kPing:
        Simple(out, Op::kPing);
        out->socket = Socket(in.ping().socket());
        out->length = in.ping().value();
        break;
      case StepProto::kSetRemoteAddress:
        WithPeer(out, Op::kSetRemoteAddress, in.set_remote_address(), true);
        break;
      case StepProto::kSetSendtoAddress:
        WithPeer(out, Op::kSetSendToAddress, in.set_sendto_address(), true);
        break;
      case StepProto::kSetSilentMode:
        OnSocket(out, Op::kSetSilentMode, in.set_silent_mode());
        break;
      case StepProto::kSend:
        Transfer(out, Op::kSend, in.send(), false);
        break;
      case StepProto::kReceive:
        Transfer(out, Op::kReceive, in.receive(), false);
        break;
      case StepProto::kSendTo:
        Transfer(out, Op::kSendTo, in.send_to(), true);
        break;
      case StepProto::kReceiveFrom:
        Transfer(out, Op::kReceiveFrom, in.receive_from(), false);
        break;
      case StepProto::kDisconnect:
        Simple(out, Op::kDisconnect);
        out->socket = Socket(in.disconnect().socket());
        out->flags = in.disconnect().abortive() ? kFlagAbortive : 0;
        out->length = Length(in.disconnect().length());
        break;
      case StepProto::kInspectComplete:
        Simple(out, Op::kInspectComplete);
        out->socket = Socket(in.inspect_complete().socket());
        out->target = Slot(in.inspect_complete().inspect(), kMaxInspects, &header_.inspects, "inspect");
        out->code = static_cast<uint32_t>(in.inspect_complete().action());
        break;
      case StepProto::kGetLocalAddress:
        OnSocket(out, Op::kGetLocalAddress, in.get_local_address());
        break;
      case StepProto::kGetRemoteAddress:
        OnSocket(out, Op::kGetRemoteAddress, in.get_remote_address());
        break;
      case StepProto::kClose:
        OnSocket(out, Op::kClose, in.close());
        break;
      case StepProto::kRelease:
        Simple(out, Op::kRelease);
        out->socket = Socket(in.release().socket());
        if (in.release().no_list()) break;
        out->target = Slot(in.release().retained(), kMaxRetained, &header_.retained, "retained");
        break;
      default:
        return false;
    }
    return true;
  }

  bool CompileStimulus(const StepProto& in, ProgramStep* out) {
    switch (in.op_case()) {
      case StepProto::kPeerListen:
        Simple(out, Op::kPeerListen);
        out->peer = Peer(in.peer_listen().peer());
        out->code = static_cast<uint32_t>(in.peer_listen().policy());
        break;
      case StepProto::kPeerConnect:
        WithPeer(out, Op::kPeerConnect, in.peer_connect(), true);
        break;
      case StepProto::kPeerAbandon:
        WithPeer(out, Op::kPeerAbandon, in.peer_abandon(), false);
        break;
      case StepProto::kPeerSend:
      case StepProto::kPeerSendDatagram:
      case StepProto::kSetIdealBacklog:
        PeerSends(in, out);
        break;
      case StepProto::kPeerDisconnect:
        WithPeer(out, Op::kPeerDisconnect, in.peer_disconnect(), false);
        break;
      case StepProto::kPeerReset:
        WithPeer(out, Op::kPeerReset, in.peer_reset(), false);
        break;
      case StepProto::kPeerHoldAcks:
        Simple(out, Op::kPeerHoldAcks);
        out->peer = Peer(in.peer_hold_acks().peer());
        out->code = in.peer_hold_acks().hold() ? 1 : 0;
        break;
      case StepProto::kBreakSocket:
        WithPeer(out, Op::kBreakSocket, in.break_socket(), false);
        break;
      case StepProto::kFailAllocations:
        Simple(out, Op::kFailAllocations);
        out->length = in.fail_allocations().count();
        break;
      case StepProto::kBreakBound:
        OnSocket(out, Op::kBreakBound, in.break_bound());
        break;
      case StepProto::kNoHalfOpen:
        WithPeer(out, Op::kNoHalfOpen, in.no_half_open(), false);
        break;
      case StepProto::kSetReady:
        Simple(out, Op::kSetReady);
        out->code = in.set_ready().ready() ? 1 : 0;
        break;
      case StepProto::kTransportListChange:
        Simple(out, Op::kTransportListChange);
        break;
      default:
        return false;
    }
    return true;
  }

  void PeerSends(const StepProto& in, ProgramStep* out) {
    const bool datagram = in.op_case() == StepProto::kPeerSendDatagram;
    const bool backlog = in.op_case() == StepProto::kSetIdealBacklog;
    const PeerSend& send = datagram  ? in.peer_send_datagram()
                           : backlog ? in.set_ideal_backlog()
                                     : in.peer_send();
    Simple(out, datagram ? Op::kPeerSendDatagram : backlog ? Op::kSetIdealBacklog : Op::kPeerSend);
    out->peer = Peer(send.peer());
    if (datagram) out->socket = Socket(send.socket());
    out->length = backlog ? send.length() : Length(send.length());
    out->flags = send.push() ? 1 : 0;
    if (datagram) out->code = static_cast<uint32_t>(send.cast());
  }

  void CompileOwnOp(const StepProto& in, ProgramStep* out) {
    switch (in.op_case()) {
      case StepProto::kCancelIrp:
        return IrpOp(in, out, Op::kCancelIrp);
      case StepProto::kSettle:
        return Simple(out, Op::kSettle);
      case StepProto::kReleaseHold:
        return OnTarget(out, Op::kReleaseHold, in.release_hold().target(), kMaxHolds, &header_.holds);
      case StepProto::kAwaitHold:
        return OnTarget(out, Op::kAwaitHold, in.await_hold().target(), kMaxHolds, &header_.holds);
      case StepProto::kAwaitIrp:
        return IrpOp(in, out, Op::kAwaitIrp);
      case StepProto::kReadRetained:
        return OnTarget(out, Op::kReadRetained, in.read_retained().target(), kMaxRetained, &header_.retained);
      case StepProto::kScribble:
        return IrpOp(in, out, Op::kScribble);
      default:
        return Simple(out, Op::kYield);
    }
  }

  void IrpOp(const StepProto& in, ProgramStep* out, Op op) {
    Simple(out, op);
    if (!in.has_irp()) Fail(absl::StrCat(Path(), ".irp"), "this step needs the slot of an IRP");
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
  Where where_;
  std::string error_;
  ProgramHeader header_ = {};
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
