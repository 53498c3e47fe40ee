// The client's event callbacks: what they record, and the scripts that play inside them.
#include "conformance/executor/session.h"

namespace wskcert {
namespace {

constexpr uint32_t kMaxSessions = 8;
Session* volatile g_sessions[kMaxSessions];

// The slot that a context points at, or null: a provider may hand us anything, so nothing is read before the
// address is known.
SocketSlot* SocketOf(PVOID context, Session** session) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(context);
  *session = nullptr;
  for (Session* volatile& entry : g_sessions) {
    Session* candidate = entry;
    if (candidate == nullptr) continue;
    if (*session == nullptr) *session = candidate;
    const uintptr_t first = reinterpret_cast<uintptr_t>(candidate->sockets);
    if (address < first || address >= first + candidate->header->sockets * sizeof(SocketSlot)) continue;
    if ((address - first) % sizeof(SocketSlot) != 0) continue;
    *session = candidate;
    return static_cast<SocketSlot*>(context);
  }
  return nullptr;
}

const ProgramScript* FindScript(const Session* session, uint16_t first, uint8_t event, uint16_t socket,
                                LONG nth) {
  const ProgramScript* every = nullptr;
  for (uint16_t i = first; i != kNoSlot; i = session->next_script[i]) {
    const ProgramScript& script = session->scripts[i];
    if (script.event != event || script.socket != socket) continue;
    if (script.nth == nth) return &script;
    if (script.nth == kNoSlot && every == nullptr) every = &script;
  }
  return every;
}

void Hold(Session* session, const ProgramScript& script, uint16_t socket, uint32_t begin) {
  HoldSlot* hold = &session->holds[script.hold];
  const bool can_wait = KeGetCurrentIrql() == PASSIVE_LEVEL;
  uint32_t stamp;
  Observation* o = Reserve(session, can_wait ? Seen::kHeld : Seen::kHoldRefused, &stamp);
  if (o != nullptr) {
    o->socket = socket;
    o->target = script.hold;
    o->begin = begin;
    Publish(o);
  }
  if (!can_wait) return;
  InterlockedExchange(&hold->entered, 1);
  LARGE_INTEGER bound;
  bound.QuadPart = -static_cast<LONGLONG>(session->environment.hold_bound);
  KeWaitForSingleObject(&hold->released, Executive, KernelMode, FALSE,
                        session->environment.hold_bound != 0 ? &bound : nullptr);
  o = Reserve(session, Seen::kUnheld, &stamp);
  if (o != nullptr) {
    o->socket = socket;
    o->target = script.hold;
    o->begin = begin;
    Publish(o);
  }
}

// One call of an event callback between its two stamps.
class Callback {
 public:
  Callback(SocketSlot* socket, Event event) : session_(socket->session), socket_(socket), event_(event) {
    observation_ = Reserve(session_, Seen::kCallbackBegin, &stamp_);
    if (observation_ == nullptr) return;
    observation_->op = static_cast<uint16_t>(event);
    observation_->socket = socket->index;
  }
  Observation* observation() { return observation_; }
  uint32_t stamp() const { return stamp_; }

  // Publishes the begin, plays the script of this call, if it has one, and returns it.
  const ProgramScript* Enter() {
    if (observation_ != nullptr) Publish(observation_);
    const LONG nth = InterlockedIncrement(&socket_->calls[static_cast<uint32_t>(event_)]) - 1;
    if (socket_->first_script == kNoSlot) return nullptr;
    const ProgramScript* script =
        FindScript(session_, socket_->first_script, static_cast<uint8_t>(event_), socket_->index, nth);
    if (script == nullptr) return nullptr;
    Nested nested(session_, stamp_);
    RunSteps(session_, script->first_step, script->step_count, true);
    if (script->hold != kNoSlot) Hold(session_, *script, socket_->index, stamp_);
    return script;
  }

  void End(NTSTATUS status, uint32_t accepted, uint16_t target) {
    uint32_t stamp;
    Observation* o = Reserve(session_, Seen::kCallbackEnd, &stamp);
    if (o == nullptr) return;
    o->op = static_cast<uint16_t>(event_);
    o->socket = socket_->index;
    o->begin = stamp_;
    o->status = static_cast<Status>(status);
    o->length = accepted;
    o->target = target;
    Publish(o);
  }

