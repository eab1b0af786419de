#include <iostream>
#include <memory>

#include "governor/base/status_macros.h"
#include "governor/cli/command.h"
#include "governor/cli/driver_option.h"
#include "governor/governor.h"
#include "governor/snapshot_report.h"

namespace governor {
namespace {

struct StatCommand {
  DriverOption driver;
  int device = 0;
  bool json = false;

  absl::Status Run() const {
    GOVERNOR_ASSIGN_OR_RETURN(const DriverOption::Choice choice, driver.Open());
    GOVERNOR_ASSIGN_OR_RETURN(
        const std::unique_ptr<Governor> governor,
        Governor::Create({.device = device,
                          .driver = choice.driver,
                          .host_driver = choice.host_driver}));
    GOVERNOR_ASSIGN_OR_RETURN(const Snapshot snapshot,
                              governor->TakeSnapshot());
    if (json) {
      std::cout << ToJson(snapshot).dump(2) << "\n";
    } else {
      std::cout << ToText(snapshot);
    }
    return absl::OkStatus();
  }
};

}  // namespace

void AddStatCommand(CLI::App& app, int* exit_code) {
  auto stat = std::make_shared<StatCommand>();
  CLI::App* command =
      app.add_subcommand("stat", "One snapshot whose lines add up");
  command->add_option("--device", stat->device, "Which device (default: 0)")
      ->type_name("N");
  command->add_flag("--json", stat->json, "Stable keys, bytes as integers");
  stat->driver.AddTo(*command);
  command->footer("Example: governor stat --json");
  command->callback([stat, exit_code] { *exit_code = Report(stat->Run()); });
}

}  // namespace governor
