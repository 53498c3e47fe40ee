// Publishing observations: reserve a stamp, fill, release-store `ready`.
#include "conformance/executor/session.h"

namespace wskcert {

Observation* Reserve(Session* session, Seen kind, uint32_t* stamp) {
  const uint32_t index = static_cast<uint32_t>(CountUp(&session->log_next));
  if (index >= session->log_capacity) {
    // Keep the counter from wrapping when a provider floods: everything beyond the capacity is lost alike.
    __atomic_store_n(&session->log_next, static_cast<LONG>(session->log_capacity + 1), __ATOMIC_RELAXED);
    *stamp = kNoIndex;
    return nullptr;
  }
  *stamp = index;
  const uint32_t thread = session->environment.ThreadNumber(session->environment.context);
  Observation* o = &session->log[index];
  o->kind = static_cast<uint8_t>(kind);
  o->thread = static_cast<uint8_t>(thread < 255 ? thread : 255);
  o->irql = static_cast<uint8_t>(KeGetCurrentIrql());
  o->seen_flags = 0;
  o->op = 0;
  o->socket = kNoSlot;
  o->begin = kNoIndex;
  o->enclosing = thread < kTrackedThreads ? session->innermost[thread] : kNoIndex;
  o->step = kNoIndex;
  o->irp = kNoSlot;
  o->peer = kNoSlot;
  o->target = kNoSlot;
  o->code = 0;
  o->content = 0;
  o->status = 0;
  o->flags = 0;
  o->mask = 0;
  o->length = 0;
  o->information = 0;
  o->offset = 0;
  return o;
}

void Publish(Observation* observation) { __atomic_store_n(&observation->ready, 1u, __ATOMIC_RELEASE); }

Nested::Nested(Session* session, uint32_t stamp) : session_(session) {
  thread_ = session->environment.ThreadNumber(session->environment.context);
  if (thread_ >= kTrackedThreads) return;
  outer_ = session->innermost[thread_];
  session->innermost[thread_] = stamp;
  ++session->depth[thread_];
}

Nested::~Nested() {
  if (thread_ >= kTrackedThreads) return;
  session_->innermost[thread_] = outer_;
  --session_->depth[thread_];
}

bool MayNest(Session* session) {
  const uint32_t thread = session->environment.ThreadNumber(session->environment.context);
  return thread < kTrackedThreads && session->depth[thread] < kMaxNesting &&
         IoGetRemainingStackSize() > kSpareStack;
}

void Skip(Session* session, const ProgramStep* step, uint32_t step_index, SkipReason reason) {
  uint32_t stamp;
  Observation* o = Reserve(session, Seen::kSkip, &stamp);
  if (o == nullptr) return;
  o->op = step->op;
  o->socket = step->socket;
  o->irp = step->irp;
  o->peer = step->peer;
  o->target = step->target;
  o->step = step_index;
  o->code = static_cast<uint8_t>(reason);
  Publish(o);
}

void Fault(Session* session, FaultKind kind, uint16_t socket, uint16_t irp, uint32_t begin, Status status) {
  uint32_t stamp;
  Observation* o = Reserve(session, Seen::kFault, &stamp);
  if (o == nullptr) return;
  o->code = static_cast<uint8_t>(kind);
  o->socket = socket;
  o->irp = irp;
  o->begin = begin;
  o->status = status;
  Publish(o);
}

uint32_t LogCount(const Session* session) {
  const uint32_t count = static_cast<uint32_t>(CountOf(&session->log_next));
  return count < session->log_capacity ? count : session->log_capacity;
}

bool LogOverflowed(const Session* session) {
  return static_cast<uint32_t>(CountOf(&session->log_next)) > session->log_capacity;
}

bool LeftOpen(const Session* session) {
  if (CountOf(&session->outstanding) != 0) return true;
  for (uint32_t i = 0; i < session->header->clients; ++i) {
    const ClientSlot& client = session->clients[i];
    if (CountOf(&client.state) == kRegistered || CountOf(&client.captured) != 0) return true;
  }
  for (uint32_t i = 0; i < session->header->sockets; ++i) {
    const SocketSlot& socket = session->sockets[i];
    const LONG state = CountOf(&socket.state);
    if (state != kSocketEmpty && state != kSocketClosed && state != kSocketFailed) return true;
    if (CountOf(&socket.retained) != 0) return true;
  }
  return false;
}

uint32_t SealLog(Session* session) {
  const auto sealed = static_cast<LONG>(session->log_capacity);
  const auto count = static_cast<uint32_t>(__atomic_exchange_n(&session->log_next, sealed, __ATOMIC_SEQ_CST));
  return count < session->log_capacity ? count : session->log_capacity;
}

bool LogComplete(const Session* session, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    if (__atomic_load_n(&session->log[i].ready, __ATOMIC_ACQUIRE) == 0) return false;
  }
  return true;
}

uint32_t Outstanding(const Session* session) { return static_cast<uint32_t>(CountOf(&session->outstanding)); }

}  // namespace wskcert
