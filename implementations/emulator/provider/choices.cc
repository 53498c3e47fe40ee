#include "implementations/emulator/provider/choices.h"

namespace wskcert::emulator {

const char* ProviderChoiceName(uint16_t kind) {
  switch (static_cast<ProviderChoice>(kind)) {
    case kChoiceCompletion:
      return "completion";
    case kChoiceFailure:
      return "failure";
    case kChoiceCallbackThread:
      return "callback-thread";
    case kChoiceCallbackIrql:
      return "callback-irql";
    case kChoiceCompletionIrql:
      return "completion-irql";
    case kChoiceConcurrentEvents:
      return "concurrent-events";
    case kChoiceIndicationNodes:
      return "indication-nodes";
    case kChoiceIndicationSize:
      return "indication-size";
    case kChoiceReleaseAsap:
      return "release-asap";
    case kChoiceSegments:
      return "segments";
    case kChoiceCoalesce:
      return "coalesce";
    case kChoiceNetworkOrder:
      return "network-order";
    case kChoiceCallbackEdge:
      return "callback-edge";
    case kChoiceCompletionEdge:
      return "completion-edge";
    case kChoiceDisableDisabled:
      return "disable-disabled";
    case kChoiceDisableSeveral:
      return "disable-several";
    case kChoiceEnableEnabled:
      return "enable-enabled";
    case kChoiceEnableWhileDisabling:
      return "enable-while-disabling";
    case kChoiceEnableWithIrp:
      return "enable-with-irp";
    case kChoiceCallsWhileDisabling:
      return "calls-while-disabling";
    case kChoiceNotConnected:
      return "not-connected";
    case kChoiceEnableWithoutFunction:
      return "enable-without-function";
    case kChoiceStaticEvent:
      return "static-event";
    case kChoiceCancelDisable:
      return "cancel-disable";
    case kChoiceZeroReceive:
      return "zero-receive";
    case kChoiceLateDisconnect:
      return "late-disconnect";
    case kChoiceDisconnectOrder:
      return "disconnect-order";
    case kChoiceOverlappingDatagrams:
      return "overlapping-datagrams";
    case kChoiceDatagramList:
      return "datagram-list";
    case kChoiceDatagramLoss:
      return "datagram-loss";
    case kChoiceDatagramOrder:
      return "datagram-order";
    case kChoiceReceiveFromRace:
      return "receive-from-race";
    case kChoiceRefusedDatagrams:
      return "refused-datagrams";
    case kChoiceStaticRefusal:
      return "static-refusal";
    case kChoiceEnableBeforeRefusal:
      return "enable-before-refusal";
    case kChoiceUnwantedDatagrams:
      return "unwanted-datagrams";
    case kChoiceTwoFixedAddresses:
      return "two-fixed-addresses";
    case kChoiceQueuedStrangers:
      return "queued-strangers";
    case kChoiceBasicSocketEvents:
      return "basic-socket-events";
    case kChoiceUnregisteredExtension:
      return "unregistered-extension";
    case kChoiceExtensionEarly:
      return "extension-early";
    case kChoiceRegisterWithIrp:
      return "register-with-irp";
    case kChoiceRegisterTwice:
      return "register-twice";
    case kChoiceStaticTwice:
      return "static-twice";
    case kChoiceStaticLate:
      return "static-late";
    case kChoiceStaticFlags:
      return "static-flags";
    case kChoiceClientControlIrp:
      return "client-control-irp";
    case kChoiceEnd:
      break;
  }
  return "?";
}

}  // namespace wskcert::emulator
