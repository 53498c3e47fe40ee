// TraceLogging: providers can be defined, registered and written to; nothing listens, so nothing is written
// and the arguments of an event are not evaluated, as on Windows while no session has enabled the provider.
#ifndef WSKCERT_INCLUDE_TRACELOGGINGPROVIDER_H_
#define WSKCERT_INCLUDE_TRACELOGGINGPROVIDER_H_

#include <ntdef.h>
#include <winmeta.h>

typedef struct _TraceLoggingProvider {
  const CHAR* Name;
} TRACELOGGING_PROVIDER;
typedef const TRACELOGGING_PROVIDER* TraceLoggingHProvider;

#define TRACELOGGING_DECLARE_PROVIDER(variable) EXTERN_C const TraceLoggingHProvider variable
#ifdef __cplusplus
#define TRACELOGGING_DEFINE_PROVIDER(variable, name, guid, ...)    \
  static const TRACELOGGING_PROVIDER variable##_provider = {name}; \
  extern "C" const TraceLoggingHProvider variable;                 \
  extern "C" const TraceLoggingHProvider variable = &variable##_provider
#else
#define TRACELOGGING_DEFINE_PROVIDER(variable, name, guid, ...)    \
  static const TRACELOGGING_PROVIDER variable##_provider = {name}; \
  const TraceLoggingHProvider variable = &variable##_provider
#endif
#define TraceLoggingRegister(provider) ((void)(provider), (NTSTATUS)0)
#define TraceLoggingUnregister(provider) ((void)(provider))
#define TraceLoggingProviderEnabled(provider, level, keyword) ((void)(provider), FALSE)
#define TraceLoggingWrite(provider, ...) ((void)(provider))
#define TraceLoggingWriteActivity(provider, ...) ((void)(provider))

#endif  // WSKCERT_INCLUDE_TRACELOGGINGPROVIDER_H_
