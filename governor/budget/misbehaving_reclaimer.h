#ifndef GOVERNOR_BUDGET_MISBEHAVING_RECLAIMER_H_
#define GOVERNOR_BUDGET_MISBEHAVING_RECLAIMER_H_

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <string>

#include "governor/base/clock.h"
#include "governor/budget/local_budget.h"

namespace governor {

enum class Misbehaviour {
  kOverstates,
  kUnderstates,
  kThrowsException,
  kThrowsInt,
  kBlocks,
  kAsksItself,
  kRegistersAndEndsOthers,
  kEndsItself,
  kShrinksAndServes,
  kDropsAnothersGrant,
  kForks,
  kExits,
};
constexpr int kNumMisbehaviours = 12;
std::string NameOf(Misbehaviour misbehaviour);

// A budget of 100 units that is full: 60 are held by a reclaimer that
// misbehaves, which is asked first, and 40 by an honest one.
class MisbehavingWorld {
 public:
  static constexpr int kExitCode = 7;

  MisbehavingWorld(Misbehaviour misbehaviour, ReclaimerOptions::Kind kind,
                   Bytes unit = Bytes(1));
  // In the child that the reclaimer forked: ends it, in time and with success
  // if `held` is true, so that the parent learns it.
  void EndIfChild(bool held);

  // Checks what holds whatever the reclaimer did: the sum was never above the
  // limit, nobody waits, no shrink is under way, and when all was dropped the
  // budget grants all of it again.
  void CheckUnharmed();

  LocalBudget& budget() { return *budget_; }
  const std::shared_ptr<LocalBudget>& shared_budget() { return budget_; }
  Clock& clock() { return clock_; }
  Bytes Units(uint64_t n) const { return unit_ * n; }
  absl::Time Soon() { return clock_.Now() + absl::Milliseconds(50); }
  int calls() const { return calls_; }
  // Told by a test whose request is on a thread that the reclaimer does not
  // run on: then one that blocks does so until the request has returned.
  void RequestIsElsewhere() { elsewhere_ = true; }
  void RequestReturned() { request_returned_ = true; }
  // Ends both registrations, as a destructor of a static object would.
  void EndRegistrations();

 private:
  class Misbehaving final : public Reclaimer {
   public:
    explicit Misbehaving(MisbehavingWorld& world) : world_(world) {}
    Bytes Reclaim(Bytes wanted, absl::Time deadline) override {
      return world_.Misbehave(wanted, deadline);
    }

   private:
    MisbehavingWorld& world_;
  };
  class Honest final : public Reclaimer {
   public:
    explicit Honest(MisbehavingWorld& world) : world_(world) {}
    Bytes Reclaim(Bytes wanted, absl::Time deadline) override;

   private:
    MisbehavingWorld& world_;
  };

  Bytes Misbehave(Bytes wanted, absl::Time deadline);
  void Reenter();
  void Fork();

  const Misbehaviour misbehaviour_;
  const ReclaimerOptions::Kind kind_;
  const Bytes unit_;
  const pid_t process_;
  RealClock clock_;
  std::shared_ptr<LocalBudget> budget_;
  Grant own_, others_;
  Misbehaving misbehaving_{*this};
  Honest honest_{*this}, third_{*this};
  std::unique_ptr<Budget::Registration> misbehaving_registration_;
  std::unique_ptr<Budget::Registration> honest_registration_;
  std::unique_ptr<Budget::Registration> third_registration_;
  std::atomic<int> calls_{0};
  bool elsewhere_ = false;
  std::atomic<bool> request_returned_{false};
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_MISBEHAVING_RECLAIMER_H_
