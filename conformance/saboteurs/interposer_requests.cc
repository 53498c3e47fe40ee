// Requests on their way down to the provider, and their IRPs' way back up.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

// What the interposer keeps in its stack location of an IRP.
struct Passing {
  Socket* socket;
  PWSK_BUF buffer;
  PVOID volatile phase;  // PassHeld only
  ULONG flags;
  Function function;
  UCHAR tag;
};
static_assert(sizeof(Passing) <= 4 * sizeof(PVOID));
Passing* PassingOf(PIRP irp) {
  return reinterpret_cast<Passing*>(&IoGetCurrentIrpStackLocation(irp)->Parameters.Others);
}

// Phases of PassHeld: the function runs, the IRP completed meanwhile and is held, the function has returned.
const PVOID kInside = reinterpret_cast<PVOID>(1);
const PVOID kHeld = reinterpret_cast<PVOID>(2);
const PVOID kReturned = reinterpret_cast<PVOID>(3);

// ---- The table of a wrapped socket

Socket* SocketOf(PWSK_SOCKET socket) { return CONTAINING_RECORD(socket, Socket, wsk); }

NTSTATUS Simple(Function function, PWSK_SOCKET socket, PWSK_BUF buffer, PSOCKADDR address, ULONG flags,
                PIRP irp) {
  Request request = {};
  request.socket = SocketOf(socket);
  request.function = function;
  request.buffer = buffer;
  request.address = address;
  request.flags = flags;
  request.irp = irp;
  return Run(&request);
}

bool IsWskId(const NPIID* id) {
  return id != nullptr && RtlCompareMemory(id, &NPI_WSK_INTERFACE_ID, sizeof(NPIID)) == sizeof(NPIID);
}

NTSTATUS WSKAPI OnControl(PWSK_SOCKET socket, WSK_CONTROL_SOCKET_TYPE type, ULONG code, ULONG level,
                          SIZE_T input_size, PVOID input, SIZE_T output_size, PVOID output, SIZE_T* returned,
                          PIRP irp) {
  const Control control = {type, code, level, input_size, input, output_size, output, returned};
  Request request = {};
  request.socket = SocketOf(socket);
  request.function = Function::kControl;
  request.control = &control;
  request.irp = irp;
  if (type == WskSetOption && level == SOL_SOCKET && code == SO_WSK_EVENT_CALLBACK && input != nullptr &&
      input_size >= sizeof(WSK_EVENT_CALLBACK_CONTROL)) {
    const auto* events = static_cast<const WSK_EVENT_CALLBACK_CONTROL*>(input);
    request.function = (events->EventMask & WSK_EVENT_DISABLE) != 0 ? Function::kDisable : Function::kEnable;
    // Other identifiers, and events that no connection has, make a request that no saboteur takes for its
    // own.
    const ULONG mask = events->EventMask & ~WSK_EVENT_DISABLE;
    request.mask = IsWskId(events->NpiId) && (mask & ~kAllEvents) == 0 ? mask : 0;
  }
  return Run(&request);
}

