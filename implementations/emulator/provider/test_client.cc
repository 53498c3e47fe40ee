#include "implementations/emulator/provider/test_client.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace wskcert::emulator {
namespace {

NTSTATUS OnComplete(PDEVICE_OBJECT, PIRP irp, PVOID context) {
  auto* test = static_cast<TestIrp*>(context);
  ++test->completions;
  test->status = irp->IoStatus.Status;
  test->information = irp->IoStatus.Information;
  char text[96];
  snprintf(text, sizeof text, "%s completes %x", test->name.c_str(), static_cast<unsigned>(test->status));
  test->log->push_back(text);
  if (test->on_complete) test->on_complete();
  KeSetEvent(&test->event, IO_NO_INCREMENT, FALSE);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

NTSTATUS OnReceive(PVOID context, ULONG flags, PWSK_DATA_INDICATION data, SIZE_T bytes, SIZE_T* accepted) {
  auto* client = static_cast<TestClient*>(context);
  ++client->receives;
  ++client->active;
  if (data == nullptr) {
    client->Log("receive NULL");
    --client->active;
    return STATUS_SUCCESS;
  }
  std::string text = TextOf(data);
  if (text.size() != bytes) client->Log("BytesIndicated is wrong");
  if (flags & WSK_FLAG_AT_DISPATCH_LEVEL && KeGetCurrentIrql() != DISPATCH_LEVEL)
    client->Log("IRQL is wrong");
  client->Log("receive(%s)", text.size() < 24 ? text.c_str() : std::to_string(text.size()).c_str());
  NTSTATUS status = STATUS_SUCCESS;
  if (client->on_receive) status = client->on_receive(data, bytes, accepted);
  if (status == STATUS_SUCCESS) client->received += text.substr(0, *accepted);
  if (status == STATUS_PENDING) client->received += text;
  --client->active;
  client->Log("receive returns %x", static_cast<unsigned>(status));
  return status;
}

NTSTATUS OnDisconnect(PVOID context, ULONG flags) {
  auto* client = static_cast<TestClient*>(context);
  ++client->disconnects;
  ++client->active;
  client->Log("disconnect(%s)", flags & WSK_FLAG_ABORTIVE ? "abortive" : "graceful");
  if (client->on_disconnect) client->on_disconnect();
  --client->active;
  client->Log("disconnect returns");
  return STATUS_SUCCESS;
}

NTSTATUS OnBacklog(PVOID context, SIZE_T bytes) {
  auto* client = static_cast<TestClient*>(context);
  ++client->backlogs;
  ++client->active;
  client->Log("backlog(%zu)", static_cast<size_t>(bytes));
  if (client->on_backlog) client->on_backlog();
  --client->active;
  return STATUS_SUCCESS;
}

NTSTATUS OnDatagrams(PVOID context, ULONG flags, PWSK_DATAGRAM_INDICATION list) {
  auto* client = static_cast<TestClient*>(context);
  ++client->datagram_calls;
  ++client->active;
  if (flags & WSK_FLAG_AT_DISPATCH_LEVEL && KeGetCurrentIrql() != DISPATCH_LEVEL)
    client->Log("IRQL is wrong");
  std::string text;
  for (PWSK_DATAGRAM_INDICATION node = list; node != nullptr; node = node->Next) {
    std::string bytes = TextOf(node->Buffer);
    if (node != list) text += ",";
    text += bytes.size() < 24 ? bytes : std::to_string(bytes.size());
    text += "@";
    text += std::to_string(PeerOfAddress(node->RemoteAddress));
  }
  if (flags & MSG_BCAST) text += " broadcast";
  if (flags & MSG_MCAST) text += " multicast";
  client->Log("datagrams(%s)", list == nullptr ? "NULL" : text.c_str());
  NTSTATUS status = STATUS_SUCCESS;
  if (client->on_datagrams) status = client->on_datagrams(list);
  --client->active;
  client->Log("datagrams return %x", static_cast<unsigned>(status));
  return status;
}

}  // namespace

TestIrp::TestIrp(std::string irp_name, std::vector<std::string>* irp_log)
    : name(std::move(irp_name)), log(irp_log), irp(IoAllocateIrp(1, FALSE)) {
  KeInitializeEvent(&event, NotificationEvent, FALSE);
  if (irp != nullptr) IoSetCompletionRoutine(irp, OnComplete, this, TRUE, TRUE, TRUE);
}

TestIrp::~TestIrp() {
  if (irp != nullptr) IoFreeIrp(irp);
}

NTSTATUS TestIrp::Wait() {
  KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, nullptr);
  return status;
}

