// What the other subsystems need of ke_*.cc beyond <wdm.h>.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_KE_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_KE_H_

#include <wdm.h>

namespace wskcert::emulator {

// Every run starts at this system time: 2020-01-01 00:00 UTC, in 100 ns since 1601.
inline constexpr LONGLONG kEpoch = 132'223'104'000'000'000;

void ResetKe();

// Bug check if the current thread, about to end, is at a raised IRQL or holds a spin lock.
void CheckThreadEnd();

// The object has become signalled: releases the waits that it satisfies. Locked.
void SatisfyWaiters(DISPATCHER_HEADER* object);

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_KE_H_
