// An extension interface of the emulator's own (registering-an-extension-interface.md): one function that
// asks for an event, and one event callback that tells of it. Windows defines no extension interface; this
// one is there so that basic sockets, foreign NPI ids and the rules of extension callbacks can be exercised.
// Include <wsk.h> first.
//
// Registered with SIO_WSK_REGISTER_EXTENSION on a socket of any category. Its event is enabled and disabled
// with SO_WSK_EVENT_CALLBACK, NpiId pointing to NPI_WSKEMU_PING_ID and EventMask WSKEMU_EVENT_PING; it obeys
// what that page says of calls in progress.
#ifndef WSKCERT_IMPLEMENTATIONS_INCLUDE_WSK_EMULATOR_EXTENSION_H_
#define WSKCERT_IMPLEMENTATIONS_INCLUDE_WSK_EMULATOR_EXTENSION_H_

#include <wsk.h>

#ifdef __cplusplus
extern "C" {
#endif

// {5D0F3B1E-6C1A-4E57-9A0B-31D4C8E7F20A}
static const NPIID NPI_WSKEMU_PING_ID = {
    0x5D0F3B1E, 0x6C1A, 0x4E57, {0x9A, 0x0B, 0x31, 0xD4, 0xC8, 0xE7, 0xF2, 0x0A}};

// The flag of the one event. Its number is that of a standard event on purpose: masks of different NPIs are
// separate.
#define WSKEMU_EVENT_PING 0x00000040

// The event: a ping with this value was asked for. What it returns does not matter. IRQL <= DISPATCH_LEVEL,
// an arbitrary thread.
typedef NTSTATUS(WSKAPI* PFN_WSKEMU_PING_EVENT)(PVOID ClientContext, ULONG Value);

typedef struct _WSKEMU_CLIENT_PING_DISPATCH {
  PFN_WSKEMU_PING_EVENT PingEvent;
} WSKEMU_CLIENT_PING_DISPATCH;

// Asks for a ping: the event callback comes later, if it is enabled then. STATUS_SUCCESS;
// STATUS_INSUFFICIENT_RESOURCES while 16 are waiting; STATUS_FILE_FORCED_CLOSED on a socket that no longer
// works. IRQL <= DISPATCH_LEVEL.
typedef NTSTATUS(WSKAPI* PFN_WSKEMU_PING)(PVOID ProviderContext, ULONG Value);

typedef struct _WSKEMU_PROVIDER_PING_DISPATCH {
  PFN_WSKEMU_PING Ping;
} WSKEMU_PROVIDER_PING_DISPATCH;

#ifdef __cplusplus
}
#endif

#endif  // WSKCERT_IMPLEMENTATIONS_INCLUDE_WSK_EMULATOR_EXTENSION_H_
