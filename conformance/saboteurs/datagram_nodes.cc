// Saboteurs of what WskReceiveFromEvent and WskReceiveFrom say about datagrams, and of fixed addresses.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

// ---- Nodes. The provider has its list back afterwards.

NTSTATUS EndWithoutBuffer(ReceiveFromCall* call) {
  if (call->list == nullptr) return CallReceiveFrom(*call);
  PWSK_DATAGRAM_INDICATION last = call->list;
  while (last->Next != nullptr) last = last->Next;
  WSK_DATAGRAM_INDICATION* made = &call->socket->made_datagram;
  *made = {};
  made->Buffer.Length = 10;
  made->RemoteAddress = call->list->RemoteAddress;
  last->Next = made;
  const NTSTATUS status = CallReceiveFrom(*call);
  last->Next = nullptr;
  return status;
}

NTSTATUS NothingFirst(ReceiveFromCall* call) {
  if (call->list != nullptr && InterlockedExchange(&call->socket->mark, 1) == 0) {
    CallReceiveFrom({call->socket, call->flags, nullptr});
  }
  return CallReceiveFrom(*call);
}

NTSTATUS InvertBroadcast(ReceiveFromCall* call) {
  if (call->list != nullptr) call->flags ^= MSG_BCAST;
  return CallReceiveFrom(*call);
}

NTSTATUS LoseLastByte(ReceiveFromCall* call) {
  if (call->list == nullptr || call->list->Buffer.Length < 2) return CallReceiveFrom(*call);
  --call->list->Buffer.Length;
  const NTSTATUS status = CallReceiveFrom(*call);
  ++call->list->Buffer.Length;
  return status;
}

NTSTATUS NameSomebodyElse(ReceiveFromCall* call) {
  if (call->list == nullptr || call->list->RemoteAddress == nullptr) return CallReceiveFrom(*call);
  SOCKADDR_INET* other = &call->socket->address;
  const PSOCKADDR sender = call->list->RemoteAddress;
  const bool ipv6 = sender->sa_family == AF_INET6;
  RtlCopyMemory(other, sender, ipv6 ? sizeof(SOCKADDR_IN6) : sizeof(SOCKADDR_IN));
  // The port is at the same place in both families.
  other->Ipv4.sin_port ^= 0x8080;
  call->list->RemoteAddress = reinterpret_cast<PSOCKADDR>(other);
  const NTSTATUS status = CallReceiveFrom(*call);
  call->list->RemoteAddress = sender;
  return status;
}

NTSTATUS MeasureNoControlInfo(ReceiveFromCall* call) {
  if (call->list == nullptr || call->list->ControlInfo != nullptr) return CallReceiveFrom(*call);
  call->list->ControlInfoLength = 16;
  const NTSTATUS status = CallReceiveFrom(*call);
  call->list->ControlInfoLength = 0;
  return status;
}

// ---- WskReceiveFrom

NTSTATUS NoteReceiveFrom(Request* request) {
  if (request->function != Function::kReceiveFrom || request->irp == nullptr) return Pass(request);
  request->socket->asked_flags = request->control_flags;
  request->socket->asked_address = request->address;
  return Pass(request);
}
NTSTATUS HideTruncation(Completion* completion) {
  if (completion->function == Function::kReceiveFrom && completion->socket->asked_flags != nullptr) {
    *completion->socket->asked_flags &= ~static_cast<ULONG>(MSG_TRUNC);
  }
  return STATUS_SUCCESS;
}

NTSTATUS WatchReceiveFroms(Request* request) {
  if (request->irp != nullptr && request->function == Function::kReceiveFrom) {
    request->socket->asked_address = request->address;
  }
  return PassWatched(request, Function::kReceiveFrom);
}
// What completes a queued request is indicated as well, before.
NTSTATUS IndicateBeforeQueued(Completion* completion) {
  Socket* socket = completion->socket;
  const SIZE_T bytes = completion->irp->IoStatus.Information;
  if (!BringsWhatTheEventTells(*completion, Function::kReceiveFrom, kReceiveFromEvent) ||
      socket->refusals != 0 || socket->asked_address == nullptr || socket->asked_address->sa_family == 0) {
    return STATUS_SUCCESS;
  }
  WSK_DATAGRAM_INDICATION* made = &socket->made_datagram;
  *made = {};
  made->Buffer = *completion->buffer;
  made->Buffer.Length = bytes;
  made->RemoteAddress = socket->asked_address;
  CallReceiveFrom({socket, 0, made});
  return STATUS_SUCCESS;
}

// ---- Fixed addresses

bool IsIoctl(const Request& request, ULONG code) {
  return request.function == Function::kControl && request.control->type == WskIoctl &&
         request.control->code == code;
}

