#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "governor/base/status_macros.h"
#include "governor/budget/machine_record.h"
#include "governor/cli/command.h"
#include "governor/cli/driver_option.h"
#include "governor/cli/record_folder.h"
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
  std::string root = "/";

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
    options.host_root = root;
    const std::unique_ptr<PrivateRecordFolder> alone = StayAlone(options);
    GOVERNOR_ASSIGN_OR_RETURN(const std::unique_ptr<Governor> governor,
                              Governor::Create(options));
    GOVERNOR_ASSIGN_OR_RETURN(const Snapshot snapshot,
                              governor->TakeSnapshot());
    Explanation explanation;
    if (explain) explanation = Explain(*governor);
    if (json) {
      nlohmann::ordered_json report = ToJson(snapshot);
      if (explain) report.update(ToJson(explanation));
      std::cout << report.dump(2) << "\n";
    } else {
      std::cout << ToText(snapshot) << (explain ? ToText(explanation) : "");
    }
    return absl::OkStatus();
  }

  static Explanation Explain(const Governor& governor) {
    return {.takes_host_memory = governor.device().takes_host_memory(),
            .why_host_memory = governor.device().why_host_memory(),
            .refusals = governor.Refusals(kExplained)};
  }

  // Where the record of this user cannot be joined, gives the governor one of
  // its own, so that the machine is shown all the same, and says what is not.
  // Null: it can, or there is no folder for that either, and the governor says
  // why not.
  static std::unique_ptr<PrivateRecordFolder> StayAlone(
      GovernorOptions& options) {
    const std::string folder = RecordFolder(options);
    const absl::Status joined = MachineRecord::Join(folder, "stat").status();
    if (joined.ok()) return nullptr;
    auto alone = std::make_unique<PrivateRecordFolder>();
    if (alone->path().empty()) return nullptr;
    options.share_dir = alone->path();
    std::cerr << "governor: other tenants are not shown, and what they have in "
                 "flight is in no figure: "
              << std::string(joined.message()) << "\n";
    return alone;
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
  command->add_flag(
      "--explain", stat->explain,
      "And whose memory the device's is, and the last ten refusals "
      "of all governors of this user");
  command
      ->add_option("--root", stat->root,
                   "Read proc/ and sys/ under this folder, for example a "
                   "host's that is mounted into a container")
      ->type_name("DIR");
  stat->driver.AddTo(*command);
  command->footer("Example: governor stat --json");
  command->callback([stat, exit_code] { *exit_code = Report(stat->Run()); });
}

}  // namespace governor
