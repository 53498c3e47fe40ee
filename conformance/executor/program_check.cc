#include "conformance/executor/program_check.h"

namespace wskcert {
namespace {

// Which slots an operation needs.
enum Needs : uint8_t {
  kNone = 0,
  kSocketSlot = 1,
  kPeerSlot = 2,
  kRetainedSlot = 4,
  kHoldSlot = 8,
  kIrpSlot = 16,
  kAcceptedSlot = 32,
  kInspectSlot = 64
};

struct OpRow {
  Op op;
  const char* name;
  uint8_t needs;
};

constexpr OpRow kOps[] = {
    {Op::kRegister, "register", kNone},
    {Op::kCapture, "capture", kNone},
    {Op::kQueryCharacteristics, "query_characteristics", kNone},
    {Op::kReleaseNpi, "release_npi", kNone},
    {Op::kDeregister, "deregister", kNone},
    {Op::kControlClient, "control_client", kNone},
    {Op::kSocket, "socket", kSocketSlot},
    {Op::kSocketConnect, "socket_connect", kSocketSlot | kPeerSlot},
    {Op::kBind, "bind", kSocketSlot},
    {Op::kListen, "listen", kSocketSlot},
    {Op::kConnect, "connect", kSocketSlot | kPeerSlot},
    {Op::kConnectEx, "connect_ex", kSocketSlot | kPeerSlot},
    {Op::kAccept, "accept", kSocketSlot | kAcceptedSlot},
    {Op::kEventCallback, "event_callback", kSocketSlot},
    {Op::kGetEventCallback, "get_event_callback", kSocketSlot},
    {Op::kConditionalAccept, "conditional_accept", kSocketSlot},
    {Op::kGetConditionalAccept, "get_conditional_accept", kSocketSlot},
    {Op::kQuerySendBacklog, "query_send_backlog", kSocketSlot},
    {Op::kQueryInspectId, "query_inspect_id", kSocketSlot},
    {Op::kRegisterExtension, "register_extension", kSocketSlot},
    {Op::kSetRemoteAddress, "set_remote_address", kSocketSlot | kPeerSlot},
    {Op::kSetSendToAddress, "set_sendto_address", kSocketSlot | kPeerSlot},
    {Op::kSetSilentMode, "set_silent_mode", kSocketSlot},
    {Op::kSend, "send", kSocketSlot},
    {Op::kReceive, "receive", kSocketSlot},
    {Op::kSendTo, "send_to", kSocketSlot | kPeerSlot},
    {Op::kReceiveFrom, "receive_from", kSocketSlot},
    {Op::kRelease, "release", kSocketSlot | kRetainedSlot},
    {Op::kDisconnect, "disconnect", kSocketSlot},
    {Op::kInspectComplete, "inspect_complete", kSocketSlot | kInspectSlot},
    {Op::kGetLocalAddress, "get_local_address", kSocketSlot},
    {Op::kGetRemoteAddress, "get_remote_address", kSocketSlot},
    {Op::kCancelIrp, "cancel_irp", kIrpSlot},
    {Op::kClose, "close", kSocketSlot},
    {Op::kPing, "ping", kSocketSlot},
    {Op::kPeerListen, "peer_listen", kPeerSlot},
    {Op::kPeerConnect, "peer_connect", kSocketSlot | kPeerSlot},
    {Op::kPeerAbandon, "peer_abandon", kPeerSlot},
    {Op::kPeerSend, "peer_send", kPeerSlot},
    {Op::kPeerSendDatagram, "peer_send_datagram", kSocketSlot | kPeerSlot},
    {Op::kPeerDisconnect, "peer_disconnect", kPeerSlot},
    {Op::kPeerReset, "peer_reset", kPeerSlot},
    {Op::kPeerHoldAcks, "peer_hold_acks", kPeerSlot},
    {Op::kSetIdealBacklog, "set_ideal_backlog", kPeerSlot},
    {Op::kBreakSocket, "break_socket", kPeerSlot},
    {Op::kFailAllocations, "fail_allocations", kNone},
    {Op::kTransportListChange, "transport_list_change", kNone},
    {Op::kBreakBound, "break_bound", kSocketSlot},
    {Op::kNoHalfOpen, "no_half_open", kPeerSlot},
    {Op::kSetReady, "set_ready", kNone},
    {Op::kSettle, "settle", kNone},
    {Op::kReleaseHold, "release_hold", kHoldSlot},
    {Op::kAwaitHold, "await_hold", kHoldSlot},
    {Op::kAwaitIrp, "await_irp", kIrpSlot},
    {Op::kReadRetained, "read_retained", kRetainedSlot},
    {Op::kScribble, "scribble", kIrpSlot},
    {Op::kYield, "yield", kNone},
};

const OpRow* FindOp(uint16_t op) {
  for (const OpRow& row : kOps) {
    if (static_cast<uint16_t>(row.op) == op) return &row;
  }
  return nullptr;
}

bool Waits(uint16_t op) {
  const Op o = static_cast<Op>(op);
  return o == Op::kSettle || o == Op::kAwaitHold || o == Op::kAwaitIrp;
}

class Checker {
 public:
  Checker(const void* bytes, size_t size) : bytes_(static_cast<const uint8_t*>(bytes)), size_(size) {}

