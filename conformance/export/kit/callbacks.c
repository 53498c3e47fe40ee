// What every event callback of an exported client says, and how its steps are embedded.
#include <ntstrsafe.h>

#include "conformance/export/kit/kit.h"

static ULONG NumberOf(const CLIENT_SOCKET* socket) { return (ULONG)(socket - Sockets); }

// " at IRQL 2"
static const char* Level(char* text) {
  if (KeGetCurrentIrql() == PASSIVE_LEVEL) return "";
  RtlStringCbPrintfA(text, 16, " at IRQL %u", (ULONG)KeGetCurrentIrql());
  return text;
}

static const char* AtDispatch(ULONG flags) {
  return (flags & WSK_FLAG_AT_DISPATCH_LEVEL) != 0 ? ", AT_DISPATCH_LEVEL" : "";
}

static LONG Count(CLIENT_SOCKET* socket, ULONG event) {
  return InterlockedIncrement(&socket->Calls[event]) - 1;
}

CLIENT_SOCKET* SocketOf(PVOID context) {
  for (ULONG i = 0; i < SocketCount; ++i) {
    if (context == &Sockets[i]) return &Sockets[i];
  }
  Say("FAULT: a callback came with a context that no socket has");
  return NULL;
}

// "WskDisconnectEvent(socket 0, graceful) begins": `what` begins with a comma, if there is anything.
static VOID SayBegin(const CLIENT_SOCKET* socket, const char* callback, const char* what, ULONG flags) {
  char level[16];
  Say("%s(socket %u%s%s) begins%s", callback, NumberOf(socket), what, AtDispatch(flags), Level(level));
}

static ULONG PeerAt(PSOCKADDR address) {
  const ULONG peer = address != NULL ? ScenePeerOfAddress(address) : NO_SLOT;
  return peer < PeerCount ? peer : NO_SLOT;
}

// What is wrong with the addresses of a connection that arrived.
static const char* AddressFault(const CLIENT_SOCKET* listener, PSOCKADDR local, PSOCKADDR remote) {
  const ADDRESS_FAMILY family = Ipv6 ? AF_INET6 : AF_INET;
  SOCKADDR_STORAGE bound;
  if (local == NULL || remote == NULL || local->sa_family != family || remote->sa_family != family) {
    return ", an address is missing or of another family";
  }
  LocalAddressOf(NumberOf(listener), &bound);
  return ((SOCKADDR_IN*)local)->sin_port != ((SOCKADDR_IN*)&bound)->sin_port
             ? ", the local address is not the socket's"
             : "";
}

// Ids of connections under inspection are numbered as they are met.
static struct {
  WSK_INSPECT_ID Id;
  const CLIENT_SOCKET* Socket;
} SeenIds[256];
static volatile LONG SeenIdCount;

static ULONG NumberOfId(const CLIENT_SOCKET* socket, const WSK_INSPECT_ID* id) {
  for (LONG i = 0; i < SeenIdCount; ++i) {
    if (SeenIds[i].Socket == socket && SeenIds[i].Id.Key == id->Key &&
        SeenIds[i].Id.SerialNumber == id->SerialNumber) {
      return (ULONG)i + 1;
    }
  }
  if (SeenIdCount >= (LONG)ARRAYSIZE(SeenIds)) return 0;
  const LONG at = InterlockedIncrement(&SeenIdCount) - 1;
  SeenIds[at].Id = *id;
  SeenIds[at].Socket = socket;
  return (ULONG)at + 1;
}

LONG BeginAccept(CLIENT_SOCKET* socket, ULONG flags, PSOCKADDR local, PSOCKADDR remote,
                 PWSK_SOCKET accepted) {
  char what[96] = ", NULL socket";
  if (accepted != NULL) {
    RtlStringCbPrintfA(what, sizeof(what), ", from peer %u%s", PeerAt(remote),
                       AddressFault(socket, local, remote));
  }
  SayBegin(socket, "WskAcceptEvent", what, flags);
  return Count(socket, EVENT_ACCEPT);
}

BOOLEAN AcceptInto(CLIENT_SOCKET* made, CLIENT_SOCKET* listener, PWSK_SOCKET accepted, PSOCKADDR remote,
                   ULONG events, PVOID* context, CONST WSK_CLIENT_CONNECTION_DISPATCH** dispatch) {
  const ULONG peer = PeerAt(remote);
  if (accepted == NULL ||
      InterlockedCompareExchange(&made->State, SOCKET_CREATING, SOCKET_EMPTY) != SOCKET_EMPTY)
    return FALSE;
  made->Socket = accepted;
  made->Category = WSK_FLAG_CONNECTION_SOCKET;
  made->Client = listener->Client;
  made->Listener = (USHORT)NumberOf(listener);
  if (peer < PeerCount) {
    made->Peer = (USHORT)peer;
    Peers[peer].Socket = (USHORT)NumberOf(made);
  }
  *context = made;
  *dispatch = (const WSK_CLIENT_CONNECTION_DISPATCH*)DispatchOf(made, events);
  InterlockedExchange(&made->State, SOCKET_OPEN);
  return TRUE;
}