NTSTATUS WSKAPI OnClose(PWSK_SOCKET socket, PIRP irp) {
  return Simple(Function::kClose, socket, nullptr, nullptr, 0, irp);
}
NTSTATUS WSKAPI OnBind(PWSK_SOCKET socket, PSOCKADDR address, ULONG flags, PIRP irp) {
  return Simple(Function::kBind, socket, nullptr, address, flags, irp);
}
NTSTATUS WSKAPI OnConnect(PWSK_SOCKET socket, PSOCKADDR address, ULONG flags, PIRP irp) {
  return Simple(Function::kConnect, socket, nullptr, address, flags, irp);
}
NTSTATUS WSKAPI OnConnectEx(PWSK_SOCKET socket, PSOCKADDR address, PWSK_BUF buffer, ULONG flags, PIRP irp) {
  return Simple(Function::kConnectEx, socket, buffer, address, flags, irp);
}
NTSTATUS WSKAPI OnGetLocalAddress(PWSK_SOCKET socket, PSOCKADDR address, PIRP irp) {
  return Simple(Function::kGetLocalAddress, socket, nullptr, address, 0, irp);
}
NTSTATUS WSKAPI OnGetRemoteAddress(PWSK_SOCKET socket, PSOCKADDR address, PIRP irp) {
  return Simple(Function::kGetRemoteAddress, socket, nullptr, address, 0, irp);
}
NTSTATUS WSKAPI OnSend(PWSK_SOCKET socket, PWSK_BUF buffer, ULONG flags, PIRP irp) {
  return Simple(Function::kSend, socket, buffer, nullptr, flags, irp);
}
NTSTATUS WSKAPI OnReceive(PWSK_SOCKET socket, PWSK_BUF buffer, ULONG flags, PIRP irp) {
  return Simple(Function::kReceive, socket, buffer, nullptr, flags, irp);
}
NTSTATUS WSKAPI OnDisconnect(PWSK_SOCKET socket, PWSK_BUF buffer, ULONG flags, PIRP irp) {
  return Simple(Function::kDisconnect, socket, buffer, nullptr, flags, irp);
}

NTSTATUS WSKAPI OnRelease(PWSK_SOCKET wsk, PWSK_DATA_INDICATION list) {
  Socket* socket = SocketOf(wsk);
  // An indication that the interposer made up, which the provider knows nothing of.
  const NTSTATUS status = list == &socket->made ? STATUS_SUCCESS
                          : socket->table.WskRelease != nullptr
                              ? static_cast<const WSK_PROVIDER_CONNECTION_DISPATCH*>(socket->real->Dispatch)
                                    ->WskRelease(socket->real, list)
                              : STATUS_NOT_SUPPORTED;
  if (NT_SUCCESS(status) && socket->retained > 0) InterlockedDecrement(&socket->retained);
  return status;
}

NTSTATUS WSKAPI OnSendEx(PWSK_SOCKET socket, PWSK_BUF buffer, ULONG flags, ULONG length, PCMSGHDR info,
                         PIRP irp) {
  Request request = {};
  request.socket = SocketOf(socket);
  request.function = Function::kSendEx;
  request.buffer = buffer;
  request.flags = flags;
  request.control_info_length = length;
  request.control_info = info;
  request.irp = irp;
  return Run(&request);
}

NTSTATUS WSKAPI OnReceiveEx(PWSK_SOCKET socket, PWSK_BUF buffer, ULONG flags, PULONG length, PCMSGHDR info,
                            PULONG control_flags, PIRP irp) {
  Request request = {};
  request.socket = SocketOf(socket);
  request.function = Function::kReceiveEx;
  request.buffer = buffer;
  request.flags = flags;
  request.control_length = length;
  request.control_info = info;
  request.control_flags = control_flags;
  request.irp = irp;
  return Run(&request);
}

// Only functions that the provider has.
void FillTable(const WSK_PROVIDER_CONNECTION_DISPATCH& real, WSK_PROVIDER_CONNECTION_DISPATCH* ours) {
  if (real.Basic.WskControlSocket != nullptr) ours->Basic.WskControlSocket = OnControl;
  if (real.Basic.WskCloseSocket != nullptr) ours->Basic.WskCloseSocket = OnClose;
  if (real.WskBind != nullptr) ours->WskBind = OnBind;
  if (real.WskConnect != nullptr) ours->WskConnect = OnConnect;
  if (real.WskGetLocalAddress != nullptr) ours->WskGetLocalAddress = OnGetLocalAddress;
  if (real.WskGetRemoteAddress != nullptr) ours->WskGetRemoteAddress = OnGetRemoteAddress;
  if (real.WskSend != nullptr) ours->WskSend = OnSend;
  if (real.WskReceive != nullptr) ours->WskReceive = OnReceive;
  if (real.WskDisconnect != nullptr) ours->WskDisconnect = OnDisconnect;
  if (real.WskRelease != nullptr) ours->WskRelease = OnRelease;
  if (real.WskConnectEx != nullptr) ours->WskConnectEx = OnConnectEx;
  if (real.WskSendEx != nullptr) ours->WskSendEx = OnSendEx;
  if (real.WskReceiveEx != nullptr) ours->WskReceiveEx = OnReceiveEx;
}

