#ifndef GOVERNOR_BASE_CLOCK_H_
#define GOVERNOR_BASE_CLOCK_H_

#include <algorithm>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "governor/base/mutex.h"

namespace governor {

// Where the library gets the time, and the only way in which it waits. Nothing
// below the rims asks the system for the time itself. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  virtual absl::Time Now() const = 0;

  // Releases `mutex`, waits until `condition` is notified or Now() reaches
  // `deadline`, and takes `mutex` again. May return early: test the condition
  // in a loop. False once the deadline is reached.
  virtual bool WaitUntil(CondVar& condition, Mutex& mutex, absl::Time deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) = 0;
};

// The system's time.
class RealClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }

  bool WaitUntil(CondVar& condition, Mutex& mutex, absl::Time deadline) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const absl::Duration left = deadline - Now();
    if (left <= absl::ZeroDuration()) return false;
    // A bound that every std::condition_variable can count to.
    condition.WaitFor(mutex, std::min(left, absl::Hours(1)));
    return Now() < deadline;
  }
};

}  // namespace governor

#endif  // GOVERNOR_BASE_CLOCK_H_
