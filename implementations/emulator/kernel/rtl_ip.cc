// Addresses as text.
#include <ip2string.h>
#include <wdm.h>

namespace {

// Long enough for "[address%scope]:port".
constexpr ULONG kMaximum = 72;

struct Text {
  char text[kMaximum];
  ULONG length;

  void Put(char c) {
    text[length++] = c;
    text[length] = 0;
  }
  void PutNumber(ULONG value, ULONG base) {
    char digits[12];
    int at = 12;
    do {
      digits[--at] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    while (at < 12) Put(digits[at++]);
  }
};

void PutIpv4(const UCHAR* bytes, Text* out) {
  for (int i = 0; i < 4; ++i) {
    if (i != 0) out->Put('.');
    out->PutNumber(bytes[i], 10);
  }
}

USHORT WordOf(const struct in6_addr* address, int i) { return RtlUshortByteSwap(address->u.Word[i]); }

// The longest run of at least two zero words; the first of equals.
void FindZeros(const struct in6_addr* address, int* begin, int* end) {
  *begin = *end = -1;
  for (int i = 0; i < 8; ++i) {
    int j = i;
    while (j < 8 && WordOf(address, j) == 0) ++j;
    if (j - i >= 2 && j - i > *end - *begin) *begin = i, *end = j;
    if (j > i) i = j;
  }
}

void PutIpv6(const struct in6_addr* address, Text* out) {
  int begin, end;
  FindZeros(address, &begin, &end);
  // Mapped and compatible IPv4 addresses end in dotted decimal.
  const bool ipv4 =
      begin == 0 && ((end == 6 && WordOf(address, 6) != 0) || (end == 5 && WordOf(address, 5) == 0xFFFF));
  for (int i = 0; i < 8; ++i) {
    if (i == begin) {
      out->Put(':');
      out->Put(':');
      i = end - 1;
      continue;
    }
    if (i != 0 && i != end) out->Put(':');
    if (i == 6 && ipv4) {
      PutIpv4(address->u.Byte + 12, out);
      return;
    }
    out->PutNumber(WordOf(address, i), 16);
  }
}

// ---- Parsing, over narrow or wide characters.

template <typename Char>
int Digit(Char c) {
  if (c >= '0' && c <= '9') return static_cast<int>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<int>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<int>(c - 'A') + 10;
  return 16;
}

// A number of at most `maximum`; false: none, or too large.
template <typename Char>
bool ReadNumber(const Char** at, ULONG base, ULONGLONG maximum, ULONG* value) {
  ULONGLONG number = 0;
  const Char* begin = *at;
  while (Digit(**at) < static_cast<int>(base)) {
    number = number * base + static_cast<ULONG>(Digit(**at));
    if (number > maximum) return false;
    ++*at;
  }
  *value = static_cast<ULONG>(number);
  return *at != begin;
}

template <typename Char>
bool ReadPart(const Char** at, bool strict, ULONG* value) {
  ULONG base = 10;
  if (!strict && **at == '0' && (at[0][1] == 'x' || at[0][1] == 'X')) {
    base = 16;
    *at += 2;
  } else if (!strict && **at == '0') {
    base = 8;
  }
  return ReadNumber(at, base, 0xFFFFFFFF, value);
}

template <typename Char>
LONG ReadIpv4(const Char* text, bool strict, const Char** end, UCHAR* bytes) {
  ULONG parts[4];
  int count = 0;
  *end = text;
  for (;;) {
    if (!ReadPart(end, strict, &parts[count])) return STATUS_INVALID_PARAMETER;
    ++count;
    if (count == 4 || **end != '.') break;
    ++*end;
  }
  if (strict && count != 4) return STATUS_INVALID_PARAMETER;
  ULONG address = 0;
  for (int i = 0; i < count - 1; ++i) {
    if (parts[i] > 255) return STATUS_INVALID_PARAMETER;
    address |= parts[i] << (24 - 8 * i);
  }
  // The last part fills what is left.
  const ULONGLONG limit = 1ULL << (8 * (5 - count));
  if (parts[count - 1] >= limit) return STATUS_INVALID_PARAMETER;
  address |= parts[count - 1];
  for (int i = 0; i < 4; ++i) bytes[i] = static_cast<UCHAR>(address >> (24 - 8 * i));
  return STATUS_SUCCESS;
}

template <typename Char>
LONG ReadIpv6(const Char* text, const Char** end, struct in6_addr* address) {
  USHORT words[8] = {};
  int count = 0, gap = -1;
  const Char* at = text;
  if (at[0] == ':' && at[1] == ':') {
    gap = 0;
    at += 2;
  }
  while (count < 8 && Digit(*at) < 16) {
    const Char* word = at;
    ULONG value;
    if (!ReadNumber(&at, 16, 0xFFFF, &value)) return STATUS_INVALID_PARAMETER;
    if (*at == '.' && count <= 6) {
      UCHAR bytes[4];
      if (ReadIpv4(word, true, &at, bytes) != STATUS_SUCCESS) return STATUS_INVALID_PARAMETER;
      words[count++] = static_cast<USHORT>(bytes[0] << 8 | bytes[1]);
      words[count++] = static_cast<USHORT>(bytes[2] << 8 | bytes[3]);
      break;
    }
    words[count++] = static_cast<USHORT>(value);
    if (*at != ':' || count == 8) break;
    if (at[1] == ':') {
      if (gap >= 0) break;
      gap = count;
      at += 2;
    } else if (Digit(at[1]) < 16) {
      ++at;
    } else {
      break;
    }
  }
  *end = at;
  if (gap < 0 ? count != 8 : count == 8) return STATUS_INVALID_PARAMETER;
  for (int i = 0; i < 8; ++i) address->u.Word[i] = 0;
  const int tail = gap < 0 ? 0 : count - gap;
  for (int i = 0; i < count - tail; ++i) address->u.Word[i] = RtlUshortByteSwap(words[i]);
  for (int i = 0; i < tail; ++i) address->u.Word[8 - tail + i] = RtlUshortByteSwap(words[count - tail + i]);
  return STATUS_SUCCESS;
}

template <typename Char>
LONG ReadIpv4Port(const Char* text, bool strict, struct in_addr* address, USHORT* port) {
  const Char* at;
  ULONG number = 0;
  UCHAR bytes[4];
  if (ReadIpv4(text, strict, &at, bytes) != STATUS_SUCCESS) return STATUS_INVALID_PARAMETER;
  if (*at == ':') {
    ++at;
    if (!ReadNumber(&at, 10, 0xFFFF, &number)) return STATUS_INVALID_PARAMETER;
  }
  if (*at != 0) return STATUS_INVALID_PARAMETER;
  RtlCopyMemory(address, bytes, 4);
  *port = RtlUshortByteSwap(static_cast<USHORT>(number));
  return STATUS_SUCCESS;
}

template <typename Char>
LONG ReadIpv6Port(const Char* at, struct in6_addr* address, ULONG* scope, USHORT* port) {
  ULONG scope_number = 0, port_number = 0;
  const bool brackets = *at == '[';
  if (brackets) ++at;
  if (ReadIpv6(at, &at, address) != STATUS_SUCCESS) return STATUS_INVALID_PARAMETER;
  if (*at == '%') {
    ++at;
    if (!ReadNumber(&at, 10, 0xFFFFFFFF, &scope_number)) return STATUS_INVALID_PARAMETER;
  }
  if (brackets) {
    if (*at++ != ']') return STATUS_INVALID_PARAMETER;
    if (*at == ':') {
      ++at;
      if (!ReadNumber(&at, 10, 0xFFFF, &port_number)) return STATUS_INVALID_PARAMETER;
    }
  }
  if (*at != 0) return STATUS_INVALID_PARAMETER;
  *scope = scope_number;
  *port = RtlUshortByteSwap(static_cast<USHORT>(port_number));
  return STATUS_SUCCESS;
}

// ---- Giving text to the caller.

template <typename Char>
Char* Copy(const Text& text, Char* to) {
  for (ULONG i = 0; i <= text.length; ++i) to[i] = static_cast<Char>(text.text[i]);
  return to + text.length;
}

template <typename Char>
LONG CopyBounded(const Text& text, Char* to, ULONG* size) {
  const ULONG room = *size;
  *size = text.length + 1;
  if (to == nullptr || room < text.length + 1) return STATUS_INVALID_PARAMETER;
  Copy(text, to);
  return STATUS_SUCCESS;
}

Text Ipv4Text(const struct in_addr* address, USHORT port) {
  Text text{};
  PutIpv4(&address->S_un.S_un_b.s_b1, &text);
  if (port != 0) {
    text.Put(':');
    text.PutNumber(RtlUshortByteSwap(port), 10);
  }
  return text;
}

Text Ipv6Text(const struct in6_addr* address, ULONG scope, USHORT port) {
  Text text{};
  if (port != 0) text.Put('[');
  PutIpv6(address, &text);
  if (scope != 0) {
    text.Put('%');
    text.PutNumber(scope, 10);
  }
  if (port != 0) {
    text.Put(']');
    text.Put(':');
    text.PutNumber(RtlUshortByteSwap(port), 10);
  }
  return text;
}

}  // namespace

extern "C" {

PSTR RtlIpv4AddressToStringA(const struct in_addr* address, PSTR s) { return Copy(Ipv4Text(address, 0), s); }
PWSTR RtlIpv4AddressToStringW(const struct in_addr* address, PWSTR s) {
  return Copy(Ipv4Text(address, 0), s);
}
LONG RtlIpv4AddressToStringExA(const struct in_addr* address, USHORT port, PSTR s, PULONG size) {
  return CopyBounded(Ipv4Text(address, port), s, size);
}
LONG RtlIpv4AddressToStringExW(const struct in_addr* address, USHORT port, PWSTR s, PULONG size) {
  return CopyBounded(Ipv4Text(address, port), s, size);
}
PSTR RtlIpv6AddressToStringA(const struct in6_addr* address, PSTR s) {
  return Copy(Ipv6Text(address, 0, 0), s);
}
PWSTR RtlIpv6AddressToStringW(const struct in6_addr* address, PWSTR s) {
  return Copy(Ipv6Text(address, 0, 0), s);
}
LONG RtlIpv6AddressToStringExA(const struct in6_addr* address, ULONG scope, USHORT port, PSTR s,
                               PULONG size) {
  return CopyBounded(Ipv6Text(address, scope, port), s, size);
}
LONG RtlIpv6AddressToStringExW(const struct in6_addr* address, ULONG scope, USHORT port, PWSTR s,
                               PULONG size) {
  return CopyBounded(Ipv6Text(address, scope, port), s, size);
}

LONG RtlIpv4StringToAddressA(PCSTR s, BOOLEAN strict, PCSTR* terminator, struct in_addr* address) {
  return ReadIpv4(s, strict, terminator, &address->S_un.S_un_b.s_b1);
}
LONG RtlIpv4StringToAddressW(PCWSTR s, BOOLEAN strict, PCWSTR* terminator, struct in_addr* address) {
  return ReadIpv4(s, strict, terminator, &address->S_un.S_un_b.s_b1);
}
LONG RtlIpv4StringToAddressExA(PCSTR s, BOOLEAN strict, struct in_addr* address, PUSHORT port) {
  return ReadIpv4Port(s, strict, address, port);
}
LONG RtlIpv4StringToAddressExW(PCWSTR s, BOOLEAN strict, struct in_addr* address, PUSHORT port) {
  return ReadIpv4Port(s, strict, address, port);
}
LONG RtlIpv6StringToAddressA(PCSTR s, PCSTR* terminator, struct in6_addr* address) {
  return ReadIpv6(s, terminator, address);
}
LONG RtlIpv6StringToAddressW(PCWSTR s, PCWSTR* terminator, struct in6_addr* address) {
  return ReadIpv6(s, terminator, address);
}
LONG RtlIpv6StringToAddressExA(PCSTR s, struct in6_addr* address, PULONG scope, PUSHORT port) {
  return ReadIpv6Port(s, address, scope, port);
}
LONG RtlIpv6StringToAddressExW(PCWSTR s, struct in6_addr* address, PULONG scope, PUSHORT port) {
  return ReadIpv6Port(s, address, scope, port);
}

}  // extern "C"
