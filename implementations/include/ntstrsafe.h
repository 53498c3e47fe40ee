// Bounded strings: the RtlString functions that drivers use. All terminate what they write and answer
// STATUS_BUFFER_OVERFLOW when they had to cut it, STATUS_INVALID_PARAMETER for a size of none or beyond the
// limit. Cch counts characters, Cb bytes. The Ex forms and the locale forms are not offered. Formats are NT's
// (wdm/rtl.h).
#ifndef WSKCERT_INCLUDE_NTSTRSAFE_H_
#define WSKCERT_INCLUDE_NTSTRSAFE_H_

#include <wdm.h>

#define NTSTRSAFE_MAX_CCH 2147483647
#define NTSTRSAFE_UNICODE_STRING_MAX_CCH (0xffff / sizeof(WCHAR))
#define STRSAFE_MAX_CCH NTSTRSAFE_MAX_CCH
typedef char* NTSTRSAFE_PSTR;
typedef const char* NTSTRSAFE_PCSTR;
typedef wchar_t* NTSTRSAFE_PWSTR;
typedef const wchar_t* NTSTRSAFE_PCWSTR;

// One body for both character widths.
#define WSKCERT_STRSAFE(suffix, type)                                                                 \
  FORCEINLINE NTSTATUS RtlStringCchLength##suffix(const type* s, SIZE_T max, SIZE_T* length) {        \
    SIZE_T n = 0;                                                                                     \
    if (length != NULL) *length = 0;                                                                  \
    if (s == NULL || max > NTSTRSAFE_MAX_CCH) return STATUS_INVALID_PARAMETER;                        \
    while (n < max && s[n] != 0) ++n;                                                                 \
    if (n == max) return STATUS_INVALID_PARAMETER;                                                    \
    if (length != NULL) *length = n;                                                                  \
    return STATUS_SUCCESS;                                                                            \
  }                                                                                                   \
  FORCEINLINE NTSTATUS RtlStringCchCopyN##suffix(type* d, SIZE_T size, const type* s, SIZE_T count) { \
    SIZE_T n = 0;                                                                                     \
    if (size == 0 || size > NTSTRSAFE_MAX_CCH) return STATUS_INVALID_PARAMETER;                       \
    while (n < size - 1 && n < count && s[n] != 0) {                                                  \
      d[n] = s[n];                                                                                    \
      ++n;                                                                                            \
    }                                                                                                 \
    d[n] = 0;                                                                                         \
    return n < count && s[n] != 0 ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;                          \
  }                                                                                                   \
  FORCEINLINE NTSTATUS RtlStringCchCopy##suffix(type* d, SIZE_T size, const type* s) {                \
    return RtlStringCchCopyN##suffix(d, size, s, NTSTRSAFE_MAX_CCH);                                  \
  }                                                                                                   \
  FORCEINLINE NTSTATUS RtlStringCchCatN##suffix(type* d, SIZE_T size, const type* s, SIZE_T count) {  \
    SIZE_T n;                                                                                         \
    NTSTATUS status = RtlStringCchLength##suffix(d, size, &n);                                        \
    if (!NT_SUCCESS(status)) return status;                                                           \
    return RtlStringCchCopyN##suffix(d + n, size - n, s, count);                                      \
  }                                                                                                   \
  FORCEINLINE NTSTATUS RtlStringCchCat##suffix(type* d, SIZE_T size, const type* s) {                 \
    return RtlStringCchCatN##suffix(d, size, s, NTSTRSAFE_MAX_CCH);                                   \
  }                                                                                                   \
  FORCEINLINE NTSTATUS RtlStringCbLength##suffix(const type* s, SIZE_T max, SIZE_T* length) {         \
    NTSTATUS status = RtlStringCchLength##suffix(s, max / sizeof(type), length);                      \
    if (length != NULL) *length *= sizeof(type);                                                      \
    return status;                                                                                    \
  }                                                                                                   \
  FORCEINLINE NTSTATUS RtlStringCbCopyN##suffix(type* d, SIZE_T size, const type* s, SIZE_T count) {  \
    return RtlStringCchCopyN##suffix(d, size / sizeof(type), s, count / sizeof(type));                \
  }                                                                                                   \
  FORCEINLINE NTSTATUS RtlStringCbCopy##suffix(type* d, SIZE_T size, const type* s) {                 \
    return RtlStringCchCopy##suffix(d, size / sizeof(type), s);                                       \
  }                                                                                                   \
  FORCEINLINE NTSTATUS RtlStringCbCatN##suffix(type* d, SIZE_T size, const type* s, SIZE_T count) {   \
    return RtlStringCchCatN##suffix(d, size / sizeof(type), s, count / sizeof(type));                 \
  }                                                                                                   \
  FORCEINLINE NTSTATUS RtlStringCbCat##suffix(type* d, SIZE_T size, const type* s) {                  \
    return RtlStringCchCat##suffix(d, size / sizeof(type), s);                                        \
  }
