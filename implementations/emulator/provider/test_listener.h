// A WSK client with a listening socket, for tests.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_TEST_LISTENER_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_TEST_LISTENER_H_

// wdm.h must come first.
#include <wdm.h>

#include <functional>
#include <string>
#include <vector>

#include "implementations/emulator/provider/test_client.h"

namespace wskcert::emulator {

// Logs the listening socket's callbacks and, beside what TestClient logs, what peers see.
class ListenClient : public TestClient {
 public:
  struct Options {
    ULONG category = WSK_FLAG_LISTEN_SOCKET;
    ADDRESS_FAMILY family = AF_INET;
    ULONG static_events = 0;
    bool conditional = false;
    ULONG v6_only = 1;
  };

  ListenClient();
  ~ListenClient();
  // Makes the listening socket at a free port; false if that failed.
  bool Listen(const Options& options);
  void CloseListener();
  // Closes what the accept event accepted.
  void CloseAccepted();
  PWSK_SOCKET Socket(ULONG category, ADDRESS_FAMILY family = AF_INET, USHORT type = SOCK_STREAM,
                     ULONG protocol = IPPROTO_TCP);
  NTSTATUS Bind(PWSK_SOCKET socket, TestIrp* irp, SOCKADDR_INET* address);
  NTSTATUS Accept(PWSK_SOCKET listener, TestIrp* irp, SOCKADDR_INET* local = nullptr,
                  SOCKADDR_INET* remote = nullptr);
  NTSTATUS InspectComplete(const WSK_INSPECT_ID& id, WSK_INSPECT_ACTION action, TestIrp* irp);
  // SO_CONDITIONAL_ACCEPT; the IRP's outcome.
  NTSTATUS SetConditional(PWSK_SOCKET socket, ULONG value);
  void PeerConnects(uint32_t peer);

  PWSK_SOCKET listener = nullptr;
  SOCKADDR_INET port = {};  // what the listening socket is bound to
  WSK_CLIENT_LISTEN_DISPATCH listen_dispatch;
  WSK_CLIENT_STREAM_DISPATCH stream_dispatch;
  std::vector<PWSK_SOCKET> accepted;
  std::vector<WSK_INSPECT_ID> inspected, aborted;
  int listener_calls = 0;  // the listening socket's callbacks that run now
  // What the callbacks answer. The defaults accept.
  std::function<NTSTATUS(PWSK_SOCKET)> on_accept;
  std::function<WSK_INSPECT_ACTION(const WSK_INSPECT_ID&)> on_inspect;
  std::function<void(const WSK_INSPECT_ID&)> on_abort;
};

// Plays with a client and its listening socket; afterwards everything must be given back. Returns the log.
std::string WithListener(const std::function<void(ListenClient&, PWSK_SOCKET)>& function,
                         const RunOptions& options = {}, const ListenClient::Options& socket = {});

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_TEST_LISTENER_H_
