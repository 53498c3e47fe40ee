// What the other subsystems need of ke_*.cc beyond <wdm.h>.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_KE_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_KE_H_

#include <wdm.h>

namespace wskcert::emulator {

void ResetKe();

// Bug check if the current thread, about to end, is at a raised IRQL or holds a spin lock.
void CheckThreadEnd();

// The object has become signalled: releases the waits that it satisfies.
void SatisfyWaiters(DISPATCHER_HEADER* object);

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_KE_H_
