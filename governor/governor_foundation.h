#ifndef GOVERNOR_GOVERNOR_FOUNDATION_H_
#define GOVERNOR_GOVERNOR_FOUNDATION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "governor/base/clock.h"
#include "governor/base/mutex.h"
#include "governor/budget/local_budget.h"
#include "governor/budget/machine_record.h"
#include "governor/budget/refusal.h"
#include "governor/driver_choice.h"
#include "governor/floor_gate.h"
#include "governor/governor.h"
#include "governor/host/host_sampler.h"
#include "governor/host/unmanaged_memory.h"
#include "governor/memory/chunk_pool.h"
#include "governor/unmanaged_account.h"

namespace governor {

// What a governor and its regions stand on, in the order in which it is built:
// a region that outlives its governor keeps it alive.
struct Governor::Foundation {
  OpenDriver driver;
  RealClock real_clock;
  Clock* clock = nullptr;
  std::string host_root;
  std::unique_ptr<HostSampler> sampler;
  std::unique_ptr<MachineRecord> record;  // null where none could be joined
  std::unique_ptr<FloorGate> gate;        // null where no floor governs
  std::unique_ptr<LocalBudget> budget;
  // Not owned: it stands on the budget itself.
  std::weak_ptr<UnmanagedAccount> account;
  // Null where the budget is of the host's memory.
  std::unique_ptr<UnmanagedMeter> meter;
  std::atomic<int64_t> measured_ns{INT64_MIN / 2};
  int priority = 0;
  int device = 0;

  // For `stat --explain`. One that is asked again and again while it waits is
  // remembered once a second.
  void Remember(const Refusal& refusal) {
    const absl::Time now = clock->Now();
    {
      MutexLock lock(refusals_mutex);
      if (refusal.asked == last_refusal.asked &&
          refusal.tag == last_refusal.tag &&
          refusal.limited_by == last_refusal.limited_by &&
          now < last_refused_at + absl::Seconds(1)) {
        return;
      }
      last_refusal = refusal;
      last_refused_at = now;
    }
    if (record != nullptr) record->RememberRefusal(refusal, now);
  }

  // Measures what is unmanaged beside what `pool` holds, charges it, and tells
  // the others.
  absl::StatusOr<UnmanagedReading> Measure(const ChunkPool& pool);
  // The same where the last time is long ago, or the budget is short: for a
  // program that has neither a thread nor ticks.
  void MeasureBeforeGrant(const ChunkPool& pool, bool is_short);

  // Tells the others what this governor holds. Needs no memory.
  void Publish() const {
    const std::shared_ptr<UnmanagedAccount> open = account.lock();
    if (record == nullptr || open == nullptr) return;
    record->PublishLatest([&] {
      return MachineRecord::Figures{
          .budget = budget->limit(),
          .granted = SaturatingSubtract(budget->granted(),
                                        open->allowance() + open->debt()),
          .unmanaged = open->unmanaged(),
          .debt = open->debt(),
          .priority = priority,
          .device = device};
    });
  }

  Mutex refusals_mutex;
  Refusal last_refusal ABSL_GUARDED_BY(refusals_mutex);
  absl::Time last_refused_at ABSL_GUARDED_BY(refusals_mutex) =
      absl::InfinitePast();
};

}  // namespace governor

#endif  // GOVERNOR_GOVERNOR_FOUNDATION_H_
