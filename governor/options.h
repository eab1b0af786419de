#ifndef GOVERNOR_OPTIONS_H_
#define GOVERNOR_OPTIONS_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/base/clock.h"
#include "governor/base/size_spec.h"
#include "governor/driver_choice.h"

namespace governor {

// How a Governor is opened. What is not set here is taken from the environment
// (GOVERNOR_BUDGET and so on, docs/environment.md), and else is as stated.
struct GovernorOptions {
  // The most that may be granted, the allowance included. A percentage is of
  // the device's memory. Default: what the device has, less os_reserve where
  // it is the machine's own memory.
  std::optional<SizeSpec> budget = std::nullopt;
  // What the operating system keeps of the machine's memory. Default:
  // max(5 % of it, min(8 GiB, 1/8 of it)). On a device with memory of its own
  // it limits nothing.
  std::optional<SizeSpec> os_reserve = std::nullopt;
  // What the budget sets aside for bytes that this process has on the device
  // and the library did not allocate: context, cuBLAS, graphs. Default: 1 GiB.
  std::optional<SizeSpec> allowance = std::nullopt;
  // Which device, as the driver numbers them.
  int device = 0;
  // Default: kAuto.
  std::optional<DriverChoice> driver = std::nullopt;
  // The host driver's personality. Default: gb10 with this machine's memory.
  std::optional<std::string> host_driver = std::nullopt;
  // Of requests that wait, higher priorities are served first. Default: 0.
  std::optional<int> priority = std::nullopt;
  // Where the machine record and shared budgets live; "": GOVERNOR_SHARE_DIR,
  // and else as MachineRecord::DefaultFolder says.
  std::string share_dir = "";
  // The budget is of memory of the host, pinned for the device, and not of the
  // device's own. Only where a device has memory of its own.
  bool pinned_host = false;
  // Callbacks of reclaimers run in Tick, which the embedder calls, and no
  // thread is ever started. Else the first OnReclaim starts one.
  bool tick = false;
  // The file in which the peaks of transients are recorded; "": none. Default:
  // as DefaultPhasesPath says.
  std::optional<std::string> phases = std::nullopt;
  // Nothing is to be granted: the allowance is counted, but asks nobody for
  // room and keeps none from others. For programs that look, as `stat` does.
  bool only_looks = false;
  // Below which directory the machine's memory is read: a test has its own.
  std::string host_root = "/";
  // The most memory that is kept for reuse by regions.
  Bytes max_cached = MiB(64);
  // Not owned; outlives the governor. Default: the system's time.
  Clock* clock = nullptr;
};

// Gives the value of an environment variable, or null.
using EnvironmentReader = std::function<const char*(const char* name)>;

// Reads the process's environment; nothing in a setuid or setgid program.
const char* ReadProcessEnvironment(const char* name);

// `options` with what is not set filled in from GOVERNOR_BUDGET,
// GOVERNOR_OS_RESERVE, GOVERNOR_ALLOWANCE, GOVERNOR_PRIORITY, GOVERNOR_DRIVER,
// GOVERNOR_HOST_DRIVER and GOVERNOR_SHARE_DIR.
// INVALID_ARGUMENT, naming variable and value: one that does not parse, used or
// not. UNIMPLEMENTED: GOVERNOR_SHARE is set (shares are not there yet), or
// GOVERNOR_HOST_DRIVER asks for what is not there yet.
absl::StatusOr<GovernorOptions> WithEnvironment(
    GovernorOptions options, const EnvironmentReader& environment);

}  // namespace governor

#endif  // GOVERNOR_OPTIONS_H_
