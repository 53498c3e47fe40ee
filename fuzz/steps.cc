#include "fuzz/steps.h"

namespace wskcert::fuzz {
namespace {

template <typename T>
int Socket(const T& op) {
  return static_cast<int>(op.socket());
}

Slots OfSocket(int socket) { return {.socket = socket}; }
template <typename T>
Slots OfBoth(const T& op) {
  return {.socket = Socket(op), .peer = static_cast<int>(op.peer())};
}
template <typename T>
Slots OfPeer(const T& op) {
  return {.peer = static_cast<int>(op.peer())};
}
template <typename T>
void SetPeer(int peer, T* op) {
  op->set_peer(static_cast<uint32_t>(peer));
}
template <typename T>
void SetSocket(int socket, T* op) {
  op->set_socket(static_cast<uint32_t>(socket));
}
template <typename T>
void SetBoth(const Slots& slots, T* op) {
  SetSocket(slots.socket, op);
  SetPeer(slots.peer, op);
}

}  // namespace

Slots SlotsOf(const Step& step) {
  switch (step.op_case()) {
    case Step::kSocket:
      return OfSocket(Socket(step.socket()));
    case Step::kSocketConnect:
      return OfBoth(step.socket_connect());
    case Step::kBind:
      return OfSocket(Socket(step.bind()));
    case Step::kListen:
      return OfSocket(Socket(step.listen()));
    case Step::kConnect:
      return OfBoth(step.connect());
    case Step::kConnectEx:
      return OfBoth(step.connect_ex());
    case Step::kAccept:
      return {.socket = Socket(step.accept()), .accepted = static_cast<int>(step.accept().accepted())};
    case Step::kEventCallback:
      return OfSocket(Socket(step.event_callback()));
    case Step::kGetEventCallback:
      return OfSocket(Socket(step.get_event_callback()));
    case Step::kConditionalAccept:
      return OfSocket(Socket(step.conditional_accept()));
    case Step::kGetConditionalAccept:
      return OfSocket(Socket(step.get_conditional_accept()));
    case Step::kQuerySendBacklog:
      return OfSocket(Socket(step.query_send_backlog()));
    case Step::kQueryInspectId:
      return OfSocket(Socket(step.query_inspect_id()));
    case Step::kRegisterExtension:
      return OfSocket(Socket(step.register_extension()));
    case Step::kSetRemoteAddress:
      return OfBoth(step.set_remote_address());
    case Step::kSetSendtoAddress:
      return OfBoth(step.set_sendto_address());
    case Step::kSetSilentMode:
      return OfSocket(Socket(step.set_silent_mode()));
    case Step::kSend:
      return OfSocket(Socket(step.send()));
    case Step::kReceive:
      return OfSocket(Socket(step.receive()));
    case Step::kSendTo:
      return OfBoth(step.send_to());
    case Step::kReceiveFrom:
      return OfSocket(Socket(step.receive_from()));
    case Step::kRelease:
      return {
          .socket = Socket(step.release()),
          .retained = step.release().no_list() ? kNoSlotUsed : static_cast<int>(step.release().retained())};
    case Step::kDisconnect:
      return OfSocket(Socket(step.disconnect()));
    case Step::kInspectComplete:
      return {.socket = Socket(step.inspect_complete()),
              .inspect = static_cast<int>(step.inspect_complete().inspect())};
    case Step::kGetLocalAddress:
      return OfSocket(Socket(step.get_local_address()));
    case Step::kGetRemoteAddress:
      return OfSocket(Socket(step.get_remote_address()));
    case Step::kClose:
      return OfSocket(Socket(step.close()));
    case Step::kPing:
      return OfSocket(Socket(step.ping()));
    case Step::kPeerListen:
      return OfPeer(step.peer_listen());
    case Step::kPeerConnect:
      return OfBoth(step.peer_connect());
    case Step::kPeerAbandon:
      return OfPeer(step.peer_abandon());
    case Step::kPeerSend:
      return OfPeer(step.peer_send());
    case Step::kPeerSendDatagram:
      return OfBoth(step.peer_send_datagram());
    case Step::kPeerDisconnect:
      return OfPeer(step.peer_disconnect());
    case Step::kPeerReset:
      return OfPeer(step.peer_reset());
    case Step::kPeerHoldAcks:
      return OfPeer(step.peer_hold_acks());
    case Step::kSetIdealBacklog:
      return OfPeer(step.set_ideal_backlog());
    case Step::kBreakSocket:
      return OfPeer(step.break_socket());
    case Step::kBreakBound:
      return OfSocket(Socket(step.break_bound()));
    case Step::kNoHalfOpen:
      return OfPeer(step.no_half_open());
    case Step::kReleaseHold:
      return {.hold = static_cast<int>(step.release_hold().target())};
    case Step::kAwaitHold:
      return {.hold = static_cast<int>(step.await_hold().target())};
    case Step::kReadRetained:
      return {.retained = static_cast<int>(step.read_retained().target())};
    default:
      return {};
  }
}

void SetSlots(const Slots& slots, Step* step) {
  switch (step->op_case()) {
    case Step::kSocket:
      return SetSocket(slots.socket, step->mutable_socket());
    case Step::kSocketConnect:
      return SetBoth(slots, step->mutable_socket_connect());
    case Step::kBind:
      return SetSocket(slots.socket, step->mutable_bind());
    case Step::kListen:
      return SetSocket(slots.socket, step->mutable_listen());
    case Step::kConnect:
      return SetBoth(slots, step->mutable_connect());
    case Step::kConnectEx:
      return SetBoth(slots, step->mutable_connect_ex());
    case Step::kAccept:
      step->mutable_accept()->set_accepted(static_cast<uint32_t>(slots.accepted));
      return SetSocket(slots.socket, step->mutable_accept());
    case Step::kEventCallback:
      return SetSocket(slots.socket, step->mutable_event_callback());
    case Step::kGetEventCallback:
      return SetSocket(slots.socket, step->mutable_get_event_callback());
    case Step::kConditionalAccept:
      return SetSocket(slots.socket, step->mutable_conditional_accept());
    case Step::kGetConditionalAccept:
      return SetSocket(slots.socket, step->mutable_get_conditional_accept());
    case Step::kQuerySendBacklog:
      return SetSocket(slots.socket, step->mutable_query_send_backlog());
    case Step::kQueryInspectId:
      return SetSocket(slots.socket, step->mutable_query_inspect_id());
    case Step::kRegisterExtension:
      return SetSocket(slots.socket, step->mutable_register_extension());
    case Step::kSetRemoteAddress:
      return SetBoth(slots, step->mutable_set_remote_address());
    case Step::kSetSendtoAddress:
      return SetBoth(slots, step->mutable_set_sendto_address());
    case Step::kSetSilentMode:
      return SetSocket(slots.socket, step->mutable_set_silent_mode());
    case Step::kSend:
      return SetSocket(slots.socket, step->mutable_send());
    case Step::kReceive:
      return SetSocket(slots.socket, step->mutable_receive());
    case Step::kSendTo:
      return SetBoth(slots, step->mutable_send_to());
    case Step::kReceiveFrom:
      return SetSocket(slots.socket, step->mutable_receive_from());
    case Step::kRelease:
      if (!step->release().no_list()) {
        step->mutable_release()->set_retained(static_cast<uint32_t>(slots.retained));
      }
      return SetSocket(slots.socket, step->mutable_release());
    case Step::kDisconnect:
      return SetSocket(slots.socket, step->mutable_disconnect());
    case Step::kInspectComplete:
      step->mutable_inspect_complete()->set_inspect(static_cast<uint32_t>(slots.inspect));
      return SetSocket(slots.socket, step->mutable_inspect_complete());
    case Step::kGetLocalAddress:
      return SetSocket(slots.socket, step->mutable_get_local_address());
    case Step::kGetRemoteAddress:
      return SetSocket(slots.socket, step->mutable_get_remote_address());
    case Step::kClose:
      return SetSocket(slots.socket, step->mutable_close());
    case Step::kPing:
      return SetSocket(slots.socket, step->mutable_ping());
    case Step::kPeerListen:
      return SetPeer(slots.peer, step->mutable_peer_listen());
    case Step::kPeerConnect:
      return SetBoth(slots, step->mutable_peer_connect());
    case Step::kPeerAbandon:
      return SetPeer(slots.peer, step->mutable_peer_abandon());
    case Step::kPeerSend:
      return SetPeer(slots.peer, step->mutable_peer_send());
    case Step::kPeerSendDatagram:
      return SetBoth(slots, step->mutable_peer_send_datagram());
    case Step::kPeerDisconnect:
      return SetPeer(slots.peer, step->mutable_peer_disconnect());
    case Step::kPeerReset:
      return SetPeer(slots.peer, step->mutable_peer_reset());
    case Step::kPeerHoldAcks:
      return SetPeer(slots.peer, step->mutable_peer_hold_acks());
    case Step::kSetIdealBacklog:
      return SetPeer(slots.peer, step->mutable_set_ideal_backlog());
    case Step::kBreakSocket:
      return SetPeer(slots.peer, step->mutable_break_socket());
    case Step::kBreakBound:
      return SetSocket(slots.socket, step->mutable_break_bound());
    case Step::kNoHalfOpen:
      return SetPeer(slots.peer, step->mutable_no_half_open());
    case Step::kReleaseHold:
      return step->mutable_release_hold()->set_target(static_cast<uint32_t>(slots.hold));
    case Step::kAwaitHold:
      return step->mutable_await_hold()->set_target(static_cast<uint32_t>(slots.hold));
    case Step::kReadRetained:
      return step->mutable_read_retained()->set_target(static_cast<uint32_t>(slots.retained));
    default:
      return;
  }
}

TakesIrp IrpOf(Step::OpCase op) {
  switch (op) {
    case Step::kEventCallback:
    case Step::kGetEventCallback:
    case Step::kControlClient:
    case Step::kQueryInspectId:
    case Step::kRegisterExtension:
      return TakesIrp::kMay;
    case Step::kSocket:
    case Step::kSocketConnect:
    case Step::kBind:
    case Step::kListen:
    case Step::kConnect:
    case Step::kConnectEx:
    case Step::kAccept:
    case Step::kConditionalAccept:
    case Step::kGetConditionalAccept:
    case Step::kQuerySendBacklog:
    case Step::kSetRemoteAddress:
    case Step::kSetSendtoAddress:
    case Step::kSetSilentMode:
    case Step::kSend:
    case Step::kReceive:
    case Step::kSendTo:
    case Step::kReceiveFrom:
    case Step::kDisconnect:
    case Step::kInspectComplete:
    case Step::kGetLocalAddress:
    case Step::kGetRemoteAddress:
    case Step::kClose:
      return TakesIrp::kMust;
    default:
      return TakesIrp::kNo;
  }
}

}  // namespace wskcert::fuzz
