// What the provider needs from where it runs, apart from the kernel's functions: six functions that each
// host defines (hooks_emulator.cc for the emulator). Kernel C++; include <wdm.h> first. All may be called at
// IRQL <= DISPATCH_LEVEL.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_HOOKS_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_HOOKS_H_

#include "implementations/emulator/provider/choices.h"
#include "implementations/emulator/transport/transport.h"

namespace wskcert::provider {

// A value below Count, chosen for a ProviderChoice; 0 where nothing controls the schedule.
ULONG WspChoose(ULONG Kind, ULONG Count);

// A point where another thread may run; Kind is a ProviderChoice.
VOID WspYield(ULONG Kind);

// Whether an allocation is to fail here. The provider's memory is reserved beforehand, so without this hook
// it could fail only when the reserve is used up.
BOOLEAN WspAllocationFails(VOID);

// The client broke a rule in a way that Windows answers with a bug check or with corruption. `What` says
// which rule, `Page` where it stands; Object is the socket or registration concerned. Since is what WspNow
// was when it came to be so: the socket was closed, the list retained; 0 where it begins now.
[[noreturn]] VOID WspMisuse(const char* What, const char* Page, PVOID Object, ULONGLONG Since = 0);

// The moment, for such messages: a number that grows, the same that the host's own reports use.
ULONGLONG WspNow(VOID);

// The network below.
const transport::Transport* WspTransport(VOID);

}  // namespace wskcert::provider

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_PROVIDER_HOOKS_H_
