#include "implementations/emulator/kernel/registry.h"

#include <gtest/gtest.h>
#include <wdm.h>

#include <string>

#include "implementations/emulator/kernel/test_support.h"

namespace wskcert::emulator {
namespace {

constexpr RegistryValue kValues[] = {{"Parameters", "Port", nullptr, 4007},
                                     {"Parameters", "Name", "echo", 0},
                                     {"", "Start", nullptr, 3},
                                     {"Parameters\\Deep", "Level", nullptr, 2}};
constexpr wchar_t kService[] = L"\\REGISTRY\\machine\\System\\CurrentControlSet\\Services\\Echo";

class RegistryTest : public ::testing::Test {
 protected:
  RegistryTest() { SetRegistry("Echo", kValues, 4); }
  ~RegistryTest() override { SetRegistry(nullptr, nullptr, 0); }

  static UNICODE_STRING Name(PCWSTR text) {
    UNICODE_STRING string;
    RtlInitUnicodeString(&string, text);
    return string;
  }
  static NTSTATUS Open(PCWSTR path, HANDLE* key, HANDLE root = nullptr) {
    UNICODE_STRING name = Name(path);
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, root, nullptr);
    return ZwOpenKey(key, KEY_READ, &attributes);
  }
};

TEST_F(RegistryTest, QueriesManyValuesAtOnce) {
  const RunReport report = Play([] {
    ULONG port = 0, start = 0, absent = 0;
    UNICODE_STRING text = {};
    RTL_QUERY_REGISTRY_TABLE table[6] = {};
    table[0] = {nullptr, RTL_QUERY_REGISTRY_DIRECT, const_cast<PWSTR>(L"start"), &start, REG_NONE, nullptr,
                0};
    table[1] = {nullptr, RTL_QUERY_REGISTRY_SUBKEY, const_cast<PWSTR>(L"Parameters"), nullptr, 0, nullptr, 0};
    table[2] = {nullptr, RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_TYPECHECK, const_cast<PWSTR>(L"Port"),
                &port,   REG_DWORD << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT,          nullptr,
                0};
    table[3] = {nullptr, RTL_QUERY_REGISTRY_DIRECT, const_cast<PWSTR>(L"Name"), &text, REG_NONE, nullptr, 0};
    ULONG fallback = 77;
    table[4] = {
        nullptr, RTL_QUERY_REGISTRY_DIRECT, const_cast<PWSTR>(L"Absent"), &absent, REG_DWORD, &fallback, 4};
    ASSERT_EQ(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, kService, table, nullptr, nullptr),
              STATUS_SUCCESS);
    EXPECT_EQ(start, 3u);
    EXPECT_EQ(port, 4007u);
    EXPECT_EQ(absent, 77u);
    UNICODE_STRING expected = Name(L"echo");
    EXPECT_TRUE(RtlEqualUnicodeString(&text, &expected, FALSE));
    RtlFreeUnicodeString(&text);

    table[3].EntryContext = &port;
    table[2].Name = const_cast<PWSTR>(L"Name");
    EXPECT_EQ(RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, L"Echo", table, nullptr, nullptr),
              STATUS_OBJECT_TYPE_MISMATCH);
    table[0].Name = const_cast<PWSTR>(L"Absent");
    table[0].Flags |= RTL_QUERY_REGISTRY_REQUIRED;
    EXPECT_EQ(RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, L"Echo", table, nullptr, nullptr),
              STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(RtlQueryRegistryValues(RTL_REGISTRY_SERVICES, L"Other", table, nullptr, nullptr),
              STATUS_OBJECT_NAME_NOT_FOUND);
    EXPECT_EQ(RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, const_cast<PWSTR>(L"Echo\\Parameters\\Deep")),
              STATUS_SUCCESS);
    EXPECT_EQ(RtlCheckRegistryKey(RTL_REGISTRY_SERVICES, const_cast<PWSTR>(L"Echo\\Deep")),
              STATUS_OBJECT_NAME_NOT_FOUND);
  });
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message;
  EXPECT_EQ(report.leaks.pool_blocks, 0u) << report.leaks.first;
}

