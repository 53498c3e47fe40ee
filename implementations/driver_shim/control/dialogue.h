// The testee protocol over two streams, and the recorder over two files (docs/testee_protocol.md), without
// what reads, writes and plays: plain C++ without Win32, so that it is tested where the emulator is.
#ifndef WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_DIALOGUE_H_
#define WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_DIALOGUE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "implementations/driver_shim/control/wire.h"

namespace wskcert::shim {

// How a play went.
struct Outcome {
  bool played = false;
  ErrorKind error = ErrorKind::kFault;  // if it was not played
  Bytes log;                            // a stored log: LogHeader, observations
  std::string text;                     // for people
  bool device_lost = false;             // the driver does not answer any more
  bool worn_out = false;                // it answers, and takes no further play
};

// Who plays, and says who that is.
class Testee {
 public:
  virtual ~Testee() = default;
  virtual Hello Greeting(const std::string& token) = 0;
  virtual Outcome Play(const PlayMessage& message) = 0;
};

class Stream {
 public:
  virtual ~Stream() = default;
  // At most `size` bytes, and how many; 0 at the end, and if it cannot be read.
  virtual size_t Read(uint8_t* bytes, size_t size) = 0;
  virtual bool Write(const uint8_t* bytes, size_t size) = 0;
};

// A file that is read from its beginning, cut, and then written on.
class Record : public Stream {
 public:
  virtual bool CutAt(uint64_t size) = 0;
  // What was written is on the disk.
  virtual bool Flush() = 0;
};

// What became of it.
enum class Ended {
  kDone,       // the other side said so, or is gone
  kUnusable,   // a file cannot be read or written, or is none of ours
  kDriverLost  // the driver gave out: what is left is for a new start
};

// Speaks until the end of the stream, or until the driver cannot go on.
Ended Serve(Testee* testee, Stream* in, Stream* out);

// Plays what a pack asks for and appends the answers to a record, which may have been begun before: what that
// has a mark for is not played again.
Ended RecordPack(Testee* testee, Stream* pack, Record* record);

}  // namespace wskcert::shim

#endif  // WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_DIALOGUE_H_
