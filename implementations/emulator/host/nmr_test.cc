// Registering by way of the NMR, the driver's side as the pages show it
// (attaching-the-wsk-client-to-the-wsk-subsystem.md, unregistering-and-unloading-the-wsk-client.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <wdm.h>
#include <wsk.h>

#include <string>
#include <vector>

#include "implementations/emulator/emulator.h"
#include "implementations/emulator/host/host.h"

namespace wskcert::emulator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const NPI_MODULEID kModule = {sizeof(NPI_MODULEID), MIT_GUID, {{1, 2, 3, {4, 5, 6, 7, 8, 9, 10, 11}}}};
const WSK_CLIENT_DISPATCH kVersion1 = {MAKE_WSK_VERSION(1, 0), 0, nullptr};
const WSK_CLIENT_DISPATCH kVersion9 = {MAKE_WSK_VERSION(9, 0), 0, nullptr};

// What the driver of this test keeps.
struct Binding {
  HANDLE registration, binding;
  PVOID client;
  const WSK_PROVIDER_DISPATCH* dispatch;
  std::vector<std::string> log;
  bool pend = false;
};
Binding* g_binding;

void Log(const char* text) { g_binding->log.push_back(text); }

NTSTATUS Attach(HANDLE binding, PVOID context, PNPI_REGISTRATION_INSTANCE provider) {
  EXPECT_EQ(context, g_binding);
  const auto* versions =
      static_cast<const WSK_PROVIDER_CHARACTERISTICS*>(provider->NpiSpecificCharacteristics);
  EXPECT_EQ(versions->HighestVersion, MAKE_WSK_VERSION(1, 0));
  EXPECT_TRUE(IsEqualGUID(*provider->NpiId, NPI_WSK_INTERFACE_ID));
  const VOID* dispatch = nullptr;
  EXPECT_EQ(NmrClientAttachProvider(binding, g_binding, &kVersion9, &g_binding->client, &dispatch),
            STATUS_NOINTERFACE);
  const NTSTATUS status =
      NmrClientAttachProvider(binding, g_binding, &kVersion1, &g_binding->client, &dispatch);
  if (NT_SUCCESS(status)) {
    g_binding->binding = binding;
    g_binding->dispatch = static_cast<const WSK_PROVIDER_DISPATCH*>(dispatch);
    Log("attached");
  }
  return status;
}

NTSTATUS Detach(PVOID context) {
  EXPECT_EQ(context, g_binding);
  Log("detach");
  return g_binding->pend ? STATUS_PENDING : STATUS_SUCCESS;
}

VOID Cleanup(PVOID context) {
  EXPECT_EQ(context, g_binding);
  Log("cleanup");
}

const NPI_CLIENT_CHARACTERISTICS kCharacteristics = {
    0,       sizeof(NPI_CLIENT_CHARACTERISTICS),
    Attach,  Detach,
    Cleanup, {0, sizeof(NPI_REGISTRATION_INSTANCE), &NPI_WSK_INTERFACE_ID, &kModule, 0, nullptr}};

NTSTATUS Done(PDEVICE_OBJECT, PIRP, PVOID event) {
  KeSetEvent(static_cast<PKEVENT>(event), 0, FALSE);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

// Makes and closes a socket by what the attachment gave.
void UseIt() {
  KEVENT event;
  KeInitializeEvent(&event, SynchronizationEvent, FALSE);
  PIRP irp = IoAllocateIrp(1, FALSE);
  IoSetCompletionRoutine(irp, Done, &event, TRUE, TRUE, TRUE);
  g_binding->dispatch->WskSocket(static_cast<PWSK_CLIENT>(g_binding->client), AF_INET, SOCK_STREAM,
                                 IPPROTO_TCP, WSK_FLAG_CONNECTION_SOCKET, nullptr, nullptr, nullptr, nullptr,
                                 nullptr, irp);
  KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, nullptr);
  ASSERT_EQ(irp->IoStatus.Status, STATUS_SUCCESS);
  auto* socket = reinterpret_cast<PWSK_SOCKET>(irp->IoStatus.Information);
  IoReuseIrp(irp, STATUS_UNSUCCESSFUL);
  IoSetCompletionRoutine(irp, Done, &event, TRUE, TRUE, TRUE);
  static_cast<const WSK_PROVIDER_BASIC_DISPATCH*>(socket->Dispatch)->WskCloseSocket(socket, irp);
  KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, nullptr);
  IoFreeIrp(irp);
}

