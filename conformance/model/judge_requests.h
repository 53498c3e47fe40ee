// What the judge knows of requests to connect to listening sockets. Internal to conformance/model; see
// judge_objects.h.
#ifndef WSKCERT_CONFORMANCE_MODEL_JUDGE_REQUESTS_H_
#define WSKCERT_CONFORMANCE_MODEL_JUDGE_REQUESTS_H_

#include <cstdint>
#include <vector>

#include "conformance/executor/format.h"

namespace wskcert::model {

inline constexpr uint16_t kNone = 0xFFFF;  // end of an intrusive list

// Each table of the judge has one entry more, for no socket, no peer, no IRP. What is noted there concerns
// nothing.
inline constexpr uint16_t kNoSocketEntry = kMaxSockets;  // ... but the IRPs of calls that concern no socket
inline constexpr uint16_t kNoPeerEntry = kMaxPeers;

// WSK_INSPECT_ACTION.
inline constexpr uint32_t kActionReject = 0;
inline constexpr uint32_t kActionAccept = 1;
inline constexpr uint32_t kActionPend = 2;

// How far the inspection of a request is.
enum class Answer : uint8_t {
  kNone,    // WskInspectEvent has not been called
  kAsked,   // it has not returned
  kAccept,  // what it returned
  kPend,
  kReject,
  kOdd,  // something undefined, or the client has completed the inspection in an undefined way
};

// A request of a peer to connect to a listening socket, until the connection has a socket of its own.
struct PeerState {
  bool active = false;         // requested, and not yet accepted as far as is known
  bool owed = false;           // WskAcceptEvent must be called for it once it is established
  bool owed_function = false;  // a WskAccept that was queued before must complete with it
  bool expects = false;        // the application stood ready, so it must not be refused
  bool inspect_owed = false;   // WskInspectEvent must be called for it
  bool established = false;
  bool over = false;  // refused, reset or abandoned
  bool fin = false, reset = false;
  bool delivered = false;  // WskAcceptEvent was called for it, or a WskAccept completed
  bool refused = false;    // by WskAcceptEvent
  bool end_owed = false;   // ... so that it must see the connection end
  // Its number stood for another request, too, which may still be there: its inspection is not followed.
  bool again = false;
  bool listed = false;
  bool slow = false;          // acknowledges nothing, or did not for a time
  bool no_half_open = false;  // the transport to it may know no half-open connections
  // On a listening socket in conditional-accept mode.
  bool conditional = false;  // the mode was surely on when it came
  bool abandoned = false;    // it surely gave up before it was established
  bool aborted = false;      // WskAbortEvent was called for it
  // WskInspectComplete was called to accept or reject it, and has succeeded in that.
  bool resumed_may = false, resumed = false;
  bool dropped_may = false, dropped = false;
  bool resumed_late = false;  // ... to accept it when it was aborted
  bool quiet_after = false;   // exact quiescence since the answer
  Answer answer = Answer::kNone;
  uint16_t listener = kNoSocketEntry;
  uint16_t next = kNone, previous = kNone;
  uint16_t socket = kNoSocketEntry;  // that got it
  uint32_t begin = kNoIndex;
  uint32_t waits_since = kNoIndex;  // exact quiescence at which it waited to be accepted
  uint32_t id = 0;                  // number of its inspect id, 0: none
  uint64_t sent_may = 0, sent_must = 0;
  uint16_t connection = kNoSocketEntry;  // the socket at the other end of its latest connection
};

// Whose an inspect id or an inspect slot is.
struct IdState {
  uint16_t peer = kNoPeerEntry;
  uint32_t begin = kNoIndex;  // of the peer's request
};
inline constexpr uint32_t kMaxIds = 16 + 4 * kMaxPeers;  // the executor gives no more numbers

// Requests by their inspect ids.
struct Requests {
  std::vector<IdState> by_number = std::vector<IdState>(kMaxIds + 1);
  std::vector<IdState> by_slot = std::vector<IdState>(kMaxInspects + 1);
  uint32_t numbers = 0, slots = 0;  // beginnings that are in use
  uint32_t ends_owed = 0;           // peers with end_owed
  void Clear() {
    ends_owed = 0;
    for (uint32_t i = 0; i < numbers; ++i) by_number[i] = IdState();
    for (uint32_t i = 0; i < slots; ++i) by_slot[i] = IdState();
    numbers = slots = 0;
  }
};

// What a socket has beyond SocketState for these.
struct ListenState {
  uint32_t lost = 0;          // requests whose peer asked again, so that they are told apart no more
  uint32_t spoiled = 0;       // failures of WskAccept that such a connection, or one that ended, explains
  uint32_t last_arrival = 0;  // begin of the latest request
  uint32_t strange_abort = kNoIndex;  // a WskAbortEvent whose WskInspectEvent was not seen to begin yet
  uint32_t strange_id = 0;            // its number
  uint32_t mode_since = kNoIndex;     // the completion that surely turned conditional accept on
  bool null_accept = false, null_inspect = false;  // a call without a socket or id: it no longer functions
  bool refused = false;                            // WskAcceptEvent has refused since it was enabled
  bool met_after_refusal =
      false;               // a call that had to come has come since, for a connection that came after that
  bool delivered = false;  // a connection since the last clear quiescence
  // An accepted socket.
  bool inspected = false, not_inspected = false;  // surely in that mode, surely not
  uint32_t id = 0;
};

// A call of WskAccept or WskInspectComplete.
struct AcceptCall {
  bool sound = false;    // a working listening socket, as far as can be known
  bool vacant = false;   // WskAccept: surely no connection waited
  bool claimed = false;  // ... WskAcceptEvent may have been on its way with what waited
  bool waited = false;   // it completed with a connection that waited already before the call
  bool pended = false;   // WskInspectComplete of a request that pends, for the first time
  bool accepts = false;
  // The socket surely no longer functioned when the call was made: it broke, or the client was told.
  bool gone = false, broken = false, told_accept = false, told_inspect = false;
  uint16_t peer = kNoPeerEntry;  // whose request
  uint32_t peer_begin = kNoIndex;
  uint32_t quiet = kNoIndex;  // WskAccept: first exact quiescence at which it was queued and nothing ran
};

}  // namespace wskcert::model

#endif  // WSKCERT_CONFORMANCE_MODEL_JUDGE_REQUESTS_H_
