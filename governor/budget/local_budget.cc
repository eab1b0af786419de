#include "governor/budget/local_budget.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace governor {
namespace {

// Half of the word: no sum of a limit and one request can wrap.
constexpr Bytes kMaxLimit((uint64_t{1} << 63) - 1);
constexpr Bytes kMaxCharge(uint64_t{1} << 56);

}  // namespace

absl::Status LocalBudget::ForkedChild() {
  return absl::FailedPreconditionError(
      "a forked child owns no grant of its parent's budget; open a governor "
      "of its own in the child");
}

absl::Status LocalBudget::Interrupted(Bytes asked) {
  return absl::CancelledError(
      absl::StrCat("the wait for room was interrupted; asked ", ToString(asked),
                   " (", asked.count(), " bytes)"));
}

absl::StatusOr<std::unique_ptr<LocalBudget>> LocalBudget::Create(
    const LocalBudgetOptions& options) {
  if (options.limit.is_zero() || options.limit > kMaxLimit) {
    return absl::InvalidArgumentError(
        absl::StrCat("a budget is from 1 byte to 2^63 - 1 bytes, given ",
                     options.limit.count()));
  }
  if (options.clock == nullptr) {
    return absl::InvalidArgumentError("a budget needs a clock, given none");
  }
  return std::unique_ptr<LocalBudget>(new LocalBudget(options));
}

bool LocalBudget::Claim(Bytes size, Tag tag, uint64_t* granted) {
  uint64_t now = granted_.load();
  do {
    // Written so that no sum can wrap; Charge may have passed the limit.
    if (now > limit_.count() || size.count() > limit_.count() - now) {
      *granted = now;
      return false;
    }
  } while (!granted_.compare_exchange_weak(now, now + size.count()));
  Count(now + size.count(), size, tag);
  return true;
}

void LocalBudget::Count(uint64_t granted_now, Bytes size, Tag tag) {
  // Release, so that whoever sees the sum also sees the tag's name.
  granted_by_tag_[tag.index()].fetch_add(size.count(),
                                         std::memory_order_release);
  uint64_t peak = peak_.load(std::memory_order_relaxed);
  while (granted_now > peak &&
         !peak_.compare_exchange_weak(peak, granted_now,
                                      std::memory_order_relaxed)) {
  }
}

// A request that is among the waiters while the object lives.
class LocalBudget::ScopedWaiter {
 public:
  ScopedWaiter(LocalBudget& budget, const Waiter& me)
      : budget_(budget), me_(me) {
    MutexLock lock(budget_.wait_mutex_);
    budget_.waiters_.push_back(&me_);
    budget_.num_waiters_.fetch_add(1);
  }
  ~ScopedWaiter() {
    // In a forked child the lock may be held by a thread that is not there.
    if (!budget_.process_.is_current()) return;
    MutexLock lock(budget_.wait_mutex_);
    auto& waiters = budget_.waiters_;
    waiters.erase(std::find(waiters.begin(), waiters.end(), &me_));
    budget_.num_waiters_.fetch_sub(1);
    // Whoever stepped back for this one may look again.
    budget_.room_.NotifyAll();
  }
  ScopedWaiter(const ScopedWaiter&) = delete;
  ScopedWaiter& operator=(const ScopedWaiter&) = delete;

 private:
  LocalBudget& budget_;
  const Waiter& me_;
};

bool LocalBudget::Take(Bytes size, Tag tag, Denial* denial) {
  if (gate_ != nullptr) return TakeThroughGate(size, tag, denial);
  uint64_t granted;
  if (Claim(size, tag, &granted)) return true;
  *denial = {.granted = Bytes(granted)};
  return false;
}

bool LocalBudget::TakeThroughGate(Bytes size, Tag tag, Denial* denial) {
  MutexLock lock(gate_mutex_);
  uint64_t granted = granted_.load();
  // The budget's own answer first: a request that it refuses must not count
  // against the machine.
  if (size > RoomAt(Bytes(granted))) {
    *denial = {.granted = Bytes(granted)};
    return false;
  }
  if (std::optional<Refusal> refusal = gate_->Admit(size)) {
    *denial = {.granted = Bytes(granted), .gates = std::move(refusal)};
    return false;
  }
  if (Claim(size, tag, &granted)) return true;
  // Something was charged meanwhile.
  gate_->Withdraw(size);
  *denial = {.granted = Bytes(granted)};
  return false;
}

absl::StatusOr<Grant> LocalBudget::Acquire(Bytes size,
                                           const AcquireOptions& options) {
  if (!process_.is_current()) return ForkedChild();
  if (size.is_zero()) {
    return absl::InvalidArgumentError("a grant of 0 bytes was asked");
  }
  const Tag tag = options.tag ? *options.tag : Tag::Current();
  Denial denial;
  if (Take(size, tag, &denial)) return MakeGrant(this, size, tag);
  return AcquireWhileShort(size, tag, options, denial);
}

