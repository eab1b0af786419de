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

absl::Status ForkedChild() {
  return absl::FailedPreconditionError(
      "a forked child owns no grant of its parent's budget; open a governor "
      "of its own in the child");
}

}  // namespace

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
    budget_.returned_.NotifyAll();
  }
  ScopedWaiter(const ScopedWaiter&) = delete;
  ScopedWaiter& operator=(const ScopedWaiter&) = delete;

 private:
  LocalBudget& budget_;
  const Waiter& me_;
};

bool LocalBudget::ClaimThroughGate(Bytes size, Tag tag, Refusal* why_not) {
  uint64_t granted = granted_.load();
  if (gate_ == nullptr) {
    if (Claim(size, tag, &granted)) return true;
    *why_not = DescribeAt(Bytes(granted), size, tag, "budget");
    return false;
  }
  // The budget's own answer first: a request that it refuses must not, even for
  // a moment, count against the machine.
  if (SaturatingSubtract(limit_, Bytes(granted)) < size) {
    *why_not = DescribeAt(Bytes(granted), size, tag, "budget");
    return false;
  }
  if (std::optional<Refusal> refusal = gate_->Admit(size)) {
    refusal->asked = size;
    refusal->tag = std::string(tag.name());
    refusal->holders =
        DescribeAt(Bytes(granted), size, tag, refusal->limited_by).holders;
    *why_not = *std::move(refusal);
    return false;
  }
  if (Claim(size, tag, &granted)) return true;
  gate_->Withdraw(size);
  *why_not = DescribeAt(Bytes(granted), size, tag, "budget");
  return false;
}

absl::StatusOr<Grant> LocalBudget::Acquire(Bytes size,
                                           const AcquireOptions& options) {
  if (!process_.is_current()) return ForkedChild();
  if (size.is_zero()) {
    return absl::InvalidArgumentError("a grant of 0 bytes was asked");
  }
  const Tag tag = options.tag ? *options.tag : Tag::Current();
  if (gate_ == nullptr) {
    uint64_t granted;
    if (Claim(size, tag, &granted)) return MakeGrant(this, size, tag);
  }
  return AcquireWhileShort(size, tag, options);
}

absl::StatusOr<Grant> LocalBudget::AcquireWhileShort(
    Bytes size, Tag tag, const AcquireOptions& options) {
  using Kind = ReclaimerOptions::Kind;
  Refusal why_not;
  if (ClaimThroughGate(size, tag, &why_not)) return MakeGrant(this, size, tag);
  if (size > limit_) return RefusalStatus(why_not);

  const auto ask = [&](Kind kind) {
    const Bytes wanted = SaturatingSubtract(size, why_not.headroom);
    return !arbiter_.Ask(kind, wanted, options.deadline, clock_).is_zero();
  };
  // While caches give, there may be room.
  while (ask(Kind::kCache)) {
    if (ClaimThroughGate(size, tag, &why_not)) {
      return MakeGrant(this, size, tag);
    }
  }
  // Once more, for what came back while the caches were asked.
  if (ClaimThroughGate(size, tag, &why_not)) return MakeGrant(this, size, tag);

  if (clock_.Now() < options.deadline) {
    ask(Kind::kCallback);
    const Waiter me{size, options.priority.value_or(0)};
    const ScopedWaiter waiting(*this, me);
    // Caches once more, now that they see that somebody waits: what went into
    // one since is found here, and nothing goes in from here on. All of it is
    // asked for: others may have taken what was free a moment ago.
    arbiter_.Ask(Kind::kCache, size, options.deadline, clock_);
    if (WaitForRoom(me, tag, options.deadline, &why_not)) {
      return MakeGrant(this, size, tag);
    }
  }
  return RefusalStatus(why_not);
}

bool LocalBudget::WaitForRoom(const Waiter& me, Tag tag, absl::Time deadline,
                              Refusal* why_not) {
  MutexLock lock(wait_mutex_);
  bool in_time = true;
  while (true) {
    // A grant that another thread drops from here on is either seen by this
    // claim or followed by a notification. The last look is for itself alone:
    // whoever was to go first has had the time.
    if ((!in_time || !AHigherWaiterFits(me)) &&
        ClaimThroughGate(me.size, tag, why_not)) {
      return true;
    }
    if (!in_time) return false;
    in_time = clock_.WaitUntil(returned_, wait_mutex_, deadline);
  }
}

bool LocalBudget::AHigherWaiterFits(const Waiter& me) const {
  const Bytes room = SaturatingSubtract(limit_, granted());
  return std::any_of(waiters_.begin(), waiters_.end(), [&](const Waiter* w) {
    return w->priority > me.priority && w->size <= room;
  });
}

Grant LocalBudget::TryAcquire(Bytes size, Tag tag) {
  Refusal why_not;
  if (!process_.is_current() || size.is_zero()) return Grant();
  uint64_t granted;
  const bool claimed = gate_ == nullptr ? Claim(size, tag, &granted)
                                        : ClaimThroughGate(size, tag, &why_not);
  return claimed ? MakeGrant(this, size, tag) : Grant();
}

Grant LocalBudget::Charge(Bytes size, Tag tag) {
  if (!process_.is_current() || size.is_zero()) return Grant();
  // More than any machine has would wrap the word.
  size = std::min(size, kMaxCharge);
  const uint64_t before = granted_.fetch_add(size.count());
  Count(before + size.count(), size, tag);
  return MakeGrant(this, size, tag);
}

void LocalBudget::Return(Bytes size, Tag tag) {
  if (!process_.is_current()) return;
  granted_by_tag_[tag.index()].fetch_sub(size.count(),
                                         std::memory_order_relaxed);
  granted_.fetch_sub(size.count());
  if (num_waiters_.load() == 0) return;
  MutexLock lock(wait_mutex_);
  returned_.NotifyAll();
}

void LocalBudget::Move(Bytes size, Tag from, Tag to) {
  if (!process_.is_current()) return;
  granted_by_tag_[to.index()].fetch_add(size.count(),
                                        std::memory_order_release);
  granted_by_tag_[from.index()].fetch_sub(size.count(),
                                          std::memory_order_relaxed);
}

std::unique_ptr<Budget::Registration> LocalBudget::Register(
    Reclaimer& reclaimer, const ReclaimerOptions& options) {
  return arbiter_.Register(reclaimer, options);
}

Refusal LocalBudget::Describe(Bytes size, Tag tag,
                              absl::string_view limited_by) const {
  return DescribeAt(granted(), size, tag, limited_by);
}

Refusal LocalBudget::DescribeAt(Bytes granted, Bytes size, Tag tag,
                                absl::string_view limited_by) const {
  Refusal refusal{.asked = size,
                  .granted = granted,
                  .limit = limit_,
                  .headroom = SaturatingSubtract(limit_, granted),
                  .limited_by = std::string(limited_by),
                  .tag = std::string(tag.name()),
                  .holders = {}};
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
