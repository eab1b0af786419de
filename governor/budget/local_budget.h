#ifndef GOVERNOR_BUDGET_LOCAL_BUDGET_H_
#define GOVERNOR_BUDGET_LOCAL_BUDGET_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "governor/base/bytes.h"
#include "governor/base/clock.h"
#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"
#include "governor/budget/announcements.h"
#include "governor/budget/arbiter.h"
#include "governor/budget/budget.h"
#include "governor/budget/gate.h"
#include "governor/budget/service_bell.h"

namespace governor {

struct LocalBudgetOptions {
  Bytes limit;
  // Not owned, and outlive the budget. No gate: only the limit refuses.
  Clock* clock = nullptr;
  Gate* gate = nullptr;
  // What a refusal by the limit is said to be by: where the limit comes from.
  std::string limited_by = "budget";
  // Told of each refusal that a request ends with, with no lock held, on the
  // thread that is refused. Null: nobody.
  std::function<void(const Refusal&)> on_refusal = nullptr;
  // Called when a grant was dropped, or settled: granted() has it. By any
  // thread, with no lock of the budget held; needs no memory. Null: nobody.
  std::function<void()> on_change = nullptr;
};

// A Budget inside one process: one word, changed by compare-and-exchange, so
// that the sum never passes the limit, not for a moment, and a request is
// refused only at an instant when it did not fit. Granting and dropping take no
// lock and make no system call unless somebody waits or is asked to give back,
// but for what on_change does.
//
// With a gate, granting takes a lock over the gate's answer and the word, so
// that what one request has for a moment and must give up is in no other's way.
// A refusal by the gate can end without a grant being dropped: whoever waits
// asks it again every kGateSlice.
//
// Not re-entered by its gate. Where a thread serves requests (RegisterServer),
// that thread has nobody who serves it: it does not wait for room itself.
class LocalBudget final : public Budget {
 public:
  static constexpr absl::Duration kGateSlice = absl::Milliseconds(20);

  // INVALID_ARGUMENT: a limit of zero, or of 2^63 bytes and more; no clock.
  static absl::StatusOr<std::unique_ptr<LocalBudget>> Create(
      const LocalBudgetOptions& options);

  absl::StatusOr<Grant> Acquire(Bytes size,
                                const AcquireOptions& options) override;
  Grant TryAcquire(Bytes size, Tag tag) override;
  Grant Charge(Bytes size, Tag tag) override;
  Refusal Describe(Bytes size, Tag tag,
                   absl::string_view limited_by) const override;
  void NoteRefusal(const Refusal& refusal) const override {
    if (on_refusal_ != nullptr) on_refusal_(refusal);
  }
  std::unique_ptr<Registration> Register(
      Reclaimer& reclaimer, const ReclaimerOptions& options) override;
  std::unique_ptr<Registration> RegisterServer(
      std::function<void()> wake) override;
  void ServeRequests() override;
  Bytes Shrink(
      Bytes wanted, absl::Time deadline,
      ReclaimerOptions::Cost most = ReclaimerOptions::Cost::kDear) override;
  std::optional<Announcement> announced() const override;
  absl::Status PrepareStep(Bytes step, const AcquireOptions& options) override;
  bool has_gate() const override { return gate_ != nullptr; }
  ReclaimFaults reclaim_faults() const override { return arbiter_.faults(); }
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
  // A refusal that was noted, as a status.
  absl::Status Refuse(const Refusal& refusal) const {
    NoteRefusal(refusal);
    return RefusalStatus(refusal);
  }

  struct Waiter {
    Bytes size;
    int priority;
    absl::Time deadline;
    // It runs the program's own code, for who knows how long: nobody steps back
    // for it meanwhile.
    mutable std::atomic<bool> is_away = false;
  };
  class ScopedWaiter;

  // Why a request got nothing at one instant, in what is at hand then.
  struct Denial {
    Bytes granted = Bytes();
    // Present when it was the gate, not the limit.
    std::optional<Refusal> gates = std::nullopt;
  };

  // While one lives, what is dropped is counted in returned_bytes_.
  class Watch {
   public:
    explicit Watch(LocalBudget& budget) : budget_(budget) {
      budget_.num_watches_.fetch_add(1);
    }
    ~Watch() { budget_.num_watches_.fetch_sub(1); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    LocalBudget& budget_;
  };

