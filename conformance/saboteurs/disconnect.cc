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

const Saboteur kSaboteurs[] = {
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
