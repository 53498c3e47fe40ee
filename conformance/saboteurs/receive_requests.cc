// Saboteurs of WskReceive, of WskRelease, and of what WskReceiveEvent says about its data.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

bool HasData(const ReceiveCall& call) { return call.list != nullptr && call.bytes != 0; }
bool IsReceive(const Request& request) { return request.function == Function::kReceive; }

// ---- Indications

// A node without a buffer at the end of the list. The provider has its list back afterwards.
NTSTATUS EndWithoutBuffer(ReceiveCall* call) {
  if (!HasData(*call)) return CallReceive(*call);
  PWSK_DATA_INDICATION last = call->list;
  while (last->Next != nullptr) last = last->Next;
  call->socket->made = {};
  call->socket->made.Buffer.Length = 10;
  last->Next = &call->socket->made;
  const NTSTATUS status = CallReceive(*call);
  last->Next = nullptr;
  return status;
}

// The first data of a socket is announced by an indication of nothing.
NTSTATUS NothingFirst(ReceiveCall* call) {
  if (HasData(*call) && InterlockedExchange(&call->socket->mark, 1) == 0) {
    SIZE_T accepted = 0;
    CallReceive({call->socket, call->flags, nullptr, 0, &accepted});
  }
  return CallReceive(*call);
}

NTSTATUS InvertMessageFlag(ReceiveCall* call) {
  call->flags ^= WSK_FLAG_ENTIRE_MESSAGE;
  return CallReceive(*call);
}

// ---- Requests

NTSTATUS CountOneMore(Completion* completion) {
  if (completion->function == Function::kReceive && NT_SUCCESS(completion->irp->IoStatus.Status) &&
      completion->irp->IoStatus.Information != 0) {
    ++completion->irp->IoStatus.Information;
  }
  return STATUS_SUCCESS;
}

NTSTATUS WithoutWaitAll(Request* request) {
  if (IsReceive(*request)) request->flags &= ~static_cast<ULONG>(WSK_FLAG_WAITALL);
  return Pass(request);
}
NTSTATUS WithoutDrain(Request* request) {
  if (IsReceive(*request)) request->flags &= ~static_cast<ULONG>(WSK_FLAG_DRAIN);
  return Pass(request);
}
NTSTATUS WithoutUnknownFlags(Request* request) {
  if (IsReceive(*request)) request->flags &= WSK_FLAG_WAITALL | WSK_FLAG_DRAIN;
  return Pass(request);
}

// The provider never hears of a request that drains; it ends with the connection, or at the close.
NTSTATUS KeepDrain(Request* request) {
  Socket* socket = request->socket;
  const bool drains =
      IsReceive(*request) && (request->flags & WSK_FLAG_DRAIN) != 0 && request->irp != nullptr;
  if (request->function == Function::kClose) {
    CompleteKept(InterlockedExchangePointer(&socket->queued[0], nullptr), STATUS_CANCELLED);
  }
  if (!drains || socket->queued[0] != nullptr) return Pass(request);
  InterlockedExchangePointer(&socket->queued[0], Keep(request));
  return STATUS_PENDING;
}
NTSTATUS EndDrain(Socket* socket, ULONG flags) {
  CompleteKept(InterlockedExchangePointer(&socket->queued[0], nullptr), STATUS_SUCCESS);
  return CallDisconnect(socket, flags);
}

NTSTATUS InsistOnMdl(Request* request) {
  const bool mine = IsReceive(*request) && request->irp != nullptr && request->buffer->Length == 0 &&
                    request->buffer->Mdl == nullptr && request->flags == 0;
  return mine ? Answer(request, STATUS_INVALID_PARAMETER, STATUS_INVALID_PARAMETER) : Pass(request);
}

// ---- Releases

template <ULONG kCategory>
bool Mine(const Socket* socket) {
  return (socket->category == WSK_FLAG_DATAGRAM_SOCKET) == (kCategory == WSK_FLAG_DATAGRAM_SOCKET);
}
template <ULONG kCategory>
NTSTATUS ReleaseButFail(Socket* socket, PVOID list) {
  const NTSTATUS status = PassRelease(socket, list);
  return Mine<kCategory>(socket) && NT_SUCCESS(status) ? STATUS_UNSUCCESSFUL : status;
}
template <ULONG kCategory>
NTSTATUS ReleaseNothing(Socket* socket, PVOID list) {
  return Mine<kCategory>(socket) && list == nullptr ? STATUS_SUCCESS : PassRelease(socket, list);
}

const Saboteur kSaboteurs[] = {
    {.info = {"receive-list-ends-without-buffer", "receive.indication.well-formed",
              "An indication ends with a node that has a length and no buffer.", "npi", false},
     .receive = EndWithoutBuffer},
    {.info = {"receive-indicates-nothing-first", "receive.null-indication.means-dead",
              "The first data is announced by a call of WskReceiveEvent without an indication.", "npi",
              false},
     .receive = NothingFirst},
    {.info = {"receive-message-flag-inverted", "receive.flag.entire-message",
              "WSK_FLAG_ENTIRE_MESSAGE is set where no push bit was, and clear where one was.", "npi", false},
     .receive = InvertMessageFlag},
    {.info = {"receive-request-counts-one-byte-more", "receive.information.is-byte-count",
              "A WskReceive reports one byte more than it received.", "runtime", false},
     .completing = CountOneMore},
    {.info = {"receive-ignores-waitall", "receive.waitall.waits",
              "A WskReceive with WSK_FLAG_WAITALL completes with the first data.", "npi", false},
     .request = WithoutWaitAll},
    {.info = {"receive-ignores-drain", "receive.drain.waits",
              "A WskReceive with WSK_FLAG_DRAIN completes like any other of length zero.", "npi", false},
     .request = WithoutDrain},
    {.info = {"receive-indicates-drained", "receive.drain.discards",
              "Data is indicated although a WskReceive with WSK_FLAG_DRAIN is queued.", "npi", false},
     .request = KeepDrain,
     .disconnect = EndDrain},
    {.info = {"receive-ignores-unknown-flags", "receive.flag.not-supported",
              "A WskReceive with an unknown flag goes on as if it were not there.", "npi", false},
     .request = WithoutUnknownFlags},
    {.info = {"receive-of-nothing-needs-mdl", "receive.zero-length.mdl-may-be-null",
              "A WskReceive of length zero without an MDL is refused.", "npi", false},
     .request = InsistOnMdl},
    {.info = {"release-fails", "receive.release.succeeds", "WskRelease of a retained list returns an error.",
              "npi", false},
     .release = ReleaseButFail<WSK_FLAG_CONNECTION_SOCKET>},
    {.info = {"release-of-nothing-succeeds", "receive.release.invalid-parameter",
              "WskRelease of a NULL list returns STATUS_SUCCESS.", "npi", false},
     .release = ReleaseNothing<WSK_FLAG_CONNECTION_SOCKET>},
    {.info = {"release-of-datagrams-fails", "receive-from.release.status",
              "WskRelease of a retained list of datagrams returns an error.", "npi", false},
     .release = ReleaseButFail<WSK_FLAG_DATAGRAM_SOCKET>},
    {.info = {"release-of-no-datagrams-succeeds", "receive-from.release.status",
              "WskRelease of a NULL list on a datagram socket returns STATUS_SUCCESS.", "npi", false},
     .release = ReleaseNothing<WSK_FLAG_DATAGRAM_SOCKET>},
};

}  // namespace

const Topic kReceiveRequestTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
