// The part of the Windows driver interface that WSK clients and providers use, with Windows x64's names,
// layouts and numbers. The functions are implemented by the emulator's kernel runtime
// (implementations/emulator/kernel).
#ifndef WSKCERT_INCLUDE_WDM_H_
#define WSKCERT_INCLUDE_WDM_H_

#include <ntdef.h>
#include <ntstatus.h>

#ifndef NTDDI_VERSION
#define NTDDI_WIN7 0x06010000
#define NTDDI_WIN8 0x06020000
#define NTDDI_WIN10 0x0A000000
#define NTDDI_WIN10_VB 0x0A000008
#define NTDDI_VERSION NTDDI_WIN10_VB
#endif

#include <wdm/interlocked.h>
#include <wdm/ke.h>
#include <wdm/ex.h>
#include <wdm/io.h>
#include <wdm/mm.h>
#include <wdm/ps.h>
#include <wdm/registry.h>
#include <wdm/rtl.h>

#endif  // WSKCERT_INCLUDE_WDM_H_
