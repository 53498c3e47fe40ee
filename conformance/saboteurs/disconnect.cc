// Saboteurs of disconnecting.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

NTSTATUS NeverIndicate(Socket* socket, ULONG flags) {
  return CountsOn(socket, kDisconnectEvent) ? STATUS_SUCCESS : CallDisconnect(socket, flags);
}
NTSTATUS InvertFlag(Socket* socket, ULONG flags) { return CallDisconnect(socket, flags ^ WSK_FLAG_ABORTIVE); }

void IndicateLocal(Socket* socket) {
  if (socket->closing == 0 && Enabled(socket, kDisconnectEvent)) CallDisconnect(socket, socket->flags);
}

// What the client does itself is indicated to it.
NTSTATUS WatchDisconnect(Request* request) {
  if (request->function == Function::kDisconnect) request->socket->flags = request->flags & WSK_FLAG_ABORTIVE;
  return Pass(request);
}
NTSTATUS IndicateLocalDisconnect(Completion* completion) {
  if (completion->function == Function::kDisconnect && NT_SUCCESS(completion->irp->IoStatus.Status) &&
      Has(completion->socket, kDisconnectEvent)) {
    Later(completion->socket, IndicateLocal);
  }
  return STATUS_SUCCESS;
}

// ---- Data after the disconnect

NTSTATUS NoteAbortive(Socket* socket, ULONG flags) {
  const NTSTATUS status = CallDisconnect(socket, flags);
  if ((flags & WSK_FLAG_ABORTIVE) != 0) InterlockedExchange(&socket->mark, 1);
  return status;
}

// Late enough that no indication can have been on its way: just before the close.
NTSTATUS IndicateBeforeClose(Request* request) {
  Socket* socket = request->socket;
  if (request->function == Function::kClose && socket->mark != 0 && Has(socket, kReceiveEvent) &&
      Enabled(socket, kReceiveEvent) && socket->suspended == 0 && !Running(socket)) {
    socket->made = {};
    SIZE_T accepted = 0;
    CallReceive({socket, 0, &socket->made, 0, &accepted});
  }
  return Pass(request);
}

// ---- Sends after the end

constexpr LONG kGracefulDone = 1, kAbortDone = 2, kResetTold = 4, kAborting = 8, kReceived = 16,
               kReceivedAfter = 32;

void Mark(Socket* socket, LONG bits) { InterlockedOr(&socket->mark, bits); }
bool Marked(const Socket* socket, LONG bits) { return (socket->mark & bits) != 0; }

bool IsDisconnect(const Request& request, bool abortive) {
  return request.function == Function::kDisconnect && request.irp != nullptr &&
         ((request.flags & WSK_FLAG_ABORTIVE) != 0) == abortive;
}

NTSTATUS NoteDone(Completion* completion) {
  if (completion->function == Function::kDisconnect && NT_SUCCESS(completion->irp->IoStatus.Status)) {
    Mark(completion->socket, (completion->flags & WSK_FLAG_ABORTIVE) != 0 ? kAbortDone : kGracefulDone);
  }
  return STATUS_SUCCESS;
}

// A send that goes nowhere and succeeds.
NTSTATUS PretendSend(Request* request, LONG after) {
  const bool mine = request->function == Function::kSend && Marked(request->socket, after);
  return mine ? Answer(request, STATUS_PENDING, STATUS_SUCCESS) : Pass(request);
}
NTSTATUS SendAfterGraceful(Request* request) {
  return Marked(request->socket, kAbortDone) ? Pass(request) : PretendSend(request, kGracefulDone);
}
NTSTATUS SendAfterAbort(Request* request) { return PretendSend(request, kAbortDone); }
NTSTATUS SendAfterReset(Request* request) { return PretendSend(request, kResetTold); }
NTSTATUS NoteReset(Socket* socket, ULONG flags) {
  const NTSTATUS status = CallDisconnect(socket, flags);
  if ((flags & WSK_FLAG_ABORTIVE) != 0) Mark(socket, kResetTold);
  return status;
}

// ---- What a graceful disconnect does

NTSTATUS ResetInstead(Request* request) {
  if (IsDisconnect(*request, false) && request->buffer == nullptr) request->flags |= WSK_FLAG_ABORTIVE;
  return Pass(request);
}

NTSTATUS DropBuffer(Request* request) {
  if (IsDisconnect(*request, false)) request->buffer = nullptr;
  return Pass(request);
}

// The real disconnect goes on behind the client's back.
NTSTATUS SayDone(Request* request) {
  const bool mine = IsDisconnect(*request, false) && request->buffer == nullptr &&
                    request->socket->connected != 0 && request->socket->silent == 0 &&
                    !Broken(request->socket);
  return mine && ForwardAlone(*request) ? Answer(request, STATUS_PENDING, STATUS_SUCCESS) : Pass(request);
}

NTSTATUS SwallowAfterGraceful(ReceiveCall* call) {
  const bool mine =
      call->list != nullptr && Marked(call->socket, kGracefulDone) && CountsOn(call->socket, kReceiveEvent);
  return mine ? STATUS_SUCCESS : CallReceive(*call);
}

NTSTATUS NoteReceived(ReceiveCall* call) {
  if (call->list != nullptr)
    Mark(call->socket, Marked(call->socket, kGracefulDone) ? kReceivedAfter : kReceived);
  return CallReceive(*call);
}

