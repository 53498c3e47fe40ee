// Binding and connecting a socket, and its addresses.
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {
namespace {

// What was cancelled while the transport was being asked ends here, now that there is something to end.
void EndGivenUp(Socket* socket, bool created) {
  {
    SocketLock lock(socket);
    socket->starting_connect = FALSE;
    if (!socket->connect_given_up) return;
    socket->connect_given_up = FALSE;
  }
  if (created) {
    CloseSocket(socket);
  } else {
    WspTransport()->Disconnect(socket->endpoint, true);
  }
}

// Starts connecting on behalf of an IRP. `data` is what to send afterwards, or null. `started` tells whether
// the outcome is still to come; otherwise the IRP has been answered.
NTSTATUS StartConnect(Call* call, PIRP irp, PSOCKADDR address, const WSK_BUF* data, bool* started) {
  Socket* socket = call->socket();
  // The IRP may be somebody else's again, once the transport has been asked.
  const bool created = RequestOf(irp)->kind == RequestKind::kSocketConnect;
  NTSTATUS status = STATUS_SUCCESS;
  {
    SocketLock lock(socket);
    if (socket->broken) {
      status = STATUS_FILE_FORCED_CLOSED;
    } else if (!socket->bound || socket->connecting || socket->connected || socket->listen.listening) {
      status = STATUS_INVALID_DEVICE_STATE;
    } else if (address == nullptr || address->sa_family != socket->family) {
      status = STATUS_INVALID_PARAMETER;
    }
    if (NT_SUCCESS(status)) {
      transport::Send* span = SpanOf(irp);
      *span = transport::Send{};
      if (data != nullptr) {
        span->mdl = data->Mdl;
        span->offset = data->Offset;
        span->length = data->Length;
      }
      RtlCopyMemory(&socket->remote, address,
                    socket->family == AF_INET ? sizeof(SOCKADDR_IN) : sizeof(SOCKADDR_IN6));
      socket->connecting = TRUE;
      socket->connect = irp;
      if (socket->category == WSK_FLAG_STREAM_SOCKET) {
        socket->dispatch = socket->listen.connect_dispatch;
        SetEventRules(socket, &kConnectionRules);
        if (WspChoose(emulator::kChoiceStreamCommit, 2) == 1) socket->listen.committed = TRUE;
      }
      socket->starting_connect = TRUE;
      if (!Pend(socket, nullptr, irp)) {
        socket->starting_connect = FALSE;
        socket->connecting = FALSE;
        socket->connect = nullptr;
        status = STATUS_CANCELLED;
      }
    }
  }
  *started = NT_SUCCESS(status);
  if (*started) {
    WspTransport()->Connect(socket->endpoint, address);
    EndGivenUp(socket, created);
    return STATUS_PENDING;
  }
  call->Leave();
  if (status == STATUS_CANCELLED) {
    AnswerNow(socket, irp, status, 0);
    return STATUS_PENDING;
  }
  return Answer(socket, irp, status, 0);
}

}  // namespace

NTSTATUS WSKAPI WspBind(PWSK_SOCKET wsk, PSOCKADDR address, ULONG flags, PIRP irp) {
  Call call(wsk, "nc-wsk-pfn_wsk_bind.md");
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  Socket* socket = call.socket();
  TakeIrp(irp, socket, RequestKind::kBind);
  NTSTATUS status = STATUS_INVALID_PARAMETER;
  if (socket->broken) {
    status = STATUS_FILE_FORCED_CLOSED;
  } else if (socket->listen.datagram) {
    status = STATUS_NOT_IMPLEMENTED;
  } else if (socket->bound) {
    status = STATUS_INVALID_DEVICE_STATE;
  } else if (address != nullptr && address->sa_family == socket->family && flags == 0) {
    status = socket->category == WSK_FLAG_DATAGRAM_SOCKET
                 ? WspTransport()->datagrams->Bind(socket->datagram.endpoint, address)
                 : WspTransport()->Bind(socket->endpoint, address);
  }
  if (NT_SUCCESS(status) && socket->category == WSK_FLAG_LISTEN_SOCKET) status = StartListening(socket);
  if (NT_SUCCESS(status)) {
    SocketLock lock(socket);
    socket->bound = TRUE;
    if (socket->category == WSK_FLAG_DATAGRAM_SOCKET) EnableEarlyEvents(socket);
  }
  call.Leave();
  return Answer(socket, irp, status, 0);
}

NTSTATUS WSKAPI WspConnect(PWSK_SOCKET wsk, PSOCKADDR address, ULONG flags, PIRP irp) {
  Call call(wsk, "nc-wsk-pfn_wsk_connect.md");
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  TakeIrp(irp, call.socket(), RequestKind::kConnect);
  bool started;
  if (flags == 0) return StartConnect(&call, irp, address, nullptr, &started);
  call.Leave();
  return Answer(call.socket(), irp, STATUS_INVALID_PARAMETER, 0);
}

NTSTATUS WSKAPI WspConnectEx(PWSK_SOCKET wsk, PSOCKADDR address, PWSK_BUF buffer, ULONG flags, PIRP irp) {
  constexpr SIZE_T kMaximum = 65535;
  Call call(wsk, "nc-wsk-pfn_wsk_connect_ex.md");
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  TakeIrp(irp, call.socket(), RequestKind::kConnect);
  if (buffer != nullptr) CheckBuffer(call.socket(), buffer);
  NTSTATUS status = STATUS_SUCCESS;
  if (flags != 0) status = STATUS_INVALID_PARAMETER;
  if (buffer != nullptr && buffer->Length > kMaximum) status = STATUS_BUFFER_OVERFLOW;
  bool started;
  if (NT_SUCCESS(status)) return StartConnect(&call, irp, address, buffer, &started);
  call.Leave();
  return AnswerNow(call.socket(), irp, status, 0);
}

namespace {

NTSTATUS GetAddress(PWSK_SOCKET wsk, PSOCKADDR address, PIRP irp, bool remote) {
  Call call(wsk, remote ? "nc-wsk-pfn_wsk_get_remote_address.md" : "nc-wsk-pfn_wsk_get_local_address.md");
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  Socket* socket = call.socket();
  TakeIrp(irp, socket, RequestKind::kOther);
  NTSTATUS status = STATUS_SUCCESS;
  if (socket->broken) {
    status = STATUS_FILE_FORCED_CLOSED;
  } else if (address == nullptr) {
    status = STATUS_INVALID_PARAMETER;
  } else if (remote ? !socket->connected : !socket->bound) {
    status = STATUS_INVALID_DEVICE_STATE;
  } else {
    SOCKADDR_INET found;
    if (remote) {
      found = socket->remote;
    } else if (socket->category == WSK_FLAG_DATAGRAM_SOCKET) {
      WspTransport()->datagrams->LocalAddress(socket->datagram.endpoint, &found);
    } else {
      WspTransport()->LocalAddress(socket->endpoint, &found);
    }
    RtlCopyMemory(address, &found, socket->family == AF_INET ? sizeof(SOCKADDR_IN) : sizeof(SOCKADDR_IN6));
  }
  call.Leave();
  return Answer(socket, irp, status, 0);
}

}  // namespace

NTSTATUS WSKAPI WspGetLocalAddress(PWSK_SOCKET wsk, PSOCKADDR address, PIRP irp) {
  return GetAddress(wsk, address, irp, false);
}

NTSTATUS WSKAPI WspGetRemoteAddress(PWSK_SOCKET wsk, PSOCKADDR address, PIRP irp) {
  return GetAddress(wsk, address, irp, true);
}

NTSTATUS WSKAPI WspSocketConnect(PWSK_CLIENT handle, USHORT type, ULONG protocol, PSOCKADDR local,
                                 PSOCKADDR remote, ULONG flags, PVOID context,
                                 CONST WSK_CLIENT_CONNECTION_DISPATCH* dispatch, PEPROCESS, PETHREAD,
                                 PSECURITY_DESCRIPTOR, PIRP irp) {
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  TakeIrp(irp, nullptr, RequestKind::kSocketConnect);
  Registration* client = EnterClient(handle);
  if (client == nullptr) return AnswerNow(nullptr, irp, STATUS_INVALID_HANDLE, 0);
  NTSTATUS status = STATUS_INVALID_PARAMETER;
  Socket* socket = nullptr;
  if (local != nullptr && remote != nullptr && flags == 0 && local->sa_family == remote->sa_family) {
    status = CheckKind(local->sa_family, type, protocol, WSK_FLAG_CONNECTION_SOCKET);
    if (NT_SUCCESS(status)) {
      socket = MakeSocket(client, WSK_FLAG_CONNECTION_SOCKET, local->sa_family, context, dispatch, &status);
    }
  }
  if (socket == nullptr) {
    NTSTATUS result = AnswerNow(nullptr, irp, status, 0);
    LeaveClient(client);
    return result;
  }
  NTSTATUS result;
  bool started = false;
  status = WspTransport()->Bind(socket->endpoint, local);
  {
    Call call(&socket->wsk, "nc-wsk-pfn_wsk_socket_connect.md");
    socket->bound = NT_SUCCESS(status);
    result = socket->bound ? StartConnect(&call, irp, remote, nullptr, &started)
                           : AnswerNow(socket, irp, status, 0);
  }
  // What was not even started is undone here; what fails later, where it fails.
  if (!started) CloseSocket(socket);
  LeaveClient(client);
  return result;
}

}  // namespace wskcert::provider
