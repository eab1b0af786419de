#ifndef GOVERNOR_BUDGET_LOCAL_BUDGET_H_
#define GOVERNOR_BUDGET_LOCAL_BUDGET_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "governor/base/bytes.h"
#include "governor/base/clock.h"
#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"
#include "governor/budget/arbiter.h"
#include "governor/budget/budget.h"
#include "governor/budget/gate.h"

namespace governor {

struct LocalBudgetOptions {
  Bytes limit;
  // Not owned, and outlive the budget. No gate: only the limit refuses.
  Clock* clock = nullptr;
  Gate* gate = nullptr;
};

// A Budget inside one process: one word, changed by compare-and-exchange, so
// that the sum never passes the limit, not for a moment, and a request is
// refused only at an instant when it did not fit. Granting and dropping take no
// lock and make no system call unless somebody waits.
class LocalBudget final : public Budget {
 public:
  // INVALID_ARGUMENT: a limit of zero, or of 2^63 bytes and more; no clock.
  static absl::StatusOr<std::unique_ptr<LocalBudget>> Create(
      const LocalBudgetOptions& options);

  absl::StatusOr<Grant> Acquire(Bytes size,
                                const AcquireOptions& options) override;
  Grant TryAcquire(Bytes size, Tag tag) override;
  Grant Charge(Bytes size, Tag tag) override;
  Refusal Describe(Bytes size, Tag tag,
                   absl::string_view limited_by) const override;
  std::unique_ptr<Registration> Register(
      Reclaimer& reclaimer, const ReclaimerOptions& options) override;
  Bytes limit() const override { return limit_; }
  Bytes granted() const override { return Bytes(granted_.load()); }
  Bytes granted(Tag tag) const override {
    return Bytes(granted_by_tag_[tag.index()].load(std::memory_order_relaxed));
  }
  Bytes peak() const override {
    return Bytes(peak_.load(std::memory_order_relaxed));
  }
  bool has_waiters() const override { return num_waiters_.load() > 0; }
  // How many requests wait now.
  int num_waiters() const { return num_waiters_.load(); }

 private:
  struct Waiter {
    Bytes size;
    int priority;
  };
  class ScopedWaiter;

  explicit LocalBudget(const LocalBudgetOptions& options)
      : limit_(options.limit), clock_(*options.clock), gate_(options.gate) {}

  void Return(Bytes size, Tag tag) override;
  void Move(Bytes size, Tag from, Tag to) override;

  // Adds `size` to the word if the sum stays within the limit. Otherwise
  // leaves in `*granted` the value that did not leave room.
  bool Claim(Bytes size, Tag tag, uint64_t* granted);
  // Claim, with the gate's consent where there is a gate.
  bool ClaimThroughGate(Bytes size, Tag tag, Refusal* why_not);
  void Count(uint64_t granted_now, Bytes size, Tag tag);
  absl::StatusOr<Grant> AcquireWhileShort(Bytes size, Tag tag,
                                          const AcquireOptions& options);
  // True when `me`, which is among the waiters, was claimed by the deadline.
  bool WaitForRoom(const Waiter& me, Tag tag, absl::Time deadline,
                   Refusal* why_not);
  bool AHigherWaiterFits(const Waiter& me) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(wait_mutex_);
  Refusal DescribeAt(Bytes granted, Bytes size, Tag tag,
                     absl::string_view limited_by) const;

  const Bytes limit_;
  Clock& clock_;
  Gate* const gate_;
  const ProcessEpoch process_;
  Arbiter arbiter_;

  std::atomic<uint64_t> granted_{0};
  std::atomic<uint64_t> peak_{0};
  // Sums of the same bytes for people: never used to decide.
  std::array<std::atomic<uint64_t>, Tag::kMaxTags> granted_by_tag_{};

  // How many entries waiters_ has; read without the lock by whoever returns.
  std::atomic<int> num_waiters_{0};
  Mutex wait_mutex_;
  CondVar returned_;
  std::vector<const Waiter*> waiters_ ABSL_GUARDED_BY(wait_mutex_);
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_LOCAL_BUDGET_H_
