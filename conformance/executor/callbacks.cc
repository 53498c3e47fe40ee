// The client's event callbacks: what they record, and the scripts that play inside them.
#include "conformance/executor/callback.h"

namespace wskcert {
namespace {

constexpr uint32_t kMaxSessions = 8;
Session* volatile g_sessions[kMaxSessions];

}  // namespace

SocketSlot* SocketOf(PVOID context, Session** session) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(context);
  *session = nullptr;
  for (Session* volatile& entry : g_sessions) {
    auto* candidate = static_cast<Session*>(
        ReadPointerAcquire(reinterpret_cast<PVOID volatile*>(const_cast<Session**>(&entry))));
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

uint8_t ClientOf(PVOID context, Session** session) {
  *session = nullptr;
  for (Session* volatile& entry : g_sessions) {
    Session* candidate = entry;
    if (candidate == nullptr) continue;
    if (*session == nullptr) *session = candidate;
    for (uint8_t i = 0; i < kMaxClients; ++i) {
      if (context != &candidate->clients[i]) continue;
      *session = candidate;
      return i;
    }
  }
  return kMaxClients;
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

void HoldCallback(Session* session, const ProgramScript& script, uint16_t socket, uint32_t begin) {
  HoldSlot* hold = &session->holds[script.hold];
  // A callback on the stack of a call of ours must not be held: the thread that would release it may be this
  // very one.
  const uint32_t thread = session->environment.ThreadNumber(session->environment.context);
  const bool outermost = thread < kTrackedThreads && session->depth[thread] == 1;
  const bool spare = InterlockedIncrement(&session->held) <= kMaxHeldCalls;
  const bool can_wait = outermost && spare && KeGetCurrentIrql() == PASSIVE_LEVEL;
  uint32_t stamp;
  Observation* o = Reserve(session, can_wait ? Seen::kHeld : Seen::kHoldRefused, &stamp);
  if (o != nullptr) {
    o->socket = socket;
    o->target = script.hold;
    o->begin = begin;
    Publish(o);
  }
  if (!can_wait) {
    InterlockedDecrement(&session->held);
    return;
  }
  InterlockedExchange(&hold->entered, 1);
  LARGE_INTEGER bound;
  bound.QuadPart = -static_cast<LONGLONG>(session->environment.hold_bound);
  KeWaitForSingleObject(&hold->released, Executive, KernelMode, FALSE,
                        session->environment.hold_bound != 0 ? &bound : nullptr);
  InterlockedDecrement(&session->held);
  o = Reserve(session, Seen::kUnheld, &stamp);
  if (o != nullptr) {
    o->socket = socket;
    o->target = script.hold;
    o->begin = begin;
    Publish(o);
  }
}

void BadContext(Session* session, Event event) {
  if (session == nullptr) return;
  uint32_t stamp;
  Observation* o = Reserve(session, Seen::kFault, &stamp);
  if (o == nullptr) return;
  o->op = static_cast<uint16_t>(event);
  o->code = static_cast<uint8_t>(FaultKind::kBadContext);
  Publish(o);
}

bool Retain(Session* session, SocketSlot* socket, uint16_t target, void* list, const Indication& read,
            uint32_t begin) {
  if (target == kNoSlot) return false;
  RetainedSlot* slot = &session->retained[target];
  if (InterlockedCompareExchange(&slot->state, kSlotFilling, kSlotEmpty) != kSlotEmpty) return false;
  slot->list = list;
  slot->socket = socket->index;
  slot->begin = begin;
  slot->length = static_cast<uint32_t>(read.bytes);
  slot->offset = read.decoded.offset;
  slot->content = static_cast<uint8_t>(read.one_run ? read.decoded.content : Content::kCorrupt);
  CountUp(&socket->retained);
  InterlockedExchange(&slot->state, kSlotFull);
  return true;
}

NTSTATUS Notice(PVOID context, Event event, uint32_t flags, uint64_t information, const WSK_INSPECT_ID* id) {
  Session* session;
  SocketSlot* socket = SocketOf(context, &session);
  if (socket == nullptr) {
    BadContext(session, event);
    return STATUS_SUCCESS;
  }
  Callback call(socket, event);
  if (Observation* o = call.observation()) {
    o->flags = flags;
    o->information = information;
    if (id != nullptr) {
      const uint32_t number = NumberOfId(session, socket->index, *id, true);
      o->information = number;
      o->target = InspectSlotOf(session, number);
    } else if (event == Event::kAbort) {
      o->seen_flags |= kSeenNullIndication;
    }
  }
  call.Begin();
  const ProgramScript* script = call.Script();
  call.Play(script);
  const bool raw = script != nullptr && ReturnOf(script) == ScriptReturn::kRaw;
  const NTSTATUS status = raw ? static_cast<NTSTATUS>(script->status) : STATUS_SUCCESS;
  call.End(status);
  return status;
}

namespace {

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
  call.Begin();
  if (!readable) {
    Fault(session, FaultKind::kBadIndication, socket->index, kNoSlot, call.stamp(), 0);
  } else if (!read.one_run && read.nodes > 1) {
    RecordNodes(session, socket, list, call.stamp());
  }
  const ProgramScript* script = call.Script();
  call.Play(script);
  NTSTATUS status = STATUS_SUCCESS;
  uint32_t accepted = kNoIndex;
  uint16_t target = kNoSlot;
  const ScriptReturn returns = ReturnOf(script);
  if (list == nullptr || returns == ScriptReturn::kAccept) {
  } else if (returns == ScriptReturn::kPartial) {
    // More than was indicated is nothing that the pages define: how much comes in one call is the provider's
    // to choose.
    accepted = script->accept_bytes < read.bytes ? script->accept_bytes : static_cast<uint32_t>(read.bytes);
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
  Received(socket, read.decoded, taken);
  call.End(status, accepted, target);
  return status;
}

NTSTATUS WSKAPI DisconnectEvent(PVOID context, ULONG flags) {
  return Notice(context, Event::kDisconnect, flags, 0, nullptr);
}

NTSTATUS WSKAPI SendBacklogEvent(PVOID context, SIZE_T ideal_backlog) {
  return Notice(context, Event::kSendBacklog, 0, ideal_backlog, nullptr);
}

}  // namespace

const void* ClientDispatch(SocketSlot* socket, uint32_t subset) {
  if ((subset & kNoDispatch) != 0) return nullptr;
  const auto has = [subset](Event event) { return (subset & DispatchBit(event)) != 0; };
  if (static_cast<Category>(socket->category) == Category::kDatagram) {
    socket->dispatch.datagram.WskReceiveFromEvent = has(Event::kReceiveFrom) ? ReceiveFromEvent : nullptr;
    return &socket->dispatch.datagram;
  }
  auto& parts = socket->dispatch.parts;
  parts.connection.WskReceiveEvent = has(Event::kReceive) ? ReceiveEvent : nullptr;
  parts.connection.WskDisconnectEvent = has(Event::kDisconnect) ? DisconnectEvent : nullptr;
  parts.connection.WskSendBacklogEvent = has(Event::kSendBacklog) ? SendBacklogEvent : nullptr;
  parts.listen.WskAcceptEvent = has(Event::kAccept) ? AcceptEvent : nullptr;
  parts.listen.WskInspectEvent = has(Event::kInspect) ? InspectEvent : nullptr;
  parts.listen.WskAbortEvent = has(Event::kAbort) ? AbortEvent : nullptr;
  parts.stream.Listen = &parts.listen;
  parts.stream.Connect = &parts.connection;
  switch (static_cast<Category>(socket->category)) {
    case Category::kConnection:
      return &parts.connection;
    case Category::kListen:
      return &parts.listen;
    case Category::kStream:
      return &parts.stream;
    default:
      return nullptr;
  }
}

void RunCompletionScript(Session* session, IrpSlot* slot) {
  const ProgramScript* script = FindScript(session, session->first_completion_script, kScriptOnCompletion,
                                           slot->index, CountUp(&slot->completions));
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
