// A provider's five exports as a table, so that a client can be played over any provider, and an interposer
// can stand between the two. Include <wdm.h> first. The members behave as the functions of the same names in
// wsk.h.
#ifndef WSKCERT_IMPLEMENTATIONS_INCLUDE_WSK_EXPORTS_H_
#define WSKCERT_IMPLEMENTATIONS_INCLUDE_WSK_EXPORTS_H_

#include <wsk.h>

typedef struct _WSK_EXPORTS {
  NTSTATUS(WSKAPI* Register)(PWSK_CLIENT_NPI WskClientNpi, PWSK_REGISTRATION WskRegistration);
  VOID(WSKAPI* Deregister)(PWSK_REGISTRATION WskRegistration);
  NTSTATUS(WSKAPI* CaptureProviderNPI)
  (PWSK_REGISTRATION WskRegistration, ULONG WaitTimeout, PWSK_PROVIDER_NPI WskProviderNpi);
  VOID(WSKAPI* ReleaseProviderNPI)(PWSK_REGISTRATION WskRegistration);
  NTSTATUS(WSKAPI* QueryProviderCharacteristics)
  (PWSK_REGISTRATION WskRegistration, PWSK_PROVIDER_CHARACTERISTICS WskProviderCharacteristics);
} WSK_EXPORTS, *PWSK_EXPORTS;

#endif  // WSKCERT_IMPLEMENTATIONS_INCLUDE_WSK_EXPORTS_H_
