// NT's format language, and debug output in it.
#include <wdm.h>

#include <cstdio>
#include <cstdlib>

namespace {

class Output {
 public:
  Output(char* buffer, size_t size) : buffer_(buffer), size_(size) {}
  void Put(char c) {
    if (length_ + 1 < size_) buffer_[length_] = c;
    ++length_;
  }
  void Pad(char c, int count) {
    while (count-- > 0) Put(c);
  }
  size_t Finish() {
    if (size_ != 0) buffer_[length_ < size_ ? length_ : size_ - 1] = 0;
    return length_;
  }

 private:
  char* buffer_;
  size_t size_;
  size_t length_ = 0;
};

enum class Width { kInt, kLong64, kShort, kWide };

struct Spec {
  bool left = false, zero = false, plus = false, space = false, hash = false;
  int width = 0, precision = -1;
  Width size = Width::kInt;
};

void PutField(Output* out, const Spec& spec, const char* prefix, const char* text, int length) {
  int prefix_length = static_cast<int>(__builtin_strlen(prefix));
  int padding = spec.width - length - prefix_length;
  if (!spec.left && !spec.zero) out->Pad(' ', padding);
  while (*prefix != 0) out->Put(*prefix++);
  if (!spec.left && spec.zero) out->Pad('0', padding);
  for (int i = 0; i < length; ++i) out->Put(text[i]);
  if (spec.left) out->Pad(' ', padding);
}

void PutNumber(Output* out, Spec spec, uint64_t value, bool negative, unsigned base, bool upper) {
  char digits[80];
  int at = sizeof(digits);
  do {
    digits[--at] = (upper ? "0123456789ABCDEF" : "0123456789abcdef")[value % base];
    value /= base;
  } while (value != 0);
  while (static_cast<int>(sizeof(digits)) - at < spec.precision && at > 0) digits[--at] = '0';
  if (spec.precision >= 0) spec.zero = false;
  const char* prefix = negative ? "-" : spec.plus ? "+" : spec.space ? " " : "";
  if (spec.hash && base == 16) prefix = upper ? "0X" : "0x";
  PutField(out, spec, prefix, digits + at, static_cast<int>(sizeof(digits)) - at);
}

void PutNarrow(Output* out, const Spec& spec, const char* text, int length) {
  if (text == nullptr) text = "(null)", length = 6;
  if (length < 0) {
    length = 0;
    while ((spec.precision < 0 || length < spec.precision) && text[length] != 0) ++length;
  } else if (spec.precision >= 0 && spec.precision < length) {
    length = spec.precision;
  }
  PutField(out, spec, "", text, length);
}

void PutWide(Output* out, const Spec& spec, const WCHAR* text, int length) {
  if (text == nullptr) return PutNarrow(out, spec, nullptr, 0);
  if (length < 0) {
    length = 0;
    while ((spec.precision < 0 || length < spec.precision) && text[length] != 0) ++length;
  } else if (spec.precision >= 0 && spec.precision < length) {
    length = spec.precision;
  }
  if (!spec.left) out->Pad(' ', spec.width - length);
  for (int i = 0; i < length; ++i) out->Put(text[i] < 0x80 ? static_cast<char>(text[i]) : '?');
  if (spec.left) out->Pad(' ', spec.width - length);
}

const char* ParseSize(const char* p, Spec* spec) {
  for (;; ++p) {
    if (*p == 'I' && p[1] == '6' && p[2] == '4') {
      spec->size = Width::kLong64;
      p += 2;
    } else if (*p == 'I' && p[1] == '3' && p[2] == '2') {
      p += 2;
    } else if (*p == 'I' || *p == 'z' || *p == 't' || *p == 'j') {
      spec->size = Width::kLong64;
    } else if (*p == 'l' && p[1] == 'l') {
      spec->size = Width::kLong64;
      ++p;
    } else if (*p == 'l' || *p == 'w') {
      if (p[1] == 's' || p[1] == 'c' || p[1] == 'S' || p[1] == 'Z') spec->size = Width::kWide;
    } else if (*p == 'h') {
      spec->size = Width::kShort;
    } else {
      return p;
    }
  }
}

}  // namespace

