// What a LocalBudget does to get bytes back.

#include <algorithm>
#include <utility>

#include "governor/budget/local_budget.h"

namespace governor {
namespace {

using Kind = ReclaimerOptions::Kind;

// So often in a row caches may say that they gave while nothing came back at
// all. Then one of them lies, and is not believed by this call any more.
constexpr int kVainRounds = 64;
// So often at all: one may take and return the same bytes for ever.
constexpr int kMaxRounds = 1024;

}  // namespace

std::unique_ptr<Budget::Registration> LocalBudget::Register(
    Reclaimer& reclaimer, const ReclaimerOptions& options) {
  return arbiter_.Register(reclaimer, options);
}

std::unique_ptr<Budget::Registration> LocalBudget::RegisterServer(
    std::function<void()> wake) {
  return bell_.Register(std::move(wake));
}

Bytes LocalBudget::Headroom() const {
  const Bytes room = RoomAt(granted());
  return gate_ == nullptr ? room : std::min(room, gate_->headroom());
}

Bytes LocalBudget::Shortage(Bytes size, const Denial& denial) const {
  Bytes room = RoomAt(denial.granted);
  if (denial.gates) room = std::min(room, denial.gates->headroom);
  // A gate may refuse for another reason than a number.
  return room < size ? size - room : size;
}

Arbiter::Round LocalBudget::MakeRound(absl::Time deadline,
                                      std::function<Bytes()> lacking) const {
  return {.kind = Kind::kCache,
          .deadline = deadline,
          .most = ReclaimerOptions::Cost::kDear,
          .lacking = std::move(lacking),
          .returned = [this] { return returned_bytes_.load(); }};
}

void LocalBudget::AskCaches(Arbiter::Round round) {
  round.kind = Kind::kCache;
  int vain = 0;
  for (int i = 0; i < kMaxRounds && vain < kVainRounds; ++i) {
    const uint64_t before = returned_bytes_.load();
    if (!arbiter_.Ask(round, clock_) || !process_.is_current()) return;
    vain = returned_bytes_.load() == before ? vain + 1 : 0;
  }
}

void LocalBudget::ServeRequests() {
  if (!process_.is_current()) return;
  const Watch watch(*this);
  // What all who wait lack, first of the limit and then of the gate.
  const auto wanted = [this] {
    Bytes sum;
    MutexLock lock(wait_mutex_);
    for (const Waiter* waiter : waiters_) {
      sum = CheckedAdd(sum, waiter->size).value_or(Bytes(~uint64_t{0}));
    }
    return sum;
  };
  const auto gate_lacks = [this](Bytes size) {
    return gate_ == nullptr ? Bytes()
                            : SaturatingSubtract(size, gate_->headroom());
  };
  absl::Time deadline = absl::InfinitePast();
  {
    MutexLock lock(wait_mutex_);
    for (const Waiter* waiter : waiters_) {
      deadline = std::max(deadline, waiter->deadline);
    }
  }
  const Bytes gate_lacked = gate_lacks(wanted());
  const uint64_t before = returned_bytes_.load();
  Arbiter::Round round = MakeRound(deadline, [&] {
    const Bytes size = wanted();
    // The gate's figure may be from before a callback gave back.
    const Bytes of_gate =
        std::min(gate_lacks(size),
                 SaturatingSubtract(gate_lacked,
                                    Bytes(returned_bytes_.load() - before)));
    return std::max(SaturatingSubtract(size, RoomAt(granted())), of_gate);
  });
  round.kind = Kind::kCallback;
  round.passes_exceptions = false;
  arbiter_.Ask(round, clock_);
}

Bytes LocalBudget::Shrink(Bytes wanted, absl::Time deadline,
                          ReclaimerOptions::Cost most) {
  if (!process_.is_current() || Entrance::ThisThreadIsInside(&arbiter_)) {
    return Bytes();
  }
  const Bytes before = granted();
  const Bytes target = SaturatingSubtract(before, wanted);
  const Announcements::Scope announced(announcements_, {target, deadline});
  const Watch watch(*this);
  Arbiter::Round caches = MakeRound(
      deadline, [&] { return SaturatingSubtract(granted(), target); });
  caches.passes_exceptions = false;
  Arbiter::Round callbacks = caches;
  callbacks.kind = Kind::kCallback;
  callbacks.most = most;
  // What a callback gives up may have gone into a cache.
  callbacks.lacking = [&] {
    AskCaches(caches);
    return process_.is_current() ? caches.lacking() : Bytes();
  };
  arbiter_.Ask(callbacks, clock_);
  if (!process_.is_current()) return Bytes();
  AskCaches(caches);
  return SaturatingSubtract(before, granted());
}

std::optional<Budget::Announcement> LocalBudget::announced() const {
  return announcements_.Strictest();
}

absl::Status LocalBudget::PrepareStep(Bytes step,
                                      const AcquireOptions& options) {
  if (gate_ == nullptr) return absl::OkStatus();
  if (!process_.is_current()) return ForkedChild();
  Denial denial = {.gates = gate_->PrepareStep(step, options.deadline)};
  if (!denial.gates) return absl::OkStatus();
  const Watch watch(*this);
  const uint64_t before = returned_bytes_.load();
  const Bytes short_of =
      denial.gates->headroom < step ? step - denial.gates->headroom : step;
  AskCaches(MakeRound(options.deadline, [&] {
    return SaturatingSubtract(short_of, Bytes(returned_bytes_.load() - before));
  }));
  if (!process_.is_current()) return ForkedChild();
  if (returned_bytes_.load() != before) {
    denial.gates = gate_->PrepareStep(step, options.deadline);
    if (!denial.gates) return absl::OkStatus();
  }
  if (clock_.Now() < options.deadline) {
    const absl::Status waited = WaitForStep(step, options, &denial);
    if (!denial.gates || !waited.ok()) return waited;
  }
  denial.granted = granted();
  Refusal refusal =
      DescribeDenial(step, options.tag ? *options.tag : Tag::Current(), denial);
  // The step has its grant: it is not the limit's room that it lacks.
  refusal.headroom = denial.gates->headroom;
  return Refuse(refusal);
}

}  // namespace governor
