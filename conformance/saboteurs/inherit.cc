// Saboteurs of inheritance: what is enabled on a listening socket for those that it accepts.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

bool IsListener(const Socket* socket) {
  return socket->category == WSK_FLAG_LISTEN_SOCKET ||
         (socket->category == WSK_FLAG_STREAM_SOCKET && socket->connected == 0);
}
ULONG Inherited(const Request& request) {
  return IsListener(request.socket) ? request.events & kAllEvents : 0;
}

// Accepts, and mutes events of the new socket; a request that enables one makes it heard again.
NTSTATUS AcceptMuted(AcceptCall* call, ULONG mask) {
  if (call->made != nullptr) InterlockedExchange(&call->made->mark, static_cast<LONG>(mask));
  return CallAccept(call);
}
void Unmute(const Request& request) {
  if (request.function == Function::kEnable && request.socket->by_event) {
    InterlockedAnd(&request.socket->mark, ~static_cast<LONG>(request.events));
  }
}

// ---- Lost

NTSTATUS PassUnmuting(Request* request) {
  Unmute(*request);
  return Pass(request);
}
// One request for inheritance, and nothing else that could be the reason.
NTSTATUS InheritNothing(AcceptCall* call) {
  const Socket* socket = call->socket;
  return AcceptMuted(call, socket->inherit_requests == 1 && state.disables == 0 ? socket->inherit : 0);
}

// What a listener has lost lies in its mark.
NTSTATUS LoseOnDisable(Request* request) {
  Unmute(*request);
  const NTSTATUS status = Pass(request);
  if (request->function == Function::kDisable && IsListener(request->socket)) {
    InterlockedOr(&request->socket->mark, static_cast<LONG>(Inherited(*request)));
  }
  return status;
}
NTSTATUS LoseOnAcceptDisable(Request* request) {
  Unmute(*request);
  const NTSTATUS status = Pass(request);
  if (IsDisableOf(*request, kAcceptEvent) && NT_SUCCESS(status)) {
    InterlockedExchange(&request->socket->mark, request->socket->inherit);
  }
  return status;
}
NTSTATUS ReplaceByLast(Request* request) {
  Unmute(*request);
  const NTSTATUS status = Pass(request);
  if (request->function == Function::kEnable && NT_SUCCESS(status) && Inherited(*request) != 0) {
    const ULONG before = static_cast<ULONG>(request->socket->inherit) & ~Inherited(*request);
    InterlockedExchange(&request->socket->mark, static_cast<LONG>(before));
  }
  return status;
}
NTSTATUS AcceptWithLosses(AcceptCall* call) { return AcceptMuted(call, call->socket->mark); }

// ---- Too much

ULONG FunctionsOf(const Socket* socket) {
  ULONG mask = 0;
  if (Has(socket, kReceiveEvent)) mask |= WSK_EVENT_RECEIVE;
  if (Has(socket, kDisconnectEvent)) mask |= WSK_EVENT_DISCONNECT;
  if (Has(socket, kBacklogEvent)) mask |= WSK_EVENT_SEND_BACKLOG;
  return mask;
}
void EnableMarked(Socket* made) {
  const ULONG rest = static_cast<ULONG>(made->mark);
  if (rest != 0 && (made->closing != 0 || !NT_SUCCESS(SetEvents(made, rest)))) {
    InterlockedExchange(&made->mark, 0);
  }
}
// When the accept is over, which is when the provider knows the functions.
NTSTATUS AcceptAndEnable(AcceptCall* call, bool mine) {
  const NTSTATUS status = CallAccept(call);
  // Unless the client enabled something itself, from inside.
  if (mine && status == STATUS_SUCCESS && call->made != nullptr && call->made->left == 0) {
    // What the client disables until then stays disabled.
    const ULONG rest = FunctionsOf(call->made) & ~static_cast<ULONG>(call->made->enabled);
    InterlockedExchange(&call->made->mark, static_cast<LONG>(rest));
    Later(call->made, EnableMarked);
  }
  return status;
}
NTSTATUS InheritAll(AcceptCall* call) { return AcceptAndEnable(call, call->socket->inherit != 0); }
// When something is to be inherited, earlier sockets are none of it.
void Withdraw(Socket* other, ULONG) {
  const ULONG mask = static_cast<ULONG>(InterlockedExchange(&other->mark, 0));
  for (ULONG bit : kEventBits) {
    if ((mask & bit) != 0) SetEvents(other, bit | WSK_EVENT_DISABLE);
  }
}
NTSTATUS WithdrawWhenInherited(Request* request) {
  if (request->function == Function::kEnable && Inherited(*request) != 0) {
    ForEachAccepted(request->socket, Withdraw, 0);
  }
  if (request->socket->accepting_context != nullptr) InterlockedExchange64(&request->socket->left, 1);
  return Pass(request);
}
NTSTATUS InheritThoughNone(AcceptCall* call) { return AcceptAndEnable(call, call->socket->inherit == 0); }