absl::StatusOr<Grant> LocalBudget::AcquireWhileShort(
    Bytes size, Tag tag, const AcquireOptions& options, Denial& denial) {
  if (size > limit_) return Refuse(DescribeDenial(size, tag, denial));
  const Watch watch(*this);
  Grant grant;
  const auto claim = [&] {
    if (!grant.size().is_zero()) return Bytes();
    if (!Take(size, tag, &denial)) return Shortage(size, denial);
    grant = MakeGrant(this, size, tag);
    return Bytes();
  };
  Arbiter::Round round = MakeRound(options.deadline, claim);
  AskCaches(round);
  if (!process_.is_current()) return ForkedChild();
  if (!grant.size().is_zero()) return grant;
  // Once more, for what came back while the caches were asked.
  if (claim().is_zero()) return grant;

  if (clock_.Now() < options.deadline) {
    if (!bell_.is_served()) {
      round.kind = ReclaimerOptions::Kind::kCallback;
      arbiter_.Ask(round, clock_);
      if (!process_.is_current()) return ForkedChild();
      if (!grant.size().is_zero()) return grant;
    }
    const Waiter me{size, options.priority.value_or(0), options.deadline};
    const ScopedWaiter waiting(*this, me);
    // Caches once more, now that they see that somebody waits: what went into
    // one since is found here, and nothing goes in from here on. All of it is
    // asked for: others may have taken what was free a moment ago.
    const uint64_t before = returned_bytes_.load();
    arbiter_.Ask(MakeRound(options.deadline,
                           [&] {
                             return SaturatingSubtract(
                                 size, Bytes(returned_bytes_.load() - before));
                           }),
                 clock_);
    if (!process_.is_current()) return ForkedChild();
    bell_.Ring();
    absl::StatusOr<Grant> waited =
        WaitForRoom(me, tag, options.should_stop, denial);
    if (!waited.ok() || !waited->size().is_zero()) return waited;
  }
  return Refuse(DescribeDenial(size, tag, denial));
}

absl::StatusOr<Grant> LocalBudget::WaitForRoom(const Waiter& me, Tag tag,
                                               const ShouldStop& should_stop,
                                               Denial& denial) {
  while (true) {
    const absl::Time until =
        should_stop == nullptr
            ? me.deadline
            : std::min(me.deadline, clock_.Now() + kStopSlice);
    if (ClaimUntil(until, me, tag, denial)) {
      return MakeGrant(this, me.size, tag);
    }
    if (until == me.deadline) return Grant();
    if (StopsWhileAway(me, should_stop)) {
      return Interrupted(me.size);
    }
    if (!process_.is_current()) return ForkedChild();
  }
}

bool LocalBudget::StopsWhileAway(const Waiter& me,
                                 const ShouldStop& should_stop) {
  {
    MutexLock lock(wait_mutex_);
    me.is_away = true;
    // Whoever stepped back for this one.
    if (waiters_.size() > 1) room_.NotifyAll();
  }
  const bool stops = should_stop();
  me.is_away = false;
  return stops;
}

absl::Status LocalBudget::WaitForStep(Bytes step, const AcquireOptions& options,
                                      Denial* denial) {
  const uint64_t before = returned_bytes_.load();
  if (!bell_.is_served()) {
    Arbiter::Round round = MakeRound(options.deadline, [&] {
      return SaturatingSubtract(step, Bytes(returned_bytes_.load() - before));
    });
    round.kind = ReclaimerOptions::Kind::kCallback;
    arbiter_.Ask(round, clock_);
    if (!process_.is_current()) return ForkedChild();
  }
  const Waiter me{step, options.priority.value_or(0), options.deadline};
  const ScopedWaiter waiting(*this, me);
  bell_.Ring();
  while (true) {
    denial->gates = gate_->PrepareStep(step, options.deadline);
    if (!denial->gates || clock_.Now() >= options.deadline) {
      return absl::OkStatus();
    }
    if (options.should_stop != nullptr &&
        StopsWhileAway(me, options.should_stop)) {
      return Interrupted(step);
    }
    if (!process_.is_current()) return ForkedChild();
    MutexLock lock(wait_mutex_);
    // What the machine can spare grows without a notification.
    clock_.WaitUntil(room_, wait_mutex_,
                     std::min(options.deadline, clock_.Now() + kGateSlice));
  }
}

