// Telling which bytes were received: exact, another connection's, or found nowhere.
#include "conformance/executor/pattern.h"
#include "conformance/executor/session.h"

namespace wskcert {
namespace {

constexpr uint32_t kMaxNodes = 65536;

// Bytes around the expected place that are searched first.
constexpr uint64_t kNear = 65536;

// The piece of a node that lies in one MDL.
struct Piece {
  const uint8_t* bytes;
  uint32_t length;
};

// Walks the pieces of a chain. A null node pointer ends it.
class Pieces {
 public:
  explicit Pieces(const WSK_DATA_INDICATION* list) : node_(list) { Enter(); }

  // The next piece, empty ones left out. False at the end, or if the chain cannot be read (broken() tells).
  bool Next(Piece* piece) {
    while (node_ != nullptr && !broken_) {
      if (left_ == 0) {
        node_ = node_->Next;
        Enter();
        continue;
      }
      if (mdl_ == nullptr) {
        broken_ = true;
        break;
      }
      const uint64_t count = MmGetMdlByteCount(mdl_);
      if (skip_ >= count) {
        skip_ -= count;
        mdl_ = mdl_->Next;
        continue;
      }
      const uint8_t* base =
          static_cast<const uint8_t*>(MmGetSystemAddressForMdlSafe(mdl_, NormalPagePriority));
      if (base == nullptr) {
        broken_ = true;
        break;
      }
      const uint64_t here = count - skip_ < left_ ? count - skip_ : left_;
      piece->bytes = base + skip_;
      piece->length = static_cast<uint32_t>(here);
      left_ -= here;
      skip_ = 0;
      mdl_ = mdl_->Next;
      return true;
    }
    return false;
  }
  bool broken() const { return broken_; }
  uint32_t nodes() const { return nodes_; }

 private:
  void Enter() {
    if (node_ == nullptr) return;
    if (++nodes_ > kMaxNodes) {
      broken_ = true;
      return;
    }
    left_ = node_->Buffer.Length;
    skip_ = node_->Buffer.Offset;
    mdl_ = node_->Buffer.Mdl;
  }

