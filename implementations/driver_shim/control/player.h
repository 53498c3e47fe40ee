// Plays programs through the driver, with peers of user mode.
#ifndef WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_PLAYER_H_
#define WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_PLAYER_H_

#include <string>

#include "implementations/driver_shim/control/device.h"
#include "implementations/driver_shim/control/dialogue.h"
#include "implementations/driver_shim/control/peers.h"

namespace wskcert::shim {

struct PlayerOptions {
  // Of PlayRequest in ioctl.h.
  uint32_t quiet_ms = 4;
  uint32_t patience_ms = 24;
  uint32_t settle_ms = 1000;
  uint32_t hold_ms = 2000;
  uint32_t command_ms = 1000;
  uint32_t deadline_ms = 3000;  // at most; a PlayRequest may ask for less
  uint32_t log_capacity = 1u << 14;
  uint32_t absent = 0;
  uint64_t hidden = 0;  // Capability bits of the driver that this machine's kernel does not have
};

class Player {
 public:
  explicit Player(const PlayerOptions& options) : options_(options) {}
  ~Player();

  // Opens a session. False: error() says why.
  bool Open();
  const std::string& error() const { return error_; }

  // What programs find here: the driver's capabilities, less what is hidden, and the peers'.
  uint64_t Capabilities() const;
  const PlayerOptions& options() const { return options_; }

  Outcome Play(const PlayMessage& message);

 private:
  Outcome Run(const Bytes& request, uint32_t play, uint32_t timeout_ms);
  bool Ask();
  bool Answer(uint32_t play);
  void Report(const PeerReport& report, const uint8_t* bytes);
  Outcome TakeReply(DWORD returned) const;

  PlayerOptions options_;
  Device device_;
  Peers peers_;
  StatusReply status_ = {};
  std::string error_;
  Pending next_;
  Bytes command_;
  Bytes reply_;
  uint32_t plays_ = 0;
};

}  // namespace wskcert::shim

#endif  // WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_PLAYER_H_
