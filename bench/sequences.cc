#include "bench/sequences.h"

#include <cstdlib>
#include <iostream>

namespace wskcert::bench {
namespace {

Program MustCompile(const Sequence& sequence) {
  absl::StatusOr<Program> program = Compile(sequence, EmulatorChoices());
  if (!program.ok()) {
    std::cerr << program.status() << "\n";
    std::abort();
  }
  return *std::move(program);
}

void AddEnable(Step* step, uint32_t socket) {
  step->mutable_event_callback()->set_socket(socket);
  step->mutable_event_callback()->add_mask(RECEIVE);
  step->mutable_event_callback()->add_mask(DISCONNECT);
}

void AddDisable(Step* step, uint32_t socket, uint32_t irp) {
  step->set_irp(irp);
  step->mutable_event_callback()->set_socket(socket);
  step->mutable_event_callback()->add_mask(RECEIVE);
  step->mutable_event_callback()->add_mask(DISABLE);
}

// The n-th operation after the connect, in a pattern of eight.
void AddOperation(int n, Step* step) {
  const uint32_t irp = static_cast<uint32_t>(1 + n % 4);
  switch (n % 8) {
    case 0:
      return AddEnable(step, 0);
    case 1:
    case 5:
      return step->mutable_peer_send()->set_length(64);
    case 3:
      return AddDisable(step, 0, irp);
    case 4:
      step->set_irp(irp);
      return step->mutable_receive()->set_length(64);
    case 7:
      step->set_irp(irp);
      return step->mutable_send()->set_length(64);
    default:
      step->mutable_settle();
  }
}

}  // namespace

Program OneConnection(int operations) {
  Sequence sequence;
  Thread* thread = sequence.add_threads();
  Step* connect = thread->add_steps();
  connect->set_irp(0);
  connect->mutable_socket_connect();
  thread->add_steps()->mutable_settle();
  for (int n = 0; n < operations - 2; ++n) AddOperation(n, thread->add_steps());
  return MustCompile(sequence);
}

Program ManyConnections(int sockets) {
  Sequence sequence;
  Thread* thread = sequence.add_threads();
  const uint32_t count = static_cast<uint32_t>(sockets);
  for (uint32_t i = 0; i < count; ++i) {
    Step* connect = thread->add_steps();
    connect->set_irp(i);
    connect->mutable_socket_connect()->set_socket(i);
    connect->mutable_socket_connect()->set_peer(i);
  }
  thread->add_steps()->mutable_settle();
  for (uint32_t i = 0; i < count; ++i) AddEnable(thread->add_steps(), i);
  for (uint32_t i = 0; i < count; ++i) {
    Step* send = thread->add_steps();
    send->mutable_peer_send()->set_peer(i);
    send->mutable_peer_send()->set_length(64);
  }
  thread->add_steps()->mutable_settle();
  for (uint32_t i = 0; i < count; ++i) AddDisable(thread->add_steps(), i, i);
  return MustCompile(sequence);
}

}  // namespace wskcert::bench
