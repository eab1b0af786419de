#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "governor/base/clock.h"
#include "governor/base/status_macros.h"
#include "governor/cli/command.h"
#include "governor/cli/driver_option.h"
#include "governor/cli/option_values.h"
#include "governor/cli/rehearsal_report.h"
#include "governor/host/host_sampler.h"
#include "governor/phase_store.h"
#include "governor/plan_request.h"
#include "governor/policy/device_budget.h"
#include "governor/policy/plan.h"
#include "governor/policy/rehearsal.h"
#include "governor/printable.h"

namespace governor {
namespace {

constexpr size_t kMaxShown = 64;

// `NAME[=SIZE][,transient|,reclaimable]`, as given.
struct PhaseText {
  RehearsedPhase phase;
  std::optional<SizeSpec> size;  // absent: as recorded
};

absl::StatusOr<PhaseText> ParsePhase(absl::string_view text) {
  const auto wrong = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(
        "not a phase: ", what, ", for example capture=3GiB,transient; given '",
        Printable(text.substr(0, kMaxShown)), "'"));
  };
  PhaseText parsed;
  const std::vector<std::string> parts = absl::StrSplit(text, ',');
  const size_t equals = parts[0].find('=');
  parsed.phase.name = parts[0].substr(0, equals);
  if (parsed.phase.name.empty()) return wrong("it lacks a name");
  if (equals != std::string::npos) {
    const absl::StatusOr<SizeSpec> size =
        SizeSpec::Parse(parts[0].substr(equals + 1));
    if (!size.ok()) return wrong(size.status().message());
    parsed.size = *size;
  }
  for (size_t i = 1; i < parts.size(); ++i) {
    if (parts[i] == "transient") {
      parsed.phase.transient = true;
    } else if (parts[i] == "reclaimable") {
      parsed.phase.reclaimable = true;
    } else {
      return wrong("after the size come transient or reclaimable");
    }
  }
  return parsed;
}

struct RehearseCommand {
  DriverOption driver;
  OptionText budget, os_reserve, allowance;
  std::vector<std::string> phases;
  bool json = false;
  std::string root = "/";

  absl::StatusOr<int> Run() const {
    GovernorOptions options;
    GOVERNOR_RETURN_IF_ERROR(ReadSpec("--budget", budget, &options.budget));
    GOVERNOR_RETURN_IF_ERROR(
        ReadSpec("--os-reserve", os_reserve, &options.os_reserve));
    GOVERNOR_RETURN_IF_ERROR(
        ReadSpec("--allowance", allowance, &options.allowance));
    std::vector<PhaseText> parsed;
    for (const std::string& text : phases) {
      absl::StatusOr<PhaseText> phase = ParsePhase(text);
      if (!phase.ok()) return InOption("--phase", phase.status());
      parsed.push_back(*std::move(phase));
    }
    GOVERNOR_ASSIGN_OR_RETURN(options, driver.Read(std::move(options)));

    std::optional<DeviceMemorySize> asked;
    const DeviceMemorySource device =
        [&]() -> absl::StatusOr<DeviceMemorySize> {
      if (asked) return *asked;
      std::string why_host;
      absl::StatusOr<DeviceMemorySize> memory = AskDriver(options, &why_host);
      SayWhyHost(why_host);
      if (memory.ok()) asked = *memory;
      return memory;
    };
    GOVERNOR_ASSIGN_OR_RETURN(const PlanRequest resolved,
                              CompletePlanRequest({}, options, device));
    RehearsalReport report;
    report.budget = *resolved.budget;
    report.os_reserve = resolved.os_reserve;
    report.allowance = resolved.allowance.value_or(kDefaultAllowance);
    if (resolved.device_memory && resolved.is_integrated &&
        !resolved.os_reserve) {
      report.usable = UsableOfDeclared(report.budget, *resolved.device_memory);
    }
    GOVERNOR_RETURN_IF_ERROR(CutToCgroup(device, report));
    GOVERNOR_RETURN_IF_ERROR(FillPhases(parsed, device, report));
    GOVERNOR_ASSIGN_OR_RETURN(
        report.rehearsal,
        Rehearse(report.budget, report.allowance, report.phases));
    if (json) {
      std::cout << report.ToJson().dump(2) << "\n";
    } else {
      std::cout << report.ToText();
    }
    if (report.rehearsal.fits) return kDone;
    std::cerr << "governor: " << report.Misfit() << "\n";
    return kDoesNotFit;
  }

