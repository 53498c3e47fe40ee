#include "implementations/emulator/host/library.h"

#include <dlfcn.h>
#include <wdm.h>
#include <wsk.h>
#include <wsk_exports.h>
#include <wskcert_transport.h>

#include <cstddef>
#include <cstdio>
#include <cstring>

#include "implementations/emulator/transport/network.h"
#include "implementations/emulator/transport/transport.h"

namespace wskcert::emulator {
namespace {

// The C header says the same as transport.h.
#define SAME_PLACE(Type, Member, CType, CMember) \
  static_assert(offsetof(transport::Type, Member) == offsetof(CType, CMember))
static_assert(sizeof(transport::Buffer) == sizeof(WSKCERT_BUFFER));
SAME_PLACE(Buffer, base, WSKCERT_BUFFER, Base);
SAME_PLACE(Buffer, offset, WSKCERT_BUFFER, Offset);
SAME_PLACE(Buffer, length, WSKCERT_BUFFER, Length);
SAME_PLACE(Buffer, push, WSKCERT_BUFFER, Push);
SAME_PLACE(Buffer, client_area, WSKCERT_BUFFER, ClientArea);
SAME_PLACE(Buffer, mdl, WSKCERT_BUFFER, Mdl);
static_assert(sizeof(transport::Send) == sizeof(WSKCERT_SEND));
SAME_PLACE(Send, mdl, WSKCERT_SEND, Mdl);
SAME_PLACE(Send, length, WSKCERT_SEND, Length);
SAME_PLACE(Send, offset, WSKCERT_SEND, Offset);
SAME_PLACE(Send, no_delay, WSKCERT_SEND, NoDelay);
SAME_PLACE(Send, taken, WSKCERT_SEND, Taken);
SAME_PLACE(Send, cancelled, WSKCERT_SEND, Cancelled);
static_assert(sizeof(transport::Client) == sizeof(WSKCERT_TRANSPORT_CLIENT));
SAME_PLACE(Client, Connected, WSKCERT_TRANSPORT_CLIENT, Connected);
SAME_PLACE(Client, Received, WSKCERT_TRANSPORT_CLIENT, Received);
SAME_PLACE(Client, Disconnected, WSKCERT_TRANSPORT_CLIENT, Disconnected);
SAME_PLACE(Client, Sent, WSKCERT_TRANSPORT_CLIENT, Sent);
SAME_PLACE(Client, DisconnectDone, WSKCERT_TRANSPORT_CLIENT, DisconnectDone);
SAME_PLACE(Client, BacklogChanged, WSKCERT_TRANSPORT_CLIENT, BacklogChanged);
SAME_PLACE(Client, Broken, WSKCERT_TRANSPORT_CLIENT, Broken);
SAME_PLACE(Client, Closed, WSKCERT_TRANSPORT_CLIENT, Closed);
SAME_PLACE(Client, Incoming, WSKCERT_TRANSPORT_CLIENT, Incoming);
static_assert(sizeof(transport::Transport) == sizeof(WSKCERT_TRANSPORT));
SAME_PLACE(Transport, Open, WSKCERT_TRANSPORT, Open);
SAME_PLACE(Transport, Bind, WSKCERT_TRANSPORT, Bind);
SAME_PLACE(Transport, LocalAddress, WSKCERT_TRANSPORT, LocalAddress);
SAME_PLACE(Transport, Connect, WSKCERT_TRANSPORT, Connect);
SAME_PLACE(Transport, Send, WSKCERT_TRANSPORT, Send);
SAME_PLACE(Transport, CancelSend, WSKCERT_TRANSPORT, CancelSend);
SAME_PLACE(Transport, Disconnect, WSKCERT_TRANSPORT, Disconnect);
SAME_PLACE(Transport, Silence, WSKCERT_TRANSPORT, Silence);
SAME_PLACE(Transport, Break, WSKCERT_TRANSPORT, Break);
SAME_PLACE(Transport, ReturnBuffers, WSKCERT_TRANSPORT, ReturnBuffers);
SAME_PLACE(Transport, IdealBacklog, WSKCERT_TRANSPORT, IdealBacklog);
SAME_PLACE(Transport, Close, WSKCERT_TRANSPORT, Close);
SAME_PLACE(Transport, CloseAtOnce, WSKCERT_TRANSPORT, CloseAtOnce);
SAME_PLACE(Transport, Listen, WSKCERT_TRANSPORT, Listen);
SAME_PLACE(Transport, Admit, WSKCERT_TRANSPORT, Admit);
SAME_PLACE(Transport, RemoteAddress, WSKCERT_TRANSPORT, RemoteAddress);
SAME_PLACE(Transport, datagrams, WSKCERT_TRANSPORT, Datagrams);
#undef SAME_PLACE

void Fail(ProviderLibrary* library, const char* what, const char* detail) {
  std::snprintf(library->error, sizeof(library->error), "%s%s", what, detail);
}

template <typename Function>
bool Find(void* handle, const char* name, Function* function, ProviderLibrary* library) {
  *function = reinterpret_cast<Function>(dlsym(handle, name));
  if (*function != nullptr) return true;
  Fail(library, "it does not export ", name);
  return false;
}

void CopyText(void* handle, const char* symbol, char* out, size_t size) {
  const auto* text = static_cast<const char*>(dlsym(handle, symbol));
  if (text != nullptr) std::snprintf(out, size, "%s", text);
}

}  // namespace

void LoadProviderLibrary(const char* path, ProviderLibrary* library) {
  static WSK_EXPORTS exports;
  // Every symbol now: what is missing is missing here, not in the middle of a case.
  void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    Fail(library, "it cannot be loaded: ", dlerror());
    return;
  }
  if (!Find(handle, "WskRegister", &exports.Register, library) ||
      !Find(handle, "WskCaptureProviderNPI", &exports.CaptureProviderNPI, library) ||
      !Find(handle, "WskReleaseProviderNPI", &exports.ReleaseProviderNPI, library) ||
      !Find(handle, "WskDeregister", &exports.Deregister, library) ||
      !Find(handle, "WskQueryProviderCharacteristics", &exports.QueryProviderCharacteristics, library)) {
    return;
  }
  CopyText(handle, "WskcertProviderName", library->name, sizeof(library->name));
  CopyText(handle, "WskcertProviderVersion", library->version, sizeof(library->version));
  library->exports = &exports;
}

}  // namespace wskcert::emulator

extern "C" const WSKCERT_TRANSPORT* WskcertTransport(void) {
  return reinterpret_cast<const WSKCERT_TRANSPORT*>(wskcert::emulator::NetworkTransport());
}
