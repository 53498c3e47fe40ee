// Saboteurs of registration, which wrap the provider's exports.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

// ---- WskDeregister that does not wait: the real one goes on behind the client's back.

VOID DeregisterThread(PVOID client) {
  PassDeregister(static_cast<Client*>(client));
  KeSetEvent(&static_cast<Client*>(client)->gone, IO_NO_INCREMENT, FALSE);
  PsTerminateSystemThread(STATUS_SUCCESS);
}

// False: there is no thread for it, and it has been waited for.
bool DoNotWait(Client* client) {
  HANDLE thread;
  if (!NT_SUCCESS(PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, nullptr, nullptr, nullptr,
                                       DeregisterThread, client))) {
    PassDeregister(client);
    return false;
  }
  ZwClose(thread);
  return true;
}

void IgnoreCaptures(Client* client) {
  if (client->captures <= 0) return PassDeregister(client);
  DoNotWait(client);
}
void IgnoreSockets(Client* client) {
  if (client->captures > 0 || OpenSockets(client) == 0) return PassDeregister(client);
  DoNotWait(client);
}
// Waits for releases, and then for no call that is still in progress.
void IgnoreCalls(Client* client) {
  if (OpenSockets(client) != 0) return PassDeregister(client);
  InterlockedExchange(&client->awaited, 1);
  if (!DoNotWait(client)) return;
  if (client->captures > 0) {
    KeWaitForSingleObject(&client->released, Executive, KernelMode, FALSE, nullptr);
  }
  if (client->calls > 0) return;
  KeWaitForSingleObject(&client->gone, Executive, KernelMode, FALSE, nullptr);
}

// ---- What WskDeregister ends

NTSTATUS KeepListChange(ClientRequest* request) {
  if (request->code != WSK_TRANSPORT_LIST_CHANGE || request->irp == nullptr) return PassClient(request);
  IoSetNextIrpStackLocation(request->irp);
  IoMarkIrpPending(request->irp);
  return STATUS_PENDING;
}

// Such a request stays pending, and WskDeregister waits for it.
NTSTATUS AwaitListChange(ClientRequest* request) {
  if (request->code == WSK_TRANSPORT_LIST_CHANGE && request->irp != nullptr) {
    InterlockedExchange(&request->client->awaited, 1);
  }
  return KeepListChange(request);
}
void WaitForListChange(Client* client) {
  PassDeregister(client);
  if (client->awaited != 0) {
    KeWaitForSingleObject(&client->never, Executive, KernelMode, FALSE, nullptr);
  }
}

void CallOnce(Socket* socket) {
  if (Has(socket, kDisconnectEvent)) CallDisconnect(socket, WSK_FLAG_ABORTIVE);
}

void CallAfterDeregister(Client* client) {
  PassDeregister(client);
  for (LONG i = 0; i < state.sockets_used; ++i) {
    Socket* socket = &state.sockets[i];
    if (socket->owner == client && socket->real != nullptr) Later(socket, CallOnce);
  }
}

NTSTATUS OtherStatusLate(Client* client, ULONG timeout, PWSK_PROVIDER_NPI npi) {
  const bool late = client->leaving != 0;
  const NTSTATUS status = PassCapture(client, timeout, npi);
  return late && status == STATUS_DEVICE_NOT_READY ? STATUS_INVALID_DEVICE_STATE : status;
}

NTSTATUS WaitOn(Client* client, ULONG timeout, PWSK_PROVIDER_NPI npi) {
  const bool before = client->leaving == 0;
  const NTSTATUS status = PassCapture(client, timeout, npi);
  if (before && client->leaving != 0 && status == STATUS_DEVICE_NOT_READY) {
    KeWaitForSingleObject(&client->never, Executive, KernelMode, FALSE, nullptr);
  }
  return status;
}

// ---- Calls that never return

void NeverDeregister(Client* client) {
  PassDeregister(client);
  KeWaitForSingleObject(&client->never, Executive, KernelMode, FALSE, nullptr);
}

