// The wide functions that wdm/crt.h gives to C.
#include <wdm.h>

extern "C" {

size_t WskcertWcsnlen(const WCHAR* s, size_t n) {
  size_t length = 0;
  while (length < n && s[length] != 0) ++length;
  return length;
}
size_t WskcertWcslen(const WCHAR* s) { return WskcertWcsnlen(s, SIZE_MAX); }

int WskcertWcsncmp(const WCHAR* a, const WCHAR* b, size_t n) {
  for (; n > 0; ++a, ++b, --n) {
    if (*a != *b) return *a < *b ? -1 : 1;
    if (*a == 0) break;
  }
  return 0;
}
int WskcertWcscmp(const WCHAR* a, const WCHAR* b) { return WskcertWcsncmp(a, b, SIZE_MAX); }
int WskcertWcsnicmp(const WCHAR* a, const WCHAR* b, size_t n) {
  for (; n > 0; ++a, ++b, --n) {
    const WCHAR left = RtlDowncaseUnicodeChar(*a), right = RtlDowncaseUnicodeChar(*b);
    if (left != right) return left < right ? -1 : 1;
    if (left == 0) break;
  }
  return 0;
}

WCHAR* WskcertWcscpy(WCHAR* d, const WCHAR* s) {
  RtlCopyMemory(d, s, (WskcertWcslen(s) + 1) * sizeof(WCHAR));
  return d;
}
WCHAR* WskcertWcsncpy(WCHAR* d, const WCHAR* s, size_t n) {
  const size_t length = WskcertWcsnlen(s, n);
  RtlCopyMemory(d, s, length * sizeof(WCHAR));
  RtlZeroMemory(d + length, (n - length) * sizeof(WCHAR));
  return d;
}
WCHAR* WskcertWcscat(WCHAR* d, const WCHAR* s) {
  WskcertWcscpy(d + WskcertWcslen(d), s);
  return d;
}

WCHAR* WskcertWcschr(const WCHAR* s, WCHAR c) {
  while (*s != c && *s != 0) ++s;
  return *s == c ? const_cast<WCHAR*>(s) : nullptr;
}
WCHAR* WskcertWcsrchr(const WCHAR* s, WCHAR c) {
  for (size_t i = WskcertWcslen(s) + 1; i > 0; --i) {
    if (s[i - 1] == c) return const_cast<WCHAR*>(s + i - 1);
  }
  return nullptr;
}
WCHAR* WskcertWcsstr(const WCHAR* s, const WCHAR* part) {
  const size_t length = WskcertWcslen(part);
  for (;; ++s) {
    if (WskcertWcsncmp(s, part, length) == 0) return const_cast<WCHAR*>(s);
    if (*s == 0) return nullptr;
  }
}

}  // extern "C"
