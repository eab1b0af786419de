#ifndef GOVERNOR_POLICY_PRESSURE_H_
#define GOVERNOR_POLICY_PRESSURE_H_

#include <string>

#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/host/host_snapshot.h"
#include "governor/policy/memory_rates.h"

namespace governor {

enum class PressureLevel {
  kNone,
  kSome,      // it begins to hurt: give back caches, grow no further
  kCritical,  // the machine stands still for memory: give back now
};

// "none", "some", "critical".
const char* ToString(PressureLevel level);

// What the rates between readings say.
struct PressureVerdict {
  PressureLevel level = PressureLevel::kNone;
  // The rate that decided, with its figure: "swap-in 41.2 MiB/s". Where a level
  // is only held, what last spoke for it. Empty: none.
  std::string reason;
};

// Judges a machine's memory pressure from rates between readings: swap-in,
// refaults, direct reclaim, stalls (PSI). Never from how much swap is used:
// cold pages in swap cost nothing; and never from how much memory is free: that
// is the floor's. A level rises at once, and falls by one after 5 s in which
// nothing spoke for it (the numbers are in the .cc, their reasons in
// docs/pressure.md). Not thread-safe; knows no clock: time is what the
// snapshots say.
class PressureJudge {
 public:
  // `now` has at least vmstat's depth. Without PSI, or without vmstat, the
  // other is judged; without both the level stays. It also stays at the first
  // reading, at one that is not later than the last, at one less than 5 ms
  // later (merged into the next), and where counters went backwards.
  //
  // `own_stall`: how long this process's own commits stood still since the last
  // reading; not counted. Else a commit into a full page cache, which costs
  // nobody but itself, could read as pressure.
  PressureVerdict Observe(const HostSnapshot& now,
                          absl::Duration own_stall = absl::ZeroDuration());

  const PressureVerdict& verdict() const { return verdict_; }
  // When a reading last spoke for the level that stands: what is older is only
  // held.
  absl::Duration supported_at() const { return supported_at_; }

 private:
  MemoryRateMeter rates_;
  Bytes file_pages_;  // of the last reading that told them
  PressureVerdict verdict_;
  // When something last spoke for the level that stands.
  absl::Duration supported_at_;
  // When it last fell by a step, for nothing had spoken for it.
  absl::Duration fell_at_;
};

}  // namespace governor

#endif  // GOVERNOR_POLICY_PRESSURE_H_
