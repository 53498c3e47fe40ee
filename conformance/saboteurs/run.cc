// Saboteurs of what every run relies on.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

// Looks into an IRP that is not there.
NTSTATUS CrashWithoutIrp(Request* request) {
  if (request->function == Function::kDisable) {
    volatile IRP* irp = request->irp;
    irp->IoStatus.Information = 0;
  }
  return Pass(request);
}

NTSTATUS StopOnDisable(Request* request) {
  constexpr ULONG kAttemptedWriteToReadOnlyMemory = 0xBE;
  if (request->function == Function::kDisable && request->irp == nullptr) {
    KeBugCheckEx(kAttemptedWriteToReadOnlyMemory, 0, 0, 0, 0);
  }
  return Pass(request);
}

// No disable: those are owed particular answers.
NTSTATUS WaitForEver(Request* request) {
  if (request->function == Function::kEnable && KeGetCurrentIrql() < DISPATCH_LEVEL) {
    KeWaitForSingleObject(&request->socket->done, Executive, KernelMode, FALSE, nullptr);
  }
  return Pass(request);
}

const Saboteur kSaboteurs[] = {
    {.info = {"disable-crashes-without-irp", "run.survives", "A disable without an IRP reads through NULL.",
              "runtime", true},
     .request = CrashWithoutIrp},
    {.info = {"disable-stops-machine", "run.survives", "A disable without an IRP stops the machine.",
              "runtime", false},
     .request = StopOnDisable},
    {.info = {"enable-never-returns", "run.calls-return",
              "A request that enables waits for what never happens.", "npi", false},
     .request = WaitForEver},
};

}  // namespace

const Topic kRunTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