VOID AcceptFailed(CLIENT_SOCKET* made) {
  InterlockedExchange(&made->State, SOCKET_FAILED);
  if (made->Peer != NO_SLOT) Peers[made->Peer].Socket = NO_SLOT;
}

LONG BeginInspect(CLIENT_SOCKET* socket, PSOCKADDR local, PSOCKADDR remote, PWSK_INSPECT_ID id) {
  char what[128] = ", NULL id";
  if (id != NULL) {
    const ULONG number = NumberOfId(socket, id);
    RtlStringCbPrintfA(what, sizeof(what), number != 0 ? ", from peer %u%s, id %u" : ", from peer %u%s",
                       PeerAt(remote), AddressFault(socket, local, remote), number);
  }
  SayBegin(socket, "WskInspectEvent", what, 0);
  return Count(socket, EVENT_INSPECT);
}

BOOLEAN KeepInspectId(INSPECTED* slot, PWSK_INSPECT_ID id) {
  if (id == NULL || InterlockedCompareExchange(&slot->State, SLOT_FILLING, SLOT_EMPTY) != SLOT_EMPTY)
    return FALSE;
  slot->Id = *id;
  InterlockedExchange(&slot->State, SLOT_FULL);
  return TRUE;
}

LONG BeginAbort(CLIENT_SOCKET* socket, PWSK_INSPECT_ID id) {
  char what[32] = ", NULL id";
  if (id != NULL) {
    const ULONG number = NumberOfId(socket, id);
    RtlStringCbPrintfA(what, sizeof(what), number != 0 ? ", id %u" : "", number);
  }
  SayBegin(socket, "WskAbortEvent", what, 0);
  return Count(socket, EVENT_ABORT);
}

// Each node of a list that is not one run of bytes.
static VOID SayNodes(CLIENT_SOCKET* socket, const WSK_DATA_INDICATION* list) {
  char text[80];
  for (; list != NULL; list = list->Next) {
    WSK_DATA_INDICATION alone = *list;
    alone.Next = NULL;
    INDICATION read = ReadIndication(socket, &alone);
    if (!read.OneRun) read.Decoded.Content = CONTENT_CORRUPT;
    Say("  a node: %s", BytesText(read.Decoded, (ULONG)read.Bytes, text));
  }
}

LONG BeginReceive(CLIENT_SOCKET* socket, ULONG flags, PWSK_DATA_INDICATION list, SIZE_T bytes,
                  INDICATION* out) {
  char text[80];
  char what[160] = ", NULL indication";
  INDICATION read = {0, 0, {CONTENT_NONE, NO_SLOT, 0}, TRUE, TRUE};
  if (list != NULL) {
    read = ReadIndication(socket, list);
    DECODED decoded = read.Decoded;
    if (!read.OneRun) decoded.Content = read.Nodes == 1 ? CONTENT_CORRUPT : CONTENT_NONE;
    RtlStringCbPrintfA(what, sizeof(what), ", %s, BytesIndicated %llu%s",
                       BytesText(decoded, (ULONG)read.Bytes, text), (ULONGLONG)bytes,
                       (flags & WSK_FLAG_ENTIRE_MESSAGE) != 0 ? ", ENTIRE_MESSAGE" : "");
  }
  SayBegin(socket, "WskReceiveEvent", what, flags);
  if (!read.Readable) {
    Say("FAULT: an indication chain that cannot be walked");
  } else if (!read.OneRun && read.Nodes > 1) {
    SayNodes(socket, list);
  }
  *out = read;
  return Count(socket, EVENT_RECEIVE);
}

