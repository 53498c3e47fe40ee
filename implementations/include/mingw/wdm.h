// For builds with mingw-w64: its DDK's wdm.h, which g++ accepts only without the definitions that repeat
// <intrin.h>'s.
#ifndef WSKCERT_IMPLEMENTATIONS_INCLUDE_MINGW_WDM_H_
#define WSKCERT_IMPLEMENTATIONS_INCLUDE_MINGW_WDM_H_

#include <intrin.h>

#define InterlockedBitTestAndSet WdmInterlockedBitTestAndSet
#define InterlockedBitTestAndReset WdmInterlockedBitTestAndReset
#include <ddk/wdm.h>
#undef InterlockedBitTestAndSet
#undef InterlockedBitTestAndReset

#endif  // WSKCERT_IMPLEMENTATIONS_INCLUDE_MINGW_WDM_H_
