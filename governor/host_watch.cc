#include "governor/host_watch.h"

#include <algorithm>

#include "absl/cleanup/cleanup.h"

namespace governor {
namespace {

// The fastest that a machine was seen to fill: 18 GiB/s with two threads and
// huge pages; 14 GiB/s on a GB10, as reported (research os.md 1.3).
constexpr double kFillBytesPerSecond = 18.0 * (uint64_t{1} << 30);

// How often vmstat is read and pressure judged, when the stalls in the shallow
// reading did not move.
constexpr absl::Duration kJudgeEvery = absl::Milliseconds(100);

// Given back beyond the floor, so that the next page of somebody else does not
// break it again: a sixteenth of it, at most 256 MiB.
constexpr Bytes kMostMargin = MiB(256);

// Of what is granted, what one reading that shows pressure takes back, and how
// often: a machine in some pressure gets an eighth of it back in 0.4 s, from
// those who can give cheaply; one that stands still in 0.1 s, from everyone.
constexpr uint64_t kSomePart = 32;
constexpr uint64_t kCriticalPart = 8;
constexpr absl::Duration kRelieveEvery = absl::Milliseconds(100);

// How long a driver that keeps what is released is left alone when a round
// brought the machine less than half of what it took.
constexpr absl::Duration kVainPause = absl::Seconds(1);

// How long nobody is asked on the floor's account when a round brought nothing
// at all: not a hundred times a second, and soon enough for whoever has
// something to give since.
constexpr absl::Duration kNothingPause = absl::Milliseconds(40);

constexpr absl::Duration kPeakEvery = absl::Milliseconds(20);

}  // namespace

absl::Duration HostWatch::Tick(absl::Time now) {
  std::thread::id nobody;
  if (!ticking_.compare_exchange_strong(nobody, std::this_thread::get_id())) {
    return kSoonest;
  }
  const absl::Cleanup leave = [this] { ticking_ = std::thread::id(); };
  return Round(now);
}

HostSnapshot HostWatch::Take(SampleDepth depth) {
  return options_.gate != nullptr ? options_.gate->Take(depth)
                                  : options_.sampler->Take(depth);
}

HostSnapshot HostWatch::Read() {
  const absl::Duration now = options_.clock->Monotonic();
  if (now - judged_at_ < kJudgeEvery) {
    HostSnapshot shallow = Take(SampleDepth::kFast);
    if (!shallow.stall || shallow.stall->some == stalled_) return shallow;
  }
  HostSnapshot snapshot = Take(SampleDepth::kVmstat);
  judged_at_ = snapshot.taken_at;
  if (snapshot.stall) stalled_ = snapshot.stall->some;
  HostSnapshot of_others = snapshot;
  if (of_others.vmstat) {
    // What page_back reads in is no sign of want.
    const uint64_t own =
        brought_back_ /
        std::max<uint64_t>(of_others.vmstat->page_size.count(), 1);
    of_others.vmstat->swapped_in -= std::min(of_others.vmstat->swapped_in, own);
    of_others.vmstat->refaulted_anonymous -=
        std::min(of_others.vmstat->refaulted_anonymous, own);
  }
  absl::Duration own_stall = absl::ZeroDuration();
  if (options_.gate != nullptr) {
    own_stall = options_.gate->own_stall() - own_stall_;
    own_stall_ += own_stall;
  }
  const PressureVerdict verdict = judge_.Observe(of_others, own_stall);
  MutexLock lock(mutex_);
  verdict_ = verdict;
  return snapshot;
}

Bytes HostWatch::ForTheFloor(const HostSpare& spare, absl::Duration taken_at) {
  if (spare.shortfall.is_zero()) return Bytes();
  if (options_.driver_keeps_released && !given_back_.is_zero() &&
      spare.shortfall >
          SaturatingSubtract(lacked_, Bytes(given_back_.count() / 2))) {
    vain_until_ = taken_at + kVainPause;
  }
  given_back_ = Bytes();
  if (taken_at < vain_until_) return Bytes();
  return spare.shortfall +
         std::min(Bytes(options_.gate->floor().count() / 16), kMostMargin);
}

bool HostWatch::Relieve(const HostSpare& spare, absl::Duration taken_at,
                        absl::Time now) {
  if (options_.gate == nullptr) return false;
  const absl::Time deadline = now + options_.notice;
  const Bytes lacking = ForTheFloor(spare, taken_at);
  if (!lacking.is_zero()) {
    lacked_ = spare.shortfall;
    given_back_ = options_.budget->Shrink(lacking, deadline);
    // Whoever has nothing to give is not asked a hundred times a second.
    if (given_back_.is_zero()) vain_until_ = taken_at + kNothingPause;
  }
  // Only what this very reading shows: a level that is merely held must not
  // take everything back in the seconds until it falls.
  const PressureLevel level = judge_.verdict().level;
  const bool is_shown =
      level != PressureLevel::kNone && judge_.supported_at() == taken_at;
  if (is_shown && taken_at - relieved_at_ >= kRelieveEvery) {
    relieved_at_ = taken_at;
    const Bytes granted = options_.budget->granted();
    if (level == PressureLevel::kCritical) {
      options_.budget->Shrink(Bytes(granted.count() / kCriticalPart), deadline);
    } else {
      options_.budget->Shrink(Bytes(granted.count() / kSomePart), deadline,
                              ReclaimerOptions::Cost::kCheap);
    }
  }
  return !spare.shortfall.is_zero() || level != PressureLevel::kNone;
}

Bytes HostWatch::BringPagesBack() {
  if (options_.page_back == nullptr) return Bytes();
  const bool is_over =
      pressure().level == PressureLevel::kNone && shortfall().is_zero();
  const Bytes brought_back =
      options_.page_back->Tick(options_.clock->Monotonic(), is_over);
  brought_back_ += brought_back.count();
  return brought_back;
}

absl::Duration HostWatch::Round(absl::Time now) {
  const HostSnapshot snapshot = Read();
  const absl::Duration taken_at = snapshot.taken_at;
  HostSpare spare;
  if (options_.gate != nullptr) spare = options_.gate->Look();
  {
    MutexLock lock(mutex_);
    shortfall_ = spare.shortfall;
  }
  // Before anything that may take long.
  const bool is_short = Relieve(spare, taken_at, now);
  const bool peaks_matter =
      options_.peaks_matter != nullptr && options_.peaks_matter();
  const absl::Duration every =
      peaks_matter ? kPeakEvery : options_.measure_every;
  if (options_.measure != nullptr && taken_at - measured_at_ >= every) {
    measured_at_ = taken_at;
    options_.measure();
  }
  options_.budget->ServeRequests();
  const Bytes brought_back = BringPagesBack();

  absl::Duration next = absl::Seconds(static_cast<double>(spare.spare.count()) /
                                      kFillBytesPerSecond);
  if (options_.gate == nullptr) next = kJudgeEvery;
  if (options_.measure != nullptr) next = std::min(next, every);
  if (is_short || !brought_back.is_zero()) next = kSoonest;
  return std::clamp(next, kSoonest, kLatest);
}

PressureVerdict HostWatch::pressure() const {
  MutexLock lock(mutex_);
  return verdict_;
}

Bytes HostWatch::shortfall() const {
  MutexLock lock(mutex_);
  return shortfall_;
}

}  // namespace governor
