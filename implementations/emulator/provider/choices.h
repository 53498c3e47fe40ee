// The choices that provider and network leave to the schedule, by number: what a schedule's bytes mean. A
// choice's value 0 is what happens without a schedule. Where a page leaves behaviour open, the values are its
// readings. Plain C++; numbers are kept for good, since stored schedules refer to them.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_CHOICES_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_CHOICES_H_

#include <cstdint>

namespace wskcert::emulator {

enum ProviderChoice : uint16_t {
  // ---- When and where ----

  // A call whose outcome is success and known inside the call. 0: STATUS_PENDING, a worker completes the IRP
  // later. 1: completed inside the call, which returns the outcome. 2: as 0, but the worker gets a chance
  // before the call returns. 3: completed inside the call, which returns STATUS_PENDING.
  kChoiceCompletion = 16,
  // A call that fails inside the call. 0: completed inside, the status is returned. 1: STATUS_PENDING, a
  // worker completes.
  kChoiceFailure = 17,
  // A callback that becomes possible. 0: on a worker of its own. 1: on the thread that made it possible, be
  // it the transport's or the client's in its own call.
  kChoiceCallbackThread = 18,
  // 0: PASSIVE_LEVEL. 1: DISPATCH_LEVEL with WSK_FLAG_AT_DISPATCH_LEVEL. 2: DISPATCH_LEVEL without the flag.
  kChoiceCallbackIrql = 19,
  // The IRQL at which a worker completes an IRP. 0: PASSIVE_LEVEL. 1: DISPATCH_LEVEL.
  kChoiceCompletionIrql = 20,
  // Callbacks of different events of one socket. 0: one at a time. 1: at the same time. Drawn once per
  // socket.
  kChoiceConcurrentEvents = 21,

  // Points where another thread may run: around a callback, and around the completion of an IRP.
  kChoiceCallbackEdge = 28,
  kChoiceCompletionEdge = 29,

  // ---- The shape of data ----

  // An indication of several segments. 0: one node, a chain of MDLs. 1: a node for each segment.
  kChoiceIndicationNodes = 22,
  // How much is indicated. 0: all that is buffered. 1: the first segment.
  kChoiceIndicationSize = 23,
  // 1: WSK_FLAG_RELEASE_ASAP is set.
  kChoiceReleaseAsap = 24,
  // Sent by a peer in one go. 0: full segments. 1: cut into two first. 2: cut into four first.
  kChoiceSegments = 25,
  // Segments that wait for delivery. 0: delivered together. 1: one by one.
  kChoiceCoalesce = 26,
  // What the network does first on a connection. 0: what our side did. 1: what the peer did.
  kChoiceNetworkOrder = 27,

  // ---- Readings of SO_WSK_EVENT_CALLBACK ----

  // Disabling an event that is not enabled. 0: success. 1: STATUS_INVALID_PARAMETER.
  kChoiceDisableDisabled = 32,
  // Disabling several events at once, which the page forbids. 0: STATUS_INVALID_PARAMETER. 1:
  // STATUS_NOT_SUPPORTED. 2: all of them are disabled; the answer is success if none has a call in progress,
  // and an IRP that waits does so for the calls of all.
  kChoiceDisableSeveral = 33,
  // Enabling what is enabled already. 0: success, nothing changes. 1: STATUS_INVALID_PARAMETER.
  kChoiceEnableEnabled = 34,
  // Enabling while a disable of the same event waits for calls in progress. 0: success, in effect when the
  // disable is over. 1: success, in effect at once: calls go on as with kChoiceCallsWhileDisabling 1, and the
  // disable ends when none is in progress. 2: STATUS_INVALID_DEVICE_STATE. 3: success, the disable is given
  // up:
  // its IRPs complete with STATUS_CANCELLED and the event stays enabled.
  kChoiceEnableWhileDisabling = 35,
  // An IRP given with an enable, which the page does not foresee. 0: completed with the outcome inside the
  // call. 1: refused with STATUS_INVALID_PARAMETER. 2: where the enable succeeds, STATUS_PENDING; it is in
  // effect, and a worker completes the IRP.
  kChoiceEnableWithIrp = 36,
  // New calls of an event while its disable waits. 0: none. 1: they may still come. What this means for
  // events whose calls never overlap: when a call has returned and there is more to tell, the next call
  // begins before the first one is counted down. 2: they may come where calls of one event overlap, and the
  // disable waits only for the calls that were in progress when it was asked for.
  kChoiceCallsWhileDisabling = 37,
  // Enabling or disabling before the socket is connected, a listening socket before it is bound. 0:
  // STATUS_INVALID_DEVICE_STATE. 1: STATUS_INVALID_DEVICE_REQUEST. 2: success, in effect once it is
  // connected,
  // or bound. 3: success, never in effect.
  kChoiceNotConnected = 38,
  // Enabling an event without a function in the client's dispatch table. 0: STATUS_INVALID_PARAMETER. 1:
  // success, and no calls.
  kChoiceEnableWithoutFunction = 39,
  // Enabling or disabling an event that is statically enabled. 0: STATUS_INVALID_DEVICE_REQUEST. 1:
  // STATUS_INVALID_PARAMETER. 2: STATUS_NOT_SUPPORTED. 3: success, without effect.
  kChoiceStaticEvent = 40,
  // A cancelled IRP of a disable. 0: the IRP completes with STATUS_CANCELLED, the event is disabled all the
  // same. 1: the cancellation is ignored.
  kChoiceCancelDisable = 41,