  explicit LocalBudget(const LocalBudgetOptions& options)
      : limit_(options.limit),
        clock_(*options.clock),
        gate_(options.gate),
        limited_by_(options.limited_by),
        on_refusal_(options.on_refusal),
        on_change_(options.on_change) {}

  static absl::Status ForkedChild();
  static absl::Status Interrupted(Bytes asked);

  void Return(Bytes size, Tag tag, bool settled) override;
  void Settle(Bytes size) override;
  void Move(Bytes size, Tag from, Tag to) override;

  // Adds `size` to the word if the sum stays within the limit. Otherwise
  // leaves in `*granted` the value that did not leave room.
  bool Claim(Bytes size, Tag tag, uint64_t* granted);
  // Claim, with the gate's consent where there is a gate.
  bool Take(Bytes size, Tag tag, Denial* denial);
  bool TakeThroughGate(Bytes size, Tag tag, Denial* denial)
      ABSL_LOCKS_EXCLUDED(gate_mutex_);
  void Count(uint64_t granted_now, Bytes size, Tag tag);

  absl::StatusOr<Grant> AcquireWhileShort(Bytes size, Tag tag,
                                          const AcquireOptions& options,
                                          Denial& denial);
  // The grant of `me`, which is among the waiters; an empty one once the
  // deadline passed. CANCELLED, FAILED_PRECONDITION: as Acquire.
  absl::StatusOr<Grant> WaitForRoom(const Waiter& me, Tag tag,
                                    const ShouldStop& should_stop,
                                    Denial& denial);
  // What `should_stop` says.
  bool StopsWhileAway(const Waiter& me, const ShouldStop& should_stop);
  // Asks the gate again and again for a step that it refused, with callbacks
  // asked, until the deadline; *denial is the last. OK: it may be taken.
  absl::Status WaitForStep(Bytes step, const AcquireOptions& options,
                           Denial* denial);
  // True when `me` was claimed by `until`, its deadline or sooner.
  bool ClaimUntil(absl::Time until, const Waiter& me, Tag tag, Denial& denial);
  bool AHigherWaiterFits(const Waiter& me) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(wait_mutex_);
  // Asks caches again and again, as long as they give.
  void AskCaches(Arbiter::Round round);
  Arbiter::Round MakeRound(absl::Time deadline,
                           std::function<Bytes()> lacking) const;

  // What is free of the limit, and of that what the machine can spare.
  Bytes RoomAt(Bytes granted) const {
    return SaturatingSubtract(limit_, granted);
  }
  Bytes Headroom() const;
  // How much more must come back before `size` fits; never zero.
  Bytes Shortage(Bytes size, const Denial& denial) const;
  Refusal DescribeAt(Bytes granted, Bytes size, Tag tag,
                     absl::string_view limited_by) const;
  Refusal DescribeDenial(Bytes size, Tag tag, const Denial& denial) const;

  // A word that every grant changes has no neighbour in its cache line.
  static constexpr size_t kCacheLine = 64;

  const Bytes limit_;
  Clock& clock_;
  Gate* const gate_;
  const std::string limited_by_;
  const std::function<void(const Refusal&)> on_refusal_;
  const std::function<void()> on_change_;
  const ProcessEpoch process_;
  Arbiter arbiter_;
  ServiceBell bell_;
  Announcements announcements_;

  alignas(kCacheLine) std::atomic<uint64_t> granted_{0};
  alignas(kCacheLine) std::atomic<uint64_t> peak_{0};
  // Sums of the same bytes for people: never used to decide.
  std::array<std::atomic<uint64_t>, Tag::kMaxTags> granted_by_tag_{};

  // Held over the gate's answer and the claim that follows. After wait_mutex_.
  Mutex gate_mutex_;

  // How many want what is dropped to be counted, waiters among them; read
  // without a lock by whoever returns.
  alignas(kCacheLine) std::atomic<int> num_watches_{0};
  std::atomic<uint64_t> returned_bytes_{0};
  // How many entries waiters_ has; read in the same way.
  std::atomic<int> num_waiters_{0};
  mutable Mutex wait_mutex_;
  CondVar room_;
  std::vector<const Waiter*> waiters_ ABSL_GUARDED_BY(wait_mutex_);
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_LOCAL_BUDGET_H_
