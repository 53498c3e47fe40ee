// What wskshim.sys and whoever drives it say to each other: control codes and what stands in their buffers.
//
// One open handle is one session. The driver plays one program at a time in it (kPlay), and has its peers act
// through it: kNextCommand is pended until a step of the program wants something of a peer, kReport answers,
// and tells what the peers saw. All requests are METHOD_BUFFERED and need a handle opened for reading and
// writing. Numbers are little endian; all structures are as they stand here, without padding. `size` is
// that of the structure, and a request whose `size` differs is refused: both sides are one version.
//
// No header but format.h: the driver, programs over Win32 and host code all include this.
#ifndef WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_IOCTL_H_
#define WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_IOCTL_H_

#include <stdint.h>

#include "conformance/executor/format.h"

namespace wskcert::shim {

inline constexpr uint32_t kProtocolVersion = 1;

// CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800 + function, METHOD_BUFFERED, FILE_READ_DATA | FILE_WRITE_DATA)
constexpr uint32_t ControlCode(uint32_t function) {
  return 0x22u << 16 | 3u << 14 | (0x800u + function) << 2;
}

inline constexpr uint32_t kStatus = ControlCode(1);  // nothing -> StatusReply
inline constexpr uint32_t kPlay = ControlCode(2);    // PlayRequest ... -> PlayReply, observations
inline constexpr uint32_t kStop = ControlCode(3);    // nothing -> nothing: ends the play that is going on
inline constexpr uint32_t kNextCommand = ControlCode(4);  // nothing -> PeerCommand, bytes
inline constexpr uint32_t kReport = ControlCode(5);       // PeerReport, bytes -> nothing

inline constexpr uint32_t kMaxLogCapacity = 1u << 16;
inline constexpr uint32_t kMaxSessions = 16;
inline constexpr uint32_t kMaxPlays = 4;            // at a time, those included that never ended
inline constexpr uint32_t kMaxCommands = 64;        // of one session, waiting for its kNextCommand
inline constexpr uint32_t kMaxPendedCommands = 16;  // kNextCommand requests of one session
inline constexpr uint32_t kMaxQuarantined = 4096;   // plays whose memory a provider may still use
inline constexpr uint64_t kMaxQuarantinedBytes = 256u << 20;

enum class State : uint32_t {
  kReady = 0,
  // A provider kept an IRP, socket or thread of a play. The driver does not unload any more and refuses new
  // sessions; those that are open go on. Ends with the machine, or with the process that stands for it.
  kQuarantined = 1,
  kUnloading = 2,
};

struct StatusReply {
  uint32_t size;
  uint32_t protocol_version;
  uint32_t format_version;
  State state;
  uint64_t capabilities;  // Capability bits that the driver itself has; its peers add theirs
  int32_t security;       // NTSTATUS of restricting the device to SYSTEM and Administrators
  uint32_t sessions;      // open handles
  uint32_t plays;         // running
  uint32_t quarantined;   // plays in quarantine
  uint64_t quarantined_bytes;
  uint32_t orphaned_irps;  // IRPs that no provider completed
  uint32_t stuck_threads;  // threads that a provider did not let go
  uint32_t max_log_capacity;
  uint32_t reserved;
};
static_assert(sizeof(StatusReply) == 64);

// Where a peer is.
struct PeerEntry {
  uint8_t ipv4[16];        // SOCKADDR_IN; all zero: not reachable by IPv4
  uint8_t ipv6[28];        // SOCKADDR_IN6, likewise
  uint16_t connects_from;  // the port, as a number, from which it will connect next; 0: the one above
  uint16_t reserved;
};
static_assert(sizeof(PeerEntry) == 48);

// How long the driver waits, in milliseconds. Each is 1 .. kMaxWait.
inline constexpr uint32_t kMaxWait = 600'000;

struct PlayRequest {
  uint32_t size;
  uint32_t play;            // a number of the sender's choice, which commands and reports repeat
  uint32_t program_offset;  // from the beginning of the request; a multiple of 8
  uint32_t program_size;
  uint32_t peers;   // PeerEntry records that follow this structure; at least as many as the program has
  uint32_t absent;  // Absent bits
  uint64_t
      capabilities;   // Capability bits of the log: the driver's, less what the machine hides, and the peers'
  uint32_t quiet_ms;  // so long nothing must happen to count as silence ...
  uint32_t
      patience_ms;     // ... or so long, while the provider owns IRPs that were passed since the last silence
  uint32_t settle_ms;  // ... and after this it counts as silence whatever happens
  uint32_t hold_ms;    // a callback is held no longer
  uint32_t command_ms;   // a peer that has not answered until then cannot do it
  uint32_t deadline_ms;  // the whole play
  uint16_t first_port;   // Environment::first_port
  uint16_t reserved[3];
};
static_assert(sizeof(PlayRequest) == 64);

// Functions that the provider exports but that must not be called, because they raise instead of returning.
inline constexpr uint32_t kAbsentQueryCharacteristics = 1;

struct PlayReply {
  uint32_t size;
  uint32_t play;
  uint32_t count;         // observations that follow; the last is a kEnd
  uint32_t flags;         // kLogOverflow
  uint64_t capabilities;  // for the log's header
  uint32_t kept_irps;     // what the provider kept: Kept of executor.h
  uint32_t kept_sockets;
  uint32_t kept_registrations;
  uint32_t stuck;  // 1: the play's threads never returned
};
static_assert(sizeof(PlayReply) == 40);

// A stimulus of the program that a peer, or the machine, is to perform. Answered by a kDone report.
struct PeerCommand {
  uint32_t size;
  uint32_t play;
  uint32_t number;  // of the command; never the same twice in a session
  uint32_t peer;
  uint16_t op;  // Op of format.h
  uint8_t push;
  uint8_t reserved;
  uint32_t code;
  uint32_t length;      // of the operation; as many bytes follow for kPeerSend and kPeerSendDatagram
  uint8_t address[28];  // SOCKADDR of the local socket that it is about, or zero
};
static_assert(sizeof(PeerCommand) == 56);

enum class ReportKind : uint32_t {
  kDone = 1,   // `number` was performed, or (value 0) cannot be
  kSight = 2,  // `peer` saw `value` (PeerSight of format.h), with `length` bytes that follow
};

struct PeerReport {
  uint32_t size;
  uint32_t play;  // reports about another play than the one that is going on are ignored
  ReportKind kind;
  uint32_t number;
  uint32_t peer;
  uint32_t value;
  uint32_t length;         // at most kMaxTransferBytes
  uint16_t connects_from;  // kDone of kPeerConnect: where `peer` will connect from next; 0: as before
  uint16_t reserved;
};
static_assert(sizeof(PeerReport) == 32);

}  // namespace wskcert::shim

#endif  // WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_IOCTL_H_
