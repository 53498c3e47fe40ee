#include "conformance/certify/render.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "conformance/executor/program_check.h"

namespace wskcert {
namespace {

struct Named {
  uint32_t value;
  const char* name;
};

constexpr Named kStatuses[] = {
    {kStatusSuccess, "STATUS_SUCCESS"},
    {kStatusPending, "STATUS_PENDING"},
    {kStatusEventPending, "STATUS_EVENT_PENDING"},
    {kStatusBufferOverflow, "STATUS_BUFFER_OVERFLOW"},
    {kStatusUnsuccessful, "STATUS_UNSUCCESSFUL"},
    {kStatusNotImplemented, "STATUS_NOT_IMPLEMENTED"},
    {kStatusInvalidHandle, "STATUS_INVALID_HANDLE"},
    {kStatusInvalidParameter, "STATUS_INVALID_PARAMETER"},
    {kStatusInvalidDeviceRequest, "STATUS_INVALID_DEVICE_REQUEST"},
    {kStatusAccessDenied, "STATUS_ACCESS_DENIED"},
    {kStatusInsufficientResources, "STATUS_INSUFFICIENT_RESOURCES"},
    {kStatusDeviceNotReady, "STATUS_DEVICE_NOT_READY"},
    {kStatusFileForcedClosed, "STATUS_FILE_FORCED_CLOSED"},
    {kStatusNotSupported, "STATUS_NOT_SUPPORTED"},
    {kStatusRequestNotAccepted, "STATUS_REQUEST_NOT_ACCEPTED"},
    {kStatusCancelled, "STATUS_CANCELLED"},
    {kStatusInvalidDeviceState, "STATUS_INVALID_DEVICE_STATE"},
    {kStatusAddressAlreadyExists, "STATUS_ADDRESS_ALREADY_EXISTS"},
    {kStatusDataNotAccepted, "STATUS_DATA_NOT_ACCEPTED"},
    {kStatusNoInterface, "STATUS_NOINTERFACE"},
    {0xC0000236, "STATUS_CONNECTION_REFUSED"},
    {0xC000020D, "STATUS_CONNECTION_RESET"},
    {0xC0000241, "STATUS_CONNECTION_ABORTED"},
    {0xC000020C, "STATUS_CONNECTION_DISCONNECTED"},
};

constexpr Named kMaskBits[] = {
    {kEventDisable, "DISABLE"},       {kEventSendBacklog, "SEND_BACKLOG"}, {kEventReceive, "RECEIVE"},
    {kEventDisconnect, "DISCONNECT"}, {kEventReceiveFrom, "RECEIVE_FROM"}, {kEventAccept, "ACCEPT"},
};

constexpr const char* kEventNames[kEventCount] = {
    "WskAcceptEvent",     "WskInspectEvent",     "WskAbortEvent",  "WskReceiveEvent", "WskReceiveFromEvent",
    "WskDisconnectEvent", "WskSendBacklogEvent", "WskClientEvent", "ExtensionEvent"};

std::string Irp(const Observation& o) { return o.irp == kNoSlot ? "no IRP" : absl::StrCat("IRP ", o.irp); }

std::string Bytes(const Observation& o) {
  if (o.length == 0) return "no bytes";
  switch (static_cast<Content>(o.content)) {
    case Content::kExact:
      return absl::StrCat("bytes ", o.offset, "..", o.offset + o.length, " of its stream");
    case Content::kForeign:
      return absl::StrCat(o.length, " bytes of the stream of peer ", o.peer);
    case Content::kCorrupt:
      return absl::StrCat(o.length, " bytes that nobody sent");
    default:
      return absl::StrCat(o.length, " bytes");
  }
}

std::string FlagSuffix(uint32_t flags) { return flags == 0 ? "" : absl::StrFormat(", flags 0x%x", flags); }

std::string MessageFlags(uint32_t flags) {
  return absl::StrCat((flags & kMessageBroadcast) != 0 ? ", MSG_BCAST" : "",
                      (flags & kMessageMulticast) != 0 ? ", MSG_MCAST" : "",
                      (flags & kMessageTruncated) != 0 ? ", MSG_TRUNC" : "");
}

std::string CallText(const Observation& o) {
  const std::string socket = absl::StrCat("socket ", o.socket);
  switch (static_cast<Op>(o.op)) {
    case Op::kRegister:
      return "WskRegister()";
    case Op::kCapture:
      return "WskCaptureProviderNPI()";
    case Op::kReleaseNpi:
      return "WskReleaseProviderNPI()";
    case Op::kDeregister:
      return "WskDeregister()";
    case Op::kControlClient:
      return absl::StrCat("WskControlClient(code ", static_cast<int>(o.code), ", ", EventMaskName(o.mask),
                          ", ", Irp(o), ")");
    case Op::kSocket:
      return absl::StrCat("WskSocket(", socket, ", category ", static_cast<int>(o.code), ", ", Irp(o), ")");
    case Op::kSocketConnect:
      return absl::StrCat("WskSocketConnect(", socket, " to peer ", o.peer, ", ", Irp(o), ")");
    case Op::kBind:
      return absl::StrCat("WskBind(", socket, ", ", Irp(o), ")");
    case Op::kConnect:
      return absl::StrCat("WskConnect(", socket, " to peer ", o.peer, ", ", Irp(o), ")");
    case Op::kEventCallback:
      return absl::StrCat("WskControlSocket(", socket, ", SO_WSK_EVENT_CALLBACK, ", EventMaskName(o.mask),
                          ", ", Irp(o), ")");
    case Op::kSend:
      return absl::StrCat("WskSend(", socket, ", ", o.length, " bytes", FlagSuffix(o.flags), ", ", Irp(o),
                          ")");
    case Op::kReceive:
      return absl::StrCat("WskReceive(", socket, ", ", o.length, " bytes", FlagSuffix(o.flags), ", ", Irp(o),
                          ")");
    case Op::kRelease:
      return o.target == kNoSlot ? absl::StrCat("WskRelease(", socket, ", no list)")
                                 : absl::StrCat("WskRelease(", socket, ", list ", o.target, ")");
    case Op::kDisconnect:
      return absl::StrCat("WskDisconnect(", socket,
                          (o.flags & kFlagAbortive) != 0 ? ", WSK_FLAG_ABORTIVE" : "", ", ", Irp(o), ")");
    case Op::kAccept:
      return absl::StrCat("WskAccept(", socket, " into socket ", o.target, ", ", Irp(o), ")");
    case Op::kListen:
      return absl::StrCat("WskListen(", socket, ", ", Irp(o), ")");
    case Op::kSendTo:
      return absl::StrCat("WskSendTo(", socket, " to peer ", o.peer, ", ", o.length, " bytes, ", Irp(o), ")");
    case Op::kReceiveFrom:
      return absl::StrCat("WskReceiveFrom(", socket, ", ", o.length, " bytes, ", Irp(o), ")");
    case Op::kConditionalAccept:
      return absl::StrCat("WskControlSocket(", socket, ", SO_CONDITIONAL_ACCEPT, ", static_cast<int>(o.code),
                          ", ", Irp(o), ")");
    case Op::kInspectComplete:
      return absl::StrCat("WskInspectComplete(", socket, ", inspection ", o.target, ", action ",
                          static_cast<int>(o.code), ", ", Irp(o), ")");
    case Op::kRegisterExtension:
      return absl::StrCat("WskControlSocket(", socket, ", SIO_WSK_REGISTER_EXTENSION)");
    case Op::kPing:
      return absl::StrCat("Ping(", socket, ", ", o.length, ")");
    case Op::kCancelIrp:
      return absl::StrCat("IoCancelIrp(", Irp(o), ")");
    case Op::kClose:
      return absl::StrCat("WskCloseSocket(", socket, ", ", Irp(o), ")");
    default:
      break;
  }
  const char* name = OpName(o.op);
  return absl::StrCat(name != nullptr ? name : "?", "(", o.socket != kNoSlot ? socket + ", " : "", Irp(o),
                      ")");
}

const char* CastText(uint8_t code) {
  switch (static_cast<Cast>(code)) {
    case Cast::kBroadcast:
      return "broadcasts";
    case Cast::kMulticast:
      return "multicasts";
    default:
      return "sends";
  }
}

std::string StimulusText(const Observation& o) {
  const std::string peer = absl::StrCat("peer ", o.peer);
  switch (static_cast<Op>(o.op)) {
    case Op::kPeerSend:
      return absl::StrCat(peer, " sends bytes ", o.offset, "..", o.offset + o.length,
                          (o.flags & 1) != 0 ? ", push" : "");
    case Op::kPeerDisconnect:
      return absl::StrCat(peer, " disconnects gracefully");
    case Op::kPeerReset:
      return absl::StrCat(peer, " resets the connection");
    case Op::kPeerListen:
      return absl::StrCat(peer,
                          o.code == 0   ? " accepts"
                          : o.code == 1 ? " refuses"
                                        : " ignores",
                          " connections");
    case Op::kPeerHoldAcks:
      return absl::StrCat(peer, o.code != 0 ? " stops" : " resumes", " acknowledging");
    case Op::kSetIdealBacklog:
      return absl::StrCat("the ideal send backlog with ", peer, " becomes ", o.length);
    case Op::kBreakBound:
      return absl::StrCat("socket ", o.socket, " stops working");
    case Op::kPeerConnect:
      return absl::StrCat(peer, " connects to socket ", o.socket);
    case Op::kPeerAbandon:
      return absl::StrCat(peer, " gives its half-open connection up");
    case Op::kPeerSendDatagram:
      return absl::StrCat(peer, " ", CastText(o.code), " a datagram with bytes ", o.offset, "..",
                          o.offset + o.length, " to socket ", o.socket);
    case Op::kFailAllocations:
      return absl::StrCat(o.length, " allocations fail");
    case Op::kScribble:
      return absl::StrCat("the input buffer of IRP ", o.irp, " is overwritten");
    case Op::kBreakSocket:
      return absl::StrCat("the connection with ", peer, " stops working");
    case Op::kNoHalfOpen:
      return absl::StrCat("the transport to ", peer, " has no half-open connections");
    case Op::kSetReady:
      return o.code != 0 ? "the provider is ready" : "the provider is not ready";
    default:
      break;
  }
  const char* name = OpName(o.op);
  return absl::StrCat(name != nullptr ? name : "?", " of ", peer);
}

// What is wrong with the addresses given to WskAcceptEvent or WskInspectEvent.
const char* AddressFault(uint8_t code) {
  return code == 0   ? ""
         : code == 1 ? ", an address is missing or of another family"
                     : ", the local address is not the socket's";
}

std::string IdText(const Observation& o) {
  return o.information != 0 ? absl::StrCat(", id ", o.information) : "";
}

std::string CallbackText(const Observation& o) {
  std::string text = absl::StrCat(CallbackName(o.op), "(socket ", o.socket);
  switch (static_cast<Event>(o.op)) {
    case Event::kReceive:
      absl::StrAppend(&text, ", ",
                      (o.seen_flags & kSeenNullIndication) != 0
                          ? "NULL indication"
                          : absl::StrCat(Bytes(o), ", BytesIndicated ", o.information));
      break;
    case Event::kDisconnect:
      absl::StrAppend(&text, (o.flags & kFlagAbortive) != 0 ? ", abortive" : ", graceful");
      break;
    case Event::kAccept:
      absl::StrAppend(&text, (o.seen_flags & kSeenNullIndication) != 0
                                 ? ", NULL socket"
                                 : absl::StrCat(", from peer ", o.peer, AddressFault(o.code)));
      break;
    case Event::kInspect:
      absl::StrAppend(&text, (o.seen_flags & kSeenNullIndication) != 0
                                 ? ", NULL id"
                                 : absl::StrCat(", from peer ", o.peer, AddressFault(o.code), IdText(o)));
      break;
    case Event::kAbort:
      absl::StrAppend(&text, (o.seen_flags & kSeenNullIndication) != 0 ? ", NULL id" : IdText(o));
      break;
    case Event::kReceiveFrom:
      absl::StrAppend(&text, (o.seen_flags & kSeenNullIndication) != 0
                                 ? ", NULL indication"
                                 : absl::StrCat(", ", o.mask, o.mask == 1 ? " datagram, " : " datagrams, ",
                                                o.length, " bytes"));
      break;
    case Event::kExtension:
      absl::StrAppend(&text, ", ", o.information);
      break;
    case Event::kSendBacklog:
      absl::StrAppend(&text, ", ", o.information, " bytes");
      break;
    default:
      break;
  }
  const Event event = static_cast<Event>(o.op);
  if (event == Event::kReceive && (o.flags & kFlagEntireMessage) != 0)
    absl::StrAppend(&text, ", ENTIRE_MESSAGE");
  if (event == Event::kReceiveFrom) absl::StrAppend(&text, MessageFlags(o.flags));
  return absl::StrCat(text, (o.flags & kFlagAtDispatchLevel) != 0 ? ", AT_DISPATCH_LEVEL" : "", ") begins",
                      o.irql != 0 ? absl::StrCat(" at IRQL ", static_cast<int>(o.irql)) : "");
}

std::string CompletionText(const Observation& o) {
  const char* name = OpName(o.op);
  std::string text =
      absl::StrCat("IRP ", o.irp, " of ", name != nullptr ? name : "?", " completed",
                   (o.seen_flags & kSeenSecondCompletion) != 0 ? " AGAIN" : "", ": ", StatusName(o.status));
  if (static_cast<Op>(o.op) == Op::kReceive && IsSuccess(o.status)) absl::StrAppend(&text, ", ", Bytes(o));
  if (static_cast<Op>(o.op) == Op::kReceiveFrom && IsSuccess(o.status)) {
    absl::StrAppend(&text, ", ", Bytes(o), MessageFlags(o.flags));
  }
  if ((o.seen_flags & kSeenInformational) == 0 && o.information != o.length) {
    absl::StrAppend(&text, ", Information ", o.information);
  }
  return text;
}

const char* SkipText(uint8_t code) {
  switch (static_cast<SkipReason>(code)) {
    case SkipReason::kEmptySlot:
      return "its slot is empty";
    case SkipReason::kFullSlot:
      return "its slot is in use";
    case SkipReason::kClosing:
      return "the socket is closed or closing";
    case SkipReason::kCallsInProgress:
      return "other calls on the socket have not returned";
    case SkipReason::kRetainedLists:
      return "retained lists of the socket are not released";
    case SkipReason::kNoFunction:
      return "the provider's table has no such function";
    case SkipReason::kLimit:
      return "a limit of the executor is reached";
    case SkipReason::kNotHere:
      return "the environment cannot do it";
    case SkipReason::kInVain:
      return "what it waits for did not come";
    case SkipReason::kIrqlTooHigh:
      return "it may not be done here";
    case SkipReason::kNotSetUp:
      return "the client is not registered or has no provider";
  }
  return "?";
}

const char* FaultText(uint8_t code) {
  switch (static_cast<FaultKind>(code)) {
    case FaultKind::kBadContext:
      return "a callback came with a context that no socket has";
    case FaultKind::kBadIndication:
      return "an indication chain that cannot be walked";
    case FaultKind::kSecondCompletion:
      return "an IRP completed again";
    case FaultKind::kIrqlChanged:
      return "the call returned at another IRQL";
    case FaultKind::kNullSocket:
      return "success without a socket";
    case FaultKind::kBadIrp:
      return "a completion routine was given an IRP that is not its own";
  }
  return "?";
}

const char* SightText(uint8_t code) {
  switch (static_cast<PeerSight>(code)) {
    case PeerSight::kConnected:
      return "is connected";
    case PeerSight::kData:
      return "receives";
    case PeerSight::kFin:
      return "sees our FIN";
    case PeerSight::kReset:
      return "sees a reset";
    case PeerSight::kRefused:
      return "is refused";
    case PeerSight::kDatagram:
      return "receives a datagram";
  }
  return "?";
}

}  // namespace

std::string StatusName(Status status) {
  for (const Named& named : kStatuses) {
    if (named.value == status) return named.name;
  }
  return absl::StrFormat("0x%08X", status);
}

std::string EventMaskName(uint32_t mask) {
  if (mask == 0) return "no event";
  std::vector<std::string> names;
  for (const Named& bit : kMaskBits) {
    if ((mask & bit.value) != 0) names.push_back(bit.name);
    mask &= ~bit.value;
  }
  if (mask != 0) names.push_back(absl::StrFormat("0x%x", mask));
  return absl::StrJoin(names, "|");
}

std::string CallbackName(uint16_t event) { return event < kEventCount ? kEventNames[event] : "?"; }

std::string EndingName(Ending ending) {
  switch (ending) {
    case Ending::kFinished:
      return "finished";
    case Ending::kBugCheck:
      return "bugcheck";
    case Ending::kDeadlock:
      return "deadlock";
    case Ending::kLivelock:
      return "livelock";
    case Ending::kOverflow:
      return "the log overflowed";
    case Ending::kCrashed:
      return "crashed";
    case Ending::kTimedOut:
      return "hung";
  }
  return "?";
}

std::string RenderObservation(absl::Span<const Observation> log, uint32_t index) {
  const Observation& o = log[index];
  switch (static_cast<Seen>(o.kind)) {
    case Seen::kNothing:
      return "(never finished)";
    case Seen::kCallBegin:
      return CallText(o);
    case Seen::kCallEnd:
      return absl::StrCat(o.begin < log.size() ? CallText(log[o.begin]) : "?", " returned ",
                          StatusName(o.status));
    case Seen::kCompletion:
      return CompletionText(o);
    case Seen::kCompletionEnd:
      return absl::StrCat("the completion routine of IRP ", o.irp, " returned");
    case Seen::kCallbackBegin:
      return CallbackText(o);
    case Seen::kCallbackNode:
      return absl::StrCat("  a node: ", Bytes(o));
    case Seen::kCallbackEnd:
      return absl::StrCat(CallbackName(o.op), "(socket ", o.socket, ") returned ", StatusName(o.status),
                          static_cast<Event>(o.op) == Event::kReceive && o.length != kNoIndex
                              ? absl::StrCat(", ", o.length, " bytes accepted")
                              : "");
    case Seen::kStimulusBegin:
      return StimulusText(o);
    case Seen::kStimulusEnd:
      return IsSuccess(o.status) ? "... done" : "... impossible now";
    case Seen::kPeerSaw:
      return absl::StrCat("peer ", o.peer, " ", SightText(o.code), o.length != 0 ? " " + Bytes(o) : "");
    case Seen::kQuiescence:
      return o.code == 0 ? "-- nothing more happens --" : "-- silence --";
    case Seen::kSkip: {
      const char* name = OpName(o.op);
      return absl::StrCat("step ", name != nullptr ? name : "?", " skipped: ", SkipText(o.code));
    }
    case Seen::kFault:
      return absl::StrCat("FAULT: ", FaultText(o.code));
    case Seen::kHeld:
      return absl::StrCat("the call stays in progress (hold ", o.target, ")");
    case Seen::kUnheld:
      return absl::StrCat("hold ", o.target, " is released");
    case Seen::kHoldRefused:
      return absl::StrCat("the call cannot be held here (hold ", o.target, ")");
    case Seen::kRetainedRead:
      return absl::StrCat("retained list ", o.target, " read again: ", Bytes(o));
    case Seen::kEnd:
      return absl::StrCat("end: ", EndingName(static_cast<Ending>(o.code)));
  }
  return "?";
}

std::string RenderLog(absl::Span<const Observation> log, uint32_t first, uint32_t last, uint32_t mark,
                      bool own) {
  std::string text;
  for (uint32_t i = first; i <= last && i < log.size(); ++i) {
    const Observation& o = log[i];
    const uint8_t flags = o.begin < log.size() && static_cast<Seen>(o.kind) == Seen::kCallEnd
                              ? log[o.begin].seen_flags
                              : o.seen_flags;
    if (!own && (flags & kSeenTeardown) != 0 && i != mark) continue;
    const Seen kind = static_cast<Seen>(o.kind);
    const bool pair = i + 1 <= last && i + 1 < log.size() && log[i + 1].begin == i && i != mark;
    if (kind == Seen::kCallBegin && pair && static_cast<Seen>(log[i + 1].kind) == Seen::kCallEnd) continue;
    if (kind == Seen::kStimulusEnd && IsSuccess(o.status) && i != mark && o.begin + 1 == i) continue;
    absl::StrAppend(&text, i == mark ? "  > " : "    ", absl::StrFormat("[%3d] thread %-3d ", i, o.thread),
                    RenderObservation(log, i), "\n");
  }
  return text;
}

}  // namespace wskcert
