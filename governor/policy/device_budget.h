#ifndef GOVERNOR_POLICY_DEVICE_BUDGET_H_
#define GOVERNOR_POLICY_DEVICE_BUDGET_H_

#include <optional>

#include "governor/base/bytes.h"
#include "governor/base/size_spec.h"

namespace governor {

// What a device offers to a budget where nobody declared one.
struct DeviceBudget {
  // The device's memory, rounded down to 256 MiB: machines of one kind differ
  // by a few pages, and their plans must not.
  Bytes total;
  // What the operating system keeps of it: as declared, else DefaultOsReserve.
  Bytes os_reserve;
  // total - os_reserve where the device takes the machine's memory, else
  // total. Zero where the reserve takes all.
  Bytes budget;
};

// Arithmetic on its arguments: never the moment's free memory.
DeviceBudget DeviceBudgetOf(Bytes total_memory, bool is_integrated,
                            const std::optional<SizeSpec>& os_reserve);

// What a budget that was declared without an OS reserve, on a device that takes
// the machine's memory, can be used for at most: the default reserve does not
// cut it, but is checked at each grant. nullopt: all of it.
std::optional<Bytes> UsableOfDeclared(Bytes budget, Bytes total_memory);

}  // namespace governor

#endif  // GOVERNOR_POLICY_DEVICE_BUDGET_H_
