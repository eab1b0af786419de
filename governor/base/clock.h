#ifndef GOVERNOR_BASE_CLOCK_H_
#define GOVERNOR_BASE_CLOCK_H_

#include <time.h>

#include <algorithm>
#include <cstdint>

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

  // Time since some moment before all processes of this boot: the same clock in
  // each of them, which never steps. For intervals, and for comparing moments
  // between processes.
  virtual absl::Duration Monotonic() const = 0;

  // The same in nanoseconds, up to `coarse_lag()` behind, for the price of a
  // few ns.
  virtual int64_t CoarseNanoseconds() const = 0;
  virtual absl::Duration coarse_lag() const = 0;

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

  absl::Duration Monotonic() const override {
    return absl::Nanoseconds(Nanoseconds(CLOCK_MONOTONIC));
  }
  int64_t CoarseNanoseconds() const override {
    return Nanoseconds(CLOCK_MONOTONIC_COARSE);
  }
  absl::Duration coarse_lag() const override {
    timespec resolution = {};
    ::clock_getres(CLOCK_MONOTONIC_COARSE, &resolution);
    return absl::DurationFromTimespec(resolution);
  }

  bool WaitUntil(CondVar& condition, Mutex& mutex, absl::Time deadline) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const absl::Duration left = deadline - Now();
    if (left <= absl::ZeroDuration()) return false;
    // A bound that every std::condition_variable can count to.
    condition.WaitFor(mutex, std::min(left, absl::Hours(1)));
    return Now() < deadline;
  }

 private:
  static int64_t Nanoseconds(clockid_t clock) {
    timespec now = {};
    ::clock_gettime(clock, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }
};

}  // namespace governor

#endif  // GOVERNOR_BASE_CLOCK_H_
