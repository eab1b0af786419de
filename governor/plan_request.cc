#include "governor/plan_request.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/base/status_macros.h"
#include "governor/driver/device.h"
#include "governor/driver_choice.h"
#include "governor/policy/device_budget.h"

namespace governor {
namespace {

absl::Status TooLarge(absl::string_view what, Bytes value,
                      absl::string_view limit_name, Bytes limit,
                      absl::string_view remedy) {
  return absl::InvalidArgumentError(
      absl::StrCat("the ", what, " is too large: ", ToString(value), " (",
                   value.count(), " bytes), and ", limit_name, " is ",
                   ToString(limit), " (", limit.count(), " bytes); ", remedy));
}

// Refuses what Governor::Create refuses: a plan for it would be of no use.
absl::Status CheckBudget(Bytes budget, const GovernorOptions& options,
                         const DeviceMemorySize& memory,
                         const DeviceBudget& offer) {
  if (offer.budget.is_zero()) {
    return TooLarge("OS reserve", offer.os_reserve, "the device's memory",
                    offer.total, "choose a smaller OS reserve");
  }
  if (budget > memory.total) {
    return TooLarge("budget", budget, "the device's memory", memory.total,
                    "choose a smaller budget, for example 90%");
  }
  if (options.os_reserve && budget > offer.budget) {
    return TooLarge("budget", budget,
                    "what the declared OS reserve leaves of the device's "
                    "memory",
                    offer.budget, "choose a smaller budget or OS reserve");
  }
  return absl::OkStatus();
}

void TellOfDevice(const DeviceMemorySize& memory, PlanRequest& request) {
  request.device_memory = memory.total;
  request.is_integrated = memory.is_integrated;
}

absl::Status ResolveBudget(const GovernorOptions& options,
                           const DeviceMemorySource& device,
                           const std::optional<DeviceMemorySize>& declared,
                           bool keeps_capability, PlanRequest& request) {
  if (declared) TellOfDevice(*declared, request);
  if (!options.budget && request.kv_memory && !declared) {
    return absl::OkStatus();
  }
  const bool depends_on_device =
      !options.budget || options.budget->is_percentage() || options.os_reserve;
  if (!depends_on_device) request.budget = options.budget->Resolve(Bytes());
  if (!depends_on_device && !declared) return absl::OkStatus();

  DeviceMemorySize memory;
  if (declared) {
    memory = *declared;
  } else {
    GOVERNOR_ASSIGN_OR_RETURN(memory, device());
    TellOfDevice(memory, request);
    if (memory.compute_capability && !keeps_capability) {
      request.layout.compute_capability = *memory.compute_capability;
    }
  }
  const DeviceBudget offer =
      DeviceBudgetOf(memory.total, memory.is_integrated, options.os_reserve);
  if (depends_on_device) {
    // A device's own memory is offered whole, and from a budget that was
    // declared alone nothing is kept back.
    if (memory.is_integrated && (!options.budget || options.os_reserve)) {
      request.os_reserve = offer.os_reserve;
    }
    request.budget =
        options.budget ? options.budget->Resolve(offer.total) : offer.budget;
  }
  return CheckBudget(*request.budget, options, memory, offer);
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
  return DeviceMemorySize{
      .total = device.total_memory(),
      .is_integrated = device.is_integrated(),
      .name = device.name(),
      .driver = driver.host != nullptr
                    ? "host driver"
                    : absl::StrCat("CUDA ", device.driver_version() / 1000, ".",
                                   device.driver_version() % 1000 / 10),
      .compute_capability =
          ComputeCapability{static_cast<uint32_t>(device.capability_major()),
                            static_cast<uint32_t>(device.capability_minor())}};
}

absl::StatusOr<PlanRequest> CompletePlanRequest(
    PlanRequest request, const GovernorOptions& options,
    const DeviceMemorySource& device,
    const std::optional<DeviceMemorySize>& declared, bool keeps_capability) {
  GOVERNOR_RETURN_IF_ERROR(
      ResolveBudget(options, device, declared, keeps_capability, request));
  if (options.allowance &&
      (request.budget || !options.allowance->is_percentage())) {
    request.allowance =
        options.allowance->Resolve(request.budget.value_or(Bytes()));
  }
  return request;
}

}  // namespace governor