extern "C" SIZE_T WskcertFormat(PCHAR buffer, SIZE_T size, PCSTR format, va_list list) {
  Output out(buffer, size);
  va_list arguments;
  va_copy(arguments, list);
  for (const char* p = format; *p != 0; ++p) {
    if (*p != '%') {
      out.Put(*p);
      continue;
    }
    Spec spec;
    for (++p;; ++p) {
      if (*p == '-')
        spec.left = true;
      else if (*p == '0')
        spec.zero = true;
      else if (*p == '+')
        spec.plus = true;
      else if (*p == ' ')
        spec.space = true;
      else if (*p == '#')
        spec.hash = true;
      else
        break;
    }
    if (*p == '*') {
      spec.width = va_arg(arguments, int);
      if (spec.width < 0) spec.left = true, spec.width = -spec.width;
      ++p;
    } else {
      while (*p >= '0' && *p <= '9') spec.width = spec.width * 10 + (*p++ - '0');
    }
    if (*p == '.') {
      spec.precision = 0;
      if (*++p == '*') {
        spec.precision = va_arg(arguments, int);
        ++p;
      } else {
        while (*p >= '0' && *p <= '9') spec.precision = spec.precision * 10 + (*p++ - '0');
      }
    }
    p = ParseSize(p, &spec);
    switch (*p) {
      case 'd':
      case 'i': {
        int64_t value = spec.size == Width::kLong64 ? va_arg(arguments, long long) : va_arg(arguments, int);
        if (spec.size == Width::kShort) value = static_cast<short>(value);
        PutNumber(&out, spec, value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value),
                  value < 0, 10, false);
        break;
      }
      case 'u':
      case 'x':
      case 'X':
      case 'o': {
        uint64_t value =
            spec.size == Width::kLong64 ? va_arg(arguments, unsigned long long) : va_arg(arguments, unsigned);
        if (spec.size == Width::kShort) value = static_cast<unsigned short>(value);
        PutNumber(&out, spec, value, false, *p == 'u' ? 10 : *p == 'o' ? 8 : 16, *p == 'X');
        break;
      }
      case 'p':
        spec.precision = 16;
        PutNumber(&out, spec, reinterpret_cast<uint64_t>(va_arg(arguments, void*)), false, 16, true);
        break;
      case 'c':
      case 'C': {
        const char c = static_cast<char>(va_arg(arguments, int));
        PutField(&out, spec, "", &c, 1);
        break;
      }
      case 's':
      case 'S':
        // %S is the other width than %s.
        if ((*p == 's') == (spec.size == Width::kWide)) {
          PutWide(&out, spec, va_arg(arguments, const WCHAR*), -1);
        } else {
          PutNarrow(&out, spec, va_arg(arguments, const char*), -1);
        }
        break;
      case 'Z':
        if (spec.size == Width::kWide) {
          const auto* string = va_arg(arguments, const UNICODE_STRING*);
          PutWide(&out, spec, string != nullptr ? string->Buffer : nullptr,
                  string != nullptr ? static_cast<int>(string->Length / sizeof(WCHAR)) : 0);
        } else {
          const auto* string = va_arg(arguments, const ANSI_STRING*);
          PutNarrow(&out, spec, string != nullptr ? string->Buffer : nullptr,
                    string != nullptr ? string->Length : 0);
        }
        break;
      case '%':
        out.Put('%');
        break;
      case 0:
        --p;
        break;
      default:
        out.Put('%');
        out.Put(*p);
    }
  }
  va_end(arguments);
  return out.Finish();
}

extern "C" ULONG vDbgPrintEx(ULONG, ULONG, PCSTR format, va_list arguments) {
  static const bool enabled = std::getenv("WSKCERT_DBGPRINT") != nullptr;
  if (!enabled) return STATUS_SUCCESS;
  char text[512];
  WskcertFormat(text, sizeof(text), format, arguments);
  std::fputs(text, stderr);
  return STATUS_SUCCESS;
}

extern "C" ULONG DbgPrintEx(ULONG component, ULONG level, PCSTR format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vDbgPrintEx(component, level, format, arguments);
  va_end(arguments);
  return STATUS_SUCCESS;
}

extern "C" ULONG DbgPrint(PCSTR format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vDbgPrintEx(0, 0, format, arguments);
  va_end(arguments);
  return STATUS_SUCCESS;
}

namespace {

// The narrow form of a wide format: there %s is wide and %hs narrow.
void NarrowFormat(PCWSTR format, char* to, size_t size) {
  size_t at = 0;
  bool inside = false, narrow = false;
  for (; *format != 0 && at + 2 < size; ++format) {
    const char c = static_cast<char>(*format < 0x80 ? *format : '?');
    if (c == '%') {
      inside = !inside;
      narrow = false;
    } else if (inside && c == 'h') {
      narrow = true;
      if (format[1] == 's' || format[1] == 'S') continue;
    } else if (inside && (c == 's' || c == 'S')) {
      const bool wide = c == 's' ? !narrow : false;
      if (wide && to[at - 1] != 'w' && to[at - 1] != 'l') to[at++] = 'w';
      to[at++] = 's';
      inside = false;
      continue;
    } else if (inside && ((c >= 'a' && c <= 'z' && c != 'l' && c != 'w' && c != 'z') ||
                          (c >= 'A' && c <= 'Z' && c != 'I'))) {
      inside = false;
    }
    to[at++] = c;
  }
  to[at] = 0;
}

}  // namespace

extern "C" SIZE_T WskcertFormatWide(PWCHAR buffer, SIZE_T size, PCWSTR format, va_list arguments) {
  char narrow[256];
  NarrowFormat(format, narrow, sizeof(narrow));
  // The narrow text goes into the same buffer and is widened in place, from its end.
  char* text = reinterpret_cast<char*>(buffer);
  const SIZE_T length = WskcertFormat(text, size, narrow, arguments);
  if (size == 0) return length;
  for (SIZE_T i = length < size ? length + 1 : size; i > 0; --i)
    buffer[i - 1] = static_cast<WCHAR>(static_cast<UCHAR>(text[i - 1]));
  return length;
}
