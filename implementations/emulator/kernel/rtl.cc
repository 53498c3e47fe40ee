// Counted strings and other plain functions.
#include <wdm.h>

namespace {

constexpr ULONG kStringTag = 0x67727453;  // "Strg"

USHORT CharactersOf(PCWSTR text) {
  USHORT count = 0;
  while (text[count] != 0) ++count;
  return count;
}

}  // namespace

extern "C" {

VOID RtlInitUnicodeString(PUNICODE_STRING string, PCWSTR source) {
  *string = UNICODE_STRING{};
  if (source == nullptr) return;
  string->Length = static_cast<USHORT>(CharactersOf(source) * sizeof(WCHAR));
  string->MaximumLength = static_cast<USHORT>(string->Length + sizeof(WCHAR));
  string->Buffer = const_cast<PWCH>(source);
}

VOID RtlInitAnsiString(PANSI_STRING string, PCSZ source) {
  *string = ANSI_STRING{};
  if (source == nullptr) return;
  string->Length = static_cast<USHORT>(__builtin_strlen(source));
  string->MaximumLength = static_cast<USHORT>(string->Length + 1);
  string->Buffer = const_cast<PCHAR>(source);
}

VOID RtlCopyUnicodeString(PUNICODE_STRING to, PCUNICODE_STRING from) {
  to->Length = 0;
  if (from != nullptr) RtlAppendUnicodeStringToString(to, from);
  if (from != nullptr && to->Length < from->Length && to->Length == 0) {
    // Unlike appending, copying truncates.
    to->Length = static_cast<USHORT>(to->MaximumLength & ~1u);
    RtlCopyMemory(to->Buffer, from->Buffer, to->Length);
  }
}

WCHAR RtlUpcaseUnicodeChar(WCHAR c) {
  // ASCII and Latin-1; names in drivers need no more.
  if ((c >= 'a' && c <= 'z') || (c >= 0xE0 && c <= 0xFE && c != 0xF7)) return static_cast<WCHAR>(c - 0x20);
  return c;
}

LONG RtlCompareUnicodeString(PCUNICODE_STRING a, PCUNICODE_STRING b, BOOLEAN ignore_case) {
  const USHORT characters = (a->Length < b->Length ? a->Length : b->Length) / sizeof(WCHAR);
  for (USHORT i = 0; i < characters; ++i) {
    const WCHAR left = ignore_case ? RtlUpcaseUnicodeChar(a->Buffer[i]) : a->Buffer[i];
    const WCHAR right = ignore_case ? RtlUpcaseUnicodeChar(b->Buffer[i]) : b->Buffer[i];
    if (left != right) return static_cast<LONG>(left) - static_cast<LONG>(right);
  }
  return static_cast<LONG>(a->Length) - static_cast<LONG>(b->Length);
}

BOOLEAN RtlEqualUnicodeString(PCUNICODE_STRING a, PCUNICODE_STRING b, BOOLEAN ignore_case) {
  return a->Length == b->Length && RtlCompareUnicodeString(a, b, ignore_case) == 0;
}

NTSTATUS RtlAppendUnicodeStringToString(PUNICODE_STRING to, PCUNICODE_STRING from) {
  const ULONG length = ULONG{to->Length} + from->Length;
  if (length > to->MaximumLength) return STATUS_BUFFER_TOO_SMALL;
  if (from->Length != 0) RtlMoveMemory(to->Buffer + to->Length / sizeof(WCHAR), from->Buffer, from->Length);
  to->Length = static_cast<USHORT>(length);
  if (length + sizeof(WCHAR) <= to->MaximumLength) to->Buffer[length / sizeof(WCHAR)] = 0;
  return STATUS_SUCCESS;
}

NTSTATUS RtlAppendUnicodeToString(PUNICODE_STRING to, PCWSTR source) {
  if (source == nullptr) return STATUS_SUCCESS;
  UNICODE_STRING from;
  RtlInitUnicodeString(&from, source);
  return RtlAppendUnicodeStringToString(to, &from);
}

VOID RtlFreeUnicodeString(PUNICODE_STRING string) {
  if (string->Buffer != nullptr) ExFreePoolWithTag(string->Buffer, kStringTag);
  *string = UNICODE_STRING{};
}

ULONG RtlRandomEx(PULONG seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return *seed & 0x7fffffff;
}

}  // extern "C"
