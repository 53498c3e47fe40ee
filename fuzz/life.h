// What lives where: an abstract interpreter of sequences, from left to right.
//
//   Life life;
//   life.Start(sequence);
//   InOrder(sequence, [&](int thread, int index) {
//     if (life.Look(step, SlotsOf(step)) == Outlook::kBreach) ...
//     life.Take(step);
//     return true;
//   });
//
// For each slot it holds the most likely state under a calm schedule: which sockets there are and how far
// they have come, which IRPs are still out, which calls may be held, which lists retained, which inspections
// pended. Events are taken to come when they can, and the scripts of their callbacks to be played then.
// "Cannot be" is certain only where nothing before could have made it so; that is what steps are dropped for.
// It is made from the format, its documentation and the executor's guards, and knows of breaches only what a
// client is told not to do. Slots beyond those it tracks are never found fault with.
#ifndef WSKCERT_FUZZ_LIFE_H_
#define WSKCERT_FUZZ_LIFE_H_

#include <cstdint>

#include "fuzz/steps.h"
#include "proto/sequence.pb.h"

namespace wskcert::fuzz {

inline constexpr int kTrackedSockets = 24;
inline constexpr int kTrackedIrps = 64;
inline constexpr int kTrackedPeers = 24;
inline constexpr int kTrackedHolds = 16;
inline constexpr int kTrackedLists = 16;
inline constexpr int kTrackedInspects = 16;
inline constexpr int kClients = 4;
inline constexpr int kEvents = 9;

// How far a socket has come. kMaking and kConnecting are over at the next settle.
enum class Stage : uint8_t { kNone, kMaking, kMade, kBinding, kBound, kConnecting, kConnected, kClosed };

struct SocketLife {
  Stage stage = Stage::kNone;
  uint8_t category = 0;  // NewSocket::Category
  uint8_t client = 0;
  int16_t peer = -1;       // of a connection
  int16_t listener = -1;   // that accepted it
  uint16_t enabled = 0;    // MaskFlag bits
  uint8_t data = 0;        // arrivals that nobody has taken: sends, datagrams
  uint8_t queued = 0;      // accepts that wait
  bool listening = false;  // of a stream socket
  bool conditional = false;
  bool extension = false;  // registered
  bool pings = false;      // and its event enabled
  bool silent = false;
  bool dead = false;  // broken, reset, or disconnected abortively
  bool fin_out = false;
  bool fin_in = false;
  bool suspended = false;                 // a call refused or accepted a part
  uint8_t held = 0;                       // calls
  uint8_t lists = 0;                      // retained
  int16_t accepts[2] = {-1, -1};          // slots that queued accepts will fill
  int16_t waiting[4] = {-1, -1, -1, -1};  // peers that wait to be accepted
  uint8_t fired[kEvents] = {};

  bool live() const { return stage > Stage::kNone && stage < Stage::kClosed; }
};

enum class Out : uint8_t { kFree, kShort, kLong };

struct IrpLife {
  Out out = Out::kFree;  // kShort: back at the next settle
  int16_t socket = -1;
  uint8_t op = 0;  // Step::OpCase
};

struct PeerLife {
  enum State : uint8_t { kIdle, kAsking, kConnected, kOver };
  State state = kIdle;
  int16_t socket = -1;  // the connection's, or the listener that it asked
  uint8_t policy = 0;   // PeerListen::Policy
  bool holds_acks = false;
  bool fin = false;
};

struct HoldLife {
  int16_t socket = -1;  // whose call is held; -1: none
  bool released = false;
};
struct ListLife {
  int16_t socket = -1;  // whose list it is; -1: none
  bool filled = false;
};
struct InspectLife {
  int16_t socket = -1;
  int16_t peer = -1;
  enum State : uint8_t { kNone, kPended, kAnswered, kGone } state = kNone;
};
struct ClientLife {
  bool registered = true;
  bool ever = true;  // registered
  uint8_t captured = 1;
  bool has_sockets = false;
  uint16_t statics = 0;
};

// What a step would be where one stands.
enum class Outlook : uint8_t {
  kFine,
  kEmpty,   // what it names is not there
  kGone,    // ... any more
  kFull,    // what it would make is there already
  kBusy,    // its IRP is still out
  kIdle,    // played, but nothing will come of it
  kBreach,  // it breaks an obligation of the client
};

class Life {
 public:
  // The beginning of `sequence`, which must outlive the use.
  void Start(const Sequence& sequence);
  // The beginning once more; which slots are used is not looked up again.
  void Restart();

