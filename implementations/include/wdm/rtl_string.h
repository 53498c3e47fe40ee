// Counted strings beyond the basic ones of wdm/rtl.h. Letters are folded for ASCII and Latin-1. Those that
// allocate do so from paged pool; PASSIVE_LEVEL, all of them, as on Windows, unless noted.
#ifndef WSKCERT_INCLUDE_WDM_RTL_STRING_H_
#define WSKCERT_INCLUDE_WDM_RTL_STRING_H_

#include <wdm/rtl.h>

EXTERN_C_START

// Empty strings over a buffer. Any IRQL.
FORCEINLINE VOID RtlInitEmptyUnicodeString(PUNICODE_STRING String, PWCHAR Buffer, USHORT BufferSize) {
  String->Length = 0;
  String->MaximumLength = BufferSize;
  String->Buffer = Buffer;
}
FORCEINLINE VOID RtlInitEmptyAnsiString(PANSI_STRING String, PCHAR Buffer, USHORT BufferSize) {
  String->Length = 0;
  String->MaximumLength = BufferSize;
  String->Buffer = Buffer;
}
VOID RtlInitString(PSTRING Destination, PCSZ Source);
VOID RtlInitUTF8String(PUTF8_STRING Destination, PCSZ Source);

VOID RtlCopyString(PSTRING Destination, const STRING* Source);  // Truncates.
LONG RtlCompareString(const STRING* A, const STRING* B, BOOLEAN CaseInSensitive);
BOOLEAN RtlEqualString(const STRING* A, const STRING* B, BOOLEAN CaseInSensitive);
BOOLEAN RtlPrefixUnicodeString(PCUNICODE_STRING Prefix, PCUNICODE_STRING String, BOOLEAN CaseInSensitive);
CHAR RtlUpperChar(CHAR Character);
WCHAR RtlDowncaseUnicodeChar(WCHAR SourceCharacter);
NTSTATUS RtlUpcaseUnicodeString(PUNICODE_STRING Destination, PCUNICODE_STRING Source, BOOLEAN Allocate);
#define HASH_STRING_ALGORITHM_DEFAULT 0
#define HASH_STRING_ALGORITHM_X65599 1
NTSTATUS RtlHashUnicodeString(PCUNICODE_STRING String, BOOLEAN CaseInSensitive, ULONG Algorithm,
                              PULONG Value);

// Between the character widths. ANSI is Latin-1; what it lacks becomes '?'. STATUS_BUFFER_OVERFLOW: the
// destination is too small and was not to be allocated. The results are terminated where there is room.
NTSTATUS RtlAnsiStringToUnicodeString(PUNICODE_STRING Destination, PCANSI_STRING Source, BOOLEAN Allocate);
NTSTATUS RtlUnicodeStringToAnsiString(PANSI_STRING Destination, PCUNICODE_STRING Source, BOOLEAN Allocate);
NTSTATUS RtlUTF8StringToUnicodeString(PUNICODE_STRING Destination, const UTF8_STRING* Source,
                                      BOOLEAN Allocate);
NTSTATUS RtlUnicodeStringToUTF8String(PUTF8_STRING Destination, PCUNICODE_STRING Source, BOOLEAN Allocate);
#define RtlAnsiStringToUnicodeSize(s) ((ULONG)((s)->Length + 1) * sizeof(WCHAR))
#define RtlUnicodeStringToAnsiSize(s) ((ULONG)(s)->Length / sizeof(WCHAR) + 1)
VOID RtlFreeAnsiString(PANSI_STRING AnsiString);
VOID RtlFreeUTF8String(PUTF8_STRING Utf8String);
// Sizes in bytes; a NULL destination asks for the size. STATUS_SOME_NOT_MAPPED: there were invalid sequences,
// which became U+FFFD. STATUS_BUFFER_TOO_SMALL: what fits was converted.
NTSTATUS RtlUnicodeToUTF8N(PCHAR Destination, ULONG MaximumBytes, PULONG ActualBytes, PCWCH Source,
                           ULONG SourceBytes);
NTSTATUS RtlUTF8ToUnicodeN(PWSTR Destination, ULONG MaximumBytes, PULONG ActualBytes, PCCH Source,
                           ULONG SourceBytes);

// Numbers: base 2, 8, 10 or 16, or 0 for 10 unless the text has a prefix 0b, 0o or 0x.
NTSTATUS RtlUnicodeStringToInteger(PCUNICODE_STRING String, ULONG Base, PULONG Value);
NTSTATUS RtlIntegerToUnicodeString(ULONG Value, ULONG Base, PUNICODE_STRING String);
NTSTATUS RtlInt64ToUnicodeString(ULONGLONG Value, ULONG Base, PUNICODE_STRING String);
NTSTATUS RtlCharToInteger(PCSZ String, ULONG Base, PULONG Value);

// "{00000000-0000-0000-0000-000000000000}". StringFromGUID allocates.
NTSTATUS RtlStringFromGUID(const GUID* Guid, PUNICODE_STRING GuidString);
NTSTATUS RtlGUIDFromString(PCUNICODE_STRING GuidString, GUID* Guid);

EXTERN_C_END

#endif  // WSKCERT_INCLUDE_WDM_RTL_STRING_H_