  // ---- Readings of the receive and disconnect events ----

  // A receive of length zero without data. 0: completes at once. 1: waits for data or the end of the
  // connection.
  kChoiceZeroReceive = 49,
  // A disconnect that happened while its event was disabled. 0: indicated when the event is enabled. 1:
  // never.
  kChoiceLateDisconnect = 50,
  // A graceful disconnect behind data that can be indicated. 0: indicated after the data. 1: does not wait
  // for it.
  kChoiceDisconnectOrder = 51,

  // ---- Readings of listening, accepting and inspecting ----

  // Calls of one event of a listening socket (accept, inspect, abort). 0: one at a time. 1: they may overlap.
  // Drawn once per socket.
  kChoiceOverlappingCalls = 64,
  // Events that a listening socket enables on what it accepts. 0: enabled when WskAcceptEvent is called, so
  // that it can disable them. 1: enabled when it has returned. Their calls begin after its return either way.
  kChoiceInheritMoment = 65,
  // Events that WskAcceptEvent enables itself on the accepted socket. 0: calls may begin at once. 1: when
  // WskAcceptEvent has returned.
  kChoiceEnabledInAccept = 66,
  // Disabling an event of accepted sockets on the listening socket, which cannot be done. 0:
  // STATUS_INVALID_PARAMETER. 1: STATUS_INVALID_DEVICE_REQUEST. 2: STATUS_NOT_SUPPORTED. 3: success, without
  // effect.
  kChoiceDisableInherited = 67,
  // Enabling an event for accepted sockets that is statically enabled. 0: success, nothing changes. 1: as
  // for any static event.
  kChoiceInheritStatic = 68,
  // Static events on sockets from WskAccept. 0: enabled, as on any socket. 1: not, since all events of such a
  // socket are disabled at first.
  kChoiceStaticOnAccepted = 69,
  // A connection that its peer resets while it waits to be accepted. 0: still accepted; the reset is told
  // afterwards. 1: forgotten.
  kChoiceResetBeforeAccept = 70,
  // What tells that a listening socket in conditional accept mode works no more. 0: WskAcceptEvent, if it is
  // enabled, and WskInspectEvent. 1: WskAcceptEvent alone. 2: WskInspectEvent alone.
  kChoiceBrokenListener = 71,
  // Requests that were inspected and are lost because the listening socket works no more. 0: forgotten. 1:
  // WskAbortEvent for each.
  kChoiceAbortOnBreak = 72,
  // WskAbortEvent after WskInspectComplete with WskInspectReject. 0: not called. 1: called, since the request
  // is dropped locally.
  kChoiceAbortAfterReject = 73,
  // WskInspectComplete before WskInspectEvent has returned. 0: success; counts if WskInspectPend is returned
  // then. 1: STATUS_INVALID_DEVICE_STATE.
  kChoiceEarlyInspectComplete = 74,
  // WskInspectComplete for a request that was aborted. 0: STATUS_INVALID_PARAMETER. 1: success, without
  // effect.
  kChoiceInspectCompleteGone = 75,
  // The two members of an inspect id. 0: both differ from request to request. 1: the serial number only.
  kChoiceInspectId = 76,
  // Setting SO_CONDITIONAL_ACCEPT when the socket is bound. 0: STATUS_INVALID_DEVICE_STATE. 1:
  // STATUS_INVALID_DEVICE_REQUEST. 2: STATUS_INVALID_PARAMETER.
  kChoiceConditionalLate = 77,
  // When a stream socket is committed to connecting. 0: when the connection stands. 1: with the call that
  // begins it.
  kChoiceStreamCommit = 78,

  // ---- Datagrams ----