NTSTATUS NeverControl(ClientRequest* request) {
  if (KeGetCurrentIrql() < DISPATCH_LEVEL) {
    KeWaitForSingleObject(&request->client->never, Executive, KernelMode, FALSE, nullptr);
  }
  return PassClient(request);
}

// ---- Capturing

NTSTATUS DoNotWaitForProvider(Client* client, ULONG, PWSK_PROVIDER_NPI npi) {
  return PassCapture(client, WSK_NO_WAIT, npi);
}

NTSTATUS OtherStatusForVersion(Client* client, ULONG timeout, PWSK_PROVIDER_NPI npi) {
  const NTSTATUS status = PassCapture(client, timeout, npi);
  return status == STATUS_NOINTERFACE ? STATUS_NOT_SUPPORTED : status;
}

NTSTATUS CallClientEvent(Client* client, ULONG timeout, PWSK_PROVIDER_NPI npi) {
  const NTSTATUS status = PassCapture(client, timeout, npi);
  const WSK_CLIENT_DISPATCH* dispatch = client->npi.Dispatch;
  if (NT_SUCCESS(status) && dispatch->WskClientEvent != nullptr) {
    dispatch->WskClientEvent(client->npi.ClientContext, 0, nullptr, 0);
  }
  return status;
}

const Saboteur kSaboteurs[] = {
    {.info = {"deregister-ignores-captures", "register.deregister.waits-for-releases",
              "WskDeregister returns although the provider NPI is still captured.", "exports", false},
     .deregister = IgnoreCaptures},
    {.info = {"deregister-ignores-sockets", "register.deregister.waits-for-sockets",
              "WskDeregister returns although a socket of the client is open.", "exports", false},
     .deregister = IgnoreSockets},
    {.info = {"deregister-ignores-calls", "register.deregister.waits-for-calls",
              "WskDeregister returns although a call of the provider's table has not returned.", "exports",
              false},
     .deregister = IgnoreCalls},
    {.info = {"deregister-leaves-list-change", "register.deregister.cancels-list-change",
              "A request to be told of changes of the transport list stays pending after WskDeregister.",
              "exports", false},
     .control_client = KeepListChange},
    {.info = {"deregister-waits-for-list-change", "register.deregister.cancels-list-change",
              "WskDeregister waits for a request to be told of changes of the transport list.", "exports",
              false},
     .control_client = AwaitListChange,
     .deregister = WaitForListChange},
    {.info = {"deregister-never-returns", "run.calls-return", "WskDeregister waits for what never happens.",
              "exports", false},
     .deregister = NeverDeregister},
    {.info = {"control-client-never-returns", "run.calls-return",
              "WskControlClient waits for what never happens.", "exports", false},
     .control_client = NeverControl},
    {.info = {"callback-after-deregister", "register.deregister.no-callback-after",
              "A callback of a closed socket is called after WskDeregister has returned.", "exports", false},
     .deregister = CallAfterDeregister},
    {.info = {"capture-after-deregister-other-status", "register.capture.after-deregister",
              "A capture after WskDeregister fails with STATUS_INVALID_DEVICE_STATE.", "exports", false},
     .capture = OtherStatusLate},
    {.info = {"capture-waits-on", "register.capture.blocked-ends",
              "A capture that waits is not ended by WskDeregister.", "exports", false},
     .capture = WaitOn},
    {.info = {"capture-does-not-wait", "register.capture.wait",
              "WskCaptureProviderNPI never waits for the provider.", "exports", false},
     .capture = DoNotWaitForProvider},
    {.info = {"unknown-version-other-status", "register.capture.unknown-version",
              "A capture with an unsupported version fails with STATUS_NOT_SUPPORTED.", "exports", false},
     .capture = OtherStatusForVersion},
    {.info = {"client-event-called", "client-event.never-called",
              "WskClientEvent is called when the provider NPI is captured.", "exports", false},
     .capture = CallClientEvent},
};

}  // namespace

const Topic kRegistrationTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
