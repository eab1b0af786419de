#ifndef GOVERNOR_BUDGET_SIZES_H_
#define GOVERNOR_BUDGET_SIZES_H_

#include <optional>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/base/size_spec.h"
#include "governor/driver/device.h"
#include "governor/host/host_snapshot.h"
#include "governor/options.h"

namespace governor {

// What a governor's options come to on a device.
struct BudgetSizes {
  Bytes budget;
  Bytes os_reserve;  // zero where the device has memory of its own
  Bytes allowance;
};

// INVALID_ARGUMENT, naming value, limit and remedy: a budget above the device's
// memory or above what a declared OS reserve leaves, an OS reserve that leaves
// nothing, an allowance above the budget. With a Refusal, whose tag is the
// option that asks for too much.
absl::StatusOr<BudgetSizes> BudgetSizesOf(const GovernorOptions& options,
                                          const Device& device);

// What the operating system keeps of a machine, declared or not, whatever the
// device claims to have; zero where the machine does not say what there is,
// so that nothing is granted at all.
Bytes FloorOfMachine(const HostSnapshot& machine,
                     const std::optional<SizeSpec>& os_reserve);

}  // namespace governor

#endif  // GOVERNOR_BUDGET_SIZES_H_
