#ifndef GOVERNOR_POLICY_MEMORY_RATES_H_
#define GOVERNOR_POLICY_MEMORY_RATES_H_

#include <optional>

#include "absl/time/time.h"
#include "governor/host/host_snapshot.h"

namespace governor {

// How fast a machine's counters grow; each the mean of the past, weighted by
// exp(-age / memory of the mean).
struct MemoryRates {
  // Bytes a second.
  double swap_in = 0;  // or anonymous refaults, where these are more
  double swap_out = 0;
  // By how much more (or less) anonymous memory is resident, the swap cache
  // among it. Zero where meminfo does not say.
  double anonymous_growth = 0;
  double refault_file = 0;
  double scanned_direct = 0;
  double stolen_direct = 0;
  // Events a second.
  double compaction_failures = 0;
  // Fractions of the time, 0 to 1.
  double stalled_some = 0;
  double stalled_full = 0;
};

// Turns readings into rates, one fast and one slow. Judges nothing. A source
// that goes backwards, or jumps by more than memory can, starts anew: that
// stretch counts for nothing. Not thread-safe; allocates nothing; knows no
// clock.
class MemoryRateMeter {
 public:
  // Takes one more reading in. Stalls of this process's own steps in the time
  // since the last reading, `own_stall`, are left out. False when it says
  // nothing new: the first, one that is not later than the last, closer to it
  // than 5 ms (it is merged into the next), or without a source to compare.
  bool Observe(const HostSnapshot& now, absl::Duration own_stall);

  const MemoryRates& fast() const { return fast_; }  // of about 200 ms
  const MemoryRates& slow() const { return slow_; }  // of about 1 s

  // Whether the rates from PSI, or from vmstat, are of the last 2 s.
  bool has_stall() const { return stall_.known; }
  bool has_vmstat() const { return vmstat_.known; }

 private:
  // One source: its last reading, when that was, and whether a rate is known.
  template <typename T>
  struct Source {
    std::optional<T> last;
    absl::Duration at;
    bool known = false;

    // What lies between the last reading and this, which becomes the last.
    std::optional<absl::Duration> Advance(const std::optional<T>& now,
                                          absl::Duration taken_at,
                                          std::optional<T>& before);
  };

  bool ObserveStall(const HostSnapshot& now);
  struct Counted {
    HostSnapshot::Vmstat vmstat;
    std::optional<HostSnapshot::Meminfo> meminfo;
  };
  bool ObserveVmstat(const HostSnapshot& now);

  Source<HostSnapshot::Stall> stall_;
  Source<Counted> vmstat_;
  absl::Duration own_stall_;  // since stall_.at
  MemoryRates fast_;
  MemoryRates slow_;
};

}  // namespace governor

#endif  // GOVERNOR_POLICY_MEMORY_RATES_H_