  const WSK_DATA_INDICATION* node_;
  MDL* mdl_ = nullptr;
  uint64_t left_ = 0;
  uint64_t skip_ = 0;
  uint32_t nodes_ = 0;
  bool broken_ = false;
};

// Bytes to be recognised: `first` of them at `bytes`, and where there are more, all of them in `chain`.
struct Run {
  const uint8_t* bytes;
  uint64_t first;
  uint64_t length;
  const WSK_DATA_INDICATION* chain;
};

Run Consecutive(const uint8_t* bytes, uint64_t length) { return {bytes, length, length, nullptr}; }

// A chain that can be read. The first piece is compared first, so that a long chain is walked only where it
// may be right.
bool Matches(const Run& run, uint32_t stream, uint64_t at) {
  if (!MatchesPattern(stream, at, run.bytes, static_cast<uint32_t>(run.first))) return false;
  if (run.first == run.length) return true;
  Pieces pieces(run.chain);
  Piece piece;
  while (pieces.Next(&piece)) {
    if (!MatchesPattern(stream, at, piece.bytes, piece.length)) return false;
    at += piece.length;
  }
  return true;
}

// Where in a word of the pattern, from offset 8 * index, `byte` may stand: the highest bit of each of these
// bytes. Every place at which it does is among them, and above such a place perhaps one at which it does not.
uint64_t MayStandAt(uint32_t stream, uint64_t index, uint8_t byte) {
  constexpr uint64_t kOnes = 0x0101010101010101u;
  const uint64_t differs = PatternWord(stream, index) ^ kOnes * byte;
  return (differs - kOnes) & ~differs & kOnes << 7;
}

// The first place in [from, to) at which all of `run` stands; `to` if there is none.
uint64_t FirstMatch(const Run& run, uint32_t stream, uint64_t from, uint64_t to) {
  for (uint64_t index = from / 8; index * 8 < to; ++index) {
    for (uint64_t places = MayStandAt(stream, index, *run.bytes); places != 0; places &= places - 1) {
      const uint64_t at = index * 8 + static_cast<uint32_t>(__builtin_ctzll(places)) / 8;
      if (at >= from && at < to && Matches(run, stream, at)) return at;
    }
  }
  return to;
}

// The last place in [from, to) at which all of `run` stands; `to` if there is none.
uint64_t LastMatch(const Run& run, uint32_t stream, uint64_t from, uint64_t to) {
  for (uint64_t index = (to + 7) / 8; index > from / 8;) {
    uint64_t places = MayStandAt(stream, --index, *run.bytes);
    while (places != 0) {
      const uint32_t bit = 63 - static_cast<uint32_t>(__builtin_clzll(places));
      places ^= uint64_t{1} << bit;
      const uint64_t at = index * 8 + bit / 8;
      if (at >= from && at < to && Matches(run, stream, at)) return at;
    }
  }
  return to;
}

// Where `run` may stand in the stream, if it begins `before` bytes in front of a whole word of the pattern;
// it does so nowhere else.
uint64_t PlaceBefore(const Run& run, uint32_t stream, uint32_t before) {
  uint64_t word;
  __builtin_memcpy(&word, run.bytes + before, sizeof(word));
  return (PlaceOfWord(word) - (static_cast<uint64_t>(stream) << 40)) * 8 - before;
}

// The same as FindInStream below, for a run whose first piece has a whole word of the pattern wherever it
// stands: words tell where they stand.
bool FindByWord(uint32_t stream, uint64_t from, uint64_t end, const Run& run, uint64_t* offset) {
  bool found = false;
  for (uint32_t before = 0; before < 8; ++before) {
    const uint64_t at = PlaceBefore(run, stream, before);
    if (at >= end || !Matches(run, stream, at)) continue;
    const bool better = at >= from ? *offset < from || at < *offset : *offset < from && at > *offset;
    if (!found || better) *offset = at;
    found = true;
  }
  return found;
}

// Few bytes may stand at several places by chance. So the whole run is compared; and since what races ahead,
// or comes again, is not far away, places near the expected one count before others, there the first one from
// it on, or else the last one before it. All that was sent is searched (kArenaLimit) before it is said that
// bytes stand nowhere: a byte or two are soon found somewhere, words tell where they stand, and where neither
// is so a provider is mostly wrong.
bool FindInStream(uint32_t stream, uint64_t sent, uint64_t expected, const Run& run, uint64_t* offset) {
  if (run.length > sent || run.first == 0) return false;
  const uint64_t end = sent - run.length + 1;
  const uint64_t from = expected < end ? expected : end;
  if (run.first >= 15) return FindByWord(stream, from, end, run, offset);
  uint64_t low = from;  // the places in [low, high) are none
  uint64_t high = from;
  for (uint64_t reach = kNear; low != 0 || high != end; reach *= 8) {
    const uint64_t ahead = end - from > reach ? from + reach : end;
    *offset = FirstMatch(run, stream, high, ahead);
    if (*offset != ahead) return true;
    high = ahead;
    const uint64_t behind = from > reach ? from - reach : 0;
    *offset = LastMatch(run, stream, behind, low);
    if (*offset != low) return true;
    low = behind;
  }
  return false;
}

uint32_t StreamOf(const Session* session, const SocketSlot* socket) {
  return StreamId(socket->peer, session->peers[socket->peer].generation, false);
}

Decoded Search(const Session* session, uint32_t own_peer, bool to_peer, uint64_t expected, const Run& run) {
  Decoded out = {Content::kCorrupt, kNoSlot, 0};
  for (uint32_t turn = 0; turn <= session->header->peers; ++turn) {
    // The own stream first, then everybody's.
    const uint32_t peer = turn == 0 ? own_peer : turn - 1;
    if (peer >= session->header->peers || (turn != 0 && peer == own_peer)) continue;
    const PeerSlot& slot = session->peers[peer];
    const uint64_t sent =
        !to_peer ? slot.sent : (slot.socket != kNoSlot ? session->sockets[slot.socket].sent : slot.received);
    if (FindInStream(StreamId(peer, slot.generation, to_peer), sent, turn == 0 ? expected : 0, run,
                     &out.offset)) {
      out.content = turn == 0 ? Content::kExact : Content::kForeign;
      out.peer = static_cast<uint16_t>(peer);
      return out;
    }
  }
  return out;
}

// Which of a socket's bytes these are, if not the expected ones.
Decoded SearchElsewhere(const Session* session, const SocketSlot* socket, uint64_t expected, const Run& run) {
  if (socket->peer == kNoSlot) return {Content::kCorrupt, kNoSlot, 0};
  return Search(session, socket->peer, false, expected, run);
}

// Whose datagrams these bytes are from, if not those of the peer at the address.
Decoded SearchDatagrams(const Session* session, uint32_t peer, bool to_peer, const Run& run) {
  const bool known = peer < session->header->peers;
  if (run.length == 0) return {Content::kNone, kNoSlot, 0};
  Decoded out = {Content::kCorrupt, known ? static_cast<uint16_t>(peer) : kNoSlot, 0};
  for (uint32_t other = 0; other < session->header->peers; ++other) {
    const PeerSlot& slot = session->peers[other];
    if (other == peer) continue;
    if (FindInStream(StreamId(other, 0, to_peer), to_peer ? slot.datagrams_to_it : slot.datagrams_sent, 0,
                     run, &out.offset)) {
      out.content = Content::kForeign;
      return out;
    }
  }
  return out;
}

Decoded DecodeDatagramRun(const Session* session, uint32_t peer, bool to_peer, const Run& run) {
  if (peer >= session->header->peers) return SearchDatagrams(session, peer, to_peer, run);
  const PeerSlot& slot = session->peers[peer];
  const uint32_t stream = StreamId(peer, 0, to_peer);
  const uint16_t who = static_cast<uint16_t>(peer);
  const uint64_t hint = to_peer ? slot.datagrams_arrived : slot.datagrams_seen;
  if (run.length == 0) return {Content::kNone, who, hint};
  if (Matches(run, stream, hint)) return {Content::kExact, who, hint};
  Decoded out = {Content::kExact, who, 0};
  const uint64_t sent = to_peer ? slot.datagrams_to_it : slot.datagrams_sent;
  if (FindInStream(stream, sent, hint, run, &out.offset)) return out;
  return SearchDatagrams(session, peer, to_peer, run);
}

// One datagram of a list. Its peer is kBroken if it cannot be read at all.
constexpr uint16_t kBroken = kNoSlot - 1;
Decoded DecodeOne(const Session* session, const WSK_DATAGRAM_INDICATION* datagram) {
  const WSK_DATA_INDICATION alone = {nullptr, datagram->Buffer};
  Pieces pieces(&alone);
  Piece piece;
  Run run = {nullptr, 0, 0, &alone};
  while (pieces.Next(&piece)) {
    if (run.length == 0) run = {piece.bytes, piece.length, 0, &alone};
    run.length += piece.length;
  }
  if (pieces.broken()) return {Content::kCorrupt, kBroken, 0};
  const uint32_t peer =
      datagram->RemoteAddress != nullptr
          ? session->environment.PeerOfAddress(session->environment.context, datagram->RemoteAddress)
          : kNoIndex;
  return DecodeDatagramRun(session, peer, false, run);
}

// As ReadIndication, where bytes from `expected` on are expected.
bool ReadChain(const Session* session, const SocketSlot* socket, uint64_t expected,
               const WSK_DATA_INDICATION* list, Indication* out) {
  *out = {0, 0, {Content::kNone, kNoSlot, expected}, true};
  const bool connected = socket->peer != kNoSlot;
  const uint32_t stream = connected ? StreamOf(session, socket) : 0;
  bool as_expected = connected;
  Pieces pieces(list);
  Piece piece;
  Piece first = {nullptr, 0};
  while (pieces.Next(&piece)) {
    if (out->bytes == 0) first = piece;
    as_expected = as_expected && MatchesPattern(stream, expected + out->bytes, piece.bytes, piece.length);
    out->bytes += piece.length;
  }
  out->nodes = pieces.nodes();
  if (out->bytes == 0) return !pieces.broken();
  if (as_expected) {
    out->decoded.content = Content::kExact;
    return !pieces.broken();
  }
  const Run all = {first.bytes, first.length, out->bytes, list};
  if (!pieces.broken()) out->decoded = SearchElsewhere(session, socket, expected, all);
  if (pieces.broken() || (out->decoded.content == Content::kCorrupt && first.length != out->bytes)) {
    // Something that was never sent in one run: told is where it begins.
    out->one_run = first.length == out->bytes;
    out->decoded = SearchElsewhere(session, socket, expected, Consecutive(first.bytes, first.length));
  }
  return !pieces.broken();
}

}  // namespace

Decoded Decode(const Session* session, const SocketSlot* socket, const uint8_t* bytes, uint32_t length) {
  Decoded out = {Content::kNone, kNoSlot, socket->received};
  if (length == 0) return out;
  if (socket->peer != kNoSlot && MatchesPattern(StreamOf(session, socket), out.offset, bytes, length)) {
    out.content = Content::kExact;
    return out;
  }
  return SearchElsewhere(session, socket, out.offset, Consecutive(bytes, length));
}

Decoded DecodePeer(const Session* session, uint32_t peer, const uint8_t* bytes, uint32_t length) {
  const PeerSlot& slot = session->peers[peer];
  Decoded out = {Content::kNone, kNoSlot, slot.received};
  if (length == 0) return out;
  if (MatchesPattern(StreamId(peer, slot.generation, true), out.offset, bytes, length)) {
    out.content = Content::kExact;
    return out;
  }
  return Search(session, peer, true, out.offset, Consecutive(bytes, length));
}

uint32_t LeadingBytes(const Session* session, const SocketSlot* socket, const uint8_t* bytes,
                      uint32_t length) {
  if (socket->peer == kNoSlot) return 0;
  uint32_t leading = 0;
  while (leading < length &&
         MatchesPattern(StreamOf(session, socket), socket->received + leading, bytes + leading, 1)) {
    ++leading;
  }
  return leading;
}

Decoded DecodeDatagram(const Session* session, uint32_t peer, bool to_peer, const uint8_t* bytes,
                       uint32_t length) {
  return DecodeDatagramRun(session, peer, to_peer, Consecutive(bytes, length));
}

bool ReadDatagrams(const Session* session, const WSK_DATAGRAM_INDICATION* list, Indication* out) {
  *out = {0, 0, {Content::kNone, kNoSlot, 0}, true};
  for (; list != nullptr; list = list->Next) {
    if (++out->nodes > kMaxNodes) return false;
    const Decoded decoded = DecodeOne(session, list);
    if (out->bytes == 0) out->decoded = decoded;
    if (decoded.content != Content::kExact && list->Buffer.Length != 0) out->one_run = false;
    out->bytes += list->Buffer.Length;
  }
  return true;
}

static bool HasAddressOfItsFamily(const Session* session, const WSK_DATAGRAM_INDICATION* datagram) {
  const ADDRESS_FAMILY family = session->header->ipv6 != 0 ? AF_INET6 : AF_INET;
  return datagram->RemoteAddress != nullptr && datagram->RemoteAddress->sa_family == family;
}

bool RecordDatagrams(Session* session, const SocketSlot* socket, const WSK_DATAGRAM_INDICATION* list,
                     uint32_t begin) {
  for (; list != nullptr; list = list->Next) {
    const Decoded decoded = DecodeOne(session, list);
    if (decoded.content == Content::kCorrupt && decoded.peer == kBroken) return false;
    if (decoded.content == Content::kExact) {
      session->peers[decoded.peer].datagrams_seen = decoded.offset + list->Buffer.Length;
    }
    uint32_t stamp;
    Observation* o = Reserve(session, Seen::kCallbackNode, &stamp);
    if (o == nullptr) return true;
    o->op = static_cast<uint16_t>(Event::kReceiveFrom);
    o->socket = socket->index;
    o->begin = begin;
    o->peer = decoded.peer;
    o->length = static_cast<uint32_t>(list->Buffer.Length);
    o->offset = decoded.offset;
    o->content = static_cast<uint8_t>(decoded.content);
    o->code = HasAddressOfItsFamily(session, list) ? 0 : 1;
    o->information = list->ControlInfoLength | (list->ControlInfo != nullptr ? kControlInfoGiven : 0);
    Publish(o);
  }
  return true;
}

bool ReadIndication(const Session* session, const SocketSlot* socket, const WSK_DATA_INDICATION* list,
                    Indication* out) {
  return ReadChain(session, socket, socket->received, list, out);
}

void RecordNodes(Session* session, const SocketSlot* socket, const WSK_DATA_INDICATION* list,
                 uint32_t begin) {
  uint64_t expected = socket->received;
  // ReadIndication has walked the chain, so it has an end.
  for (const WSK_DATA_INDICATION* node = list; node != nullptr; node = node->Next) {
    WSK_DATA_INDICATION alone = *node;
    alone.Next = nullptr;
    Indication read;
    ReadChain(session, socket, expected, &alone, &read);
    uint32_t stamp;
    Observation* o = Reserve(session, Seen::kCallbackNode, &stamp);
    if (o == nullptr) return;
    o->op = static_cast<uint16_t>(Event::kReceive);
    o->socket = socket->index;
    o->begin = begin;
    o->length = static_cast<uint32_t>(read.bytes);
    o->offset = read.decoded.offset;
    o->peer = read.decoded.peer;
    o->content = static_cast<uint8_t>(read.one_run ? read.decoded.content : Content::kCorrupt);
    Publish(o);
    if (read.decoded.content == Content::kExact) expected = read.decoded.offset + read.bytes;
  }
}

}  // namespace wskcert
