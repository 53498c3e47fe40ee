// The executor: a WSK client application that plays programs and records what it sees.
//
// Kernel C++ over wdm.h and wsk.h alone (docs/kernel_cpp.md), so that the same source runs in the emulator's
// process and in a driver. This header needs neither, so host code may include it.
//
//   alignas(16) static uint8_t memory[...];                      // at least SessionBytes(program)
//   Session* session = CreateSession(memory, sizeof memory, program, program_size, log, log_capacity,
//   &environment); Play(session);                                               // on a thread at
//   PASSIVE_LEVEL uint32_t n = LogCount(session);                              // observations 0..n-1 of
//   `log`
//
// The executor trusts nothing that a provider does: contexts, indication chains and completions are checked
// before they are touched, a second completion is recorded instead of followed, and no memory handed to a
// provider is recycled while the session lives. What it cannot survive (a provider that corrupts memory) is
// for the host to catch.
#ifndef WSKCERT_CONFORMANCE_EXECUTOR_EXECUTOR_H_
#define WSKCERT_CONFORMANCE_EXECUTOR_EXECUTOR_H_

#include <stddef.h>
#include <stdint.h>

#include "conformance/executor/environment.h"
#include "conformance/executor/format.h"

namespace wskcert {

class Session;

// Bytes of memory that a session for this (validated) program needs.
size_t SessionBytes(const void* program);

// Prepares a session in `memory` (16-byte aligned; nonpaged in a kernel). `program` must have passed
// ValidateProgram and stay valid and unchanged, as must `log`, `environment` and `memory`, until the session
// is over: Play has returned and no IRP is left with the provider (Outstanding() == 0). Null if the memory is
// too small.
Session* CreateSession(void* memory, size_t memory_size, const void* program, Observation* log,
                       uint32_t log_capacity, const Environment* environment);

// Plays the program: set-up, steps, tear-down. PASSIVE_LEVEL. Returns when every client thread is done.
void Play(Session* session);

// For a host that ended the run from outside (a bugcheck, a watchdog): callbacks no longer find this session.
// Play calls it itself.
void AbandonSession(Session* session);

// Records what a peer saw. Called by the environment, from any thread, at or below DISPATCH_LEVEL.
void PeerSaw(Session* session, PeerSight sight, uint32_t peer, const uint8_t* bytes, uint32_t length);

// Observations recorded so far, at most the log's capacity.
uint32_t LogCount(const Session* session);

// True if the log was too small: what came after it is lost.
bool LogOverflowed(const Session* session);

// True if the client still has something of the provider's, so that the provider may still keep memory for
// it: a registration or capture, a socket whose close has not completed, a retained list, an outstanding IRP.
// Only with manual_teardown, or after a run that did not finish.
bool LeftOpen(const Session* session);

// IRPs that the provider still owns.
uint32_t Outstanding(const Session* session);

// For hosts whose memory outlives no provider (a driver). On such a host silence is only timed, and a
// provider may keep what it was given, or come back with it at any time.

// Ends the log: from now on nothing more is recorded. Returns how many records there are; one that was
// reserved before may still be being filled, which LogComplete tells. Any level, once.
uint32_t SealLog(Session* session);
// Whether the first `count` records are all filled, so that nothing writes to the log any more.
bool LogComplete(const Session* session, uint32_t count);

// After Play and SealLog, where a tear-down was left to the program, or was not possible then: releases
// lists, closes sockets and deregisters clients, unrecorded. PASSIVE_LEVEL, where Play was called.
void Sweep(Session* session);

// While Play still runs on another thread, after SealLog: gives back lists, sockets and captures, unrecorded,
// so that a WskDeregister that waits for them returns. PASSIVE_LEVEL.
void GiveBack(Session* session);

// What the provider may still come back with. The session's memory must stay while there is anything.
struct Kept {
  uint32_t irps;           // never completed
  uint32_t sockets;        // not closed, or made too late
  uint32_t registrations;  // not ended
  uint32_t calls;          // callbacks and completion routines that have not returned
};
Kept WhatIsKept(const Session* session);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_EXECUTOR_EXECUTOR_H_
