// Saboteurs of silent mode, of ioctls, of sends and of WskConnectEx.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

bool IsIoctl(const Request& request, ULONG code) {
  return request.function == Function::kControl && request.control->type == WskIoctl &&
         request.control->code == code;
}
bool Sends(const Request& request) {
  return request.function == Function::kSend || request.function == Function::kDisconnect;
}

// The provider never hears of silent mode; only what is sent is silent.
NTSTATUS ListenInSilence(Request* request) {
  if (IsIoctl(*request, SIO_WSK_SET_TCP_SILENT_MODE)) {
    InterlockedExchange(&request->socket->mark, 1);
    return Answer(request, STATUS_SUCCESS, STATUS_SUCCESS);
  }
  const bool fails = Sends(*request) && request->socket->mark != 0;
  return fails ? Answer(request, STATUS_INVALID_DEVICE_STATE, STATUS_INVALID_DEVICE_STATE) : Pass(request);
}

// What is sent in silence goes nowhere, and nobody is told.
NTSTATUS PretendToSend(Request* request) {
  return Sends(*request) && request->socket->silent != 0 ? Answer(request, STATUS_SUCCESS, STATUS_SUCCESS)
                                                         : Pass(request);
}

NTSTATUS InsistOnLevel(Request* request) {
  const bool mine = IsIoctl(*request, SIO_WSK_QUERY_IDEAL_SEND_BACKLOG) && request->control->level != 0;
  return mine ? Answer(request, STATUS_INVALID_PARAMETER, STATUS_INVALID_PARAMETER) : Pass(request);
}

// The client is told that its bytes have gone; they stay here, and so does a graceful disconnect behind them.
NTSTATUS KeepBytes(Request* request) {
  Socket* socket = request->socket;
  if (request->function == Function::kClose) {
    CompleteKept(InterlockedExchangePointer(&socket->queued[0], nullptr), STATUS_CANCELLED);
  }
  if (request->irp == nullptr || socket->connected == 0 || socket->silent != 0) return Pass(request);
  if (request->function == Function::kDisconnect) {
    const bool behind = InterlockedExchange(&socket->mark, 2) == 1;
    if (!behind || (request->flags & WSK_FLAG_ABORTIVE) != 0 || socket->queued[0] != nullptr)
      return Pass(request);
    InterlockedExchangePointer(&socket->queued[0], Keep(request));
    return STATUS_PENDING;
  }
  if (request->function != Function::kSend || request->buffer->Length == 0 || socket->mark == 2 ||
      Broken(socket)) {
    return Pass(request);
  }
  InterlockedExchange(&socket->mark, 1);
  PIRP irp = Keep(request);
  irp->IoStatus.Status = STATUS_SUCCESS;
  irp->IoStatus.Information = request->buffer->Length;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
  return STATUS_PENDING;
}

// After that nothing is sent, as everywhere.
NTSTATUS NoteAbortive(Socket* socket, ULONG flags) {
  if ((flags & WSK_FLAG_ABORTIVE) != 0) InterlockedExchange(&socket->mark, 2);
  return CallDisconnect(socket, flags);
}

NTSTATUS ConnectWithoutFlags(Request* request) {
  if (request->function == Function::kConnectEx) request->flags = 0;
  return Pass(request);
}

const Saboteur kSaboteurs[] = {
    {.info = {"silent-mode-indicates", "silent-mode.nothing-indicated",
              "What comes in silent mode is indicated.", "npi", false},
     .request = ListenInSilence},
    {.info = {"silent-mode-sends-succeed", "silent-mode.requests-fail",
              "Sends and disconnects in silent mode complete with success.", "npi", false},
     .request = PretendToSend},
    {.info = {"ioctl-insists-on-level", "control.level-ignored-by-ioctl",
              "An ioctl with a level other than 0 is refused.", "npi", false},
     .request = InsistOnLevel},
    {.info = {"send-keeps-bytes", "send.not-buffered", "A send completes although its bytes were not sent.",
              "npi", false},
     .request = KeepBytes,
     .disconnect = NoteAbortive},
    {.info = {"connect-ex-ignores-flags", "connect-ex.flags-refused",
              "WskConnectEx with flags connects as if there were none.", "npi", false},
     .request = ConnectWithoutFlags},
};

}  // namespace

const Topic kSilentTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
