// SO_WSK_EVENT_CALLBACK: enabling and disabling event callbacks (so-wsk-event-callback.md,
// enabling-and-disabling-event-callback-functions.md). events.cc has the calls.
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {
namespace {

// A request that passed the checks that enabling and disabling have in common.
struct Control {
  const EventRules* rules;  // of the NPI that is meant
  ULONG events;
  BOOLEAN enabling;
  BOOLEAN idle;   // succeeds and does nothing
  BOOLEAN early;  // remembered until events can be enabled
};

// The answer to attempts to enable or disable a static event. Success: they have no effect.
NTSTATUS StaticEventStatus() {
  constexpr NTSTATUS kAnswers[] = {STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_PARAMETER,
                                   STATUS_NOT_SUPPORTED, STATUS_SUCCESS};
  return kAnswers[WspChoose(emulator::kChoiceStaticEvent, 4)];
}

bool SameId(const NPIID* a, const NPIID* b) { return RtlCompareMemory(a, b, sizeof *a) == sizeof *a; }

ULONG KnownEvents(const EventRules* rules) {
  ULONG known = rules->inheritable;
  for (ULONG bit : rules->bits) known |= bit;
  return known;
}

// ---- Checks. With the lock.

NTSTATUS CheckOdd(const Socket* socket, Control* control) {
  if (WspChoose(emulator::kChoiceOddRequest, 2) == 0) return STATUS_INVALID_PARAMETER;
  control->idle = TRUE;
  return socket->broken ? STATUS_FILE_FORCED_CLOSED : STATUS_SUCCESS;
}

NTSTATUS CheckReady(const Socket* socket, Control* control) {
  if (socket->broken) return STATUS_FILE_FORCED_CLOSED;
  if (socket->rules->ready(socket)) return STATUS_SUCCESS;
  if (control->rules == &kPingRules && WspChoose(emulator::kChoiceExtensionEarly, 2) == 1) {
    return STATUS_SUCCESS;
  }
  constexpr NTSTATUS kAnswers[] = {STATUS_INVALID_DEVICE_STATE, STATUS_INVALID_DEVICE_REQUEST, STATUS_SUCCESS,
                                   STATUS_SUCCESS};
  ULONG how = WspChoose(emulator::kChoiceNotConnected, 4);
  control->early = how == 2;
  control->idle = how == 3;
  return kAnswers[how];
}

NTSTATUS CheckControl(const Socket* socket, SIZE_T size, const WSK_EVENT_CALLBACK_CONTROL* input,
                      Control* control) {
  if (size < sizeof *input || input == nullptr || input->NpiId == nullptr) return STATUS_INVALID_PARAMETER;
  bool standard = SameId(input->NpiId, &NPI_WSK_INTERFACE_ID);
  control->events = input->EventMask & ~WSK_EVENT_DISABLE;
  control->enabling = control->events == input->EventMask;
  if (!standard && !SameId(input->NpiId, &NPI_WSKEMU_PING_ID)) return CheckOdd(socket, control);
  if (!standard && !socket->ping.registered) return UnregisteredStatus();
  if (standard && socket->category == WSK_FLAG_BASIC_SOCKET) return BasicSocketStatus();
  control->rules = standard ? socket->rules : &kPingRules;
  ULONG known = control->events & KnownEvents(control->rules);
  if (known == 0) return CheckOdd(socket, control);
  if (known != control->events) {
    if (!control->enabling || WspChoose(emulator::kChoicePartlyInvalid, 2) == 0) {
      return STATUS_INVALID_PARAMETER;
    }
    control->events = known;
  }
  return CheckReady(socket, control);
}

// ---- Enabling. With the lock.

// Whether events for the sockets that will be accepted can be enabled.
NTSTATUS CheckInherited(const Socket* socket, ULONG events) {
  bool fixed = (socket->client->static_events & events) != 0;
  return fixed && WspChoose(emulator::kChoiceInheritStatic, 2) == 1 ? StaticEventStatus() : STATUS_SUCCESS;
}

// `while_disabling` is what becomes of disables that wait.
NTSTATUS CheckEnable(const Socket* socket, const Control& control, ULONG* while_disabling) {
  const EventRules* rules = control.rules;
  // Whoever checks has found the rules. NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
  NTSTATUS status = CheckInherited(socket, control.events & rules->inheritable);
  if (!NT_SUCCESS(status)) return status;
  *while_disabling = 0;
  for (UCHAR index = 0; index < kEventCount; ++index) {
    const Event& event = socket->events[index];
    if (!(control.events & rules->bits[index])) continue;
    if (event.fixed) {
      status = StaticEventStatus();
      if (!NT_SUCCESS(status)) return status;
      continue;
    }
    if (!rules->has_function(socket, index) && WspChoose(emulator::kChoiceEnableWithoutFunction, 2) == 0) {
      return STATUS_INVALID_PARAMETER;
    }
    if (event.enabled && !event.disabling && WspChoose(emulator::kChoiceEnableEnabled, 2) == 1) {
      return STATUS_INVALID_PARAMETER;
    }
    if (!event.disabling) continue;
    *while_disabling = WspChoose(emulator::kChoiceEnableWhileDisabling, 4);
    if (*while_disabling == 2) return STATUS_INVALID_DEVICE_STATE;
  }
  return STATUS_SUCCESS;
}

// Whether what waits already is to wait for more to come.
bool HoldsEarlyData(const Socket* socket, const EventRules* rules, UCHAR index) {
  bool data = index == kReceiveEvent || index == kReceiveFromEvent;  // the first is kAcceptEvent, too
  if (!data || rules == &kPingRules || !rules->has_function(socket, index)) return false;
  // After the end of the connection nothing more comes.
  if (socket->broken || socket->peer_closed || socket->peer_reset || !rules->wanted(socket, index)) {
    return false;
  }
  return WspChoose(emulator::kChoiceEarlyData, 2) == 1;
}

// Gives up the disables of an event.
void CancelDisables(Socket* socket, UCHAR index) {
  Event& event = socket->events[index];
  event.disabling = event.reenable = event.keep_going = event.bounded = FALSE;
  for (PLIST_ENTRY link = socket->disables.Flink; link != &socket->disables;) {
    PIRP irp = IrpOf(link);
    link = link->Flink;
    if (!(RequestOf(irp)->events & (1u << index)) || !Unpend(irp)) continue;
    CompleteLater(socket, irp, STATUS_CANCELLED, 0);
  }
}

void EnableOne(Socket* socket, const EventRules* rules, UCHAR index, ULONG while_disabling) {
  Event& event = socket->events[index];
  // An event that a listener enabled stays held; so may one that the client enables in WskAcceptEvent.
  if (event.held && !event.enabled && WspChoose(emulator::kChoiceEnabledInAccept, 2) == 0) {
    event.held = FALSE;
  }
  if (!SeemsEnabled(socket, index)) event.awaits_arrival = HoldsEarlyData(socket, rules, index);
  event.enabled = TRUE;
  ++event.enables;
  if (!event.disabling) return;
  if (while_disabling == 3) return CancelDisables(socket, index);
  event.reenable = TRUE;
  if (while_disabling == 1) {
    event.keep_going = TRUE;
    event.bounded = FALSE;
  }
}

// Enables all events of the request, or none.
NTSTATUS Enable(Socket* socket, const Control& control) {
  ULONG while_disabling;
  if (NTSTATUS status = CheckEnable(socket, control, &while_disabling); !NT_SUCCESS(status)) return status;
  if (control.early) {
    if (control.rules == &kPingRules) {
      socket->early_ping = TRUE;
    } else {
      socket->early_events |= control.events;
    }
    return STATUS_SUCCESS;
  }
  for (UCHAR index = 0; index < kEventCount; ++index) {
    bool named = (control.events & control.rules->bits[index]) != 0;
    if (named && !socket->events[index].fixed) EnableOne(socket, control.rules, index, while_disabling);
  }
  socket->listen.inherited |= control.events & control.rules->inheritable;
  return STATUS_SUCCESS;
}

// ---- Disabling. With the lock.

// Where events for the sockets that will be accepted were named, which cannot be disabled. Success: they are
// passed over.
NTSTATUS InheritedStatus() {
  constexpr NTSTATUS kAnswers[] = {STATUS_INVALID_PARAMETER, STATUS_INVALID_DEVICE_REQUEST,
                                   STATUS_NOT_SUPPORTED, STATUS_SUCCESS};
  return kAnswers[WspChoose(emulator::kChoiceDisableInherited, 4)];
}

NTSTATUS CheckDisableOne(const Socket* socket, UCHAR index) {
  const Event& event = socket->events[index];
  if (event.fixed) return StaticEventStatus();
  // An enable since makes this a disable of its own, which no reading lets fail.
  if (event.disabling && !event.reenable && WspChoose(emulator::kChoiceDisableWhileDisabling, 2) == 1) {
    return STATUS_INVALID_DEVICE_STATE;
  }
  bool odd = event.in_progress == 0 && !SeemsEnabled(socket, index);
  return odd && WspChoose(emulator::kChoiceDisableDisabled, 2) == 1 ? STATUS_INVALID_PARAMETER
                                                                    : STATUS_SUCCESS;
}

NTSTATUS CheckDisable(const Socket* socket, const Control& control) {
  ULONG events = control.events;
  if ((events & (events - 1)) != 0) {
    ULONG how = WspChoose(emulator::kChoiceDisableSeveral, 3);
    if (how != 2) return how == 0 ? STATUS_INVALID_PARAMETER : STATUS_NOT_SUPPORTED;
  }
  // A stream socket whose use is open has not enabled anything for others.
  // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): whoever checks has found the rules
  if ((events & control.rules->inheritable) != 0 && control.rules != &kStreamRules) {
    if (NTSTATUS status = InheritedStatus(); !NT_SUCCESS(status)) return status;
  }
  if (control.rules == &kStreamRules && (socket->static_events & events) != 0) return StaticEventStatus();
  for (UCHAR index = 0; index < kEventCount; ++index) {
    if (!(events & control.rules->bits[index])) continue;
    if (NTSTATUS status = CheckDisableOne(socket, index); !NT_SUCCESS(status)) return status;
  }
  return STATUS_SUCCESS;
}

// Whether calls in progress are to be waited for.
bool DisableOne(Socket* socket, UCHAR index) {
  Event& event = socket->events[index];
  // What seems enabled is disabled for good.
  if (SeemsEnabled(socket, index)) event.inherits = FALSE;
  if (event.in_progress == 0) {
    event.enabled = FALSE;
    if (index == kPingEvent) DropPings(socket);
    return false;
  }
  ULONG going = event.disabling ? 0 : WspChoose(emulator::kChoiceCallsWhileDisabling, 3);
  bool overlapping = socket->overlapping && index != kPingEvent;
  // What waits for the calls of its time goes on doing so when it is asked for again.
  if (!event.disabling) event.bounded = going == 2;
  event.disabling = TRUE;
  event.reenable = FALSE;
  event.keep_going = going == 1 || (event.bounded && overlapping);
  event.asked = event.begun;
  event.awaited = event.in_progress;
  return true;
}

// STATUS_PENDING: the IRP waits. STATUS_CANCELLED: it was cancelled already.
NTSTATUS Disable(Socket* socket, const Control& control, PIRP irp) {
  if (NTSTATUS status = CheckDisable(socket, control); !NT_SUCCESS(status)) return status;
  if (control.early) {
    socket->early_events &= ~control.events;
    if (control.rules == &kPingRules) socket->early_ping = FALSE;
  }
  UCHAR waits = 0;
  for (UCHAR index = 0; index < kEventCount; ++index) {
    bool named = (control.events & control.rules->bits[index]) != 0;
    if (!named || socket->events[index].fixed) continue;
    if (DisableOne(socket, index)) waits |= static_cast<UCHAR>(1u << index);
  }
  if (waits == 0) return STATUS_SUCCESS;
  if (irp == nullptr) return STATUS_EVENT_PENDING;
  RequestOf(irp)->kind = RequestKind::kDisable;
  RequestOf(irp)->events = waits;
  if (WspChoose(emulator::kChoiceCancelDisable, 2) == 0) {
    return Pend(socket, &socket->disables, irp) ? STATUS_PENDING : STATUS_CANCELLED;
  }
  PendUncancellable(socket, &socket->disables, irp);
  return STATUS_PENDING;
}

// ---- The whole

// An enable's IRP, which no page foresees. STATUS_PENDING: it was left to a worker.
NTSTATUS EnableWithIrp(Socket* socket, const Control& control, PIRP irp) {
  ULONG how = WspChoose(emulator::kChoiceEnableWithIrp, 3);
  if (how == 1) return STATUS_INVALID_PARAMETER;
  NTSTATUS status = Enable(socket, control);
  if (how != 2 || !NT_SUCCESS(status)) return status;
  IoMarkIrpPending(irp);
  Reference(socket);
  CompleteLater(socket, irp, STATUS_SUCCESS, 0);
  return STATUS_PENDING;
}

}  // namespace

void EnableEarlyEvents(Socket* socket) {
  ULONG events = socket->early_events;
  for (UCHAR index = 0; index < kEventCount; ++index) {
    if (events & socket->rules->bits[index]) socket->events[index].enabled = TRUE;
  }
  socket->listen.inherited |= events & socket->rules->inheritable;
  if (socket->early_ping) socket->events[kPingEvent].enabled = TRUE;
  socket->early_events = 0;
  socket->early_ping = FALSE;
}

NTSTATUS ControlEvents(Call* call, SIZE_T size, const VOID* input, PIRP irp) {
  Socket* socket = call->socket();
  Control control = {};
  NTSTATUS status;
  {
    SocketLock lock(socket);
    status = CheckControl(socket, size, static_cast<const WSK_EVENT_CALLBACK_CONTROL*>(input), &control);
    if (NT_SUCCESS(status) && !control.idle) {
      if (!control.enabling) {
        status = Disable(socket, control, irp);
      } else {
        status = irp != nullptr ? EnableWithIrp(socket, control, irp) : Enable(socket, control);
      }
    }
  }
  call->Leave();
  if (status == STATUS_CANCELLED) {
    AnswerNow(socket, irp, status, 0);
    return STATUS_PENDING;
  }
  if (status != STATUS_PENDING) {
    // That a socket is no longer functional is returned, whatever becomes of other failures.
    bool later = NT_ERROR(status) && status != STATUS_FILE_FORCED_CLOSED;
    status = later ? Answer(socket, irp, status, 0) : AnswerNow(socket, irp, status, 0);
  } else if (!control.enabling) {
    return status;
  }
  // What was meant for the event may now be for a request that waits.
  Advance(socket, Place::kClientCall);
  return status;
}

}  // namespace wskcert::provider
