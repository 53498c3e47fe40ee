#include "conformance/export/c_callbacks.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "conformance/export/c_steps.h"

namespace wskcert {
namespace {

using ::absl::StrAppend;
using ::absl::StrCat;

// Which callbacks there are, by what sockets the steps make.
struct Kinds {
  bool connection = false;
  bool listen = false;
  bool datagram = false;
  bool extension = false;
};

Kinds KindsOf(const Program& program) {
  Kinds kinds;
  for (const ProgramStep& step : program.steps()) {
    const Op op = static_cast<Op>(step.op);
    if (op == Op::kSocketConnect || op == Op::kAccept) kinds.connection = true;
    if (op == Op::kRegisterExtension) kinds.extension = true;
    if (op != Op::kSocket) continue;
    const auto category = static_cast<Category>(step.code);
    if (category == Category::kConnection || category == Category::kStream) kinds.connection = true;
    if (category == Category::kListen || category == Category::kStream) kinds.listen = true;
    if (category == Category::kDatagram) kinds.datagram = true;
  }
  // What a listening socket accepts has the callbacks of a connection.
  kinds.connection = kinds.connection || kinds.listen;
  return kinds;
}

class CallbackWriter {
 public:
  CallbackWriter(const Program& program, const std::function<std::string(uint32_t)>& comment)
      : program_(program), comment_(comment) {
    const ProgramHeader& header = program.header();
    scripts_ = {reinterpret_cast<const ProgramScript*>(program.bytes().data() + sizeof(ProgramHeader) +
                                                       header.threads * sizeof(ProgramThread)),
                header.scripts};
  }

  std::string Write() {
    const Kinds kinds = KindsOf(program_);
    if (kinds.connection) Connection();
    if (kinds.listen) Listen();
    if (kinds.datagram) Datagram();
    if (kinds.extension)
      Notice(Event::kExtension, "PingEvent", "ULONG value", "BeginExtension(socket, value)",
             "ExtensionEvent");
    Dispatch(kinds);
    Completions();
    return std::move(text_);
  }

 private:
  // Calls branch(script) for each script of the event, in the order in which they are to be asked: those of
  // one call before those of every call.
  template <typename Branch>
  void Scripts(uint8_t event, const char* subject, Branch branch) {
    bool any = false;
    for (const bool every : {false, true}) {
      for (const ProgramScript& script : scripts_) {
        if (script.event != event || (script.nth == kNoSlot) != every) continue;
        const bool completion = event == kScriptOnCompletion;
        StrAppend(&text_, any ? " else " : "  ", "if (", subject, " == &", completion ? "Irps[" : "Sockets[",
                  script.socket, "]", every ? "" : StrCat(" && nth == ", script.nth), ") {\n");
        branch(script);
        text_ += "  }";
        any = true;
      }
    }
    if (any) text_ += "\n";
  }

  void StepsOf(const ProgramScript& script) {
    if (script.step_count == 0 && script.hold == kNoSlot) return;
    if (script.event != kScriptOnCompletion) text_ += "    EnterSteps();\n";
    for (uint32_t i = script.first_step; i < script.first_step + script.step_count; ++i) {
      StrAppend(&text_, comment_(i), "    ", StatementOf(program_.steps()[i], i), "\n");
    }
    if (script.hold != kNoSlot) StrAppend(&text_, "    StayIn(&Holds[", script.hold, "]);\n");
    if (script.event != kScriptOnCompletion) text_ += "    LeaveSteps();\n";
  }

  static ScriptReturn ReturnOf(const ProgramScript& script) {
    return static_cast<ScriptReturn>(script.returns);
  }

  void Head(const char* name, const char* arguments, const char* returns_for_nobody) {
    StrAppend(&text_, "static NTSTATUS WSKAPI ", name, "(PVOID context, ", arguments, ") {\n",
              "  CLIENT_SOCKET* socket = SocketOf(context);\n  if (socket == NULL) return ",
              returns_for_nobody, ";\n");
  }

  void Begin(Event event, const char* begin) {
    bool used = false;
    for (const ProgramScript& script : scripts_) {
      used = used || (script.event == static_cast<uint8_t>(event) && script.nth != kNoSlot);
    }
    StrAppend(&text_, "  ", used ? "const LONG nth = " : "", begin, ";\n");
  }

  // A callback that only tells something.
  void Notice(Event event, const char* name, const char* arguments, const char* begin, const char* words) {
    Head(name, arguments, "STATUS_SUCCESS");
    Begin(event, begin);
    text_ += "  NTSTATUS status = STATUS_SUCCESS;\n";
    Scripts(static_cast<uint8_t>(event), "socket", [&](const ProgramScript& script) {
      StepsOf(script);
      if (ReturnOf(script) == ScriptReturn::kRaw)
        StrAppend(&text_, "    status = ", StatusText(script.status), ";\n");
    });
    StrAppend(&text_, "  return EndCallback(socket, ", Literal(words), ", status);\n}\n\n");
  }