TestBuffer::TestBuffer(std::vector<SIZE_T> pieces, ULONG offset, UCHAR fill) {
  SIZE_T total = offset;
  for (SIZE_T piece : pieces) total += piece;
  memory = static_cast<UCHAR*>(ExAllocatePool2(POOL_FLAG_NON_PAGED, total + 1, 'tseT'));
  buffer = {nullptr, offset, total - offset};
  if (memory == nullptr) {
    buffer.Length = 0;
    return;
  }
  memset(memory, fill, total);
  PMDL* link = &buffer.Mdl;
  UCHAR* at = memory;
  pieces[0] += offset;
  for (SIZE_T piece : pieces) {
    *link = IoAllocateMdl(at, static_cast<ULONG>(piece), FALSE, FALSE, nullptr);
    if (*link == nullptr) {
      buffer.Length = 0;
      return;
    }
    MmBuildMdlForNonPagedPool(*link);
    link = &(*link)->Next;
    at += piece;
  }
}

TestBuffer::~TestBuffer() {
  while (buffer.Mdl != nullptr) {
    PMDL next = buffer.Mdl->Next;
    IoFreeMdl(buffer.Mdl);
    buffer.Mdl = next;
  }
  if (memory != nullptr) ExFreePool(memory);
}

TestThread::TestThread(std::function<void()> body) : body_(std::move(body)) {
  auto routine = [](PVOID context) { static_cast<TestThread*>(context)->body_(); };
  HANDLE handle;
  if (!NT_SUCCESS(
          PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, nullptr, nullptr, nullptr, routine, this))) {
    return;
  }
  ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, nullptr, KernelMode, &thread_, nullptr);
  ZwClose(handle);
}

TestThread::~TestThread() {
  if (thread_ == nullptr) return;
  KeWaitForSingleObject(thread_, Executive, KernelMode, FALSE, nullptr);
  ObDereferenceObject(thread_);
}

std::string TestBuffer::Text(SIZE_T length) const {
  if (memory == nullptr) return "";
  return std::string(reinterpret_cast<char*>(memory) + buffer.Offset, length);
}

TestClient::TestClient() : exports(static_cast<const WSK_EXPORTS*>(EmulatorExports())) {
  client_dispatch = {MAKE_WSK_VERSION(1, 0), 0, nullptr};
  dispatch = {OnReceive, OnDisconnect, OnBacklog};
  datagram_dispatch = {OnDatagrams};
}

bool TestClient::Open() {
  WSK_CLIENT_NPI own = {this, &client_dispatch};
  if (!NT_SUCCESS(exports->Register(&own, &registration))) return false;
  memset(static_cast<void*>(&own), 0xEE, sizeof own);
  if (NT_SUCCESS(exports->CaptureProviderNPI(&registration, WSK_NO_WAIT, &npi))) return true;
  exports->Deregister(&registration);
  return false;
}

void TestClient::Close() {
  exports->ReleaseProviderNPI(&registration);
  exports->Deregister(&registration);
}

PWSK_SOCKET TestClient::Connect(uint32_t peer, bool ipv6) {
  SOCKADDR_INET local = {};
  SOCKADDR_INET remote = {};
  local.si_family = ipv6 ? AF_INET6 : AF_INET;
  PeerAddress(peer, ipv6, &remote);
  std::vector<std::string> ignored;
  TestIrp irp("connect", &ignored);
  if (irp.irp == nullptr) return nullptr;
  npi.Dispatch->WskSocketConnect(npi.Client, SOCK_STREAM, IPPROTO_TCP, reinterpret_cast<PSOCKADDR>(&local),
                                 reinterpret_cast<PSOCKADDR>(&remote), 0, this, &dispatch, nullptr, nullptr,
                                 nullptr, irp.irp);
  return NT_SUCCESS(irp.Wait()) ? reinterpret_cast<PWSK_SOCKET>(irp.information) : nullptr;
}

PWSK_SOCKET TestClient::Socket(ULONG flags) {
  std::vector<std::string> ignored;
  TestIrp irp("socket", &ignored);
  if (irp.irp == nullptr) return nullptr;
  npi.Dispatch->WskSocket(npi.Client, AF_INET, SOCK_STREAM, IPPROTO_TCP, flags, this, &dispatch, nullptr,
                          nullptr, nullptr, irp.irp);
  return NT_SUCCESS(irp.Wait()) ? reinterpret_cast<PWSK_SOCKET>(irp.information) : nullptr;
}

void TestClient::CloseSocket(PWSK_SOCKET socket) {
  std::vector<std::string> ignored;
  TestIrp irp("close", &ignored);
  // A close needs an IRP; the one allocation failure of a run is over at the second try.
  if (irp.irp == nullptr) return CloseSocket(socket);
  Functions(socket)->Basic.WskCloseSocket(socket, irp.irp);
  irp.Wait();
}

