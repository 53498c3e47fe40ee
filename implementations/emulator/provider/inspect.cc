// Conditional accept: the inspect and abort events, WskInspectComplete, and what belongs to them
// (so-conditional-accept.md, nc-wsk-pfn_wsk_inspect_event.md and the pages it names).
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {
namespace {

constexpr char kPage[] = "nc-wsk-pfn_wsk_inspect_event.md";

bool SameId(const WSK_INSPECT_ID* a, const WSK_INSPECT_ID* b) {
  return a->Key == b->Key && a->SerialNumber == b->SerialNumber;
}

bool WasAborted(const Socket* listener, const WSK_INSPECT_ID* id) {
  const ListenPart& listen = listener->listen;
  for (ULONG i = 0; i < kRememberedAborts && i < listen.aborts; ++i) {
    if (SameId(&listen.aborted[i], id)) return true;
  }
  return false;
}

// What becomes of a request that was decided about, once the lock is left.
enum class Then : UCHAR { kNothing, kAdmit, kClose };

// With the lock: carries a decision out for a request that is being inspected or pended.
Then Decide(Socket* listener, Socket* request, bool accept) {
  RequestPart& part = request->request;
  if (!accept) {
    DetachRequest(listener, request);
    return Then::kClose;
  }
  part.state = RequestState::kAdmitted;
  bool dropped = WspChoose(emulator::kChoiceHandshakeFails, 2) == 1;
  if (!part.lost && !dropped) return Then::kAdmit;
  return LoseRequest(listener, request) ? Then::kClose : Then::kNothing;
}

// Without the lock. The caller holds a reference of the request's.
void Do(Then then, Socket* request) {
  if (then == Then::kAdmit) AdmitRequest(request);
  if (then == Then::kClose) CloseSocket(request);
}

// With the lock: as Decide, for WskInspectComplete with WskInspectReject.
Then RejectLater(Socket* listener, Socket* request) {
  const WSK_CLIENT_LISTEN_DISPATCH* functions = listener->listen.dispatch;
  if (functions->WskAbortEvent == nullptr || WspChoose(emulator::kChoiceAbortAfterReject, 2) == 0) {
    return Decide(listener, request, false);
  }
  request->request.state = RequestState::kAbortDue;
  return Then::kNothing;
}

// With the lock. The outcome of WskInspectComplete; `*found` is then referenced, if there is something to do.
NTSTATUS CompleteInspection(Socket* listener, const WSK_INSPECT_ID* id, bool accept, Socket** found,
                            Then* then) {
  Socket* request = listener->listen.requests;
  while (request != nullptr && !(request->request.inspected && SameId(&request->request.id, id))) {
    request = request->request.next;
  }
  if (request != nullptr && request->request.state == RequestState::kInspecting) {
    if (WspChoose(emulator::kChoiceEarlyInspectComplete, 2) == 1) return STATUS_INVALID_DEVICE_STATE;
    if (request->request.decision != WskInspectMax) return STATUS_INVALID_PARAMETER;
    request->request.decision = accept ? WskInspectAccept : WskInspectReject;
    return STATUS_SUCCESS;
  }
  if (request != nullptr && request->request.state == RequestState::kPended) {
    Reference(request);
    *found = request;
    *then = accept ? Decide(listener, request, true) : RejectLater(listener, request);
    return STATUS_SUCCESS;
  }
  bool gone = WasAborted(listener, id);
  return gone && WspChoose(emulator::kChoiceInspectCompleteGone, 2) == 1 ? STATUS_SUCCESS
                                                                         : STATUS_INVALID_PARAMETER;
}

// With the lock.
NTSTATUS CheckInspectComplete(const Socket* socket, const WSK_INSPECT_ID* id, WSK_INSPECT_ACTION action) {
  if (socket->broken) return STATUS_FILE_FORCED_CLOSED;
  if (!socket->listen.listening) return STATUS_INVALID_DEVICE_STATE;
  if (!socket->listen.conditional) return STATUS_INVALID_DEVICE_REQUEST;
  bool decides = action == WskInspectAccept || action == WskInspectReject;
  return id != nullptr && decides ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

}  // namespace

// ---- The inspect event

void PrepareInspect(Socket* listener, Delivery* delivery) {
  if (listener->broken) {
    --listener->listen.inspect_null_due;
    return;
  }
  Socket* request = FindRequest(listener, RequestState::kInspectDue);
  request->request.state = RequestState::kInspecting;
  request->request.inspected = TRUE;
  Reference(request);
  delivery->request = request;
}

NTSTATUS CallInspect(Socket* listener, Delivery* delivery) {
  SOCKADDR_INET local = {};
  SOCKADDR_INET remote = {};
  WSK_INSPECT_ID id = {};
  local.si_family = remote.si_family = listener->family;
  Socket* request = delivery->request;
  if (request != nullptr) {
    local = request->request.local;
    remote = request->remote;
    id = request->request.id;
  }
  WSK_INSPECT_ACTION action = listener->listen.dispatch->WskInspectEvent(
      listener->context, reinterpret_cast<PSOCKADDR>(&local), reinterpret_cast<PSOCKADDR>(&remote),
      request != nullptr ? &id : nullptr);
  // All three are valid during the call only.
  RtlFillMemory(&local, sizeof local, 0xDD);
  RtlFillMemory(&remote, sizeof remote, 0xDD);
  RtlFillMemory(&id, sizeof id, 0xDD);
  return static_cast<NTSTATUS>(action);
}

void FinishInspect(Socket* listener, Delivery* delivery, NTSTATUS status) {
  Socket* request = delivery->request;
  // The listening socket is dead: there is no request that an action could be about.
  if (request == nullptr) return;
  if (status != WskInspectAccept && status != WskInspectReject && status != WskInspectPend) {
    WspMisuse("an inspect event callback that returned something else than an action", kPage, listener);
  }
  Then then = Then::kNothing;
  {
    SocketLock lock(listener);
    RequestPart& part = request->request;
    // Otherwise it was given up meanwhile: the listening socket was closed, or broke.
    if (part.listener == listener) {
      bool decided = status != WskInspectPend || part.decision != WskInspectMax;
      bool accept = status == WskInspectPend ? part.decision == WskInspectAccept : status == WskInspectAccept;
      part.state = RequestState::kPended;
      if (decided) {
        then = Decide(listener, request, accept);
      } else if (part.lost && LoseRequest(listener, request)) {
        then = Then::kClose;
      }
    }
  }
  Do(then, request);
  Release(request);
}

// ---- The abort event

void PrepareAbort(Socket* listener, Delivery* delivery) {
  Socket* request = FindRequest(listener, RequestState::kAbortDue);
  DetachRequest(listener, request);
  delivery->request = request;
}

NTSTATUS CallAbort(Socket* listener, Delivery* delivery) {
  WSK_INSPECT_ID id = delivery->request->request.id;
  NTSTATUS status = listener->listen.dispatch->WskAbortEvent(listener->context, &id);
  RtlFillMemory(&id, sizeof id, 0xDD);
  return status;
}

void FinishAbort(Socket* listener, Delivery* delivery, NTSTATUS status) {
  if (status != STATUS_SUCCESS) {
    WspMisuse("an abort event callback that returned something else than STATUS_SUCCESS",
              "nc-wsk-pfn_wsk_abort_event.md", listener);
  }
  CloseSocket(delivery->request);
}

// ---- Functions

NTSTATUS WSKAPI WspInspectComplete(PWSK_SOCKET wsk, PWSK_INSPECT_ID id, WSK_INSPECT_ACTION action, PIRP irp) {
  Call call(wsk, "nc-wsk-pfn_wsk_inspect_complete.md");
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  Socket* socket = call.socket();
  TakeIrp(irp, socket, RequestKind::kOther);
  Socket* request = nullptr;
  Then then = Then::kNothing;
  NTSTATUS status;
  {
    SocketLock lock(socket);
    status = CheckInspectComplete(socket, id, action);
    if (NT_SUCCESS(status)) {
      status = CompleteInspection(socket, id, action == WskInspectAccept, &request, &then);
    }
  }
  if (request != nullptr) {
    Do(then, request);
    Release(request);
  }
  call.Leave();
  status = Answer(socket, irp, status, 0);
  Advance(socket, Place::kClientCall);
  return status;
}

NTSTATUS SetConditional(Socket* socket, SIZE_T size, const VOID* input) {
  constexpr NTSTATUS kLate[] = {STATUS_INVALID_DEVICE_STATE, STATUS_INVALID_DEVICE_REQUEST,
                                STATUS_INVALID_PARAMETER};
  bool listens = socket->category == WSK_FLAG_LISTEN_SOCKET || socket->category == WSK_FLAG_STREAM_SOCKET;
  if (!listens) return STATUS_NOT_SUPPORTED;
  ULONG value;
  if (input == nullptr || size < sizeof value) return STATUS_INVALID_PARAMETER;
  RtlCopyMemory(&value, input, sizeof value);
  if (value > 1) return STATUS_INVALID_PARAMETER;
  if (value == 1 && WspChoose(emulator::kChoiceConditionalUnsupported, 2) == 1) return STATUS_NOT_SUPPORTED;
  if (socket->bound) return kLate[WspChoose(emulator::kChoiceConditionalLate, 3)];
  socket->listen.conditional = static_cast<BOOLEAN>(value);
  return STATUS_SUCCESS;
}

NTSTATUS GetConditional(Socket* socket, SIZE_T size, PVOID output, SIZE_T* returned) {
  bool listens = socket->category == WSK_FLAG_LISTEN_SOCKET || socket->category == WSK_FLAG_STREAM_SOCKET;
  if (!listens) return STATUS_NOT_SUPPORTED;
  ULONG value = socket->listen.conditional;
  if (output == nullptr || size < sizeof value) return TooSmall();
  RtlCopyMemory(output, &value, sizeof value);
  *returned = sizeof value;
  return STATUS_SUCCESS;
}

NTSTATUS QueryInspectId(Socket* socket, SIZE_T size, PVOID output, SIZE_T* returned) {
  const RequestPart& part = socket->request;
  if (!part.inspected) return STATUS_INVALID_DEVICE_REQUEST;
  if (output == nullptr || size < sizeof part.id) return TooSmall();
  RtlCopyMemory(output, &part.id, sizeof part.id);
  *returned = sizeof part.id;
  return STATUS_SUCCESS;
}

}  // namespace wskcert::provider
