#include "governor/floor_gate.h"

#include <algorithm>
#include <chrono>
#include <string>

namespace governor {
namespace {

// What others made memory of just when the machine was read may be counted
// twice, and who died is counted for a while: so often it is read again.
constexpr int kAttempts = 4;

// A step makes more room than it needs: huge pages that were just freed may
// rest in a processor's own list, where no reading finds them, and others take
// some meanwhile. First a little more; where that brought too little the kernel
// found small pages among it, and it is as much again. Of what the machine can
// spare beyond the step it is a quarter at most, since nobody else is told.
constexpr Bytes kPloughMargin = MiB(32);

Bytes PloughSize(Bytes step, Bytes left, bool is_first) {
  const Bytes wanted = is_first ? kPloughMargin : std::min(step, left);
  return step + std::min(wanted, Bytes(left.count() / 4));
}

// For how long what was settled may be counted although a reading shows it: a
// bucket of the machine record.
constexpr std::chrono::milliseconds kSettledTwice(5);

// How old a reading may be to show what others stalled since.
constexpr absl::Duration kStallWindow = absl::Milliseconds(200);

}  // namespace

FloorGate::FloorGate(const FloorGateOptions& options)
    : options_(options),
      coarse_lag_ns_(absl::ToInt64Nanoseconds(options.clock->coarse_lag())) {
  // The zones for the shallow readings that follow.
  Take(SampleDepth::kFull);
}

bool FloorGate::IsFresh(const SpareReading::Value& reading) const {
  const int64_t at_least =
      options_.clock->CoarseNanoseconds() - reading.taken_ns;
  if (at_least >= kFreshNs) return false;
  if (at_least + coarse_lag_ns_ < kFreshNs) return true;
  return absl::ToInt64Nanoseconds(options_.clock->Monotonic()) -
             reading.taken_ns <
         kFreshNs;
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
  EndStep(size);
  if (options_.resident == nullptr) {
    options_.record->Settle(size, options_.clock->Monotonic());
    return;
  }
  // On its way until it is touched; it stays in the record until the next
  // reading, which has it in `created`, or somewhere else.
  MutexLock lock(mutex_);
  untouched_ += size;
  // Others shall not wait for it for longer than a reading is fresh.
  if (!IsFresh(reading_.Load())) TakeLocked(SampleDepth::kFast);
}

void FloorGate::Return(Bytes size, bool settled) {
  if (!settled) {
    EndStep(size);
    options_.record->SubtractInFlight(size);
    return;
  }
  if (options_.resident != nullptr) {
    MutexLock lock(mutex_);
    // Which of its pages were touched the next reading will show.
    SetUntouched(std::min(untouched_, options_.created()));
  }
}

void FloorGate::BeginStep(Bytes step) {
  MutexLock lock(own_mutex_);
  const int64_t now_ns = absl::ToInt64Nanoseconds(options_.clock->Monotonic());
  CountOwnStall(now_ns);
  step_left_ += step.count();
}

void FloorGate::EndStep(Bytes size) {
  // Nearly always: a grant that is dropped, and was no step.
  if (step_left_.load() == 0) return;
  MutexLock lock(own_mutex_);
  const int64_t now_ns = absl::ToInt64Nanoseconds(options_.clock->Monotonic());
  CountOwnStall(now_ns);
  step_left_ -= std::min(step_left_.load(), size.count());
}

void FloorGate::CountOwnStall(int64_t now_ns) const {
  if (step_left_.load() != 0) own_stall_ns_ += now_ns - own_until_ns_;
  own_until_ns_ = now_ns;
}

absl::Duration FloorGate::own_stall() const {
  MutexLock lock(own_mutex_);
  CountOwnStall(absl::ToInt64Nanoseconds(options_.clock->Monotonic()));
  return absl::Nanoseconds(own_stall_ns_);
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
  // What stalls while a step makes room is its own.
  if (now.vmstat && steps_ == 0) before_ = now;
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
  // A forked child has the figures of the fork: another thread of the parent
  // may have held the lock.
  if (IsFresh(reading) || !process_.is_current()) return reading;
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
  const SpareReading::Value reading = reading_.Load();
  if (IsFresh(reading) &&
      (!options_.needs_contiguity || TakeContiguous(step)) &&
      !Left(reading).is_zero()) {
    BeginStep(step);
    return std::nullopt;
  }
  BeginStep(step);
  ++steps_;
  std::optional<Refusal> refusal = MakeRoom(step, deadline);
  --steps_;
  // One that passes goes on until it is settled or given back.
  if (refusal) EndStep(step);
  return refusal;
}

bool FloorGate::StepFits(Bytes step, HostSnapshot* now, Obstacle* obstacle) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (attempt > 0) {
      // What was settled just before a reading may have been counted twice, and
      // who died is counted for a while.
      options_.record->LookAfterTenants();
      std::this_thread::sleep_for(kSettledTwice);
    }
    MutexLock lock(mutex_);
    *now = TakeLocked(SampleDepth::kFull);
    const bool compares =
        before_ && now->taken_at - before_->taken_at <= kStallWindow;
    *obstacle =
        ObstacleTo(step, options_.floor, *now, compares ? &*before_ : nullptr,
                   /*own_stall=*/absl::ZeroDuration());
    if (*obstacle == Obstacle::kContiguity && !options_.needs_contiguity) {
      *obstacle = Obstacle::kNone;
    }
    // What stalls from here on may be this step's own.
    before_.reset();
    // The step is part of what is on its way.
    if (options_.record->InFlightOfAll(now->taken_at) <= spare_.spare) {
      return true;
    }
    if (spare_.spare < step) return false;
  }
  return false;
}

std::optional<Refusal> FloorGate::MakeRoom(Bytes step, absl::Time deadline) {
  const Clock& clock = *options_.clock;
  const absl::Time until =
      deadline == absl::InfinitePast() ? clock.Now() + kPloughTime : deadline;
  Bytes best;
  int ploughs = 0;
  int vain = 0;
  while (true) {
    HostSnapshot now;
    Obstacle obstacle = Obstacle::kNone;
    if (!StepFits(step, &now, &obstacle)) {
      return Refuse(Look().limited_by, Left(reading_.Load()));
    }
    // Huge pages that were just freed may rest in a processor's own list.
    Bytes contiguous = now.contiguity ? now.contiguity->huge_free : Bytes();
    if (ploughs > 0 && now.zones) contiguous += now.zones->per_cpu;
    // A plough that brought something is enough, though others took a part of
    // it since: the kernel has seen that it can.
    const bool brought =
        ploughs > 0 && (contiguous >= step || contiguous > best);
    if (obstacle == Obstacle::kNone || brought) {
      contiguous_ = SaturatingSubtract(contiguous, step).count();
      contiguous_until_ns_ = absl::ToInt64Nanoseconds(now.taken_at + kFresh);
      return std::nullopt;
    }
    if (ploughs > 0) ++vain;
    best = std::max(best, contiguous);
    // After a plough others' reclaim is in the way no longer, and the machine
    // is looked at once more: they may have taken what the floor needs.
    if (vain >= kVainPloughs || clock.Now() >= until ||
        options_.plough(PloughSize(step, Left(reading_.Load()), ploughs++ == 0),
                        clock, until) < step) {
      return Refuse(
          obstacle == Obstacle::kContiguity ? "contiguity" : "reclaim", best);
    }
  }
}

}  // namespace governor
