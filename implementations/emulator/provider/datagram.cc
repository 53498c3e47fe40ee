// Datagram sockets: what comes in is queued, and goes to pending receives first, to the event otherwise
// (nc-wsk-pfn_wsk_receive_from.md, nc-wsk-pfn_wsk_receive_from_event.md).
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {

// One datagram of an indication, in its client area.
struct DatagramNode {
  WSK_DATAGRAM_INDICATION indication;  // first
  ULONG magic;
  BOOLEAN retained;
  Socket* socket;
  DatagramNode** list;  // where the call in progress keeps its nodes; null if retained
  DatagramNode* next;   // in that list
};
static_assert(sizeof(DatagramNode) <= sizeof(transport::Datagram::client_area));

namespace {

using transport::Datagram;

constexpr ULONG kMagic = 0x67446b57;
constexpr UCHAR kPoison = 0xDD;
// What waits on a socket without SO_RCVBUF, and what each datagram counts for beside its bytes.
constexpr SIZE_T kQueueLimit = 131072;
constexpr SIZE_T kOverhead = 64;

const transport::DatagramTransport* Below() { return WspTransport()->datagrams; }

SIZE_T AddressSize(ADDRESS_FAMILY family) {
  return family == AF_INET ? sizeof(SOCKADDR_IN) : sizeof(SOCKADDR_IN6);
}

// ---- The queue. With the lock.

void Append(Socket* socket, Datagram* datagram) {
  DatagramPart& part = socket->datagram;
  datagram->next = nullptr;
  *part.queue_end = datagram;
  part.queue_end = &datagram->next;
  socket->received_bytes += datagram->length + kOverhead;
}

Datagram* TakeFirst(Socket* socket, Datagram** list, Datagram*** end) {
  Datagram* datagram = *list;
  *list = datagram->next;
  if (*list == nullptr) *end = list;
  datagram->next = nullptr;
  socket->received_bytes -= datagram->length + kOverhead;
  return datagram;
}

// Puts a list before what is queued.
void PutBack(Socket* socket, Datagram* list) {
  DatagramPart& part = socket->datagram;
  Datagram** end = &list;
  for (; *end != nullptr; end = &(*end)->next) socket->received_bytes += (*end)->length + kOverhead;
  if (list == nullptr) return;
  *end = part.queue;
  if (part.queue == nullptr) part.queue_end = end;
  part.queue = list;
}

// Puts a list aside, for WskReceiveFrom alone.
void Keep(Socket* socket, Datagram* list) {
  DatagramPart& part = socket->datagram;
  *part.kept_end = list;
  for (; *part.kept_end != nullptr; part.kept_end = &(*part.kept_end)->next) {
    socket->received_bytes += (*part.kept_end)->length + kOverhead;
  }
}

// Moves the datagrams of a list that `gone` says to `gone_list`, all of them without a function.
void TakeOut(Socket* socket, Datagram** list, Datagram*** end, bool (*gone)(const Socket*, const Datagram*),
             Datagram** gone_list) {
  while (*list != nullptr) {
    Datagram* datagram = *list;
    if (gone != nullptr && !gone(socket, datagram)) {
      list = &datagram->next;
      continue;
    }
    *list = datagram->next;
    socket->received_bytes -= datagram->length + kOverhead;
    datagram->next = *gone_list;
    *gone_list = datagram;
  }
  *end = list;
}

// Likewise, of all that is buffered.
Datagram* TakeOutAll(Socket* socket, bool (*gone)(const Socket*, const Datagram*)) {
  DatagramPart& part = socket->datagram;
  Datagram* list = nullptr;
  TakeOut(socket, &part.kept, &part.kept_end, gone, &list);
  TakeOut(socket, &part.queue, &part.queue_end, gone, &list);
  return list;
}

bool SameAddress(const SOCKADDR_INET* a, const SOCKADDR_INET* b) {
  if (a->si_family == AF_INET) {
    return a->Ipv4.sin_port == b->Ipv4.sin_port &&
           RtlCompareMemory(&a->Ipv4.sin_addr, &b->Ipv4.sin_addr, sizeof(IN_ADDR)) == sizeof(IN_ADDR);
  }
  return a->Ipv6.sin6_port == b->Ipv6.sin6_port &&
         RtlCompareMemory(&a->Ipv6.sin6_addr, &b->Ipv6.sin6_addr, sizeof(IN6_ADDR)) == sizeof(IN6_ADDR);
}

bool IsStranger(const Socket* socket, const Datagram* datagram) {
  return !SameAddress(&socket->datagram.remote, &datagram->remote);
}

bool Buffered(const Socket* socket) {
  return socket->datagram.queue != nullptr || socket->datagram.kept != nullptr;
}

// Whether the socket takes a datagram that comes now.
bool Accepts(const Socket* socket, const Datagram* datagram) {
  const DatagramPart& part = socket->datagram;
  if (socket->state != SocketState::kOpen || socket->broken) return false;
  if (part.has_remote && !SameAddress(&part.remote, &datagram->remote)) return false;
  const Event& event = socket->events[kReceiveFromEvent];
  bool unwanted = !event.enabled && IsListEmpty(&socket->receives);
  if (unwanted && WspChoose(emulator::kChoiceUnwantedDatagrams, 2) == 1) return false;
  SIZE_T limit = socket->receive_buffer_option != 0 ? socket->receive_buffer_option : kQueueLimit;
  return !Buffered(socket) || socket->received_bytes + datagram->length + kOverhead <= limit;
}

// ---- What the transport tells

void OnReceived(void* context, Datagram* list) {
  auto* socket = static_cast<Socket*>(context);
  Datagram* refused = nullptr;
  {
    SocketLock lock(socket);
    while (list != nullptr) {
      Datagram* datagram = list;
      list = list->next;
      if (Accepts(socket, datagram)) {
        Append(socket, datagram);
        socket->datagram.stalled = FALSE;
        socket->events[kReceiveFromEvent].awaits_arrival = FALSE;
      } else {
        datagram->next = refused;
        refused = datagram;
      }
    }
  }
  if (refused != nullptr) Below()->ReturnDatagrams(refused);
  Advance(socket, Place::kTransport);
}

void OnBroken(void* context) {
  auto* socket = static_cast<Socket*>(context);
  {
    SocketLock lock(socket);
    if (socket->broken) return;
    socket->broken = TRUE;
    socket->null_due = NullIndications();
  }
  EndBroken(socket);
  Advance(socket, Place::kTransport);
}

void OnClosed(void* context) { Release(static_cast<Socket*>(context)); }

// ---- The event

DatagramNode* NodeIn(Datagram* datagram) { return reinterpret_cast<DatagramNode*>(datagram->client_area); }
Datagram* DatagramOf(DatagramNode* node) { return CONTAINING_RECORD(node, Datagram, client_area); }

// Describes a datagram in its own memory. The first MDL begins at the headers, and WSK_BUF::Offset skips
// them.
DatagramNode* MakeNode(Socket* socket, Datagram* datagram) {
  DatagramNode* node = NodeIn(datagram);
  *node = DatagramNode{};
  node->magic = kMagic;
  node->socket = socket;
  node->indication.Buffer.Length = datagram->length;
  node->indication.RemoteAddress = reinterpret_cast<PSOCKADDR>(&datagram->remote);
  node->indication.ControlInfoLength = datagram->control_length;
  if (datagram->control_length != 0)
    node->indication.ControlInfo = reinterpret_cast<PCMSGHDR>(datagram->control);
  PMDL* link = &node->indication.Buffer.Mdl;
  for (transport::Buffer* buffer = datagram->buffers; buffer != nullptr; buffer = buffer->next) {
    bool first = buffer == datagram->buffers;
    auto* mdl = reinterpret_cast<PMDL>(buffer->mdl);
    MmInitializeMdl(mdl, first ? buffer->base : buffer->base + buffer->offset,
                    (first ? buffer->offset : 0) + buffer->length);
    MmBuildMdlForNonPagedPool(mdl);
    if (first) node->indication.Buffer.Offset = buffer->offset;
    *link = mdl;
    link = &mdl->Next;
  }
  return node;
}

// The node and its MDLs are no more; the datagram remains.
Datagram* Dissolve(DatagramNode* node) {
  Datagram* datagram = DatagramOf(node);
  for (transport::Buffer* buffer = datagram->buffers; buffer != nullptr; buffer = buffer->next) {
    RtlFillMemory(buffer->mdl, sizeof buffer->mdl, kPoison);
  }
  RtlFillMemory(datagram->client_area, sizeof datagram->client_area, kPoison);
  datagram->next = nullptr;
  return datagram;
}

bool Bound(const Socket* socket) { return socket->bound; }

bool HasFunction(const Socket* socket, UCHAR) {
  return socket->datagram.dispatch != nullptr && socket->datagram.dispatch->WskReceiveFromEvent != nullptr;
}

bool Wanted(const Socket* socket, UCHAR) {
  const DatagramPart& part = socket->datagram;
  if (socket->broken) return socket->null_due != 0;
  return part.queue != nullptr && !part.stalled && (socket->event_first || IsListEmpty(&socket->receives));
}

void Prepare(Socket* socket, UCHAR, Delivery* delivery) {
  if (socket->broken || socket->breaking) {
    --socket->null_due;
    return;
  }
  delivery->enables = socket->events[kReceiveFromEvent].enables;
  socket->event_first = FALSE;
  constexpr SIZE_T kCounts[] = {1, ~static_cast<SIZE_T>(0), 2};
  bool several = socket->datagram.queue->next != nullptr;
  SIZE_T most = several ? kCounts[WspChoose(emulator::kChoiceDatagramList, 3)] : 1;
  DatagramNode** link = &delivery->datagrams;
  WSK_DATAGRAM_INDICATION** told = nullptr;
  // The call's flags speak of all its datagrams, so they are alike.
  ULONG flags = socket->datagram.queue->flags;
  delivery->flags |= flags;
  while (delivery->bytes < most && socket->datagram.queue != nullptr &&
         socket->datagram.queue->flags == flags) {
    DatagramNode* node =
        MakeNode(socket, TakeFirst(socket, &socket->datagram.queue, &socket->datagram.queue_end));
    node->list = &delivery->datagrams;
    *link = node;
    link = &node->next;
    if (told != nullptr) *told = &node->indication;
    told = &node->indication.Next;
    ++delivery->bytes;
  }
}

NTSTATUS CallClient(Socket* socket, UCHAR, Delivery* delivery) {
  DatagramNode* first = delivery->datagrams;
  return socket->datagram.dispatch->WskReceiveFromEvent(socket->context, delivery->flags,
                                                        first != nullptr ? &first->indication : nullptr);
}

// With the lock: takes the nodes that the client did not release during the call.
Datagram* TakeNodes(Delivery* delivery) {
  Datagram* list = nullptr;
  Datagram** end = &list;
  while (delivery->datagrams != nullptr) {
    DatagramNode* node = delivery->datagrams;
    delivery->datagrams = node->next;
    *end = Dissolve(node);
    end = &(*end)->next;
  }
  return list;
}

void Retain(Socket* socket, Delivery* delivery) {
  if (socket->state != SocketState::kOpen && delivery->datagrams != nullptr) {
    WspMisuse("datagrams retained from a socket that WskCloseSocket was called on",
              "nc-wsk-pfn_wsk_release_datagram_indication_list.md", socket, socket->closed_at);
  }
  if (delivery->datagrams != nullptr) socket->retained_at = WspNow();
  while (delivery->datagrams != nullptr) {
    DatagramNode* node = delivery->datagrams;
    delivery->datagrams = node->next;
    node->retained = TRUE;
    node->list = nullptr;
    ++socket->retained;
  }
}

enum class Refused : UCHAR { kDropped, kToldAgain, kForReceives };

// With the lock: the client refused. What becomes of the datagrams.
Refused Refuse(Socket* socket, const Delivery* delivery) {
  Event& event = socket->events[kReceiveFromEvent];
  Refused what;
  if (event.fixed) {
    constexpr Refused kWhat[] = {Refused::kDropped, Refused::kToldAgain, Refused::kForReceives};
    what = kWhat[WspChoose(emulator::kChoiceStaticRefusal, 3)];
    if (what == Refused::kToldAgain) socket->datagram.stalled = TRUE;
  } else {
    bool enabled_since = event.enables != delivery->enables;
    if (event.disabling) {
      // Of what follows the disable, an enable that came during the call decides.
      if (!enabled_since) event.reenable = event.keep_going = FALSE;
    } else if (!enabled_since || WspChoose(emulator::kChoiceEnableBeforeRefusal, 2) == 0) {
      event.enabled = FALSE;
    }
    bool keep = WspChoose(emulator::kChoiceRefusedDatagrams, 2) == 0;
    what = keep ? Refused::kToldAgain : Refused::kDropped;
  }
  return socket->state == SocketState::kOpen && !socket->broken ? what : Refused::kDropped;
}

void Finish(Socket* socket, UCHAR, Delivery* delivery, NTSTATUS status) {
  if (delivery->bytes == 0) return;
  Datagram* used = nullptr;
  {
    SocketLock lock(socket);
    if (status == STATUS_PENDING) {
      Retain(socket, delivery);
    } else if (status == STATUS_SUCCESS) {
      used = TakeNodes(delivery);
    } else if (status == STATUS_DATA_NOT_ACCEPTED) {
      used = TakeNodes(delivery);
      Refused what = Refuse(socket, delivery);
      if (what == Refused::kToldAgain) PutBack(socket, used);
      if (what == Refused::kForReceives) Keep(socket, used);
      if (what != Refused::kDropped) used = nullptr;
    } else {
      WspMisuse("a receive-from event callback that returned a status that the page does not list",
                "nc-wsk-pfn_wsk_receive_from_event.md", socket);
    }
  }
  if (used != nullptr) Below()->ReturnDatagrams(used);
}

// ---- Receiving

// Where a receive wants control information: in the IRP's stack location, which has room for it there.
PVOID* ControlOf(PIRP irp) {
  return reinterpret_cast<PVOID*>(&IoGetCurrentIrpStackLocation(irp)->FileObject);
}

// Gives a receive the control information; returns the flag that tells that there was no room for it.
ULONG FillControl(PIRP irp, const Datagram* datagram) {
  PULONG length = OutputOf(irp)->control_length;
  PVOID control = *ControlOf(irp);
  ULONG room = control != nullptr ? *length : 0;
  ULONG bytes = datagram->control_length < room ? datagram->control_length : room;
  if (bytes != 0) RtlCopyMemory(control, datagram->control, bytes);
  *length = datagram->control_length;
  return bytes < datagram->control_length ? MSG_CTRUNC : 0;
}

// With the lock: gives the first datagram to a receive, and sets its outcome.
void Fill(Socket* socket, PIRP irp) {
  const Request* request = RequestOf(irp);
  const ReceiveFromOutput* output = OutputOf(irp);
  DatagramPart& part = socket->datagram;
  Datagram* datagram = part.kept != nullptr ? TakeFirst(socket, &part.kept, &part.kept_end)
                                            : TakeFirst(socket, &part.queue, &part.queue_end);
  SIZE_T bytes = datagram->length < request->length ? datagram->length : request->length;
  irp->IoStatus.Status = STATUS_SUCCESS;
  irp->IoStatus.Information = bytes;
  if (!CopyToMdls(datagram->buffers, output->mdl, request->offset, bytes)) {
    irp->IoStatus.Status = STATUS_INSUFFICIENT_RESOURCES;
    irp->IoStatus.Information = 0;
  }
  ULONG flags = datagram->flags | (bytes < datagram->length ? MSG_TRUNC : 0);
  if (output->remote != nullptr) {
    RtlCopyMemory(output->remote, &datagram->remote, AddressSize(socket->family));
  }
  if (output->control_length != nullptr) flags |= FillControl(irp, datagram);
  if (output->control_flags != nullptr) *output->control_flags = flags;
  datagram->next = socket->datagram.spent;
  socket->datagram.spent = datagram;
}

// With the lock: whether the event is still to be called that won a race with a receive.
bool EventFirst(Socket* socket) {
  bool still = socket->datagram.queue != nullptr && !socket->datagram.stalled;
  if (!still || !CanBeCalled(socket, kReceiveFromEvent)) socket->event_first = FALSE;
  return socket->event_first;
}

// With the lock: as Start in receive.cc.
NTSTATUS Start(Socket* socket, PIRP irp) {
  if (socket->broken) return STATUS_FILE_FORCED_CLOSED;
  if (!socket->bound) return STATUS_INVALID_DEVICE_STATE;
  const DatagramPart& part = socket->datagram;
  bool first = Buffered(socket) && IsListEmpty(&socket->receives);
  if (first && part.kept == nullptr && !part.stalled &&
      LosesRace(socket, kReceiveFromEvent, emulator::kChoiceReceiveFromRace)) {
    socket->event_first = TRUE;
    first = false;
  }
  if (first) {
    Fill(socket, irp);
    return irp->IoStatus.Status;
  }
  return Pend(socket, &socket->receives, irp) ? STATUS_PENDING : STATUS_CANCELLED;
}

}  // namespace

const EventRules kDatagramRules = {
    {0, 0, 0, WSK_EVENT_RECEIVE_FROM, 0}, 0, Bound, HasFunction, Wanted, Prepare, CallClient, Finish};

const transport::DatagramClient kDatagramClient = {OnReceived, OnDatagramSent, OnBroken, OnClosed};

NTSTATUS OpenDatagrams(Socket* socket, const VOID* dispatch) {
  socket->datagram.dispatch = static_cast<const WSK_CLIENT_DATAGRAM_DISPATCH*>(dispatch);
  socket->datagram.queue_end = &socket->datagram.queue;
  socket->datagram.kept_end = &socket->datagram.kept;
  socket->overlapping = static_cast<BOOLEAN>(WspChoose(emulator::kChoiceOverlappingDatagrams, 2));
  return Below()->Open(&kDatagramClient, socket, socket->family, &socket->datagram.endpoint);
}

void DropDatagrams(Socket* socket) {
  Datagram* list;
  {
    SocketLock lock(socket);
    list = TakeOutAll(socket, nullptr);
  }
  if (list != nullptr) Below()->ReturnDatagrams(list);
}

void CloseDatagrams(Socket* socket, bool at_once) {
  DropDatagrams(socket);
  if (at_once && Below()->CloseAtOnce(socket->datagram.endpoint)) return Release(socket);
  Below()->Close(socket->datagram.endpoint);
}

void FillDatagramReceives(Socket* socket, PLIST_ENTRY done) {
  if (socket->broken || !Buffered(socket) || IsListEmpty(&socket->receives)) return;
  bool event_first = EventFirst(socket);
  while ((event_first ? socket->datagram.kept != nullptr : Buffered(socket)) &&
         !IsListEmpty(&socket->receives)) {
    PIRP irp = IrpOf(socket->receives.Flink);
    if (!Unpend(irp)) continue;
    Fill(socket, irp);
    InsertTailList(done, &irp->Tail.Overlay.ListEntry);
  }
}

NTSTATUS SetDatagramAddress(Socket* socket, ULONG code, SIZE_T size, const VOID* input) {
  if (socket->category != WSK_FLAG_DATAGRAM_SOCKET) return STATUS_NOT_SUPPORTED;
  if (!socket->bound) return STATUS_INVALID_DEVICE_STATE;
  bool clear = size == 0 && input == nullptr;
  auto* address = static_cast<const SOCKADDR*>(input);
  if (!clear &&
      (address == nullptr || size < AddressSize(socket->family) || address->sa_family != socket->family)) {
    return STATUS_INVALID_PARAMETER;
  }
  DatagramPart& part = socket->datagram;
  Datagram* strangers = nullptr;
  {
    SocketLock lock(socket);
    bool fixed = code == SIO_WSK_SET_REMOTE_ADDRESS;
    (fixed ? part.has_remote : part.has_send_to) = clear ? FALSE : TRUE;
    if (!clear) RtlCopyMemory(fixed ? &part.remote : &part.send_to, address, AddressSize(socket->family));
    if (!clear && fixed && Buffered(socket) && WspChoose(emulator::kChoiceQueuedStrangers, 2) == 1) {
      strangers = TakeOutAll(socket, IsStranger);
    }
  }
  if (strangers != nullptr) Below()->ReturnDatagrams(strangers);
  return STATUS_SUCCESS;
}

NTSTATUS WSKAPI WspReceiveFrom(PWSK_SOCKET wsk, PWSK_BUF buffer, ULONG flags, PSOCKADDR remote,
                               PULONG control_length, PCMSGHDR control, PULONG control_flags, PIRP irp) {
  Call call(wsk, "nc-wsk-pfn_wsk_receive_from.md");
  if (irp == nullptr) return STATUS_INVALID_PARAMETER;
  Socket* socket = call.socket();
  TakeIrp(irp, socket, RequestKind::kReceiveFrom);
  NTSTATUS status = STATUS_INVALID_PARAMETER;
  if (flags == 0 && buffer != nullptr) {
    CheckBuffer(socket, buffer);
    Request* request = RequestOf(irp);
    request->offset = buffer->Offset;
    // No datagram is longer.
    request->length = buffer->Length < transport::kMaximumDatagram ? static_cast<ULONG>(buffer->Length)
                                                                   : transport::kMaximumDatagram;
    *OutputOf(irp) = {buffer->Mdl, remote, control_length, control_flags};
    *ControlOf(irp) = control;
    SocketLock lock(socket);
    status = Start(socket, irp);
  }
  call.Leave();
  ReturnSpent(socket);
  if (status == STATUS_CANCELLED) {
    AnswerNow(socket, irp, status, 0);
    status = STATUS_PENDING;
  } else if (status != STATUS_PENDING) {
    status = Answer(socket, irp, status, irp->IoStatus.Information);
  }
  Advance(socket, Place::kClientCall);
  return status;
}

NTSTATUS WSKAPI WspReleaseDatagrams(PWSK_SOCKET wsk, PWSK_DATAGRAM_INDICATION list) {
  const char* page = "nc-wsk-pfn_wsk_release_datagram_indication_list.md";
  Call call(wsk, page);
  if (list == nullptr) return STATUS_INVALID_PARAMETER;
  Socket* socket = call.socket();
  Datagram* used = nullptr;
  {
    SocketLock lock(socket);
    // The links are the client's: it may release a part, or join lists.
    while (list != nullptr) {
      DatagramNode* node = CONTAINING_RECORD(list, DatagramNode, indication);
      list = node->indication.Next;
      if (node->magic != kMagic || node->socket != socket) {
        WspMisuse("WskRelease of datagrams that are not retained from this socket, or were released before",
                  page, wsk);
      }
      if (node->retained) {
        --socket->retained;
      } else {
        DatagramNode** link = node->list;
        while (*link != node) link = &(*link)->next;
        *link = node->next;
      }
      Datagram* datagram = Dissolve(node);
      datagram->next = used;
      used = datagram;
    }
  }
  Below()->ReturnDatagrams(used);
  return STATUS_SUCCESS;
}

}  // namespace wskcert::provider
