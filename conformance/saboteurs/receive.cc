// Saboteurs of receiving.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

bool HasData(const ReceiveCall& call) { return call.list != nullptr && call.bytes != 0; }

// The provider believes that the client refused, so a WskReceive still gets the data.
NTSTATUS NeverIndicate(ReceiveCall* call) {
  const bool mine = HasData(*call) && CountsOn(call->socket, kReceiveEvent);
  return mine ? STATUS_DATA_NOT_ACCEPTED : CallReceive(*call);
}

// A call of the client, with no WskReceive before or during it that would explain another call.
NTSTATUS CallFarFromReceive(ReceiveCall* call, bool* far) {
  const Socket* socket = call->socket;
  const LONG receives = socket->receives;
  *far = socket->receives_outstanding == 0;
  const NTSTATUS status = CallReceive(*call);
  *far = *far && socket->receives == receives;
  return status;
}

// What the client refused, or left of what it was given, it must fetch: only what comes after that is
// indicated.
NTSTATUS NotResumed(ReceiveCall* call) {
  Socket* socket = call->socket;
  if (HasData(*call) && socket->left > 0) return STATUS_DATA_NOT_ACCEPTED;
  const LONG refusals = socket->refusals;
  bool far;
  const NTSTATUS status = CallFarFromReceive(call, &far);
  if (far && socket->refusals != refusals) {
    const SIZE_T taken = status == STATUS_SUCCESS ? *call->accepted : 0;
    InterlockedExchange64(&socket->left, static_cast<LONG64>(call->bytes - taken));
  }
  return status;
}
NTSTATUS CountFetched(Completion* completion) {
  if (completion->function == Function::kReceive && NT_SUCCESS(completion->irp->IoStatus.Status)) {
    InterlockedExchangeAdd64(&completion->socket->left,
                             -static_cast<LONG64>(completion->irp->IoStatus.Information));
  }
  return STATUS_SUCCESS;
}

// ---- Calls that overlap

void IndicateBeside(Socket* socket) {
  if (socket->mark == 1 && Running(socket, kReceiveEvent)) {
    SIZE_T accepted = socket->list->Buffer.Length;
    CallReceive({socket, socket->flags, socket->list, socket->list->Buffer.Length, &accepted});
  }
  KeSetEvent(&socket->done, IO_NO_INCREMENT, FALSE);
}

// While the client is called another thread calls it with the first node again. Only where it can be waited
// for.
NTSTATUS Overlap(ReceiveCall* call) {
  Socket* socket = call->socket;
  if (!HasData(*call) || KeGetCurrentIrql() != PASSIVE_LEVEL || InterlockedExchange(&socket->mark, 1) != 0) {
    return CallReceive(*call);
  }
  socket->list = call->list;
  socket->flags = call->flags;
  const bool beside = Later(socket, IndicateBeside);
  const NTSTATUS status = CallReceive(*call);
  InterlockedExchange(&socket->mark, 2);
  // The list is only the client's until the provider knows the answer.
  if (beside) KeWaitForSingleObject(&socket->done, Executive, KernelMode, FALSE, nullptr);
  return status;
}

// ---- Wrong arguments

NTSTATUS CountOneMore(ReceiveCall* call) {
  if (!HasData(*call)) return CallReceive(*call);
  ReceiveCall more = *call;
  ++more.bytes;
  return CallReceive(more);
}

// A list without the first byte. The node is restored unless the client keeps it.
NTSTATUS LoseFirstByte(ReceiveCall* call) {
  if (!HasData(*call)) return CallReceive(*call);
  WSK_BUF* buffer = &call->list->Buffer;
  if (buffer->Length < 2 || buffer->Offset + 1 >= MmGetMdlByteCount(buffer->Mdl)) return CallReceive(*call);
  const SIZE_T untouched = call->accepted != nullptr ? *call->accepted : 0;
  ++buffer->Offset;
  --buffer->Length;
  const NTSTATUS status =
      CallReceive({call->socket, call->flags, call->list, call->bytes - 1, call->accepted});
  if (status == STATUS_PENDING) return status;
  --buffer->Offset;
  ++buffer->Length;
  if (call->accepted != nullptr && *call->accepted != untouched) ++*call->accepted;
  return status;
}

