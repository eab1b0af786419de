#include "governor/budget/arbiter.h"

#include <algorithm>
#include <optional>

namespace governor {
namespace {

// Set while this thread is inside a reclaimer.
thread_local bool inside_a_reclaimer = false;

}  // namespace

struct Arbiter::Member {
  Reclaimer* reclaimer;
  ReclaimerOptions options;
  int threads_inside = 0;  // guarded by the arbiter's mutex_
  bool ended = false;      // guarded by the arbiter's mutex_
};

// A thread inside a member's reclaimer: the end of a registration waits for it.
// It leaves by an exception, too.
class Arbiter::Inside {
 public:
  // `mutex_` is held; the member has not ended.
  Inside(Arbiter& arbiter, Member& member)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(arbiter.mutex_)
      : arbiter_(arbiter), member_(member) {
    ++member_.threads_inside;
    inside_a_reclaimer = true;
  }
  ~Inside() {
    inside_a_reclaimer = false;
    // In a forked child the lock may be held by a thread that is not there.
    if (!arbiter_.process_.is_current()) return;
    MutexLock lock(arbiter_.mutex_);
    --member_.threads_inside;
    arbiter_.left_.NotifyAll();
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  Arbiter& arbiter_;
  Member& member_;
};

class Arbiter::MemberRegistration final : public Budget::Registration {
 public:
  MemberRegistration(Arbiter* arbiter, std::shared_ptr<Member> member)
      : arbiter_(arbiter), member_(std::move(member)) {}

  ~MemberRegistration() override {
    if (!arbiter_->process_.is_current()) return;
    MutexLock lock(arbiter_->mutex_);
    member_->ended = true;
    auto& members = arbiter_->members_;
    const auto found = std::find(members.begin(), members.end(), member_);
    if (found != members.end()) members.erase(found);  // else never became one
    while (member_->threads_inside > 0) arbiter_->left_.Wait(arbiter_->mutex_);
  }

 private:
  Arbiter* arbiter_;
  std::shared_ptr<Member> member_;
};

std::unique_ptr<Budget::Registration> Arbiter::Register(
    Reclaimer& reclaimer, const ReclaimerOptions& options) {
  auto member = std::make_shared<Member>();
  member->reclaimer = &reclaimer;
  member->options = options;
  auto registration = std::make_unique<MemberRegistration>(this, member);
  MutexLock lock(mutex_);
  const auto after =
      std::upper_bound(members_.begin(), members_.end(), options.priority,
                       [](int priority, const std::shared_ptr<Member>& other) {
                         return priority < other->options.priority;
                       });
  members_.insert(after, std::move(member));
  return registration;
}

Bytes Arbiter::Ask(ReclaimerOptions::Kind kind, Bytes wanted,
                   absl::Time deadline, const Clock& clock) {
  if (inside_a_reclaimer) return Bytes();
  std::vector<std::shared_ptr<Member>> asked;
  {
    MutexLock lock(mutex_);
    for (const auto& member : members_) {
      if (member->options.kind == kind) asked.push_back(member);
    }
  }
  Bytes given;
  for (const auto& member : asked) {
    if (given >= wanted) break;
    if (kind != ReclaimerOptions::Kind::kCache && clock.Now() >= deadline) {
      break;
    }
    std::optional<Inside> inside;
    {
      MutexLock lock(mutex_);
      if (member->ended) continue;
      inside.emplace(*this, *member);
    }
    given += std::min(member->reclaimer->Reclaim(wanted - given, deadline),
                      wanted - given);
  }
  return given;
}

}  // namespace governor
