// How a governor learns what takes the device's memory past it.

#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "governor/governor.h"
#include "governor/governor_foundation.h"

namespace governor {
namespace {

constexpr int kAttempts = 3;

// As often as a thread or ticks would measure.
constexpr int64_t kOldNs = 500'000'000;

}  // namespace

absl::StatusOr<UnmanagedReading> Governor::Measure() const {
  return foundation_->Measure(*pool_);
}

absl::StatusOr<UnmanagedReading> Governor::Foundation::Measure(
    const ChunkPool& pool) {
  if (meter == nullptr) {
    Publish();
    return absl::UnavailableError(
        "unmanaged memory is the device's, and the budget is of the host's");
  }
  measured_ns = clock->CoarseNanoseconds();
  absl::StatusOr<UnmanagedReading> reading;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const ChunkPool::Traffic before = pool.traffic();
    reading = meter->Read(pool.resident());
    // What comes or goes meanwhile would read as unmanaged.
    if (!reading.ok() || before.begun != before.ended ||
        pool.traffic().begun != before.begun) {
      continue;
    }
    // Of a region that has outlived its governor nothing is charged.
    const std::shared_ptr<UnmanagedAccount> open = account.lock();
    if (open == nullptr) break;
    // Charged is what is certainly this process's own.
    open->Observe(SaturatingSubtract(reading->unmanaged, reading->uncertainty));
    break;
  }
  Publish();
  return reading;
}

void Governor::Foundation::MeasureBeforeGrant(const ChunkPool& pool,
                                              bool is_short) {
  if (meter == nullptr) return;
  if (!is_short && clock->CoarseNanoseconds() - measured_ns.load() < kOldNs) {
    return;
  }
  Measure(pool).IgnoreError();
}

}  // namespace governor
