// What the other subsystems need of ex_*.cc beyond <wdm.h>.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_EX_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_EX_H_

#include <wdm.h>

namespace wskcert::emulator {

void ResetEx();

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_EX_H_
