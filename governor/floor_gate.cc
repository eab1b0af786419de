#include "governor/floor_gate.h"

#include <algorithm>
#include <string>

namespace governor {
namespace {

// What others made memory of just when the machine was read may be counted
// twice, and who died is counted for a while: so often it is read again.
constexpr int kAttempts = 4;

// How old a reading may be to show what others stalled since.
constexpr absl::Duration kStallWindow = absl::Milliseconds(200);

}  // namespace

FloorGate::FloorGate(const FloorGateOptions& options)
    : options_(options),
      fresh_ns_(
          absl::ToInt64Nanoseconds(kFresh - options.clock->coarse_lag())) {
  // The zones for the shallow readings that follow.
  Take(SampleDepth::kFull);
}

bool FloorGate::IsFresh(const SpareReading::Value& reading) const {
  return options_.clock->CoarseNanoseconds() - reading.taken_ns < fresh_ns_;
}

bool FloorGate::TryClaim(Bytes size, const SpareReading::Value& reading) {
  return options_.record->TryClaim(size, reading.spare,
                                   absl::Nanoseconds(reading.taken_ns));
}

std::optional<Refusal> FloorGate::Admit(Bytes size) {
  SpareReading::Value reading = reading_.Load();
  if (IsFresh(reading) && TryClaim(size, reading)) return std::nullopt;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Take(SampleDepth::kFast);
    reading = reading_.Load();
    if (TryClaim(size, reading)) return std::nullopt;
    // Beyond what is there without anybody's claims, time does not help.
    if (size > reading.spare) break;
    options_.record->LookAfterTenants();
  }
  const HostSpare spare = Look();
  return Refuse(spare.limited_by, Left(reading));
}

void FloorGate::Withdraw(Bytes size) {
  options_.record->SubtractInFlight(size);
}

void FloorGate::Settle(Bytes size) {
  if (options_.resident == nullptr) {
    options_.record->Settle(size, options_.clock->Monotonic());
    return;
  }
  // On its way until it is touched; it stays in the record until the next
  // reading, which has it in `created`, or somewhere else.
  MutexLock lock(mutex_);
  untouched_ += size;
}

void FloorGate::Return(Bytes size, bool settled) {
  if (!settled) {
    options_.record->SubtractInFlight(size);
    return;
  }
  if (options_.resident == nullptr) return;
  MutexLock lock(mutex_);
  // Which of its pages were touched the next reading will show.
  SetUntouched(std::min(untouched_, options_.created()));
}

void FloorGate::Promise(Bytes unspent) {
  MutexLock lock(mutex_);
  if (unspent > promised_) {
    options_.record->AddInFlight(unspent - promised_);
  } else {
    options_.record->SubtractInFlight(promised_ - unspent);
  }
  promised_ = unspent;
}

void FloorGate::SetUntouched(Bytes untouched) const {
  if (untouched > untouched_) {
    options_.record->AddInFlight(untouched - untouched_);
  } else {
    options_.record->SubtractInFlight(untouched_ - untouched);
  }
  untouched_ = untouched;
}

HostSnapshot FloorGate::Take(SampleDepth depth) {
  MutexLock lock(mutex_);
  HostSnapshot now = TakeLocked(depth);
  if (now.vmstat) before_ = now;
  return now;
}

HostSnapshot FloorGate::TakeLocked(SampleDepth depth) const {
  // In this order: a page that is touched in between is counted twice, never
  // not at all.
  if (options_.resident != nullptr) {
    const Bytes created = options_.created();
    SetUntouched(SaturatingSubtract(created, options_.resident()));
  }
  HostSnapshot now = options_.sampler->Take(depth);
  if (now.zones) movable_free_ = now.zones->movable_free;
  const Bytes all_free = now.meminfo ? now.meminfo->free : Bytes();
  spare_ = HostSpareOf(now, options_.floor, movable_free_.value_or(all_free));
  reading_.Store({spare_.spare, absl::ToInt64Nanoseconds(now.taken_at)});
  return now;
}

SpareReading::Value FloorGate::FreshReading() const {
  SpareReading::Value reading = reading_.Load();
  if (IsFresh(reading)) return reading;
  MutexLock lock(mutex_);
  TakeLocked(SampleDepth::kFast);
  return reading_.Load();
}

HostSpare FloorGate::Look() const {
  FreshReading();
  MutexLock lock(mutex_);
  return spare_;
}

Bytes FloorGate::Left(const SpareReading::Value& reading) const {
  return SaturatingSubtract(
      reading.spare,
      options_.record->InFlightOfAll(absl::Nanoseconds(reading.taken_ns)));
}

Bytes FloorGate::headroom() const { return Left(FreshReading()); }

Bytes FloorGate::in_flight() const {
  return options_.record->InFlightOfAll(
      absl::Nanoseconds(reading_.Load().taken_ns));
}

Refusal FloorGate::Refuse(absl::string_view limited_by, Bytes headroom) const {
  Refusal refusal;
  refusal.limited_by = std::string(limited_by);
  refusal.headroom = headroom;
  return refusal;
}

bool FloorGate::TakeContiguous(Bytes step) {
  if (options_.clock->CoarseNanoseconds() >= contiguous_until_ns_.load()) {
    return false;
  }
  uint64_t left = contiguous_.load();
  while (left >= step.count()) {
    if (contiguous_.compare_exchange_weak(left, left - step.count())) {
      return true;
    }
  }
  return false;
}

std::optional<Refusal> FloorGate::PrepareStep(Bytes step, absl::Time deadline) {
  // A moment ago there was room for more steps than were taken since, and the
  // floor was held with all of them counted.
  SpareReading::Value reading = reading_.Load();
  if (IsFresh(reading) && TakeContiguous(step) &&
      options_.record->InFlightOfAll(absl::Nanoseconds(reading.taken_ns)) <=
          reading.spare) {
    return std::nullopt;
  }
  const Clock& clock = *options_.clock;
  const absl::Time until = std::max(deadline, clock.Now() + kPloughTime);
  Bytes best;
  int vain = 0;
  while (true) {
    HostSpare spare;
    HostSnapshot now;
    Obstacle obstacle;
    {
      MutexLock lock(mutex_);
      now = TakeLocked(SampleDepth::kFull);
      spare = spare_;
      const bool compares =
          before_ && now.taken_at - before_->taken_at <= kStallWindow;
      obstacle =
          ObstacleTo(step, options_.floor, now, compares ? &*before_ : nullptr,
                     /*own_stall=*/absl::ZeroDuration());
      // What stalls from here on may be this step's own.
      before_.reset();
    }
    reading = reading_.Load();
    // The step is part of what is on its way.
    if (options_.record->InFlightOfAll(now.taken_at) > spare.spare) {
      return Refuse(spare.limited_by, Left(reading));
    }
    const Bytes contiguous =
        now.contiguity ? now.contiguity->huge_free : Bytes();
    if (obstacle == Obstacle::kNone) {
      contiguous_ = SaturatingSubtract(contiguous, step).count();
      contiguous_until_ns_ = reading.taken_ns + fresh_ns_;
      return std::nullopt;
    }
    vain = contiguous > best ? 0 : vain + 1;
    best = std::max(best, contiguous);
    if (vain > kVainPloughs || clock.Now() >= until ||
        options_.plough(step, clock, until) < step) {
      return Refuse(
          obstacle == Obstacle::kContiguity ? "contiguity" : "reclaim", best);
    }
    // Others' reclaim is in the way no longer: the step's own pages are free.
    if (obstacle == Obstacle::kReclaim) return std::nullopt;
  }
}

}  // namespace governor
