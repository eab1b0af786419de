#ifndef GOVERNOR_PLAN_REQUEST_H_
#define GOVERNOR_PLAN_REQUEST_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/options.h"
#include "governor/policy/engine.h"
#include "governor/policy/plan.h"

namespace governor {

// The device that is planned for, as far as a budget depends on it.
struct DeviceMemorySize {
  Bytes total;
  bool is_integrated = true;  // the machine's own memory
  // What it calls itself, and the driver that says so; empty where it is only
  // declared.
  std::string name = {};
  std::string driver = {};
  std::optional<ComputeCapability> compute_capability = std::nullopt;
};

// Says what the device has, at a driver's cost where it must ask one.
using DeviceMemorySource = std::function<absl::StatusOr<DeviceMemorySize>()>;

// What the driver says that `options` name: where kAuto cannot use CUDA, the
// host driver, with the reason in `*why_host`. Errors as OpenOrHost and
// Device::Open.
absl::StatusOr<DeviceMemorySize> AskDriver(const GovernorOptions& options,
                                           std::string* why_host);

// `request` with budget, os_reserve and allowance as `options` have them, which
// the environment has been merged into; they mean what they mean to a Governor.
//
// `declared` is the device where the caller says how large it is; then nobody
// is asked. Else `device` is called only for a budget that depends on it: one
// in bytes without an OS reserve does not, and without a budget the blocks of a
// given kv_memory need none. A percentage of a budget that there is not says
// nothing: the allowance then stays as it was.
//
// What is so known of the device is in the request: its memory, and, unless
// `keeps_capability`, the compute capability of one that was asked. There is an
// os_reserve only where the budget shares the machine's memory, and where it is
// declared or made the budget: the default one cuts no declared budget, in
// bytes or in percent.
//
// INVALID_ARGUMENT: a budget, or an OS reserve, that a Governor on the device
// would refuse, where its size is known; names both. Otherwise errors are those
// of `device`; the numbers themselves are PlanKv's to judge.
absl::StatusOr<PlanRequest> CompletePlanRequest(
    PlanRequest request, const GovernorOptions& options,
    const DeviceMemorySource& device,
    const std::optional<DeviceMemorySize>& declared = std::nullopt,
    bool keeps_capability = false);

}  // namespace governor

#endif  // GOVERNOR_PLAN_REQUEST_H_
