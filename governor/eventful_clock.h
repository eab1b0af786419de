#ifndef GOVERNOR_EVENTFUL_CLOCK_H_
#define GOVERNOR_EVENTFUL_CLOCK_H_

#include <functional>

#include "governor/base/fake_clock.h"

namespace governor {

// For tests: a FakeClock under whose reading something happens, so that a
// machine changes in the middle of a call. `event` is called before each
// reading, on the thread that reads; it holds no lock of the clock's, but
// perhaps one of the reader's, and does not change once others read.
class EventfulClock final : public Clock {
 public:
  explicit EventfulClock(FakeClock& clock) : clock_(clock) {}

  absl::Time Now() const override {
    Happen();
    return clock_.Now();
  }
  absl::Duration Monotonic() const override {
    Happen();
    return clock_.Monotonic();
  }
  int64_t CoarseNanoseconds() const override {
    Happen();
    return clock_.CoarseNanoseconds();
  }
  absl::Duration coarse_lag() const override { return clock_.coarse_lag(); }
  bool WaitUntil(CondVar& condition, Mutex& mutex, absl::Time deadline) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return clock_.WaitUntil(condition, mutex, deadline);
  }

  std::function<void()> event;

 private:
  void Happen() const {
    if (event) event();
  }

  FakeClock& clock_;
};

}  // namespace governor

#endif  // GOVERNOR_EVENTFUL_CLOCK_H_
