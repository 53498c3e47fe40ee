// Payload bytes: a function of the stream and the offset, so that whoever gets some can say where they
// belong.
#include "conformance/export/kit/kit.h"

#define SEARCH_WINDOW 65536
#define MAXIMUM_NODES 65536

static ULONGLONG PatternWord(ULONG stream, ULONGLONG index) {
  ULONGLONG x = ((ULONGLONG)stream << 40) + index + 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

static UCHAR PatternByte(ULONG stream, ULONGLONG offset) {
  return (UCHAR)(PatternWord(stream, offset >> 3) >> (8 * (offset & 7)));
}

ULONG StreamId(ULONG peer, ULONG generation, BOOLEAN to_peer) {
  return (peer << 9) | ((generation & 0xFF) << 1) | (to_peer ? 1u : 0u);
}

VOID FillPattern(ULONG stream, ULONGLONG offset, PUCHAR bytes, ULONG length) {
  for (ULONG i = 0; i < length; ++i) bytes[i] = PatternByte(stream, offset + i);
}

static BOOLEAN Matches(ULONG stream, ULONGLONG offset, const UCHAR* bytes, ULONG length) {
  for (ULONG i = 0; i < length; ++i) {
    if (bytes[i] != PatternByte(stream, offset + i)) return FALSE;
  }
  return TRUE;
}

// Few bytes may stand at several places by chance: the first place from the expected one on counts, or else
// the last one before it.
static BOOLEAN FindInStream(ULONG stream, ULONGLONG sent, ULONGLONG expected, const UCHAR* bytes,
                            ULONG length, ULONGLONG* offset) {
  if (length > sent) return FALSE;
  const ULONGLONG last = sent - length;
  const ULONGLONG first = last > SEARCH_WINDOW ? last - SEARCH_WINDOW : 0;
  const ULONGLONG from = expected < first ? first : expected;
  for (ULONGLONG at = from; at <= last; ++at) {
    if (!Matches(stream, at, bytes, length)) continue;
    *offset = at;
    return TRUE;
  }
  for (ULONGLONG at = from <= last ? from : last + 1; at > first;) {
    if (!Matches(stream, --at, bytes, length)) continue;
    *offset = at;
    return TRUE;
  }
  return FALSE;
}

// The own stream first, then everybody's.
static DECODED Search(ULONG own, BOOLEAN to_peer, ULONGLONG expected, const UCHAR* bytes, ULONG length) {
  DECODED out = {CONTENT_CORRUPT, NO_SLOT, 0};
  for (ULONG turn = 0; turn <= PeerCount; ++turn) {
    const ULONG peer = turn == 0 ? own : turn - 1;
    if (peer >= PeerCount || (turn != 0 && peer == own)) continue;
    const PEER* slot = &Peers[peer];
    const ULONGLONG sent =
        !to_peer ? slot->Sent : (slot->Socket != NO_SLOT ? Sockets[slot->Socket].Sent : slot->Received);
    if (FindInStream(StreamId(peer, slot->Generation, to_peer), sent, turn == 0 ? expected : 0, bytes, length,
                     &out.Offset)) {
      out.Content = turn == 0 ? CONTENT_EXACT : CONTENT_FOREIGN;
      out.Peer = peer;
      return out;
    }
  }
  return out;
}

DECODED Decode(const CLIENT_SOCKET* socket, const UCHAR* bytes, ULONG length) {
  DECODED out = {CONTENT_NONE, NO_SLOT, socket->Received};
  if (length == 0) return out;
  out.Content = CONTENT_CORRUPT;
  out.Offset = 0;
  if (socket->Peer == NO_SLOT) return out;
  if (Matches(StreamId(socket->Peer, Peers[socket->Peer].Generation, FALSE), socket->Received, bytes,
              length)) {
    out.Content = CONTENT_EXACT;
    out.Offset = socket->Received;
    return out;
  }
  return Search(socket->Peer, FALSE, socket->Received, bytes, length);
}

DECODED DecodePeer(ULONG peer, const UCHAR* bytes, ULONG length) {
  const PEER* slot = &Peers[peer];
  DECODED out = {CONTENT_NONE, NO_SLOT, slot->Received};
  if (length == 0) return out;
  out.Content = CONTENT_EXACT;
  if (Matches(StreamId(peer, slot->Generation, TRUE), slot->Received, bytes, length)) return out;
  return Search(peer, TRUE, slot->Received, bytes, length);
}

static DECODED SearchDatagrams(ULONG peer, BOOLEAN to_peer, const UCHAR* bytes, ULONG length) {
  DECODED out = {CONTENT_NONE, NO_SLOT, 0};
  if (length == 0) return out;
  out.Content = CONTENT_CORRUPT;
  out.Peer = peer < PeerCount ? peer : NO_SLOT;
  for (ULONG other = 0; other < PeerCount; ++other) {
    if (other == peer) continue;
    const ULONGLONG sent = to_peer ? Peers[other].DatagramsToIt : Peers[other].DatagramsSent;
    if (FindInStream(StreamId(other, 0, to_peer), sent, 0, bytes, length, &out.Offset)) {
      out.Content = CONTENT_FOREIGN;
      return out;
    }
  }
  return out;
}

DECODED DecodeDatagram(ULONG peer, BOOLEAN to_peer, const UCHAR* bytes, ULONG length) {
  if (peer >= PeerCount) return SearchDatagrams(peer, to_peer, bytes, length);
  const PEER* slot = &Peers[peer];
  const ULONG stream = StreamId(peer, 0, to_peer);
  DECODED out = {CONTENT_NONE, peer, to_peer ? slot->DatagramsArrived : slot->DatagramsSeen};
  if (length == 0) return out;
  out.Content = CONTENT_EXACT;
  if (Matches(stream, out.Offset, bytes, length)) return out;
  const ULONGLONG expected = out.Offset;
  const ULONGLONG sent = to_peer ? slot->DatagramsToIt : slot->DatagramsSent;
  out.Offset = 0;
  if (FindInStream(stream, sent, expected, bytes, length, &out.Offset)) return out;
  return SearchDatagrams(peer, to_peer, bytes, length);
}

// Walks the pieces of a chain that lie in one MDL each.
typedef struct PIECES {
  const WSK_DATA_INDICATION* Node;
  PMDL Mdl;
  ULONGLONG Left, Skip;
  ULONG Nodes;
  BOOLEAN Broken;
  const UCHAR* Bytes;
  ULONG Length;
} PIECES;

static VOID EnterNode(PIECES* pieces) {
  if (pieces->Node == NULL) return;
  if (++pieces->Nodes > MAXIMUM_NODES) {
    pieces->Broken = TRUE;
    return;
  }
  pieces->Left = pieces->Node->Buffer.Length;
  pieces->Skip = pieces->Node->Buffer.Offset;
  pieces->Mdl = pieces->Node->Buffer.Mdl;
}

static BOOLEAN NextPiece(PIECES* pieces) {
  while (pieces->Node != NULL && !pieces->Broken) {
    if (pieces->Left == 0) {
      pieces->Node = pieces->Node->Next;
      EnterNode(pieces);
      continue;
    }
    if (pieces->Mdl == NULL) break;
    const ULONGLONG count = MmGetMdlByteCount(pieces->Mdl);
    if (pieces->Skip >= count) {
      pieces->Skip -= count;
      pieces->Mdl = pieces->Mdl->Next;
      continue;
    }
    const UCHAR* base = (const UCHAR*)MmGetSystemAddressForMdlSafe(pieces->Mdl, NormalPagePriority);
    if (base == NULL) break;
    const ULONGLONG here = count - pieces->Skip < pieces->Left ? count - pieces->Skip : pieces->Left;
    pieces->Bytes = base + pieces->Skip;
    pieces->Length = (ULONG)here;
    pieces->Left -= here;
    pieces->Skip = 0;
    pieces->Mdl = pieces->Mdl->Next;
    return TRUE;
  }
  if (pieces->Node != NULL) pieces->Broken = TRUE;
  return FALSE;
}

// All of it is compared at once, for its first bytes alone may stand elsewhere, too.
INDICATION ReadIndication(const CLIENT_SOCKET* socket, const WSK_DATA_INDICATION* list) {
  static UCHAR all[SEARCH_WINDOW];
  INDICATION out = {0, 0, {CONTENT_NONE, NO_SLOT, socket->Received}, TRUE, TRUE};
  PIECES pieces = {.Node = list};
  EnterNode(&pieces);
  while (NextPiece(&pieces)) {
    if (out.Bytes + pieces.Length <= sizeof(all)) RtlCopyMemory(all + out.Bytes, pieces.Bytes, pieces.Length);
    out.Bytes += pieces.Length;
  }
  out.Nodes = pieces.Nodes;
  out.Readable = !pieces.Broken;
  const ULONG known = (ULONG)(out.Bytes <= sizeof(all) ? out.Bytes : sizeof(all));
  if (known != 0) out.Decoded = Decode(socket, all, known);
  out.OneRun = out.Nodes <= 1 || out.Decoded.Content != CONTENT_CORRUPT;
  return out;
}

DECODED DecodeOneDatagram(const WSK_DATAGRAM_INDICATION* datagram) {
  const WSK_DATA_INDICATION alone = {NULL, datagram->Buffer};
  PIECES pieces = {.Node = &alone};
  EnterNode(&pieces);
  const BOOLEAN some = NextPiece(&pieces);
  const ULONG peer =
      datagram->RemoteAddress != NULL ? ScenePeerOfAddress(datagram->RemoteAddress) : 0xFFFFFFFF;
  DECODED decoded = DecodeDatagram(peer, FALSE, pieces.Bytes, some ? pieces.Length : 0);
  ULONGLONG end = decoded.Offset + (some ? pieces.Length : 0);
  while (NextPiece(&pieces)) {
    if (decoded.Content == CONTENT_EXACT &&
        !Matches(StreamId(peer, 0, FALSE), end, pieces.Bytes, pieces.Length)) {
      decoded.Content = CONTENT_CORRUPT;
    }
    end += pieces.Length;
  }
  if (pieces.Broken) decoded.Content = CONTENT_CORRUPT;
  return decoded;
}

INDICATION ReadDatagrams(const WSK_DATAGRAM_INDICATION* list) {
  INDICATION out = {0, 0, {CONTENT_NONE, NO_SLOT, 0}, TRUE, TRUE};
  for (; list != NULL; list = list->Next) {
    if (++out.Nodes > MAXIMUM_NODES) {
      out.Readable = FALSE;
      return out;
    }
    const DECODED decoded = DecodeOneDatagram(list);
    if (out.Nodes == 1) out.Decoded = decoded;
    if (decoded.Content != CONTENT_EXACT && list->Buffer.Length != 0) out.OneRun = FALSE;
    out.Bytes += list->Buffer.Length;
  }
  return out;
}
