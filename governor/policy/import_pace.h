#ifndef GOVERNOR_POLICY_IMPORT_PACE_H_
#define GOVERNOR_POLICY_IMPORT_PACE_H_

#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/policy/pressure.h"

namespace governor {

// How fast a program may import files beside one that needs its memory: so many
// bytes a second, half as many under some pressure, none under critical. A
// value: it reads no clock and waits for nothing. Not thread-safe.
class ImportPace {
 public:
  // What may go at once after a pause, as time.
  static constexpr absl::Duration kBurst = absl::Milliseconds(50);
  // When to ask again under critical pressure.
  static constexpr absl::Duration kRecheck = absl::Milliseconds(100);

  // More than zero.
  explicit ImportPace(double bytes_per_second)
      : bytes_per_second_(bytes_per_second) {}

  // Asked before each piece, at `now`, which never goes back. Zero: the piece
  // may go, and counts. Else it counts nothing: how long to wait, and to ask
  // again then, for the pressure may be another.
  absl::Duration Ask(Bytes piece, PressureLevel pressure, absl::Duration now);

 private:
  const double bytes_per_second_;
  absl::Duration next_ = -absl::InfiniteDuration();
};

}  // namespace governor

#endif  // GOVERNOR_POLICY_IMPORT_PACE_H_
