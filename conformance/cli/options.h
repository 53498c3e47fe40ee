// The command line of wskcert, parsed.
#ifndef WSKCERT_CONFORMANCE_CLI_OPTIONS_H_
#define WSKCERT_CONFORMANCE_CLI_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace wskcert::cli {

struct Options {
  std::string command;  // certify, run, minimize, export, check, rules, explain, help
  std::vector<std::string> arguments;
  std::string provider = "emulator";
  std::string profile = "documented";
  std::string out;
  std::string filter;
  std::string trace;
  std::string level = "full";
  std::string waivers;
  std::string more_time_for;
  std::string today;
  std::string expires;
  std::string reason;
  bool write = false;
  std::string rule;
  std::string as;
  std::string scheduler = "fibers";
  uint64_t seed = 0;
  int repeat = 1;
  int jobs = 1;
  uint32_t shard = 1;
  uint32_t shards = 1;
  bool resume = false;
  std::optional<uint64_t> schedule_seed;
  std::string format = "text";
  uint64_t limit = 50000;
  bool latitude = false;
  bool in_process = false;
  int timeout_seconds = 10;
  bool list = false;
  bool list_providers = false;
  bool coverage = false;
  bool quiet = false;
  bool verbose = false;
};

// Errors name the offending word and what would be right.
absl::StatusOr<Options> ParseOptions(int argc, char** argv);

// The text of --help, of a command or of the whole.
std::string HelpText(const std::string& command);

}  // namespace wskcert::cli

#endif  // WSKCERT_CONFORMANCE_CLI_OPTIONS_H_
