// The driver's own state. Internal to the driver.
//
// Three kinds of objects, each counted, each freed by its last reference:
//
//   OpenFile   an open handle: the session. It holds the requests for commands that are pended, and the
//   commands that
//              nobody has fetched or answered yet. Ended by the first of CLEANUP, CLOSE and unload.
//   Run        one play. A *player* thread plays it; a *watcher* thread waits for that, but not for ever,
//   completes
//              the request and decides what becomes of the memory.
//   Command    something that a peer is to do; a step of the program waits for the answer.
//
// Locks: Shim::lock guards the lists of files and runs, OpenFile::lock its own lists. Neither is held across
// a completion or a call of the executor, and no one takes one while holding the other.
#ifndef WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_DRIVER_SHIM_H_
#define WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_DRIVER_SHIM_H_

// clang-format off
#include <wdm.h>
#include <wsk.h>
#include <wsk_exports.h>
// clang-format on

#include "conformance/executor/executor.h"
#include "implementations/driver_shim/driver/host.h"
#include "implementations/driver_shim/ioctl.h"

namespace wskcert::shim {

struct Run;

struct OpenFile {
  LIST_ENTRY link;           // of Shim::files
  volatile LONG references;  // the handle, each pended request, the run
  volatile LONG ended;       // CLEANUP, CLOSE or unload came
  volatile LONG closed;      // the handle's reference was given up
  KSPIN_LOCK lock;           // guards what follows
  LIST_ENTRY waiting;        // IRPs of kNextCommand, by Tail.Overlay.ListEntry
  ULONG waiting_count;
  LIST_ENTRY commands;  // Command: nobody has fetched them
  LIST_ENTRY fetched;   // Command: not answered yet
  ULONG command_count;  // in both
  uint32_t last_number;
  Run* run;  // that is going on, or null
};

struct Command {
  LIST_ENTRY link;
  volatile LONG references;
  KEVENT answered;
  bool linked;  // guarded by OpenFile::lock, as the next two
  bool done;
  PeerCommand message;  // its bytes follow
};

// A port from which a peer connects.
struct Source {
  uint16_t port;
  uint16_t peer;
};
inline constexpr uint32_t kMaxSources = 4096;
inline constexpr uint32_t kThreadNumbers = 255;

struct Run {
  LIST_ENTRY link;           // of Shim::runs, Shim::over or Shim::quarantine
  volatile LONG references;  // the lists, the cancel routine, each report
  OpenFile* file;            // null once the watcher gave up its reference
  PIRP irp;
  KEVENT go;              // the watcher may begin
  KEVENT stop;            // somebody ended it
  KEVENT cancel_over;     // no cancel routine touches the IRP any more
  KEVENT played;          // the player is done
  volatile LONG stopped;  // as `stop`, to be read at any level
  volatile LONG sealed;   // somebody has ended the log
  PVOID watcher;          // thread objects
  PVOID player;
  PlayRequest request;
  Environment environment;
  WSK_EXPORTS exports;
  Session* session;
  Observation* log;
  uint32_t log_capacity;
  uint32_t log_count;  // valid once sealed
  uint32_t log_flags;
  SIZE_T bytes;  // of this block, with all that lies in it
  const PeerEntry* peers;
  LONG waited_for;  // IRPs that the last silence found outstanding
  KSPIN_LOCK sources_lock;
  volatile LONG source_count;
  Source* sources;
  PVOID volatile threads[kThreadNumbers];  // ids, by number
};

struct Shim {
  PDRIVER_OBJECT driver;
  PDEVICE_OBJECT device;
  NTSTATUS security;
  KSPIN_LOCK lock;  // guards what follows
  LIST_ENTRY files;
  LIST_ENTRY runs;  // going on
  LIST_ENTRY over;  // whose watchers are about to end
  LIST_ENTRY quarantine;
  ULONG file_count;
  ULONG run_count;
  ULONG quarantined;
  ULONG64 quarantined_bytes;
  ULONG orphaned_irps;
  ULONG stuck_threads;
  State state;
};
extern Shim g_shim;

// driver.cc -----------------------------------------------------------------------------------------------

// Completes a request. Up to DISPATCH_LEVEL, no lock held.
NTSTATUS Complete(PIRP irp, NTSTATUS status, ULONG_PTR information);

// files.cc ------------------------------------------------------------------------------------------------

NTSTATUS OpenSession(PIRP irp);
// Ends a session: pended requests are completed, commands fail, the run is stopped. Any number of times.
void EndSession(OpenFile* file);
// The handle is gone.
void CloseSession(OpenFile* file);
void ReferenceFile(OpenFile* file);
void DereferenceFile(OpenFile* file);
// The sizes are the request's; the IRP is completed or pended.
NTSTATUS NextCommand(OpenFile* file, PIRP irp);
NTSTATUS Report(OpenFile* file, PIRP irp, ULONG input_size);
// Hands a command to whoever performs it, and waits for the answer, but at most `milliseconds`. False: it
// cannot be. PASSIVE_LEVEL.
bool PerformCommand(OpenFile* file, Run* run, const Stimulus* stimulus, uint32_t milliseconds);
// Commands that nobody has answered fail.
void FailCommands(OpenFile* file);

// plays.cc ------------------------------------------------------------------------------------------------

NTSTATUS StartPlay(OpenFile* file, PIRP irp, ULONG input_size, ULONG output_size);
void StopRun(Run* run);
void DereferenceRun(Run* run);
// Runs whose watchers have ended are freed. With `wait` it waits for those that have not. PASSIVE_LEVEL.
void Reap(bool wait);
// Unload: waits until nothing is left that a provider may still come back with.
void WaitForQuarantine();

// environment.cc ------------------------------------------------------------------------------------------

// Fills run->environment, and takes the run's peers in.
void SetUpEnvironment(Run* run);
// `peer` will connect from this port. False: too many.
bool AddSource(Run* run, uint16_t port, uint32_t peer);

// Milliseconds as waits take them.
inline LARGE_INTEGER After(uint32_t milliseconds) {
  LARGE_INTEGER time;
  time.QuadPart = -static_cast<LONGLONG>(milliseconds) * 10'000;
  return time;
}

// The bound of a wait, in `time`; null where the host has no clock.
inline PLARGE_INTEGER Within(uint32_t milliseconds, PLARGE_INTEGER time) {
  *time = After(milliseconds);
  return HostHasClock() ? time : nullptr;
}

}  // namespace wskcert::shim

#endif  // WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_DRIVER_SHIM_H_
