// What a driver's author is told for misuse: each message of docs/hosting.md is provoked here by a small
// driver, and stands there word for word, apart from the numbers of steps.
#include <gtest/gtest.h>
#include <wdm.h>
#include <wsk.h>

#include <string>
#include <vector>

#include "implementations/emulator/host/host.h"
#include "implementations/emulator/host/peers.h"
#include "implementations/emulator/kernel/test_support.h"

namespace wskcert::emulator {

// test_page.cc: whether docs/hosting.md has this text, whatever the numbers of steps in it are.
bool PageHas(const std::string& text);

namespace {

const WSK_CLIENT_DISPATCH kClient = {MAKE_WSK_VERSION(1, 0), 0, nullptr};

// The driver's state; fresh for every case.
struct Driver {
  WSK_REGISTRATION registration;
  WSK_PROVIDER_NPI npi;
  PWSK_SOCKET socket;  // Connected with peer 1.
  PWSK_DATA_INDICATION retained;
  NTSTATUS receive_answer;
  SIZE_T accepted_too_many;
  bool keep_irql, deregister;  // In the receive event.
  PIRP irp;
  KEVENT done;
  char bytes[16];
  PMDL mdl;
  Peers* peers;
  KSPIN_LOCK lock;
  KTIMER timer;
  LIST_ENTRY list, entry;
};
Driver g;

NTSTATUS SetDone(PDEVICE_OBJECT, PIRP, PVOID) {
  KeSetEvent(&g.done, IO_NO_INCREMENT, FALSE);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

PIRP Prepared(PIO_COMPLETION_ROUTINE routine = SetDone) {
  IoReuseIrp(g.irp, STATUS_UNSUCCESSFUL);
  IoSetCompletionRoutine(g.irp, routine, nullptr, TRUE, TRUE, TRUE);
  return g.irp;
}

void Wait() { KeWaitForSingleObject(&g.done, Executive, KernelMode, FALSE, nullptr); }

NTSTATUS WSKAPI OnReceive(PVOID, ULONG, PWSK_DATA_INDICATION list, SIZE_T bytes, SIZE_T* accepted) {
  if (g.receive_answer == STATUS_PENDING) g.retained = list;
  if (g.keep_irql) KfRaiseIrql(DISPATCH_LEVEL + 1);
  if (g.deregister) WskDeregister(&g.registration);
  if (g.accepted_too_many != 0) *accepted = bytes + g.accepted_too_many;
  return g.receive_answer;
}
NTSTATUS WSKAPI OnDisconnect(PVOID, ULONG) { return STATUS_UNSUCCESSFUL; }
const WSK_CLIENT_CONNECTION_DISPATCH kConnection = {OnReceive, OnDisconnect, nullptr};

const WSK_PROVIDER_CONNECTION_DISPATCH& Functions() {
  return *static_cast<const WSK_PROVIDER_CONNECTION_DISPATCH*>(g.socket->Dispatch);
}

void Register() {
  WSK_CLIENT_NPI npi = {nullptr, &kClient};
  ASSERT_EQ(WskRegister(&npi, &g.registration), STATUS_SUCCESS);
  ASSERT_EQ(WskCaptureProviderNPI(&g.registration, WSK_NO_WAIT, &g.npi), STATUS_SUCCESS);
  g.irp = IoAllocateIrp(1, FALSE);
}

// Connects with peer 1, receive and disconnect events enabled.
void Connect() {
  Register();
  WSK_EVENT_CALLBACK_CONTROL events = {&NPI_WSK_INTERFACE_ID, WSK_EVENT_RECEIVE | WSK_EVENT_DISCONNECT};
  g.npi.Dispatch->WskControlClient(g.npi.Client, WSK_SET_STATIC_EVENT_CALLBACKS, sizeof(events), &events, 0,
                                   nullptr, nullptr, nullptr);
  SOCKADDR_IN local = {}, remote = {};
  local.sin_family = AF_INET;
  PeerAddress(1, /*ipv6=*/false, &remote);
  g.npi.Dispatch->WskSocketConnect(g.npi.Client, SOCK_STREAM, IPPROTO_TCP,
                                   reinterpret_cast<PSOCKADDR>(&local), reinterpret_cast<PSOCKADDR>(&remote),
                                   0, nullptr, &kConnection, nullptr, nullptr, nullptr, Prepared());
  Wait();
  ASSERT_EQ(g.irp->IoStatus.Status, STATUS_SUCCESS);
  g.socket = reinterpret_cast<PWSK_SOCKET>(g.irp->IoStatus.Information);
  g.mdl = IoAllocateMdl(g.bytes, sizeof(g.bytes), FALSE, FALSE, nullptr);
  MmBuildMdlForNonPagedPool(g.mdl);
}

void Retain() {
  Connect();
  g.receive_answer = STATUS_PENDING;
  g.peers->Send(1, "data");
  Settle();
}

void Close() {
  Functions().Basic.WskCloseSocket(g.socket, Prepared());
  Wait();
}

void SendBuffer(PMDL mdl, ULONG offset, SIZE_T length) {
  WSK_BUF buffer = {mdl, offset, length};
  Functions().WskSend(g.socket, &buffer, 0, Prepared());
}

void Unload(PDRIVER_OBJECT) {}

// The whole driver but for the misuse; nothing is undone, for the run ends before or the leak is the point.
void (*g_action)();
int32_t Entry(void* driver, void*) {
  static_cast<PDRIVER_OBJECT>(driver)->DriverUnload = Unload;
  g_action();
  return STATUS_SUCCESS;
}

struct Misuse {
  const char* name;
  void (*action)();
  // Part of the message, where it takes one of many schedules to provoke it.
  const char* sought = nullptr;
};

void PagedFunction() { PAGED_CODE(); }

const Misuse kMisuses[] = {
    // ---- Sockets.
    {"CloseDuringACall",
     [] {
       Connect();
       HANDLE handle;
       PsCreateSystemThread(
           &handle, 0, nullptr, nullptr, nullptr,
           [](void*) {
             PIRP own = IoAllocateIrp(1, FALSE);
             IoSetCompletionRoutine(own, SetDone, nullptr, TRUE, TRUE, TRUE);
             WSK_BUF buffer = {g.mdl, 0, 4};
             Functions().WskSend(g.socket, &buffer, 0, own);
           },
           nullptr);
       ZwClose(handle);
       // The thread is within its call, if the schedule has it so.
       Close();
     },
     "another call on the socket"},
    {"CloseWithRetainedData",
     [] {
       Retain();
       Close();
     }},
    {"CallAfterClose",
     [] {
       Connect();
       Close();
       SendBuffer(g.mdl, 0, 4);
     }},
    {"CallOnWhatIsNoSocket",
     [] {
       Connect();
       WSK_SOCKET copy = *g.socket;
       Functions().Basic.WskCloseSocket(&copy, Prepared());
     }},
    {"ReleaseTwice",
     [] {
       Retain();
       Functions().WskRelease(g.socket, g.retained);
       Functions().WskRelease(g.socket, g.retained);
     }},
    {"BufferBeyondItsMdl",
     [] {
       Connect();
       SendBuffer(g.mdl, 8, 16);
     }},
    {"OffsetBeyondTheFirstMdl",
     [] {
       Connect();
       SendBuffer(g.mdl, 20, 4);
     }},
    {"BufferWithoutMdl",
     [] {
       Connect();
       SendBuffer(nullptr, 0, 4);
     }},
    {"CallAboveDispatchLevel",
     [] {
       Connect();
       KfRaiseIrql(DISPATCH_LEVEL + 1);
       SendBuffer(g.mdl, 0, 4);
     }},
    // ---- Event callbacks.
    {"ReceiveEventsAnswer",
     [] {
       Connect();
       g.receive_answer = STATUS_UNSUCCESSFUL;
       g.peers->Send(1, "data");
       Settle();
     }},
    {"MoreAcceptedThanIndicated",
     [] {
       Connect();
       g.accepted_too_many = 1;
       g.peers->Send(1, "data");
       Settle();
     }},
    {"CallbackKeepsAnIrql",
     [] {
       Connect();
       g.keep_irql = true;
       g.peers->Send(1, "data");
       Settle();
     }},
    {"DisconnectEventsAnswer",
     [] {
       Connect();
       PeerDisconnect(1);
       Settle();
     }},
    // ---- Registration.
    {"ReleaseWithoutCapture",
     [] {
       Register();
       WskReleaseProviderNPI(&g.registration);
       WskReleaseProviderNPI(&g.registration);
     }},
    {"DeregisterUnregistered", [] { WskDeregister(&g.registration); }},
    {"RegisterTwice",
     [] {
       Register();
       WSK_CLIENT_NPI npi = {nullptr, &kClient};
       WskRegister(&npi, &g.registration);
     }},
    {"CallAfterRelease",
     [] {
       Register();
       WskReleaseProviderNPI(&g.registration);
       g.npi.Dispatch->WskSocket(g.npi.Client, AF_INET, SOCK_STREAM, IPPROTO_TCP, WSK_FLAG_CONNECTION_SOCKET,
                                 nullptr, nullptr, nullptr, nullptr, nullptr, Prepared());
     }},
    {"DeregisterInACallback",
     [] {
       Connect();
       g.deregister = true;
       g.peers->Send(1, "data");
       Settle();
     }},
    {"DeregisterAtDispatchLevel",
     [] {
       Register();
       WskReleaseProviderNPI(&g.registration);
       KfRaiseIrql(DISPATCH_LEVEL);
       WskDeregister(&g.registration);
     }},
    {"CaptureAtDispatchLevel",
     [] {
       WSK_CLIENT_NPI npi = {nullptr, &kClient};
       WskRegister(&npi, &g.registration);
       KfRaiseIrql(DISPATCH_LEVEL);
       WskCaptureProviderNPI(&g.registration, WSK_INFINITE_WAIT, &g.npi);
     }},
    {"DeregisterWithASocketOpen",
     [] {
       Connect();
       WskReleaseProviderNPI(&g.registration);
       WskDeregister(&g.registration);
     }},
    // ---- IRPs.
    {"FreeOfAPendingIrp",
     [] {
       Connect();
       WSK_BUF buffer = {g.mdl, 0, sizeof(g.bytes)};
       Functions().WskReceive(g.socket, &buffer, 0, Prepared());
       IoFreeIrp(g.irp);
     }},
    {"ReuseOfAPendingIrp",
     [] {
       Connect();
       WSK_BUF buffer = {g.mdl, 0, sizeof(g.bytes)};
       Functions().WskReceive(g.socket, &buffer, 0, Prepared());
       IoReuseIrp(g.irp, STATUS_SUCCESS);
     }},
#ifndef WSKCERT_ASAN
    // AddressSanitizer reports it itself.
    {"FreedIrp",
     [] {
       Connect();
       IoFreeIrp(Prepared());
       WSK_BUF buffer = {g.mdl, 0, 4};
       Functions().WskSend(g.socket, &buffer, 0, g.irp);
     }},
#endif
    {"IrpWithoutLocation",
     [] {
       Register();
       g.npi.Dispatch->WskSocket(g.npi.Client, AF_INET, SOCK_STREAM, IPPROTO_TCP, WSK_FLAG_CONNECTION_SOCKET,
                                 nullptr, nullptr, nullptr, nullptr, nullptr, IoAllocateIrp(0, FALSE));
       Settle();
     }},
    {"CompletionThatLetsGo",
     [] {
       Connect();
       Functions().Basic.WskCloseSocket(
           g.socket, Prepared([](PDEVICE_OBJECT, PIRP, PVOID) -> NTSTATUS { return STATUS_SUCCESS; }));
       Settle();
     }},
    // ---- Locks, IRQL, waiting.
    {"SpinLockTwice",
     [] {
       KIRQL irql;
       KeAcquireSpinLock(&g.lock, &irql);
       KeAcquireSpinLockAtDpcLevel(&g.lock);
     }},
    {"SpinLockNotHeld", [] { KeReleaseSpinLock(&g.lock, PASSIVE_LEVEL); }},
    {"WaitAtDispatchLevel",
     [] {
       KfRaiseIrql(DISPATCH_LEVEL);
       Wait();
     }},
    {"PagedCodeAtDispatchLevel",
     [] {
       KfRaiseIrql(DISPATCH_LEVEL);
       PagedFunction();
     }},
    {"WaitForNothing", [] { Wait(); }},
// ---- Memory.
#ifndef WSKCERT_ASAN
    // Under AddressSanitizer these are its reports.
    {"PoolFreedTwice",
     [] {
       PVOID block = ExAllocatePool2(POOL_FLAG_NON_PAGED, 48, 'ksiM');
       ExFreePoolWithTag(block, 'ksiM');
       ExFreePoolWithTag(block, 'ksiM');
     }},
    {"PoolOverrun",
     [] {
       auto* block = static_cast<PUCHAR>(ExAllocatePool2(POOL_FLAG_NON_PAGED, 48, 'ksiM'));
       volatile PUCHAR at = block + 48;
       *at = 1;
       ExFreePoolWithTag(block, 'ksiM');
     }},
#endif
    {"PoolTag",
     [] {
       PVOID block = ExAllocatePool2(POOL_FLAG_NON_PAGED, 48, 'ksiM');
       ExFreePoolWithTag(block, 'rehO');
     }},
    {"MdlNotBuilt",
     [] {
       g.mdl = IoAllocateMdl(g.bytes, sizeof(g.bytes), FALSE, FALSE, nullptr);
       MmGetSystemAddressForMdlSafe(g.mdl, NormalPagePriority);
     }},
    {"ListEntryRemovedTwice",
     [] {
       InitializeListHead(&g.list);
       InsertTailList(&g.list, &g.entry);
       RemoveEntryList(&g.entry);
       RemoveEntryList(&g.entry);
     }},
    // ---- Unloading.
    {"UnloadWithAThread",
     [] {
       HANDLE handle;
       PsCreateSystemThread(
           &handle, 0, nullptr, nullptr, nullptr, [](void*) { Wait(); }, nullptr);
       ZwClose(handle);
     }},
    {"UnloadWithATimer",
     [] {
       LARGE_INTEGER due;
       due.QuadPart = -10'000'000;
       KeInitializeTimer(&g.timer);
       KeSetTimer(&g.timer, due, nullptr);
     }},
    {"UnloadWithARegistration", [] { Register(); }},
    {"ReturnAtDispatchLevel", [] { KfRaiseIrql(DISPATCH_LEVEL); }},
    // ---- Leaks.
    {"LeakedIrp", [] { IoAllocateIrp(1, FALSE); }},
    {"LeakedPool", [] { ExAllocatePool2(POOL_FLAG_NON_PAGED, 48, 'ksiM'); }},
};

// Seed 0 is the schedule of no bytes.
void PlayMisuse(const Misuse& misuse, uint32_t seed, HostReport* report) {
  std::vector<uint8_t> schedule(seed == 0 ? 0 : 256);
  uint64_t random = seed;
  for (uint8_t& byte : schedule) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<uint8_t>(random >> 56);
  }
  Peers peers;
  g = Driver{};
  KeInitializeEvent(&g.done, SynchronizationEvent, FALSE);
  KeInitializeSpinLock(&g.lock);
  g.peers = &peers;
  g_action = misuse.action;
  HostOptions options;
  options.run.schedule = schedule.data();
  options.run.schedule_size = schedule.size();
  HostDriver(&Entry, options, nullptr, nullptr, report);
}

class HostMisuse : public ::testing::TestWithParam<Misuse> {};

TEST_P(HostMisuse, IsToldAsThePageSays) {
  HostReport report;
  for (uint32_t seed = 0; seed < 500; ++seed) {
    PlayMisuse(GetParam(), seed, &report);
    if (GetParam().sought == nullptr || std::string(report.text).find(GetParam().sought) != std::string::npos)
      break;
  }
  EXPECT_FALSE(Clean(report));
  const std::string text = report.text;
  EXPECT_TRUE(PageHas(text)) << "docs/hosting.md does not have this message:\n| " << GetParam().name << " | `"
                             << text << "` |";
}

INSTANTIATE_TEST_SUITE_P(All, HostMisuse, ::testing::ValuesIn(kMisuses),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace wskcert::emulator