NTSTATUS ReachEarlierSockets(Request* request) {
  const NTSTATUS status = Pass(request);
  if (request->function == Function::kEnable && NT_SUCCESS(status) && Inherited(*request) != 0) {
    ForEachAccepted(
        request->socket,
        [](Socket* other, ULONG mask) {
          if (other->by_event) SetEvents(other, mask);
        },
        Inherited(*request));
  }
  return status;
}

// ---- The wrong socket, or none

bool Inherits(const Socket* socket, EventIndex event) {
  return socket->by_event && (static_cast<ULONG>(socket->listener->inherit) & kEventBits[event]) != 0;
}
// The listener hears it, too.
NTSTATUS ReceiveOnListener(ReceiveCall* call) {
  const Socket* socket = call->socket;
  if (Inherits(socket, kReceiveEvent) && socket->listener->closing == 0) {
    socket->client->WskReceiveEvent(socket->listener->context, call->flags, call->list, call->bytes,
                                    call->accepted);
  }
  return CallReceive(*call);
}
NTSTATUS DisconnectOnListener(Socket* socket, ULONG flags) {
  if (Inherits(socket, kDisconnectEvent) && socket->listener->closing == 0) {
    socket->client->WskDisconnectEvent(socket->listener->context, flags);
  }
  return CallDisconnect(socket, flags);
}

// The provider's own idea of the socket first.
NTSTATUS ReceiveWithForeignContext(ReceiveCall* call) {
  const Socket* socket = call->socket;
  if (Inherits(socket, kReceiveEvent)) {
    socket->client->WskReceiveEvent(call->socket, call->flags, call->list, call->bytes, call->accepted);
  }
  return CallReceive(*call);
}
NTSTATUS DisconnectWithForeignContext(Socket* socket, ULONG flags) {
  if (Inherits(socket, kDisconnectEvent)) socket->client->WskDisconnectEvent(socket, flags);
  return CallDisconnect(socket, flags);
}

// Calls an inherited function with what the client said about the socket.
void CallInherited(Socket* made, PVOID context, const WSK_CLIENT_CONNECTION_DISPATCH* dispatch) {
  if (context == nullptr || dispatch == nullptr) return;
  if (Inherits(made, kReceiveEvent) && dispatch->WskReceiveEvent != nullptr) {
    made->made = {};
    SIZE_T accepted = 0;
    dispatch->WskReceiveEvent(context, 0, &made->made, 0, &accepted);
  } else if (Inherits(made, kDisconnectEvent) && dispatch->WskDisconnectEvent != nullptr) {
    dispatch->WskDisconnectEvent(context, 0);
  }
}

