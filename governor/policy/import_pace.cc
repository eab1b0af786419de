#include "governor/policy/import_pace.h"

#include <algorithm>

namespace governor {

absl::Duration ImportPace::Ask(Bytes piece, PressureLevel pressure,
                               absl::Duration now) {
  if (pressure == PressureLevel::kCritical) {
    // No burst after it.
    next_ = std::max(next_, now);
    return kRecheck;
  }
  if (now < next_) return next_ - now;
  const double rate = pressure == PressureLevel::kNone ? bytes_per_second_
                                                       : bytes_per_second_ / 2;
  next_ = std::max(next_, now - kBurst) +
          absl::Seconds(static_cast<double>(piece.count()) / rate);
  return absl::ZeroDuration();
}

}  // namespace governor
