// The environment: what surrounds the provider under test and is not the client's to do.
//
// Whoever hosts the executor (the emulator's testbed, the driver) supplies one table of functions. The
// executor calls them from its client threads and, for Yield and ThreadNumber, from inside callbacks and
// completion routines, so those two never wait.
#ifndef WSKCERT_CONFORMANCE_EXECUTOR_ENVIRONMENT_H_
#define WSKCERT_CONFORMANCE_EXECUTOR_ENVIRONMENT_H_

#include <stdint.h>

#include "conformance/executor/format.h"

namespace wskcert {

// A stimulus to perform. Returns only when it was handed over; its effects come later.
struct Stimulus {
  Op op;  // kPeerListen .. kTransportListChange
  uint32_t peer;
  uint32_t code;
  uint32_t length;
  bool push;
  const uint8_t* bytes;  // kPeerSend, kPeerSendDatagram: `length` bytes, copied before the return
  const void* address;   // kPeerConnect, kPeerSendDatagram: SOCKADDR of the local socket
};

// Between what a client sees and what the provider does: where threads that really run at the same time meet.
enum class Edge : uint8_t {
  kEntry,          // after a call's begin stamp, before the provider's function
  kReturn,         // after the function, before the end stamp
  kCallback,       // after the provider has called, before the begin stamp
  kCallbackEnd,    // after a callback's end stamp, before it returns
  kCompletion,     // before a completion's stamp
  kCompletionEnd,  // before a completion routine returns
};

struct Environment {
  void* context;
  // Bits of Capability.
  uint64_t capabilities;
  // The provider's five functions: a const WSK_EXPORTS*.
  const void* exports;

  // Writes the SOCKADDR (at most 28 bytes) at which `peer` can be reached; returns its length, 0 if there is
  // no such peer.
  uint32_t (*PeerAddress)(void* context, uint32_t peer, bool ipv6, void* address);
  // The peer whose address this SOCKADDR is, or kNoIndex.
  uint32_t (*PeerOfAddress)(void* context, const void* address);
  // False: impossible now (no connection, not supported). PASSIVE_LEVEL or DISPATCH_LEVEL.
  bool (*Perform)(void* context, const Stimulus* stimulus);
  // Waits until nothing more happens. PASSIVE_LEVEL, client threads only.
  Quiet (*Settle)(void* context);
  // A point where another thread may be scheduled. Any level, any thread.
  void (*Yield)(void* context);
  // A moment's delay or none; no point where anything is scheduled. Any level, any thread. May be null.
  void (*Dally)(void* context, Edge edge);
  // A small dense number for the calling thread; 0 for the thread that called Play.
  uint32_t (*ThreadNumber)(void* context);
  // Says what the calling client thread is about to wait for, for a report about who waits for what. Static
  // text. May be null.
  void (*Note)(void* context, const char* text);
  // How long a callback may be held, in units of 100 ns; 0: until it is released.
  uint64_t hold_bound;
  // The guards hold for steps marked unguarded as well: for a host that would not survive a breach.
  bool always_guarded;
  // The sockets that are bound to a port of their own have this one plus the number of their slot; 0: 5000.
  uint16_t first_port;
};

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_EXECUTOR_ENVIRONMENT_H_