NTSTATUS Entry(PDRIVER_OBJECT driver, PUNICODE_STRING) {
  driver->DriverUnload = [](PDRIVER_OBJECT) {
    NTSTATUS status = NmrDeregisterClient(g_binding->registration);
    if (g_binding->pend) {
      Log("completing");
      NmrClientDetachProviderComplete(g_binding->binding);
    }
    if (status == STATUS_PENDING) NmrWaitForClientDeregisterComplete(g_binding->registration);
    Log("unloaded");
  };
  return NmrRegisterClient(&kCharacteristics, g_binding, &g_binding->registration);
}

int32_t CallEntry(void* driver, void* path) {
  return Entry(static_cast<PDRIVER_OBJECT>(driver), static_cast<PUNICODE_STRING>(path));
}

HostReport Host(Binding* binding, const HostOptions& options, void (*script)(void*)) {
  g_binding = binding;
  HostReport report;
  HostDriver(&CallEntry, options, script, nullptr, &report);
  return report;
}

TEST(Nmr, AttachesAtOnceAndDetaches) {
  Binding binding;
  const HostReport report = Host(&binding, {}, [](void*) { UseIt(); });
  EXPECT_TRUE(Clean(report)) << report.text;
  EXPECT_THAT(binding.log, ElementsAre("attached", "detach", "cleanup", "unloaded"));
}

TEST(Nmr, ADetachmentMayPend) {
  Binding binding;
  binding.pend = true;
  const HostReport report = Host(&binding, {}, nullptr);
  EXPECT_TRUE(Clean(report)) << report.text;
  EXPECT_THAT(binding.log, ElementsAre("attached", "detach", "completing", "cleanup", "unloaded"));
}

TEST(Nmr, AttachesWhenTheSubsystemIsReady) {
  Binding binding;
  HostOptions options;
  options.ready = false;
  const HostReport report = Host(&binding, options, [](void*) {
    Settle();
    EXPECT_TRUE(g_binding->log.empty());
    EmulatorSetReady(true);
    Settle();
    UseIt();
  });
  EXPECT_TRUE(Clean(report)) << report.text;
  EXPECT_THAT(binding.log, ElementsAre("attached", "detach", "cleanup", "unloaded"));
}

TEST(Nmr, ANeverAttachedClientDeregistersAtOnce) {
  Binding binding;
  HostOptions options;
  options.ready = false;
  const HostReport report = Host(&binding, options, nullptr);
  EXPECT_TRUE(Clean(report)) << report.text;
  EXPECT_THAT(binding.log, ElementsAre("unloaded"));
}

TEST(Nmr, StayingRegisteredBeyondTheUnloadIsMisuse) {
  const DriverEntryFunction entry = [](void* driver, void*) -> int32_t {
    static_cast<PDRIVER_OBJECT>(driver)->DriverUnload = [](PDRIVER_OBJECT) {};
    return NmrRegisterClient(&kCharacteristics, g_binding, &g_binding->registration);
  };
  Binding binding;
  g_binding = &binding;
  HostReport report;
  HostDriver(entry, {}, nullptr, nullptr, &report);
  EXPECT_EQ(report.run.ending, Ending::kBugCheck);
  EXPECT_THAT(report.text, HasSubstr("DriverUnload returned while 1 clients were registered with the NMR"));
}

TEST(Nmr, AttachingWithoutSayingSoIsMisuse) {
  static NPI_CLIENT_CHARACTERISTICS characteristics;
  characteristics = kCharacteristics;
  characteristics.ClientAttachProvider = [](HANDLE, PVOID, PNPI_REGISTRATION_INSTANCE) -> NTSTATUS {
    return STATUS_SUCCESS;
  };
  const DriverEntryFunction entry = [](void*, void*) -> int32_t {
    return NmrRegisterClient(&characteristics, nullptr, &g_binding->registration);
  };
  Binding binding;
  g_binding = &binding;
  HostReport report;
  HostDriver(entry, {}, nullptr, nullptr, &report);
  EXPECT_THAT(report.text, HasSubstr("ClientAttachProvider returned 0x00000000 without that"));
}

}  // namespace
}  // namespace wskcert::emulator
