// The part of the Windows driver interface that WSK clients and providers use, with Windows x64's names,
// layouts and numbers. The functions are implemented by the emulator's kernel runtime
// (implementations/emulator/kernel).
#ifndef WSKCERT_INCLUDE_WDM_H_
#define WSKCERT_INCLUDE_WDM_H_

#include <ntdef.h>
#include <ntstatus.h>

#include <sdkddkver.h>

#include <wdm/interlocked.h>
#include <wdm/ke.h>
#include <wdm/ex.h>
#include <wdm/ex_more.h>
#include <wdm/io.h>
#include <wdm/csq.h>
#include <wdm/mm.h>
#include <wdm/ps.h>
#include <wdm/registry.h>
#include <wdm/rtl.h>
#include <wdm/rtl_string.h>
#include <wdm/rtl_misc.h>
#include <wdm/crt.h>

#endif  // WSKCERT_INCLUDE_WDM_H_