UCHAR* FirstByte(const WSK_BUF& buffer) {
  UCHAR* base = static_cast<UCHAR*>(MmGetSystemAddressForMdlSafe(buffer.Mdl, NormalPagePriority));
  return base != nullptr ? base + buffer.Offset : nullptr;
}

// The client reads a byte that the peer never sent. The provider has it back afterwards.
NTSTATUS CorruptFirstByte(ReceiveCall* call) {
  UCHAR* first = HasData(*call) ? FirstByte(call->list->Buffer) : nullptr;
  if (first == nullptr) return CallReceive(*call);
  *first ^= 0xFF;
  const NTSTATUS status = CallReceive(*call);
  if (status != STATUS_PENDING) *first ^= 0xFF;
  return status;
}

// ---- Calls too many

NTSTATUS AgainAfterRefusal(ReceiveCall* call) {
  bool far;
  const NTSTATUS status = CallFarFromReceive(call, &far);
  if (!HasData(*call) || status != STATUS_DATA_NOT_ACCEPTED || !far) return status;
  return CallReceive(*call);
}
NTSTATUS AgainAfterDynamicRefusal(ReceiveCall* call) {
  return IsStatic(call->socket, kReceiveEvent) ? CallReceive(*call) : AgainAfterRefusal(call);
}
NTSTATUS AgainAfterStaticRefusal(ReceiveCall* call) {
  return IsStatic(call->socket, kReceiveEvent) ? AgainAfterRefusal(call) : CallReceive(*call);
}

// `skip` bytes further in a chain of MDLs.
bool Advance(const WSK_BUF& from, SIZE_T skip, WSK_BUF* to) {
  *to = from;
  SIZE_T offset = from.Offset + skip;
  while (to->Mdl != nullptr && offset >= MmGetMdlByteCount(to->Mdl)) {
    offset -= MmGetMdlByteCount(to->Mdl);
    to->Mdl = to->Mdl->Next;
  }
  to->Offset = static_cast<ULONG>(offset);
  to->Length = from.Length - skip;
  return to->Mdl != nullptr;
}

// After a part was accepted the client is called with the rest, though it did not ask for it.
NTSTATUS AgainAfterPart(ReceiveCall* call) {
  Socket* socket = call->socket;
  const SIZE_T untouched = call->accepted != nullptr ? *call->accepted : 0;
  bool far;
  const NTSTATUS status = CallFarFromReceive(call, &far);
  if (!HasData(*call) || status != STATUS_SUCCESS || !far || call->accepted == nullptr ||
      *call->accepted == untouched || *call->accepted == 0 || *call->accepted >= call->list->Buffer.Length) {
    return status;
  }
  if (!Advance(call->list->Buffer, *call->accepted, &socket->made.Buffer)) return status;
  socket->made.Next = nullptr;
  SIZE_T accepted = socket->made.Buffer.Length;
  CallReceive({socket, call->flags, &socket->made, socket->made.Buffer.Length, &accepted});
  return status;
}

NTSTATUS IndicateTwice(ReceiveCall* call) {
  const SIZE_T untouched = call->accepted != nullptr ? *call->accepted : 0;
  const NTSTATUS status = CallReceive(*call);
  if (!HasData(*call) || status != STATUS_SUCCESS ||
      (call->accepted != nullptr && *call->accepted != untouched)) {
    return status;
  }
  SIZE_T accepted = untouched;
  CallReceive({call->socket, call->flags, call->list, call->bytes, &accepted});
  return status;
}

// ---- Before a queued receive

NTSTATUS WatchReceives(Request* request) { return PassWatched(request, Function::kReceive); }

