#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "governor/base/status_macros.h"
#include "governor/cli/command.h"
#include "governor/cli/driver_option.h"
#include "governor/driver_choice.h"
#include "governor/governor.h"
#include "governor/plan_request.h"
#include "governor/snapshot_report.h"

namespace governor {
namespace {

// How many refusals --explain shows.
constexpr size_t kExplained = 10;

struct StatCommand {
  DriverOption driver;
  int device = 0;
  bool json = false;
  bool explain = false;

  absl::Status Run() const {
    GOVERNOR_ASSIGN_OR_RETURN(GovernorOptions options,
                              driver.Read({.device = device}));
    std::string why_host;
    GOVERNOR_ASSIGN_OR_RETURN(
        const OpenDriver open,
        OpenOrHost(options.driver.value_or(DriverChoice::kAuto),
                   options.host_driver.value_or(""), &why_host));
    SayWhyHost(why_host);
    options.driver =
        open.host != nullptr ? DriverChoice::kHost : DriverChoice::kCuda;
    GOVERNOR_RETURN_IF_ERROR(FitAllowance(options));
    options.only_looks = true;
    GOVERNOR_ASSIGN_OR_RETURN(const std::unique_ptr<Governor> governor,
                              Governor::Create(options));
    GOVERNOR_ASSIGN_OR_RETURN(const Snapshot snapshot,
                              governor->TakeSnapshot());
    std::vector<MachineRecord::RememberedRefusal> refusals;
    if (explain) refusals = governor->Refusals(kExplained);
    if (json) {
      nlohmann::ordered_json report = ToJson(snapshot);
      if (explain) report["refusals"] = ToJson(refusals);
      std::cout << report.dump(2) << "\n";
    } else {
      std::cout << ToText(snapshot) << (explain ? ToText(refusals) : "");
    }
    return absl::OkStatus();
  }

  // Who only looks may look at a budget that the default allowance is too large
  // for.
  static absl::Status FitAllowance(GovernorOptions& options) {
    if (options.allowance) return absl::OkStatus();
    std::string why_host;  // said already
    GOVERNOR_ASSIGN_OR_RETURN(const PlanRequest resolved,
                              CompletePlanRequest({}, options, [&] {
                                return AskDriver(options, &why_host);
                              }));
    options.allowance = std::min(kDefaultAllowance, *resolved.budget);
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
  command->add_flag("--explain", stat->explain,
                    "And the last ten refusals of all governors of this user");
  stat->driver.AddTo(*command);
  command->footer("Example: governor stat --json");
  command->callback([stat, exit_code] { *exit_code = Report(stat->Run()); });
}

}  // namespace governor
