// wskcert: the command line of the conformance suite. `wskcert --help` says what it does; docs/ says how.
#include <iostream>

#include "conformance/cli/commands.h"
#include "conformance/cli/options.h"

int main(int argc, char** argv) {
  using namespace wskcert::cli;  // NOLINT(google-build-using-namespace)
  const absl::StatusOr<Options> options = ParseOptions(argc, argv);
  if (!options.ok()) {
    std::cerr << "wskcert: " << options.status().message() << "\n'wskcert --help' says how to use it\n";
    return wskcert::kExitUsage;
  }
  if (options->command == "help") {
    std::cout << HelpText(options->arguments[0]);
    return wskcert::kExitGood;
  }
  if (options->command == "certify") return CertifyCommand(*options);
  if (options->command == "run") return RunCommand(*options);
  if (options->command == "minimize") return MinimizeCommand(*options);
  if (options->command == "testee") return TesteeCommand(*options);
  if (options->command == "pack") return PackCommand(*options);
  if (options->command == "export") return ExportCommand(*options);
  if (options->command == "merge") return MergeCommand(*options);
  if (options->command == "diff") return DiffCommand(*options);
  if (options->command == "waivers") return WaiversCommand(*options);
  if (options->command == "verify") return VerifyCommand(*options);
  if (options->command == "check") return CheckCommand(*options);
  if (options->command == "rules") return RulesCommand(*options);
  return ExplainCommand(*options);
}