  // As a governor's budget: the smallest limit above this process is the budget
  // where that is larger, and of the machine's memory. The driver is asked only
  // where there is such a limit.
  absl::Status CutToCgroup(const DeviceMemorySource& device,
                           RehearsalReport& report) const {
    const RealClock clock;
    GOVERNOR_ASSIGN_OR_RETURN(const std::unique_ptr<HostSampler> sampler,
                              HostSampler::Open(root, clock));
    const HostSnapshot now = sampler->Take(SampleDepth::kFast);
    if (!now.cgroup || now.cgroup->smallest_limit >= report.budget) {
      return absl::OkStatus();
    }
    GOVERNOR_ASSIGN_OR_RETURN(const DeviceMemorySize memory, device());
    if (!memory.is_integrated) return absl::OkStatus();
    report.declared_budget = report.budget;
    report.budget = now.cgroup->smallest_limit;
    report.allowance = std::min(report.allowance, report.budget);
    return absl::OkStatus();
  }

  // The driver is asked only for a size that was not given.
  static absl::Status FillPhases(const std::vector<PhaseText>& parsed,
                                 const DeviceMemorySource& device,
                                 RehearsalReport& report) {
    std::optional<DeviceMemorySize> asked;
    for (const PhaseText& text : parsed) {
      RehearsedPhase phase = text.phase;
      if (text.size) {
        phase.size = text.size->Resolve(report.budget);
      } else {
        if (!asked) {
          GOVERNOR_ASSIGN_OR_RETURN(asked, device());
        }
        GOVERNOR_ASSIGN_OR_RETURN(phase.size, RecordedPeak(phase.name, *asked));
      }
      report.phases.push_back(std::move(phase));
      report.recorded.push_back(!text.size.has_value());
    }
    return absl::OkStatus();
  }

  static absl::StatusOr<Bytes> RecordedPeak(const std::string& name,
                                            const DeviceMemorySize& device) {
    const absl::StatusOr<std::string> file =
        DefaultPhasesPath(&ReadProcessEnvironment);
    if (absl::IsFailedPrecondition(file.status())) {
      return absl::InvalidArgumentError(absl::StrCat(
          "in --phase: no size was given, and there is no file of recorded "
          "phases: HOME, XDG_CONFIG_HOME and GOVERNOR_PROFILES are not set; "
          "set one, or give a size, for example ",
          Printable(name.substr(0, kMaxShown)), "=3GiB"));
    }
    GOVERNOR_ASSIGN_OR_RETURN(const std::string path, file);
    GOVERNOR_ASSIGN_OR_RETURN(
        const std::optional<PhaseRecord> record,
        FindPhase(path, name, device.name, device.driver));
    if (record) return record->measured;
    return absl::InvalidArgumentError(absl::StrCat(
        "in --phase: no size was given, and none is recorded; give one, for "
        "example ",
        Printable(name.substr(0, kMaxShown)), "=3GiB: device ",
        Printable(device.name), ", driver ", Printable(device.driver),
        ", file ", Printable(path)));
  }
};

}  // namespace

void AddRehearseCommand(CLI::App& app, int* exit_code) {
  auto rehearse = std::make_shared<RehearseCommand>();
  CLI::App* command = app.add_subcommand(
      "rehearse", "Plays declared phases against the budget; loads nothing");
  const auto size = [&](const char* name, OptionText& text, const char* help) {
    command->add_option(name, text, help)->type_name("SIZE");
  };
  size("--budget", rehearse->budget,
       "All that may be held on one device (default: its memory, less the OS "
       "reserve); a cgroup's smaller limit is the budget instead");
  size("--os-reserve", rehearse->os_reserve,
       "What the operating system keeps (default: max(5%, min(8GiB, 1/8)))");
  size("--allowance", rehearse->allowance,
       "For context and libraries; % is of the budget (default: 1GiB)");
  command
      ->add_option("--phase", rehearse->phases,
                   "One phase, in their order: what it takes (% is of the "
                   "budget; default: its recorded peak), and whether it gives "
                   "that back at its end, or when later phases need it")
      ->type_name("NAME[=SIZE][,transient|,reclaimable]")
      ->required()
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_flag("--json", rehearse->json, "Stable keys, bytes as integers");
  command
      ->add_option("--root", rehearse->root,
                   "Read the cgroups' limits under this folder, a copy of "
                   "another machine's proc/ and sys/")
      ->type_name("DIR");
  rehearse->driver.AddTo(*command);
  command->footer(
      "Example: governor rehearse --budget 40GiB --phase load=30GiB "
      "--phase serve=6GiB,reclaimable --phase capture=4GiB,transient\n"
      "Exit status: 0 fits, 3 a phase does not fit (what would is printed), 2 "
      "wrong usage, 1 a device or a file cannot be read.");
  command->callback([rehearse, exit_code] {
    const absl::StatusOr<int> code = rehearse->Run();
    *exit_code = code.ok() ? *code : Report(code.status());
  });
}

}  // namespace governor
