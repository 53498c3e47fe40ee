// The simulated network's work: what is due on an endpoint is told to its client and its peer, in order, on
// the endpoint's own work item.
#include <wdm.h>
#include <wsk.h>

#include "implementations/emulator/kernel/runtime.h"
#include "implementations/emulator/provider/choices.h"
#include "implementations/emulator/transport/address.h"
#include "implementations/emulator/transport/network.h"
#include "implementations/emulator/transport/network_state.h"

namespace wskcert::emulator {

Network network;

Peer* UsePeer(ULONG number) {
  Peer* peer = &network.peers[number];
  if (!peer->used) {
    peer->used = true;
    network.peer_list[network.peers_used++] = static_cast<uint16_t>(number);
  }
  return peer;
}
void FreeBuffers(Buffer* buffers) {
  while (buffers != nullptr) {
    Buffer* next = buffers->next;
    buffers->next = network.free_buffers;
    network.free_buffers = buffers;
    buffers = next;
  }
}

void Report(PeerEvent::Kind kind, LONG peer, const uint8_t* data, uint32_t length) {
  if (network.sink == nullptr || peer < 0) return;
  PeerEvent event = {kind, static_cast<uint32_t>(peer), data, length};
  network.sink(network.sink_context, &event);
}

namespace {

// ---- Endpoints and their connection. With the lock held.

bool OutboundDue(const Endpoint* endpoint) {
  if (endpoint->close_due || endpoint->reset_due || endpoint->connect_due) return true;
  if (!endpoint->connected || endpoint->peer < 0) return false;
  if (endpoint->sends != nullptr || endpoint->fin_due) return true;
  bool unacked = endpoint->unacked != nullptr || (endpoint->fin_seen && !endpoint->fin_acknowledged);
  return unacked && !network.peers[endpoint->peer].holds_acks;
}

bool InboundDue(const Endpoint* endpoint) {
  if (!endpoint->connected) return false;
  return endpoint->inbound != nullptr || endpoint->peer_fin_due || endpoint->peer_reset_due ||
         endpoint->break_due || endpoint->backlog_due || endpoint->gives_up != 0;
}

}  // namespace

void Schedule(Endpoint* endpoint) {
  if (endpoint->scheduled) return;
  // Its client does not know the endpoint yet.
  if (endpoint->half_open && !endpoint->told && !endpoint->refuse_due) return;
  if (!OutboundDue(endpoint) && !InboundDue(endpoint) && !ListenerDue(endpoint) && !HalfOpenDue(endpoint)) {
    return;
  }
  endpoint->scheduled = true;
  ExQueueWorkItem(&endpoint->work, DelayedWorkQueue);
}

void DropInbound(Endpoint* endpoint) {
  FreeBuffers(endpoint->inbound);
  endpoint->inbound = nullptr;
  endpoint->inbound_end = &endpoint->inbound;
  endpoint->peer_fin_due = endpoint->peer_reset_due = endpoint->break_due = endpoint->backlog_due = false;
  endpoint->gives_up = 0;
}

void FreePort(Endpoint* endpoint) {
  UCHAR bit = 1 << (endpoint->port % 8);
  if (endpoint->port != 0) PortsOf(endpoint->family)[endpoint->port / 8] &= ~bit;
  if (endpoint->port != 0 && endpoint->dual) network.ports[endpoint->port / 8] &= ~bit;
  endpoint->port = 0;
}

void Unlink(Endpoint* endpoint) {
  if (endpoint->peer >= 0) network.peers[endpoint->peer].endpoint = nullptr;
  endpoint->peer = -1;
}

namespace {

void EndConnection(Endpoint* endpoint) {
  endpoint->connected = endpoint->connecting = endpoint->connect_due = false;
  endpoint->fin_due = endpoint->fin_seen = endpoint->fin_acknowledged = false;
  endpoint->peer_fin_seen = endpoint->half_open = false;
  DropInbound(endpoint);
  Unlink(endpoint);
}

// ---- What an endpoint's work item does, one thing at a time. Each is entered with the lock held and leaves
// it, since it calls out.

// With the lock: takes all sends that are not over.
Send* TakeSends(Endpoint* endpoint) {
  *endpoint->unacked_end = endpoint->sends;
  Send* sends = endpoint->unacked;
  for (Send* send = sends; send != nullptr; send = send->next) send->taken = false;
  endpoint->sends = endpoint->unacked = nullptr;
  endpoint->sends_end = &endpoint->sends;
  endpoint->unacked_end = &endpoint->unacked;
  return sends;
}

void FailSends(Endpoint* endpoint, Send* sends, NTSTATUS status) {
  while (sends != nullptr) {
    Send* next = sends->next;
    endpoint->client->Sent(endpoint->context, sends, status);
    sends = next;
  }
}

// With the lock: the end of an endpoint. What its peer is to be told of it, if anything.
bool EndEndpoint(Endpoint* endpoint, PeerEvent::Kind* kind) {
  bool reset = endpoint->connected && endpoint->peer >= 0 && !endpoint->silent;
  bool refuse = endpoint->half_open;
  *kind = reset ? PeerEvent::kReset : PeerEvent::kRefused;
  if (endpoint->listening) StopListening(endpoint);
  EndConnection(endpoint);
  FreePort(endpoint);
  endpoint->close_due = endpoint->reset_due = false;
  return reset || refuse;
}

void StepClose(Endpoint* endpoint, Lock* lock) {
  LONG peer = endpoint->peer;
  const Client* client = endpoint->client;
  void* context = endpoint->context;
  Send* sends = TakeSends(endpoint);
  PeerEvent::Kind kind;
  bool tell = EndEndpoint(endpoint, &kind);
  lock->Leave();
  FailSends(endpoint, sends, STATUS_CANCELLED);
  if (tell) Report(kind, peer);
  if (client != nullptr) client->Closed(context);
}

void StepReset(Endpoint* endpoint, Lock* lock) {
  LONG peer = endpoint->peer;
  bool connected = endpoint->connected;
  endpoint->reset_due = false;
  // Sends that raced with the disconnect; the client took back the others.
  Send* sends = TakeSends(endpoint);
  EndConnection(endpoint);
  lock->Leave();
  FailSends(endpoint, sends, STATUS_CONNECTION_ABORTED);
  if (connected) Report(PeerEvent::kReset, peer);
}

void StepConnect(Endpoint* endpoint, Lock* lock) {
  endpoint->connect_due = false;
  LONG number = PeerAt(&endpoint->remote);
  Peer* peer = number >= 0 ? UsePeer(number) : nullptr;
  NTSTATUS status = STATUS_SUCCESS;
  if (peer == nullptr) {
    status = STATUS_HOST_UNREACHABLE;
  } else if (peer->policy == ConnectPolicy::kIgnore) {
    lock->Leave();
    return;
  } else if (peer->policy == ConnectPolicy::kRefuse || peer->endpoint != nullptr) {
    status = STATUS_CONNECTION_REFUSED;
  }
  endpoint->connecting = false;
  if (NT_SUCCESS(status)) {
    peer->endpoint = endpoint;
    peer->fin_sent = false;
    endpoint->peer = number;
    endpoint->connected = true;
    endpoint->ideal_backlog = kInitialBacklog;
    ResolveWildcard(&endpoint->local);
  }
  const Client* client = endpoint->client;
  void* context = endpoint->context;
  lock->Leave();
  if (NT_SUCCESS(status)) Report(PeerEvent::kConnected, number);
  client->Connected(context, status);
}

// Shows the bytes of a send to the peer, piece by piece.
void ShowSend(LONG peer, const Send* send) {
  SIZE_T left = send->length;
  SIZE_T offset = send->offset;
  for (PMDL mdl = send->mdl; left > 0 && mdl != nullptr; mdl = mdl->Next, offset = 0) {
    SIZE_T count = MmGetMdlByteCount(mdl) - offset;
    if (count > left) count = left;
    auto* bytes = static_cast<UCHAR*>(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority));
    if (bytes == nullptr) return;
    if (count > 0) Report(PeerEvent::kData, peer, bytes + offset, static_cast<uint32_t>(count));
    left -= count;
  }
}

// With the lock: the peer does not acknowledge something.
void AwaitAcknowledgement(Endpoint* endpoint) {
  if (endpoint->gives_up == 0) {
    endpoint->gives_up = static_cast<UCHAR>(Choose(kChoiceAcknowledgementTimeout, 3));
  }
}

// With the lock: a send was acknowledged.
void GrowBacklog(Endpoint* endpoint) {
  if (Choose(kChoiceBacklogGrows, 2) == 0 || !endpoint->connected) return;
  endpoint->new_backlog = endpoint->ideal_backlog + kSegment;
  endpoint->backlog_due = true;
}

// The peer sees a send or our end of the stream; unless it holds them back, acknowledgements follow.
void StepOutbound(Endpoint* endpoint, Lock* lock) {
  LONG peer = endpoint->peer;
  bool holds = network.peers[peer].holds_acks;
  if (!holds && endpoint->unacked != nullptr) {
    Send* send = Pop(&endpoint->unacked, &endpoint->unacked_end);
    send->taken = false;
    GrowBacklog(endpoint);
    lock->Leave();
    endpoint->client->Sent(endpoint->context, send, STATUS_SUCCESS);
  } else if (!holds && endpoint->fin_seen && !endpoint->fin_acknowledged) {
    endpoint->fin_acknowledged = true;
    if (endpoint->peer_fin_seen) Unlink(endpoint);
    lock->Leave();
    endpoint->client->DisconnectDone(endpoint->context, STATUS_SUCCESS);
  } else if (endpoint->sends != nullptr) {
    // The memory is safe while shown: a send in hand cannot be cancelled.
    Send* send = Pop(&endpoint->sends, &endpoint->sends_end);
    send->taken = false;
    if (!holds) GrowBacklog(endpoint);
    lock->Leave();
    ShowSend(peer, send);
    if (!holds) {
      endpoint->client->Sent(endpoint->context, send, STATUS_SUCCESS);
      return;
    }
    lock->Take();
    bool over = !endpoint->connected || send->cancelled;
    if (!over) {
      send->taken = true;
      Append(&endpoint->unacked_end, send);
      AwaitAcknowledgement(endpoint);
    }
    NTSTATUS status = send->cancelled ? STATUS_CANCELLED : STATUS_CONNECTION_ABORTED;
    lock->Leave();
    if (over) endpoint->client->Sent(endpoint->context, send, status);
  } else {
    endpoint->fin_due = false;
    endpoint->fin_seen = true;
    if (holds) AwaitAcknowledgement(endpoint);
    lock->Leave();
    Report(PeerEvent::kFin, peer);
  }
}

// Ends what waits for the peer, then says that there is no peer any more. `status` is what becomes of sends.
void StepPeerReset(Endpoint* endpoint, Lock* lock, NTSTATUS status) {
  LONG peer = endpoint->peer;
  bool ours = !endpoint->peer_reset_due;
  Send* sends = TakeSends(endpoint);
  bool fin = endpoint->fin_due || (endpoint->fin_seen && !endpoint->fin_acknowledged);
  EndConnection(endpoint);
  const Client* client = endpoint->client;
  void* context = endpoint->context;
  lock->Leave();
  if (ours) Report(PeerEvent::kReset, peer);
  FailSends(endpoint, sends, status);
  if (fin) client->DisconnectDone(context, status);
  client->Disconnected(context, true);
}

// What a peer does to a silent connection is lost on us; a reset leaves it alone with its end.
void StepSilent(Endpoint* endpoint, Lock* lock) {
  bool reset = endpoint->peer_reset_due;
  bool breaks = endpoint->break_due;
  DropInbound(endpoint);
  if (reset) Unlink(endpoint);
  endpoint->break_due = false;
  if (breaks) EndConnection(endpoint);
  lock->Leave();
  if (breaks) endpoint->client->Broken(endpoint->context);
}

// The endpoint works no more.
void StepBreak(Endpoint* endpoint, Lock* lock) {
  LONG peer = endpoint->peer;
  Send* sends = TakeSends(endpoint);
  EndConnection(endpoint);
  lock->Leave();
  if (peer >= 0) Report(PeerEvent::kReset, peer);
  FailSends(endpoint, sends, STATUS_FILE_FORCED_CLOSED);
  endpoint->client->Broken(endpoint->context);
}

void StepInbound(Endpoint* endpoint, Lock* lock) {
  if (endpoint->silent) return StepSilent(endpoint, lock);
  const Client* client = endpoint->client;
  void* context = endpoint->context;
  if (endpoint->inbound != nullptr) {
    Buffer* buffers = endpoint->inbound;
    if (buffers->next == nullptr || Choose(kChoiceCoalesce, 2) == 0) {
      endpoint->inbound = nullptr;
      endpoint->inbound_end = &endpoint->inbound;
    } else {
      Pop(&endpoint->inbound, &endpoint->inbound_end);
      buffers->next = nullptr;
    }
    lock->Leave();
    client->Received(context, buffers);
  } else if (endpoint->peer_reset_due) {
    StepPeerReset(endpoint, lock, STATUS_CONNECTION_RESET);
  } else if (endpoint->gives_up == 1) {
    StepPeerReset(endpoint, lock, STATUS_IO_TIMEOUT);
  } else if (endpoint->peer_fin_due) {
    endpoint->peer_fin_due = false;
    endpoint->peer_fin_seen = true;
    if (endpoint->fin_acknowledged) Unlink(endpoint);
    lock->Leave();
    client->Disconnected(context, false);
  } else if (endpoint->backlog_due) {
    endpoint->backlog_due = false;
    SIZE_T bytes = endpoint->ideal_backlog = endpoint->new_backlog;
    lock->Leave();
    client->BacklogChanged(context, bytes);
  } else {
    StepBreak(endpoint, lock);
  }
}

}  // namespace