LONG BeginReceiveFrom(CLIENT_SOCKET* socket, ULONG flags, PWSK_DATAGRAM_INDICATION list, INDICATION* out) {
  char text[80];
  char what[96] = ", NULL indication";
  const INDICATION read = ReadDatagrams(list);
  *out = read;
  if (list != NULL) {
    RtlStringCbPrintfA(what, sizeof(what), ", %u datagram%s, %llu bytes%s%s%s", read.Nodes,
                       read.Nodes == 1 ? "" : "s", read.Bytes, (flags & MSG_BCAST) != 0 ? ", MSG_BCAST" : "",
                       (flags & MSG_MCAST) != 0 ? ", MSG_MCAST" : "",
                       (flags & MSG_TRUNC) != 0 ? ", MSG_TRUNC" : "");
  }
  SayBegin(socket, "WskReceiveFromEvent", what, flags);
  for (; read.Readable && list != NULL; list = list->Next) {
    const DECODED decoded = DecodeOneDatagram(list);
    const ULONG length = (ULONG)list->Buffer.Length;
    if (decoded.Content == CONTENT_EXACT) Peers[decoded.Peer].DatagramsSeen = decoded.Offset + length;
    Say("  a node: %s", BytesText(decoded, length, text));
  }
  if (!read.Readable) Say("FAULT: an indication chain that cannot be walked");
  return Count(socket, EVENT_RECEIVE_FROM);
}

LONG BeginDisconnect(CLIENT_SOCKET* socket, ULONG flags) {
  SayBegin(socket, "WskDisconnectEvent", (flags & WSK_FLAG_ABORTIVE) != 0 ? ", abortive" : ", graceful",
           flags);
  return Count(socket, EVENT_DISCONNECT);
}

LONG BeginSendBacklog(CLIENT_SOCKET* socket, SIZE_T bytes) {
  char what[48];
  RtlStringCbPrintfA(what, sizeof(what), ", %llu bytes", (ULONGLONG)bytes);
  SayBegin(socket, "WskSendBacklogEvent", what, 0);
  return Count(socket, EVENT_SEND_BACKLOG);
}

LONG BeginExtension(CLIENT_SOCKET* socket, ULONG value) {
  char what[24];
  RtlStringCbPrintfA(what, sizeof(what), ", %u", value);
  SayBegin(socket, "ExtensionEvent", what, 0);
  return Count(socket, EVENT_EXTENSION);
}

VOID SayClientEvent(VOID) { Say("WskClientEvent begins and returns STATUS_NOT_IMPLEMENTED"); }

VOID EnterSteps(VOID) {
  const ULONG thread = SceneThread();
  if (thread < 256) ++Depth[thread];
}

VOID LeaveSteps(VOID) {
  const ULONG thread = SceneThread();
  if (thread < 256) --Depth[thread];
}

VOID StayIn(HOLD* hold) {
  // A callback on the stack of a call of ours must not be held: the thread that would release it may be this
  // very one.
  const ULONG thread = SceneThread();
  const ULONG number = (ULONG)(hold - Holds);
  if (thread >= 256 || Depth[thread] != 1 || KeGetCurrentIrql() != PASSIVE_LEVEL) {
    Say("the call cannot be held here (hold %u)", number);
    return;
  }
  Say("the call stays in progress (hold %u)", number);
  InterlockedExchange(&hold->Entered, 1);
  KeWaitForSingleObject(&hold->Released, Executive, KernelMode, FALSE, NULL);
  Say("hold %u is released", number);
}

BOOLEAN RetainList(RETAINED* slot, CLIENT_SOCKET* socket, PVOID list, const INDICATION* read) {
  if (list == NULL || InterlockedCompareExchange(&slot->State, SLOT_FILLING, SLOT_EMPTY) != SLOT_EMPTY)
    return FALSE;
  slot->List = list;
  slot->Socket = socket;
  slot->Offset = read->Decoded.Offset;
  InterlockedIncrement(&socket->Retained);
  InterlockedExchange(&slot->State, SLOT_FULL);
  return TRUE;
}

NTSTATUS EndReceive(CLIENT_SOCKET* socket, const INDICATION* read, NTSTATUS status, ULONG accepted,
                    SIZE_T* bytes_accepted) {
  // More than was indicated is nothing that the pages define.
  if (accepted != ALL_BYTES && accepted > read->Bytes) accepted = (ULONG)read->Bytes;
  if (accepted != ALL_BYTES) *bytes_accepted = accepted;
  const ULONGLONG taken = status == STATUS_SUCCESS   ? (accepted != ALL_BYTES ? accepted : read->Bytes)
                          : status == STATUS_PENDING ? read->Bytes
                                                     : 0;
  if (read->Decoded.Content == CONTENT_EXACT && taken != 0) socket->Received = read->Decoded.Offset + taken;
  if (accepted == ALL_BYTES) return EndCallback(socket, "WskReceiveEvent", status);
  Say("WskReceiveEvent(socket %u) returned %s, %u bytes accepted", NumberOf(socket), StatusName(status),
      accepted);
  return status;
}

NTSTATUS EndCallback(CLIENT_SOCKET* socket, const char* callback, NTSTATUS status) {
  Say("%s(socket %u) returned %s", callback, NumberOf(socket), StatusName(status));
  return status;
}
