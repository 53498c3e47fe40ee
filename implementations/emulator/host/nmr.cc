// The Network Module Registrar, as far as clients of WSK need it: the older way to register
// (using-nmr-for-wsk-registration-and-unregistration.md). The one provider here is WSK, so a client of
// another interface is registered and never attached.
//
// A client attaches as soon as the provider is there; until then a work item waits for it, by a registration
// of the NMR's own. Detaching ends in WskDeregister, on a work item, because that waits until every socket is
// closed.
#include <wdm.h>
#include <wsk.h>

#include "implementations/emulator/host/exports.h"
#include "implementations/emulator/kernel/bugcheck.h"

namespace wskcert::emulator {
namespace {

constexpr ULONG kClients = 16;

enum class State { kFree, kWaiting, kAttaching, kAttached, kUnattached, kDetaching, kDone };

struct NmrClient {
  State state;
  const NPI_CLIENT_CHARACTERISTICS* characteristics;
  PVOID context;
  PVOID binding_context;
  WSK_REGISTRATION probe;  // Waits for the provider.
  WSK_REGISTRATION registration;
  WSK_PROVIDER_CHARACTERISTICS versions;
  WORK_QUEUE_ITEM work;
  bool probing;     // `probe` is registered.
  KEVENT attached;  // The work item that attaches has ended.
  KEVENT done;      // Deregistration is complete.
};
NmrClient g_clients[kClients];

const NPI_MODULEID kWskModule = {
    sizeof(NPI_MODULEID),
    MIT_GUID,
    {{0x6A7C0E52, 0x3D1B, 0x4F7E, {0x9C, 0x55, 0x77, 0x73, 0x6B, 0x63, 0x65, 0x72}}}};
const WSK_CLIENT_DISPATCH kProbeDispatch = {MAKE_WSK_VERSION(1, 0), 0, nullptr};

HANDLE HandleOf(NmrClient* client) { return client; }

NmrClient* ClientOf(HANDLE handle, const char* function) {
  auto* client = static_cast<NmrClient*>(handle);
  if (client >= g_clients && client < g_clients + kClients && client->state != State::kFree) return client;
  BugCheckNow(kDriverVerifierDetectedViolation, reinterpret_cast<uintptr_t>(handle), 0, 0, 0,
              "%s with a handle that is none of the NMR's", function);
}

bool WantsWsk(const NmrClient* client) {
  const PNPIID wanted = client->characteristics->ClientRegistrationInstance.NpiId;
  return IsEqualGUID(*wanted, NPI_WSK_INTERFACE_ID);
}

// Offers the provider to the client, which answers by calling NmrClientAttachProvider.
void Offer(NmrClient* client) {
  const NPI_REGISTRATION_INSTANCE instance = {
      0, sizeof(NPI_REGISTRATION_INSTANCE), &NPI_WSK_INTERFACE_ID, &kWskModule, 0, &client->versions};
  client->state = State::kAttaching;
  const NTSTATUS status =
      client->characteristics->ClientAttachProvider(HandleOf(client), client->context, &instance);
  const bool attached = client->state == State::kAttached;
  if (NT_SUCCESS(status) != attached) {
    BugCheckNow(kDriverVerifierDetectedViolation, 0, 0, 0, 0,
                "ClientAttachProvider returned 0x%08X %s NmrClientAttachProvider succeeded "
                "(attaching-the-wsk-client-to-the-wsk-subsystem.md)",
                static_cast<uint32_t>(status), attached ? "although" : "without that");
  }
  if (!attached) client->state = State::kUnattached;
}

void WaitForProvider(PVOID context) {
  auto* client = static_cast<NmrClient*>(context);
  WSK_PROVIDER_NPI npi;
  if (NT_SUCCESS(Exports()->CaptureProviderNPI(&client->probe, WSK_INFINITE_WAIT, &npi))) {
    Exports()->QueryProviderCharacteristics(&client->probe, &client->versions);
    Exports()->ReleaseProviderNPI(&client->probe);
    Offer(client);
  }
  KeSetEvent(&client->attached, IO_NO_INCREMENT, FALSE);
}

// The client has detached: what remains waits for its sockets.
void FinishDetaching(PVOID context) {
  auto* client = static_cast<NmrClient*>(context);
  Exports()->ReleaseProviderNPI(&client->registration);
  Exports()->Deregister(&client->registration);
  const auto cleanup = client->characteristics->ClientCleanupBindingContext;
  if (cleanup != nullptr) cleanup(client->binding_context);
  client->state = State::kDone;
  KeSetEvent(&client->done, IO_NO_INCREMENT, FALSE);
}

void QueueFinish(NmrClient* client) {
  ExInitializeWorkItem(&client->work, &FinishDetaching, client);
  ExQueueWorkItem(&client->work, DelayedWorkQueue);
}

}  // namespace

void ResetNmr() { RtlZeroMemory(g_clients, sizeof(g_clients)); }

ULONG NmrClients() {
  ULONG count = 0;
  for (const NmrClient& client : g_clients) {
    if (client.state != State::kFree) ++count;
  }
  return count;
}

}  // namespace wskcert::emulator