bool CloseAtOnce(Endpoint* endpoint) {
  Lock lock;
  lock.Take();
  if (endpoint->scheduled || endpoint->sends != nullptr || endpoint->unacked != nullptr) {
    lock.Leave();
    return false;
  }
  LONG peer = endpoint->peer;
  PeerEvent::Kind kind;
  bool tell = EndEndpoint(endpoint, &kind);
  endpoint->next_free = network.free_endpoints;
  network.free_endpoints = endpoint;
  lock.Leave();
  if (tell) Report(kind, peer);
  return true;
}

void EndpointWork(PVOID context) {
  auto* endpoint = static_cast<Endpoint*>(context);
  Lock lock;
  while (true) {
    lock.Take();
    bool out = OutboundDue(endpoint);
    bool in = InboundDue(endpoint);
    if (endpoint->close_due || endpoint->refuse_due) {
      StepClose(endpoint, &lock);
      // The client is gone; the endpoint can be used again.
      lock.Take();
      endpoint->scheduled = false;
      endpoint->next_free = network.free_endpoints;
      network.free_endpoints = endpoint;
      lock.Leave();
      return;
    }
    if (endpoint->reset_due) {
      StepReset(endpoint, &lock);
    } else if (endpoint->connect_due) {
      StepConnect(endpoint, &lock);
    } else if (HalfOpenDue(endpoint)) {
      StepHalfOpen(endpoint, &lock);
    } else if (ListenerDue(endpoint)) {
      StepListener(endpoint, &lock);
    } else if (out && (!in || Choose(kChoiceNetworkOrder, 2) == 0)) {
      StepOutbound(endpoint, &lock);
    } else if (in) {
      StepInbound(endpoint, &lock);
    } else {
      endpoint->scheduled = false;
      lock.Leave();
      return;
    }
  }
}

}  // namespace wskcert::emulator