  ProgramError Check() {
    if (!CheckHeader() || !CheckThreads() || !CheckScripts() || !CheckSteps() || !CheckScriptSteps())
      return error_;
    CheckChoices();
    return error_;
  }

 private:
  bool Fail(ProgramFault fault, uint32_t index) {
    error_ = {fault, index};
    return false;
  }

  bool CheckHeader() {
    if (reinterpret_cast<uintptr_t>(bytes_) % 8 != 0) return Fail(ProgramFault::kMisaligned, 0);
    if (size_ < sizeof(ProgramHeader)) return Fail(ProgramFault::kTooShort, sizeof(ProgramHeader));
    header_ = reinterpret_cast<const ProgramHeader*>(bytes_);
    const ProgramHeader& h = *header_;
    if (h.magic != kProgramMagic) return Fail(ProgramFault::kNotAProgram, h.magic);
    if (h.version != kFormatVersion || h.header_size != sizeof(ProgramHeader)) {
      return Fail(ProgramFault::kVersion, h.version);
    }
    if (h.total_size != size_ || size_ > kMaxProgramBytes) return Fail(ProgramFault::kTooShort, h.total_size);
    for (const uint32_t reserved : h.reserved1) {
      if (reserved != 0) return Fail(ProgramFault::kReserved, 0);
    }
    if (h.reserved0 != 0 || h.manual_setup > 1 || h.manual_teardown > 1 || h.ipv6 > 1) {
      return Fail(ProgramFault::kReserved, 0);
    }
    if (h.threads == 0 || h.threads > kMaxThreads || h.scripts > kMaxScripts || h.steps > kMaxSteps ||
        h.clients > kMaxClients || h.sockets > kMaxSockets || h.irps > kMaxIrps || h.peers > kMaxPeers ||
        h.holds > kMaxHolds || h.retained > kMaxRetained || h.inspects > kMaxInspects ||
        h.choices > kMaxChoices || h.schedule_size > kMaxScheduleBytes) {
      return Fail(ProgramFault::kCounts, 0);
    }
    // None of the products can overflow: the counts are bounded.
    uint64_t at = sizeof(ProgramHeader);
    threads_ = reinterpret_cast<const ProgramThread*>(bytes_ + at);
    at += static_cast<uint64_t>(h.threads) * sizeof(ProgramThread);
    scripts_ = reinterpret_cast<const ProgramScript*>(bytes_ + at);
    at += static_cast<uint64_t>(h.scripts) * sizeof(ProgramScript);
    steps_ = reinterpret_cast<const ProgramStep*>(bytes_ + at);
    at += static_cast<uint64_t>(h.steps) * sizeof(ProgramStep);
    choices_ = reinterpret_cast<const ProgramChoice*>(bytes_ + at);
    at += static_cast<uint64_t>(h.choices) * sizeof(ProgramChoice) + h.schedule_size;
    if (at != size_) return Fail(ProgramFault::kSize, static_cast<uint32_t>(at));
    return true;
  }

  bool InSteps(uint32_t first, uint32_t count) const {
    return first <= header_->steps && count <= header_->steps - first;
  }

