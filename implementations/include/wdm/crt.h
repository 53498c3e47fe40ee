// Functions of the C library on wide strings, in C: the host's expect characters of 32 bits, so their names
// are redirected. In C++ use the counted strings of wdm/rtl.h: there the host's names are libstdc++'s own.
// Narrow functions (strlen, memcpy...) are the host's.
#ifndef WSKCERT_INCLUDE_WDM_CRT_H_
#define WSKCERT_INCLUDE_WDM_CRT_H_

#include <ntdef.h>
#include <string.h>

#ifndef __cplusplus
// First, so that its own declarations keep their names.
#include <wchar.h>

size_t WskcertWcslen(const WCHAR* s);
size_t WskcertWcsnlen(const WCHAR* s, size_t n);
int WskcertWcscmp(const WCHAR* a, const WCHAR* b);
int WskcertWcsncmp(const WCHAR* a, const WCHAR* b, size_t n);
int WskcertWcsnicmp(const WCHAR* a, const WCHAR* b, size_t n);
WCHAR* WskcertWcscpy(WCHAR* d, const WCHAR* s);
WCHAR* WskcertWcsncpy(WCHAR* d, const WCHAR* s, size_t n);
WCHAR* WskcertWcscat(WCHAR* d, const WCHAR* s);
WCHAR* WskcertWcschr(const WCHAR* s, WCHAR c);
WCHAR* WskcertWcsrchr(const WCHAR* s, WCHAR c);
WCHAR* WskcertWcsstr(const WCHAR* s, const WCHAR* part);
#define wcslen(s) WskcertWcslen(s)
#define wcsnlen(s, n) WskcertWcsnlen((s), (n))
#define wcscmp(a, b) WskcertWcscmp((a), (b))
#define wcsncmp(a, b, n) WskcertWcsncmp((a), (b), (n))
#define _wcsicmp(a, b) WskcertWcsnicmp((a), (b), (size_t)-1)
#define _wcsnicmp(a, b, n) WskcertWcsnicmp((a), (b), (n))
#define wcscpy(d, s) WskcertWcscpy((d), (s))
#define wcsncpy(d, s, n) WskcertWcsncpy((d), (s), (n))
#define wcscat(d, s) WskcertWcscat((d), (s))
#define wcschr(s, c) WskcertWcschr((s), (c))
#define wcsrchr(s, c) WskcertWcsrchr((s), (c))
#define wcsstr(s, part) WskcertWcsstr((s), (part))
#endif
#define _stricmp(a, b) __builtin_strcasecmp((a), (b))
#define _strnicmp(a, b, n) __builtin_strncasecmp((a), (b), (n))

#endif  // WSKCERT_INCLUDE_WDM_CRT_H_
