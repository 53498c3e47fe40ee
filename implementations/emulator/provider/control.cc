// WskControlSocket: options and ioctls other than the event callbacks, which have events.cc.
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {
namespace {

struct Buffers {
  SIZE_T input_size;
  const VOID* input;
  SIZE_T output_size;
  PVOID output;
};

// Where an option's value is kept; null if the option is not kept.
ULONG* OptionOf(Socket* socket, ULONG level, ULONG code) {
  if (level == SOL_SOCKET && code == SO_RCVBUF) return &socket->receive_buffer_option;
  if (level == SOL_SOCKET && code == SO_KEEPALIVE) return &socket->keep_alive_option;
  if (level == IPPROTO_TCP && code == TCP_NODELAY) return &socket->no_delay_option;
  return nullptr;
}

NTSTATUS SetOption(Socket* socket, ULONG level, ULONG code, const Buffers& buffers) {
  if (ULONG* option = OptionOf(socket, level, code); option != nullptr) {
    if (buffers.input == nullptr || buffers.input_size < sizeof *option) return STATUS_INVALID_PARAMETER;
    RtlCopyMemory(option, buffers.input, sizeof *option);
    return STATUS_SUCCESS;
  }
  if (level == SOL_SOCKET && code == SO_CONDITIONAL_ACCEPT) {
    return SetConditional(socket, buffers.input_size, buffers.input);
  }
  if (level == IPPROTO_IPV6 && code == IPV6_V6ONLY) {
    if (buffers.input == nullptr || buffers.input_size < sizeof(ULONG)) return STATUS_INVALID_PARAMETER;
    ULONG only;
    RtlCopyMemory(&only, buffers.input, sizeof only);
    socket->listen.dual = only == 0;
    return STATUS_SUCCESS;
  }
  // What changes nothing in a simulated network is accepted.
  if (level == SOL_SOCKET) {
    bool known = code == SO_REUSEADDR || code == static_cast<ULONG>(SO_EXCLUSIVEADDRUSE) ||
                 code == SO_WSK_SECURITY || code == SO_SNDBUF || code == SO_REUSE_UNICASTPORT ||
                 code == SO_PORT_SCALABILITY;
    return known ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
  }
  return level == IPPROTO_TCP || level == IPPROTO_IP || level == IPPROTO_IPV6 ? STATUS_SUCCESS
                                                                              : STATUS_NOT_SUPPORTED;
}

NTSTATUS GetOption(Socket* socket, ULONG level, ULONG code, const Buffers& buffers, SIZE_T* returned) {
  if (level == SOL_SOCKET && code == SO_CONDITIONAL_ACCEPT) {
    return GetConditional(socket, buffers.output_size, buffers.output, returned);
  }
  ULONG* option = OptionOf(socket, level, code);
  if (option == nullptr) return STATUS_NOT_SUPPORTED;
  if (buffers.output == nullptr || buffers.output_size < sizeof *option) return TooSmall();
  RtlCopyMemory(buffers.output, option, sizeof *option);
  *returned = sizeof *option;
  return STATUS_SUCCESS;
}

NTSTATUS QuerySize(Socket* socket, SIZE_T value, const Buffers& buffers, SIZE_T* returned) {
  if (!socket->connected) return STATUS_INVALID_DEVICE_STATE;
  if (buffers.output == nullptr || buffers.output_size < sizeof value) return TooSmall();
  RtlCopyMemory(buffers.output, &value, sizeof value);
  *returned = sizeof value;
  return STATUS_SUCCESS;
}

// sio-wsk-set-tcp-silent-mode.md. What was received and nobody took is discarded, as what comes later is;
// receives that wait go on doing so until the close.
NTSTATUS SetSilent(Socket* socket) {
  bool connects =
      socket->category == WSK_FLAG_CONNECTION_SOCKET || socket->category == WSK_FLAG_STREAM_SOCKET;
  if (!connects || WspChoose(emulator::kChoiceSilentMode, 2) == 1) return STATUS_NOT_SUPPORTED;
  {
    SocketLock lock(socket);
    if (NTSTATUS status = ConnectionStatus(socket); !NT_SUCCESS(status)) return status;
    if (!IsListEmpty(&socket->sends) || socket->disconnect != nullptr) return STATUS_INVALID_DEVICE_STATE;
    socket->silent = TRUE;
    socket->disconnect_due = socket->backlog_due = FALSE;
  }
  DropReceived(socket);
  WspTransport()->Silence(socket->endpoint);
  return STATUS_SUCCESS;
}

NTSTATUS Ioctl(Socket* socket, ULONG code, const Buffers& buffers, SIZE_T* returned) {
  switch (code) {
    case SIO_WSK_SET_REMOTE_ADDRESS:
    case SIO_WSK_SET_SENDTO_ADDRESS:
      return SetDatagramAddress(socket, code, buffers.input_size, buffers.input);
    case SIO_WSK_QUERY_IDEAL_SEND_BACKLOG:
      if (socket->endpoint == nullptr) return STATUS_NOT_SUPPORTED;
      return QuerySize(socket, WspTransport()->IdealBacklog(socket->endpoint), buffers, returned);
    case SIO_WSK_QUERY_RECEIVE_BACKLOG:
      if (socket->endpoint == nullptr) return STATUS_NOT_SUPPORTED;
      return QuerySize(socket, socket->received_bytes, buffers, returned);
    case SIO_WSK_SET_TCP_SILENT_MODE:
      return SetSilent(socket);
    case SIO_ADDRESS_LIST_QUERY:
    case SIO_ADDRESS_LIST_CHANGE:
    case SIO_ADDRESS_LIST_SORT:
      if (KeGetCurrentIrql() > PASSIVE_LEVEL) {
        WspMisuse("an address list ioctl above PASSIVE_LEVEL", "nc-wsk-pfn_wsk_control_socket.md", socket);
      }
      return STATUS_NOT_SUPPORTED;
    default:
      return STATUS_NOT_SUPPORTED;
  }
}

}  // namespace

NTSTATUS TooSmall() {
  constexpr NTSTATUS kAnswers[] = {STATUS_INVALID_PARAMETER, STATUS_BUFFER_OVERFLOW, STATUS_BUFFER_TOO_SMALL};
  return kAnswers[WspChoose(emulator::kChoiceSmallBuffer, 3)];
}

NTSTATUS WSKAPI WspControlSocket(PWSK_SOCKET wsk, WSK_CONTROL_SOCKET_TYPE type, ULONG code, ULONG level,
                                 SIZE_T input_size, PVOID input, SIZE_T output_size, PVOID output,
                                 SIZE_T* size_returned, PIRP irp) {
  Call call(wsk, "nc-wsk-pfn_wsk_control_socket.md");
  Socket* socket = call.socket();
  if (irp != nullptr) TakeIrp(irp, socket, RequestKind::kOther);
  if (type == WskSetOption && code == SO_WSK_EVENT_CALLBACK && level == SOL_SOCKET) {
    return ControlEvents(&call, input_size, input, irp);
  }
  if (type == WskIoctl && code == SIO_WSK_REGISTER_EXTENSION) {
    return RegisterExtension(&call, input_size, input, output_size, output, irp);
  }
  Buffers buffers = {input_size, input, output_size, output};
  SIZE_T returned = 0;
  NTSTATUS status = STATUS_INVALID_PARAMETER;
  if (socket->broken) {
    status = STATUS_FILE_FORCED_CLOSED;
  } else if (type == WskIoctl && code == SIO_WSK_QUERY_INSPECT_ID) {
    status = QueryInspectId(socket, output_size, output, &returned);
  } else if (irp == nullptr) {
    // All that is left are operations whose pages ask for an IRP.
    status = STATUS_REQUEST_NOT_ACCEPTED;
  } else if (type == WskSetOption) {
    status = SetOption(socket, level, code, buffers);
  } else if (type == WskGetOption) {
    status = GetOption(socket, level, code, buffers, &returned);
  } else if (type == WskIoctl) {
    status = Ioctl(socket, code, buffers, &returned);
  }
  if (size_returned != nullptr) *size_returned = returned;
  call.Leave();
  return Answer(socket, irp, status, returned);
}

}  // namespace wskcert::provider
