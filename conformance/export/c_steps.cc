#include "conformance/export/c_steps.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "conformance/certify/render.h"
#include "conformance/executor/program_check.h"

namespace wskcert {
namespace {

using ::absl::StrAppend;
using ::absl::StrCat;

// The step as the begin of its call or stimulus would be observed, for its words.
std::string Words(const ProgramStep& step, Seen kind) {
  Observation o = {};
  o.kind = static_cast<uint8_t>(kind);
  o.op = step.op;
  o.socket = step.socket;
  o.irp = step.irp;
  o.peer = step.peer;
  o.target = step.target;
  o.flags = step.flags;
  o.mask = step.mask;
  o.length = step.length;
  o.code = static_cast<uint8_t>(step.code);
  return RenderObservation(absl::MakeConstSpan(&o, 1), 0);
}
std::string CallWords(const ProgramStep& step) { return Literal(Words(step, Seen::kCallBegin)); }

std::string Slot(const char* array, uint16_t slot) {
  return slot == kNoSlot ? "NULL" : StrCat("&", array, "[", slot, "]");
}
std::string SocketSlot(const ProgramStep& step) { return Slot("Sockets", step.socket); }
std::string IrpSlot(const ProgramStep& step) { return Slot("Irps", step.irp); }

std::string Flags(const ProgramStep& step, const char* more = "") {
  std::vector<std::string> flags;
  if (step.irql == kDispatchLevel) flags.push_back("AT_DISPATCH");
  if ((step.step_flags & kStepUnguarded) != 0) flags.push_back("UNGUARDED");
  if (step.irp != kNoSlot && step.irp_style == static_cast<uint8_t>(IrpStyle::kPassedDown)) {
    flags.push_back("PASSED_DOWN");
  }
  if (*more != 0) flags.push_back(more);
  return flags.empty() ? "0" : absl::StrJoin(flags, " | ");
}

std::string NpiText(uint8_t npi) {
  switch (static_cast<Npi>(npi)) {
    case Npi::kWsk:
      return "(PNPIID)&NPI_WSK_INTERFACE_ID";
    case Npi::kWskCopy:
      return "(PNPIID)&WskNpiCopy";
    case Npi::kExtension:
      return "(PNPIID)&NPI_WSKEMU_PING_ID";
    case Npi::kForeign:
      return "(PNPIID)&ForeignNpi";
    case Npi::kNull:
      break;
  }
  return "NULL";
}

std::string Guard(const std::string& function) {
  return StrCat("  if (", function, " == NULL) {\n    SkipCall(&call, NoFunction);\n    return;\n  }\n");
}

std::string OpenText(const ProgramStep& step, const std::string& socket, const char* more = "") {
  return StrCat("  CALL call;\n  if (!OpenCall(&call, ", socket, ", ", IrpSlot(step), ", ",
                Literal(OpName(step.op)), ", ", Flags(step, more), ")) return;\n");
}

// A call's text, broken after commas.
std::string Wrapped(const std::string& expression) {
  constexpr size_t kWidth = 110;
  std::string text;
  size_t column = 17;  // behind "  EndCall(&call, "
  for (absl::string_view piece : absl::StrSplit(expression, ", ")) {
    const bool first = text.empty();
    if (!first && column + piece.size() + 3 > kWidth) {
      absl::StrAppend(&text, ",\n          ", piece);
      column = 10 + piece.size();
      continue;
    }
    absl::StrAppend(&text, first ? "" : ", ", piece);
    column += piece.size() + 2;
  }
  return text;
}

// Begin, call, End.
std::string CallText(const ProgramStep& step, const std::string& expression) {
  return StrCat("  BeginCall(&call);\n  EndCall(&call, ", Wrapped(expression), ",\n          ",
                CallWords(step), ");\n");
}

// A call of one of the socket's functions, if there is such a function.
std::string SocketCall(const ProgramStep& step, const std::string& function, const std::string& arguments) {
  return StrCat(Guard(function), CallText(step, StrCat(function, "(call.Socket->Socket, ", arguments, ")")));
}

const char kControlSocket[] = "BASIC(call.Socket)->WskControlSocket";

std::string EventCallbackBody(const ProgramStep& step) {
  const bool irp = step.irp != kNoSlot;
  const std::string control = irp ? "call.Slot->Control" : "control";
  std::string text = OpenText(step, SocketSlot(step));
  if (!irp) StrAppend(&text, "  WSK_EVENT_CALLBACK_CONTROL control;\n");
  StrAppend(&text, "  ", control, ".NpiId = ", NpiText(step.npi), ";\n  ", control,
            ".EventMask = ", MaskText(step.mask), ";\n");
  const std::string size = step.size != 0 ? StrCat(step.size) : "sizeof(WSK_EVENT_CALLBACK_CONTROL)";
  return StrCat(text, SocketCall(step, kControlSocket,
                                 StrCat("WskSetOption, SO_WSK_EVENT_CALLBACK, SOL_SOCKET, ", size, ", &",
                                        control, ", 0, NULL, NULL, call.Irp")));
}

std::string ControlBody(const ProgramStep& step, const char* type_and_code, const std::string& level,
                        const std::string& size, const std::string& input, const std::string& before) {
  return StrCat(
      OpenText(step, SocketSlot(step)), before,
      SocketCall(step, kControlSocket,
                 StrCat(type_and_code, ", ", level, ", ", size, ", ", input, ", 0, NULL, NULL, call.Irp")));
}

std::string QueryBody(const ProgramStep& step, const char* type_and_code, const std::string& level,
                      const char* type) {
  const bool irp = step.irp != kNoSlot;
  std::string text = OpenText(step, SocketSlot(step));
  if (!irp) StrAppend(&text, "  WSK_INSPECT_ID output = {0};\n  SIZE_T returned = 0;\n");
  if (irp) StrAppend(&text, "  RtlZeroMemory(&call.Slot->Data, sizeof(call.Slot->Data));\n");
  return StrCat(text,
                SocketCall(step, kControlSocket,
                           StrCat(type_and_code, ", ", level, ", 0, NULL, sizeof(", type, "), ",
                                  irp ? "&call.Slot->Data, NULL" : "&output, &returned", ", call.Irp")));
}

std::string AddressLength(bool ipv6) { return ipv6 ? "sizeof(SOCKADDR_IN6)" : "sizeof(SOCKADDR_IN)"; }

std::string SetAddressBody(const ProgramStep& step, const char* code, bool ipv6) {
  return ControlBody(step, code, StrCat(step.mask), AddressLength(ipv6), "address",
                     StrCat("  PSOCKADDR address = PeerAddress(&call, ", step.peer, ");\n"));
}

std::string ConditionalAcceptBody(const ProgramStep& step) {
  const bool irp = step.irp != kNoSlot;
  const std::string value = irp ? "call.Slot->Data.Value" : "value";
  return ControlBody(step, "WskSetOption, SO_CONDITIONAL_ACCEPT", "SOL_SOCKET", "sizeof(ULONG)",
                     StrCat("&", value),
                     StrCat(irp ? "" : "  ULONG value;\n", "  ", value, " = ", step.code, ";\n"));
}

std::string RegisterExtensionBody(const ProgramStep& step) {
  return StrCat(OpenText(step, SocketSlot(step)), Guard(kControlSocket), "  WSK_EXTENSION_CONTROL_IN in = {",
                NpiText(step.npi), ", call.Socket, &PingDispatch};\n",
                "  WSK_EXTENSION_CONTROL_OUT out = {NULL, NULL};\n  BeginCall(&call);\n",
                "  const NTSTATUS status = ", kControlSocket,
                "(call.Socket->Socket, WskIoctl, SIO_WSK_REGISTER_EXTENSION, ", step.mask,
                ", sizeof(in), &in, sizeof(out), &out, NULL, call.Irp);\n",
                "  if (NT_SUCCESS(status)) call.Socket->Extension = out;\n  EndCall(&call, status, ",
                CallWords(step), ");\n");
}

std::string CreateBody(const ProgramStep& step, bool ipv6) {
  const bool connect = static_cast<Op>(step.op) == Op::kSocketConnect;
  const std::string client = StrCat("Clients[", static_cast<int>(step.client), "]");
  const char* op = OpName(step.op);
  std::string text =
      StrCat("  CALL call;\n  if (!HasProvider(&", client, ", ", Literal(op), ")) return;\n",
             "  if (Sockets[", step.socket, "].State != SOCKET_EMPTY) {\n    SkipStep(", Literal(op),
             ", \"its slot is in use\");\n    return;\n  }\n", "  if (!OpenCall(&call, ", SocketSlot(step),
             ", ", IrpSlot(step), ", ", Literal(op), ", ", Flags(step, "CREATES"), ")) return;\n");
  const std::string category = connect ? "WSK_FLAG_CONNECTION_SOCKET" : StrCat(step.code);
  StrAppend(&text, "  if (!TakeSlot(&call, ", static_cast<int>(step.client), ", ", category, ", ",
            connect ? StrCat(step.peer) : "NO_SLOT", ")) return;\n",
            "  const void* dispatch = DispatchOf(call.Socket, ", EventsText(step.mask), ");\n");
  const std::string table = StrCat(client, ".Npi.Dispatch->");
  const std::string family = ipv6 ? "AF_INET6" : "AF_INET";
  if (connect) {
    StrAppend(&text, "  SOCKADDR_STORAGE any = {.ss_family = ", family,
              "};\n  SOCKADDR_STORAGE remote = {0};\n", "  ScenePeerAddress(", step.peer,
              ", Ipv6, &remote);\n");
    return StrCat(
        text,
        CallText(step,
                 StrCat(table, "WskSocketConnect(", client,
                        ".Npi.Client, SOCK_STREAM, IPPROTO_TCP, (PSOCKADDR)&any, (PSOCKADDR)&remote, 0, "
                        "call.Socket, (const WSK_CLIENT_CONNECTION_DISPATCH*)dispatch, NULL, NULL, "
                        "NULL, call.Irp)")));
  }
  const bool datagram = step.code == static_cast<uint32_t>(Category::kDatagram);
  return StrCat(text,
                CallText(step, StrCat(table, "WskSocket(", client, ".Npi.Client, ", family, ", ",
                                      datagram ? "SOCK_DGRAM, IPPROTO_UDP" : "SOCK_STREAM, IPPROTO_TCP", ", ",
                                      step.code, ", call.Socket, dispatch, NULL, NULL, NULL, call.Irp)")));
}

std::string ControlClientBody(const ProgramStep& step) {
  const bool irp = step.irp != kNoSlot;
  const bool list_change = step.code == 3;  // WSK_TRANSPORT_LIST_CHANGE
  const std::string client = StrCat("Clients[", static_cast<int>(step.client), "]");
  const std::string control = irp ? "call.Slot->Control" : "control";
  std::string text = StrCat("  CALL call;\n  if (!HasProvider(&", client, ", \"control_client\")) return;\n",
                            "  if (!OpenCall(&call, NULL, ", IrpSlot(step), ", \"control_client\", ",
                            Flags(step, list_change ? "ENDLESS" : ""), ")) return;\n");
  std::string size = "0";
  std::string input = "NULL";
  if (!list_change) {
    if (!irp) StrAppend(&text, "  WSK_EVENT_CALLBACK_CONTROL control;\n");
    StrAppend(&text, "  ", control, ".NpiId = ", NpiText(step.npi), ";\n  ", control,
              ".EventMask = ", MaskText(step.mask), ";\n");
    size = step.size != 0 ? StrCat(step.size) : "sizeof(WSK_EVENT_CALLBACK_CONTROL)";
    input = StrCat("&", control);
  }
  return StrCat(text,
                CallText(step, StrCat(client, ".Npi.Dispatch->WskControlClient(", client, ".Npi.Client, ",
                                      step.code, ", ", size, ", ", input, ", 0, NULL, NULL, call.Irp)")));
}

std::string ConnectBody(const ProgramStep& step) {
  const bool ex = static_cast<Op>(step.op) == Op::kConnectEx;
  const std::string function = StrCat("OF_CONNECTION(call.Socket, ", ex ? "WskConnectEx" : "WskConnect", ")");
  std::string text =
      StrCat(OpenText(step, SocketSlot(step)), Guard(function), "  PSOCKADDR address = PeerAddress(&call, ",
             step.peer, ");\n  if (!TakePeer(&call, ", step.peer, ")) return;\n");
  if (step.irp != kNoSlot) StrAppend(&text, "  call.Slot->Completes = COMPLETES_CONNECT;\n");
  if (!ex)
    return StrCat(text, CallText(step, StrCat(function, "(call.Socket->Socket, address, 0, call.Irp)")));
  StrAppend(&text, "  if (!MakeBuffer(&call, ", step.length, ", TRUE)) return;\n");
  return StrCat(text, CallText(step, StrCat(function, "(call.Socket->Socket, address, ",
                                            step.length != 0 ? "&call.Slot->Buffer" : "NULL", ", ",
                                            step.flags, ", call.Irp)")));
}

// What moves bytes needs an IRP.
std::string TransferBody(const ProgramStep& step) {
  const std::string open = OpenText(step, SocketSlot(step));
  if (step.irp == kNoSlot) return StrCat(open, "  SkipCall(&call, \"its slot is empty\");\n");
  const std::string make = StrCat("  if (!MakeBuffer(&call, ", step.length, ", ");
  switch (static_cast<Op>(step.op)) {
    case Op::kConnectEx:
      return ConnectBody(step);
    case Op::kReceive:
      return StrCat(open, make, "FALSE)) return;\n  call.Slot->Completes = COMPLETES_RECEIVE;\n",
                    SocketCall(step, "OF_CONNECTION(call.Socket, WskReceive)",
                               StrCat("&call.Slot->Buffer, ", step.flags, ", call.Irp")));
    case Op::kDisconnect:
      return StrCat(open, make, "TRUE)) return;\n",
                    SocketCall(step, "OF_CONNECTION(call.Socket, WskDisconnect)",
                               StrCat(step.length != 0 ? "&call.Slot->Buffer" : "NULL", ", ",
                                      step.flags == kFlagAbortive ? "WSK_FLAG_ABORTIVE" : StrCat(step.flags),
                                      ", call.Irp")));
    case Op::kSendTo:
      return StrCat(
          open, Guard("OF_DATAGRAM(call.Socket, WskSendTo)"), "  PSOCKADDR address = PeerAddress(&call, ",
          step.peer, ");\n  if (!MakeDatagram(&call, ", step.length, ", ", step.peer, ")) return;\n",
          CallText(step, StrCat("DATAGRAM(call.Socket)->WskSendTo(call.Socket->Socket, &call.Slot->Buffer, ",
                                step.flags, ", address, 0, NULL, call.Irp)")));
    case Op::kReceiveFrom:
      return StrCat(
          open, Guard("OF_DATAGRAM(call.Socket, WskReceiveFrom)"), make,
          "FALSE)) return;\n  call.Slot->Completes = COMPLETES_RECEIVE_FROM;\n"
          "  call.Slot->ControlLength = call.Slot->ControlFlags = 0;\n"
          "  RtlZeroMemory(&call.Slot->Remote, sizeof(call.Slot->Remote));\n",
          CallText(step,
                   StrCat("DATAGRAM(call.Socket)->WskReceiveFrom(call.Socket->Socket, &call.Slot->Buffer, ",
                          step.flags,
                          ", RoomForRemote(&call), &call.Slot->ControlLength, NULL, "
                          "&call.Slot->ControlFlags, call.Irp)")));
    default:
      return StrCat(open, make, "TRUE)) return;\n",
                    SocketCall(step, "OF_CONNECTION(call.Socket, WskSend)",
                               StrCat("&call.Slot->Buffer, ", step.flags, ", call.Irp")));
  }
}

std::string AcceptBody(const ProgramStep& step) {
  const std::string function = "OF_LISTENER(call.Socket, WskAccept)";
  return StrCat(
      OpenText(step, SocketSlot(step)), Guard(function), "  if (!TakeAcceptSlot(&call, ",
      Slot("Sockets", step.target), ")) return;\n  const void* dispatch = DispatchOf(",
      Slot("Sockets", step.target), ", ", EventsText(step.mask), ");\n",
      CallText(step,
               StrCat(function, "(call.Socket->Socket, ", step.flags, ", ", Slot("Sockets", step.target),
                      ", (const WSK_CLIENT_CONNECTION_DISPATCH*)dispatch, RoomForLocal(&call), "
                      "RoomForRemote(&call), call.Irp)")));
}

std::string InspectCompleteBody(const ProgramStep& step) {
  static const char* const actions[] = {"WskInspectReject", "WskInspectAccept", "WskInspectPend"};
  const bool irp = step.irp != kNoSlot;
  const std::string id = irp ? "call.Slot->Data.InspectId" : "id";
  const std::string function =
      "(call.Socket->Category == WSK_FLAG_LISTEN_SOCKET ? "
      "LISTENING(call.Socket)->WskInspectComplete : NULL)";
  return StrCat(
      OpenText(step, SocketSlot(step)), "  if (Inspects[", step.target,
      "].State != SLOT_FULL) {\n    SkipCall(&call, \"its slot is empty\");\n    return;\n  }\n",
      irp ? "  " : "  WSK_INSPECT_ID ", id, " = Inspects[", step.target, "].Id;\n",
      SocketCall(step, function,
                 StrCat("&", id, ", ",
                        step.code < 3 ? actions[step.code] : StrCat("(WSK_INSPECT_ACTION)", step.code),
                        ", call.Irp")));
}

std::string SayThen(const ProgramStep& step, const std::string& call) {
  return StrCat("STIMULUS(", Literal(Words(step, Seen::kStimulusBegin)), ", ", call, ");");
}

std::string PeerStatement(const ProgramStep& step) {
  const std::string peer = StrCat(step.peer);
  switch (static_cast<Op>(step.op)) {
    case Op::kPeerListen:
      return SayThen(step, StrCat("ScenePeerListen(", peer, ", ", step.code, ")"));
    case Op::kPeerConnect:
      return StrCat("PeerConnect(", peer, ", ", step.socket, ");");
    case Op::kPeerAbandon:
      return SayThen(step, StrCat("ScenePeerAbandon(", peer, ")"));
    case Op::kPeerSend:
      return StrCat("PeerSend(", peer, ", ", step.length, ", ", (step.flags & 1) != 0 ? "TRUE" : "FALSE",
                    ");");
    case Op::kPeerSendDatagram:
      return StrCat("PeerSendDatagram(", peer, ", ", step.socket, ", ", step.length, ", ", step.code, ");");
    case Op::kPeerDisconnect:
      return SayThen(step, StrCat("ScenePeerDisconnect(", peer, ")"));
    case Op::kPeerReset:
      return SayThen(step, StrCat("ScenePeerReset(", peer, ")"));
    case Op::kPeerHoldAcks:
      return SayThen(step, StrCat("ScenePeerHoldAcks(", peer, ", ", step.code, ")"));
    case Op::kSetIdealBacklog:
      return SayThen(step, StrCat("SceneSetIdealBacklog(", peer, ", ", step.length, ")"));
    case Op::kBreakSocket:
      return SayThen(step, StrCat("SceneBreakSocket(", peer, ")"));
    case Op::kFailAllocations:
      return SayThen(step, StrCat("SceneFailAllocations(", step.length, ")"));
    case Op::kTransportListChange:
      return SayThen(step, "SceneTransportListChange()");
    case Op::kBreakBound:
      return StrCat("BreakBound(", step.socket, ");");
    case Op::kNoHalfOpen:
      return SayThen(step, StrCat("SceneNoHalfOpen(", peer, ")"));
    case Op::kSetReady:
      return SayThen(step, StrCat("SceneSetReady(", step.code, ")"));
    default:
      return "";
  }
}

std::string ClientStatement(const ProgramStep& step) {
  const std::string client = StrCat("&Clients[", static_cast<int>(step.client), "], ");
  switch (static_cast<Op>(step.op)) {
    case Op::kRegister:
      return StrCat("Register(", client, step.code != 0 ? StrCat(step.code) : "MAKE_WSK_VERSION(1, 0)", ", ",
                    (step.flags & 1) != 0 ? "FALSE" : "TRUE", ", ", Flags(step), ");");
    case Op::kCapture:
      return StrCat("Capture(", client, step.length == 0xFFFFFFFF ? "WSK_INFINITE_WAIT" : StrCat(step.length),
                    ", ", Flags(step), ");");
    case Op::kQueryCharacteristics:
      return StrCat("QueryCharacteristics(", client, Flags(step), ");");
    case Op::kReleaseNpi:
      return StrCat("ReleaseNpi(", client, Flags(step), ");");
    case Op::kDeregister:
      return StrCat("Deregister(", client, Flags(step), ");");
    default:
      return "";
  }
}

std::string OwnStatement(const ProgramStep& step) {
  switch (static_cast<Op>(step.op)) {
    case Op::kSettle:
      return "Settle();";
    case Op::kReleaseHold:
      return StrCat("ReleaseHold(", Slot("Holds", step.target), ");");
    case Op::kAwaitHold:
      return StrCat("AwaitHold(", Slot("Holds", step.target), ");");
    case Op::kAwaitIrp:
      return StrCat("AwaitIrp(", IrpSlot(step), ");");
    case Op::kReadRetained:
      return StrCat("ReadRetained(", Slot("Retained", step.target), ");");
    case Op::kScribble:
      return StrCat("Scribble(", IrpSlot(step), ");");
    case Op::kYield:
      return "SceneYield();";
    case Op::kCancelIrp:
      return StrCat("CancelIrp(", IrpSlot(step), ");");
    case Op::kClose:
      return StrCat("CloseSocket(", SocketSlot(step), ", ", IrpSlot(step), ", ", Flags(step), ", ",
                    CallWords(step), ");");
    case Op::kPing:
      return StrCat("Ping(", SocketSlot(step), ", ", step.length, ", ", Flags(step), ", ", CallWords(step),
                    ");");
    case Op::kRelease:
      return StrCat("ReleaseList(", SocketSlot(step), ", ", Slot("Retained", step.target), ", ", Flags(step),
                    ", ", CallWords(step), ");");
    default:
      return "";
  }
}

std::string Statement(const ProgramStep& step) {
  for (const std::string& text : {ClientStatement(step), PeerStatement(step), OwnStatement(step)}) {
    if (!text.empty()) return text;
  }
  return "";
}

}  // namespace

std::string Literal(const std::string& text) { return StrCat("\"", absl::CEscape(text), "\""); }

std::string MaskText(uint32_t mask) {
  if (mask == 0) return "0";
  static constexpr struct {
    uint32_t bit;
    const char* name;
  } kBits[] = {{kEventDisable, "WSK_EVENT_DISABLE"},          {kEventSendBacklog, "WSK_EVENT_SEND_BACKLOG"},
               {kEventReceive, "WSK_EVENT_RECEIVE"},          {kEventDisconnect, "WSK_EVENT_DISCONNECT"},
               {kEventReceiveFrom, "WSK_EVENT_RECEIVE_FROM"}, {kEventAccept, "WSK_EVENT_ACCEPT"}};
  std::vector<std::string> names;
  for (const auto& bit : kBits) {
    if ((mask & bit.bit) != 0) names.push_back(bit.name);
    mask &= ~bit.bit;
  }
  if (mask != 0) names.push_back(absl::StrFormat("0x%x", mask));
  return absl::StrJoin(names, " | ");
}

std::string EventsText(uint32_t subset) {
  if ((subset & kNoDispatch) != 0) return "NO_DISPATCH";
  return subset == kAllDispatch ? "ALL_EVENTS" : absl::StrFormat("0x%x", subset);
}

std::string StatusText(uint32_t status) {
  const std::string name = StatusName(status);
  return absl::StartsWith(name, "0x") ? StrCat("(NTSTATUS)", name) : name;
}

bool NeedsFunction(const ProgramStep& step) { return Statement(step).empty(); }

std::string FunctionName(const ProgramStep& step, uint32_t number) {
  return StrCat("Step", number, "_", OpName(step.op));
}

std::string StatementOf(const ProgramStep& step, uint32_t number) {
  const std::string own = Statement(step);
  return !own.empty() ? own : StrCat(FunctionName(step, number), "();");
}

std::string LeftOut(const ProgramStep& step) {
  const Op op = static_cast<Op>(step.op);
  const bool clients = op == Op::kRegister || op == Op::kCapture || op == Op::kReleaseNpi ||
                       op == Op::kDeregister || op == Op::kQueryCharacteristics || op == Op::kRelease ||
                       op == Op::kPing;
  if (clients && step.irp != kNoSlot) return StrCat("the IRP of ", OpName(step.op), ", which takes none");
  return "";
}

std::string FunctionBody(const ProgramStep& step, bool ipv6) {
  switch (static_cast<Op>(step.op)) {
    case Op::kControlClient:
      return ControlClientBody(step);
    case Op::kSocket:
    case Op::kSocketConnect:
      return CreateBody(step, ipv6);
    case Op::kBind:
      return StrCat(OpenText(step, SocketSlot(step)),
                    "  PSOCKADDR address = WildcardAddress(&call, call.Socket->Category != "
                    "WSK_FLAG_CONNECTION_SOCKET);\n",
                    SocketCall(step, "BindOf(call.Socket)", "address, 0, call.Irp"));
    case Op::kListen:
      return StrCat(
          OpenText(step, SocketSlot(step)),
          SocketCall(
              step,
              "(call.Socket->Category == WSK_FLAG_STREAM_SOCKET ? STREAMING(call.Socket)->WskListen : NULL)",
              "call.Irp"));
    case Op::kConnect:
      return ConnectBody(step);
    case Op::kAccept:
      return AcceptBody(step);
    case Op::kEventCallback:
      return EventCallbackBody(step);
    case Op::kGetEventCallback:
      return QueryBody(step, "WskGetOption, SO_WSK_EVENT_CALLBACK", "SOL_SOCKET", "ULONG");
    case Op::kConditionalAccept:
      return ConditionalAcceptBody(step);
    case Op::kGetConditionalAccept:
      return QueryBody(step, "WskGetOption, SO_CONDITIONAL_ACCEPT", "SOL_SOCKET", "ULONG");
    case Op::kQuerySendBacklog:
      return QueryBody(step, "WskIoctl, SIO_WSK_QUERY_IDEAL_SEND_BACKLOG", StrCat(step.mask), "SIZE_T");
    case Op::kQueryInspectId:
      return QueryBody(step, "WskIoctl, SIO_WSK_QUERY_INSPECT_ID", StrCat(step.mask), "WSK_INSPECT_ID");
    case Op::kRegisterExtension:
      return RegisterExtensionBody(step);
    case Op::kSetRemoteAddress:
      return SetAddressBody(step, "WskIoctl, SIO_WSK_SET_REMOTE_ADDRESS", ipv6);
    case Op::kSetSendToAddress:
      return SetAddressBody(step, "WskIoctl, SIO_WSK_SET_SENDTO_ADDRESS", ipv6);
    case Op::kSetSilentMode:
      return ControlBody(step, "WskIoctl, SIO_WSK_SET_TCP_SILENT_MODE", StrCat(step.mask), "0", "NULL", "");
    case Op::kInspectComplete:
      return InspectCompleteBody(step);
    case Op::kGetLocalAddress:
      return StrCat(OpenText(step, SocketSlot(step)),
                    SocketCall(step, "GetLocalAddressOf(call.Socket)", "RoomForLocal(&call), call.Irp"));
    case Op::kGetRemoteAddress:
      return StrCat(OpenText(step, SocketSlot(step)),
                    SocketCall(step, "OF_CONNECTION(call.Socket, WskGetRemoteAddress)",
                               "RoomForRemote(&call), call.Irp"));
    default:
      return TransferBody(step);
  }
}

}  // namespace wskcert
