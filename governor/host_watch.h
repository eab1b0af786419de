#ifndef GOVERNOR_HOST_WATCH_H_
#define GOVERNOR_HOST_WATCH_H_

#include <atomic>
#include <functional>
#include <optional>
#include <thread>

#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/base/clock.h"
#include "governor/base/mutex.h"
#include "governor/budget/budget.h"
#include "governor/floor_gate.h"
#include "governor/host/host_sampler.h"
#include "governor/host/page_back.h"
#include "governor/policy/pressure.h"

namespace governor {

// What a HostWatch stands on. Nothing is owned; all outlives the watch.
struct HostWatchOptions {
  const Clock* clock = nullptr;
  // Null on a device with memory of its own, whose grants no floor governs:
  // then nothing is given back on the machine's account.
  FloorGate* gate = nullptr;
  const HostSampler* sampler = nullptr;
  Budget* budget = nullptr;
  PageBack* page_back = nullptr;
  // Measures unmanaged memory and tells others; called every `measure_every`.
  std::function<void()> measure = nullptr;
  absl::Duration measure_every = absl::Milliseconds(500);
  // Whether something is measured whose peak matters: a transient is under way.
  // Then it is measured every 20 ms.
  std::function<bool()> peaks_matter = nullptr;
  // The driver keeps what is released: what comes back to the budget does not
  // come back to the machine until something needs it.
  bool driver_keeps_released = false;
  // The notice that holders get before what they were asked for is due.
  absl::Duration notice = absl::Seconds(1);
};

// What a governor does from time to time, as long as somebody calls Tick: reads
// the machine, judges its pressure, has memory given back before the machine
// swaps, brings back what was swapped, and serves requests that are short. It
// starts no thread. The floor does not depend on it: the gate holds that at
// each grant. What this adds is that memory comes back when *others* grow.
//
// Tick may be called by any thread; a call while another is inside, or from a
// callback of its own, does nothing.
class HostWatch {
 public:
  // The soonest and the latest that a next round is asked for.
  static constexpr absl::Duration kSoonest = absl::Milliseconds(10);
  static constexpr absl::Duration kLatest = absl::Seconds(1);

  explicit HostWatch(const HostWatchOptions& options) : options_(options) {}

  // One round. `now` is what deadlines are counted from. Returns when the next
  // is due, from now: soon when the machine is near its floor or under
  // pressure. Costs a reading of the machine and, when memory is to come back,
  // what the reclaimers take.
  absl::Duration Tick(absl::Time now);

  // Brings some of what is kept in memory back from swap now, unless there is
  // pressure; returns how much.
  Bytes BringPagesBack();

  // The clock that `now` of Tick is on.
  absl::Time Now() const { return options_.clock->Now(); }

  // Whether the caller is inside Tick: a callback, on whatever thread.
  bool is_inside_on_this_thread() const {
    return ticking_.load() == std::this_thread::get_id();
  }

  // As judged in the last round.
  PressureVerdict pressure() const;
  // How far below its floor the machine was then.
  Bytes shortfall() const;

 private:
  absl::Duration Round(absl::Time now);
  HostSnapshot Take(SampleDepth depth);
  HostSnapshot Read();
  // Has memory given back: what the floor lacks, or for want of air. True when
  // the machine is short of either.
  bool Relieve(const HostSpare& spare, absl::Duration taken_at, absl::Time now);
  Bytes ForTheFloor(const HostSpare& spare, absl::Duration taken_at);

  const HostWatchOptions options_;
  // The thread that is inside Tick; none: no thread's.
  std::atomic<std::thread::id> ticking_{std::thread::id()};

  // Of the round under way.
  PressureJudge judge_;
  absl::Duration measured_at_ = -absl::InfiniteDuration();
  absl::Duration judged_at_ = -absl::InfiniteDuration();
  absl::Duration relieved_at_ = -absl::InfiniteDuration();
  absl::Duration stalled_ = absl::ZeroDuration();
  absl::Duration own_stall_ = absl::ZeroDuration();
  // What the last round for the floor gave back, and what was lacking then.
  Bytes given_back_;
  Bytes lacked_;
  absl::Duration vain_until_ = -absl::InfiniteDuration();
  // Of the machine's swap-in, what page_back did.
  std::atomic<uint64_t> brought_back_{0};

  mutable Mutex mutex_;
  PressureVerdict verdict_ ABSL_GUARDED_BY(mutex_);
  Bytes shortfall_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace governor

#endif  // GOVERNOR_HOST_WATCH_H_