WSKCERT_STRSAFE(A, CHAR)
WSKCERT_STRSAFE(W, WCHAR)
#undef WSKCERT_STRSAFE

FORCEINLINE NTSTATUS RtlStringCchVPrintfA(PCHAR d, SIZE_T size, PCSTR format, va_list arguments) {
  if (size == 0 || size > NTSTRSAFE_MAX_CCH) return STATUS_INVALID_PARAMETER;
  return WskcertFormat(d, size, format, arguments) < size ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}
#define RtlStringCbVPrintfA RtlStringCchVPrintfA
// Variadic functions cannot be forced inline.
static inline __attribute__((unused)) NTSTATUS RtlStringCchPrintfA(PCHAR d, SIZE_T size, PCSTR format, ...) {
  va_list arguments;
  NTSTATUS status;
  va_start(arguments, format);
  status = RtlStringCchVPrintfA(d, size, format, arguments);
  va_end(arguments);
  return status;
}
#define RtlStringCbPrintfA RtlStringCchPrintfA

FORCEINLINE NTSTATUS RtlStringCchVPrintfW(PWCHAR d, SIZE_T size, PCWSTR format, va_list arguments) {
  if (size == 0 || size > NTSTRSAFE_MAX_CCH) return STATUS_INVALID_PARAMETER;
  return WskcertFormatWide(d, size, format, arguments) < size ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}
FORCEINLINE NTSTATUS RtlStringCbVPrintfW(PWCHAR d, SIZE_T size, PCWSTR format, va_list arguments) {
  return RtlStringCchVPrintfW(d, size / sizeof(WCHAR), format, arguments);
}
static inline __attribute__((unused)) NTSTATUS RtlStringCchPrintfW(PWCHAR d, SIZE_T size, PCWSTR format,
                                                                   ...) {
  va_list arguments;
  NTSTATUS status;
  va_start(arguments, format);
  status = RtlStringCchVPrintfW(d, size, format, arguments);
  va_end(arguments);
  return status;
}
static inline __attribute__((unused)) NTSTATUS RtlStringCbPrintfW(PWCHAR d, SIZE_T size, PCWSTR format, ...) {
  va_list arguments;
  NTSTATUS status;
  va_start(arguments, format);
  status = RtlStringCchVPrintfW(d, size / sizeof(WCHAR), format, arguments);
  va_end(arguments);
  return status;
}

FORCEINLINE NTSTATUS RtlUnicodeStringInit(PUNICODE_STRING d, PCWSTR s) {
  SIZE_T length = 0;
  if (s != NULL && !NT_SUCCESS(RtlStringCbLengthW(s, 0xffff, &length))) return STATUS_INVALID_PARAMETER;
  d->Length = (USHORT)length;
  d->MaximumLength = (USHORT)(s != NULL ? length + sizeof(WCHAR) : 0);
  d->Buffer = (PWCH)s;
  return STATUS_SUCCESS;
}

// Into counted strings; they stay as they were unless something is written.
static inline __attribute__((unused)) NTSTATUS RtlUnicodeStringPrintf(PUNICODE_STRING d, PCWSTR format, ...) {
  va_list arguments;
  SIZE_T length;
  const SIZE_T room = d->MaximumLength / sizeof(WCHAR);
  if (room == 0) return STATUS_BUFFER_OVERFLOW;
  va_start(arguments, format);
  length = WskcertFormatWide(d->Buffer, room, format, arguments);
  va_end(arguments);
  d->Length = (USHORT)((length < room ? length : room - 1) * sizeof(WCHAR));
  return length < room ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}
FORCEINLINE NTSTATUS RtlUnicodeStringCopyString(PUNICODE_STRING d, PCWSTR s) {
  d->Length = 0;
  return NT_SUCCESS(RtlAppendUnicodeToString(d, s)) ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}
FORCEINLINE NTSTATUS RtlUnicodeStringCopy(PUNICODE_STRING d, PCUNICODE_STRING s) {
  d->Length = 0;
  return NT_SUCCESS(RtlAppendUnicodeStringToString(d, s)) ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}
FORCEINLINE NTSTATUS RtlUnicodeStringCatString(PUNICODE_STRING d, PCWSTR s) {
  return NT_SUCCESS(RtlAppendUnicodeToString(d, s)) ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}
FORCEINLINE NTSTATUS RtlUnicodeStringCat(PUNICODE_STRING d, PCUNICODE_STRING s) {
  return NT_SUCCESS(RtlAppendUnicodeStringToString(d, s)) ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}

#endif  // WSKCERT_INCLUDE_NTSTRSAFE_H_
