// What the judge keeps about receiving, about sends and about ioctls, beyond the life of callbacks. Internal
// to conformance/model; judge_objects.h includes it.
//
// judge_datagram.cc  datagrams: what was sent to whom, and what may be told of it
// judge_receive.cc   requests to receive, push bits, NULL indications, retained lists
// judge_other.cc     extensions, ioctls, sends, backlogs, silent mode
#ifndef WSKCERT_CONFORMANCE_MODEL_JUDGE_RECEIVE_STATE_H_
#define WSKCERT_CONFORMANCE_MODEL_JUDGE_RECEIVE_STATE_H_

#include <cstdint>

#include "conformance/executor/format.h"

namespace wskcert::model {

inline constexpr uint16_t kNobody = kMaxPeers;  // no peer, no socket
static_assert(kMaxPeers == kMaxSockets);

// A datagram that a peer sent. Those of one peer are chained, the youngest first.
struct Datagram {
  uint32_t begin = kNoIndex;
  uint32_t before = kNoIndex;  // the same peer's last one
  uint64_t offset = 0;
  uint32_t length = 0;
  uint16_t socket = kNobody;
  uint16_t peer = kNobody;
  Cast cast = Cast::kUnicast;
  bool answers = false;    // the socket had sent to this peer
  bool delivered = false;  // a callback took it, or a request
};
// How far back a datagram is looked for; what is older is not judged.
inline constexpr uint32_t kDatagramsLookedAt = 64;
// No page says how many datagrams a provider keeps that nobody has taken yet, nor how many bytes of them;
// more than these it may drop.
inline constexpr uint32_t kDatagramsSurelyBuffered = 64;
inline constexpr uint64_t kDatagramBytesSurelyBuffered = 65536;
// Shorter ones are found in several places of their streams.
inline constexpr uint32_t kDatagramTellable = 8;

// What a peer sent to datagram sockets.
struct DatagramPeer {
  uint32_t last = kNoIndex;  // in State::datagrams
  uint16_t sent_to_by = kNobody;
};

inline constexpr uint16_t kNoRetained = kMaxRetained;  // see judge_requests.h

// A list that a callback retained, by its slot.
struct RetainedList {
  uint16_t socket = kNobody;
  uint32_t at = kNoIndex;  // when the callback ended
};

// Bytes that came in segments of which some had the push bit.
struct Pushed {
  uint64_t begin = 0, end = 0;
};
inline constexpr uint32_t kPushedRanges = 4;
inline constexpr uint32_t kBacklogSizes = 4;

// Of a socket.
struct Receiving {
  // Connections.
  Pushed pushed[kPushedRanges] = {};
  uint8_t pushed_count = 0;
  bool sent_nothing = false;   // the peer sent no bytes: whether that completes a request is open
  bool push_known = false;     // from push_from on
  bool told_null = false;      // an indication said that the socket is dead
  bool null_quiet = false;     // ... and all has come to rest since
  bool enabled_quiet = false;  // at the last exact quiescence the event had to be indicated
  bool refused_before = false;
  uint64_t push_from = 0;
  uint64_t burst_from = 0;  // bytes that were sent before the last exact quiescence
  uint64_t null_sent = 0;   // ... before the one that null_quiet speaks of
  uint64_t quiet_sent = 0;  // ... when enabled_quiet was noted
  uint64_t quiet_sent_any = 0;
  uint16_t drains = 0;   // requests with WSK_FLAG_DRAIN that are outstanding
  bool drained = false;  // bytes [drained_from, drained_to) went to one
  bool drain_tempted = false;
  uint64_t drained_from = 0, drained_to = 0;
  // Datagrams.
  bool any_datagram = false;           // one was sent to it, at any time
  uint32_t first_datagram = kNoIndex;  // the first that was sent since the exact quiescence before it
  uint16_t remote_peer = kNobody;      // the fixed remote address, as far as it is surely in force
  uint16_t remote_requests = 0;        // that have not completed
  uint8_t destination_requests = 0;    // likewise of its destination
  uint32_t last_remote = kNoIndex, last_destination = kNoIndex;  // begin of the latest request
  uint32_t remote_since = kNoIndex;
  uint16_t destination = kNobody;  // the fixed destination, likewise
  bool stranger = false;           // a datagram that must be discarded came where others would be told of
  bool stranger_answers = false;
  bool stranger_owed = false;  // a datagram came from another peer than the fixed destination
  uint32_t null_at = kNoIndex;
  // Sends.
  uint64_t sent_done = 0;  // bytes below were sent, as completions said
  bool send_failed = false;
  bool sends_done = false;  // since the last clear quiescence
  // The ideal backlog.
  uint64_t sizes[kBacklogSizes] = {};  // set since the last clear quiescence
  uint8_t size_count = 0;
  bool sizes_unknown = true;
  uint32_t quiet_at = 0;  // the last clear quiescence
  // Ioctls, and silent mode.
  bool query_worked = false;  // a query with level 0 did
  bool silent_may = false, silent_must = false;
  bool silent_tempted = false;  // something came that would have been told of
  bool silent_over = false;     // the connection had ended before
  uint64_t silent_sent = 0;     // bytes that the peer had sent when it was silent
};

}  // namespace wskcert::model

#endif  // WSKCERT_CONFORMANCE_MODEL_JUDGE_RECEIVE_STATE_H_
