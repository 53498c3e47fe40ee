// Saboteurs of the life of IRPs.
#include "conformance/saboteurs/interposer.h"

namespace wskcert::saboteurs {
namespace {

// Completes a send to the client, and then once more.
NTSTATUS CompleteSendTwice(Completion* completion) {
  if (completion->function != Function::kSend) return STATUS_SUCCESS;
  IoCompleteRequest(completion->irp, IO_NO_INCREMENT);
  IoCompleteRequest(completion->irp, IO_NO_INCREMENT);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

// Whatever was pended because of a call in progress.
NTSTATUS TagPended(Request* request) {
  EventIndex event;
  if (IsDisable(*request, &event) && Running(request->socket, event)) request->tag = 1;
  return Pass(request);
}
NTSTATUS CompleteDisableTwice(Completion* completion) {
  if (completion->tag == 0) return STATUS_SUCCESS;
  IoCompleteRequest(completion->irp, IO_NO_INCREMENT);
  IoCompleteRequest(completion->irp, IO_NO_INCREMENT);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

// What no rule of its own says about failures.
bool Ordinary(Function function) {
  switch (function) {
    case Function::kSocket:
    case Function::kSocketConnect:
    case Function::kDisable:
    case Function::kAccept:
    case Function::kGetLocalAddress:
    case Function::kGetRemoteAddress:
    case Function::kClose:
      return false;
    default:
      return true;
  }
}

// Passes on; an IRP that completed inside a call that failed goes to `fail`.
NTSTATUS OnError(Request* request, void (*fail)(PIRP irp)) {
  const Socket* socket = request->socket;
  // Connections that have ended have rules of their own about sends.
  const bool after = request->function == Function::kSend && socket->connected != 0;
  if (!Ordinary(request->function) || after || request->irp == nullptr ||
      socket->category == WSK_FLAG_STREAM_SOCKET) {
    return Pass(request);
  }
  bool held;
  const NTSTATUS status = PassHeld(request, &held);
  if (!held) return status;
  // Broken sockets have a rule of their own.
  if (NT_ERROR(status) && status != STATUS_FILE_FORCED_CLOSED) {
    fail(request->irp);
  } else {
    IoCompleteRequest(request->irp, IO_NO_INCREMENT);
  }
  return status;
}

NTSTATUS ErrorIrpNeverCompletes(Request* request) {
  return OnError(request, [](PIRP) {});
}
NTSTATUS ErrorIrpSucceeds(Request* request) {
  return OnError(request, [](PIRP irp) {
    irp->IoStatus.Status = STATUS_SUCCESS;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
  });
}

// Says that a bind succeeded, and completes its IRP with a failure.
NTSTATUS BindSucceedsIrpFails(Request* request) {
  if (request->function != Function::kBind || request->irp == nullptr) return Pass(request);
  request->tag = 1;
  const NTSTATUS status = Pass(request);
  return NT_SUCCESS(status) ? STATUS_SUCCESS : status;
}
NTSTATUS FailTagged(Completion* completion) {
  if (completion->tag != 0 && NT_SUCCESS(completion->irp->IoStatus.Status)) {
    completion->irp->IoStatus.Status = STATUS_UNSUCCESSFUL;
  }
  return STATUS_SUCCESS;
}

// Binds inside the call, says that it is pending, and never completes the IRP.
NTSTATUS BindNeverCompletes(Request* request) {
  if (request->function != Function::kBind || request->irp == nullptr) return Pass(request);
  if (!ForwardAlone(*request)) return Pass(request);
  Keep(request);
  return STATUS_PENDING;
}

NTSTATUS BindCarriesPending(Completion* completion) {
  if (completion->function == Function::kBind && NT_SUCCESS(completion->irp->IoStatus.Status)) {
    completion->irp->IoStatus.Status = STATUS_PENDING;
  }
  return STATUS_SUCCESS;
}

// One byte of output more than there is.
NTSTATUS CountOutput(Completion* completion) {
  const Function function = completion->function;
  const bool control =
      function == Function::kEnable || function == Function::kDisable || function == Function::kControl;
  if (control && NT_SUCCESS(completion->irp->IoStatus.Status)) ++completion->irp->IoStatus.Information;
  return STATUS_SUCCESS;
}

const Saboteur kSaboteurs[] = {
    {.info = {"control-counts-output-wrong", "irp.control.information-is-output-size",
              "The IRP of a control request has one more than the size of its output in Information.",
              "runtime", false},
     .completing = CountOutput},
    {.info = {"send-irp-completes-twice", "irp.completes-once", "The IRP of a send is completed twice.",
              "runtime", false},
     .completing = CompleteSendTwice},
    {.info = {"disable-irp-completes-twice", "irp.completes-once",
              "The IRP of a pended disable is completed twice.", "runtime", false},
     .request = TagPended,
     .completing = CompleteDisableTwice},
    {.info = {"error-irp-never-completes", "irp.completes-once",
              "The IRP of a call that returned an error is never completed.", "runtime", false},
     .request = ErrorIrpNeverCompletes},
    {.info = {"bind-success-irp-fails", "irp.success.completes-with-success",
              "WskBind returns STATUS_SUCCESS and its IRP completes with STATUS_UNSUCCESSFUL.", "runtime",
              false},
     .request = BindSucceedsIrpFails,
     .completing = FailTagged},
    {.info = {"bind-irp-never-completes", "irp.pending.completes",
              "WskBind returns STATUS_PENDING and its IRP is never completed.", "runtime", false},
     .request = BindNeverCompletes},
    {.info = {"bind-irp-carries-pending", "irp.pending.completes",
              "The IRP of a bind completes with STATUS_PENDING.", "runtime", false},
     .completing = BindCarriesPending},
    {.info = {"error-irp-succeeds", "irp.error.completes-with-failure",
              "The IRP of a call that returned an error completes with STATUS_SUCCESS.", "runtime", false},
     .request = ErrorIrpSucceeds},
};

}  // namespace

const Topic kIrpTopic = {kSaboteurs, ARRAYSIZE(kSaboteurs)};

}  // namespace wskcert::saboteurs