// ---- The way back

// Puts the wrapped socket in the place of the provider's.
void Adopt(Socket* socket, PIRP irp) {
  WSK_SOCKET* real = reinterpret_cast<WSK_SOCKET*>(irp->IoStatus.Information);
  if (real == nullptr) return;
  socket->real = real;
  FillTable(*static_cast<const WSK_PROVIDER_CONNECTION_DISPATCH*>(real->Dispatch), &socket->table);
  socket->wsk.Dispatch = &socket->table;
  irp->IoStatus.Information = reinterpret_cast<ULONG_PTR>(&socket->wsk);
}

NTSTATUS OnComplete(PDEVICE_OBJECT, PIRP irp, PVOID) {
  Passing* passing = PassingOf(irp);
  if (irp->PendingReturned) IoMarkIrpPending(irp);
  const Function function = passing->function;
  if (NT_SUCCESS(irp->IoStatus.Status)) {
    if (function == Function::kSocket || function == Function::kSocketConnect) Adopt(passing->socket, irp);
    if (function == Function::kConnect || function == Function::kConnectEx ||
        function == Function::kSocketConnect) {
      InterlockedExchange(&passing->socket->connected, 1);
    }
  }
  if (function == Function::kReceive) InterlockedDecrement(&passing->socket->receives_outstanding);
  bool after_return = false;
  if (passing->phase != nullptr) {
    if (InterlockedCompareExchangePointer(&passing->phase, kHeld, kInside) == kInside) {
      return STATUS_MORE_PROCESSING_REQUIRED;
    }
    after_return = true;
  }
  if (state.saboteur->completing == nullptr) return STATUS_SUCCESS;
  Completion completion = {passing->socket, function,        passing->tag, passing->flags,
                           after_return,    passing->buffer, irp};
  return state.saboteur->completing(&completion);
}

// Prepares the provider's location below the interposer's.
void PrepareNext(PIRP irp) {
  IoCopyCurrentIrpStackLocationToNext(irp);
  IoSetCompletionRoutine(irp, OnComplete, nullptr, TRUE, TRUE, TRUE);
}

// Takes the interposer's location and prepares the provider's.
Passing* Push(Request* request, PVOID phase) {
  PIRP irp = request->irp;
  IoSetNextIrpStackLocation(irp);
  Passing* passing = PassingOf(irp);
  passing->socket = request->socket;
  passing->buffer = request->buffer;
  passing->phase = phase;
  passing->flags = request->flags;
  passing->function = request->function;
  passing->tag = request->tag;
  if (request->function == Function::kReceive) InterlockedIncrement(&request->socket->receives_outstanding);
  PrepareNext(irp);
  return passing;
}