TEST_F(RegistryTest, CallsTheQueryRoutine) {
  static ULONG seen;
  seen = 0;
  const RunReport report = Play([] {
    RTL_QUERY_REGISTRY_TABLE table[2] = {};
    table[0].QueryRoutine = [](PWSTR, ULONG type, PVOID data, ULONG length, PVOID context,
                               PVOID) -> NTSTATUS {
      EXPECT_EQ(type, static_cast<ULONG>(REG_DWORD));
      EXPECT_EQ(length, 4u);
      EXPECT_EQ(context, &seen);
      seen = *static_cast<ULONG*>(data);
      return STATUS_SUCCESS;
    };
    table[0].Name = const_cast<PWSTR>(L"Start");
    EXPECT_EQ(RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, kService, table, &seen, nullptr), STATUS_SUCCESS);
  });
  EXPECT_EQ(report.ending, Ending::kFinished);
  EXPECT_EQ(seen, 3u);
}

TEST_F(RegistryTest, OpensKeysAndReadsValues) {
  const RunReport report = Play([] {
    HANDLE service, parameters, none;
    ASSERT_EQ(Open(kService, &service), STATUS_SUCCESS);
    ASSERT_EQ(Open(L"Parameters", &parameters, service), STATUS_SUCCESS);
    EXPECT_EQ(Open(L"Absent", &none, service), STATUS_OBJECT_NAME_NOT_FOUND);
    alignas(8) UCHAR buffer[64];
    ULONG length = 0;
    UNICODE_STRING port = Name(L"port"), text = Name(L"Name"), absent = Name(L"Absent");
    auto* partial = reinterpret_cast<KEY_VALUE_PARTIAL_INFORMATION*>(buffer);
    ASSERT_EQ(ZwQueryValueKey(parameters, &port, KeyValuePartialInformation, buffer, sizeof(buffer), &length),
              STATUS_SUCCESS);
    EXPECT_EQ(partial->Type, static_cast<ULONG>(REG_DWORD));
    EXPECT_EQ(*reinterpret_cast<ULONG*>(partial->Data), 4007u);
    EXPECT_EQ(length, 16u);
    EXPECT_EQ(ZwQueryValueKey(parameters, &text, KeyValuePartialInformation, buffer, 14, &length),
              STATUS_BUFFER_OVERFLOW);
    EXPECT_EQ(length, 12u + 10u);
    EXPECT_EQ(ZwQueryValueKey(parameters, &text, KeyValuePartialInformation, buffer, 4, &length),
              STATUS_BUFFER_TOO_SMALL);
    EXPECT_EQ(ZwQueryValueKey(parameters, &absent, KeyValuePartialInformation, buffer, 64, &length),
              STATUS_OBJECT_NAME_NOT_FOUND);
    auto* full = reinterpret_cast<KEY_VALUE_FULL_INFORMATION*>(buffer);
    ASSERT_EQ(ZwQueryValueKey(parameters, &text, KeyValueFullInformation, buffer, sizeof(buffer), &length),
              STATUS_SUCCESS);
    EXPECT_EQ(full->Type, static_cast<ULONG>(REG_SZ));
    EXPECT_EQ(full->NameLength, 8u);
    ASSERT_EQ(full->DataLength, sizeof(L"echo"));
    EXPECT_TRUE(RtlEqualMemory(buffer + full->DataOffset, L"echo", sizeof(L"echo")));
    EXPECT_EQ(ZwClose(parameters), STATUS_SUCCESS);
    EXPECT_EQ(ZwClose(service), STATUS_SUCCESS);
    DRIVER_OBJECT driver = {};
    ASSERT_EQ(IoOpenDriverRegistryKey(&driver, DriverRegKeyParameters, KEY_READ, 0, &parameters),
              STATUS_SUCCESS);
    EXPECT_EQ(ZwClose(parameters), STATUS_SUCCESS);
  });
  EXPECT_EQ(report.ending, Ending::kFinished) << report.bug_check.message;
  EXPECT_EQ(report.leaks.pool_blocks, 0u);
}

TEST_F(RegistryTest, AKeyLeftOpenIsALeak) {
  const RunReport report = Play([] {
    HANDLE key;
    ASSERT_EQ(Open(kService, &key), STATUS_SUCCESS);
  });
  EXPECT_EQ(report.leaks.pool_blocks, 1u);
  EXPECT_NE(std::string(report.leaks.first).find("'RegK'"), std::string::npos);
}

}  // namespace
}  // namespace wskcert::emulator
