#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ip2string.h>
#include <ntstrsafe.h>
#include <wdm.h>

#include <string>

#include "implementations/emulator/kernel/test_support.h"

namespace wskcert::emulator {
namespace {

using ::testing::HasSubstr;

UNICODE_STRING Wide(PCWSTR text) {
  UNICODE_STRING string;
  RtlInitUnicodeString(&string, text);
  return string;
}
STRING Narrow(const char* text) {
  STRING string;
  RtlInitString(&string, text);
  return string;
}
// ASCII of a wide text, for comparing and printing.
std::string Ascii(const WCHAR* text, size_t length) {
  std::string result;
  for (size_t i = 0; i < length; ++i) result += static_cast<char>(text[i]);
  return result;
}
std::string Ascii(const UNICODE_STRING& string) {
  return Ascii(string.Buffer, string.Length / sizeof(WCHAR));
}

TEST(Strings, CompareAndFold) {
  const STRING a = Narrow("Alpha"), b = Narrow("aLPHa"), c = Narrow("alphabet");
  EXPECT_TRUE(RtlEqualString(&a, &b, TRUE));
  EXPECT_FALSE(RtlEqualString(&a, &b, FALSE));
  EXPECT_LT(RtlCompareString(&a, &c, TRUE), 0);
  const UNICODE_STRING prefix = Wide(L"\\Device"), whole = Wide(L"\\DEVICE\\Tcp");
  EXPECT_TRUE(RtlPrefixUnicodeString(&prefix, &whole, TRUE));
  EXPECT_FALSE(RtlPrefixUnicodeString(&prefix, &whole, FALSE));
  EXPECT_FALSE(RtlPrefixUnicodeString(&whole, &prefix, TRUE));
  ULONG one, two;
  EXPECT_EQ(RtlHashUnicodeString(&prefix, TRUE, HASH_STRING_ALGORITHM_DEFAULT, &one), STATUS_SUCCESS);
  const UNICODE_STRING other = Wide(L"\\dEVICE");
  EXPECT_EQ(RtlHashUnicodeString(&other, TRUE, HASH_STRING_ALGORITHM_X65599, &two), STATUS_SUCCESS);
  EXPECT_EQ(one, two);
}

TEST(Strings, ConvertBetweenWidths) {
  const RunReport report = Play([] {
    ANSI_STRING ansi = Narrow("ab\xE9");
    UNICODE_STRING wide;
    ASSERT_EQ(RtlAnsiStringToUnicodeString(&wide, &ansi, TRUE), STATUS_SUCCESS);
    EXPECT_EQ(wide.Length, 6);
    EXPECT_EQ(wide.Buffer[2], 0xE9);
    EXPECT_EQ(wide.Buffer[3], 0);
    ANSI_STRING back;
    ASSERT_EQ(RtlUnicodeStringToAnsiString(&back, &wide, TRUE), STATUS_SUCCESS);
    EXPECT_TRUE(RtlEqualString(&back, &ansi, FALSE));
    UTF8_STRING utf8;
    ASSERT_EQ(RtlUnicodeStringToUTF8String(&utf8, &wide, TRUE), STATUS_SUCCESS);
    EXPECT_EQ(std::string(utf8.Buffer, utf8.Length), "ab\xC3\xA9");
    UNICODE_STRING again;
    ASSERT_EQ(RtlUTF8StringToUnicodeString(&again, &utf8, TRUE), STATUS_SUCCESS);
    EXPECT_TRUE(RtlEqualUnicodeString(&again, &wide, FALSE));
    UNICODE_STRING upper;
    ASSERT_EQ(RtlUpcaseUnicodeString(&upper, &wide, TRUE), STATUS_SUCCESS);
    EXPECT_EQ(upper.Buffer[0], 'A');
    WCHAR room[2];
    UNICODE_STRING small;
    RtlInitEmptyUnicodeString(&small, room, sizeof(room));
    EXPECT_EQ(RtlAnsiStringToUnicodeString(&small, &ansi, FALSE), STATUS_BUFFER_OVERFLOW);
    RtlFreeUnicodeString(&wide);
    RtlFreeUnicodeString(&again);
    RtlFreeUnicodeString(&upper);
    RtlFreeAnsiString(&back);
    RtlFreeUTF8String(&utf8);
  });
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message;
  EXPECT_EQ(report.leaks.pool_blocks, 0u) << report.leaks.first;
}

TEST(Strings, Utf8KeepsEverythingValidAndReplacesTheRest) {
  // U+1F600 as a pair, then a lone surrogate.
  const WCHAR wide[] = {0xD83D, 0xDE00, 0xD800};
  char utf8[16];
  ULONG bytes;
  EXPECT_EQ(RtlUnicodeToUTF8N(utf8, sizeof(utf8), &bytes, wide, sizeof(wide)), STATUS_SOME_NOT_MAPPED);
  EXPECT_EQ(std::string(utf8, bytes), "\xF0\x9F\x98\x80\xEF\xBF\xBD");
  WCHAR back[4];
  EXPECT_EQ(RtlUTF8ToUnicodeN(back, sizeof(back), &bytes, utf8, 4), STATUS_SUCCESS);
  EXPECT_EQ(bytes, 4u);
  EXPECT_EQ(back[0], 0xD83D);
  EXPECT_EQ(back[1], 0xDE00);
  // Overlong, truncated, a surrogate, beyond Unicode.
  for (const char* bad : {"\xC0\x80", "\xE2\x82", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF"}) {
    EXPECT_EQ(RtlUTF8ToUnicodeN(nullptr, 0, &bytes, bad, static_cast<ULONG>(strlen(bad))),
              STATUS_SOME_NOT_MAPPED);
  }
  EXPECT_EQ(RtlUTF8ToUnicodeN(back, 2, &bytes, "ab", 2), STATUS_BUFFER_TOO_SMALL);
  EXPECT_EQ(bytes, 2u);
}

TEST(Strings, NumbersAndGuids) {
  ULONG value;
  const UNICODE_STRING hex = Wide(L" 0x1F"), negative = Wide(L"-12"), binary = Wide(L"101");
  EXPECT_EQ(RtlUnicodeStringToInteger(&hex, 0, &value), STATUS_SUCCESS);
  EXPECT_EQ(value, 31u);
  RtlUnicodeStringToInteger(&negative, 10, &value);
  EXPECT_EQ(static_cast<LONG>(value), -12);
  RtlUnicodeStringToInteger(&binary, 2, &value);
  EXPECT_EQ(value, 5u);
  EXPECT_EQ(RtlUnicodeStringToInteger(&hex, 7, &value), STATUS_INVALID_PARAMETER);
  WCHAR room[8];
  UNICODE_STRING text;
  RtlInitEmptyUnicodeString(&text, room, sizeof(room));
  EXPECT_EQ(RtlIntegerToUnicodeString(48879, 16, &text), STATUS_SUCCESS);
  EXPECT_EQ(Ascii(text), "BEEF");
  EXPECT_EQ(RtlInt64ToUnicodeString(1ull << 40, 10, &text), STATUS_BUFFER_OVERFLOW);
  const RunReport report = Play([] {
    const GUID guid = {0x2227E803, 0x8D8B, 0x11D4, {0xAB, 0xAD, 0x00, 0x90, 0x27, 0x71, 0x9E, 0x09}};
    UNICODE_STRING string;
    ASSERT_EQ(RtlStringFromGUID(&guid, &string), STATUS_SUCCESS);
    EXPECT_EQ(Ascii(string), "{2227E803-8D8B-11D4-ABAD-009027719E09}");
    GUID back = {};
    EXPECT_EQ(RtlGUIDFromString(&string, &back), STATUS_SUCCESS);
    EXPECT_TRUE(IsEqualGUID(guid, back));
    string.Buffer[5] = 'x';
    EXPECT_EQ(RtlGUIDFromString(&string, &back), STATUS_INVALID_PARAMETER);
    RtlFreeUnicodeString(&string);
  });
  EXPECT_EQ(report.leaks.pool_blocks, 0u);
}

TEST(Strings, WideFormats) {
  WCHAR buffer[32];
  const UNICODE_STRING name = Wide(L"wsk");
  EXPECT_EQ(RtlStringCchPrintfW(buffer, 32, L"%s-%hs-%wZ-%u%%", L"w", "n", &name, 7u), STATUS_SUCCESS);
  EXPECT_EQ(Ascii(buffer, 10), "w-n-wsk-7%");
  EXPECT_EQ(buffer[10], 0);
  EXPECT_EQ(RtlStringCbPrintfW(buffer, 8, L"%x", 0xABCDEu), STATUS_BUFFER_OVERFLOW);
  EXPECT_EQ(Ascii(buffer, 4), std::string("abc\0", 4));
  UNICODE_STRING counted;
  RtlInitEmptyUnicodeString(&counted, buffer, sizeof(buffer));
  EXPECT_EQ(RtlUnicodeStringPrintf(&counted, L"port %hu", 4007), STATUS_SUCCESS);
  EXPECT_EQ(Ascii(counted), "port 4007");
}

// ---- Addresses.

std::string Text6(const char* text) {
  in6_addr address;
  PCSTR end;
  if (RtlIpv6StringToAddressA(text, &end, &address) != STATUS_SUCCESS || *end != 0) return "invalid";
  char buffer[48];
  RtlIpv6AddressToStringA(&address, buffer);
  return buffer;
}

TEST(Addresses, Ipv4) {
  in_addr address;
  PCSTR end;
  ASSERT_EQ(RtlIpv4StringToAddressA("192.168.1.20:80", TRUE, &end, &address), STATUS_SUCCESS);
  EXPECT_STREQ(end, ":80");
  EXPECT_EQ(address.S_un.S_un_b.s_b1, 192);
  EXPECT_EQ(address.S_un.S_un_b.s_b4, 20);
  char text[22];
  EXPECT_EQ(RtlIpv4AddressToStringA(&address, text), text + 12);
  EXPECT_STREQ(text, "192.168.1.20");
  ULONG size = sizeof(text);
  EXPECT_EQ(RtlIpv4AddressToStringExA(&address, RtlUshortByteSwap(8080), text, &size), STATUS_SUCCESS);
  EXPECT_STREQ(text, "192.168.1.20:8080");
  size = 5;
  EXPECT_EQ(RtlIpv4AddressToStringExA(&address, 0, text, &size), STATUS_INVALID_PARAMETER);
  EXPECT_EQ(size, 13u);
  ASSERT_EQ(RtlIpv4StringToAddressA("0x7f.1", FALSE, &end, &address), STATUS_SUCCESS);
  EXPECT_EQ(address.S_un.S_un_b.s_b4, 1);
  EXPECT_EQ(address.S_un.S_un_b.s_b1, 127);
  for (const char* bad : {"1.2.3", "256.1.1.1", "a", ""}) {
    EXPECT_EQ(RtlIpv4StringToAddressA(bad, TRUE, &end, &address), STATUS_INVALID_PARAMETER) << bad;
  }
  USHORT port;
  ASSERT_EQ(RtlIpv4StringToAddressExW(L"10.0.0.1:443", TRUE, &address, &port), STATUS_SUCCESS);
  EXPECT_EQ(RtlUshortByteSwap(port), 443);
  EXPECT_EQ(RtlIpv4StringToAddressExA("10.0.0.1x", TRUE, &address, &port), STATUS_INVALID_PARAMETER);
}

TEST(Addresses, Ipv6) {
  EXPECT_EQ(Text6("2001:DB8::1"), "2001:db8::1");
  EXPECT_EQ(Text6("::"), "::");
  EXPECT_EQ(Text6("::1"), "::1");
  EXPECT_EQ(Text6("1:2:3:4:5:6:7:8"), "1:2:3:4:5:6:7:8");
  EXPECT_EQ(Text6("1:0:0:2:0:0:0:3"), "1:0:0:2::3");
  EXPECT_EQ(Text6("fe80::"), "fe80::");
  EXPECT_EQ(Text6("::ffff:1.2.3.4"), "::ffff:1.2.3.4");
  EXPECT_EQ(Text6("1:0:2:3:4:5:6:7"), "1:0:2:3:4:5:6:7");
  for (const char* bad : {"1:2", "1::2::3", "12345::", ":1", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8"})
    EXPECT_EQ(Text6(bad), "invalid") << bad;
  in6_addr address;
  ULONG scope;
  USHORT port;
  ASSERT_EQ(RtlIpv6StringToAddressExA("[fe80::1%7]:4007", &address, &scope, &port), STATUS_SUCCESS);
  EXPECT_EQ(scope, 7u);
  EXPECT_EQ(RtlUshortByteSwap(port), 4007);
  char text[65];
  ULONG size = sizeof(text);
  EXPECT_EQ(RtlIpv6AddressToStringExA(&address, scope, port, text, &size), STATUS_SUCCESS);
  EXPECT_STREQ(text, "[fe80::1%7]:4007");
  EXPECT_EQ(size, strlen(text) + 1);
}

}  // namespace
}  // namespace wskcert::emulator