NTSTATUS OnCompleteAlone(PDEVICE_OBJECT, PIRP irp, PVOID) {
  IoFreeIrp(irp);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

void Worker(PVOID parameter) {
  Socket* socket = static_cast<Socket*>(parameter);
  void (*routine)(Socket*) = socket->later;
  InterlockedExchange(&socket->later_queued, 0);
  routine(socket);
}

NTSTATUS ForwardCreation(const Request& r, PIRP irp) {
  const Creation& c = *r.creation;
  Socket* socket = r.socket;
  const WSK_CLIENT_CONNECTION_DISPATCH* dispatch = socket->client != nullptr ? &socket->ours : nullptr;
  const WSK_PROVIDER_DISPATCH* real = socket->owner->real.Dispatch;
  if (r.function == Function::kSocket) {
    return real->WskSocket(c.client, c.family, c.type, c.protocol, c.flags, socket, dispatch, c.process,
                           c.thread, c.security, irp);
  }
  return real->WskSocketConnect(c.client, c.type, c.protocol, c.local, c.remote, c.flags, socket, dispatch,
                                c.process, c.thread, c.security, irp);
}

void NoteEnabled(Socket* socket, ULONG mask) {
  InterlockedOr(&socket->enabled, static_cast<LONG>(mask));
  for (UCHAR i = 0; i < kEventCount; ++i) {
    if ((mask & kEventBits[i]) == 0) continue;
    socket->disables[i] = state.disables;
    if (mask == kEventBits[i]) {
      InterlockedOr(&socket->alone, static_cast<LONG>(mask));
    } else {
      InterlockedAnd(&socket->alone, ~static_cast<LONG>(kEventBits[i]));
    }
  }
}

}  // namespace

Socket* NewSocket(Client* owner, PVOID context, const WSK_CLIENT_CONNECTION_DISPATCH* client) {
  const LONG index = InterlockedIncrement(&state.sockets_used) - 1;
  if (static_cast<ULONG>(index) >= kSockets) {
    InterlockedDecrement(&state.sockets_used);
    return nullptr;
  }
  Socket* socket = &state.sockets[index];
  socket->owner = owner;
  socket->context = context;
  socket->client = client;
  KeInitializeEvent(&socket->done, NotificationEvent, FALSE);
  WrapCallbacks(socket);
  return socket;
}

NTSTATUS Run(Request* request) {
  Socket* socket = request->socket;
  const Function function = request->function;
  if (function == Function::kReceive || function == Function::kReceiveEx) {
    InterlockedIncrement(&socket->receives);
    InterlockedExchange(&socket->suspended, 0);
  }
  if (function == Function::kDisable) InterlockedIncrement(&state.disables);
  if (function == Function::kClose) InterlockedExchange(&socket->closing, 1);
  const NTSTATUS status =
      state.saboteur->request != nullptr ? state.saboteur->request(request) : Pass(request);
  if (NT_SUCCESS(status) && function == Function::kEnable) {
    NoteEnabled(socket, request->mask);
  } else if (NT_SUCCESS(status) && function == Function::kDisable) {
    InterlockedAnd(&socket->enabled, ~static_cast<LONG>(request->mask));
  }
  return status;
}

NTSTATUS Forward(const Request& r, PIRP irp) {
  if (r.creation != nullptr) return ForwardCreation(r, irp);
  WSK_SOCKET* socket = r.socket->real;
  const auto& real = *static_cast<const WSK_PROVIDER_CONNECTION_DISPATCH*>(socket->Dispatch);
  switch (r.function) {
    case Function::kBind:
      return real.WskBind(socket, r.address, r.flags, irp);
    case Function::kConnect:
      return real.WskConnect(socket, r.address, r.flags, irp);
    case Function::kConnectEx:
      return real.WskConnectEx(socket, r.address, r.buffer, r.flags, irp);
    case Function::kGetLocalAddress:
      return real.WskGetLocalAddress(socket, r.address, irp);
    case Function::kGetRemoteAddress:
      return real.WskGetRemoteAddress(socket, r.address, irp);
    case Function::kSend:
      return real.WskSend(socket, r.buffer, r.flags, irp);
    case Function::kSendEx:
      return real.WskSendEx(socket, r.buffer, r.flags, r.control_info_length, r.control_info, irp);
    case Function::kReceive:
      return real.WskReceive(socket, r.buffer, r.flags, irp);
    case Function::kReceiveEx:
      return real.WskReceiveEx(socket, r.buffer, r.flags, r.control_length, r.control_info, r.control_flags,
                               irp);
    case Function::kDisconnect:
      return real.WskDisconnect(socket, r.buffer, r.flags, irp);
    case Function::kClose:
      return real.Basic.WskCloseSocket(socket, irp);
    default: {
      const Control& c = *r.control;
      return real.Basic.WskControlSocket(socket, c.type, c.code, c.level, c.input_size, c.input,
                                         c.output_size, c.output, c.returned, irp);
    }
  }
}

