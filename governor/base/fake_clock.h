#ifndef GOVERNOR_BASE_FAKE_CLOCK_H_
#define GOVERNOR_BASE_FAKE_CLOCK_H_

#include "absl/time/time.h"
#include "governor/base/clock.h"
#include "governor/base/mutex.h"

namespace governor {

// A Clock that moves when told. Waiters notice a move within a millisecond of
// real time; nothing depends on how long that takes. Thread-safe.
class FakeClock final : public Clock {
 public:
  absl::Time Now() const override {
    MutexLock lock(mutex_);
    return now_;
  }

  absl::Duration Monotonic() const override {
    return Now() - absl::UnixEpoch();
  }
  int64_t CoarseNanoseconds() const override {
    return absl::ToInt64Nanoseconds(Monotonic());
  }
  absl::Duration coarse_lag() const override { return absl::ZeroDuration(); }

  bool WaitUntil(CondVar& condition, Mutex& mutex, absl::Time deadline) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (Now() >= deadline) return false;
    ChangeWaiters(1);
    condition.WaitFor(mutex, absl::Milliseconds(1));
    ChangeWaiters(-1);
    return Now() < deadline;
  }

  void Advance(absl::Duration step) {
    MutexLock lock(mutex_);
    now_ += step;
  }

  // Returns once a thread is inside WaitUntil, so that a test can order its
  // own step after the wait began.
  void AwaitWaiter() {
    MutexLock lock(mutex_);
    while (waiters_ == 0) waiters_changed_.Wait(mutex_);
  }

 private:
  void ChangeWaiters(int by) {
    MutexLock lock(mutex_);
    waiters_ += by;
    waiters_changed_.NotifyAll();
  }

  mutable Mutex mutex_;
  CondVar waiters_changed_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_) = absl::UnixEpoch();
  int waiters_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace governor

#endif  // GOVERNOR_BASE_FAKE_CLOCK_H_
