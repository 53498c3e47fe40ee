// Waiting, the environment, and words.
#include <ntstrsafe.h>

#include "conformance/export/kit/kit.h"

UCHAR Depth[256];

VOID Say(const char* format, ...) {
  char line[320];
  va_list arguments;
  va_start(arguments, format);
  RtlStringCbVPrintfA(line, sizeof(line), format, arguments);
  va_end(arguments);
  SceneSay(line);
}

const char* StatusName(NTSTATUS status) {
  // Numbers of its own for those that no case knows by name; two, so that one line can have two of them.
  static char numbers[2][16];
  static ULONG turn;
  switch ((ULONG)status) {
#define NAMED(name) \
  case (ULONG)name: \
    return #name
    NAMED(STATUS_SUCCESS);
    NAMED(STATUS_PENDING);
    NAMED(STATUS_EVENT_PENDING);
    NAMED(STATUS_BUFFER_OVERFLOW);
    NAMED(STATUS_UNSUCCESSFUL);
    NAMED(STATUS_NOT_IMPLEMENTED);
    NAMED(STATUS_INVALID_HANDLE);
    NAMED(STATUS_INVALID_PARAMETER);
    NAMED(STATUS_INVALID_DEVICE_REQUEST);
    NAMED(STATUS_ACCESS_DENIED);
    NAMED(STATUS_INSUFFICIENT_RESOURCES);
    NAMED(STATUS_DEVICE_NOT_READY);
    NAMED(STATUS_FILE_FORCED_CLOSED);
    NAMED(STATUS_NOT_SUPPORTED);
    NAMED(STATUS_REQUEST_NOT_ACCEPTED);
    NAMED(STATUS_CANCELLED);
    NAMED(STATUS_INVALID_DEVICE_STATE);
    NAMED(STATUS_ADDRESS_ALREADY_EXISTS);
    NAMED(STATUS_DATA_NOT_ACCEPTED);
    NAMED(STATUS_NOINTERFACE);
    NAMED(STATUS_CONNECTION_REFUSED);
    NAMED(STATUS_CONNECTION_RESET);
    NAMED(STATUS_CONNECTION_ABORTED);
    NAMED(STATUS_CONNECTION_DISCONNECTED);
#undef NAMED
    default:
      turn ^= 1;
      RtlStringCbPrintfA(numbers[turn], sizeof(numbers[turn]), "0x%08X", (ULONG)status);
      return numbers[turn];
  }
}

const char* BytesText(DECODED decoded, ULONG length, char* text) {
  const size_t room = 80;
  if (length == 0) return "no bytes";
  switch (decoded.Content) {
    case CONTENT_EXACT:
      RtlStringCbPrintfA(text, room, "bytes %llu..%llu of its stream", decoded.Offset,
                         decoded.Offset + length);
      break;
    case CONTENT_FOREIGN:
      RtlStringCbPrintfA(text, room, "%u bytes of the stream of peer %u", length, decoded.Peer);
      break;
    case CONTENT_CORRUPT:
      RtlStringCbPrintfA(text, room, "%u bytes that nobody sent", length);
      break;
    default:
      RtlStringCbPrintfA(text, room, "%u bytes", length);
  }
  return text;
}

BOOLEAN MayNest(VOID) {
  const ULONG thread = SceneThread();
  return thread < 256 && Depth[thread] < 6 && IoGetRemainingStackSize() > 8192;
}

VOID SkipStep(const char* operation, const char* reason) { Say("step %s skipped: %s", operation, reason); }

// ---------------------------------------------------------------------------------------------------------------------
// Waiting.

VOID Settle(VOID) {
  SceneSettle();
  Say("-- nothing more happens --");
}

VOID AwaitHold(HOLD* hold) {
  if (ReadAcquire(&hold->Entered) == 0) Settle();
  if (ReadAcquire(&hold->Entered) == 0) SkipStep("await_hold", "what it waits for did not come");
}

VOID AwaitIrp(CLIENT_IRP* irp) {
  const LONG state = ReadAcquire(&irp->State);
  if (state != IRP_FREE && state != IRP_COMPLETED) Settle();
  if (ReadAcquire(&irp->State) != IRP_COMPLETED) SkipStep("await_irp", "what it waits for did not come");
}

VOID ReleaseHold(HOLD* hold) { KeSetEvent(&hold->Released, IO_NO_INCREMENT, FALSE); }

VOID ReadRetained(RETAINED* list) {
  char text[80];
  if (ReadAcquire(&list->State) != SLOT_FULL) {
    SkipStep("read_retained", "its slot is empty");
    return;
  }
  CLIENT_SOCKET* socket = list->Socket;
  INDICATION read;
  if (socket->Category == WSK_FLAG_DATAGRAM_SOCKET) {
    read = ReadDatagrams((const WSK_DATAGRAM_INDICATION*)list->List);
  } else {
    // The bytes are those of the first reading, wherever the stream has got to since.
    const ULONGLONG expected = socket->Received;
    socket->Received = list->Offset;
    read = ReadIndication(socket, (const WSK_DATA_INDICATION*)list->List);
    socket->Received = expected;
  }
  if (!read.Readable || !read.OneRun) read.Decoded.Content = CONTENT_CORRUPT;
  Say("retained list %u read again: %s", (ULONG)(list - Retained),
      BytesText(read.Decoded, (ULONG)read.Bytes, text));
}

VOID Scribble(CLIENT_IRP* irp) {
  RtlZeroMemory(&irp->Control, sizeof(irp->Control));
  Say("the input buffer of IRP %u is overwritten", (ULONG)(irp - Irps));
}

// ---------------------------------------------------------------------------------------------------------------------
// The environment.

