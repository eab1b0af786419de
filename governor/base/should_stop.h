#ifndef GOVERNOR_BASE_SHOULD_STOP_H_
#define GOVERNOR_BASE_SHOULD_STOP_H_

#include <functional>

#include "absl/time/time.h"

namespace governor {

// For a rim whose callers can interrupt a wait, as Ctrl-C does in Python: asked
// on the thread that waits, with no lock held, about every kStopSlice; true
// ends the wait. It does not throw, and may fork. Empty: nothing ends the wait
// early.
using ShouldStop = std::function<bool()>;

inline constexpr absl::Duration kStopSlice = absl::Milliseconds(50);

}  // namespace governor

#endif  // GOVERNOR_BASE_SHOULD_STOP_H_
