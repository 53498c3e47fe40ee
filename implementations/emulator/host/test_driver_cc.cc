// A driver in C++: classes around IRPs and locks, one-time initialisation, a client that connects and is
// served by callbacks that it enables with the socket option.
#include <initguid.h>
#include <ntddk.h>
#include <ntstrsafe.h>
#include <wsk.h>

DEFINE_GUID(StyleInterface, 0x12345678, 0x1234, 0x5678, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0);

extern "C" {
DRIVER_INITIALIZE StyleEntryCpp;
// Of the test: whom to connect to; and what it looks at.
void StyleRemoteAddress(void* address);
ULONGLONG StyleBytesSeen();
}

namespace {

constexpr ULONG kTag = '++C ';

class SyncIrp {
 public:
  SyncIrp() : irp_(IoAllocateIrp(1, FALSE)) { KeInitializeEvent(&event_, SynchronizationEvent, FALSE); }
  ~SyncIrp() {
    if (irp_ != nullptr) IoFreeIrp(irp_);
  }
  SyncIrp(const SyncIrp&) = delete;
  explicit operator bool() const { return irp_ != nullptr; }
  PIRP Prepare() {
    IoReuseIrp(irp_, STATUS_SUCCESS);
    IoSetCompletionRoutine(irp_, Done, this, true, true, true);
    return irp_;
  }
  NTSTATUS Wait(NTSTATUS status) {
    PAGED_CODE();
    if (status == STATUS_PENDING)
      NT_VERIFY(NT_SUCCESS(KeWaitForSingleObject(&event_, Executive, KernelMode, false, nullptr)));
    return irp_->IoStatus.Status;
  }
  ULONG_PTR Information() const { return irp_->IoStatus.Information; }

 private:
  _Function_class_(IO_COMPLETION_ROUTINE) _IRQL_requires_max_(DISPATCH_LEVEL) static NTSTATUS
      Done(_In_ DEVICE_OBJECT*, _In_ IRP* irp, _In_reads_opt_(_Inexpressible_("varies")) void* context) {
    if (irp->PendingReturned) KeSetEvent(&static_cast<SyncIrp*>(context)->event_, IO_NO_INCREMENT, false);
    return StopCompletion;
  }

  PIRP irp_;
  KEVENT event_;
};

class Guard {
 public:
  explicit Guard(_Inout_ KSPIN_LOCK* lock) { KeAcquireInStackQueuedSpinLock(lock, &handle_); }
  ~Guard() { KeReleaseInStackQueuedSpinLock(&handle_); }
  Guard(const Guard&) = delete;

 private:
  KLOCK_QUEUE_HANDLE handle_;
};

WSK_REGISTRATION registration;
KSPIN_LOCK lock;
SIZE_T bytes_seen;
PWSK_SOCKET connection;

ULONG NTAPI Capture(_Inout_ PRTL_RUN_ONCE, _Inout_opt_ PVOID parameter, _Outptr_opt_ PVOID* context) {
  auto* npi = static_cast<WSK_PROVIDER_NPI*>(parameter);
  if (context != nullptr) *context = nullptr;
  return NT_SUCCESS(WskCaptureProviderNPI(&registration, WSK_INFINITE_WAIT, npi));
}

const WSK_PROVIDER_NPI& Provider() {
  static RTL_RUN_ONCE once = RTL_RUN_ONCE_INIT;
  static WSK_PROVIDER_NPI npi;
  RtlRunOnceExecuteOnce(&once, Capture, &npi, nullptr);
  return npi;
}

NTSTATUS WSKAPI OnReceive(_In_opt_ PVOID, _In_ ULONG, _In_opt_ WSK_DATA_INDICATION* list, _In_ SIZE_T bytes,
                          _Inout_ SIZE_T*) {
  if (list == nullptr) return STATUS_SUCCESS;
  Guard guard(&lock);
  bytes_seen += bytes;
  return STATUS_SUCCESS;
}

NTSTATUS WSKAPI OnDisconnect(_In_opt_ PVOID, _In_ ULONG) { return STATUS_SUCCESS; }

const WSK_CLIENT_DISPATCH client_dispatch{MAKE_WSK_VERSION(1, 0)};
const WSK_CLIENT_CONNECTION_DISPATCH connection_dispatch{OnReceive, OnDisconnect, nullptr};

const WSK_PROVIDER_CONNECTION_DISPATCH& Functions(_In_ PWSK_SOCKET socket) {
  return *static_cast<const WSK_PROVIDER_CONNECTION_DISPATCH*>(socket->Dispatch);
}

NTSTATUS Connect() {
  SyncIrp irp;
  if (!irp) return STATUS_INSUFFICIENT_RESOURCES;
  SOCKADDR_IN local{.sin_family = AF_INET}, remote{};
  StyleRemoteAddress(&remote);
  const auto& npi = Provider();
  NTSTATUS status = irp.Wait(npi.Dispatch->WskSocketConnect(
      npi.Client, SOCK_STREAM, IPPROTO_TCP, reinterpret_cast<PSOCKADDR>(&local),
      reinterpret_cast<PSOCKADDR>(&remote), 0, nullptr, &connection_dispatch, nullptr, nullptr, nullptr,
      irp.Prepare()));
  if (!NT_SUCCESS(status)) return status;
  connection = reinterpret_cast<PWSK_SOCKET>(irp.Information());
  WSK_EVENT_CALLBACK_CONTROL events{&NPI_WSK_INTERFACE_ID, WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT};
  return Functions(connection)
      .Basic.WskControlSocket(connection, WskSetOption, SO_WSK_EVENT_CALLBACK, SOL_SOCKET, sizeof(events),
                              &events, 0, nullptr, nullptr, nullptr);
}

void Close() {
  SyncIrp irp;
  // Without memory for an IRP it cannot close, and so must not unload either: the host would say so.
  if (connection != nullptr && irp)
    irp.Wait(Functions(connection).Basic.WskCloseSocket(connection, irp.Prepare()));
  connection = nullptr;
}

void Unload(DRIVER_OBJECT*) {
  PAGED_CODE();
  Close();
  WskReleaseProviderNPI(&registration);
  WskDeregister(&registration);
}

}  // namespace

ULONGLONG StyleBytesSeen() { return bytes_seen; }

NTSTATUS StyleEntryCpp(_In_ DRIVER_OBJECT* driver, _In_ UNICODE_STRING*) {
  bytes_seen = 0;
  KeInitializeSpinLock(&lock);
  WSK_CLIENT_NPI client{nullptr, &client_dispatch};
  if (auto status = WskRegister(&client, &registration)) return status;
  auto* block = static_cast<UCHAR*>(ExAllocatePool2(POOL_FLAG_NON_PAGED, 32, kTag));
  const NTSTATUS status = block != nullptr ? Connect() : STATUS_INSUFFICIENT_RESOURCES;
  if (block != nullptr) ExFreePoolWithTag(block, kTag);
  driver->DriverUnload = Unload;
  if (!NT_SUCCESS(status)) Unload(driver);
  return status;
}
