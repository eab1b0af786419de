#include "governor/budget/arbiter.h"

#include <cxxabi.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace governor {

struct Arbiter::Member {
  Member(const Arbiter* arbiter, Reclaimer& reclaimer,
         const ReclaimerOptions& options)
      : reclaimer(&reclaimer), options(options), entrance(arbiter) {}

  bool ComesBefore(const Member& other) const {
    return std::tie(options.cost, options.priority) <
           std::tie(other.options.cost, other.options.priority);
  }

  Reclaimer* const reclaimer;
  const ReclaimerOptions options;
  Entrance entrance;
};

class Arbiter::MemberRegistration final : public Budget::Registration {
 public:
  MemberRegistration(Arbiter* arbiter, std::shared_ptr<Member> member)
      : arbiter_(arbiter), member_(std::move(member)) {}

  ~MemberRegistration() override { End(nullptr); }

  bool End(const ShouldStop& should_stop) override {
    if (!arbiter_->process_.is_current()) return true;
    {
      MutexLock lock(arbiter_->mutex_);
      auto& members = arbiter_->members_;
      const auto found = std::find(members.begin(), members.end(), member_);
      if (found != members.end()) members.erase(found);  // else is none now
    }
    return member_->entrance.Close(should_stop);
  }

 private:
  Arbiter* arbiter_;
  std::shared_ptr<Member> member_;
};

std::unique_ptr<Budget::Registration> Arbiter::Register(
    Reclaimer& reclaimer, const ReclaimerOptions& options) {
  auto member = std::make_shared<Member>(this, reclaimer, options);
  auto registration = std::make_unique<MemberRegistration>(this, member);
  MutexLock lock(mutex_);
  const auto after = std::upper_bound(
      members_.begin(), members_.end(), member,
      [](const auto& a, const auto& b) { return a->ComesBefore(*b); });
  members_.insert(after, std::move(member));
  return registration;
}

bool Arbiter::Ask(const Round& round, const Clock& clock) {
  if (Entrance::ThisThreadIsInside(this)) return false;
  std::vector<std::shared_ptr<Member>> asked;
  {
    MutexLock lock(mutex_);
    for (const auto& member : members_) {
      const ReclaimerOptions& options = member->options;
      const bool is_too_dear =
          round.kind == ReclaimerOptions::Kind::kCallback &&
          options.cost > round.most;
      if (options.kind == round.kind && !is_too_dear) asked.push_back(member);
    }
  }
  bool any = false;
  for (const auto& member : asked) {
    const Bytes lacking = round.lacking();
    if (lacking.is_zero()) break;
    if (round.kind != ReclaimerOptions::Kind::kCache &&
        clock.Now() >= round.deadline) {
      break;
    }
    const Entrance::Visit visit(member->entrance);
    if (!visit.is_inside()) continue;
    any |= AskOne(round, *member->reclaimer, lacking, clock);
    if (!process_.is_current()) break;
  }
  return any;
}

bool Arbiter::AskOne(const Round& round, Reclaimer& reclaimer, Bytes wanted,
                     const Clock& clock) {
  const uint64_t before = round.returned();
  Bytes said;
  try {
    said = reclaimer.Reclaim(wanted, round.deadline);
  } catch (const abi::__forced_unwind&) {
    throw;  // the thread is ending; nobody may stop that
  } catch (...) {
    threw_.fetch_add(1, std::memory_order_relaxed);
    if (round.passes_exceptions) throw;
  }
  const uint64_t came_back = round.returned() - before;
  if (said.count() > came_back) {
    overstated_.fetch_add(1, std::memory_order_relaxed);
  }
  if (round.kind != ReclaimerOptions::Kind::kCache &&
      clock.Now() > round.deadline) {
    late_.fetch_add(1, std::memory_order_relaxed);
  }
  return !said.is_zero() || came_back > 0;
}

ReclaimFaults Arbiter::faults() const {
  return {.threw = threw_.load(std::memory_order_relaxed),
          .late = late_.load(std::memory_order_relaxed),
          .overstated = overstated_.load(std::memory_order_relaxed)};
}

}  // namespace governor
