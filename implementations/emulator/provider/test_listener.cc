#include "implementations/emulator/provider/test_listener.h"

#include <gtest/gtest.h>

namespace wskcert::emulator {
namespace {

NTSTATUS OnAccept(PVOID context, ULONG flags, PSOCKADDR local, PSOCKADDR remote, PWSK_SOCKET socket,
                  PVOID* socket_context, const WSK_CLIENT_CONNECTION_DISPATCH** socket_dispatch) {
  auto* client = static_cast<ListenClient*>(context);
  if (flags & WSK_FLAG_AT_DISPATCH_LEVEL && KeGetCurrentIrql() != DISPATCH_LEVEL)
    client->Log("IRQL is wrong");
  if (socket == nullptr) {
    client->Log("accept event NULL");
    return STATUS_REQUEST_NOT_ACCEPTED;
  }
  if (local->sa_family != client->port.si_family) client->Log("address family is wrong");
  client->Log("accept event from %u", PeerOfAddress(remote));
  *socket_context = static_cast<TestClient*>(client);
  *socket_dispatch = &client->dispatch;
  ++client->listener_calls;
  NTSTATUS status = client->on_accept ? client->on_accept(socket) : STATUS_SUCCESS;
  --client->listener_calls;
  if (status == STATUS_SUCCESS) client->accepted.push_back(socket);
  client->Log("accept event returns %x", static_cast<unsigned>(status));
  return status;
}

WSK_INSPECT_ACTION OnInspect(PVOID context, PSOCKADDR, PSOCKADDR remote, PWSK_INSPECT_ID id) {
  auto* client = static_cast<ListenClient*>(context);
  if (id == nullptr) {
    client->Log("inspect event NULL");
    return WskInspectReject;
  }
  client->Log("inspect event from %u", PeerOfAddress(remote));
  client->inspected.push_back(*id);
  ++client->listener_calls;
  WSK_INSPECT_ACTION action = client->on_inspect ? client->on_inspect(*id) : WskInspectAccept;
  --client->listener_calls;
  client->Log("inspect event returns %d", action);
  return action;
}

NTSTATUS OnAbort(PVOID context, PWSK_INSPECT_ID id) {
  auto* client = static_cast<ListenClient*>(context);
  client->Log("abort event %u", static_cast<unsigned>(id->SerialNumber));
  client->aborted.push_back(*id);
  if (client->on_abort) client->on_abort(*id);
  return STATUS_SUCCESS;
}

void OnPeer(void* context, const PeerEvent* event) {
  auto* client = static_cast<ListenClient*>(context);
  switch (event->kind) {
    case PeerEvent::kConnected:
      return client->Log("peer %u connected", event->peer);
    case PeerEvent::kData:
      return client->Log("peer %u sees %.*s", event->peer, event->length < 20 ? event->length : 20,
                         reinterpret_cast<const char*>(event->data));
    case PeerEvent::kFin:
      return client->Log("peer %u sees the end", event->peer);
    case PeerEvent::kReset:
      return client->Log("peer %u reset", event->peer);
    case PeerEvent::kRefused:
      return client->Log("peer %u refused", event->peer);
    default:
      return;
  }
}

}  // namespace

ListenClient::ListenClient() {
  listen_dispatch = {OnAccept, OnInspect, OnAbort};
  stream_dispatch = {&listen_dispatch, &dispatch};
  NetworkSetPeerSink(OnPeer, this);
}

ListenClient::~ListenClient() { NetworkSetPeerSink(nullptr, nullptr); }

PWSK_SOCKET ListenClient::Socket(ULONG category, ADDRESS_FAMILY family, USHORT type, ULONG protocol) {
  std::vector<std::string> ignored;
  TestIrp irp("socket", &ignored);
  if (irp.irp == nullptr) return nullptr;
  const void* table = category == WSK_FLAG_LISTEN_SOCKET ? static_cast<const void*>(&listen_dispatch)
                                                         : static_cast<const void*>(&stream_dispatch);
  npi.Dispatch->WskSocket(npi.Client, family, type, protocol, category, static_cast<TestClient*>(this), table,
                          nullptr, nullptr, nullptr, irp.irp);
  return NT_SUCCESS(irp.Wait()) ? reinterpret_cast<PWSK_SOCKET>(irp.information) : nullptr;
}

NTSTATUS ListenClient::Bind(PWSK_SOCKET socket, TestIrp* irp, SOCKADDR_INET* address) {
  auto* functions = static_cast<const WSK_PROVIDER_LISTEN_DISPATCH*>(socket->Dispatch);
  return functions->WskBind(socket, reinterpret_cast<PSOCKADDR>(address), 0, irp->irp);
}

bool ListenClient::Listen(const Options& options) {
  listener = Socket(options.category, options.family);
  if (listener == nullptr) return false;
  std::vector<std::string> ignored;
  TestIrp bind("bind", &ignored), listen("listen", &ignored), address("address", &ignored);
  TestIrp only("only", &ignored);
  bool ok = bind.irp != nullptr && listen.irp != nullptr && address.irp != nullptr && only.irp != nullptr;
  auto* functions = static_cast<const WSK_PROVIDER_LISTEN_DISPATCH*>(listener->Dispatch);
  if (ok && options.family == AF_INET6) {
    ULONG value = options.v6_only;
    functions->Basic.WskControlSocket(listener, WskSetOption, IPV6_V6ONLY, IPPROTO_IPV6, sizeof value, &value,
                                      0, nullptr, nullptr, only.irp);
    only.Wait();
  }
  if (ok && options.conditional) ok = NT_SUCCESS(SetConditional(listener, 1));
  SOCKADDR_INET any = {};
  any.si_family = options.family;
  if (ok) {
    Bind(listener, &bind, &any);
    ok = NT_SUCCESS(bind.Wait());
  }
  if (ok && options.category == WSK_FLAG_STREAM_SOCKET) {
    static_cast<const WSK_PROVIDER_STREAM_DISPATCH*>(listener->Dispatch)->WskListen(listener, listen.irp);
    ok = NT_SUCCESS(listen.Wait());
  }
  if (ok) {
    PFN_WSK_GET_LOCAL_ADDRESS get =
        options.category == WSK_FLAG_STREAM_SOCKET
            ? static_cast<const WSK_PROVIDER_STREAM_DISPATCH*>(listener->Dispatch)->WskGetLocalAddress
            : functions->WskGetLocalAddress;
    get(listener, reinterpret_cast<PSOCKADDR>(&port), address.irp);
    ok = NT_SUCCESS(address.Wait());
  }
  if (!ok) CloseListener();
  return ok;
}

void ListenClient::CloseListener() {
  if (listener != nullptr) CloseSocket(listener);
  listener = nullptr;
}

void ListenClient::CloseAccepted() {
  for (PWSK_SOCKET socket : accepted) CloseSocket(socket);
  accepted.clear();
}

NTSTATUS ListenClient::Accept(PWSK_SOCKET socket, TestIrp* irp, SOCKADDR_INET* local, SOCKADDR_INET* remote) {
  auto* functions = static_cast<const WSK_PROVIDER_LISTEN_DISPATCH*>(socket->Dispatch);
  return functions->WskAccept(socket, 0, static_cast<TestClient*>(this), &dispatch,
                              reinterpret_cast<PSOCKADDR>(local), reinterpret_cast<PSOCKADDR>(remote),
                              irp->irp);
}

NTSTATUS ListenClient::InspectComplete(const WSK_INSPECT_ID& id, WSK_INSPECT_ACTION action, TestIrp* irp) {
  WSK_INSPECT_ID copy = id;
  auto* functions = static_cast<const WSK_PROVIDER_LISTEN_DISPATCH*>(listener->Dispatch);
  return functions->WskInspectComplete(listener, &copy, action, irp->irp);
}

NTSTATUS ListenClient::SetConditional(PWSK_SOCKET socket, ULONG value) {
  std::vector<std::string> ignored;
  TestIrp irp("option", &ignored);
  if (irp.irp == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  auto* functions = static_cast<const WSK_PROVIDER_BASIC_DISPATCH*>(socket->Dispatch);
  functions->WskControlSocket(socket, WskSetOption, SO_CONDITIONAL_ACCEPT, SOL_SOCKET, sizeof value, &value,
                              0, nullptr, nullptr, irp.irp);
  return irp.Wait();
}

void ListenClient::PeerConnects(uint32_t peer) {
  if (!PeerConnect(peer, &port)) Log("peer %u cannot connect", peer);
}

std::string WithListener(const std::function<void(ListenClient&, PWSK_SOCKET)>& function,
                         const RunOptions& options, const ListenClient::Options& socket) {
  EmulatorReset();
  ListenClient client;
  RunReport report = Play(
      [&] {
        if (!client.Open()) return;
        if (socket.static_events != 0) {
          NPIID id = NPI_WSK_INTERFACE_ID;
          WSK_EVENT_CALLBACK_CONTROL control = {&id, socket.static_events};
          client.npi.Dispatch->WskControlClient(client.npi.Client, WSK_SET_STATIC_EVENT_CALLBACKS,
                                                sizeof control, &control, 0, nullptr, nullptr, nullptr);
        }
        if (client.Listen(socket)) {
          function(client, client.listener);
          Settle();
          client.CloseListener();
        }
        client.Close();
      },
      options);
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message << report.deadlock << client.Told();
  EXPECT_EQ(report.leaks.irps + report.leaks.mdls + report.leaks.pool_blocks, 0u) << report.leaks.first;
  return client.Told();
}

}  // namespace wskcert::emulator