// What fills a queued receive is indicated, and the receive stays queued if the client takes it.
NTSTATUS IndicateBeforeQueued(Completion* completion) {
  Socket* socket = completion->socket;
  const SIZE_T bytes = completion->irp->IoStatus.Information;
  if (!BringsWhatTheEventTells(*completion, Function::kReceive, kReceiveEvent) ||
      Running(socket, kReceiveEvent)) {
    return STATUS_SUCCESS;
  }
  socket->made.Next = nullptr;
  socket->made.Buffer = *completion->buffer;
  socket->made.Buffer.Length = bytes;
  SIZE_T accepted = bytes;
  const NTSTATUS status = CallReceive({socket, 0, &socket->made, bytes, &accepted});
  if (status == STATUS_DATA_NOT_ACCEPTED) return STATUS_SUCCESS;
  PassAgain(completion);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

// ---- Through WskReceive

// The bytes move up by one, over the first.
NTSTATUS LoseFirstReceived(Completion* completion) {
  const SIZE_T bytes = completion->irp->IoStatus.Information;
  // A buffer that must be full has a rule of its own.
  if (completion->function != Function::kReceive || !NT_SUCCESS(completion->irp->IoStatus.Status) ||
      bytes < 2 || (completion->flags & WSK_FLAG_WAITALL) != 0 ||
      completion->buffer->Offset + bytes > MmGetMdlByteCount(completion->buffer->Mdl)) {
    return STATUS_SUCCESS;
  }
  if (UCHAR* first = FirstByte(*completion->buffer)) {
    RtlMoveMemory(first, first + 1, bytes - 1);
    completion->irp->IoStatus.Information = bytes - 1;
  }
  return STATUS_SUCCESS;
}

// ---- Retained data

NTSTATUS OverwriteRetained(ReceiveCall* call) {
  const NTSTATUS status = CallReceive(*call);
  if (HasData(*call) && status == STATUS_PENDING) {
    // The client may have released it already, but the provider has not been told of its retention yet.
    if (UCHAR* first = FirstByte(call->list->Buffer); first != nullptr && call->socket->retained != 0)
      *first ^= 0xFF;
  }
  return status;
}

const Saboteur kSaboteurs[] = {
    {.info = {"receive-not-indicated", "receive.enabled.indicates",
              "WskReceiveEvent is never called; what came waits for a WskReceive.", "npi", false},
     .receive = NeverIndicate},
    {.info = {"receive-calls-overlap", "receive.serial",
              "WskReceiveEvent is called on one thread while a call on another has not returned.", "npi",
              false},
     .receive = Overlap},
    {.info = {"receive-counts-one-byte-more", "receive.bytes-indicated.is-list-length",
              "BytesIndicated is one more than the list describes.", "npi", false},
     .receive = CountOneMore},
    {.info = {"receive-indicated-after-refusal", "receive.refused.suspends",
              "Data that the client refused is indicated again without a WskReceive.", "npi", false},
     .receive = AgainAfterDynamicRefusal},
    {.info = {"static-receive-indicated-after-refusal", "static.receive.refusal-suspends",
              "Data that a statically enabled WskReceiveEvent refused is indicated again without a "
              "WskReceive.",
              "npi", false},
     .receive = AgainAfterStaticRefusal},
    {.info = {"receive-indicated-after-part", "receive.partial.suspends",
              "The rest of data of which the client took a part is indicated without a WskReceive.", "npi",
              false},
     .receive = AgainAfterPart},
    {.info = {"receive-not-resumed", "receive.resumes",
              "After a refusal or a partial acceptance what is still buffered is never indicated.", "npi",
              false},
     .completing = CountFetched,
     .receive = NotResumed},
    {.info = {"receive-indicates-twice", "receive.bytes.at-most-once",
              "Data that the client accepted is indicated a second time.", "npi", false},
     .receive = IndicateTwice},
    {.info = {"receive-loses-first-byte", "receive.bytes.none-lost",
              "The first byte of each indication is left out.", "npi", false},
     .receive = LoseFirstByte},
    {.info = {"receive-corrupts-first-byte", "receive.bytes.none-lost",
              "The first byte of each indication is not the one that the peer sent.", "npi", false},
     .receive = CorruptFirstByte},
    {.info = {"receive-request-loses-first-byte", "receive.bytes.none-lost",
              "WskReceive leaves out the first byte of what it delivers.", "npi", false},
     .completing = LoseFirstReceived},
    {.info = {"receive-indicated-before-queued", "receive.queued.takes-precedence",
              "Data that fills a queued WskReceive is indicated to WskReceiveEvent before.", "npi", false},
     .request = WatchReceives,
     .completing = IndicateBeforeQueued},
    {.info = {"receive-overwrites-retained", "receive.retained.unchanged",
              "The first byte of retained data changes before the client releases it.", "npi", false},
     .receive = OverwriteRetained},
};

}  // namespace

const Topic kReceiveTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
