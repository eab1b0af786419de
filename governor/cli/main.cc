#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "governor/cli/command.h"

int main(int argc, char** argv) {
  CLI::App app(
      "Makes a memory budget a hard fact for GPU inference.\n"
      "Sizes are 24GiB, 512MiB, 117GB (10^9 bytes), 90% or plain bytes.",
      "governor");
  app.require_subcommand(1);
  app.footer(
      "Example: governor plan model.gguf --budget 40GiB\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage, 3 does not fit.");
  int exit_code = governor::kDone;
  governor::AddPlanCommand(app, &exit_code);
  governor::AddStatCommand(app, &exit_code);
  governor::AddRehearseCommand(app, &exit_code);
  governor::AddDoctorCommand(app, &exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (app.get_subcommands().empty() && argc > 1 && argv[1][0] != '-') {
      std::cerr << "governor: no such command: " << argv[1]
                << "; governor --help lists them\n";
      return governor::kWrongUsage;
    }
    // --help and the like end here too, with 0.
    return app.exit(error) == 0 ? governor::kDone : governor::kWrongUsage;
  } catch (const std::exception& error) {
    std::cerr << "governor: " << error.what() << "\n";
    return governor::kFailed;
  }
  // A full disk or a closed pipe must not look like success.
  if (!std::cout.flush()) {
    std::cerr << "governor: cannot write to standard output\n";
    return governor::kFailed;
  }
  return exit_code;
}
