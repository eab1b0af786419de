#include "governor/policy/memory_rates.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace governor {
namespace {

// The memory of the two means. 200 ms: a stall of 15 ms alone reads 7 %, and
// one of 47 % of the time, as measured with a working set in swap, crosses 10 %
// after 48 ms. 1 s: that one crosses 20 % after 0.6 s, and 0.2 s of standing
// still, as when a program first touches what it had in swap, does not.
constexpr absl::Duration kFast = absl::Milliseconds(200);
constexpr absl::Duration kSlow = absl::Seconds(1);

// Closer together, the 1 us of PSI and the batches of vmstat are too coarse.
constexpr absl::Duration kTooClose = absl::Milliseconds(5);
// A source that was silent for longer is judged as absent.
constexpr absl::Duration kKnownFor = absl::Seconds(2);
// No machine moves more bytes in a second; what says so is another file.
constexpr double kNotMemory = 16.0 * (uint64_t{1} << 40);

// How fast `from` became `to`; nullopt where it is no counter's doing.
std::optional<double> RateOf(uint64_t from, uint64_t to, double unit,
                             double seconds) {
  if (to < from) return std::nullopt;
  const double rate = static_cast<double>(to - from) * unit / seconds;
  if (!(rate < kNotMemory)) return std::nullopt;
  return rate;
}

// Bytes of anonymous memory that came to be resident, or ceased to.
double GrowthOf(const std::optional<HostSnapshot::Meminfo>& before,
                const std::optional<HostSnapshot::Meminfo>& now) {
  if (!before || !now) return 0;
  const auto resident = [](const HostSnapshot::Meminfo& meminfo) {
    return static_cast<double>(meminfo.anonymous.count()) +
           static_cast<double>(meminfo.swap_cached.count());
  };
  return resident(*now) - resident(*before);
}

double ShareOf(absl::Duration stalled, absl::Duration between) {
  return std::clamp(absl::FDivDuration(stalled, between), 0.0, 1.0);
}

// The mean with memory `tau` after `rate` held for `between`.
void Blend(double& mean, double rate, absl::Duration between,
           absl::Duration tau) {
  const double kept = std::exp(-absl::FDivDuration(between, tau));
  mean = mean * kept + rate * (1 - kept);
}

}  // namespace

template <typename T>
std::optional<absl::Duration> MemoryRateMeter::Source<T>::Advance(
    const std::optional<T>& now, absl::Duration taken_at,
    std::optional<T>& before) {
  if (!now) {
    known = known && taken_at - at <= kKnownFor;
    return std::nullopt;
  }
  const absl::Duration between = taken_at - at;
  if (last && between < kTooClose) return std::nullopt;
  before = last;
  last = now;
  at = taken_at;
  if (!before) return std::nullopt;
  return between;
}

bool MemoryRateMeter::ObserveStall(const HostSnapshot& now) {
  std::optional<HostSnapshot::Stall> before;
  const auto between = stall_.Advance(now.stall, now.taken_at, before);
  if (!between) return false;
  const absl::Duration some = now.stall->some - before->some;
  const absl::Duration full = now.stall->full - before->full;
  const absl::Duration own = own_stall_;
  own_stall_ = absl::ZeroDuration();
  if (some < absl::ZeroDuration() || full < absl::ZeroDuration()) return false;
  stall_.known = true;
  for (auto [mean, tau] :
       {std::pair(&fast_, kFast), std::pair(&slow_, kSlow)}) {
    Blend(mean->stalled_some, ShareOf(some - own, *between), *between, tau);
    Blend(mean->stalled_full, ShareOf(full - own, *between), *between, tau);
  }
  return true;
}

bool MemoryRateMeter::ObserveVmstat(const HostSnapshot& now) {
  std::optional<Counted> counted;
  if (now.vmstat && !now.vmstat->page_size.is_zero()) {
    counted = Counted{*now.vmstat, now.meminfo};
  }
  std::optional<Counted> before;
  const auto between = vmstat_.Advance(counted, now.taken_at, before);
  if (!between) return false;
  const double seconds = absl::ToDoubleSeconds(*between);
  const double page = static_cast<double>(now.vmstat->page_size.count());
  const auto rate = [&](uint64_t HostSnapshot::Vmstat::*counter, double unit) {
    return RateOf(before->vmstat.*counter, (*now.vmstat).*counter, unit,
                  seconds);
  };
  using Vmstat = HostSnapshot::Vmstat;
  const auto in = rate(&Vmstat::swapped_in, page);
  const auto anonymous = rate(&Vmstat::refaulted_anonymous, page);
  const auto out = rate(&Vmstat::swapped_out, page);
  const auto file = rate(&Vmstat::refaulted_file, page);
  const auto scanned = rate(&Vmstat::scanned_direct, page);
  const auto stolen = rate(&Vmstat::stolen_direct, page);
  const auto failures = rate(&Vmstat::compaction_failures, 1);
  if (!in || !anonymous || !out || !file || !scanned || !stolen || !failures) {
    return false;
  }
  const double growth = GrowthOf(before->meminfo, now.meminfo) / seconds;
  vmstat_.known = true;
  for (auto [mean, tau] :
       {std::pair(&fast_, kFast), std::pair(&slow_, kSlow)}) {
    Blend(mean->swap_in, std::max(*in, *anonymous), *between, tau);
    Blend(mean->swap_out, *out, *between, tau);
    Blend(mean->anonymous_growth, growth, *between, tau);
    Blend(mean->refault_file, *file, *between, tau);
    Blend(mean->scanned_direct, *scanned, *between, tau);
    Blend(mean->stolen_direct, *stolen, *between, tau);
    Blend(mean->compaction_failures, *failures, *between, tau);
  }
  return true;
}

bool MemoryRateMeter::Observe(const HostSnapshot& now,
                              absl::Duration own_stall) {
  own_stall_ += std::max(own_stall, absl::ZeroDuration());
  const bool stall = ObserveStall(now);
  const bool vmstat = ObserveVmstat(now);
  return stall || vmstat;
}

}  // namespace governor
