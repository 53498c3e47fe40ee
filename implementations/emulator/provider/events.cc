// The life of the event callbacks: enabling, disabling, calling (so-wsk-event-callback.md,
// enabling-and-disabling-event-callback-functions.md).
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
  return !socket->suspended && socket->received_bytes > 0 && IsListEmpty(&socket->receives) &&
         socket->receive_completions == 0;
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
      return socket->broken ? socket->null_due : ReceiveReady(socket);
    case kDisconnectEvent:
      if (!socket->disconnect_due || socket->broken) return false;
      if (socket->peer_reset) return socket->receive_completions == 0;
      return !DataFirst(socket) || WspChoose(emulator::kChoiceDisconnectOrder, 2) == 1;
    default:
      return socket->backlog_due && !socket->broken;
  }
}

void Prepare(Socket* socket, UCHAR event, Delivery* delivery) {
  switch (event) {
    case kReceiveEvent:
      if (socket->broken) {
        socket->null_due = FALSE;
      } else {
        delivery->nodes = BuildIndication(socket, &delivery->bytes, &delivery->flags);
        delivery->accepted = delivery->bytes;
      }
      break;
    case kDisconnectEvent:
      socket->disconnect_due = FALSE;
      if (socket->peer_reset) delivery->flags = WSK_FLAG_ABORTIVE;
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
    WspMisuse("a disconnect or send backlog event callback that returned something else than STATUS_SUCCESS",
              "nc-wsk-pfn_wsk_disconnect_event.md", socket);
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
  if (!event.enabled || event.held || socket->state != SocketState::kOpen) return false;
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

NTSTATUS CallAtSomeLevel(Socket* socket, UCHAR event, Delivery* delivery) {
  const EventRules* rules = RulesOf(socket, event);
  KIRQL irql = KeGetCurrentIrql();
  ULONG level = irql >= DISPATCH_LEVEL ? 1 + WspChoose(emulator::kChoiceCallbackIrql, 2)
                                       : WspChoose(emulator::kChoiceCallbackIrql, 3);
  if (level == 1) delivery->flags |= WSK_FLAG_AT_DISPATCH_LEVEL;
  if (level == 0 || irql >= DISPATCH_LEVEL) return rules->call(socket, event, delivery);
  KeRaiseIrql(DISPATCH_LEVEL, &irql);
  NTSTATUS status = rules->call(socket, event, delivery);
  KeLowerIrql(irql);
  return status;
}

// With the lock, after a call: whether the next one begins before this one is counted down, which is what new
// calls during a disable come to where calls do not overlap.
bool GoesOn(Socket* socket, UCHAR index) {
  Event& event = socket->events[index];
  if (!event.disabling || !event.keep_going) return false;
  --event.in_progress;
  bool due = Due(socket, index);
  ++event.in_progress;
  return due;
}

// Counts a call down; with the last one, a disable takes effect. False: the next call is in `delivery`.
bool EndCall(Socket* socket, UCHAR index, Delivery* delivery) {
  Event& event = socket->events[index];
  LIST_ENTRY done;
  InitializeListHead(&done);
  {
    SocketLock lock(socket);
    if (GoesOn(socket, index)) {
      *delivery = Delivery{};
      RulesOf(socket, index)->prepare(socket, index, delivery);
      return false;
    }
    if (--event.in_progress == 0 && event.disabling) {
      event.disabling = FALSE;
      event.enabled = event.reenable;
      if (!event.enabled && index == kPingEvent) DropPings(socket);
      event.reenable = event.keep_going = FALSE;
      while (!IsListEmpty(&event.waiters)) {
        PIRP irp = IrpOf(event.waiters.Flink);
        if (!Unpend(irp)) continue;
        irp->IoStatus.Status = STATUS_SUCCESS;
        irp->IoStatus.Information = 0;
        InsertTailList(&done, &irp->Tail.Overlay.ListEntry);
      }
    }
  }
  CompleteAll(socket, &done);
  return true;
}

// Makes one call, if one is due. The caller holds a reference.
bool RunEvent(Socket* socket, UCHAR index) {
  Delivery delivery;
  {
    SocketLock lock(socket);
    if (!Due(socket, index)) return false;
    ++socket->events[index].in_progress;
    delivery = Delivery{};
    RulesOf(socket, index)->prepare(socket, index, &delivery);
  }
  Reference(socket);
  // Other calls of the event may go on beside this one.
  if (socket->overlapping && index != kPingEvent) Advance(socket, Place::kWorker);
  do {
    WspYield(emulator::kChoiceCallbackEdge);
    NTSTATUS status = CallAtSomeLevel(socket, index, &delivery);
    WspYield(emulator::kChoiceCallbackEdge);
    RulesOf(socket, index)->finish(socket, index, &delivery, status);
  } while (!EndCall(socket, index, &delivery));
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

NTSTATUS StaticEventStatus() {
  constexpr NTSTATUS kAnswers[] = {STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_PARAMETER,
                                   STATUS_NOT_SUPPORTED};
  return kAnswers[WspChoose(emulator::kChoiceStaticEvent, 3)];
}

namespace {

// With the lock. Whether events for the sockets that will be accepted can be enabled.
NTSTATUS CheckInherited(const Socket* socket, ULONG events) {
  bool fixed = (socket->client->static_events & events) != 0;
  return fixed && WspChoose(emulator::kChoiceInheritStatic, 2) == 1 ? StaticEventStatus() : STATUS_SUCCESS;
}

// With the lock. Enables all events of the mask, or none.
NTSTATUS Enable(Socket* socket, const EventRules* rules, ULONG mask) {
  ULONG inherited = mask & rules->inheritable;
  if (NTSTATUS status = CheckInherited(socket, inherited); !NT_SUCCESS(status)) return status;
  for (UCHAR index = 0; index < kEventCount; ++index) {
    const Event& event = socket->events[index];
    if (!(mask & rules->bits[index])) continue;
    if (event.fixed) return StaticEventStatus();
    if (!rules->has_function(socket, index) && WspChoose(emulator::kChoiceEnableWithoutFunction, 2) == 0) {
      return STATUS_INVALID_PARAMETER;
    }
    if (event.enabled && !event.disabling && WspChoose(emulator::kChoiceEnableEnabled, 2) == 1) {
      return STATUS_INVALID_PARAMETER;
    }
  }
  ULONG while_disabling = 0;
  for (UCHAR index = 0; index < kEventCount; ++index) {
    if (!(mask & rules->bits[index]) || !socket->events[index].disabling) continue;
    while_disabling = WspChoose(emulator::kChoiceEnableWhileDisabling, 3);
    if (while_disabling == 2) return STATUS_INVALID_DEVICE_STATE;
  }
  for (UCHAR index = 0; index < kEventCount; ++index) {
    Event& event = socket->events[index];
    if (!(mask & rules->bits[index])) continue;
    // An event that a listener enabled stays held; so may one that the client enables in WskAcceptEvent.
    if (event.held && !event.enabled && WspChoose(emulator::kChoiceEnabledInAccept, 2) == 0) {
      event.held = FALSE;
    }
    event.enabled = TRUE;
    ++event.enables;
    if (!event.disabling) continue;
    event.reenable = TRUE;
    if (while_disabling == 1) event.keep_going = TRUE;
  }
  socket->listen.inherited |= inherited;
  return STATUS_SUCCESS;
}

// With the lock. STATUS_PENDING: the IRP was put among the waiters. STATUS_CANCELLED: it was cancelled
// already.
NTSTATUS Disable(Socket* socket, UCHAR index, PIRP irp) {
  Event& event = socket->events[index];
  if (event.fixed) return StaticEventStatus();
  if (event.in_progress == 0) {
    if (!event.enabled && WspChoose(emulator::kChoiceDisableDisabled, 2) == 1)
      return STATUS_INVALID_PARAMETER;
    event.enabled = FALSE;
    if (index == kPingEvent) DropPings(socket);
    return STATUS_SUCCESS;
  }
  bool first = !event.disabling;
  event.disabling = TRUE;
  event.reenable = FALSE;
  event.keep_going = first && WspChoose(emulator::kChoiceCallsWhileDisabling, 2) == 1;
  if (irp == nullptr) return STATUS_EVENT_PENDING;
  RequestOf(irp)->kind = RequestKind::kDisable;
  RequestOf(irp)->event = index;
  if (WspChoose(emulator::kChoiceCancelDisable, 2) == 0) {
    return Pend(socket, &event.waiters, irp) ? STATUS_PENDING : STATUS_CANCELLED;
  }
  PendUncancellable(socket, &event.waiters, irp);
  return STATUS_PENDING;
}

ULONG KnownEvents(const EventRules* rules) {
  ULONG known = rules->inheritable;
  for (ULONG bit : rules->bits) known |= bit;
  return known;
}

// The event of a mask with exactly one bit; kEventCount if it has another number of bits or is inheritable.
UCHAR EventOfBit(const EventRules* rules, ULONG bit) {
  UCHAR index = 0;
  while (index < kEventCount && rules->bits[index] != bit) ++index;
  return index;
}

bool SameId(const NPIID* a, const NPIID* b) { return RtlCompareMemory(a, b, sizeof *a) == sizeof *a; }

// With the lock. What the page asks of both enabling and disabling; and the rules of the NPI that is meant.
NTSTATUS CheckControl(const Socket* socket, SIZE_T size, const WSK_EVENT_CALLBACK_CONTROL* control,
                      const EventRules** rules) {
  if (size < sizeof *control || control == nullptr || control->NpiId == nullptr)
    return STATUS_INVALID_PARAMETER;
  bool standard = SameId(control->NpiId, &NPI_WSK_INTERFACE_ID);
  if (!standard && !SameId(control->NpiId, &NPI_WSKEMU_PING_ID)) return STATUS_INVALID_PARAMETER;
  if (!standard && !socket->ping.registered) return UnregisteredStatus();
  if (standard && socket->category == WSK_FLAG_BASIC_SOCKET) return BasicSocketStatus();
  *rules = standard ? socket->rules : &kPingRules;
  ULONG events = control->EventMask & ~WSK_EVENT_DISABLE;
  if (events == 0 || (events & ~KnownEvents(*rules)) != 0) return STATUS_INVALID_PARAMETER;
  if (socket->broken) return STATUS_FILE_FORCED_CLOSED;
  if (socket->rules->ready(socket)) return STATUS_SUCCESS;
  if (!standard && WspChoose(emulator::kChoiceExtensionEarly, 2) == 1) return STATUS_SUCCESS;
  return WspChoose(emulator::kChoiceNotConnected, 2) == 0 ? STATUS_INVALID_DEVICE_STATE
                                                          : STATUS_INVALID_DEVICE_REQUEST;
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
  socket->concurrent_events = static_cast<BOOLEAN>(WspChoose(emulator::kChoiceConcurrentEvents, 2));
  for (UCHAR index = 0; index < kEventCount; ++index) {
    Event& event = socket->events[index];
    event.socket = socket;
    event.fixed = event.enabled = (socket->client->static_events & rules->bits[index]) != 0;
    InitializeListHead(&event.waiters);
    ExInitializeWorkItem(&event.work, EventWork, &event);
  }
}

void SetEventRules(Socket* socket, const EventRules* rules) {
  socket->rules = rules;
  for (UCHAR index = 0; index <= kBacklogEvent; ++index) {
    Event& event = socket->events[index];
    event.fixed = event.enabled = (socket->client->static_events & rules->bits[index]) != 0;
  }
}

void HoldEvents(Socket* socket) {
  for (UCHAR index = 0; index <= kBacklogEvent; ++index) socket->events[index].held = TRUE;
}

void StartEvents(Socket* socket) {
  {
    SocketLock lock(socket);
    for (Event& event : socket->events) event.held = FALSE;
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

NTSTATUS ControlEvents(Call* call, SIZE_T size, const VOID* input, PIRP irp) {
  Socket* socket = call->socket();
  auto* control = static_cast<const WSK_EVENT_CALLBACK_CONTROL*>(input);
  NTSTATUS status;
  const EventRules* rules = socket->rules;
  bool enabling = false;
  {
    SocketLock lock(socket);
    status = CheckControl(socket, size, control, &rules);
    if (NT_SUCCESS(status)) {
      ULONG events = control->EventMask & ~WSK_EVENT_DISABLE;
      enabling = events == control->EventMask;
      if (enabling && irp != nullptr && WspChoose(emulator::kChoiceEnableWithIrp, 2) == 1) {
        status = STATUS_INVALID_PARAMETER;
      } else if (enabling) {
        status = Enable(socket, rules, events);
      } else if ((events & (events - 1)) == 0 && (events & rules->inheritable) != 0) {
        constexpr NTSTATUS kAnswers[] = {STATUS_INVALID_PARAMETER, STATUS_INVALID_DEVICE_REQUEST,
                                         STATUS_NOT_SUPPORTED};
        status = kAnswers[WspChoose(emulator::kChoiceDisableInherited, 3)];
      } else if (EventOfBit(rules, events) == kEventCount) {
        status = WspChoose(emulator::kChoiceDisableSeveral, 2) == 0 ? STATUS_INVALID_PARAMETER
                                                                    : STATUS_NOT_SUPPORTED;
      } else {
        status = Disable(socket, EventOfBit(rules, events), irp);
      }
    }
  }
  call->Leave();
  if (status == STATUS_PENDING) return status;
  if (status == STATUS_CANCELLED) {
    AnswerNow(socket, irp, status, 0);
    return STATUS_PENDING;
  }
  // That a socket is no longer functional is returned, whatever becomes of other failures.
  bool later = NT_ERROR(status) && status != STATUS_FILE_FORCED_CLOSED;
  status = later ? Answer(socket, irp, status, 0) : AnswerNow(socket, irp, status, 0);
  // Datagrams that were meant for the event may now be for a receive.
  bool datagrams = socket->category == WSK_FLAG_DATAGRAM_SOCKET;
  if (enabling || datagrams) Advance(socket, Place::kClientCall);
  return status;
}

}  // namespace wskcert::provider
