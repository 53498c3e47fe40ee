// Levels of trace messages. Nothing is traced here; wpp.h and TraceLoggingProvider.h have the macros.
#ifndef WSKCERT_INCLUDE_EVNTRACE_H_
#define WSKCERT_INCLUDE_EVNTRACE_H_

#define TRACE_LEVEL_NONE 0
#define TRACE_LEVEL_CRITICAL 1
#define TRACE_LEVEL_FATAL 1
#define TRACE_LEVEL_ERROR 2
#define TRACE_LEVEL_WARNING 3
#define TRACE_LEVEL_INFORMATION 4
#define TRACE_LEVEL_VERBOSE 5

#endif  // WSKCERT_INCLUDE_EVNTRACE_H_
