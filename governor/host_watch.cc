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

// Of what is granted, what one round under pressure asks for, and how often.
constexpr uint64_t kSomePart = 32;
constexpr uint64_t kCriticalPart = 8;
constexpr absl::Duration kRelieveEvery = absl::Milliseconds(100);

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
  const PressureVerdict verdict = judge_.Observe(snapshot);
  MutexLock lock(mutex_);
  verdict_ = verdict;
  return snapshot;
}

Bytes HostWatch::Wanted(const HostSpare& spare, absl::Duration now) {
  Bytes wanted;
  if (!spare.shortfall.is_zero()) {
    wanted = spare.shortfall +
             std::min(Bytes(options_.gate->floor().count() / 16), kMostMargin);
  }
  const PressureLevel level = judge_.verdict().level;
  if (level != PressureLevel::kNone && now - relieved_at_ >= kRelieveEvery) {
    relieved_at_ = now;
    const uint64_t part =
        level == PressureLevel::kCritical ? kCriticalPart : kSomePart;
    wanted = std::max(wanted, Bytes(options_.budget->granted().count() / part));
  }
  return wanted;
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
  const Bytes wanted =
      options_.gate != nullptr ? Wanted(spare, taken_at) : Bytes();
  if (!wanted.is_zero()) {
    options_.budget->Shrink(wanted, now + options_.notice);
  }
  if (options_.measure != nullptr &&
      taken_at - measured_at_ >= options_.measure_every) {
    measured_at_ = taken_at;
    options_.measure();
  }
  options_.budget->ServeRequests();

  const PressureLevel level = judge_.verdict().level;
  const bool is_over = level == PressureLevel::kNone && wanted.is_zero();
  const Bytes brought_back =
      options_.page_back == nullptr
          ? Bytes()
          : options_.page_back->Tick(options_.clock->Monotonic(), is_over);

  absl::Duration next = absl::Seconds(static_cast<double>(spare.spare.count()) /
                                      kFillBytesPerSecond);
  if (options_.gate == nullptr) next = kJudgeEvery;
  if (!is_over || !brought_back.is_zero()) next = kSoonest;
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
