// Received data on its way to the receive event: lists of nodes over chains of MDLs, the provider's own
// memory, poisoned when it is given back.
#include <wdm.h>

#include "implementations/emulator/provider/provider.h"

namespace wskcert::provider {
namespace {

constexpr ULONG kNodeMagic = 0x4e6b7357;
constexpr UCHAR kPoison = 0xDD;

Node* NodeIn(transport::Buffer* buffer) { return reinterpret_cast<Node*>(buffer->client_area); }

// Describes a buffer's data by its own MDL. The first MDL of a chain begins at the headers, and
// WSK_BUF::Offset skips them; the others can have no offset.
PMDL Describe(transport::Buffer* buffer, bool first) {
  auto* mdl = reinterpret_cast<PMDL>(buffer->mdl);
  PUCHAR begin = first ? buffer->base : buffer->base + buffer->offset;
  MmInitializeMdl(mdl, begin, (first ? buffer->offset : 0) + buffer->length);
  MmBuildMdlForNonPagedPool(mdl);
  return mdl;
}

Node* MakeNode(Socket* socket, transport::Buffer* first, transport::Buffer* end) {
  Node* node = NodeIn(first);
  *node = Node{};
  node->magic = kNodeMagic;
  node->socket = socket;
  node->buffers = first;
  node->indication.Buffer.Offset = first->offset;
  PMDL* link = &node->indication.Buffer.Mdl;
  for (transport::Buffer* buffer = first; buffer != end; buffer = buffer->next) {
    *link = Describe(buffer, buffer == first);
    link = &(*link)->Next;
    node->indication.Buffer.Length += buffer->length;
  }
  return node;
}

// Takes a node's buffers; the node and its MDLs are no more.
transport::Buffer* Dissolve(Node* node) {
  transport::Buffer* buffers = node->buffers;
  for (transport::Buffer* buffer = buffers; buffer != nullptr; buffer = buffer->next) {
    RtlFillMemory(buffer->mdl, sizeof buffer->mdl, kPoison);
  }
  // A node has at least one buffer. NOLINTNEXTLINE(clang-analyzer-unix.cstring.NullArg)
  RtlFillMemory(buffers->client_area, sizeof buffers->client_area, kPoison);
  return buffers;
}

transport::Buffer** EndOf(transport::Buffer** list) {
  while (*list != nullptr) list = &(*list)->next;
  return list;
}

// Takes `bytes` off the front of a list of buffers; what is used up goes to `used`.
void Consume(transport::Buffer** list, SIZE_T bytes, transport::Buffer** used) {
  transport::Buffer** end = EndOf(used);
  while (*list != nullptr && bytes >= (*list)->length) {
    transport::Buffer* buffer = *list;
    bytes -= buffer->length;
    *list = buffer->next;
    buffer->next = nullptr;
    *end = buffer;
    end = &buffer->next;
  }
  if (*list == nullptr || bytes == 0) return;
  RtlFillMemory((*list)->base + (*list)->offset, bytes, kPoison);
  (*list)->offset += static_cast<ULONG>(bytes);
  (*list)->length -= static_cast<ULONG>(bytes);
}

// With the lock: puts unaccepted data back before what came since.
void PutBack(Socket* socket, transport::Buffer* buffers) {
  if (buffers == nullptr) return;
  SIZE_T bytes = 0;
  for (transport::Buffer* buffer = buffers; buffer != nullptr; buffer = buffer->next) bytes += buffer->length;
  transport::Buffer** end = EndOf(&buffers);
  *end = socket->received;
  if (socket->received == nullptr) socket->received_end = end;
  socket->received = buffers;
  socket->received_bytes += bytes;
}

// With the lock: all that nobody has been given, in one list.
transport::Buffer* TakeReceived(Socket* socket) {
  transport::Buffer* buffers = socket->received;
  socket->received = nullptr;
  socket->received_end = &socket->received;
  socket->received_bytes = 0;
  return buffers;
}

// With the lock: ends the node list of the callback that returned; its buffers in one list.
transport::Buffer* TakeIndicated(Socket* socket) {
  transport::Buffer* buffers = nullptr;
  transport::Buffer** end = &buffers;
  for (Node* node = socket->indicated; node != nullptr;) {
    Node* next = node->next;
    *end = Dissolve(node);
    end = EndOf(end);
    node = next;
  }
  socket->indicated = nullptr;
  return buffers;
}

void Retain(Socket* socket) {
  if (socket->state != SocketState::kOpen && socket->indicated != nullptr) {
    WspMisuse("data retained from a socket that WskCloseSocket was called on",
              "nc-wsk-pfn_wsk_release_data_indication_list.md", socket, socket->closed_at);
  }
  if (socket->indicated != nullptr) socket->retained_at = WspNow();
  for (Node* node = socket->indicated; node != nullptr; node = node->next) {
    node->retained = TRUE;
    ++socket->retained;
  }
  socket->indicated = nullptr;
}

// With the lock: takes a node that the client gives back out of the provider's books.
void Forget(Socket* socket, Node* node) {
  if (node->retained) {
    --socket->retained;
    return;
  }
  for (Node** link = &socket->indicated; *link != nullptr; link = &(*link)->next) {
    if (*link != node) continue;
    *link = node->next;
    return;
  }
}

}  // namespace

Node* BuildIndication(Socket* socket, SIZE_T* bytes, ULONG* flags) {
  bool all = socket->received->next == nullptr || WspChoose(emulator::kChoiceIndicationSize, 2) == 0;
  transport::Buffer* first = socket->received;
  transport::Buffer* rest = all ? nullptr : first->next;
  bool one_node = first->next == rest || WspChoose(emulator::kChoiceIndicationNodes, 2) == 0;
  Node** link = &socket->indicated;
  for (transport::Buffer* buffer = first; buffer != rest;) {
    transport::Buffer* end = one_node ? rest : buffer->next;
    if (buffer->push) *flags |= WSK_FLAG_ENTIRE_MESSAGE;
    *link = MakeNode(socket, buffer, end);
    *bytes += (*link)->indication.Buffer.Length;
    if (link != &socket->indicated)
      CONTAINING_RECORD(link, Node, next)->indication.Next = &(*link)->indication;
    link = &(*link)->next;
    transport::Buffer* last = buffer;
    while (last->next != end) {
      last = last->next;
      if (last->push) *flags |= WSK_FLAG_ENTIRE_MESSAGE;
    }
    last->next = nullptr;
    buffer = end;
  }
  socket->received = rest;
  if (rest == nullptr) socket->received_end = &socket->received;
  socket->received_bytes -= *bytes;
  if (WspChoose(emulator::kChoiceReleaseAsap, 2) == 1) *flags |= WSK_FLAG_RELEASE_ASAP;
  return socket->indicated;
}

void FinishIndication(Socket* socket, NTSTATUS status, SIZE_T bytes, SIZE_T accepted) {
  const char* page = "nc-wsk-pfn_wsk_receive_event.md";
  transport::Buffer* used = nullptr;
  {
    SocketLock lock(socket);
    if (status == STATUS_PENDING) {
      Retain(socket);
    } else if (status == STATUS_SUCCESS || status == STATUS_DATA_NOT_ACCEPTED) {
      if (status == STATUS_DATA_NOT_ACCEPTED) accepted = 0;
      if (accepted > bytes) WspMisuse("more bytes accepted than indicated", page, socket);
      transport::Buffer* buffers = TakeIndicated(socket);
      Consume(&buffers, accepted, &used);
      if (accepted < bytes) socket->suspended = TRUE;
      if (socket->state == SocketState::kOpen && !socket->aborted && !socket->peer_reset && !socket->broken &&
          !socket->silent) {
        PutBack(socket, buffers);
      } else if (buffers != nullptr) {
        // What is lost takes along what has come behind it.
        PutBack(socket, buffers);
        *EndOf(&used) = TakeReceived(socket);
      }
    } else {
      WspMisuse("a receive event callback that returned a status that the page does not list", page, socket);
    }
  }
  if (used != nullptr) WspTransport()->ReturnBuffers(used);
}

void ConsumeReceived(Socket* socket, SIZE_T bytes) {
  Consume(&socket->received, bytes, &socket->spent);
  socket->received_bytes -= bytes;
  if (socket->received == nullptr) socket->received_end = &socket->received;
}

void ReturnSpent(Socket* socket) {
  transport::Buffer* spent;
  transport::Datagram* datagrams;
  {
    SocketLock lock(socket);
    spent = socket->spent;
    datagrams = socket->datagram.spent;
    socket->spent = nullptr;
    socket->datagram.spent = nullptr;
  }
  if (spent != nullptr) WspTransport()->ReturnBuffers(spent);
  if (datagrams != nullptr) WspTransport()->datagrams->ReturnDatagrams(datagrams);
}

void DropReceived(Socket* socket) {
  transport::Buffer* buffers;
  {
    SocketLock lock(socket);
    buffers = TakeReceived(socket);
  }
  if (buffers != nullptr) WspTransport()->ReturnBuffers(buffers);
}

NTSTATUS WSKAPI WspRelease(PWSK_SOCKET wsk, PWSK_DATA_INDICATION list) {
  const char* page = "nc-wsk-pfn_wsk_release_data_indication_list.md";
  Call call(wsk, page);
  if (list == nullptr) return STATUS_INVALID_PARAMETER;
  Socket* socket = call.socket();
  transport::Buffer* buffers = nullptr;
  {
    SocketLock lock(socket);
    // The links are the client's: it may release a part, or join lists.
    transport::Buffer** end = &buffers;
    while (list != nullptr) {
      Node* node = CONTAINING_RECORD(list, Node, indication);
      list = node->indication.Next;
      if (node->magic != kNodeMagic || node->socket != socket) {
        WspMisuse("WskRelease of data that is not retained from this socket, or was released before", page,
                  wsk);
      }
      Forget(socket, node);
      *end = Dissolve(node);
      end = EndOf(end);
    }
  }
  WspTransport()->ReturnBuffers(buffers);
  return STATUS_SUCCESS;
}

}  // namespace wskcert::provider
