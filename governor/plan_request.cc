#include "governor/plan_request.h"

#include "governor/base/status_macros.h"
#include "governor/driver/device.h"
#include "governor/driver_choice.h"
#include "governor/policy/device_budget.h"

namespace governor {
namespace {

absl::Status ResolveBudget(const GovernorOptions& options,
                           const DeviceMemorySource& device,
                           PlanRequest& request) {
  if (!options.budget && request.kv_memory) return absl::OkStatus();
  if (options.budget && !options.budget->is_percentage() &&
      !options.os_reserve) {
    request.budget = options.budget->Resolve(Bytes());
    return absl::OkStatus();
  }
  GOVERNOR_ASSIGN_OR_RETURN(const DeviceMemorySize memory, device());
  const DeviceBudget offer =
      DeviceBudgetOf(memory.total, memory.is_integrated, options.os_reserve);
  request.os_reserve = offer.os_reserve;
  request.budget =
      options.budget ? options.budget->Resolve(offer.total) : offer.budget;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DeviceMemorySize> AskDriver(const GovernorOptions& options,
                                           std::string* why_host) {
  GOVERNOR_ASSIGN_OR_RETURN(
      const OpenDriver driver,
      OpenOrHost(options.driver.value_or(DriverChoice::kAuto),
                 options.host_driver.value_or(""), why_host));
  GOVERNOR_ASSIGN_OR_RETURN(const Device device,
                            Device::Open(driver.api, options.device));
  return DeviceMemorySize{device.total_memory(), device.is_integrated()};
}

absl::StatusOr<PlanRequest> CompletePlanRequest(
    PlanRequest request, const GovernorOptions& options,
    const DeviceMemorySource& device) {
  GOVERNOR_RETURN_IF_ERROR(ResolveBudget(options, device, request));
  if (options.allowance &&
      (request.budget || !options.allowance->is_percentage())) {
    request.allowance =
        options.allowance->Resolve(request.budget.value_or(Bytes()));
  }
  return request;
}

}  // namespace governor
