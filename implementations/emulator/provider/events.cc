// The calls of the event callbacks (enabling-and-disabling-event-callback-functions.md): which are due, who
// makes them, and what their end brings about. event_control.cc has what the client asks for.
//
// A call is in progress from the moment the provider has decided on it until it is counted down after the
// client's return. A disable that finds none has taken effect when it returns; otherwise it takes effect, and
// its IRP completes, when the last of them is counted down.
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {
namespace {

// ---- The events of a connection

bool Connected(const Socket* socket) { return socket->connected; }

bool HasFunction(const Socket* socket, UCHAR event) {
  const WSK_CLIENT_CONNECTION_DISPATCH* functions = socket->dispatch;
  if (functions == nullptr) return false;
  switch (event) {
    case kReceiveEvent:
      return functions->WskReceiveEvent != nullptr;
    case kDisconnectEvent:
      return functions->WskDisconnectEvent != nullptr;
    default:
      return functions->WskSendBacklogEvent != nullptr;
  }
}

bool ReceiveReady(const Socket* socket) {
  return !socket->suspended && !socket->reset_told && socket->received_bytes > 0 &&
         (IsListEmpty(&socket->receives) || socket->event_first) && socket->receive_completions == 0;
}

// Whether data that came before a graceful disconnect is still to be told first.
bool DataFirst(const Socket* socket) {
  const Event& receive = socket->events[kReceiveEvent];
  if (socket->receive_completions != 0) return true;
  if (receive.in_progress != 0) return !receive.disabling;
  return receive.enabled && !receive.disabling && HasFunction(socket, kReceiveEvent) && ReceiveReady(socket);
}

bool Wanted(const Socket* socket, UCHAR event) {
  switch (event) {
    case kReceiveEvent:
      return socket->broken ? socket->null_due != 0 : ReceiveReady(socket);
    case kDisconnectEvent:
      if (!socket->disconnect_due || socket->broken) return false;
      if (socket->peer_reset) {
        return socket->receive_completions == 0 && (socket->received_bytes == 0 || !DataFirst(socket));
      }
      return !DataFirst(socket) || WspChoose(emulator::kChoiceDisconnectOrder, 2) == 1;
    default:
      return socket->backlog_due && !socket->broken;
  }
}

void Prepare(Socket* socket, UCHAR event, Delivery* delivery) {
  switch (event) {
    case kReceiveEvent:
      if (socket->broken || socket->breaking) {
        --socket->null_due;
      } else {
        socket->event_first = FALSE;
        delivery->nodes = BuildIndication(socket, &delivery->bytes, &delivery->flags);
        delivery->accepted = delivery->bytes;
      }
      break;
    case kDisconnectEvent:
      socket->disconnect_due = FALSE;
      if (socket->peer_reset) {
        delivery->flags = WSK_FLAG_ABORTIVE;
        socket->reset_told = TRUE;
      }
      break;
    default:
      socket->backlog_due = FALSE;
      delivery->backlog = socket->backlog;
  }
}

NTSTATUS CallClient(Socket* socket, UCHAR event, Delivery* delivery) {
  const WSK_CLIENT_CONNECTION_DISPATCH* functions = socket->dispatch;
  switch (event) {
    case kReceiveEvent:
      return functions->WskReceiveEvent(socket->context, delivery->flags,
                                        delivery->nodes != nullptr ? &delivery->nodes->indication : nullptr,
                                        delivery->bytes, &delivery->accepted);
    case kDisconnectEvent:
      return functions->WskDisconnectEvent(socket->context, delivery->flags);
    default:
      return functions->WskSendBacklogEvent(socket->context, delivery->backlog);
  }
}

void Finish(Socket* socket, UCHAR event, Delivery* delivery, NTSTATUS status) {
  if (delivery->nodes != nullptr) {
    FinishIndication(socket, status, delivery->bytes, delivery->accepted);
  } else if (event != kReceiveEvent && status != STATUS_SUCCESS) {
    bool backlog = event == kBacklogEvent;
    WspMisuse(backlog ? "a send backlog event callback that returned something else than STATUS_SUCCESS"
                      : "a disconnect event callback that returned something else than STATUS_SUCCESS",
              backlog ? "nc-wsk-pfn_wsk_send_backlog_event.md" : "nc-wsk-pfn_wsk_disconnect_event.md",
              socket);
  }
}

// ---- Calling

// An extension's events have rules of their own, on sockets of every category.
const EventRules* RulesOf(const Socket* socket, UCHAR event) {
  return event == kPingEvent ? &kPingRules : socket->rules;
}

// With the lock: whether a call of the event can begin.
bool Due(const Socket* socket, UCHAR index) {
  const Event& event = socket->events[index];
  bool open = socket->state == SocketState::kOpen || (socket->listen.ends && index == kAbortEvent);
  if (!event.enabled || event.held || !open || socket->breaking) return false;
  if (event.awaits_arrival && !socket->broken) return false;
  if (event.in_progress != 0 && !(socket->overlapping && index != kPingEvent)) return false;
  if (!socket->concurrent_events) {
    for (const Event& other : socket->events) {
      if (&other != &event && other.in_progress != 0) return false;
    }
  }
  const EventRules* rules = RulesOf(socket, index);
  if (!rules->has_function(socket, index) || !rules->wanted(socket, index)) return false;
  return !event.disabling || event.keep_going;
}

}  // namespace

bool CanBeCalled(const Socket* socket, UCHAR index) {
  const Event& event = socket->events[index];
  return event.enabled && !event.disabling && !event.held && !event.awaits_arrival &&
         socket->rules->has_function(socket, index);
}

bool LosesRace(const Socket* socket, UCHAR index, emulator::ProviderChoice choice) {
  const Event& event = socket->events[index];
  bool about_to = event.queued && event.in_progress == 0 && CanBeCalled(socket, index);
  return about_to && WspChoose(choice, 2) == 1;
}

UCHAR NullIndications() {
  constexpr UCHAR kCounts[] = {1, 0, 2};
  return kCounts[WspChoose(emulator::kChoiceNullIndication, 3)];
}

namespace {

NTSTATUS CallAtSomeLevel(Socket* socket, UCHAR event, Delivery* delivery) {
  const EventRules* rules = RulesOf(socket, event);
  KIRQL irql = KeGetCurrentIrql();
  ULONG level = irql >= DISPATCH_LEVEL ? 1 + WspChoose(emulator::kChoiceCallbackIrql, 2)
                                       : WspChoose(emulator::kChoiceCallbackIrql, 3);
  if (level == 1) delivery->flags |= WSK_FLAG_AT_DISPATCH_LEVEL;
  bool raise = level != 0 && irql < DISPATCH_LEVEL;
  if (raise) KeRaiseIrql(DISPATCH_LEVEL, &irql);
  KIRQL before = raise ? DISPATCH_LEVEL : irql;
  NTSTATUS status = rules->call(socket, event, delivery);
  if (KeGetCurrentIrql() != before) {
    WspMisuse("an event callback that returned at another IRQL than it was called at",
              "winsock-kernel-events.md", socket);
  }
  if (raise) KeLowerIrql(irql);
  return status;
}

// With the lock, after a call: whether the next one begins before this one is counted down, which is what new
// calls during a disable come to where calls do not overlap.
bool GoesOn(Socket* socket, UCHAR index) {
  Event& event = socket->events[index];
  if (!event.disabling || !event.keep_going || event.bounded) return false;
  --event.in_progress;
  bool due = Due(socket, index);
  ++event.in_progress;
  return due;
}

// With the lock: a call begins.
void Begin(Socket* socket, UCHAR index, Delivery* delivery) {
  Event& event = socket->events[index];
  *delivery = Delivery{};
  delivery->serial = ++event.begun;
  InterlockedIncrement(&event.entering);
  RulesOf(socket, index)->prepare(socket, index, delivery);
}

// With the lock: a disable takes effect. IRPs that waited for nothing else go to `done`.
void EndDisable(Socket* socket, UCHAR index, PLIST_ENTRY done) {
  Event& event = socket->events[index];
  event.enabled = event.reenable;
  event.disabling = event.reenable = event.keep_going = event.bounded = FALSE;
  if (!event.enabled && index == kPingEvent) DropPings(socket);
  for (PLIST_ENTRY link = socket->disables.Flink; link != &socket->disables;) {
    PIRP irp = IrpOf(link);
    link = link->Flink;
    Request* request = RequestOf(irp);
    if (!(request->events & (1u << index))) continue;
    request->events &= static_cast<UCHAR>(~(1u << index));
    if (request->events != 0 || !Unpend(irp)) continue;
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp->IoStatus.Information = 0;
    InsertTailList(done, &irp->Tail.Overlay.ListEntry);
  }
}

// With the lock, a call having been counted down: whether the disable waits for nothing more. One that waits
// for the calls of its time alone does not end while another call is on its way to the client, who would see
// it begin after the end.
bool DisableIsOver(const Event& event) {
  if (!event.disabling) return false;
  return event.in_progress == 0 || (event.bounded && event.awaited == 0 && event.entering == 0);
}

// Counts a call down; with the last one, a disable takes effect. False: the next call is in `delivery`.
bool EndCall(Socket* socket, UCHAR index, Delivery* delivery) {
  Event& event = socket->events[index];
  LIST_ENTRY done;
  InitializeListHead(&done);
  {
    SocketLock lock(socket);
    if (GoesOn(socket, index)) {
      Begin(socket, index, delivery);
      return false;
    }
    --event.in_progress;
    if (event.awaited != 0 && static_cast<LONG>(delivery->serial - event.asked) <= 0) --event.awaited;
    if (DisableIsOver(event)) EndDisable(socket, index, &done);
  }
  CompleteAll(socket, &done);
  return true;
}

// With the lock: the socket may break now that an event would be called with what came in. The event tells
// it.
bool Breaks(Socket* socket, UCHAR index) {
  constexpr ULONG kOneOf = 16;
  bool datagrams = socket->rules == &kDatagramRules && index == kReceiveFromEvent;
  bool arrives = datagrams || (socket->rules == &kConnectionRules && index == kReceiveEvent) ||
                 (socket->rules == &kListenRules && index == kAcceptEvent);
  bool over =
      socket->peer_closed || socket->peer_reset || socket->aborted || socket->broken || socket->breaking;
  if (!arrives || over || WspChoose(emulator::kChoiceSpontaneousBreak, kOneOf) != 1) return false;
  socket->breaking = TRUE;
  socket->disconnect_due = socket->backlog_due = FALSE;
  socket->null_due = 1;
  return true;
}

// Without the lock, once the client has been told: the rest of such an end.
void Break(Socket* socket) {
  {
    SocketLock lock(socket);
    socket->breaking = FALSE;
    // Once it is closed, the endpoint may be another socket's.
    if (socket->state != SocketState::kOpen) return;
    if (socket->category == WSK_FLAG_DATAGRAM_SOCKET) {
      WspTransport()->datagrams->Break(socket->datagram.endpoint);
    } else {
      WspTransport()->Break(socket->endpoint);
    }
  }
  EndBroken(socket);
}

// Makes one call, if one is due. The caller holds a reference.
bool RunEvent(Socket* socket, UCHAR index) {
  Delivery delivery;
  bool breaks;
  {
    SocketLock lock(socket);
    if (!Due(socket, index)) return false;
    breaks = Breaks(socket, index);
    ++socket->events[index].in_progress;
    Begin(socket, index, &delivery);
  }
  Reference(socket);
  // Other calls of the event may go on beside this one.
  if (socket->overlapping && index != kPingEvent) Advance(socket, Place::kWorker);
  do {
    WspYield(emulator::kChoiceCallbackEdge);
    InterlockedDecrement(&socket->events[index].entering);
    EnterCallback(socket->client);
    // Not with the lock: where it is released other threads may run, and one that found the socket broken
    // would know it before it is told.
    if (breaks) socket->broken = TRUE;
    NTSTATUS status = CallAtSomeLevel(socket, index, &delivery);
    LeaveCallback(socket->client);
    WspYield(emulator::kChoiceCallbackEdge);
    RulesOf(socket, index)->finish(socket, index, &delivery, status);
  } while (!EndCall(socket, index, &delivery));
  if (breaks) Break(socket);
  Advance(socket, Place::kWorker);
  Release(socket);
  return true;
}

void EventWork(PVOID context) {
  auto* event = static_cast<Event*>(context);
  Socket* socket = event->socket;
  auto index = static_cast<UCHAR>(event - socket->events);
  if (socket->overlapping && index != kPingEvent) {
    // From here the work item can be queued again, for a call beside this one.
    {
      SocketLock lock(socket);
      event->queued = FALSE;
    }
    while (RunEvent(socket, index)) {
    }
    Release(socket);
    return;
  }
  bool again;
  do {
    while (RunEvent(socket, index)) {
    }
    SocketLock lock(socket);
    again = Due(socket, index);
    event->queued = again;
    if (index == kPingEvent && !event->enabled) DropPings(socket);
  } while (again);
  Release(socket);
}

}  // namespace

const EventRules kConnectionRules = {{WSK_EVENT_RECEIVE, WSK_EVENT_DISCONNECT, WSK_EVENT_SEND_BACKLOG},
                                     0,
                                     Connected,
                                     HasFunction,
                                     Wanted,
                                     Prepare,
                                     CallClient,
                                     Finish};

void InitializeEvents(Socket* socket, const EventRules* rules) {
  socket->rules = rules;
  socket->static_events = socket->client->static_events;
  socket->concurrent_events = static_cast<BOOLEAN>(WspChoose(emulator::kChoiceConcurrentEvents, 2));
  for (UCHAR index = 0; index < kEventCount; ++index) {
    Event& event = socket->events[index];
    event.socket = socket;
    event.fixed = event.enabled = (socket->static_events & rules->bits[index]) != 0;
    ExInitializeWorkItem(&event.work, EventWork, &event);
  }
}

void SetEventRules(Socket* socket, const EventRules* rules) {
  socket->rules = rules;
  for (UCHAR index = 0; index <= kBacklogEvent; ++index) {
    Event& event = socket->events[index];
    event.fixed = event.enabled = (socket->static_events & rules->bits[index]) != 0;
  }
}

void HoldEvents(Socket* socket) {
  for (UCHAR index = 0; index <= kBacklogEvent; ++index) socket->events[index].held = TRUE;
}

void StartEvents(Socket* socket) {
  {
    SocketLock lock(socket);
    for (Event& event : socket->events) {
      if (event.inherits) event.enabled = TRUE;
      event.held = event.inherits = FALSE;
    }
  }
  Advance(socket, Place::kWorker);
}

namespace {

// With the lock: completes receives; those in `done` are left for the caller, without the lock. Callbacks are
// not due meanwhile.
void AdvanceReceives(Socket* socket, Place place, PLIST_ENTRY done) {
  if (socket->listen.listening) {
    FillAccepts(socket, done);
  } else {
    FillReceives(socket, done);
  }
  // On the client's stack, completions are the worker's.
  while (place == Place::kClientCall && !IsListEmpty(done)) {
    PIRP irp = IrpOf(RemoveHeadList(done));
    CompleteLater(socket, irp, irp->IoStatus.Status, irp->IoStatus.Information);
  }
  if (!IsListEmpty(done)) ++socket->receive_completions;
}

// With the lock: decides where the events run that are due; the masks have a bit for each.
void AdvanceEvents(Socket* socket, Place place, ULONG* here, ULONG* queue) {
  for (UCHAR index = 0; index < kEventCount; ++index) {
    Event& event = socket->events[index];
    if (event.queued || !Due(socket, index)) continue;
    bool free = event.in_progress == 0 && index != kPingEvent;
    if (place != Place::kWorker && free && WspChoose(emulator::kChoiceCallbackThread, 2) == 1) {
      *here |= 1u << index;
      continue;
    }
    *queue |= 1u << index;
    event.queued = TRUE;
    Reference(socket);
  }
}

}  // namespace

void Advance(Socket* socket, Place place) {
  ULONG here = 0;
  ULONG queue = 0;
  {
    SocketLock lock(socket);
    if (!IsListEmpty(&socket->receives)) {
      LIST_ENTRY done;
      InitializeListHead(&done);
      AdvanceReceives(socket, place, &done);
      bool completed = !IsListEmpty(&done);
      lock.Leave();
      ReturnSpent(socket);
      CompleteAll(socket, &done);
      lock.Take();
      if (completed) --socket->receive_completions;
    }
    AdvanceEvents(socket, place, &here, &queue);
  }
  for (UCHAR index = 0; index < kEventCount; ++index) {
    if (queue & (1u << index)) ExQueueWorkItem(&socket->events[index].work, DelayedWorkQueue);
  }
  for (UCHAR index = 0; index < kEventCount; ++index) {
    if (here & (1u << index)) RunEvent(socket, index);
  }
}

}  // namespace wskcert::provider
