#include <wdm.h>

#include <cstdio>

#include "implementations/emulator/emulator.h"
#include "implementations/emulator/host/exports.h"
#include "implementations/emulator/host/host.h"
#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/scheduler.h"
#include "implementations/emulator/provider/provider.h"

namespace wskcert::emulator {
namespace {

constexpr uint32_t kUnloadedTooEarly = 0xCE;
constexpr size_t kMaximumName = 64;

// The objects that the I/O manager keeps for a driver.
struct Hosted {
  DriverEntryFunction entry;
  void (*script)(void*);
  void* context;
  HostReport* report;
  bool ready;
  DRIVER_OBJECT driver;
  DRIVER_EXTENSION extension;
  WCHAR driver_name[kMaximumName + 16];
  WCHAR service_name[kMaximumName];
  WCHAR registry_path[kMaximumName + 64];
  UNICODE_STRING registry;
};

// Static: kernel objects are referred to by address, also by what is left of the last run.
Hosted g_hosted;

size_t Widen(const char* text, WCHAR* to, size_t at, size_t size) {
  for (; *text != 0 && at + 1 < size; ++text) to[at++] = static_cast<WCHAR>(*text);
  to[at] = 0;
  return at;
}

template <size_t size>
void SetName(const char* prefix, const char* name, WCHAR (&buffer)[size], UNICODE_STRING* string) {
  Widen(name, buffer, Widen(prefix, buffer, 0, size), size);
  RtlInitUnicodeString(string, buffer);
}

// What the I/O manager has in the table until the driver fills it.
NTSTATUS RefuseRequest(PDEVICE_OBJECT, PIRP irp) {
  irp->IoStatus.Status = STATUS_INVALID_DEVICE_REQUEST;
  irp->IoStatus.Information = 0;
  IoCompleteRequest(irp, IO_NO_INCREMENT);
  return STATUS_INVALID_DEVICE_REQUEST;
}

void Prepare(Hosted* hosted, const char* name) {
  DRIVER_OBJECT& driver = hosted->driver;
  driver.Type = IO_TYPE_DRIVER;
  driver.Size = sizeof(DRIVER_OBJECT);
  driver.DriverExtension = &hosted->extension;
  driver.DriverInit = reinterpret_cast<PDRIVER_INITIALIZE>(hosted->entry);
  for (PDRIVER_DISPATCH& function : driver.MajorFunction) function = &RefuseRequest;
  hosted->extension.DriverObject = &driver;
  SetName("\\Driver\\", name, hosted->driver_name, &driver.DriverName);
  SetName("", name, hosted->service_name, &hosted->extension.ServiceKeyName);
  SetName("\\Registry\\Machine\\System\\CurrentControlSet\\Services\\", name, hosted->registry_path,
          &hosted->registry);
}

uint32_t ThreadsLeft(uint32_t* number) {
  RuntimeLock guard;
  uint32_t count = 0;
  for (LIST_ENTRY* e = g_scheduler.threads.Flink; e != &g_scheduler.threads; e = e->Flink) {
    const Thread* thread = CONTAINING_RECORD(e, Thread, all);
    if (thread->worker || thread->background || thread == CurrentThread()) continue;
    if (thread->state == ThreadState::kEnded) continue;
    if (count++ == 0) *number = thread->number;
  }
  return count;
}

uint32_t TimersSet() {
  RuntimeLock guard;
  uint32_t count = 0;
  for (LIST_ENTRY* e = g_scheduler.timers.Flink; e != &g_scheduler.timers; e = e->Flink) {
    const auto* timer = CONTAINING_RECORD(e, KTIMER, TimerListEntry);
    if (timer->Header.Type != kWaitTimeout) ++count;
  }
  return count;
}

uint32_t Registrations() {
  uint32_t count = 0;
  for (ULONG i = 0; i < provider::provider.registrations_used; ++i) {
    if (provider::provider.registrations[i].used) ++count;
  }
  return count;
}

// Everything that would run code, or hold pointers, of a driver whose image is gone.
void RequireNothingLeft(const char* after) {
  uint32_t number = 0;
  const uint32_t threads = ThreadsLeft(&number);
  if (threads != 0) {
    BugCheckNow(kUnloadedTooEarly, threads, number, 0, 0,
                "%s returned while %u of the driver's threads had not ended, first thread %u", after, threads,
                number);
  }
  const uint32_t timers = TimersSet();
  if (timers != 0) {
    BugCheckNow(kUnloadedTooEarly, timers, 0, 0, 0, "%s returned while %u of the driver's timers were set",
                after, timers);
  }
  const ULONG nmr = NmrClients();
  if (nmr != 0) {
    BugCheckNow(kUnloadedTooEarly, nmr, 0, 0, 0,
                "%s returned while %u clients were registered with the NMR "
                "(unregistering-and-unloading-the-wsk-client.md)",
                after, nmr);
  }
  const uint32_t registrations = Registrations();
  if (registrations != 0) {
    BugCheckNow(kUnloadedTooEarly, registrations, 0, 0, 0,
                "%s returned without WskDeregister for %u registrations "
                "(unregistering-a-winsock-kernel-application.md)",
                after, registrations);
  }
}

void CheckReturn(const char* function) {
  if (CurrentThread()->irql != PASSIVE_LEVEL || CurrentThread()->locks != 0) {
    BugCheckNow(kIrqlUnexpectedValue, CurrentThread()->irql, CurrentThread()->locks, 0, 0,
                "%s returned at IRQL %u with %u spin locks held", function, CurrentThread()->irql,
                CurrentThread()->locks);
  }
}

// A driver's own DriverEntry has other parameter types than a program without the kernel's headers can
// declare. On every machine both are pointers.
#if defined(__clang__)
__attribute__((no_sanitize("function")))
#endif
int32_t
CallEntry(Hosted* hosted) {
  return hosted->entry(&hosted->driver, &hosted->registry);
}

void PlayDriver(void* context) {
  auto* hosted = static_cast<Hosted*>(context);
  HostReport* report = hosted->report;
  EmulatorSetReady(hosted->ready);
  report->entry_status = CallEntry(hosted);
  report->entered = true;
  CheckReturn("DriverEntry");
  if (!NT_SUCCESS(report->entry_status)) {
    RequireNothingLeft("a failing DriverEntry");
    report->unloaded = true;
    return;
  }
  if (hosted->script != nullptr) hosted->script(hosted->context);
  if (hosted->driver.DriverUnload == nullptr) return;
  hosted->driver.DriverUnload(&hosted->driver);
  CheckReturn("DriverUnload");
  RequireNothingLeft("DriverUnload");
  report->unloaded = true;
}

bool Leaked(const LeakSummary& leaks) {
  return leaks.pool_blocks != 0 || leaks.irps != 0 || leaks.mdls != 0 || leaks.threads != 0;
}

void DescribeFinished(HostReport* report) {
  char* text = report->text;
  const size_t size = sizeof(report->text);
  const LeakSummary& leaks = report->run.leaks;
  const char* state = !report->unloaded ? "loaded, not unloaded: it has no DriverUnload" : "loaded, unloaded";
  int used = NT_SUCCESS(report->entry_status) ? std::snprintf(text, size, "%s", state)
                                              : std::snprintf(text, size, "DriverEntry failed with 0x%08X",
                                                              static_cast<uint32_t>(report->entry_status));
  if (!Leaked(leaks)) {
    std::snprintf(text + used, size - static_cast<size_t>(used), ", nothing left behind");
    return;
  }
  std::snprintf(text + used, size - static_cast<size_t>(used),
                "; left behind: %u pool blocks (%llu bytes), %u IRPs, %u MDLs, %u threads; the first: %s",
                leaks.pool_blocks, static_cast<unsigned long long>(leaks.pool_bytes), leaks.irps, leaks.mdls,
                leaks.threads, leaks.first);
}

void Describe(HostReport* report) {
  const RunReport& run = report->run;
  switch (run.ending) {
    case Ending::kFinished:
      DescribeFinished(report);
      break;
    case Ending::kBugCheck:
      std::snprintf(report->text, sizeof(report->text), "bug check 0x%X: %s", run.bug_check.code,
                    run.bug_check.message);
      break;
    case Ending::kDeadlock:
      std::snprintf(report->text, sizeof(report->text), "deadlock: %s", run.deadlock);
      break;
    case Ending::kLivelock:
      std::snprintf(report->text, sizeof(report->text),
                    "livelock: nothing came to rest within %llu scheduling steps",
                    static_cast<unsigned long long>(run.steps));
      break;
  }
}

}  // namespace

PDRIVER_OBJECT HostedDriver() { return &g_hosted.driver; }

void HostDriver(DriverEntryFunction entry, const HostOptions& options, void (*script)(void* context),
                void* context, HostReport* report) {
  Hosted& hosted = g_hosted;
  *report = HostReport{};
  hosted = Hosted{};
  hosted.entry = entry;
  hosted.script = script;
  hosted.context = context;
  hosted.report = report;
  hosted.ready = options.ready;
  Prepare(&hosted, options.name);
  EmulatorReset();
  ResetNmr();
  SetExports(static_cast<const WSK_EXPORTS*>(options.exports));
  SetRegistry(options.name, options.registry, options.registry_size);
  Run(options.run, &PlayDriver, &hosted, &report->run);
  SetRegistry(nullptr, nullptr, 0);
  SetExports(nullptr);
  ResetNmr();
  Describe(report);
}

bool Clean(const HostReport& report) {
  return report.run.ending == Ending::kFinished && report.entered && NT_SUCCESS(report.entry_status) &&
         report.unloaded && !Leaked(report.run.leaks);
}

}  // namespace wskcert::emulator