static BOOLEAN TakePeerFor(USHORT peer) {
  PEER* slot = &Peers[peer];
  if (InterlockedCompareExchange(&slot->Busy, 1, 0) != 0) return FALSE;
  // Generation 0 is that of the datagrams.
  ++slot->Generation;
  if (slot->Generation == 0) slot->Generation = 1;
  slot->Sent = 0;
  slot->Received = 0;
  slot->Socket = NO_SLOT;
  return TRUE;
}

VOID FreePeer(USHORT peer) {
  Peers[peer].Socket = NO_SLOT;
  InterlockedExchange(&Peers[peer].Busy, 0);
}

BOOLEAN TakePeer(CALL* call, USHORT peer) {
  CLIENT_SOCKET* socket = call->Socket;
  if (socket->Peer != NO_SLOT || !TakePeerFor(peer)) {
    SkipCall(call, "its slot is in use");
    return FALSE;
  }
  Peers[peer].Socket = (USHORT)(socket - Sockets);
  socket->Peer = peer;
  socket->Sent = 0;
  socket->Received = 0;
  return TRUE;
}

VOID LocalAddressOf(ULONG socket, SOCKADDR_STORAGE* address) {
  const USHORT port = (USHORT)(5000 + socket);
  RtlZeroMemory(address, sizeof(*address));
  address->ss_family = Ipv6 ? AF_INET6 : AF_INET;
  // The port is at the same place in both families.
  ((SOCKADDR_IN*)address)->sin_port = RtlUshortByteSwap(port);
}

VOID PeerConnect(USHORT peer, USHORT socket) {
  SOCKADDR_STORAGE address;
  LocalAddressOf(socket, &address);
  if (!TakePeerFor(peer)) {
    SkipStep("peer_connect", "a limit of the executor is reached");
    return;
  }
  Say("peer %u connects to socket %u", peer, socket);
  if (ScenePeerConnect(peer, &address)) return;
  FreePeer(peer);
  Say("... impossible now");
}

VOID BreakBound(USHORT socket) {
  SOCKADDR_STORAGE address;
  LocalAddressOf(socket, &address);
  Say("socket %u stops working", socket);
  if (!SceneBreakBound(&address)) Say("... impossible now");
}

PUCHAR TakeBytes(ULONG length) {
  static UCHAR bytes[8 << 20];
  static volatile LONG used;
  const LONG rounded = (LONG)((length + 15u) & ~15u);
  const LONG end = InterlockedExchangeAdd(&used, rounded) + rounded;
  if (end <= (LONG)sizeof(bytes)) return bytes + end - rounded;
  InterlockedExchangeAdd(&used, -rounded);
  return NULL;
}

// The next bytes of a stream; null if there are none left.
static PUCHAR NextBytes(ULONG stream, ULONGLONG* sent, ULONG length) {
  PUCHAR bytes = TakeBytes(length);
  if (bytes == NULL) return NULL;
  FillPattern(stream, *sent, bytes, length);
  *sent += length;
  return bytes;
}

VOID PeerSend(USHORT peer, ULONG length, BOOLEAN push) {
  PEER* slot = &Peers[peer];
  const ULONGLONG offset = slot->Sent;
  PUCHAR bytes = NextBytes(StreamId(peer, slot->Generation, FALSE), &slot->Sent, length);
  if (bytes == NULL) {
    SkipStep("peer_send", "a limit of the executor is reached");
    return;
  }
  Say("peer %u sends bytes %llu..%llu%s", peer, offset, offset + length, push ? ", push" : "");
  if (!ScenePeerSend(peer, bytes, length, push)) {
    slot->Sent = offset;
    Say("... impossible now");
  }
}

VOID PeerSendDatagram(USHORT peer, USHORT socket, ULONG length, ULONG cast) {
  static const char* const casts[] = {"sends", "broadcasts", "multicasts"};
  PEER* slot = &Peers[peer];
  SOCKADDR_STORAGE address;
  const ULONGLONG offset = slot->DatagramsSent;
  PUCHAR bytes = NextBytes(StreamId(peer, 0, FALSE), &slot->DatagramsSent, length);
  if (bytes == NULL) {
    SkipStep("peer_send_datagram", "a limit of the executor is reached");
    return;
  }
  LocalAddressOf(socket, &address);
  Say("peer %u %s a datagram with bytes %llu..%llu to socket %u", peer, casts[cast % 3], offset,
      offset + length, socket);
  if (!ScenePeerSendDatagram(peer, &address, bytes, length, cast)) {
    slot->DatagramsSent = offset;
    Say("... impossible now");
  }
}

void PeerSaw(int what, unsigned peer, const unsigned char* bytes, unsigned length) {
  static const char* const sights[] = {"is connected", "receives",   "sees our FIN",
                                       "sees a reset", "is refused", "receives a datagram"};
  char text[80];
  if (peer >= PeerCount) return;
  PEER* slot = &Peers[peer];
  const BOOLEAN datagram = what == SCENE_DATAGRAM;
  const DECODED decoded =
      datagram ? DecodeDatagram(peer, TRUE, bytes, length) : DecodePeer(peer, bytes, length);
  Say("peer %u %s%s%s", peer, sights[what], length != 0 ? " " : "",
      length != 0 ? BytesText(decoded, length, text) : "");
  if (decoded.Content == CONTENT_EXACT) {
    if (datagram) {
      slot->DatagramsArrived = decoded.Offset + length;
    } else {
      slot->Received = decoded.Offset + length;
    }
  }
  // A connection that no socket has yet is over for its peer as well.
  if ((what == SCENE_RESET || what == SCENE_REFUSED) && slot->Socket == NO_SLOT) FreePeer((USHORT)peer);
}