// Bytes that nobody sent, where nothing came after the disconnect although the peer had been sending.
NTSTATUS InventBeforeClose(Request* request) {
  Socket* socket = request->socket;
  static UCHAR bytes[8];
  if (request->function != Function::kClose || !Marked(socket, kGracefulDone) || !Marked(socket, kReceived) ||
      Marked(socket, kReceivedAfter) || !Enabled(socket, kReceiveEvent) || Running(socket) ||
      socket->refusals != 0) {
    return Pass(request);
  }
  PMDL mdl = IoAllocateMdl(bytes, sizeof(bytes), FALSE, FALSE, nullptr);
  if (mdl == nullptr) return Pass(request);
  MmBuildMdlForNonPagedPool(mdl);
  socket->made = {nullptr, {mdl, 0, sizeof(bytes)}};
  SIZE_T accepted = sizeof(bytes);
  CallReceive({socket, 0, &socket->made, sizeof(bytes), &accepted});
  IoFreeMdl(mdl);
  return Pass(request);
}

// ---- What an abortive disconnect ends

NTSTATUS NoteAborting(Request* request) {
  if (IsDisconnect(*request, true)) Mark(request->socket, kAborting);
  if (request->function == Function::kSend && !Marked(request->socket, kAborting)) request->tag = 1;
  return Pass(request);
}
NTSTATUS KeepSends(Completion* completion) {
  const bool mine = completion->tag != 0 && Marked(completion->socket, kAborting);
  return mine ? STATUS_MORE_PROCESSING_REQUIRED : STATUS_SUCCESS;
}
NTSTATUS KeepStuck(Completion* completion) {
  const bool mine = completion->function == Function::kDisconnect &&
                    (completion->flags & WSK_FLAG_ABORTIVE) == 0 &&
                    (Marked(completion->socket, kAborting) || completion->socket->closing != 0);
  return mine ? STATUS_MORE_PROCESSING_REQUIRED : STATUS_SUCCESS;
}

NTSTATUS OtherError(Request* request) {
  const NTSTATUS status = Pass(request);
  const bool mine = request->function == Function::kDisconnect && status == STATUS_FILE_FORCED_CLOSED;
  return mine ? STATUS_INVALID_DEVICE_STATE : status;
}

const Saboteur kSaboteurs[] = {
    {.info = {"send-after-own-disconnect-succeeds", "disconnect.graceful.no-sending-after",
              "A send after the client's own graceful disconnect succeeds.", "npi", false},
     .request = SendAfterGraceful,
     .completing = NoteDone},
    {.info = {"send-after-own-abort-succeeds", "disconnect.local-abort.no-data-after",
              "A send after the client's own abortive disconnect succeeds.", "npi", false},
     .request = SendAfterAbort,
     .completing = NoteDone},
    {.info = {"send-after-reset-succeeds", "disconnect.abortive.no-sending-after",
              "A send succeeds after WskDisconnectEvent told of an abortive disconnect.", "npi", false},
     .request = SendAfterReset,
     .disconnect = NoteReset},
    {.info = {"graceful-disconnect-resets", "disconnect.graceful.waits-for-sends",
              "A graceful disconnect is carried out as an abortive one.", "npi", false},
     .request = ResetInstead},
    {.info = {"disconnect-drops-buffer", "disconnect.graceful.sends-buffer-first",
              "The buffer that WskDisconnect is given is not sent.", "npi", false},
     .request = DropBuffer},
    {.info = {"disconnect-does-not-wait", "disconnect.graceful.irp-waits-for-transport",
              "The IRP of a graceful disconnect completes at once.", "npi", false},
     .request = SayDone},
    {.info = {"half-closed-receives-nothing", "disconnect.graceful.still-receives",
              "After the client's own graceful disconnect data is no longer indicated.", "npi", false},
     .completing = NoteDone,
     .receive = SwallowAfterGraceful},
    {.info = {"receives-without-half-open", "disconnect.graceful.not-half-open",
              "Data is indicated after a graceful disconnect although nothing can come.", "npi", false},
     .request = InventBeforeClose,
     .completing = NoteDone,
     .receive = NoteReceived},
    {.info = {"abort-leaves-sends", "disconnect.local-abort.ends-sends",
              "Sends stay pending after an abortive disconnect.", "npi", false},
     .request = NoteAborting,
     .completing = KeepSends},
    {.info = {"stuck-disconnect-stays", "disconnect.stuck.abort-completes",
              "A graceful disconnect that is stuck stays so after an abortive one.", "npi", false},
     .request = NoteAborting,
     .completing = KeepStuck},
    {.info = {"dead-socket-disconnect-other-error", "disconnect.dead-socket.forced-closed",
              "WskDisconnect on a broken socket returns STATUS_INVALID_DEVICE_STATE.", "npi", false},
     .request = OtherError},
    {.info = {"disconnect-not-indicated", "disconnect.remote.indicated",
              "WskDisconnectEvent is never called.", "npi", false},
     .disconnect = NeverIndicate},
    {.info = {"disconnect-flag-inverted", "disconnect.abortive-flag.tells-kind",
              "A graceful disconnect is indicated as abortive, and the other way round.", "npi", false},
     .disconnect = InvertFlag},
    {.info = {"disconnect-local-indicated", "disconnect.local.not-indicated",
              "A disconnect that the client made itself is indicated to it.", "npi", false},
     .request = WatchDisconnect,
     .completing = IndicateLocalDisconnect},
    {.info = {"receive-indicated-after-abortive-disconnect", "disconnect.abortive.no-data-after",
              "WskReceiveEvent is called after WskDisconnectEvent told of an abortive disconnect.", "npi",
              false},
     .request = IndicateBeforeClose,
     .disconnect = NoteAbortive},
};

}  // namespace

const Topic kDisconnectTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
