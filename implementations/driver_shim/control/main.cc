// wskshimctl.exe: what a machine with the driver is controlled with.
#include <windows.h>
#include <winsock2.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "implementations/driver_shim/control/machine.h"
#include "implementations/driver_shim/control/player.h"
#include "implementations/driver_shim/control/serve.h"
#include "implementations/driver_shim/control/service.h"

namespace wskcert::shim {
namespace {

constexpr char kUsage[] =
    "usage: wskshimctl install [WSKSHIM.SYS]   registers the driver; without a path the one beside this "
    "program\n"
    "       wskshimctl load | unload | uninstall\n"
    "       wskshimctl status                  what the driver says of itself, and what this machine is\n"
    "       wskshimctl serve [OPTIONS]         the testee protocol on standard input and output\n"
    "       wskshimctl record SUITE.pack TRACES.pack [OPTIONS]\n"
    "options: --quiet=MS     silence counts after this (4)\n"
    "         --patience=MS  or after this while the provider owns new IRPs (24)\n"
    "         --deadline=MS  a play that takes longer is ended (3000)\n"
    "status: 0 done; 1 refused by the machine; 2 a file; 3 the driver gave out; 4 usage\n";

int Tell(const char* what, DWORD error) {
  if (error == 0) return 0;
  std::fprintf(stderr, "wskshimctl: %s: %s\n", what, ErrorText(error).c_str());
  return 1;
}

std::string BesideUs() {
  char path[MAX_PATH] = "";
  GetModuleFileNameA(nullptr, path, sizeof(path));
  std::string text = path;
  return text.substr(0, text.find_last_of('\\') + 1) + "wskshim.sys";
}

std::string Absolute(const char* path) {
  char full[MAX_PATH] = "";
  const DWORD size = GetFullPathNameA(path, sizeof(full), full, nullptr);
  return size != 0 && size < sizeof(full) ? full : path;
}

int Status() {
  const Machine machine = ThisMachine();
  std::printf("host %s; netio.sys %s %s\n", machine.host.c_str(), machine.provider_version.c_str(),
              machine.provider_sha256.c_str());
  Device device;
  if (!device.Open()) return Tell("opening the driver's device", device.error());
  StatusReply status;
  if (const DWORD error = device.ReadStatus(&status); error != 0) return Tell("status", error);
  static constexpr const char* kStates[] = {"ready", "quarantined", "unloading"};
  const auto state = static_cast<uint32_t>(status.state);
  std::printf("driver %s; device restricted to SYSTEM and Administrators: %s (0x%08lX)\n",
              state < 3 ? kStates[state] : "?", status.security >= 0 ? "yes" : "no",
              static_cast<unsigned long>(status.security));
  std::printf("%lu sessions, %lu plays; quarantine: %lu plays, %llu bytes, %lu IRPs, %lu threads\n",
              static_cast<unsigned long>(status.sessions), static_cast<unsigned long>(status.plays),
              static_cast<unsigned long>(status.quarantined),
              static_cast<unsigned long long>(status.quarantined_bytes),
              static_cast<unsigned long>(status.orphaned_irps),
              static_cast<unsigned long>(status.stuck_threads));
  return 0;
}

bool NumberOption(const char* argument, const char* name, uint32_t* value) {
  const size_t length = std::strlen(name);
  if (std::strncmp(argument, name, length) != 0) return false;
  char* end = nullptr;
  const unsigned long number = std::strtoul(argument + length, &end, 10);
  if (*end != 0 || end == argument + length || number == 0 || number > kMaxWait) return false;
  *value = number;
  return true;
}

// The options from argv[first] on. False: usage.
bool ParseOptions(int argc, char** argv, int first, PlayerOptions* options) {
  for (int i = first; i < argc; ++i) {
    if (!NumberOption(argv[i], "--quiet=", &options->quiet_ms) &&
        !NumberOption(argv[i], "--patience=", &options->patience_ms) &&
        !NumberOption(argv[i], "--deadline=", &options->deadline_ms)) {
      return false;
    }
  }
  return true;
}

// What Wine's kernel does not have: levels, and a function of netio.sys that raises an exception instead of
// answering.
void FitTo(const Machine& machine, PlayerOptions* options) {
  if (!machine.wine) return;
  options->hidden = static_cast<uint64_t>(Capability::kIrqlVisible);
  options->absent = kAbsentQueryCharacteristics;
}

int Play(int argc, char** argv, bool record) {
  PlayerOptions options;
  if ((record && argc < 4) || !ParseOptions(argc, argv, record ? 4 : 2, &options)) {
    std::fputs(kUsage, stderr);
    return 4;
  }
  const Machine machine = ThisMachine();
  FitTo(machine, &options);
  Player player(options);
  if (!player.Open()) {
    std::fprintf(stderr, "wskshimctl: %s\n", player.error().c_str());
    return 1;
  }
  return record ? RecordFiles(&player, machine, argv[2], argv[3]) : ServeStandardStreams(&player, machine);
}

int Main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "install")
    return Tell("installing", InstallDriver(argc > 2 ? Absolute(argv[2]) : BesideUs()));
  if (command == "load") return Tell("loading", LoadDriver());
  if (command == "unload") return Tell("unloading", UnloadDriver());
  if (command == "uninstall") return Tell("uninstalling", UninstallDriver());
  if (command == "status") return Status();
  if (command == "serve") return Play(argc, argv, false);
  if (command == "record") return Play(argc, argv, true);
  std::fputs(kUsage, stderr);
  return 4;
}

}  // namespace
}  // namespace wskcert::shim

int main(int argc, char** argv) {
  WSADATA data;
  if (WSAStartup(MAKEWORD(2, 2), &data) != 0) return 1;
  const int status = wskcert::shim::Main(argc, argv);
  WSACleanup();
  return status;
}
