// What a program that hosts the driver on the emulator can choose. For host code.
#ifndef WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_DRIVER_HOST_EMULATOR_H_
#define WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_DRIVER_HOST_EMULATOR_H_

namespace wskcert::shim {

// With a clock the driver waits for silence and gives up what takes too long, as on a real machine, by the
// virtual time of the emulated kernel; without one quiescence is exact, and no wait has a bound. Between
// runs.
void UseClock(bool clock);

}  // namespace wskcert::shim

#endif  // WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_DRIVER_HOST_EMULATOR_H_