NTSTATUS Pass(Request* request) {
  if (request->irp == nullptr) return Forward(*request, nullptr);
  Push(request, nullptr);
  return Forward(*request, request->irp);
}

NTSTATUS PassHeld(Request* request, bool* held) {
  Passing* passing = Push(request, kInside);
  const NTSTATUS status = Forward(*request, request->irp);
  // Until this exchange the IRP cannot have gone back to the client, so the location is still ours.
  *held = InterlockedCompareExchangePointer(&passing->phase, kReturned, kInside) == kHeld;
  return status;
}

void PassAgain(Completion* completion) {
  Request request = {};
  request.socket = completion->socket;
  request.function = completion->function;
  request.buffer = completion->buffer;
  request.flags = completion->flags;
  InterlockedIncrement(&request.socket->receives_outstanding);
  PrepareNext(completion->irp);
  Forward(request, completion->irp);
}

bool ForwardAlone(const Request& request) {
  PIRP irp = IoAllocateIrp(1, FALSE);
  if (irp == nullptr) return false;
  IoSetCompletionRoutine(irp, OnCompleteAlone, nullptr, TRUE, TRUE, TRUE);
  Forward(request, irp);
  return true;
}

NTSTATUS Answer(Request* request, NTSTATUS status, NTSTATUS irp_status) {
  PIRP irp = request->irp;
  if (irp == nullptr) return status;
  IoSetNextIrpStackLocation(irp);
  if (status == STATUS_PENDING) IoMarkIrpPending(irp);
  irp->IoStatus.Status = irp_status;
  irp->IoStatus.Information = 0;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
  return status;
}

PIRP Keep(Request* request) {
  PIRP irp = request->irp;
  IoSetNextIrpStackLocation(irp);
  IoMarkIrpPending(irp);
  return irp;
}

void CompleteKept(PVOID kept, NTSTATUS status) {
  if (kept == nullptr) return;
  PIRP irp = static_cast<PIRP>(kept);
  irp->IoStatus.Status = status;
  irp->IoStatus.Information = 0;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
}

NTSTATUS SetEvents(Socket* socket, ULONG mask) {
  WSK_EVENT_CALLBACK_CONTROL control = {const_cast<PNPIID>(&NPI_WSK_INTERFACE_ID), mask};
  return static_cast<const WSK_PROVIDER_BASIC_DISPATCH*>(socket->real->Dispatch)
      ->WskControlSocket(socket->real, WskSetOption, SO_WSK_EVENT_CALLBACK, SOL_SOCKET, sizeof(control),
                         &control, 0, nullptr, nullptr, nullptr);
}

bool Broken(Socket* socket) {
  SIZE_T backlog = 0, returned = 0;
  return static_cast<const WSK_PROVIDER_BASIC_DISPATCH*>(socket->real->Dispatch)
             ->WskControlSocket(socket->real, WskIoctl, SIO_WSK_QUERY_IDEAL_SEND_BACKLOG, 0, 0, nullptr,
                                sizeof(backlog), &backlog, &returned, nullptr) == STATUS_FILE_FORCED_CLOSED;
}

bool Later(Socket* socket, void (*routine)(Socket* socket)) {
  if (InterlockedExchange(&socket->later_queued, 1) != 0) return false;
  socket->later = routine;
  ExInitializeWorkItem(&socket->work, Worker, socket);
  ExQueueWorkItem(&socket->work, DelayedWorkQueue);
  return true;
}

}  // namespace wskcert::saboteurs