  // `slots` are the step's.
  Outlook Look(const Step& step, const Slots& slots) const;
  void Take(const Step& step) {
    const Slots slots = SlotsOf(step);
    Take(step, slots, Look(step, slots), 0);
  }
  void Take(const Step& step, const Slots& slots, Outlook outlook, int depth);

  // A free IRP of the lowest number, -1 if there is none.
  int FreeIrp() const;
  // The lowest slot that no step or script names yet; from now on it counts as used. Where all are, the last
  // one.
  int NewIrp();
  int NewSocket();
  int NewPeer();
  int NewHold();
  int NewList();
  int NewInspect();
  // Notes the slots that a step or script names.
  void Use(const Step& step);
  void UseScript(const Script& script);

  SocketLife sockets[kTrackedSockets];
  IrpLife irps[kTrackedIrps];
  PeerLife peers[kTrackedPeers];
  HoldLife holds[kTrackedHolds];
  ListLife lists[kTrackedLists];
  InspectLife inspects[kTrackedInspects];
  ClientLife clients[kClients];
  // IRPs that are out, and sockets that a settle brings further: a bit each.
  uint64_t out = 0;
  uint32_t moving = 0;

 private:
  void TakeClientCall(const Step& step);
  void Make(const Step& step, const Slots& slots);
  void TakeSocketCall(const Step& step, const Slots& slots, int depth);
  void TakeStimulus(const Step& step, const Slots& slots, int depth);
  void TakeControl(const EventCallback& request, SocketLife* socket, int slot, int depth);
  void Settle();
  void Move(int socket, Stage stage) {
    sockets[socket].stage = stage;
    moving |= 1u << socket;
  }
  void Send(int irp, Out how, int socket, Step::OpCase op);
  void Wake(int socket);
  void Fire(int slot, EventName event, int peer, int depth);
  void FireData(int slot, int depth);
  void Arrive(int listener, int peer, int depth);
  void Connected(int slot, int listener, int peer, int depth);
  void Release(int hold);
  Outlook LookAtSocketCall(const Step& step, const Slots& slots) const;
  Outlook LookAtStimulus(const Step& step, const Slots& slots) const;
  bool MadeSomewhere(int socket) const { return ((made_ >> socket) & 1) != 0; }

  const Sequence* sequence_ = nullptr;
  uint64_t used_irps_ = 0;
  uint32_t used_sockets_ = 0;
  uint32_t used_peers_ = 0;
  uint32_t used_holds_ = 0;
  uint32_t used_lists_ = 0;
  uint32_t used_inspects_ = 0;
  uint32_t made_ = 0;  // sockets that scripts or other threads than the first make
};

// Visits every step of the threads in the order in which a calm schedule plays them: each thread up to its
// next wait, in turn, until `visit(thread, index)` is false. It must not add or remove steps.
template <typename Visit>
void InOrder(const Sequence& sequence, const Visit& visit) {
  int next[8] = {};
  const int threads = sequence.threads_size() < 8 ? sequence.threads_size() : 8;
  for (bool more = true; more;) {
    more = false;
    for (int t = 0; t < threads; ++t) {
      const auto& steps = sequence.threads(t).steps();
      while (next[t] < steps.size()) {
        const int index = next[t]++;
        if (!visit(t, index)) return;
        if (Waits(steps[index].op_case())) break;
      }
      more = more || next[t] < steps.size();
    }
  }
}

// Whether a slot is one of those that are followed.
constexpr bool Tracked(int slot, int count) { return slot >= 0 && slot < count; }
// The events that a request names, without WSK_EVENT_DISABLE; and whether it has that.
uint32_t MaskOf(const EventCallback& request);
bool Disables(const EventCallback& request);
// The events that a category has, as MaskFlag bits, and what an event's flag is.
uint32_t EventsOf(int category);
uint32_t FlagOf(EventName event);

// Whether a step or a script of the sequence is taken to break an obligation, if a calm schedule plays it.
bool ForeseesBreach(const Sequence& sequence, Life* life);

// Whether what a script returns, or does with what it accepts, breaks an obligation of the client.
bool Breaches(const Script& script);

}  // namespace wskcert::fuzz

#endif  // WSKCERT_FUZZ_LIFE_H_