// Another thread calls while the client has not returned.
void CallBeforeReturn(Socket* made) {
  if (made->accepting_context != nullptr) {
    CallInherited(made, *made->accepting_context, *made->accepting_dispatch);
  }
  KeSetEvent(&made->done, IO_NO_INCREMENT, FALSE);
}
NTSTATUS AcceptWithEarlyCall(AcceptCall* call) {
  Socket* made = call->made;
  if (made == nullptr || call->socket->inherit == 0 || KeGetCurrentIrql() != PASSIVE_LEVEL) {
    return CallAccept(call);
  }
  const bool beside = Later(made, CallBeforeReturn);
  const NTSTATUS status = CallAccept(call);
  if (beside) KeWaitForSingleObject(&made->done, Executive, KernelMode, FALSE, nullptr);
  return status;
}

NTSTATUS CallThoughRefused(AcceptCall* call) {
  const NTSTATUS status = CallAccept(call);
  if (call->made != nullptr && !NT_SUCCESS(status) && call->context != nullptr) {
    Later(call->made, [](Socket* made) { CallInherited(made, made->context, made->client); });
  }
  return status;
}

const Saboteur kSaboteurs[] = {
    {.info = {"inherit-nothing", "inherit.accept-event.enabled-automatically",
              "What is enabled on a listening socket for inheritance is not enabled on those it accepts.",
              "npi", false},
     .request = PassUnmuting,
     .receive = UnlessMutedReceive,
     .disconnect = UnlessMutedDisconnect,
     .backlog = UnlessMutedBacklog,
     .accept = InheritNothing},
    {.info = {"inherit-flag-disabled", "disable.inherited-flag.stays-enabled",
              "A request to disable on a listening socket ends the inheritance of that event.", "npi", false},
     .request = LoseOnDisable,
     .receive = UnlessMutedReceive,
     .disconnect = UnlessMutedDisconnect,
     .backlog = UnlessMutedBacklog,
     .accept = AcceptWithLosses},
    {.info = {"inherit-lost-with-accept", "inherit.survives-accept-disable",
              "Disabling WskAcceptEvent ends all inheritance.", "npi", false},
     .request = LoseOnAcceptDisable,
     .receive = UnlessMutedReceive,
     .disconnect = UnlessMutedDisconnect,
     .backlog = UnlessMutedBacklog,
     .accept = AcceptWithLosses},
    {.info = {"inherit-replaced", "inherit.adds-up",
              "What is enabled for inheritance takes the place of what was enabled before.", "npi", false},
     .request = ReplaceByLast,
     .receive = UnlessMutedReceive,
     .disconnect = UnlessMutedDisconnect,
     .backlog = UnlessMutedBacklog,
     .accept = AcceptWithLosses},
    {.info = {"inherit-all-for-one", "inherit.accept-event.only-those",
              "A socket that inherits one event has all enabled.", "npi", false},
     .request = WithdrawWhenInherited,
     .accept = InheritAll},
    {.info = {"inherit-though-none", "inherit.none.all-disabled",
              "A socket that inherits nothing has all events enabled.", "npi", false},
     .request = WithdrawWhenInherited,
     .accept = InheritThoughNone},
    {.info = {"inherit-reaches-earlier-sockets", "inherit.later-sockets.only",
              "Enabling for inheritance enables on sockets that were accepted before.", "npi", false},
     .request = ReachEarlierSockets},
    {.info = {"inherit-calls-listener", "inherit.listener.not-called-itself",
              "Inherited callbacks are called with the context of the listening socket, too.", "npi", false},
     .receive = ReceiveOnListener,
     .disconnect = DisconnectOnListener},
    {.info = {"inherit-foreign-context", "inherit.accepted.own-context",
              "Inherited callbacks get a context that WskAcceptEvent never gave.", "npi", false},
     .receive = ReceiveWithForeignContext,
     .disconnect = DisconnectWithForeignContext},
    {.info = {"inherit-called-before-return", "inherit.accepted.not-before-return",
              "An inherited callback is called while WskAcceptEvent has not returned.", "npi", false},
     .accept = AcceptWithEarlyCall},
    {.info = {"inherit-called-though-refused", "inherit.refused.not-called",
              "An inherited callback is called for a socket that WskAcceptEvent refused.", "npi", false},
     .accept = CallThoughRefused},
};

}  // namespace

const Topic kInheritTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