  // What a script returns from WskReceiveEvent and WskReceiveFromEvent, if there is a list.
  void ReturnOfData(const ProgramScript& script) {
    switch (ReturnOf(script)) {
      case ScriptReturn::kRefuse:
        text_ += "    if (list != NULL) status = STATUS_DATA_NOT_ACCEPTED;\n";
        break;
      case ScriptReturn::kRaw:
        StrAppend(&text_, "    if (list != NULL) status = ", StatusText(script.status), ";\n");
        break;
      case ScriptReturn::kRetain:
        if (script.target == kNoSlot) break;
        StrAppend(&text_, "    if (RetainList(&Retained[", script.target,
                  "], socket, list, &read)) status = STATUS_PENDING;\n");
        break;
      default:
        break;
    }
  }

  void Connection() {
    Head("ReceiveEvent",
         "ULONG flags, PWSK_DATA_INDICATION list, SIZE_T bytes_indicated, SIZE_T* bytes_accepted",
         "STATUS_SUCCESS");
    text_ += "  INDICATION read;\n";
    Begin(Event::kReceive, "BeginReceive(socket, flags, list, bytes_indicated, &read)");
    text_ += "  NTSTATUS status = STATUS_SUCCESS;\n  ULONG accepted = ALL_BYTES;\n";
    Scripts(static_cast<uint8_t>(Event::kReceive), "socket", [&](const ProgramScript& script) {
      StepsOf(script);
      ReturnOfData(script);
      if (ReturnOf(script) == ScriptReturn::kPartial) {
        StrAppend(&text_, "    if (list != NULL) accepted = ", script.accept_bytes, ";\n");
      }
    });
    text_ += "  return EndReceive(socket, &read, status, accepted, bytes_accepted);\n}\n\n";
    Notice(Event::kDisconnect, "DisconnectEvent", "ULONG flags", "BeginDisconnect(socket, flags)",
           "WskDisconnectEvent");
    Notice(Event::kSendBacklog, "SendBacklogEvent", "SIZE_T bytes", "BeginSendBacklog(socket, bytes)",
           "WskSendBacklogEvent");
  }

  void Listen() {
    Head("AcceptEvent",
         "ULONG flags, PSOCKADDR local, PSOCKADDR remote, PWSK_SOCKET accepted,\n"
         "                                   PVOID* accepted_context, CONST WSK_CLIENT_CONNECTION_DISPATCH** "
         "accepted_dispatch",
         "STATUS_REQUEST_NOT_ACCEPTED");
    Begin(Event::kAccept, "BeginAccept(socket, flags, local, remote, accepted)");
    text_ += "  NTSTATUS status = STATUS_REQUEST_NOT_ACCEPTED;\n";
    Scripts(static_cast<uint8_t>(Event::kAccept), "socket",
            [&](const ProgramScript& script) { AcceptBranch(script); });
    text_ +=
        "  UNREFERENCED_PARAMETER(accepted_context);\n  UNREFERENCED_PARAMETER(accepted_dispatch);\n"
        "  return EndCallback(socket, \"WskAcceptEvent\", status);\n}\n\n";
    Inspect();
    Notice(Event::kAbort, "AbortEvent", "PWSK_INSPECT_ID id", "BeginAbort(socket, id)", "WskAbortEvent");
  }

  void AcceptBranch(const ProgramScript& script) {
    const bool takes = script.target != kNoSlot && ReturnOf(script) != ScriptReturn::kRefuse;
    const bool raw = ReturnOf(script) == ScriptReturn::kRaw;
    if (takes) {
      StrAppend(&text_, "    const BOOLEAN made = AcceptInto(&Sockets[", script.target,
                "], socket, accepted, remote, ", EventsText(script.mask),
                ", accepted_context, accepted_dispatch);\n");
    }
    StepsOf(script);
    if (takes && !raw) text_ += "    if (made) status = STATUS_SUCCESS;\n";
    if (raw) StrAppend(&text_, "    status = ", StatusText(script.status), ";\n");
    if (takes && raw) {
      StrAppend(&text_, "    if (made && !NT_SUCCESS(status)) AcceptFailed(&Sockets[", script.target,
                "]);\n");
    }
  }

  void Inspect() {
    text_ +=
        "static WSK_INSPECT_ACTION WSKAPI InspectEvent(PVOID context, PSOCKADDR local, PSOCKADDR remote, "
        "PWSK_INSPECT_ID id) {\n"
        "  CLIENT_SOCKET* socket = SocketOf(context);\n  if (socket == NULL) return WskInspectReject;\n";
    Begin(Event::kInspect, "BeginInspect(socket, local, remote, id)");
    text_ += "  WSK_INSPECT_ACTION action = WskInspectAccept;\n";
    Scripts(static_cast<uint8_t>(Event::kInspect), "socket", [&](const ProgramScript& script) {
      const bool retains = ReturnOf(script) == ScriptReturn::kRetain;
      if (script.target != kNoSlot) {
        StrAppend(&text_, "    ", retains ? "const BOOLEAN kept = " : "", "KeepInspectId(&Inspects[",
                  script.target, "], id);\n");
      }
      StepsOf(script);
      if (retains && script.target != kNoSlot) text_ += "    if (kept) action = WskInspectPend;\n";
      if (ReturnOf(script) == ScriptReturn::kRefuse) text_ += "    action = WskInspectReject;\n";
      if (ReturnOf(script) == ScriptReturn::kRaw) {
        StrAppend(&text_, "    action = (WSK_INSPECT_ACTION)", script.status, ";\n");
      }
    });
    text_ +=
        "  return (WSK_INSPECT_ACTION)EndCallback(socket, \"WskInspectEvent\", (NTSTATUS)action);\n}\n\n";
  }