  // Calls of one socket's receive-from event. 0: one at a time. 1: another may begin before one has returned.
  // Drawn once per socket.
  kChoiceOverlappingDatagrams = 80,
  // Several datagrams are queued when the receive-from event is called. 0: it is told of the first. 1: of
  // all,
  // in one list. 2: of two.
  kChoiceDatagramList = 81,
  // A datagram on its way to us. 0: arrives. 1: is lost.
  kChoiceDatagramLoss = 82,
  // A datagram on its way to us while others are. 0: stays behind them. 1: overtakes them.
  kChoiceDatagramOrder = 83,
  // Datagrams wait and the receive-from event is about to be called when WskReceiveFrom is called. 0: the
  // request
  // gets the first. 1: the race that the page warns of: the event does, and the request waits.
  kChoiceReceiveFromRace = 84,
  // Datagrams that the receive-from event refused, where this disables it. 0: buffered until it is enabled
  // again or a WskReceiveFrom takes them. 1: dropped, since buffering them is not possible.
  kChoiceRefusedDatagrams = 85,
  // The same for an event that is statically enabled and stays so. 0: dropped. 1: buffered, and told again
  // when a new datagram comes. 2: kept for WskReceiveFrom alone.
  kChoiceStaticRefusal = 86,
  // A refusal disables the event although an enable of it succeeded during the call. 0: yes, the refusal came
  // last. 1: no, the enable counts.
  kChoiceEnableBeforeRefusal = 87,
  // A datagram comes while the event is disabled and no WskReceiveFrom waits. 0: buffered, up to the limit of
  // SO_RCVBUF. 1: dropped.
  kChoiceUnwantedDatagrams = 88,
  // A send without an address, while both a fixed remote and a fixed destination address are set. 0: goes to
  // the remote address. 1: goes to the destination address.
  kChoiceTwoFixedAddresses = 89,
  // Datagrams from elsewhere that were buffered before a fixed remote address was set. 0: still received. 1:
  // dropped.
  kChoiceQueuedStrangers = 90,

  // ---- Basic sockets and extension interfaces ----

  // A standard event, to be enabled or disabled on a basic socket, which has none. 0:
  // STATUS_INVALID_PARAMETER. 1: STATUS_NOT_SUPPORTED. 2: STATUS_INVALID_DEVICE_REQUEST.
  kChoiceBasicSocketEvents = 91,
  // An extension's event, on a socket that did not register for the extension. Values as above.
  kChoiceUnregisteredExtension = 92,
  // An extension's event, before the socket is connected or bound. 0: refused as standard events are. 1:
  // accepted.
  kChoiceExtensionEarly = 93,
  // An IRP given with SIO_WSK_REGISTER_EXTENSION, which the page does not foresee. 0: completed with the
  // outcome inside the call. 1: refused with STATUS_INVALID_PARAMETER.
  kChoiceRegisterWithIrp = 94,
  // Registering a second time for the same extension. 0: STATUS_INVALID_DEVICE_STATE. 1: success, the new
  // table and context count from now on.
  kChoiceRegisterTwice = 95,

  // ---- Client control operations ----

  // A second WSK_SET_STATIC_EVENT_CALLBACKS. 0: the masks add up. 1: the second mask replaces the first. 2:
  // STATUS_INVALID_DEVICE_STATE.
  kChoiceStaticTwice = 96,
  // WSK_SET_STATIC_EVENT_CALLBACKS after a socket was made. 0: STATUS_INVALID_DEVICE_STATE. 1:
  // STATUS_INVALID_DEVICE_REQUEST. 2: STATUS_INVALID_PARAMETER. 3: success, in effect for later sockets.
  kChoiceStaticLate = 97,
  // WSK_SET_STATIC_EVENT_CALLBACKS with flags that are no standard events', or with WSK_EVENT_DISABLE. 0:
  // STATUS_INVALID_PARAMETER. 1: STATUS_NOT_SUPPORTED.
  kChoiceStaticFlags = 98,
  // An IRP given with a client control operation whose page wants none. 0: STATUS_INVALID_PARAMETER. 1:
  // accepted, and completed with the outcome inside the call.
  kChoiceClientControlIrp = 99,

  // ---- Further readings of SO_WSK_EVENT_CALLBACK and of what follows from it

