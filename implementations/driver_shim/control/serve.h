// What dialogue.h says, over standard input and output, and over two files.
#ifndef WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_SERVE_H_
#define WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_SERVE_H_

#include <string>

#include "implementations/driver_shim/control/machine.h"
#include "implementations/driver_shim/control/player.h"

namespace wskcert::shim {

// Speaks on standard input and output until the end of the stream, or until the driver cannot go on. Returns
// the process's exit status: 0, or 3 if the driver did not answer any more and the case at hand is lost.
int ServeStandardStreams(Player* player, const Machine& machine);

// Plays what a pack asks for and writes the answers to another, which may have been begun before: what it has
// a mark for is not played again. 0; 2 if a file cannot be used; 3 if the driver gave out before the end, so
// that a new start, after a restart of the machine, has to go on.
int RecordFiles(Player* player, const Machine& machine, const std::string& suite, const std::string& traces);

}  // namespace wskcert::shim

#endif  // WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_CONTROL_SERVE_H_