  // Threads first, then scripts, in the order of their steps and without gaps: the order in which they are
  // compiled, and the cheapest proof that no step belongs to two.
  bool CheckThreads() {
    for (uint32_t i = 0; i < header_->threads; ++i) {
      if (!InSteps(threads_[i].first_step, threads_[i].step_count))
        return Fail(ProgramFault::kThreadRange, i);
      if (threads_[i].first_step != next_step_) return Fail(ProgramFault::kScriptOverlap, i);
      next_step_ += threads_[i].step_count;
    }
    first_script_step_ = next_step_;
    return true;
  }

  bool CheckScripts() {
    const ProgramHeader& h = *header_;
    for (uint32_t i = 0; i < h.scripts; ++i) {
      const ProgramScript& s = scripts_[i];
      const bool completion = s.event == kScriptOnCompletion;
      if ((!completion && s.event >= kEventCount) || s.returns > static_cast<uint8_t>(ScriptReturn::kRaw)) {
        return Fail(ProgramFault::kScriptEvent, i);
      }
      if (s.reserved != 0) return Fail(ProgramFault::kReserved, i);
      if (s.socket >= (completion ? h.irps : h.sockets)) return Fail(ProgramFault::kScriptSlot, i);
      if (s.hold != kNoSlot && s.hold >= h.holds) return Fail(ProgramFault::kScriptSlot, i);
      if (s.hold != kNoSlot && completion) return Fail(ProgramFault::kHeldCompletion, i);
      if (!TargetFits(s)) return Fail(ProgramFault::kScriptSlot, i);
      if (!InSteps(s.first_step, s.step_count)) return Fail(ProgramFault::kScriptRange, i);
      if (s.first_step != next_step_) return Fail(ProgramFault::kScriptOverlap, i);
      next_step_ += s.step_count;
    }
    if (next_step_ != h.steps) return Fail(ProgramFault::kScriptOverlap, next_step_);
    return true;
  }

  bool TargetFits(const ProgramScript& s) const {
    if (s.target == kNoSlot) return true;
    if (s.event == static_cast<uint8_t>(Event::kAccept)) return s.target < header_->sockets;
    if (s.event == static_cast<uint8_t>(Event::kInspect)) return s.target < header_->inspects;
    return s.target < header_->retained;
  }

  bool CheckSteps() {
    const ProgramHeader& h = *header_;
    for (uint32_t i = 0; i < h.steps; ++i) {
      const ProgramStep& s = steps_[i];
      const OpRow* row = FindOp(s.op);
      if (row == nullptr) return Fail(ProgramFault::kOp, i);
      if (s.reserved0 != 0 || s.reserved1 != 0) return Fail(ProgramFault::kReserved, i);
      if (!SlotFits(s.socket, h.sockets, row->needs & kSocketSlot) ||
          !SlotFits(s.peer, h.peers, row->needs & kPeerSlot) ||
          !SlotFits(s.irp, h.irps, row->needs & kIrpSlot) || !StepTargetFits(s, row->needs)) {
        return Fail(ProgramFault::kStepSlot, i);
      }
      const bool level =
          s.irql == kPassiveLevel || (s.irql == kDispatchLevel && !NeedsPassiveLevel(s.op, s.length));
      if (!level) return Fail(ProgramFault::kStepLevel, i);
      if (s.client >= kMaxClients || (s.client != 0 && s.client >= h.clients) ||
          s.npi > static_cast<uint8_t>(Npi::kNull) ||
          s.irp_style > static_cast<uint8_t>(IrpStyle::kPassedDown) || s.step_flags > 3 ||
          (s.length > kMaxTransferBytes && !LengthIsANumber(s.op)) || s.size > 65536) {
        return Fail(ProgramFault::kStepRange, i);
      }
    }
    return true;
  }

  // For these `length` is a value, not a number of bytes that are moved.
  static bool LengthIsANumber(uint16_t op) {
    const Op o = static_cast<Op>(op);
    return o == Op::kCapture || o == Op::kSetIdealBacklog || o == Op::kFailAllocations || o == Op::kPing;
  }

  static bool SlotFits(uint16_t slot, uint32_t count, bool needed) {
    return slot == kNoSlot ? !needed : slot < count;
  }

  bool StepTargetFits(const ProgramStep& s, uint8_t needs) const {
    // A release without a slot is one of a NULL list.
    if (static_cast<Op>(s.op) == Op::kRelease && s.target == kNoSlot) return true;
    if ((needs & kRetainedSlot) != 0) return s.target < header_->retained;
    if ((needs & kHoldSlot) != 0) return s.target < header_->holds;
    if ((needs & kAcceptedSlot) != 0) return s.target < header_->sockets;
    if ((needs & kInspectSlot) != 0) return s.target < header_->inspects;
    return s.target == kNoSlot;
  }

