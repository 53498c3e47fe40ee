// The registry: one service key and what is below it, all given by the host.
#include "implementations/emulator/kernel/registry.h"

#include <wdm.h>

#include "implementations/emulator/kernel/bugcheck.h"
#include "implementations/emulator/kernel/registry_key.h"

namespace wskcert::emulator {
namespace {

constexpr ULONG kKeyTag = 0x4b676552;     // "RegK"
constexpr ULONG kStringTag = 0x67727453;  // "Strg": RtlFreeUnicodeString releases these.
constexpr WCHAR kServices[] = L"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\";
constexpr size_t kServicesLength = sizeof(kServices) / sizeof(WCHAR) - 1;
// Handles of keys: apart from threads' handles, which are small.
constexpr uintptr_t kFirstHandle = 0x40000000;
constexpr uint32_t kOpenKeys = 64;
// With the terminator; longer texts are cut.
constexpr size_t kMaximumText = 128;

struct Key {
  uint32_t number;
  size_t length;
  char path[1];  // Below the service key.
};

struct Registry {
  const char* service;
  const RegistryValue* values;
  size_t count;
  Key* open[kOpenKeys];
};
Registry g_registry;

struct Path {
  const WCHAR* at;
  size_t length;
};

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
WCHAR LowerWide(WCHAR c) { return c >= 'A' && c <= 'Z' ? static_cast<WCHAR>(c + 32) : c; }

size_t LengthOf(const WCHAR* text) {
  size_t length = 0;
  while (text[length] != 0) ++length;
  return length;
}

bool SameText(const WCHAR* wide, size_t length, const char* text) {
  for (size_t i = 0; i < length; ++i) {
    if (text[i] == 0 || LowerWide(wide[i]) != static_cast<WCHAR>(Lower(text[i]))) return false;
  }
  return text[length] == 0;
}

// Takes `prefix` off the path's front.
bool Skip(Path* path, const WCHAR* prefix, size_t length) {
  if (path->length < length) return false;
  for (size_t i = 0; i < length; ++i) {
    if (LowerWide(path->at[i]) != LowerWide(prefix[i])) return false;
  }
  path->at += length;
  path->length -= length;
  return true;
}

bool SkipService(Path* path) {
  if (g_registry.service == nullptr) return false;
  const size_t length = __builtin_strlen(g_registry.service);
  if (path->length < length || !SameText(path->at, length, g_registry.service)) return false;
  if (path->length > length && path->at[length] != '\\') return false;
  path->at += length;
  path->length -= length;
  return true;
}

// A path below the service key without the separators around it, as ASCII.
size_t Trim(Path path, char* buffer, size_t size) {
  while (path.length > 0 && path.at[0] == '\\') ++path.at, --path.length;
  while (path.length > 0 && path.at[path.length - 1] == '\\') --path.length;
  if (path.length >= size) return SIZE_MAX;
  for (size_t i = 0; i < path.length; ++i) buffer[i] = static_cast<char>(path.at[i]);
  buffer[path.length] = 0;
  return path.length;
}

bool SameKey(const char* a, const char* b) {
  while (*a != 0 && Lower(*a) == Lower(*b)) ++a, ++b;
  return *a == 0 && *b == 0;
}

// A key is there when it, or one below it, has a value; the service key always is.
bool KeyExists(const char* path) {
  const size_t length = __builtin_strlen(path);
  if (length == 0) return g_registry.service != nullptr;
  for (size_t i = 0; i < g_registry.count; ++i) {
    const char* key = g_registry.values[i].key;
    size_t same = 0;
    while (same < length && Lower(key[same]) == Lower(path[same])) ++same;
    if (same == length && (key[length] == 0 || key[length] == '\\')) return true;
  }
  return false;
}

const RegistryValue* FindValue(const char* key, const WCHAR* name, size_t length) {
  for (size_t i = 0; i < g_registry.count; ++i) {
    const RegistryValue& value = g_registry.values[i];
    if (SameKey(value.key, key) && SameText(name, length, value.name)) return &value;
  }
  return nullptr;
}

ULONG TypeOf(const RegistryValue& value) { return value.text != nullptr ? REG_SZ : REG_DWORD; }

// The value as kernel code sees it; returns its length in bytes. Strings count their terminator.
ULONG DataOf(const RegistryValue& value, WCHAR* text) {
  if (value.text == nullptr) {
    RtlCopyMemory(text, &value.number, sizeof(ULONG));
    return sizeof(ULONG);
  }
  size_t length = 0;
  while (value.text[length] != 0 && length + 1 < kMaximumText) {
    text[length] = static_cast<WCHAR>(value.text[length]);
    ++length;
  }
  text[length] = 0;
  return static_cast<ULONG>((length + 1) * sizeof(WCHAR));
}

Key* KeyOf(HANDLE handle) {
  const uintptr_t number = reinterpret_cast<uintptr_t>(handle);
  if (number < kFirstHandle || (number - kFirstHandle) / 4 >= kOpenKeys) return nullptr;
  return g_registry.open[(number - kFirstHandle) / 4];
}

NTSTATUS OpenKey(const char* path, HANDLE* handle) {
  *handle = nullptr;
  if (!KeyExists(path)) return STATUS_OBJECT_NAME_NOT_FOUND;
  const size_t length = __builtin_strlen(path);
  auto* key = static_cast<Key*>(ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(Key) + length, kKeyTag));
  if (key == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
  RtlCopyMemory(key->path, path, length + 1);
  key->length = length;
  uint32_t number = 0;
  {
    RuntimeLock guard;
    while (number < kOpenKeys && g_registry.open[number] != nullptr) ++number;
    if (number < kOpenKeys) g_registry.open[number] = key;
  }
  if (number == kOpenKeys) {
    ExFreePoolWithTag(key, kKeyTag);
    return STATUS_INSUFFICIENT_RESOURCES;
  }
  key->number = number;
  *handle = reinterpret_cast<HANDLE>(kFirstHandle + uintptr_t{4} * number);
  return STATUS_SUCCESS;
}

// ---- RtlQueryRegistryValues.

struct Found {
  ULONG type;
  const void* data;
  ULONG length;
};

NTSTATUS StoreString(const Found& found, UNICODE_STRING* to) {
  // Strings of the registry carry their terminator, which a counted string does not count.
  const ULONG length = found.length - sizeof(WCHAR);
  if (to->Buffer == nullptr) {
    to->Buffer = static_cast<PWCH>(ExAllocatePool2(POOL_FLAG_PAGED, found.length, kStringTag));
    if (to->Buffer == nullptr) return STATUS_INSUFFICIENT_RESOURCES;
    to->MaximumLength = static_cast<USHORT>(found.length);
  }
  if (to->MaximumLength < found.length) return STATUS_BUFFER_TOO_SMALL;
  RtlCopyMemory(to->Buffer, found.data, found.length);
  to->Length = static_cast<USHORT>(length);
  return STATUS_SUCCESS;
}

NTSTATUS Deliver(const RTL_QUERY_REGISTRY_TABLE& entry, const Found& found, PVOID context) {
  if (!(entry.Flags & RTL_QUERY_REGISTRY_DIRECT)) {
    return entry.QueryRoutine(entry.Name, found.type, const_cast<void*>(found.data), found.length, context,
                              entry.EntryContext);
  }
  if (entry.Flags & RTL_QUERY_REGISTRY_TYPECHECK) {
    // Where DefaultType names the expected type, shifted.
    const ULONG expected = entry.DefaultType >> RTL_QUERY_REGISTRY_TYPECHECK_SHIFT;
    if (expected != found.type) return STATUS_OBJECT_TYPE_MISMATCH;
  }
  if (found.type == REG_SZ || found.type == REG_EXPAND_SZ || found.type == REG_MULTI_SZ) {
    return StoreString(found, static_cast<UNICODE_STRING*>(entry.EntryContext));
  }
  RtlCopyMemory(entry.EntryContext, found.data, found.length);
  return STATUS_SUCCESS;
}

NTSTATUS QueryOne(const RTL_QUERY_REGISTRY_TABLE& entry, const char* key, PVOID context) {
  WCHAR text[kMaximumText];
  const RegistryValue* value = FindValue(key, entry.Name, LengthOf(entry.Name));
  Found found;
  if (value != nullptr) {
    found = Found{TypeOf(*value), text, DataOf(*value, text)};
  } else {
    if (entry.Flags & RTL_QUERY_REGISTRY_REQUIRED) return STATUS_OBJECT_NAME_NOT_FOUND;
    const ULONG type = entry.DefaultType & ~RTL_QUERY_REGISTRY_TYPECHECK_MASK;
    if (type == REG_NONE) return STATUS_SUCCESS;
    found = Found{type, entry.DefaultData, entry.DefaultLength};
    if (found.length == 0 && type == REG_SZ) {
      found.length =
          static_cast<ULONG>((LengthOf(static_cast<const WCHAR*>(found.data)) + 1) * sizeof(WCHAR));
    }
    if (found.length == 0 && type == REG_DWORD) found.length = sizeof(ULONG);
  }
  return Deliver(entry, found, context);
}

bool EndsTable(const RTL_QUERY_REGISTRY_TABLE& entry) {
  return entry.QueryRoutine == nullptr && entry.Name == nullptr;
}

// The key that RelativeTo and Path name, below the service key.
bool ResolveKey(ULONG relative_to, PCWSTR text, char* buffer, size_t size) {
  Path path{text, text != nullptr ? LengthOf(text) : 0};
  const ULONG base = relative_to & ~(RTL_REGISTRY_OPTIONAL | RTL_REGISTRY_HANDLE);
  if (relative_to & RTL_REGISTRY_HANDLE) {
    const Key* key = KeyOf(reinterpret_cast<HANDLE>(const_cast<PWSTR>(text)));
    if (key == nullptr || key->length >= size) return false;
    RtlCopyMemory(buffer, key->path, key->length + 1);
    return true;
  }
  if (base == RTL_REGISTRY_ABSOLUTE && !Skip(&path, kServices, kServicesLength)) return false;
  if (base > RTL_REGISTRY_SERVICES || !SkipService(&path)) return false;
  return Trim(path, buffer, size) != SIZE_MAX && KeyExists(buffer);
}

}  // namespace

void SetRegistry(const char* service, const RegistryValue* values, size_t count) {
  g_registry = Registry{service, values, count, {}};
}

bool CloseRegistryKey(void* handle) {
  Key* key = KeyOf(handle);
  if (key == nullptr) return false;
  g_registry.open[key->number] = nullptr;
  ExFreePoolWithTag(key, kKeyTag);
  return true;
}

}  // namespace wskcert::emulator

