#include "governor/policy/device_budget.h"

#include "governor/policy/os_reserve.h"

namespace governor {
namespace {

constexpr Bytes kTotalRounding = MiB(256);

}  // namespace

DeviceBudget DeviceBudgetOf(Bytes total_memory, bool is_integrated,
                            const std::optional<SizeSpec>& os_reserve) {
  DeviceBudget device;
  device.total = total_memory < kTotalRounding
                     ? total_memory
                     : AlignDown(total_memory, kTotalRounding);
  device.os_reserve = os_reserve ? os_reserve->Resolve(device.total)
                                 : DefaultOsReserve(device.total);
  device.budget = is_integrated
                      ? SaturatingSubtract(device.total, device.os_reserve)
                      : device.total;
  return device;
}

std::optional<Bytes> UsableOfDeclared(Bytes budget, Bytes total_memory) {
  const Bytes offered =
      DeviceBudgetOf(total_memory, /*is_integrated=*/true, std::nullopt).budget;
  return budget > offered ? std::optional<Bytes>(offered) : std::nullopt;
}

}  // namespace governor