  bool CheckScriptSteps() {
    for (uint32_t i = first_script_step_; i < header_->steps; ++i) {
      if (Waits(steps_[i].op)) return Fail(ProgramFault::kWaitInScript, i);
    }
    // A release inside a script is good only if it is not the held call's own: its steps run before the hold,
    // so it would merely open the gate beforehand; that is harmless, and the only hold it can miss is one of
    // the same slot.
    for (uint32_t i = 0; i < header_->scripts; ++i) {
      const ProgramScript& s = scripts_[i];
      if (s.hold == kNoSlot) continue;
      for (uint32_t k = s.first_step; k < s.first_step + s.step_count; ++k) {
        if (steps_[k].op == static_cast<uint16_t>(Op::kReleaseHold) && steps_[k].target == s.hold) {
          return Fail(ProgramFault::kReleaseInHold, i);
        }
      }
    }
    return true;
  }

  bool CheckChoices() {
    for (uint32_t i = 0; i < header_->choices; ++i) {
      for (uint32_t k = 0; k < i; ++k) {
        if (choices_[k].kind == choices_[i].kind) return Fail(ProgramFault::kChoice, i);
      }
    }
    return true;
  }

  const uint8_t* bytes_;
  size_t size_;
  ProgramError error_ = {ProgramFault::kNone, 0};
  const ProgramHeader* header_ = nullptr;
  const ProgramThread* threads_ = nullptr;
  const ProgramScript* scripts_ = nullptr;
  const ProgramStep* steps_ = nullptr;
  const ProgramChoice* choices_ = nullptr;
  uint32_t next_step_ = 0;
  uint32_t first_script_step_ = 0;
};

}  // namespace

ProgramError ValidateProgram(const void* bytes, size_t size) { return Checker(bytes, size).Check(); }

bool NeedsPassiveLevel(uint16_t op, uint32_t length) {
  const Op o = static_cast<Op>(op);
  return o == Op::kDeregister || (o == Op::kCapture && length != 0);
}

bool IsKnownOp(uint16_t op) { return FindOp(op) != nullptr; }

const char* OpName(uint16_t op) {
  const OpRow* row = FindOp(op);
  return row != nullptr ? row->name : nullptr;
}

const char* ProgramFaultText(ProgramFault fault) {
  switch (fault) {
    case ProgramFault::kNone:
      return "nothing is wrong";
    case ProgramFault::kTooShort:
      return "the size it states is not the size given";
    case ProgramFault::kMisaligned:
      return "it does not start at a multiple of 8";
    case ProgramFault::kNotAProgram:
      return "it is not a program (magic number)";
    case ProgramFault::kVersion:
      return "it has a version of the format that is not supported";
    case ProgramFault::kReserved:
      return "a reserved field is not zero";
    case ProgramFault::kCounts:
      return "a count is beyond its limit";
    case ProgramFault::kSize:
      return "its parts do not add up to its size";
    case ProgramFault::kThreadRange:
      return "a thread names steps that do not exist";
    case ProgramFault::kScriptRange:
      return "a script names steps that do not exist";
    case ProgramFault::kScriptOverlap:
      return "a step belongs to two threads or scripts, or to none";
    case ProgramFault::kScriptEvent:
      return "a script has an unknown event or return";
    case ProgramFault::kScriptSlot:
      return "a script names a slot that the header does not declare";
    case ProgramFault::kOp:
      return "a step has an unknown operation";
    case ProgramFault::kStepSlot:
      return "a step names a slot that the header does not declare, or lacks one";
    case ProgramFault::kStepLevel:
      return "a step is at a level other than PASSIVE and DISPATCH, or one that may wait at DISPATCH";
    case ProgramFault::kStepRange:
      return "a field of a step is out of range";
    case ProgramFault::kWaitInScript:
      return "a step waits inside a callback or completion routine";
    case ProgramFault::kHeldCompletion:
      return "a completion routine cannot be held";
    case ProgramFault::kReleaseInHold:
      return "a callback would release its own hold";
    case ProgramFault::kChoice:
      return "the same choice is fixed twice";
  }
  return "unknown";
}

}  // namespace wskcert
