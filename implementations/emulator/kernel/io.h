// What the other subsystems need of io_*.cc beyond <wdm.h>.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_IO_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_IO_H_

namespace wskcert::emulator {

void ResetIo();

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_IO_H_
