#include "governor/budget_sizes.h"

#include "absl/strings/str_cat.h"
#include "governor/policy/device_budget.h"
#include "governor/policy/kv_planner.h"

namespace governor {
namespace {

absl::Status TooLarge(absl::string_view what, Bytes value,
                      absl::string_view limit_name, Bytes limit,
                      absl::string_view remedy) {
  return absl::InvalidArgumentError(absl::StrCat(
      "the ", what, " is too large: ", ToString(value), " (", value.count(),
      " bytes), and ", limit_name, " is ", ToString(limit), "; ", remedy));
}

}  // namespace

absl::StatusOr<BudgetSizes> BudgetSizesOf(const GovernorOptions& options,
                                          const Device& device) {
  const Bytes actual = device.total_memory();
  const DeviceBudget offer =
      DeviceBudgetOf(actual, device.takes_host_memory(), options.os_reserve);
  if (offer.budget.is_zero()) {
    return TooLarge("OS reserve", offer.os_reserve, "the machine's memory",
                    offer.total, "choose a smaller os_reserve");
  }
  BudgetSizes sizes;
  if (device.takes_host_memory()) sizes.os_reserve = offer.os_reserve;
  sizes.budget =
      options.budget ? options.budget->Resolve(offer.total) : offer.budget;
  if (sizes.budget > actual) {
    return TooLarge("budget", sizes.budget, "the device's memory", actual,
                    "choose a smaller budget, for example 90%");
  }
  if (options.os_reserve && sizes.budget > offer.budget) {
    return TooLarge("budget", sizes.budget,
                    "what the declared OS reserve leaves", offer.budget,
                    "choose a smaller budget or os_reserve");
  }
  // Unmanaged bytes are the device's, also where the budget is of the host's.
  const Bytes default_allowance =
      options.pinned_host ? Bytes() : kDefaultAllowance;
  sizes.allowance = options.allowance ? options.allowance->Resolve(sizes.budget)
                                      : default_allowance;
  if (sizes.allowance > sizes.budget) {
    return TooLarge("allowance for unmanaged memory", sizes.allowance,
                    "the budget", sizes.budget,
                    "choose a larger budget, or declare a smaller allowance "
                    "(GOVERNOR_ALLOWANCE, or allowance=)");
  }
  return sizes;
}

Bytes FloorOfMachine(const HostSnapshot& machine,
                     const std::optional<SizeSpec>& os_reserve) {
  if (!machine.meminfo) return Bytes();
  return DeviceBudgetOf(machine.meminfo->total, /*is_integrated=*/true,
                        os_reserve)
      .os_reserve;
}

}  // namespace governor
