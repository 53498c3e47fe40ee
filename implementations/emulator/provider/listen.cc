// Listening sockets, stream sockets in that role, and the connections that come in, until the client has them
// (listening-for-and-accepting-incoming-connections.md).
//
// A connection has its socket from the first. The listening socket keeps it in a list and owns the client's
// part of it; it leaves the list when it is handed to the client, or given up.
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {
namespace {

constexpr ULONG kListenEvents = kConnectionEvents | WSK_EVENT_ACCEPT;

bool Never(const Socket*) { return false; }
bool NoFunction(const Socket*, UCHAR) { return false; }

// The listening socket of a request, referenced; null if it is none.
Socket* ListenerOf(Socket* request) {
  SocketLock lock(request);
  Socket* listener = request->request.listener;
  if (listener != nullptr) Reference(listener);
  return listener;
}

bool HasInspectFunction(const Socket* listener) {
  const WSK_CLIENT_LISTEN_DISPATCH* functions = listener->listen.dispatch;
  return functions != nullptr && functions->WskInspectEvent != nullptr;
}

// With the lock: whether one more connection can come in.
bool HasRoom(const Socket* listener) {
  if (listener->state != SocketState::kOpen || listener->broken) return false;
  if (listener->listen.inspects && !HasInspectFunction(listener)) return false;
  return listener->listen.request_count < listener->listen.room;
}

}  // namespace

// Nothing happens to such a socket, and nothing can be enabled on it.
const EventRules kStreamRules = {{}, kListenEvents, Never, NoFunction, NoFunction, nullptr, nullptr, nullptr};

const WSK_PROVIDER_LISTEN_DISPATCH kListenDispatch = {
    {WspControlSocket, WspCloseSocket}, WspBind, WspAccept, WspInspectComplete, WspGetLocalAddress};

const WSK_PROVIDER_STREAM_DISPATCH kStreamDispatch = {{WspControlSocket, WspCloseSocket},
                                                      WspBind,
                                                      WspAccept,
                                                      WspConnect,
                                                      WspListen,
                                                      WspSend,
                                                      WspReceive,
                                                      WspDisconnect,
                                                      WspRelease,
                                                      WspGetLocalAddress,
                                                      WspGetRemoteAddress,
                                                      WspConnectEx,
                                                      WspSendEx,
                                                      WspReceiveEx};

NTSTATUS StartListening(Socket* socket) {
  NTSTATUS status = WspTransport()->Listen(socket->endpoint, socket->listen.dual);
  if (!NT_SUCCESS(status)) return status;
  SocketLock lock(socket);
  socket->overlapping = static_cast<BOOLEAN>(WspChoose(emulator::kChoiceOverlappingCalls, 2));
  socket->listen.listening = TRUE;
  socket->listen.room = WspChoose(emulator::kChoiceListenBacklog, 2) == 0 ? kBacklog : 1;
  socket->listen.inspects = socket->listen.conditional;
  if (socket->listen.conditional && !HasInspectFunction(socket) &&
      WspChoose(emulator::kChoiceConditionalWithoutInspect, 2) == 1) {
    socket->listen.inspects = FALSE;
  }
  if (socket->listen.conditional) {
    socket->events[kInspectEvent].enabled = socket->events[kAbortEvent].enabled = TRUE;
  }
  EnableEarlyEvents(socket);
  return STATUS_SUCCESS;
}

NTSTATUS WSKAPI WspListen(PWSK_SOCKET wsk, PIRP irp) {
  Call call(wsk, "nc-wsk-pfn_wsk_listen.md");
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  Socket* socket = call.socket();
  TakeIrp(irp, socket, RequestKind::kBind);
  NTSTATUS status = STATUS_SUCCESS;
  {
    SocketLock lock(socket);
    const ListenPart& listen = socket->listen;
    if (socket->broken) {
      status = STATUS_FILE_FORCED_CLOSED;
    } else if (!socket->bound || socket->connecting || socket->connected || listen.listening ||
               listen.committed) {
      status = STATUS_INVALID_DEVICE_STATE;
    } else {
      SetEventRules(socket, &kListenRules);
      HoldEvents(socket);
    }
  }
  if (NT_SUCCESS(status)) status = StartListening(socket);
  call.Leave();
  return Answer(socket, irp, status, 0);
}

// ---- Requests

Socket* FindRequest(const Socket* listener, RequestState state) {
  Socket* request = listener->listen.requests;
  while (request != nullptr && request->request.state != state) request = request->request.next;
  return request;
}

void DetachRequest(Socket* listener, Socket* request) {
  ListenPart& listen = listener->listen;
  Socket** link = &listen.requests;
  while (*link != request) link = &(*link)->request.next;
  *link = request->request.next;
  if (*link == nullptr) listen.requests_end = link;
  --listen.request_count;
  request->request.state = RequestState::kNone;
  {
    SocketLock lock(request);
    request->request.listener = nullptr;
  }
  Release(listener);
}

void AdmitRequest(Socket* request) {
  {
    SocketLock lock(request);
    if (request->state != SocketState::kOpen) return;
    request->request.admitting = TRUE;
  }
  WspTransport()->Admit(request->endpoint);
  bool close;
  {
    SocketLock lock(request);
    request->request.admitting = FALSE;
    close = request->request.close_due;
  }
  if (!close) return;
  WspTransport()->Close(request->endpoint);
  Release(request);
}

bool LoseRequest(Socket* listener, Socket* request) {
  RequestPart& part = request->request;
  if (part.state == RequestState::kInspecting) {
    part.lost = TRUE;
    return false;
  }
  bool told = part.inspected && part.state != RequestState::kInspectDue;
  if (told) {
    ListenPart& listen = listener->listen;
    listen.aborted[listen.aborts++ % kRememberedAborts] = part.id;
    const WSK_CLIENT_LISTEN_DISPATCH* functions = listen.dispatch;
    if (functions != nullptr && functions->WskAbortEvent != nullptr) {
      part.state = RequestState::kAbortDue;
      return false;
    }
  }
  DetachRequest(listener, request);
  return true;
}

void DropRequests(Socket* listener, bool tell) {
  SocketLock lock(listener);
  Socket* request = listener->listen.requests;
  while (request != nullptr) {
    bool close = true;
    bool established = request->request.state == RequestState::kWaiting;
    bool known = request->request.state == RequestState::kAbortDue;
    if (tell && known) {
      close = false;
    } else if (tell && !established) {
      close = LoseRequest(listener, request);
    } else {
      DetachRequest(listener, request);
    }
    if (!close) {
      request = request->request.next;
      continue;
    }
    lock.Leave();
    CloseSocket(request);
    lock.Take();
    // From the beginning: the list may have changed. Those that are kept are passed again.
    request = listener->listen.requests;
  }
}

// ---- What the transport tells

void* OnIncoming(void* context, transport::Endpoint* connection) {
  auto* listener = static_cast<Socket*>(context);
  {
    SocketLock lock(listener);
    if (!HasRoom(listener)) return nullptr;
  }
  Socket* request = MakeRequest(listener, connection);
  if (request == nullptr) return nullptr;
  bool admit;
  {
    SocketLock lock(listener);
    if (!HasRoom(listener)) {
      lock.Leave();
      UnmakeRequest(request);
      return nullptr;
    }
    Reference(listener);
    ListenPart& listen = listener->listen;
    RequestPart& part = request->request;
    admit = !listen.inspects;
    part.state = admit ? RequestState::kAdmitted : RequestState::kInspectDue;
    if (!admit) {
      part.id.SerialNumber = ++listen.serial;
      bool same_keys = WspChoose(emulator::kChoiceInspectId, 2) == 1;
      part.id.Key = same_keys ? 0 : static_cast<ULONG_PTR>(request - provider.sockets) + 1;
    }
    part.listener = listener;
    *listen.requests_end = request;
    listen.requests_end = &part.next;
    ++listen.request_count;
  }
  if (admit) {
    WspTransport()->Admit(connection);
  } else {
    Advance(listener, Place::kTransport);
  }
  return request;
}

bool OnRequestConnected(Socket* request, NTSTATUS status) {
  // Asked for by nobody: of a connection that came in.
  if (request->connecting || request->category != WSK_FLAG_CONNECTION_SOCKET) return false;
  Socket* listener = ListenerOf(request);
  if (listener == nullptr) return false;
  bool close = false;
  {
    SocketLock lock(listener);
    if (request->request.listener == listener) {
      if (NT_SUCCESS(status) && request->request.state == RequestState::kAdmitted) {
        request->connected = TRUE;
        request->request.state = RequestState::kWaiting;
        listener->events[kAcceptEvent].awaits_arrival = FALSE;
      } else if (!NT_SUCCESS(status)) {
        close = LoseRequest(listener, request);
      }
    }
  }
  if (close) CloseSocket(request);
  Advance(listener, Place::kTransport);
  Release(listener);
  return true;
}

void OnRequestReset(Socket* request) {
  Socket* listener = ListenerOf(request);
  if (listener == nullptr) return;
  bool close;
  {
    SocketLock lock(listener);
    close = request->request.listener == listener && WspChoose(emulator::kChoiceResetBeforeAccept, 2) == 1;
    if (close) DetachRequest(listener, request);
  }
  if (close) CloseSocket(request);
  Release(listener);
}

void OnListenerBroken(Socket* listener) {
  {
    SocketLock lock(listener);
    ULONG how = listener->listen.conditional ? WspChoose(emulator::kChoiceBrokenListener, 3) : 1;
    if (how == 2) listener->null_due = 0;
    if (how != 1) listener->listen.inspect_null_due = NullIndications();
  }
  DropRequests(listener, WspChoose(emulator::kChoiceAbortOnBreak, 2) == 1);
}

}  // namespace wskcert::provider