  void Datagram() {
    Head("ReceiveFromEvent", "ULONG flags, PWSK_DATAGRAM_INDICATION list", "STATUS_SUCCESS");
    text_ += "  INDICATION read;\n";
    Begin(Event::kReceiveFrom, "BeginReceiveFrom(socket, flags, list, &read)");
    text_ += "  NTSTATUS status = STATUS_SUCCESS;\n";
    Scripts(static_cast<uint8_t>(Event::kReceiveFrom), "socket", [&](const ProgramScript& script) {
      StepsOf(script);
      ReturnOfData(script);
    });
    text_ += "  return EndCallback(socket, \"WskReceiveFromEvent\", status);\n}\n\n";
  }

  void Dispatch(const Kinds& kinds) {
    if (kinds.extension) text_ += "static const WSKEMU_CLIENT_PING_DISPATCH PingDispatch = {PingEvent};\n\n";
    text_ +=
        "// The callbacks of a socket: those of `events`, by EVENT_*.\n"
        "const void* DispatchOf(CLIENT_SOCKET* socket, ULONG events) {\n"
        "  if ((events & NO_DISPATCH) != 0) return NULL;\n";
    const auto given = [this](const char* table, const char* member, const char* event,
                              const char* callback) {
      StrAppend(&text_, "  socket->", table, ".", member, " = (events & (1u << ", event, ")) != 0 ? ",
                callback, " : NULL;\n");
    };
    if (kinds.connection) {
      given("ConnectionDispatch", "WskReceiveEvent", "EVENT_RECEIVE", "ReceiveEvent");
      given("ConnectionDispatch", "WskDisconnectEvent", "EVENT_DISCONNECT", "DisconnectEvent");
      given("ConnectionDispatch", "WskSendBacklogEvent", "EVENT_SEND_BACKLOG", "SendBacklogEvent");
    }
    if (kinds.listen) {
      given("ListenDispatch", "WskAcceptEvent", "EVENT_ACCEPT", "AcceptEvent");
      given("ListenDispatch", "WskInspectEvent", "EVENT_INSPECT", "InspectEvent");
      given("ListenDispatch", "WskAbortEvent", "EVENT_ABORT", "AbortEvent");
      text_ +=
          "  socket->StreamDispatch.Listen = &socket->ListenDispatch;\n"
          "  socket->StreamDispatch.Connect = &socket->ConnectionDispatch;\n";
    }
    if (kinds.datagram) {
      given("DatagramDispatch", "WskReceiveFromEvent", "EVENT_RECEIVE_FROM", "ReceiveFromEvent");
    }
    if (kinds.connection)
      text_ += "  if (socket->Category == WSK_FLAG_CONNECTION_SOCKET) return &socket->ConnectionDispatch;\n";
    if (kinds.listen) {
      text_ +=
          "  if (socket->Category == WSK_FLAG_LISTEN_SOCKET) return &socket->ListenDispatch;\n"
          "  if (socket->Category == WSK_FLAG_STREAM_SOCKET) return &socket->StreamDispatch;\n";
    }
    if (kinds.datagram)
      text_ += "  if (socket->Category == WSK_FLAG_DATAGRAM_SOCKET) return &socket->DatagramDispatch;\n";
    if (!kinds.connection && !kinds.datagram) text_ += "  UNREFERENCED_PARAMETER(socket);\n";
    text_ += "  return NULL;\n}\n\n";
  }

  void Completions() {
    bool any = false;
    for (const ProgramScript& script : scripts_) any = any || script.event == kScriptOnCompletion;
    StrAppend(&text_, "const BOOLEAN HasCompletionSteps = ", any ? "TRUE" : "FALSE", ";\n",
              "VOID CompletionSteps(CLIENT_IRP* irp, LONG nth) {\n  UNREFERENCED_PARAMETER(irp);\n  "
              "UNREFERENCED_PARAMETER(nth);\n");
    Scripts(kScriptOnCompletion, "irp", [this](const ProgramScript& script) { StepsOf(script); });
    text_ += "}\n\n";
  }

  const Program& program_;
  const std::function<std::string(uint32_t)>& comment_;
  absl::Span<const ProgramScript> scripts_;
  std::string text_;
};

}  // namespace

std::string DeclarationsText(const Program& program) {
  return KindsOf(program).extension ? "static const WSKEMU_CLIENT_PING_DISPATCH PingDispatch;\n\n" : "";
}

std::string CallbacksText(const Program& program, const std::function<std::string(uint32_t step)>& comment) {
  return CallbackWriter(program, comment).Write();
}

}  // namespace wskcert
