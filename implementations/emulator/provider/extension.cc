// The extension interface of wsk_emulator_extension.h: registering for it on a socket of any category
// (registering-an-extension-interface.md), asking for a ping, telling of it.
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {
namespace {

// A ping is told on a worker, if the event is enabled when that worker comes to it; so the worker is needed
// even if the event is disabled now.
NTSTATUS WSKAPI Ping(PVOID context, ULONG value) {
  Call call(static_cast<PWSK_SOCKET>(context), "wsk_emulator_extension.h");
  Socket* socket = call.socket();
  PingPart& ping = socket->ping;
  Event& event = socket->events[kPingEvent];
  bool queue = false;
  {
    SocketLock lock(socket);
    if (socket->broken) return STATUS_FILE_FORCED_CLOSED;
    if (ping.count == kPings) return STATUS_INSUFFICIENT_RESOURCES;
    ping.values[(ping.first + ping.count) % kPings] = value;
    ++ping.count;
    queue = !event.queued;
    if (queue) {
      event.queued = TRUE;
      Reference(socket);
    }
  }
  if (queue) ExQueueWorkItem(&event.work, DelayedWorkQueue);
  return STATUS_SUCCESS;
}

const WSKEMU_PROVIDER_PING_DISPATCH kPingDispatch = {Ping};

// ---- The event

// Where standard events need a connection or an address, so does this one; a basic socket has neither.
bool Always(const Socket*) { return true; }
bool HasFunction(const Socket* socket, UCHAR) {
  return socket->ping.dispatch != nullptr && socket->ping.dispatch->PingEvent != nullptr;
}
bool Wanted(const Socket* socket, UCHAR) { return socket->ping.count != 0 && !socket->broken; }

void Prepare(Socket* socket, UCHAR, Delivery* delivery) {
  PingPart& ping = socket->ping;
  delivery->ping = ping.values[ping.first];
  ping.first = (ping.first + 1) % kPings;
  --ping.count;
}

NTSTATUS CallClient(Socket* socket, UCHAR, Delivery* delivery) {
  return socket->ping.dispatch->PingEvent(socket->ping.context, delivery->ping);
}

// The client's answer changes nothing.
void Finish(Socket*, UCHAR, Delivery*, NTSTATUS) {}

bool Never(const Socket*, UCHAR) { return false; }

NTSTATUS Refusal(emulator::ProviderChoice choice) {
  constexpr NTSTATUS kAnswers[] = {STATUS_INVALID_PARAMETER, STATUS_NOT_SUPPORTED,
                                   STATUS_INVALID_DEVICE_REQUEST};
  return kAnswers[WspChoose(choice, 3)];
}

// With the lock.
NTSTATUS Register(Socket* socket, const WSK_EXTENSION_CONTROL_IN* in, WSK_EXTENSION_CONTROL_OUT* out) {
  PingPart& ping = socket->ping;
  if (socket->broken) return STATUS_FILE_FORCED_CLOSED;
  if (RtlCompareMemory(in->NpiId, &NPI_WSKEMU_PING_ID, sizeof(NPIID)) != sizeof(NPIID)) {
    return STATUS_NOT_SUPPORTED;
  }
  if (ping.registered && WspChoose(emulator::kChoiceRegisterTwice, 2) == 0)
    return STATUS_INVALID_DEVICE_STATE;
  ping.registered = TRUE;
  ping.context = in->ClientContext;
  ping.dispatch = static_cast<const WSKEMU_CLIENT_PING_DISPATCH*>(in->ClientDispatch);
  out->ProviderContext = socket;
  out->ProviderDispatch = &kPingDispatch;
  return STATUS_SUCCESS;
}

}  // namespace

const EventRules kPingRules = {
    {0, 0, 0, 0, WSKEMU_EVENT_PING}, 0, Always, HasFunction, Wanted, Prepare, CallClient, Finish};

// A basic socket has no events of its own.
const EventRules kBasicRules = {{0, 0, 0, 0, 0}, 0, Always, Never, Never, nullptr, nullptr, nullptr};

void DropPings(Socket* socket) { socket->ping.count = 0; }

NTSTATUS UnregisteredStatus() { return Refusal(emulator::kChoiceUnregisteredExtension); }

NTSTATUS BasicSocketStatus() { return Refusal(emulator::kChoiceBasicSocketEvents); }

NTSTATUS RegisterExtension(Call* call, SIZE_T input_size, const VOID* input, SIZE_T output_size, PVOID output,
                           PIRP irp) {
  Socket* socket = call->socket();
  auto* in = static_cast<const WSK_EXTENSION_CONTROL_IN*>(input);
  auto* out = static_cast<WSK_EXTENSION_CONTROL_OUT*>(output);
  NTSTATUS status = STATUS_INVALID_PARAMETER;
  bool valid = in != nullptr && input_size >= sizeof *in && in->NpiId != nullptr && out != nullptr &&
               output_size >= sizeof *out;
  if (irp != nullptr && WspChoose(emulator::kChoiceRegisterWithIrp, 2) == 1) valid = false;
  if (valid) {
    SocketLock lock(socket);
    status = Register(socket, in, out);
  }
  call->Leave();
  return AnswerNow(socket, irp, status, NT_SUCCESS(status) ? sizeof *out : 0);
}

}  // namespace wskcert::provider
