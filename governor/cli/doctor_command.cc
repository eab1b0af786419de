#include <cstddef>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "governor/base/clock.h"
#include "governor/base/status_macros.h"
#include "governor/budget/machine_record.h"
#include "governor/cli/command.h"
#include "governor/cli/device_findings.h"
#include "governor/cli/doctor_report.h"
#include "governor/cli/driver_option.h"
#include "governor/cli/kernel_settings_reader.h"
#include "governor/cli/memory_findings.h"
#include "governor/cli/memory_holders.h"
#include "governor/cli/record_folder.h"
#include "governor/driver_choice.h"
#include "governor/host/host_sampler.h"
#include "governor/policy/device_budget.h"
#include "governor/policy/host_findings.h"

namespace governor {
namespace {

// For how long the machine is watched, to see whether it is under pressure.
constexpr int kReadings = 16;
constexpr absl::Duration kBetweenReadings = absl::Milliseconds(20);
constexpr size_t kHolders = 5;

struct DoctorCommand {
  DriverOption driver;
  bool json = false;
  std::string root = "/";

  absl::Status Run() const {
    GOVERNOR_ASSIGN_OR_RETURN(const GovernorOptions options, driver.Read());
    const RealClock clock;
    GOVERNOR_ASSIGN_OR_RETURN(const std::unique_ptr<HostSampler> sampler,
                              HostSampler::Open(root, clock));
    DoctorReport report;
    const absl::Status opened = OpenDevice(options, report.device);
    if (!opened.ok() && options.driver != DriverChoice::kCuda) return opened;
    report.findings = DeviceFindings(report.device);

    const HostObservation seen = Observe(*sampler, options, report.device);
    report.memory = FindUnaccountedMemory(seen.now, root, BaselinePath(root));
    Append(UnaccountedFindings(report.memory), report.findings);
    const bool is_short = report.memory.is_short() ||
                          FloorFinding(seen).state == Finding::State::kLack ||
                          seen.pressure.level == PressureLevel::kCritical;
    report.holders = LargestHolders(root, report.device.processes, kHolders);
    report.findings.push_back(HoldersFinding(report.holders, is_short));
    Append(HostFindings(seen), report.findings);
    const bool needs_record =
        report.device.is_host ||
        (report.device.device && report.device.device->takes_host_memory());
    report.findings.push_back(RecordFinding(options, needs_record, clock));
    if (json) {
      std::cout << ToJson(report).dump(2) << "\n";
    } else {
      std::cout << ToText(report.findings);
    }
    return opened;
  }

  static void Append(const std::vector<Finding>& more,
                     std::vector<Finding>& findings) {
    findings.insert(findings.end(), more.begin(), more.end());
  }

  static absl::Status OpenDevice(const GovernorOptions& options,
                                 DeviceSeen& seen) {
    const absl::StatusOr<OpenDriver> open =
        OpenOrHost(options.driver.value_or(DriverChoice::kAuto),
                   options.host_driver.value_or(""), &seen.cuda_problem);
    SayWhyHost(seen.cuda_problem);
    if (!open.ok()) {
      seen.cuda_problem = std::string(open.status().message());
      return open.status();
    }
    seen.is_host = open->host != nullptr;
    absl::StatusOr<Device> device = Device::Open(open->api, 0);
    if (!device.ok()) {
      seen.cuda_problem = std::string(device.status().message());
      return device.status();
    }
    seen.device = *std::move(device);
    AskNvml(seen);
    return absl::OkStatus();
  }

  HostObservation Observe(const HostSampler& sampler,
                          const GovernorOptions& options,
                          const DeviceSeen& device) const {
    HostObservation seen;
    PressureJudge judge;
    for (int reading = 0; reading < kReadings; ++reading) {
      judge.Observe(sampler.Take(SampleDepth::kVmstat));
      absl::SleepFor(kBetweenReadings);
    }
    seen.pressure = judge.verdict();
    seen.now = sampler.Take(SampleDepth::kFull);
    seen.settings = ReadKernelSettings(root);
    if (!seen.now.meminfo) return seen;
    const DeviceBudget offer = DeviceBudgetOf(
        seen.now.meminfo->total, /*is_integrated=*/true, options.os_reserve);
    seen.floor = offer.os_reserve;
    if (device.device && device.device->takes_host_memory()) {
      seen.budget =
          options.budget ? options.budget->Resolve(offer.total) : offer.budget;
    }
    return seen;
  }

  // Joins the record and leaves it, as every governor does. `is_needed`: none
  // can be opened on this device without it.
  static Finding RecordFinding(const GovernorOptions& options, bool is_needed,
                               const Clock& clock) {
    const std::string folder = RecordFolder(options);
    const auto record = MachineRecord::Join(folder, "doctor", &clock);
    Finding found{.name = "machine record"};
    if (record.ok()) {
      const size_t others = (*record)->Tenants().size() - 1;
      found.message =
          absl::StrCat("in '", folder, "', with ", others, " other tenants");
      return found;
    }
    found.state = Finding::State::kLack;
    found.message = std::string(record.status().message());
    found.cost = is_needed
                     ? "no governor can be opened: two that see the same spare "
                       "memory would both take it"
                     : "nobody sees this user's other governors";
    found.remedy = RecordRemedy(record.status(), folder);
    return found;
  }
};

}  // namespace

void AddDoctorCommand(CLI::App& app, int* exit_code) {
  auto doctor = std::make_shared<DoctorCommand>();
  CLI::App* command = app.add_subcommand(
      "doctor", "What this machine can do, what is missing, what that costs");
  command->add_flag("--json", doctor->json, "Stable keys, bytes as integers");
  command
      ->add_option(
          "--root", doctor->root,
          "Read proc/ and sys/ under this folder, a copy of another machine's")
      ->type_name("DIR");
  doctor->driver.AddTo(*command);
  command->footer(
      "Example: governor doctor\n"
      "Exit status: 0 the machine was looked at, whatever was found (the last "
      "line counts it; --json has lacks and notes); 1 --driver cuda was asked "
      "for and cannot be used, or DIR cannot be read; 2 wrong usage.");
  command->callback(
      [doctor, exit_code] { *exit_code = Report(doctor->Run()); });
}

}  // namespace governor
