#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "governor/base/status_macros.h"
#include "governor/cli/command.h"
#include "governor/cli/driver_option.h"
#include "governor/cli/memory_findings.h"
#include "governor/driver/device.h"
#include "governor/driver_choice.h"
#include "governor/host/boot_baseline.h"

namespace governor {
namespace {

struct DoctorCommand {
  DriverOption driver;
  bool json = false;
  std::string root = "/";

  // What was found. Of a CUDA that was asked for and cannot be used there is no
  // device, only the problem.
  struct Findings {
    std::optional<Device> device;
    bool is_host = false;
    std::string cuda_problem;  // empty where CUDA answered, or was not asked
    MemoryFindings memory;
  };

  absl::Status Run() const {
    GOVERNOR_ASSIGN_OR_RETURN(const GovernorOptions options, driver.Read());
    Findings found;
    found.memory = FindUnaccountedMemory(root, BaselinePath(root));
    const absl::StatusOr<OpenDriver> open =
        OpenOrHost(options.driver.value_or(DriverChoice::kAuto),
                   options.host_driver.value_or(""), &found.cuda_problem);
    SayWhyHost(found.cuda_problem);
    if (open.ok()) {
      found.is_host = open->host != nullptr;
      GOVERNOR_ASSIGN_OR_RETURN(found.device, Device::Open(open->api, 0));
    } else if (options.driver == DriverChoice::kCuda) {
      found.cuda_problem = std::string(open.status().message());
    } else {
      return open.status();
    }
    if (json) {
      PrintJson(found);
    } else {
      PrintText(found);
    }
    return open.status();
  }

  // The same keys whatever was found; null where there is nothing to say.
  static void PrintJson(const Findings& found) {
    nlohmann::ordered_json report = {{"driver", nullptr},
                                     {"driver_version", nullptr},
                                     {"cuda_problem", nullptr},
                                     {"device_name", nullptr},
                                     {"device_memory_bytes", nullptr},
                                     {"integrated", nullptr},
                                     {"virtual_memory_management", nullptr},
                                     {"granularity_bytes", nullptr},
                                     {"unaccounted_bytes", nullptr},
                                     {"vanished_bytes", nullptr}};
    if (found.memory.unaccounted) {
      report["unaccounted_bytes"] = found.memory.unaccounted->count();
    }
    if (found.memory.vanished) {
      report["vanished_bytes"] = found.memory.vanished->count();
    }
    if (!found.cuda_problem.empty()) {
      report["cuda_problem"] = found.cuda_problem;
    }
    if (found.device) {
      const Device& device = *found.device;
      report["driver"] = found.is_host ? "host" : "cuda";
      report["driver_version"] = device.driver_version();
      report["device_name"] = device.name();
      report["device_memory_bytes"] = device.total_memory().count();
      report["integrated"] = device.is_integrated();
      report["virtual_memory_management"] = device.supports_virtual_memory();
      report["granularity_bytes"] = device.granularity().count();
    }
    std::cout << report.dump(2) << "\n";
  }

  static void Line(absl::string_view state, absl::string_view what,
                   absl::string_view meaning) {
    std::cout << absl::StrFormat("%-5s %-22s %s\n", state, what, meaning);
  }

  static void PrintText(const Findings& found) {
    if (!found.cuda_problem.empty()) {
      Line("lack", "CUDA driver", found.cuda_problem);
    }
    if (found.device) {
      if (!found.cuda_problem.empty()) {
        Line("", "",
             "plan, stat and the demo use the host driver instead; Governor() "
             "needs driver=\"host\" to be asked for");
      }
      PrintDevice(*found.device, found.is_host);
    } else {
      Line("", "", "no command and no Governor() can use driver=\"cuda\"");
    }
    PrintMemory(found.memory);
    Line("-", "not looked at yet",
         "swap, memory pressure, cgroup limits, fragmentation");
  }

  static void PrintMemory(const MemoryFindings& memory) {
    if (memory.vanished.value_or(Bytes()) >= kVanished) {
      Line("lack", "memory that vanished",
           absl::StrCat("unaccounted ", ToString(*memory.vanished),
                        " since boot baseline: no process, cache or kernel "
                        "counter has it"));
      Line("", "",
           "end the programs that used the GPU; what does not come back then "
           "is the driver's, and a reboot frees it");
    } else if (memory.unaccounted) {
      Line("ok", "unaccounted memory",
           absl::StrCat(ToString(*memory.unaccounted),
                        ", as on the last clean boot"));
    }
    if (!memory.problem.empty()) {
      Line("lack", "boot baseline", memory.problem);
    }
  }

  static void PrintDevice(const Device& device, bool is_host) {
    Line("ok", is_host ? "host driver" : "CUDA driver",
         absl::StrFormat("API version %d.%d", device.driver_version() / 1000,
                         device.driver_version() % 1000 / 10));
    Line("ok", "device 0", device.name());
    Line("ok", "memory",
         absl::StrCat(
             ToString(device.total_memory()),
             device.is_integrated() ? ", the machine's own" : ", its own"));
    if (device.supports_virtual_memory()) {
      Line("ok", "virtual memory",
           absl::StrCat("blocks are multiples of ",
                        ToString(device.granularity())));
    } else {
      Line("lack", "virtual memory",
           "no region can be reserved: a budget cannot be held on this device");
    }
  }
};

}  // namespace

void AddDoctorCommand(CLI::App& app, int* exit_code) {
  auto doctor = std::make_shared<DoctorCommand>();
  CLI::App* command = app.add_subcommand(
      "doctor", "What this machine can do, what is missing, what that costs");
  command->add_flag("--json", doctor->json, "Stable keys, bytes as integers");
  command
      ->add_option("--root", doctor->root,
                   "Read proc/ under this folder, a copy of another machine's")
      ->type_name("DIR");
  doctor->driver.AddTo(*command);
  command->footer("Example: governor doctor");
  command->callback(
      [doctor, exit_code] { *exit_code = Report(doctor->Run()); });
}

}  // namespace governor