using namespace wskcert::emulator;  // NOLINT(google-build-using-namespace): what follows is the kernel API
                                    // itself

extern "C" {

NTSTATUS NTAPI NmrRegisterClient(PNPI_CLIENT_CHARACTERISTICS characteristics, PVOID context, HANDLE* handle) {
  RequireIrqlAtMost(PASSIVE_LEVEL, "NmrRegisterClient");
  NmrClient* client = nullptr;
  for (NmrClient& candidate : g_clients) {
    if (client == nullptr && candidate.state == State::kFree) client = &candidate;
  }
  if (client == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  *client = NmrClient{};
  client->characteristics = characteristics;
  client->context = context;
  KeInitializeEvent(&client->attached, NotificationEvent, FALSE);
  KeInitializeEvent(&client->done, NotificationEvent, FALSE);
  client->state = State::kUnattached;
  *handle = HandleOf(client);
  if (!WantsWsk(client)) return STATUS_SUCCESS;
  WSK_CLIENT_NPI npi = {nullptr, &kProbeDispatch};
  const NTSTATUS status = Exports()->Register(&npi, &client->probe);
  if (!NT_SUCCESS(status)) {
    client->state = State::kFree;
    return status;
  }
  client->probing = true;
  if (NT_SUCCESS(Exports()->QueryProviderCharacteristics(&client->probe, &client->versions))) {
    Offer(client);
    KeSetEvent(&client->attached, IO_NO_INCREMENT, FALSE);
    return STATUS_SUCCESS;
  }
  client->state = State::kWaiting;
  ExInitializeWorkItem(&client->work, &WaitForProvider, client);
  ExQueueWorkItem(&client->work, DelayedWorkQueue);
  return STATUS_SUCCESS;
}

NTSTATUS NTAPI NmrClientAttachProvider(HANDLE binding, PVOID binding_context, CONST VOID* dispatch,
                                       PVOID* provider_context, CONST VOID** provider_dispatch) {
  NmrClient* client = ClientOf(binding, "NmrClientAttachProvider");
  if (client->state != State::kAttaching) {
    BugCheckNow(kDriverVerifierDetectedViolation, 0, 0, 0, 0,
                "NmrClientAttachProvider outside ClientAttachProvider "
                "(attaching-the-wsk-client-to-the-wsk-subsystem.md)");
  }
  WSK_CLIENT_NPI npi = {binding_context, static_cast<const WSK_CLIENT_DISPATCH*>(dispatch)};
  NTSTATUS status = Exports()->Register(&npi, &client->registration);
  if (!NT_SUCCESS(status)) return status;
  WSK_PROVIDER_NPI captured;
  status = Exports()->CaptureProviderNPI(&client->registration, WSK_NO_WAIT, &captured);
  if (!NT_SUCCESS(status)) {
    Exports()->Deregister(&client->registration);
    return status;
  }
  client->binding_context = binding_context;
  client->state = State::kAttached;
  *provider_context = captured.Client;
  *provider_dispatch = captured.Dispatch;
  return STATUS_SUCCESS;
}

NTSTATUS NTAPI NmrDeregisterClient(HANDLE handle) {
  RequireIrqlAtMost(PASSIVE_LEVEL, "NmrDeregisterClient");
  NmrClient* client = ClientOf(handle, "NmrDeregisterClient");
  if (client->state == State::kDetaching || client->state == State::kDone) {
    BugCheckNow(kDriverVerifierDetectedViolation, 0, 0, 0, 0, "NmrDeregisterClient twice");
  }
  if (client->probing) {
    // Ends the wait for a provider that has not come.
    Exports()->Deregister(&client->probe);
    KeWaitForSingleObject(&client->attached, Executive, KernelMode, FALSE, nullptr);
  }
  if (client->state != State::kAttached) {
    client->state = State::kFree;
    return STATUS_SUCCESS;
  }
  client->state = State::kDetaching;
  const NTSTATUS status = client->characteristics->ClientDetachProvider(client->binding_context);
  if (status != STATUS_PENDING) QueueFinish(client);
  return STATUS_PENDING;
}

VOID NTAPI NmrClientDetachProviderComplete(HANDLE binding) {
  NmrClient* client = ClientOf(binding, "NmrClientDetachProviderComplete");
  if (client->state != State::kDetaching) {
    BugCheckNow(kDriverVerifierDetectedViolation, 0, 0, 0, 0,
                "NmrClientDetachProviderComplete without a detachment that is pending "
                "(unregistering-and-unloading-the-wsk-client.md)");
  }
  QueueFinish(client);
}

NTSTATUS NTAPI NmrWaitForClientDeregisterComplete(HANDLE handle) {
  RequireIrqlAtMost(PASSIVE_LEVEL, "NmrWaitForClientDeregisterComplete");
  NmrClient* client = ClientOf(handle, "NmrWaitForClientDeregisterComplete");
  KeWaitForSingleObject(&client->done, Executive, KernelMode, FALSE, nullptr);
  client->state = State::kFree;
  return STATUS_SUCCESS;
}

}  // extern "C"