NTSTATUS ForgetRemoteAddress(Request* request) {
  if (!IsIoctl(*request, SIO_WSK_SET_REMOTE_ADDRESS) || request->irp == nullptr) return Pass(request);
  return Answer(request, STATUS_SUCCESS, STATUS_SUCCESS);
}

// A datagram to somebody else lifts the restriction.
NTSTATUS LiftBySending(Request* request) {
  Socket* socket = request->socket;
  if (IsIoctl(*request, SIO_WSK_SET_REMOTE_ADDRESS)) InterlockedExchange(&socket->mark, 1);
  if (request->function == Function::kSendTo && InterlockedExchange(&socket->mark, 0) != 0) {
    static const Control kClear = {WskIoctl, SIO_WSK_SET_REMOTE_ADDRESS, 0, 0, nullptr, 0, nullptr, nullptr};
    Request clear = {};
    clear.socket = socket;
    clear.function = Function::kControl;
    clear.control = &kClear;
    ForwardAlone(clear);
  }
  return Pass(request);
}

// A fixed destination is taken for a fixed remote address.
NTSTATUS NoteDestination(Request* request) {
  Socket* socket = request->socket;
  const Control* control = request->control;
  if (IsIoctl(*request, SIO_WSK_SET_SENDTO_ADDRESS) && control->input != nullptr &&
      control->input_size <= sizeof(socket->address)) {
    RtlCopyMemory(&socket->address, control->input, control->input_size);
    InterlockedExchange(&socket->mark, 1);
  }
  return Pass(request);
}
NTSTATUS HearDestinationOnly(ReceiveFromCall* call) {
  const Socket* socket = call->socket;
  if (call->list == nullptr || socket->mark == 0 || !CountsOn(socket, kReceiveFromEvent)) {
    return CallReceiveFrom(*call);
  }
  const auto* sender = reinterpret_cast<const SOCKADDR_INET*>(call->list->RemoteAddress);
  const bool same = sender->Ipv4.sin_port == socket->address.Ipv4.sin_port &&
                    sender->Ipv4.sin_addr.s_addr == socket->address.Ipv4.sin_addr.s_addr;
  return same ? CallReceiveFrom(*call) : STATUS_SUCCESS;
}

const Saboteur kSaboteurs[] = {
    {.info = {"receive-from-list-ends-without-buffer", "receive-from.list.several",
              "A list of datagrams ends with a node that has a length and no buffer.", "npi", false},
     .receive_from = EndWithoutBuffer},
    {.info = {"receive-from-indicates-nothing-first", "receive-from.null-indication.means-dead",
              "The first datagram is announced by a call of WskReceiveFromEvent without an indication.",
              "npi", false},
     .receive_from = NothingFirst},
    {.info = {"receive-from-broadcast-inverted", "receive-from.flags.broadcast-and-multicast",
              "MSG_BCAST is set where there was no broadcast, and clear where there was one.", "npi", false},
     .receive_from = InvertBroadcast},
    {.info = {"receive-from-loses-last-byte", "receive-from.indication.carries-datagram",
              "The last byte of a datagram is left out.", "npi", false},
     .receive_from = LoseLastByte},
    {.info = {"receive-from-names-somebody-else", "receive-from.indication.remote-address",
              "A datagram comes with an address that is not its sender's.", "npi", false},
     .receive_from = NameSomebodyElse},
    {.info = {"receive-from-measures-no-control-info", "receive-from.indication.control-info",
              "A datagram without control information has a length for it.", "npi", false},
     .receive_from = MeasureNoControlInfo},
    {.info = {"receive-from-hides-truncation", "receive-from.function.truncation-flagged",
              "WskReceiveFrom does not tell that it cut a datagram off.", "npi", false},
     .request = NoteReceiveFrom,
     .completing = HideTruncation},
    {.info = {"receive-from-indicated-before-queued", "receive-from.queued.takes-precedence",
              "A datagram that completes a queued WskReceiveFrom is indicated before.", "npi", false},
     .request = WatchReceiveFroms,
     .completing = IndicateBeforeQueued},
    {.info = {"receive-from-hears-strangers", "receive-from.fixed-remote.filters",
              "A fixed remote address keeps nobody out.", "npi", false},
     .request = ForgetRemoteAddress},
    {.info = {"receive-from-hears-answers", "receive-from.fixed-remote.override-not-answered",
              "Sending elsewhere than to the fixed remote address lifts it.", "npi", false},
     .request = LiftBySending},
    {.info = {"receive-from-hears-destination-only", "receive-from.fixed-destination.does-not-filter",
              "A fixed destination keeps others' datagrams out.", "npi", false},
     .request = NoteDestination,
     .receive_from = HearDestinationOnly},
};

}  // namespace

const Topic kDatagramNodeTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