  // Disabling an event while a disable of it waits for calls in progress. 0: this one waits, too. 1:
  // STATUS_INVALID_DEVICE_STATE.
  kChoiceDisableWhileDisabling = 100,
  // The IRP of a disable that waits when the socket is closed. 0: STATUS_CANCELLED. 1: STATUS_SUCCESS, when
  // the calls have returned; the close completes after it.
  kChoiceClosePendedDisable = 101,
  // A request that names no event which the socket could have: no event bit, bits of other categories or of
  // none, an NPI id that is nobody's. 0: STATUS_INVALID_PARAMETER. 1: success, which does nothing.
  kChoiceOddRequest = 102,
  // Enabling several events of which the socket cannot have some. 0: STATUS_INVALID_PARAMETER, nothing is
  // enabled. 1: success, the others are enabled.
  kChoicePartlyInvalid = 103,
  // Data, datagrams or connections that wait when their event is enabled. 0: indicated. 1: not before more
  // comes.
  kChoiceEarlyData = 104,
  // Events that a listening socket enables, on sockets from WskAccept. 0: not enabled there. 1: enabled.
  kChoiceInheritByFunction = 105,

  // ---- What a transport need not have or do

  // SIO_WSK_SET_TCP_SILENT_MODE. 0: there is. 1: STATUS_NOT_SUPPORTED, as before Windows 8.
  kChoiceSilentMode = 106,
  // WSK_FLAG_WAITALL, WSK_FLAG_DRAIN and WSK_FLAG_NODELAY. 0: supported. 1: STATUS_NOT_SUPPORTED.
  kChoiceTransportFlags = 107,
  // Setting SO_CONDITIONAL_ACCEPT to 1. 0: there is a conditional accept mode. 1: STATUS_NOT_SUPPORTED.
  kChoiceConditionalUnsupported = 108,
  // What a peer that withholds acknowledgements does not acknowledge. 0: waits. 1: the transport gives up,
  // which
  // is told as an abortive disconnect. 2: it gives up, and the socket works no more.
  kChoiceAcknowledgementTimeout = 110,
  // A request whose inspection accepted it. 0: is established. 1: our side drops it before.
  kChoiceHandshakeFails = 111,
  // A send is acknowledged. 0: nothing else. 1: the ideal send backlog has become greater by a segment.
  kChoiceBacklogGrows = 113,
  // How many connections can wait for a listening socket's client. 0: many. 1: one. Drawn when it begins to
  // listen.
  kChoiceListenBacklog = 114,

  // ---- Further readings

  // A connection waits and the accept event is about to be called when WskAccept is called. 0: the request
  // gets
  // it. 1: the race that the page warns of: the event does, and the request waits.
  kChoiceAcceptRace = 115,
  // Likewise for data, the receive event and WskReceive.
  kChoiceReceiveRace = 116,
  // A socket works no more and its event is enabled. 0: a NULL indication. 1: none; calls tell. 2: two.
  kChoiceNullIndication = 117,
  // A cancelled WskReceive that waits for more than has come. 0: STATUS_CANCELLED, and what has come stays
  // buffered. 1: success with what has come. 2: STATUS_CANCELLED with what has come.
  kChoiceCancelledReceive = 118,
  // A WskReceive with WSK_FLAG_WAITALL or WSK_FLAG_DRAIN when either side disconnects abortively. 0: fails.
  // 1:
  // success, with what has come.
  kChoiceAbortiveReceive = 119,
  // Data that came before the peer's abortive disconnect and was not told. 0: dropped. 1: told before it.
  kChoiceDataBeforeReset = 120,
  // A change of the ideal send backlog while the event was disabled. 0: not told. 1: told when it is enabled.
  kChoiceLateBacklog = 121,
  // A cancelled IRP of a graceful disconnect without data. 0: the cancellation is ignored. 1:
  // STATUS_CANCELLED;
  // the disconnect goes on.
  kChoiceCancelDisconnect = 122,
  // Connections to a socket in conditional accept mode whose client has no WskInspectEvent. 0: refused. 1:
  // accepted without an inspection. Drawn when it begins to listen.
  kChoiceConditionalWithoutInspect = 123,
  // Requests that are inspected and not established when their listening socket is closed. 0: forgotten. 1:
  // WskAbortEvent for each, before the close completes.
  kChoiceAbortOnClose = 124,
  // An output buffer that is missing or too small for an option or an ioctl. 0: STATUS_INVALID_PARAMETER. 1:
  // STATUS_BUFFER_OVERFLOW. 2: STATUS_BUFFER_TOO_SMALL.
  kChoiceSmallBuffer = 125,

  // An enabled event is about to be called with data, a datagram or a connection. 0: it is. 1 (of 16): the
  // socket
  // works no more instead, which the event is told. The rest: as 0.
  kChoiceSpontaneousBreak = 126,
  // Control information of a datagram. 0: none. 1: one object, IP_PKTINFO or IPV6_PKTINFO.
  kChoiceControlInformation = 127,

  kChoiceEnd
};

// A short name, such as "completion"; "?" for numbers that are none of the above.
const char* ProviderChoiceName(uint16_t kind);

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_CHOICES_H_
