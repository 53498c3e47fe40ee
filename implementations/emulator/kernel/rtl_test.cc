#include <gtest/gtest.h>
#include <initguid.h>
#include <ntintsafe.h>
#include <ntstrsafe.h>
#include <wdm.h>

#include <string>

DEFINE_GUID(kTestGuid, 0x01020304, 0x0506, 0x0708, 9, 10, 11, 12, 13, 14, 15, 16);

namespace {

TEST(Guid, IsDefinedAndComparedByContent) {
  GUID copy = kTestGuid;
  EXPECT_TRUE(IsEqualGUID(copy, kTestGuid));
  copy.Data4[7] = 0;
  EXPECT_FALSE(IsEqualGUID(copy, kTestGuid));
}

TEST(StructuredExceptions, RunTheBlockAndTheFinallyOnce) {
  int body = 0, handler = 0, finally = 0;
  __try {
    ++body;
    if (body == 1) __leave;
    body = 99;
  } __except (EXCEPTION_EXECUTE_HANDLER) {
    ++handler;
  }
  __try {
    ++body;
  } __finally {
    ++finally;
  }
  EXPECT_EQ(body, 2);
  EXPECT_EQ(handler, 0);
  EXPECT_EQ(finally, 1);
}

TEST(SafeStrings, CutAndTerminate) {
  CHAR text[6];
  EXPECT_EQ(RtlStringCbCopyA(text, sizeof(text), "abc"), STATUS_SUCCESS);
  EXPECT_EQ(RtlStringCbCatA(text, sizeof(text), "defg"), STATUS_BUFFER_OVERFLOW);
  EXPECT_STREQ(text, "abcde");
  EXPECT_EQ(RtlStringCbCopyA(text, 0, "abc"), STATUS_INVALID_PARAMETER);
  EXPECT_EQ(RtlStringCbPrintfA(text, sizeof(text), "%lu!", ULONG{42}), STATUS_SUCCESS);
  EXPECT_STREQ(text, "42!");
  EXPECT_EQ(RtlStringCbPrintfA(text, sizeof(text), "%s", "longer"), STATUS_BUFFER_OVERFLOW);
  EXPECT_STREQ(text, "longe");
  WCHAR wide[4];
  EXPECT_EQ(RtlStringCbCopyW(wide, sizeof(wide), L"abcd"), STATUS_BUFFER_OVERFLOW);
  SIZE_T length;
  EXPECT_EQ(RtlStringCbLengthW(wide, sizeof(wide), &length), STATUS_SUCCESS);
  EXPECT_EQ(length, 6u);
}

TEST(SafeIntegers, NoticeOverflow) {
  ULONG sum;
  EXPECT_EQ(RtlULongAdd(0xfffffffe, 1, &sum), STATUS_SUCCESS);
  EXPECT_EQ(sum, 0xffffffffu);
  EXPECT_EQ(RtlULongAdd(0xffffffff, 1, &sum), STATUS_INTEGER_OVERFLOW);
  EXPECT_EQ(RtlULongSub(1, 2, &sum), STATUS_INTEGER_OVERFLOW);
  SIZE_T product;
  EXPECT_EQ(RtlSizeTMult(SIZE_T{1} << 33, SIZE_T{1} << 31, &product), STATUS_INTEGER_OVERFLOW);
  EXPECT_EQ(RtlSizeTToULong(SIZE_T{1} << 32, &sum), STATUS_INTEGER_OVERFLOW);
  EXPECT_EQ(RtlSizeTToULong(7, &sum), STATUS_SUCCESS);
  EXPECT_EQ(sum, 7u);
}

std::string Format(const char* format, ...) {
  char buffer[256];
  va_list arguments;
  va_start(arguments, format);
  const SIZE_T length = WskcertFormat(buffer, sizeof(buffer), format, arguments);
  va_end(arguments);
  EXPECT_EQ(length, __builtin_strlen(buffer));
  return buffer;
}

TEST(DbgPrint, SpeaksNtsFormatLanguage) {
  UNICODE_STRING wide = RTL_CONSTANT_STRING(L"wide!");
  wide.Length = 8;  // Counted, not terminated.
  ANSI_STRING narrow;
  RtlInitAnsiString(&narrow, "narrow");
  EXPECT_EQ(Format("%wZ %Z", &wide, &narrow), "wide narrow");
  EXPECT_EQ(Format("%ws|%S|%ls|%s", L"a", L"b", L"c", "d"), "a|b|c|d");
  // Here long has 32 bits: the next argument must be found.
  EXPECT_EQ(Format("%ld %lu %lx", LONG{-1}, ULONG{0xffffffff}, ULONG{0xabc}), "-1 4294967295 abc");
  EXPECT_EQ(Format("%I64d %I64x %llu %Iu", LONGLONG{-5}, ULONGLONG{0x123456789a}, 7ull, SIZE_T{8}),
            "-5 123456789a 7 8");
  EXPECT_EQ(Format("[%5d|%-5d|%05d|%+d|%.3d]", 42, 42, 42, 42, 7), "[   42|42   |00042|+42|007]");
  EXPECT_EQ(Format("%#x %X %o %%", 255, 255, 8), "0xff FF 10 %");
  EXPECT_EQ(Format("%p", reinterpret_cast<void*>(0xabc)), "0000000000000ABC");
  EXPECT_EQ(Format("%c%6.2s|%s", 'x', "abc", static_cast<char*>(nullptr)), "x    ab|(null)");
  EXPECT_EQ(Format("%wZ", static_cast<UNICODE_STRING*>(nullptr)), "(null)");
}

TEST(DbgPrint, StaysInItsBuffer) {
  char buffer[4];
  va_list none{};
  EXPECT_EQ(WskcertFormat(buffer, sizeof(buffer), "abcdef", none), 6u);
  EXPECT_STREQ(buffer, "abc");
}

TEST(Strings, AppendCompareCopy) {
  DECLARE_UNICODE_STRING_SIZE(name, 8);
  EXPECT_EQ(RtlAppendUnicodeToString(&name, L"abc"), STATUS_SUCCESS);
  EXPECT_EQ(RtlAppendUnicodeToString(&name, L"DEFGHI"), STATUS_BUFFER_TOO_SMALL);
  EXPECT_EQ(RtlAppendUnicodeToString(&name, L"DEF"), STATUS_SUCCESS);
  UNICODE_STRING other;
  RtlInitUnicodeString(&other, L"ABCdef");
  EXPECT_FALSE(RtlEqualUnicodeString(&name, &other, FALSE));
  EXPECT_TRUE(RtlEqualUnicodeString(&name, &other, TRUE));
  EXPECT_GT(RtlCompareUnicodeString(&name, &other, FALSE), 0);
  DECLARE_UNICODE_STRING_SIZE(small, 2);
  RtlCopyUnicodeString(&small, &other);
  EXPECT_EQ(small.Length, 4);
  EXPECT_EQ(small.Buffer[1], L'B');
}

TEST(Lists, InsertAndRemove) {
  LIST_ENTRY head, a, b, c;
  InitializeListHead(&head);
  EXPECT_TRUE(IsListEmpty(&head));
  InsertTailList(&head, &b);
  InsertHeadList(&head, &a);
  InsertTailList(&head, &c);
  EXPECT_FALSE(RemoveEntryList(&b));
  EXPECT_EQ(RemoveHeadList(&head), &a);
  EXPECT_TRUE(RemoveEntryList(&c));
}

TEST(Interlocked, ReturnsWhatWindowsReturns) {
  LONG value = 5;
  EXPECT_EQ(InterlockedIncrement(&value), 6);
  EXPECT_EQ(InterlockedExchangeAdd(&value, 4), 6);
  EXPECT_EQ(InterlockedAdd(&value, 1), 11);
  EXPECT_EQ(InterlockedCompareExchange(&value, 1, 99), 11);
  EXPECT_EQ(InterlockedCompareExchange(&value, 1, 11), 11);
  EXPECT_EQ(value, 1);
  EXPECT_EQ(InterlockedOr(&value, 6), 1);
  EXPECT_EQ(InterlockedBitTestAndReset(&value, 2), 1);
  EXPECT_EQ(value, 3);
  int x, y;
  int* pointer = &x;
  EXPECT_EQ(InterlockedExchangePointer(&pointer, &y), &x);
  EXPECT_EQ(InterlockedCompareExchangePointer(&pointer, &x, &y), &y);
  EXPECT_EQ(pointer, &x);
}

}  // namespace