PWSK_SOCKET TestClient::DatagramSocket(uint16_t port, bool ipv6) {
  std::vector<std::string> ignored;
  TestIrp made("socket", &ignored);
  TestIrp bound("bind", &ignored);
  if (made.irp == nullptr || bound.irp == nullptr) return nullptr;
  npi.Dispatch->WskSocket(npi.Client, ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM, IPPROTO_UDP,
                          WSK_FLAG_DATAGRAM_SOCKET, this, &datagram_dispatch, nullptr, nullptr, nullptr,
                          made.irp);
  if (!NT_SUCCESS(made.Wait())) return nullptr;
  auto* socket = reinterpret_cast<PWSK_SOCKET>(made.information);
  SOCKADDR_INET local = WildcardAddress(port, ipv6);
  DatagramFunctions(socket)->WskBind(socket, reinterpret_cast<PSOCKADDR>(&local), 0, bound.irp);
  if (NT_SUCCESS(bound.Wait())) return socket;
  CloseSocket(socket);
  return nullptr;
}

NTSTATUS TestClient::SetStaticEvents(ULONG mask) {
  NPIID id = NPI_WSK_INTERFACE_ID;
  WSK_EVENT_CALLBACK_CONTROL control = {&id, mask};
  return npi.Dispatch->WskControlClient(npi.Client, WSK_SET_STATIC_EVENT_CALLBACKS, sizeof control, &control,
                                        0, nullptr, nullptr, nullptr);
}

NTSTATUS TestClient::Ioctl(PWSK_SOCKET socket, ULONG code, SIZE_T size, PVOID input) {
  std::vector<std::string> ignored;
  TestIrp irp("ioctl", &ignored);
  if (irp.irp == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  Functions(socket)->Basic.WskControlSocket(socket, WskIoctl, code, 0, size, input, 0, nullptr, nullptr,
                                            irp.irp);
  return irp.Wait();
}

NTSTATUS TestClient::Control(PWSK_SOCKET socket, ULONG mask, TestIrp* irp, const NPIID& npi_id) {
  NPIID id = npi_id;
  WSK_EVENT_CALLBACK_CONTROL control = {&id, mask};
  NTSTATUS status = Functions(socket)->Basic.WskControlSocket(
      socket, WskSetOption, SO_WSK_EVENT_CALLBACK, SOL_SOCKET, sizeof control, &control, 0, nullptr, nullptr,
      irp != nullptr ? irp->irp : nullptr);
  memset(static_cast<void*>(&control), 0xEE, sizeof control);
  memset(static_cast<void*>(&id), 0xEE, sizeof id);
  return status;
}

const WSK_PROVIDER_CONNECTION_DISPATCH* TestClient::Functions(PWSK_SOCKET socket) {
  return static_cast<const WSK_PROVIDER_CONNECTION_DISPATCH*>(socket->Dispatch);
}

const WSK_PROVIDER_DATAGRAM_DISPATCH* TestClient::DatagramFunctions(PWSK_SOCKET socket) {
  return static_cast<const WSK_PROVIDER_DATAGRAM_DISPATCH*>(socket->Dispatch);
}

void TestClient::Log(const char* format, ...) {
  char text[160];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  log.push_back(text);
}

std::string TestClient::Told() const {
  std::string told;
  for (const std::string& entry : log) told += (told.empty() ? "" : "; ") + entry;
  return told;
}

std::string TextOf(const WSK_BUF& buffer) {
  std::string text;
  SIZE_T left = buffer.Length;
  SIZE_T offset = buffer.Offset;
  for (PMDL mdl = buffer.Mdl; left > 0 && mdl != nullptr; mdl = mdl->Next, offset = 0) {
    SIZE_T count = MmGetMdlByteCount(mdl) - offset;
    if (count > left) count = left;
    auto* bytes = static_cast<char*>(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority));
    text.append(bytes + offset, count);
    left -= count;
  }
  if (left > 0) text += "<too short>";
  return text;
}

std::string TextOf(const WSK_DATA_INDICATION* list) {
  std::string text;
  for (; list != nullptr; list = list->Next) text += TextOf(list->Buffer);
  return text;
}

SOCKADDR_INET WildcardAddress(uint16_t port, bool ipv6) {
  SOCKADDR_INET address = {};
  address.si_family = ipv6 ? AF_INET6 : AF_INET;
  (ipv6 ? address.Ipv6.sin6_port : address.Ipv4.sin_port) = __builtin_bswap16(port);
  return address;
}

bool SendDatagram(uint32_t peer, uint16_t port, const std::string& text, bool ipv6, Cast cast) {
  SOCKADDR_INET to = WildcardAddress(port, ipv6);
  return PeerSendDatagram(peer, &to, reinterpret_cast<const uint8_t*>(text.data()),
                          static_cast<uint32_t>(text.size()), cast);
}

bool Send(uint32_t peer, const std::string& text, bool push) {
  return PeerSend(peer, reinterpret_cast<const uint8_t*>(text.data()), static_cast<uint32_t>(text.size()),
                  push);
}

}  // namespace wskcert::emulator
