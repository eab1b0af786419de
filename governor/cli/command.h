#ifndef GOVERNOR_CLI_COMMAND_H_
#define GOVERNOR_CLI_COMMAND_H_

#include <CLI/CLI.hpp>

namespace governor {

// What a command ends with, as every command of `governor` does.
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kWrongUsage = 2,
  kDoesNotFit = 3,
};

// Each adds one command to `app`. When the command line names it, it runs while
// the line is parsed and leaves its exit code in `*exit_code`. Results go to
// stdout, everything else to stderr.
void AddPlanCommand(CLI::App& app, int* exit_code);
void AddStatCommand(CLI::App& app, int* exit_code);
void AddRehearseCommand(CLI::App& app, int* exit_code);
void AddDoctorCommand(CLI::App& app, int* exit_code);

}  // namespace governor

#endif  // GOVERNOR_CLI_COMMAND_H_
