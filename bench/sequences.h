// The sequences that the benchmarks play.
#ifndef WSKCERT_BENCH_SEQUENCES_H_
#define WSKCERT_BENCH_SEQUENCES_H_

#include "conformance/certify/compile.h"

namespace wskcert::bench {

// One connection and `operations` steps: its callbacks enabled and disabled in turn, data, receives and sends
// in between, and a settle now and then: what a fuzzer plays most.
Program OneConnection(int operations);

// `sockets` connections, each connected, enabled, sent to once and disabled, with one settle between the
// rounds: 4 operations a socket.
Program ManyConnections(int sockets);

}  // namespace wskcert::bench

#endif  // WSKCERT_BENCH_SEQUENCES_H_
