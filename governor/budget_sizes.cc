#include "governor/budget_sizes.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/budget/refusal.h"
#include "governor/policy/device_budget.h"
#include "governor/policy/kv_planner.h"

namespace governor {
namespace {

// An option that asks for more than there can be.
struct Excess {
  absl::string_view what;
  absl::string_view option;
  Bytes value;
  absl::string_view limit_name;
  absl::string_view limited_by;
  Bytes limit;
  absl::string_view remedy;
};

absl::Status TooLarge(const Excess& e) {
  return WithRefusal(absl::InvalidArgumentError(absl::StrCat(
                         "the ", e.what, " is too large: ", ToString(e.value),
                         " (", e.value.count(), " bytes), and ", e.limit_name,
                         " is ", ToString(e.limit), "; ", e.remedy)),
                     {.asked = e.value,
                      .limit = e.limit,
                      .headroom = e.limit,
                      .limited_by = std::string(e.limited_by),
                      .tag = std::string(e.option)});
}

}  // namespace

absl::StatusOr<BudgetSizes> BudgetSizesOf(const GovernorOptions& options,
                                          const Device& device) {
  const Bytes actual = device.total_memory();
  const DeviceBudget offer =
      DeviceBudgetOf(actual, device.takes_host_memory(), options.os_reserve);
  if (offer.budget.is_zero()) {
    return TooLarge({.what = "OS reserve",
                     .option = "os_reserve",
                     .value = offer.os_reserve,
                     .limit_name = "the machine's memory",
                     .limited_by = "device",
                     .limit = offer.total,
                     .remedy = "choose a smaller os_reserve"});
  }
  BudgetSizes sizes;
  if (device.takes_host_memory()) sizes.os_reserve = offer.os_reserve;
  sizes.budget =
      options.budget ? options.budget->Resolve(offer.total) : offer.budget;
  if (sizes.budget > actual) {
    return TooLarge({.what = "budget",
                     .option = "budget",
                     .value = sizes.budget,
                     .limit_name = "the device's memory",
                     .limited_by = "device",
                     .limit = actual,
                     .remedy = "choose a smaller budget, for example 90%"});
  }
  if (options.os_reserve && sizes.budget > offer.budget) {
    return TooLarge({.what = "budget",
                     .option = "budget",
                     .value = sizes.budget,
                     .limit_name = "what the declared OS reserve leaves",
                     .limited_by = "os_reserve",
                     .limit = offer.budget,
                     .remedy = "choose a smaller budget or os_reserve"});
  }
  // Unmanaged bytes are the device's, also where the budget is of the host's.
  const Bytes default_allowance =
      options.pinned_host ? Bytes() : kDefaultAllowance;
  sizes.allowance = options.allowance ? options.allowance->Resolve(sizes.budget)
                                      : default_allowance;
  if (sizes.allowance > sizes.budget) {
    return TooLarge({.what = "allowance for unmanaged memory",
                     .option = "allowance",
                     .value = sizes.allowance,
                     .limit_name = "the budget",
                     .limited_by = "budget",
                     .limit = sizes.budget,
                     .remedy = "declare a smaller allowance "
                               "(GOVERNOR_ALLOWANCE, or allowance=), or choose "
                               "a larger budget"});
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
