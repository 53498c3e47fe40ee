// What every event callback of the client does: find its socket, record its interval, play its script.
// Internal to conformance/executor.
#ifndef WSKCERT_CONFORMANCE_EXECUTOR_CALLBACK_H_
#define WSKCERT_CONFORMANCE_EXECUTOR_CALLBACK_H_

#include "conformance/executor/session.h"

namespace wskcert {

// The slot that a context points at, or null: a provider may hand us anything, so nothing is read before the
// address is known. `session` is then any session, for the record, or null.
SocketSlot* SocketOf(PVOID context, Session** session);
// The number of the client whose slot a context points at, or kMaxClients, likewise.
uint8_t ClientOf(PVOID context, Session** session);
// Records that a callback came with a context that no socket has.
void BadContext(Session* session, Event event);
// The script for the n-th call of `event` on this slot, from the list that begins with `first`; null if there
// is none.
const ProgramScript* FindScript(const Session* session, uint16_t first, uint8_t event, uint16_t socket,
                                LONG nth);
// Keeps the calling callback in progress until the script's hold is released; only recorded as refused at
// DISPATCH_LEVEL, inside another call on the same thread, and where kMaxHeldCalls are held.
void HoldCallback(Session* session, const ProgramScript& script, uint16_t socket, uint32_t begin);
// Puts a list into the script's retained slot. False: the slot is taken, so the data is accepted instead.
bool Retain(Session* session, SocketSlot* socket, uint16_t target, void* list, const Indication& read,
            uint32_t begin);

// One call of an event callback between its two stamps.
class Callback {
 public:
  Callback(SocketSlot* socket, Event event)
      : session_(socket->session), inside_(session_), socket_(socket), event_(event) {
    Dally(session_, Edge::kCallback);
    observation_ = Reserve(session_, Seen::kCallbackBegin, &stamp_);
    if (observation_ == nullptr) return;
    observation_->op = static_cast<uint16_t>(event);
    observation_->socket = socket->index;
  }
  Observation* observation() { return observation_; }
  uint32_t stamp() const { return stamp_; }

  // Publishes the begin, as it was filled in.
  void Begin() {
    if (observation_ != nullptr) Publish(observation_);
  }

  // The script of this call, or null. Once for each call: it counts.
  const ProgramScript* Script() {
    const LONG nth = CountUp(&socket_->calls[static_cast<uint32_t>(event_)]);
    if (socket_->first_script == kNoSlot) return nullptr;
    return FindScript(session_, socket_->first_script, static_cast<uint8_t>(event_), socket_->index, nth);
  }

  // Plays what the script does inside the call. After Begin.
  void Play(const ProgramScript* script) {
    if (script == nullptr) return;
    Nested nested(session_, stamp_);
    RunSteps(session_, script->first_step, script->step_count, true);
    if (script->hold != kNoSlot) HoldCallback(session_, *script, socket_->index, stamp_);
  }

  void End(NTSTATUS status, uint32_t accepted = 0, uint16_t target = kNoSlot, uint32_t mask = 0) {
    uint32_t stamp;
    Observation* o = Reserve(session_, Seen::kCallbackEnd, &stamp);
    if (o == nullptr) return;
    o->op = static_cast<uint16_t>(event_);
    o->socket = socket_->index;
    o->begin = stamp_;
    o->status = static_cast<Status>(status);
    o->length = accepted;
    o->target = target;
    o->mask = mask;
    Publish(o);
    Dally(session_, Edge::kCallbackEnd);
  }

 private:
  Session* session_;
  Inside inside_;
  SocketSlot* socket_;
  Event event_;
  Observation* observation_;
  uint32_t stamp_;
};

inline ScriptReturn ReturnOf(const ProgramScript* script) {
  return script != nullptr ? static_cast<ScriptReturn>(script->returns) : ScriptReturn::kAccept;
}

// A whole call of a callback that only tells something and returns STATUS_SUCCESS, whatever its arguments are
// called: `flags`, `information` and the inspect slot of `id` (or null) go to the observation.
NTSTATUS Notice(PVOID context, Event event, uint32_t flags, uint64_t information, const WSK_INSPECT_ID* id);

// The callbacks of listening sockets, of datagram sockets and of the extension interface
// (other_callbacks.cc).
NTSTATUS WSKAPI AcceptEvent(PVOID context, ULONG flags, PSOCKADDR local, PSOCKADDR remote,
                            PWSK_SOCKET accepted, PVOID* accepted_context,
                            CONST WSK_CLIENT_CONNECTION_DISPATCH** accepted_dispatch);
WSK_INSPECT_ACTION WSKAPI InspectEvent(PVOID context, PSOCKADDR local, PSOCKADDR remote, PWSK_INSPECT_ID id);
NTSTATUS WSKAPI AbortEvent(PVOID context, PWSK_INSPECT_ID id);
NTSTATUS WSKAPI ReceiveFromEvent(PVOID context, ULONG flags, PWSK_DATAGRAM_INDICATION list);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_EXECUTOR_CALLBACK_H_
