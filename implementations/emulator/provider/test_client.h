// A WSK client for tests: plays over the emulator's exports inside Run, and writes a log of what it sees.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_TEST_CLIENT_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_TEST_CLIENT_H_

// wdm.h must come first.
#include <wdm.h>
#include <wsk_emulator_extension.h>
#include <wsk_exports.h>

#include <functional>
#include <string>
#include <vector>

#include "implementations/emulator/emulator.h"
#include "implementations/emulator/kernel/test_support.h"
#include "implementations/emulator/provider/choices.h"
#include "implementations/emulator/transport/network.h"

namespace wskcert::emulator {

// An IRP of the client's, with what became of it.
struct TestIrp {
  TestIrp(std::string irp_name, std::vector<std::string>* irp_log);
  ~TestIrp();
  TestIrp(const TestIrp&) = delete;
  // Waits for its completion.
  NTSTATUS Wait();

  std::string name;
  std::vector<std::string>* log;
  PIRP irp;
  KEVENT event;
  int completions = 0;
  NTSTATUS status = STATUS_PENDING;
  ULONG_PTR information = 0;
  std::function<void()> on_complete;
};

// Memory with an MDL chain over it, cut into pieces of the given sizes; the first piece begins `offset` bytes
// early.
struct TestBuffer {
  TestBuffer(std::vector<SIZE_T> pieces, ULONG offset = 0, UCHAR fill = 0);
  ~TestBuffer();
  TestBuffer(const TestBuffer&) = delete;
  std::string Text(SIZE_T length) const;

  UCHAR* memory;
  WSK_BUF buffer;
};

// A thread of the kernel that runs `body`. The destructor waits for its end.
class TestThread {
 public:
  explicit TestThread(std::function<void()> body);
  ~TestThread();
  TestThread(const TestThread&) = delete;

 private:
  std::function<void()> body_;
  PVOID thread_ = nullptr;  // null if none could be made
};

// One registered client with at most a few sockets.
class TestClient {
 public:
  TestClient();
  // Captures; false if that failed.
  bool Open();
  // Releases and deregisters.
  void Close();
  // Creates a socket connected with `peer` by WskSocketConnect; null if that failed.
  PWSK_SOCKET Connect(uint32_t peer, bool ipv6 = false);
  PWSK_SOCKET Socket(ULONG flags = WSK_FLAG_CONNECTION_SOCKET);
  // A datagram socket bound to the wildcard address and `port`; null if that failed.
  PWSK_SOCKET DatagramSocket(uint16_t port, bool ipv6 = false);
  // Closes and waits.
  void CloseSocket(PWSK_SOCKET socket);
  // SO_WSK_EVENT_CALLBACK.
  NTSTATUS Control(PWSK_SOCKET socket, ULONG mask, TestIrp* irp = nullptr,
                   const NPIID& npi_id = NPI_WSK_INTERFACE_ID);
  // WSK_SET_STATIC_EVENT_CALLBACKS.
  NTSTATUS SetStaticEvents(ULONG mask);
  // A socket ioctl, awaited.
  NTSTATUS Ioctl(PWSK_SOCKET socket, ULONG code, SIZE_T size, PVOID input);
  static const WSK_PROVIDER_CONNECTION_DISPATCH* Functions(PWSK_SOCKET socket);
  static const WSK_PROVIDER_DATAGRAM_DISPATCH* DatagramFunctions(PWSK_SOCKET socket);
  void Log(const char* format, ...) __attribute__((format(printf, 2, 3)));
  // The log as one text, entries separated by "; ".
  std::string Told() const;

  std::vector<std::string> log;
  const WSK_EXPORTS* exports;
  WSK_CLIENT_DISPATCH client_dispatch;
  WSK_CLIENT_CONNECTION_DISPATCH dispatch;
  WSK_CLIENT_DATAGRAM_DISPATCH datagram_dispatch;
  WSK_REGISTRATION registration;
  WSK_PROVIDER_NPI npi;
  // What the callbacks do beyond logging. The default takes everything.
  std::function<NTSTATUS(PWSK_DATA_INDICATION, SIZE_T, SIZE_T*)> on_receive;
  std::function<NTSTATUS(PWSK_DATAGRAM_INDICATION)> on_datagrams;
  std::function<void()> on_disconnect;
  std::function<void()> on_backlog;
  int receives = 0, disconnects = 0, backlogs = 0;  // begun
  int datagram_calls = 0;
  int active = 0;  // callbacks that run now
  std::string received;
};

// The bytes of an indication.
std::string TextOf(const WSK_DATA_INDICATION* list);
std::string TextOf(const WSK_BUF& buffer);
bool Send(uint32_t peer, const std::string& text, bool push = false);
// To the datagram socket at the wildcard address and `port`.
bool SendDatagram(uint32_t peer, uint16_t port, const std::string& text, bool ipv6 = false,
                  Cast cast = Cast::kUnicast);
// The wildcard address and a port.
SOCKADDR_INET WildcardAddress(uint16_t port, bool ipv6 = false);

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_TEST_CLIENT_H_
