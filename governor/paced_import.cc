#include "governor/paced_import.h"

#include "governor/base/status_macros.h"

namespace governor {

absl::StatusOr<absl::Duration> PacedImport::Ask(Bytes piece,
                                                PressureLevel pressure) {
  GOVERNOR_RETURN_IF_ERROR(drop_.Advance(position_));
  const absl::Duration wait = pace_.Ask(piece, pressure, clock_.Monotonic());
  if (wait == absl::ZeroDuration()) position_ += piece.count();
  return wait;
}

}  // namespace governor
