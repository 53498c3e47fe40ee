// The five exports: registering, capturing, releasing, deregistering, versions
// (registering-a-winsock-kernel-application.md, unregistering-a-winsock-kernel-application.md).
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {

Provider provider;

namespace {

constexpr USHORT kVersion = MAKE_WSK_VERSION(1, 0);
constexpr ULONGLONG kRegistered = 0x52'57'53'4b;
constexpr LONGLONG kUnitsPerMillisecond = 10'000;

const WSK_PROVIDER_DISPATCH kDispatch = {
    kVersion,      0, WspSocket, WspSocketConnect, WspControlClient, WspGetAddressInfo, WspFreeAddressInfo,
    WspGetNameInfo};

class ProviderLock {
 public:
  ProviderLock() { KeAcquireSpinLock(&provider.lock, &irql_); }
  ~ProviderLock() { KeReleaseSpinLock(&provider.lock, irql_); }
  ProviderLock(const ProviderLock&) = delete;

 private:
  KIRQL irql_;
};

Registration* ClientOf(PWSK_REGISTRATION registration) {
  if (registration == nullptr || registration->ReservedRegistrationState != kRegistered) return nullptr;
  return static_cast<Registration*>(registration->ReservedRegistrationContext);
}

bool Idle(const Registration* client) {
  return client->captures == 0 && client->calls == 0 && client->sockets == 0 && client->waiting == 0;
}

// With the lock.
void Wake(Registration* client) {
  if (client->closing && Idle(client)) KeSetEvent(&client->idle, IO_NO_INCREMENT, FALSE);
}

bool InsideCallback(Registration* client) {
  for (PVOID& caller : client->callers) {
    PVOID self = PsGetCurrentThreadId();
    if (InterlockedCompareExchangePointer(&caller, self, self) == self) return true;
  }
  return false;
}

// A block that stands for another registration, which would be lost.
bool InUse(const WSK_REGISTRATION* block) {
  for (ULONG i = 0; i < provider.registrations_used; ++i) {
    if (provider.registrations[i].used && provider.registrations[i].block == block) return true;
  }
  return false;
}

// With the lock: STATUS_PENDING while it is worth waiting.
NTSTATUS TryCapture(Registration* client, PWSK_PROVIDER_NPI npi) {
  if (client->closing) return STATUS_DEVICE_NOT_READY;
  if (provider.not_ready) {
    KeClearEvent(&client->changed);
    return STATUS_PENDING;
  }
  if (client->npi.Dispatch->Version != kVersion) return STATUS_NOINTERFACE;
  ++client->captures;
  npi->Client = reinterpret_cast<PWSK_CLIENT>(client);
  npi->Dispatch = &kDispatch;
  return STATUS_SUCCESS;
}

NTSTATUS WSKAPI Register(PWSK_CLIENT_NPI npi, PWSK_REGISTRATION registration) {
  if (npi == nullptr || registration == nullptr || npi->Dispatch == nullptr) return STATUS_INVALID_PARAMETER;
  if (WspAllocationFails()) return STATUS_INSUFFICIENT_RESOURCES;
  ProviderLock lock;
  if (InUse(registration)) {
    WspMisuse("WskRegister with a WSK_REGISTRATION that is in use", "nf-wsk-wskregister.md", registration);
  }
  Registration* client = nullptr;
  for (ULONG i = 0; i < kRegistrations && client == nullptr; ++i) {
    if (provider.registrations[i].used) continue;
    client = &provider.registrations[i];
    if (i >= provider.registrations_used) provider.registrations_used = i + 1;
  }
  if (client == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  RtlZeroMemory(client, sizeof *client);
  client->used = TRUE;
  client->block = registration;
  InitializeListHead(&client->notifications);
  client->npi = *npi;
  KeInitializeEvent(&client->changed, NotificationEvent, FALSE);
  KeInitializeEvent(&client->idle, NotificationEvent, FALSE);
  registration->ReservedRegistrationState = kRegistered;
  registration->ReservedRegistrationContext = client;
  KeInitializeSpinLock(&registration->ReservedRegistrationLock);
  return STATUS_SUCCESS;
}

// Counts a capture, so that its registration stays until it has returned.
class Waiting {
 public:
  explicit Waiting(PWSK_REGISTRATION registration) {
    ProviderLock lock;
    client_ = ClientOf(registration);
    // Whoever deregisters may have found that nothing is left.
    if (client_ != nullptr && client_->closing) client_ = nullptr;
    if (client_ != nullptr) ++client_->waiting;
  }
  ~Waiting() {
    if (client_ == nullptr) return;
    ProviderLock lock;
    --client_->waiting;
    Wake(client_);
  }
  Waiting(const Waiting&) = delete;
  Registration* client() const { return client_; }

 private:
  Registration* client_;
};

NTSTATUS WSKAPI Capture(PWSK_REGISTRATION registration, ULONG timeout, PWSK_PROVIDER_NPI npi) {
  const char* page = "nf-wsk-wskcaptureprovidernpi.md";
  Waiting waiting(registration);
  Registration* client = waiting.client();
  if (client == nullptr) return STATUS_DEVICE_NOT_READY;
  if (npi == nullptr) return STATUS_INVALID_PARAMETER;
  if (timeout != WSK_NO_WAIT && KeGetCurrentIrql() > PASSIVE_LEVEL) {
    WspMisuse("WskCaptureProviderNPI that may wait, above PASSIVE_LEVEL", page, client);
  }
  LARGE_INTEGER wait;
  wait.QuadPart = -static_cast<LONGLONG>(timeout) * kUnitsPerMillisecond;
  while (true) {
    {
      ProviderLock lock;
      NTSTATUS status = TryCapture(client, npi);
      if (status != STATUS_PENDING) return status;
    }
    if (timeout == WSK_NO_WAIT) return STATUS_DEVICE_NOT_READY;
    NTSTATUS waited = KeWaitForSingleObject(&client->changed, Executive, KernelMode, FALSE,
                                            timeout == WSK_INFINITE_WAIT ? nullptr : &wait);
    if (waited == STATUS_TIMEOUT) return STATUS_DEVICE_NOT_READY;
  }
}

VOID WSKAPI ReleaseNpi(PWSK_REGISTRATION registration) {
  Registration* client = ClientOf(registration);
  if (client == nullptr || client->captures == 0) {
    WspMisuse("WskReleaseProviderNPI without a capture", "nf-wsk-wskreleaseprovidernpi.md", registration);
  }
  ProviderLock lock;
  --client->captures;
  client->since = WspNow();
  Wake(client);
}

VOID WSKAPI Deregister(PWSK_REGISTRATION registration) {
  const char* page = "nf-wsk-wskderegister.md";
  Registration* client = ClientOf(registration);
  if (client == nullptr) WspMisuse("WskDeregister of what is not registered", page, registration);
  if (KeGetCurrentIrql() > PASSIVE_LEVEL) WspMisuse("WskDeregister above PASSIVE_LEVEL", page, client);
  if (InsideCallback(client)) {
    WspMisuse("WskDeregister inside an event callback, whose return it would wait for", page, client);
  }
  bool idle;
  {
    ProviderLock lock;
    if (client->closing) WspMisuse("WskDeregister twice", page, client);
    client->closing = TRUE;
    idle = Idle(client);
    // Those that wait for the provider give up; nobody clears the event any more.
    KeSetEvent(&client->changed, IO_NO_INCREMENT, FALSE);
  }
  EndNotifications(client, STATUS_CANCELLED);
  while (!idle) {
    {
      ProviderLock lock;
      KeClearEvent(&client->idle);
      idle = Idle(client);
    }
    if (idle) break;
    KeWaitForSingleObject(&client->idle, Executive, KernelMode, FALSE, nullptr);
  }
  ProviderLock lock;
  registration->ReservedRegistrationState = 0;
  ForgetDescriptors(client);
  client->used = FALSE;
}

NTSTATUS WSKAPI Query(PWSK_REGISTRATION registration, PWSK_PROVIDER_CHARACTERISTICS characteristics) {
  {
    ProviderLock lock;
    if (ClientOf(registration) == nullptr || provider.not_ready) return STATUS_DEVICE_NOT_READY;
  }
  if (characteristics == nullptr) return STATUS_INVALID_PARAMETER;
  characteristics->HighestVersion = kVersion;
  characteristics->LowestVersion = kVersion;
  return STATUS_SUCCESS;
}

const WSK_EXPORTS kExports = {Register, Deregister, Capture, ReleaseNpi, Query};

}  // namespace

Registration* EnterClient(PWSK_CLIENT handle) {
  auto* client = reinterpret_cast<Registration*>(handle);
  auto offset = static_cast<ULONG_PTR>(reinterpret_cast<PUCHAR>(handle) -
                                       reinterpret_cast<PUCHAR>(provider.registrations));
  if (offset >= sizeof provider.registrations || offset % sizeof(Registration) != 0) return nullptr;
  ProviderLock lock;
  if (!client->used) return nullptr;
  if (client->captures == 0) {
    WspMisuse("a call through WSK_PROVIDER_DISPATCH after WskReleaseProviderNPI",
              "registering-a-winsock-kernel-application.md", client, client->since);
  }
  if (KeGetCurrentIrql() > DISPATCH_LEVEL) {
    WspMisuse("a call above DISPATCH_LEVEL", "ns-wsk-_wsk_provider_dispatch.md", client);
  }
  ++client->calls;
  return client;
}

void EnterCallback(Registration* client) {
  for (PVOID& caller : client->callers) {
    if (InterlockedCompareExchangePointer(&caller, PsGetCurrentThreadId(), nullptr) == nullptr) return;
  }
}

void LeaveCallback(Registration* client) {
  for (PVOID& caller : client->callers) {
    PVOID self = PsGetCurrentThreadId();
    if (InterlockedCompareExchangePointer(&caller, nullptr, self) == self) return;
  }
}

void LeaveClient(Registration* client) {
  ProviderLock lock;
  --client->calls;
  Wake(client);
}

void SocketGone(Registration* client) {
  ProviderLock lock;
  --client->sockets;
  Wake(client);
}

const WSK_EXPORTS* ProviderExports() { return &kExports; }

void ProviderReset() {
  RtlZeroMemory(provider.registrations, provider.registrations_used * sizeof(Registration));
  for (ULONG i = 0; i < provider.sockets_used; ++i) provider.sockets[i].state = SocketState::kFree;
  provider.registrations_used = provider.sockets_used = 0;
  provider.free_sockets = provider.free_sockets_end = nullptr;
  RtlZeroMemory(provider.descriptors, provider.descriptors_used * sizeof(CachedDescriptor));
  provider.descriptors_used = 0;
  provider.free_messages = nullptr;
  provider.messages_used = 0;
  provider.lock = 0;
  provider.not_ready = FALSE;
}

ULONGLONG ProviderDigest() {
  const ULONGLONG parts[] = {provider.registrations_used,
                             provider.sockets_used,
                             provider.descriptors_used,
                             provider.messages_used,
                             provider.free_sockets != nullptr || provider.free_sockets_end != nullptr,
                             provider.free_messages != nullptr,
                             provider.lock,
                             provider.not_ready};
  ULONGLONG digest = 0;
  for (ULONGLONG part : parts) digest = digest * 31 + part;
  return digest;
}

void ProviderSetReady(bool ready) {
  ProviderLock lock;
  provider.not_ready = !ready;
  for (ULONG i = 0; ready && i < provider.registrations_used; ++i) {
    if (provider.registrations[i].used)
      KeSetEvent(&provider.registrations[i].changed, IO_NO_INCREMENT, FALSE);
  }
}

void ProviderTransportsChanged() {
  for (ULONG i = 0; i < provider.registrations_used; ++i) {
    Registration* client = &provider.registrations[i];
    {
      ProviderLock lock;
      if (!client->used || client->closing) continue;
      ++client->calls;
    }
    EndNotifications(client, STATUS_SUCCESS);
    LeaveClient(client);
  }
}

const char* ObjectKind(const VOID* object) {
  auto* address = static_cast<const UCHAR*>(object);
  if (address >= reinterpret_cast<const UCHAR*>(provider.sockets) &&
      address < reinterpret_cast<const UCHAR*>(provider.sockets + kSockets)) {
    return "socket";
  }
  return address >= reinterpret_cast<const UCHAR*>(provider.registrations) &&
                 address < reinterpret_cast<const UCHAR*>(provider.registrations + kRegistrations)
             ? "client"
             : "unknown object";
}

LONGLONG ObjectNumber(const VOID* object) {
  auto* address = static_cast<const UCHAR*>(object);
  switch (ObjectKind(object)[0]) {
    case 's':
      return (address - reinterpret_cast<const UCHAR*>(provider.sockets)) /
             static_cast<LONGLONG>(sizeof(Socket));
    case 'c':
      return (address - reinterpret_cast<const UCHAR*>(provider.registrations)) /
             static_cast<LONGLONG>(sizeof(Registration));
    default:
      return -1;
  }
}

}  // namespace wskcert::provider