using namespace wskcert::emulator;  // NOLINT(google-build-using-namespace): what follows is the kernel API
                                    // itself

extern "C" {

NTSTATUS RtlQueryRegistryValues(ULONG relative_to, PCWSTR path, PRTL_QUERY_REGISTRY_TABLE table,
                                PVOID context, PVOID) {
  RequireIrqlAtMost(PASSIVE_LEVEL, "RtlQueryRegistryValues");
  char top[128];
  if (!ResolveKey(relative_to, path, top, sizeof(top))) {
    return relative_to & RTL_REGISTRY_OPTIONAL ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
  }
  char key[256];
  RtlCopyMemory(key, top, sizeof(top));
  bool present = true;
  for (; !EndsTable(*table); ++table) {
    if (table->Flags & (RTL_QUERY_REGISTRY_SUBKEY | RTL_QUERY_REGISTRY_TOPKEY)) {
      RtlCopyMemory(key, top, sizeof(top));
      present = true;
    }
    if (table->Flags & RTL_QUERY_REGISTRY_SUBKEY) {
      const size_t length = __builtin_strlen(key);
      if (length != 0) key[length] = '\\';
      char* at = key + length + (length != 0 ? 1 : 0);
      const Path sub{table->Name, LengthOf(table->Name)};
      present = Trim(sub, at, static_cast<size_t>(key + sizeof(key) - at)) != SIZE_MAX && KeyExists(key);
      if (!present && (table->Flags & RTL_QUERY_REGISTRY_REQUIRED)) return STATUS_OBJECT_NAME_NOT_FOUND;
      continue;
    }
    if (table->Name == nullptr) continue;
    const NTSTATUS status = QueryOne(*table, present ? key : "\\", context);
    if (!NT_SUCCESS(status)) return status;
  }
  return STATUS_SUCCESS;
}

NTSTATUS RtlCheckRegistryKey(ULONG relative_to, PWSTR path) {
  RequireIrqlAtMost(PASSIVE_LEVEL, "RtlCheckRegistryKey");
  char key[128];
  return ResolveKey(relative_to, path, key, sizeof(key)) ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
}

NTSTATUS ZwOpenKey(PHANDLE handle, ACCESS_MASK, POBJECT_ATTRIBUTES attributes) {
  RequireIrqlAtMost(PASSIVE_LEVEL, "ZwOpenKey");
  *handle = nullptr;
  Path path{attributes->ObjectName->Buffer, attributes->ObjectName->Length / sizeof(WCHAR)};
  char key[256];
  size_t length = 0;
  if (attributes->RootDirectory != nullptr) {
    const Key* root = KeyOf(attributes->RootDirectory);
    if (root == nullptr || root->length + 2 > sizeof(key)) return STATUS_INVALID_HANDLE;
    RtlCopyMemory(key, root->path, root->length);
    length = root->length;
    if (length != 0) key[length++] = '\\';
  } else if (!Skip(&path, kServices, kServicesLength) || !SkipService(&path)) {
    return STATUS_OBJECT_NAME_NOT_FOUND;
  }
  if (Trim(path, key + length, sizeof(key) - length) == SIZE_MAX) return STATUS_OBJECT_NAME_INVALID;
  return OpenKey(key, handle);
}

NTSTATUS ZwQueryValueKey(HANDLE handle, PUNICODE_STRING name, KEY_VALUE_INFORMATION_CLASS information_class,
                         PVOID information, ULONG length, PULONG result_length) {
  RequireIrqlAtMost(PASSIVE_LEVEL, "ZwQueryValueKey");
  const Key* key = KeyOf(handle);
  if (key == nullptr) return STATUS_INVALID_HANDLE;
  const RegistryValue* value = FindValue(key->path, name->Buffer, name->Length / sizeof(WCHAR));
  if (value == nullptr) return STATUS_OBJECT_NAME_NOT_FOUND;
  WCHAR data[kMaximumText];
  const ULONG data_length = DataOf(*value, data);
  if (information_class == KeyValuePartialInformation) {
    constexpr ULONG kFixed = FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data);
    *result_length = kFixed + data_length;
    if (length < kFixed) return STATUS_BUFFER_TOO_SMALL;
    auto* partial = static_cast<KEY_VALUE_PARTIAL_INFORMATION*>(information);
    partial->TitleIndex = 0;
    partial->Type = TypeOf(*value);
    partial->DataLength = data_length;
    const ULONG room = length - kFixed;
    RtlCopyMemory(partial->Data, data, room < data_length ? room : data_length);
    return room < data_length ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
  }
  if (information_class != KeyValueFullInformation) return STATUS_INVALID_PARAMETER;
  constexpr ULONG kFixed = FIELD_OFFSET(KEY_VALUE_FULL_INFORMATION, Name);
  const ULONG offset = (kFixed + name->Length + 7) & ~7u;
  *result_length = offset + data_length;
  if (length < kFixed) return STATUS_BUFFER_TOO_SMALL;
  auto* full = static_cast<KEY_VALUE_FULL_INFORMATION*>(information);
  *full = KEY_VALUE_FULL_INFORMATION{0, TypeOf(*value), offset, data_length, name->Length, {0}};
  if (length < *result_length) return STATUS_BUFFER_OVERFLOW;
  RtlCopyMemory(full->Name, name->Buffer, name->Length);
  RtlCopyMemory(static_cast<PUCHAR>(information) + offset, data, data_length);
  return STATUS_SUCCESS;
}

NTSTATUS IoOpenDriverRegistryKey(PDRIVER_OBJECT, DRIVER_REGKEY_TYPE type, ACCESS_MASK, ULONG,
                                 PHANDLE handle) {
  RequireIrqlAtMost(PASSIVE_LEVEL, "IoOpenDriverRegistryKey");
  *handle = nullptr;
  if (type != DriverRegKeyParameters) return STATUS_NOT_SUPPORTED;
  return OpenKey("Parameters", handle);
}

}  // extern "C"