 private:
  Session* session_;
  SocketSlot* socket_;
  Event event_;
  Observation* observation_;
  uint32_t stamp_;
};

void BadContext(Session* session, Event event) {
  if (session == nullptr) return;
  uint32_t stamp;
  Observation* o = Reserve(session, Seen::kFault, &stamp);
  if (o == nullptr) return;
  o->op = static_cast<uint16_t>(event);
  o->code = static_cast<uint8_t>(FaultKind::kBadContext);
  Publish(o);
}

// Puts the list into the script's retained slot. False: the slot is taken, so the data is accepted instead.
bool Retain(Session* session, SocketSlot* socket, uint16_t target, WSK_DATA_INDICATION* list,
            const Indication& read, uint32_t begin) {
  if (target == kNoSlot) return false;
  RetainedSlot* slot = &session->retained[target];
  if (InterlockedCompareExchange(&slot->state, 1, 0) != 0) return false;
  slot->list = list;
  slot->socket = socket->index;
  slot->begin = begin;
  slot->length = static_cast<uint32_t>(read.bytes);
  slot->offset = read.decoded.offset;
  slot->content = static_cast<uint8_t>(read.one_run ? read.decoded.content : Content::kCorrupt);
  InterlockedIncrement(&socket->retained);
  return true;
}

NTSTATUS WSKAPI ReceiveEvent(PVOID context, ULONG flags, PWSK_DATA_INDICATION list, SIZE_T bytes_indicated,
                             SIZE_T* bytes_accepted) {
  Session* session;
  SocketSlot* socket = SocketOf(context, &session);
  if (socket == nullptr) {
    BadContext(session, Event::kReceive);
    return STATUS_SUCCESS;
  }
  Callback call(socket, Event::kReceive);
  Indication read = {0, 0, {Content::kNone, kNoSlot, 0}, true};
  const bool readable = list == nullptr || ReadIndication(session, socket, list, &read);
  if (Observation* o = call.observation()) {
    o->flags = flags;
    o->information = bytes_indicated;
    o->length = static_cast<uint32_t>(read.bytes);
    o->mask = read.nodes;
    o->offset = read.decoded.offset;
    o->peer = read.decoded.peer;
    o->content =
        static_cast<uint8_t>(read.one_run || read.nodes == 1 ? read.decoded.content : Content::kNone);
    if (!read.one_run && read.nodes == 1) o->content = static_cast<uint8_t>(Content::kCorrupt);
    if (list == nullptr) o->seen_flags |= kSeenNullIndication;
  }
  const ProgramScript* script = call.Enter();
  if (!readable) {
    Fault(session, FaultKind::kBadIndication, socket->index, kNoSlot, call.stamp(), 0);
  } else if (!read.one_run && read.nodes > 1) {
    RecordNodes(session, socket, list, call.stamp());
  }
  NTSTATUS status = STATUS_SUCCESS;
  uint32_t accepted = kNoIndex;
  uint16_t target = kNoSlot;
  const ScriptReturn returns =
      script != nullptr ? static_cast<ScriptReturn>(script->returns) : ScriptReturn::kAccept;
  if (list == nullptr || returns == ScriptReturn::kAccept) {
  } else if (returns == ScriptReturn::kPartial) {
    accepted = script->accept_bytes;
    *bytes_accepted = accepted;
  } else if (returns == ScriptReturn::kRefuse) {
    status = STATUS_DATA_NOT_ACCEPTED;
  } else if (returns == ScriptReturn::kRaw) {
    status = static_cast<NTSTATUS>(script->status);
  } else if (Retain(session, socket, script->target, list, read, call.stamp())) {
    status = STATUS_PENDING;
    target = script->target;
  }
  const uint64_t taken = status == STATUS_SUCCESS ? (accepted != kNoIndex ? accepted : read.bytes)
                                                  : (status == STATUS_PENDING ? read.bytes : 0);
  if (read.decoded.content == Content::kExact && taken != 0) socket->received = read.decoded.offset + taken;
  call.End(status, accepted, target);
  return status;
}

NTSTATUS PlainReturn(const ProgramScript* script) {
  return script != nullptr && static_cast<ScriptReturn>(script->returns) == ScriptReturn::kRaw
             ? static_cast<NTSTATUS>(script->status)
             : STATUS_SUCCESS;
}

NTSTATUS WSKAPI DisconnectEvent(PVOID context, ULONG flags) {
  Session* session;
  SocketSlot* socket = SocketOf(context, &session);
  if (socket == nullptr) {
    BadContext(session, Event::kDisconnect);
    return STATUS_SUCCESS;
  }
  Callback call(socket, Event::kDisconnect);
  if (Observation* o = call.observation()) o->flags = flags;
  const NTSTATUS status = PlainReturn(call.Enter());
  call.End(status, 0, kNoSlot);
  return status;
}

NTSTATUS WSKAPI SendBacklogEvent(PVOID context, SIZE_T ideal_backlog) {
  Session* session;
  SocketSlot* socket = SocketOf(context, &session);
  if (socket == nullptr) {
    BadContext(session, Event::kSendBacklog);
    return STATUS_SUCCESS;
  }
  Callback call(socket, Event::kSendBacklog);
  if (Observation* o = call.observation()) o->information = ideal_backlog;
  const NTSTATUS status = PlainReturn(call.Enter());
  call.End(status, 0, kNoSlot);
  return status;
}

}  // namespace

const void* ClientDispatch(SocketSlot* socket, uint32_t subset) {
  if ((subset & kNoDispatch) != 0) return nullptr;
  const auto has = [subset](Event event) { return (subset & DispatchBit(event)) != 0; };
  switch (static_cast<Category>(socket->category)) {
    case Category::kConnection:
      socket->dispatch.connection.WskReceiveEvent = has(Event::kReceive) ? ReceiveEvent : nullptr;
      socket->dispatch.connection.WskDisconnectEvent = has(Event::kDisconnect) ? DisconnectEvent : nullptr;
      socket->dispatch.connection.WskSendBacklogEvent = has(Event::kSendBacklog) ? SendBacklogEvent : nullptr;
      return &socket->dispatch.connection;
    default:
      return nullptr;
  }
}

void RunCompletionScript(Session* session, IrpSlot* slot) {
  const ProgramScript* script = FindScript(session, session->first_completion_script, kScriptOnCompletion,
                                           slot->index, InterlockedIncrement(&slot->completions) - 1);
  if (script != nullptr) RunSteps(session, script->first_step, script->step_count, true);
}

void AddSession(Session* session) {
  for (Session* volatile& entry : g_sessions) {
    if (InterlockedCompareExchangePointer(reinterpret_cast<PVOID volatile*>(const_cast<Session**>(&entry)),
                                          session, nullptr) == nullptr) {
      return;
    }
  }
}

void AbandonSession(Session* session) {
  for (Session* volatile& entry : g_sessions) {
    InterlockedCompareExchangePointer(reinterpret_cast<PVOID volatile*>(const_cast<Session**>(&entry)),
                                      nullptr, session);
  }
}

}  // namespace wskcert
