// What the commands of wskcert do. Each prints to standard output, progress and errors to standard error.
#ifndef WSKCERT_CONFORMANCE_CLI_COMMANDS_H_
#define WSKCERT_CONFORMANCE_CLI_COMMANDS_H_

#include "conformance/certify/report.h"
#include "conformance/cli/options.h"

namespace wskcert::cli {

ExitStatus CertifyCommand(const Options& options);
ExitStatus RunCommand(const Options& options);
ExitStatus MinimizeCommand(const Options& options);
ExitStatus TesteeCommand(const Options& options);
ExitStatus PackCommand(const Options& options);
ExitStatus ExportCommand(const Options& options);
ExitStatus MergeCommand(const Options& options);
ExitStatus DiffCommand(const Options& options);
ExitStatus WaiversCommand(const Options& options);
ExitStatus VerifyCommand(const Options& options);
ExitStatus CheckCommand(const Options& options);
ExitStatus RulesCommand(const Options& options);
ExitStatus ExplainCommand(const Options& options);

}  // namespace wskcert::cli

#endif  // WSKCERT_CONFORMANCE_CLI_COMMANDS_H_
