#include "implementations/driver_shim/control/machine.h"

#include <windows.h>
#include <winsock2.h>

// After <windows.h>.
#include <bcrypt.h>

#include <vector>

namespace wskcert::shim {
namespace {

// A function of ntdll.dll, which every process has.
template <typename Function>
Function FromNtdll(const char* name) {
  return reinterpret_cast<Function>(
      reinterpret_cast<void*>(GetProcAddress(GetModuleHandleA("ntdll.dll"), name)));
}

std::string WindowsVersion() {
  using GetVersionFunction = LONG(WINAPI*)(OSVERSIONINFOW*);
  OSVERSIONINFOW version = {};
  version.dwOSVersionInfoSize = sizeof(version);
  const auto get = FromNtdll<GetVersionFunction>("RtlGetVersion");
  if (get == nullptr || get(&version) != 0) return "";
  return std::to_string(version.dwMajorVersion) + "." + std::to_string(version.dwMinorVersion) + "." +
         std::to_string(version.dwBuildNumber);
}

std::string NetioPath() {
  char system[MAX_PATH] = "";
  GetSystemDirectoryA(system, sizeof(system));
  return std::string(system) + "\\drivers\\netio.sys";
}

std::string FileVersion(const std::string& path) {
  DWORD ignored = 0;
  const DWORD size = GetFileVersionInfoSizeA(path.c_str(), &ignored);
  std::vector<char> block(size);
  VS_FIXEDFILEINFO* info = nullptr;
  UINT length = 0;
  if (size == 0 || !GetFileVersionInfoA(path.c_str(), 0, size, block.data()) ||
      !VerQueryValueA(block.data(), "\\", reinterpret_cast<void**>(&info), &length) || info == nullptr) {
    return "";
  }
  return std::to_string(HIWORD(info->dwFileVersionMS)) + "." + std::to_string(LOWORD(info->dwFileVersionMS)) +
         "." + std::to_string(HIWORD(info->dwFileVersionLS)) + "." +
         std::to_string(LOWORD(info->dwFileVersionLS));
}

std::vector<unsigned char> ReadWholeFile(const std::string& path) {
  std::vector<unsigned char> bytes;
  HANDLE file = CreateFileA(path.c_str(), GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr);
  if (file == INVALID_HANDLE_VALUE) return bytes;
  bytes.resize(GetFileSize(file, nullptr));
  DWORD read = 0;
  if (!ReadFile(file, bytes.data(), static_cast<DWORD>(bytes.size()), &read, nullptr) ||
      read != bytes.size()) {
    bytes.clear();
  }
  CloseHandle(file);
  return bytes;
}

std::string Sha256(const std::string& path) {
  std::vector<unsigned char> bytes = ReadWholeFile(path);
  unsigned char digest[32];
  BCRYPT_ALG_HANDLE algorithm = nullptr;
  BCRYPT_HASH_HANDLE hash = nullptr;
  if (bytes.empty() || BCryptOpenAlgorithmProvider(&algorithm, BCRYPT_SHA256_ALGORITHM, nullptr, 0) != 0)
    return "";
  const bool done = BCryptCreateHash(algorithm, &hash, nullptr, 0, nullptr, 0, 0) == 0 &&
                    BCryptHashData(hash, bytes.data(), static_cast<ULONG>(bytes.size()), 0) == 0 &&
                    BCryptFinishHash(hash, digest, sizeof(digest), 0) == 0;
  if (hash != nullptr) BCryptDestroyHash(hash);
  BCryptCloseAlgorithmProvider(algorithm, 0);
  if (!done) return "";
  std::string text;
  for (const unsigned char byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

}  // namespace

Machine ThisMachine() {
  using GetVersionFunction = const char*(CDECL*)();
  Machine machine;
  const auto wine_version = FromNtdll<GetVersionFunction>("wine_get_version");
  machine.wine = wine_version != nullptr;
  machine.host = machine.wine ? std::string("Wine ") + wine_version() : "Windows " + WindowsVersion();
  const std::string path = NetioPath();
  machine.provider_version = machine.wine ? wine_version() : FileVersion(path);
  machine.provider_sha256 = Sha256(path);
  return machine;
}

}  // namespace wskcert::shim
