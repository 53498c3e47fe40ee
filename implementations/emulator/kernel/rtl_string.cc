// Counted strings: comparing, converting between character widths, numbers, GUIDs.
#include <wdm.h>

namespace {

constexpr ULONG kStringTag = 0x67727453;  // "Strg"
constexpr ULONG kReplacement = 0xFFFD;

// The room for `bytes` and a terminator of `unit` bytes, allocated if asked for.
template <typename String>
NTSTATUS MakeRoom(String* to, ULONG bytes, ULONG unit, BOOLEAN allocate) {
  if (bytes + unit > 0xFFFF) return STATUS_INVALID_PARAMETER_2;
  if (!allocate) return bytes > to->MaximumLength ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
  to->Buffer = static_cast<decltype(to->Buffer)>(ExAllocatePool2(POOL_FLAG_PAGED, bytes + unit, kStringTag));
  if (to->Buffer == nullptr) return STATUS_NO_MEMORY;
  to->MaximumLength = static_cast<USHORT>(bytes + unit);
  return STATUS_SUCCESS;
}

template <typename String>
void Finish(String* to, ULONG bytes) {
  to->Length = static_cast<USHORT>(bytes);
  if (bytes + sizeof(*to->Buffer) <= to->MaximumLength) to->Buffer[bytes / sizeof(*to->Buffer)] = 0;
}

struct Utf8 {
  ULONG bytes;
  char text[4];
};

Utf8 Encode(ULONG code) {
  const auto tail = [code](int shift) { return static_cast<char>(0x80 | ((code >> shift) & 0x3F)); };
  if (code < 0x80) return {1, {static_cast<char>(code)}};
  if (code < 0x800) return {2, {static_cast<char>(0xC0 | (code >> 6)), tail(0)}};
  if (code < 0x10000) return {3, {static_cast<char>(0xE0 | (code >> 12)), tail(6), tail(0)}};
  return {4, {static_cast<char>(0xF0 | (code >> 18)), tail(12), tail(6), tail(0)}};
}

// The next code point of UTF-16; a surrogate without its other half is replaced.
ULONG DecodeWide(const WCHAR* at, ULONG left, ULONG* used, bool* replaced) {
  const ULONG first = at[0];
  *used = 1;
  if (first < 0xD800 || first > 0xDFFF) return first;
  if (first < 0xDC00 && left > 1 && at[1] >= 0xDC00 && at[1] <= 0xDFFF) {
    *used = 2;
    return 0x10000 + ((first - 0xD800) << 10) + (ULONG{at[1]} - 0xDC00);
  }
  *replaced = true;
  return kReplacement;
}

// The next code point of UTF-8; each byte that begins no valid sequence is replaced.
ULONG DecodeNarrow(const char* at, ULONG left, ULONG* used, bool* replaced) {
  const auto byte = [at](ULONG i) { return static_cast<ULONG>(static_cast<UCHAR>(at[i])); };
  const ULONG first = byte(0);
  *used = 1;
  if (first < 0x80) return first;
  const ULONG length = first >= 0xF0 && first < 0xF5 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  ULONG code = length == 4 ? first & 7 : length == 3 ? first & 15 : first & 31;
  bool valid = length != 0 && first < 0xF5 && length <= left;
  for (ULONG i = 1; valid && i < length; ++i) {
    valid = (byte(i) & 0xC0) == 0x80;
    code = (code << 6) | (byte(i) & 0x3F);
  }
  constexpr ULONG kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (!valid || code < kLeast[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
    *replaced = true;
    return kReplacement;
  }
  *used = length;
  return code;
}

int DigitOf(ULONG c) {
  if (c >= '0' && c <= '9') return static_cast<int>(c - '0');
  if (c >= 'a' && c <= 'z') return static_cast<int>(c - 'a') + 10;
  if (c >= 'A' && c <= 'Z') return static_cast<int>(c - 'A') + 10;
  return 99;
}

template <typename Char>
NTSTATUS ToInteger(const Char* at, const Char* end, ULONG base, ULONG* value) {
  while (at < end && *at <= ' ') ++at;
  bool negative = false;
  if (at < end && (*at == '-' || *at == '+')) negative = *at++ == '-';
  if (base == 0) {
    base = 10;
    if (end - at > 2 && at[0] == '0') {
      base = at[1] == 'x' ? 16 : at[1] == 'o' ? 8 : at[1] == 'b' ? 2 : 10;
      if (base != 10) at += 2;
    }
  }
  if (base != 2 && base != 8 && base != 10 && base != 16) return STATUS_INVALID_PARAMETER;
  ULONG number = 0;
  for (; at < end && DigitOf(static_cast<ULONG>(*at)) < static_cast<int>(base); ++at)
    number = number * base + static_cast<ULONG>(DigitOf(static_cast<ULONG>(*at)));
  *value = negative ? 0 - number : number;
  return STATUS_SUCCESS;
}

NTSTATUS FromInteger(ULONGLONG value, ULONG base, UNICODE_STRING* to) {
  if (base == 0) base = 10;
  if (base != 2 && base != 8 && base != 10 && base != 16) return STATUS_INVALID_PARAMETER;
  WCHAR digits[64];
  ULONG at = 64;
  do {
    digits[--at] = static_cast<WCHAR>("0123456789ABCDEF"[value % base]);
    value /= base;
  } while (value != 0);
  const ULONG bytes = (64 - at) * sizeof(WCHAR);
  if (bytes > to->MaximumLength) return STATUS_BUFFER_OVERFLOW;
  RtlCopyMemory(to->Buffer, digits + at, bytes);
  Finish(to, bytes);
  return STATUS_SUCCESS;
}

// Positions of the hexadecimal digits' groups in the text of a GUID, without the braces.
bool ReadHex(const WCHAR* at, ULONG digits, ULONG* value) {
  *value = 0;
  for (ULONG i = 0; i < digits; ++i) {
    const int digit = DigitOf(at[i]);
    if (digit > 15) return false;
    *value = (*value << 4) | static_cast<ULONG>(digit);
  }
  return true;
}

void PutHex(ULONG value, ULONG digits, WCHAR* at) {
  for (ULONG i = 0; i < digits; ++i)
    at[i] = static_cast<WCHAR>("0123456789ABCDEF"[(value >> (4 * (digits - 1 - i))) & 15]);
}

constexpr ULONG kGuidCharacters = 38;
// Where the bytes of Data4 stand.
constexpr ULONG kData4[] = {20, 22, 25, 27, 29, 31, 33, 35};

}  // namespace

extern "C" {

VOID RtlInitString(PSTRING string, PCSZ source) { RtlInitAnsiString(string, source); }
VOID RtlInitUTF8String(PUTF8_STRING string, PCSZ source) { RtlInitAnsiString(string, source); }

VOID RtlCopyString(PSTRING to, const STRING* from) {
  USHORT length = from != nullptr ? from->Length : 0;
  if (length > to->MaximumLength) length = to->MaximumLength;
  if (length != 0) RtlMoveMemory(to->Buffer, from->Buffer, length);
  to->Length = length;
}

CHAR RtlUpperChar(CHAR c) { return c >= 'a' && c <= 'z' ? static_cast<CHAR>(c - 0x20) : c; }

LONG RtlCompareString(const STRING* a, const STRING* b, BOOLEAN ignore_case) {
  const USHORT length = a->Length < b->Length ? a->Length : b->Length;
  for (USHORT i = 0; i < length; ++i) {
    const auto left = static_cast<UCHAR>(ignore_case ? RtlUpperChar(a->Buffer[i]) : a->Buffer[i]);
    const auto right = static_cast<UCHAR>(ignore_case ? RtlUpperChar(b->Buffer[i]) : b->Buffer[i]);
    if (left != right) return LONG{left} - LONG{right};
  }
  return LONG{a->Length} - LONG{b->Length};
}

BOOLEAN RtlEqualString(const STRING* a, const STRING* b, BOOLEAN ignore_case) {
  return a->Length == b->Length && RtlCompareString(a, b, ignore_case) == 0;
}

BOOLEAN RtlPrefixUnicodeString(PCUNICODE_STRING prefix, PCUNICODE_STRING string, BOOLEAN ignore_case) {
  if (prefix->Length > string->Length) return FALSE;
  const UNICODE_STRING front = {prefix->Length, prefix->Length, string->Buffer};
  return RtlEqualUnicodeString(prefix, &front, ignore_case);
}

WCHAR RtlDowncaseUnicodeChar(WCHAR c) {
  if ((c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7)) return static_cast<WCHAR>(c + 0x20);
  return c;
}

NTSTATUS RtlUpcaseUnicodeString(PUNICODE_STRING to, PCUNICODE_STRING from, BOOLEAN allocate) {
  const NTSTATUS status = MakeRoom(to, from->Length, sizeof(WCHAR), allocate);
  if (!NT_SUCCESS(status)) return status;
  for (size_t i = 0; i < from->Length / sizeof(WCHAR); ++i)
    to->Buffer[i] = RtlUpcaseUnicodeChar(from->Buffer[i]);
  Finish(to, from->Length);
  return STATUS_SUCCESS;
}

NTSTATUS RtlHashUnicodeString(PCUNICODE_STRING string, BOOLEAN ignore_case, ULONG algorithm, PULONG value) {
  if (string == nullptr || value == nullptr || algorithm > HASH_STRING_ALGORITHM_X65599)
    return STATUS_INVALID_PARAMETER;
  ULONG hash = 0;
  for (size_t i = 0; i < string->Length / sizeof(WCHAR); ++i)
    hash = hash * 65599 + (ignore_case ? RtlUpcaseUnicodeChar(string->Buffer[i]) : string->Buffer[i]);
  *value = hash;
  return STATUS_SUCCESS;
}

NTSTATUS RtlAnsiStringToUnicodeString(PUNICODE_STRING to, PCANSI_STRING from, BOOLEAN allocate) {
  const ULONG bytes = ULONG{from->Length} * sizeof(WCHAR);
  const NTSTATUS status = MakeRoom(to, bytes, sizeof(WCHAR), allocate);
  if (!NT_SUCCESS(status)) return status;
  for (size_t i = 0; i < from->Length; ++i) to->Buffer[i] = static_cast<UCHAR>(from->Buffer[i]);
  Finish(to, bytes);
  return STATUS_SUCCESS;
}

NTSTATUS RtlUnicodeStringToAnsiString(PANSI_STRING to, PCUNICODE_STRING from, BOOLEAN allocate) {
  const ULONG bytes = from->Length / sizeof(WCHAR);
  const NTSTATUS status = MakeRoom(to, bytes, 1, allocate);
  if (!NT_SUCCESS(status)) return status;
  for (ULONG i = 0; i < bytes; ++i)
    to->Buffer[i] = static_cast<char>(from->Buffer[i] < 0x100 ? from->Buffer[i] : '?');
  Finish(to, bytes);
  return STATUS_SUCCESS;
}

VOID RtlFreeAnsiString(PANSI_STRING string) {
  if (string->Buffer != nullptr) ExFreePoolWithTag(string->Buffer, kStringTag);
  *string = ANSI_STRING{};
}
VOID RtlFreeUTF8String(PUTF8_STRING string) { RtlFreeAnsiString(string); }

NTSTATUS RtlUnicodeToUTF8N(PCHAR to, ULONG room, PULONG actual, PCWCH from, ULONG from_bytes) {
  const ULONG characters = from_bytes / sizeof(WCHAR);
  ULONG written = 0;
  bool replaced = false, cut = false;
  for (ULONG i = 0, used; i < characters && !cut; i += used) {
    const Utf8 code = Encode(DecodeWide(from + i, characters - i, &used, &replaced));
    if (to != nullptr) {
      cut = written + code.bytes > room;
      if (cut) break;
      RtlCopyMemory(to + written, code.text, code.bytes);
    }
    written += code.bytes;
  }
  if (actual != nullptr) *actual = written;
  return cut ? STATUS_BUFFER_TOO_SMALL : replaced ? STATUS_SOME_NOT_MAPPED : STATUS_SUCCESS;
}

NTSTATUS RtlUTF8ToUnicodeN(PWSTR to, ULONG room, PULONG actual, PCCH from, ULONG from_bytes) {
  ULONG written = 0;
  bool replaced = false, cut = false;
  for (ULONG i = 0, used; i < from_bytes && !cut; i += used) {
    const ULONG code = DecodeNarrow(from + i, from_bytes - i, &used, &replaced);
    const ULONG units = code >= 0x10000 ? 2 : 1;
    if (to != nullptr) {
      cut = written + units * sizeof(WCHAR) > room;
      if (cut) break;
      WCHAR* at = to + written / sizeof(WCHAR);
      at[0] = static_cast<WCHAR>(units == 2 ? 0xD800 + ((code - 0x10000) >> 10) : code);
      if (units == 2) at[1] = static_cast<WCHAR>(0xDC00 + ((code - 0x10000) & 0x3FF));
    }
    written += units * static_cast<ULONG>(sizeof(WCHAR));
  }
  if (actual != nullptr) *actual = written;
  return cut ? STATUS_BUFFER_TOO_SMALL : replaced ? STATUS_SOME_NOT_MAPPED : STATUS_SUCCESS;
}

NTSTATUS RtlUTF8StringToUnicodeString(PUNICODE_STRING to, const UTF8_STRING* from, BOOLEAN allocate) {
  ULONG bytes = 0;
  RtlUTF8ToUnicodeN(nullptr, 0, &bytes, from->Buffer, from->Length);
  NTSTATUS status = MakeRoom(to, bytes, sizeof(WCHAR), allocate);
  if (!NT_SUCCESS(status)) return status;
  status = RtlUTF8ToUnicodeN(to->Buffer, to->MaximumLength, &bytes, from->Buffer, from->Length);
  Finish(to, bytes);
  return status;
}

NTSTATUS RtlUnicodeStringToUTF8String(PUTF8_STRING to, PCUNICODE_STRING from, BOOLEAN allocate) {
  ULONG bytes = 0;
  RtlUnicodeToUTF8N(nullptr, 0, &bytes, from->Buffer, from->Length);
  NTSTATUS status = MakeRoom(to, bytes, 1, allocate);
  if (!NT_SUCCESS(status)) return status;
  status = RtlUnicodeToUTF8N(to->Buffer, to->MaximumLength, &bytes, from->Buffer, from->Length);
  Finish(to, bytes);
  return status;
}

NTSTATUS RtlUnicodeStringToInteger(PCUNICODE_STRING string, ULONG base, PULONG value) {
  return ToInteger(string->Buffer, string->Buffer + string->Length / sizeof(WCHAR), base, value);
}
NTSTATUS RtlCharToInteger(PCSZ string, ULONG base, PULONG value) {
  return ToInteger(string, string + __builtin_strlen(string), base, value);
}
NTSTATUS RtlIntegerToUnicodeString(ULONG value, ULONG base, PUNICODE_STRING string) {
  return FromInteger(value, base, string);
}
NTSTATUS RtlInt64ToUnicodeString(ULONGLONG value, ULONG base, PUNICODE_STRING string) {
  return FromInteger(value, base, string);
}

NTSTATUS RtlStringFromGUID(const GUID* guid, PUNICODE_STRING string) {
  const NTSTATUS status = MakeRoom(string, kGuidCharacters * sizeof(WCHAR), sizeof(WCHAR), TRUE);
  if (!NT_SUCCESS(status)) return status;
  WCHAR* text = string->Buffer;
  RtlCopyMemory(text, L"{........-....-....-....-............}", kGuidCharacters * sizeof(WCHAR));
  PutHex(guid->Data1, 8, text + 1);
  PutHex(guid->Data2, 4, text + 10);
  PutHex(guid->Data3, 4, text + 15);
  for (int i = 0; i < 8; ++i) PutHex(guid->Data4[i], 2, text + kData4[i]);
  Finish(string, kGuidCharacters * sizeof(WCHAR));
  return STATUS_SUCCESS;
}

NTSTATUS RtlGUIDFromString(PCUNICODE_STRING string, GUID* guid) {
  const WCHAR* text = string->Buffer;
  if (string->Length != kGuidCharacters * sizeof(WCHAR) || text[0] != '{' || text[37] != '}' ||
      text[9] != '-' || text[14] != '-' || text[19] != '-' || text[24] != '-') {
    return STATUS_INVALID_PARAMETER;
  }
  ULONG first, second, third, byte;
  if (!ReadHex(text + 1, 8, &first) || !ReadHex(text + 10, 4, &second) || !ReadHex(text + 15, 4, &third))
    return STATUS_INVALID_PARAMETER;
  *guid = GUID{first, static_cast<USHORT>(second), static_cast<USHORT>(third), {}};
  for (int i = 0; i < 8; ++i) {
    if (!ReadHex(text + kData4[i], 2, &byte)) return STATUS_INVALID_PARAMETER;
    guid->Data4[i] = static_cast<UCHAR>(byte);
  }
  return STATUS_SUCCESS;
}

}  // extern "C"
