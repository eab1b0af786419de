#ifndef GOVERNOR_PLAN_REQUEST_H_
#define GOVERNOR_PLAN_REQUEST_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/options.h"
#include "governor/policy/kv_planner.h"

namespace governor {

// The device that is planned for, as far as a budget depends on it.
struct DeviceMemorySize {
  Bytes total;
  bool is_integrated = true;  // the machine's own memory
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
// `device` is called only for a budget that depends on it: one in bytes without
// an OS reserve does not, and without a budget the blocks of a given kv_memory
// need none. A percentage of a budget that there is not says nothing: the
// allowance then stays as it was.
//
// Errors are those of `device`; the numbers themselves are PlanKv's to judge.
absl::StatusOr<PlanRequest> CompletePlanRequest(
    PlanRequest request, const GovernorOptions& options,
    const DeviceMemorySource& device);

}  // namespace governor

#endif  // GOVERNOR_PLAN_REQUEST_H_
