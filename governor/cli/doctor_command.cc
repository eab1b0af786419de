#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "governor/base/status_macros.h"
#include "governor/cli/command.h"
#include "governor/cli/driver_option.h"
#include "governor/driver/device.h"

namespace governor {
namespace {

struct DoctorCommand {
  DriverOption driver;
  bool json = false;

  absl::Status Run() const {
    GOVERNOR_ASSIGN_OR_RETURN(const DriverOption::Choice choice, driver.Open());
    GOVERNOR_ASSIGN_OR_RETURN(const Device device,
                              Device::Open(choice.open.api, 0));
    const bool is_host = choice.open.host != nullptr;
    if (json) {
      PrintJson(choice, device, is_host);
    } else {
      PrintText(choice, device, is_host);
    }
    return absl::OkStatus();
  }

  static void PrintJson(const DriverOption::Choice& choice,
                        const Device& device, bool is_host) {
    nlohmann::ordered_json report;
    report["driver"] = is_host ? "host" : "cuda";
    report["driver_version"] = device.driver_version();
    // Null where CUDA answered, or was not asked.
    report["cuda_problem"] = choice.why_host.empty()
                                 ? nlohmann::ordered_json()
                                 : nlohmann::ordered_json(choice.why_host);
    report["device_name"] = device.name();
    report["device_memory_bytes"] = device.total_memory().count();
    report["integrated"] = device.is_integrated();
    report["virtual_memory_management"] = device.supports_virtual_memory();
    report["granularity_bytes"] = device.granularity().count();
    std::cout << report.dump(2) << "\n";
  }

  static void PrintText(const DriverOption::Choice& choice,
                        const Device& device, bool is_host) {
    const auto line = [](absl::string_view state, absl::string_view what,
                         absl::string_view meaning) {
      std::cout << absl::StrFormat("%-5s %-22s %s\n", state, what, meaning);
    };
    if (!choice.why_host.empty()) {
      line("lack", "CUDA driver", choice.why_host);
      line("", "",
           "plan, stat and the demo use the host driver instead; Governor() "
           "needs driver=\"host\" to be asked for");
    }
    line("ok", is_host ? "host driver" : "CUDA driver",
         absl::StrFormat("API version %d.%d", device.driver_version() / 1000,
                         device.driver_version() % 1000 / 10));
    line("ok", "device 0", device.name());
    line("ok", "memory",
         absl::StrCat(
             ToString(device.total_memory()),
             device.is_integrated() ? ", the machine's own" : ", its own"));
    if (device.supports_virtual_memory()) {
      line("ok", "virtual memory",
           absl::StrCat("blocks are multiples of ",
                        ToString(device.granularity())));
    } else {
      line("lack", "virtual memory",
           "no region can be reserved: a budget cannot be held on this device");
    }
    line("-", "not looked at yet",
         "swap, memory pressure, cgroup limits, fragmentation");
  }
};

}  // namespace

void AddDoctorCommand(CLI::App& app, int* exit_code) {
  auto doctor = std::make_shared<DoctorCommand>();
  CLI::App* command = app.add_subcommand(
      "doctor", "What this machine can do, what is missing, what that costs");
  command->add_flag("--json", doctor->json, "Stable keys, bytes as integers");
  doctor->driver.AddTo(*command);
  command->footer("Example: governor doctor");
  command->callback(
      [doctor, exit_code] { *exit_code = Report(doctor->Run()); });
}

}  // namespace governor