bool LocalBudget::ClaimUntil(absl::Time until, const Waiter& me, Tag tag,
                             Denial& denial) {
  MutexLock lock(wait_mutex_);
  bool in_time = true;
  while (true) {
    // A grant that another thread drops from here on is either seen by this
    // claim or followed by a notification. The last look is for itself alone:
    // whoever was to go first has had the time.
    const bool steps_back =
        (in_time || until < me.deadline) && AHigherWaiterFits(me);
    if (!steps_back && Take(me.size, tag, &denial)) return true;
    if (!in_time) return false;
    // What the machine can spare grows without a notification.
    absl::Time look_again = until;
    if (denial.gates || (steps_back && gate_ != nullptr)) {
      look_again = std::min(until, clock_.Now() + kGateSlice);
    }
    in_time = clock_.WaitUntil(room_, wait_mutex_, look_again) ||
              clock_.Now() < until;
  }
}

bool LocalBudget::AHigherWaiterFits(const Waiter& me) const {
  if (waiters_.size() == 1) return false;
  const Bytes room = Headroom();
  return std::any_of(waiters_.begin(), waiters_.end(), [&](const Waiter* w) {
    return w->priority > me.priority && w->size <= room && !w->is_away;
  });
}

Grant LocalBudget::TryAcquire(Bytes size, Tag tag) {
  if (!process_.is_current() || size.is_zero()) return Grant();
  Denial denial;
  return Take(size, tag, &denial) ? MakeGrant(this, size, tag) : Grant();
}

Grant LocalBudget::Charge(Bytes size, Tag tag) {
  if (!process_.is_current() || size.is_zero()) return Grant();
  // More than any machine has would wrap the word.
  size = std::min(size, kMaxCharge);
  const uint64_t before = granted_.fetch_add(size.count());
  Count(before + size.count(), size, tag);
  return MakeGrant(this, size, tag, /*settled=*/true);
}

void LocalBudget::Return(Bytes size, Tag tag, bool settled) {
  if (!process_.is_current()) return;
  if (gate_ != nullptr) gate_->Return(size, settled);
  granted_by_tag_[tag.index()].fetch_sub(size.count(),
                                         std::memory_order_relaxed);
  granted_.fetch_sub(size.count());
  if (on_change_ != nullptr) on_change_();
  if (num_watches_.load() == 0) return;
  returned_bytes_.fetch_add(size.count());
  if (num_waiters_.load() == 0) return;
  MutexLock lock(wait_mutex_);
  room_.NotifyAll();
}

void LocalBudget::Settle(Bytes size) {
  if (!process_.is_current()) return;
  if (gate_ != nullptr) gate_->Settle(size);
  if (on_change_ != nullptr) on_change_();
}

void LocalBudget::Move(Bytes size, Tag from, Tag to) {
  if (!process_.is_current()) return;
  granted_by_tag_[to.index()].fetch_add(size.count(),
                                        std::memory_order_release);
  granted_by_tag_[from.index()].fetch_sub(size.count(),
                                          std::memory_order_relaxed);
}

Refusal LocalBudget::Describe(Bytes size, Tag tag,
                              absl::string_view limited_by) const {
  return DescribeAt(granted(), size, tag, limited_by);
}

Refusal LocalBudget::DescribeDenial(Bytes size, Tag tag,
                                    const Denial& denial) const {
  if (!denial.gates) {
    return DescribeAt(denial.granted, size, tag, limited_by_);
  }
  Refusal refusal =
      DescribeAt(denial.granted, size, tag, denial.gates->limited_by);
  refusal.headroom = std::min(denial.gates->headroom, RoomAt(denial.granted));
  return refusal;
}

Refusal LocalBudget::DescribeAt(Bytes granted, Bytes size, Tag tag,
                                absl::string_view limited_by) const {
  Refusal refusal{.asked = size,
                  .granted = granted,
                  .limit = limit_,
                  .headroom = RoomAt(granted),
                  .limited_by = std::string(limited_by),
                  .tag = std::string(tag.name()),
                  .holders = {}};
  if (gate_ != nullptr) {
    refusal.headroom = std::min(refusal.headroom, gate_->headroom());
  }
  std::vector<std::pair<uint64_t, size_t>> sums;
  for (size_t i = 0; i < granted_by_tag_.size(); ++i) {
    const uint64_t sum = granted_by_tag_[i].load(std::memory_order_acquire);
    if (sum > 0) sums.emplace_back(sum, i);
  }
  std::sort(sums.rbegin(), sums.rend());
  for (const auto& [sum, index] : sums) {
    if (refusal.holders.size() == Refusal::kMaxHolders) break;
    refusal.holders.push_back(
        {std::string(Tag::AtIndex(index).name()), Bytes(sum)});
  }
  return refusal;
}

}  // namespace governor
