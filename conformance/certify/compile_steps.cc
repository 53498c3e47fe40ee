#include "conformance/certify/compile_steps.h"

#include "conformance/executor/program_check.h"

namespace wskcert {
namespace {

uint32_t Mask(const google::protobuf::RepeatedField<int>& flags, uint32_t raw) {
  uint32_t mask = raw;
  for (const int flag : flags) mask |= flag == DISABLE ? kEventDisable : static_cast<uint32_t>(flag);
  return mask;
}

}  // namespace

uint32_t DispatchSubset(const google::protobuf::RepeatedField<int>& events, bool none) {
  if (none) return kNoDispatch;
  if (events.empty()) return kAllDispatch;
  uint32_t subset = 0;
  for (const int event : events) {
    if (event >= 0 && event < static_cast<int>(kEventCount)) subset |= DispatchBit(static_cast<Event>(event));
  }
  return subset;
}

ProgramStep StepCompiler::CompileStep(const StepProto& in) {
  ProgramStep out = {};
  out.socket = out.irp = out.peer = out.target = kNoSlot;
  if (in.client() >= kMaxClients) {
    Fail(absl::StrCat(Path(), ".client"), absl::StrCat(in.client(), " is beyond the limit of ", kMaxClients));
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
  if (in.at_dispatch() && NeedsPassiveLevel(out.op, out.length)) {
    Fail(absl::StrCat(Path(), ".at_dispatch"), "a call that may wait is made at PASSIVE_LEVEL");
  }
  return out;
}

void StepCompiler::Simple(ProgramStep* out, Op op) { out->op = static_cast<uint16_t>(op); }
void StepCompiler::OnSocket(ProgramStep* out, Op op, const ::wskcert::OnSocket& in) {
  Simple(out, op);
  out->socket = Socket(in.socket());
  out->mask = in.level();
}
void StepCompiler::WithPeer(ProgramStep* out, Op op, const ::wskcert::WithPeer& in, bool socket) {
  Simple(out, op);
  if (socket) out->socket = Socket(in.socket());
  out->peer = Peer(in.peer());
  out->length = Length(in.length());
  out->flags = in.raw_flags();
}
void StepCompiler::Transfer(ProgramStep* out, Op op, const ::wskcert::Transfer& in, bool peer) {
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
void StepCompiler::OnTarget(ProgramStep* out, Op op, uint32_t target, uint32_t limit, uint16_t* used) {
  Simple(out, op);
  out->target = Slot(target, limit, used, "target");
}

void StepCompiler::CompileOp(const StepProto& in, ProgramStep* out) {
  if (CompileClientOp(in, out) || CompileSocketOp(in, out) || CompileStimulus(in, out)) return;
  CompileOwnOp(in, out);
}

bool StepCompiler::CompileClientOp(const StepProto& in, ProgramStep* out) {
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

uint8_t StepCompiler::Npi(int npi) {
  if (npi < 0 || npi > NPI_NULL) Fail(absl::StrCat(Path(), ".npi"), "unknown");
  return static_cast<uint8_t>(npi);
}
uint32_t StepCompiler::Size(uint32_t size) {
  if (size > 65536) Fail(absl::StrCat(Path(), ".size"), "beyond 65536");
  return size;
}

bool StepCompiler::CompileSocketOp(const StepProto& in, ProgramStep* out) {
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

bool StepCompiler::CompileStimulus(const StepProto& in, ProgramStep* out) {
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

void StepCompiler::PeerSends(const StepProto& in, ProgramStep* out) {
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

void StepCompiler::CompileOwnOp(const StepProto& in, ProgramStep* out) {
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

void StepCompiler::IrpOp(const StepProto& in, ProgramStep* out, Op op) {
  Simple(out, op);
  if (!in.has_irp()) Fail(absl::StrCat(Path(), ".irp"), "this step needs the slot of an IRP");
}

}  // namespace wskcert
