#ifndef GOVERNOR_BUDGET_MISBEHAVING_RECLAIMER_H_
#define GOVERNOR_BUDGET_MISBEHAVING_RECLAIMER_H_

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "governor/base/bytes.h"
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

// What reclaimers and their tests reach: a budget, or a governor with one.
struct MisbehavingGround {
  std::function<absl::StatusOr<Grant>(Bytes, const AcquireOptions&)> acquire;
  std::function<std::unique_ptr<Budget::Registration>(Reclaimer&,
                                                      const ReclaimerOptions&)>
      enrol;
  // Everything that would begin a round inside a round. It does nothing.
  std::function<void(Bytes wanted, absl::Time deadline)> begin_a_round;
  std::function<Bytes()> granted;
  Bytes limit;
};

// 100 units on some ground, all of them held: 60 by a reclaimer that
// misbehaves, which is asked first, and 40 by an honest one.
class MisbehavingReclaimers {
 public:
  static constexpr int kExitCode = 7;

  // `options`: of all reclaimers, but for the priority.
  MisbehavingReclaimers(Misbehaviour misbehaviour,
                        const ReclaimerOptions& options, Bytes unit,
                        MisbehavingGround ground);

  // In the child that the reclaimer forked: ends it, in time and with success
  // if `held` is true, so that the parent learns it.
  void EndIfChild(bool held);

  // Ends the registrations, and checks what holds whatever the reclaimer did:
  // when all was dropped nothing is granted, and all of it is granted again.
  void CheckAllIsThere();

  Clock& clock() { return clock_; }
  Bytes Units(uint64_t n) const { return unit_ * n; }
  // A deadline: near where the reclaimer blocks until then, else never reached.
  absl::Time Soon() const;
  int calls() const { return calls_; }
  // Of these, how many are over, by an exception or not.
  int calls_over() const { return calls_over_; }
  // What the two hold now; not while one of them may be asked.
  Bytes held() const { return own_.size() + others_.size(); }
  // Told by a test whose request is on a thread that the reclaimer does not
  // run on: then one that blocks does so until the request has returned.
  void RequestIsElsewhere() { elsewhere_ = true; }
  void RequestReturned() { request_returned_ = true; }
  void EndRegistrations();
  // From now on exit() does that, as the destructor of a static object would.
  void EndRegistrationsAtExit();

 private:
  class Misbehaving final : public Reclaimer {
   public:
    explicit Misbehaving(MisbehavingReclaimers& all) : all_(all) {}
    Bytes Reclaim(Bytes wanted, absl::Time deadline) override {
      return all_.Misbehave(wanted, deadline);
    }

   private:
    MisbehavingReclaimers& all_;
  };
  class Honest final : public Reclaimer {
   public:
    explicit Honest(MisbehavingReclaimers& all) : all_(all) {}
    Bytes Reclaim(Bytes wanted, absl::Time deadline) override;

   private:
    MisbehavingReclaimers& all_;
  };

  std::unique_ptr<Budget::Registration> Enrol(Reclaimer& reclaimer,
                                              int priority);
  Bytes Misbehave(Bytes wanted, absl::Time deadline);
  void Reenter();
  void Fork();

  const Misbehaviour misbehaviour_;
  const ReclaimerOptions options_;
  const Bytes unit_;
  const MisbehavingGround ground_;
  const pid_t process_;
  RealClock clock_;
  Grant own_, others_;
  Misbehaving misbehaving_{*this};
  Honest honest_{*this}, third_{*this};
  std::unique_ptr<Budget::Registration> misbehaving_registration_;
  std::unique_ptr<Budget::Registration> honest_registration_;
  std::unique_ptr<Budget::Registration> third_registration_;
  std::atomic<int> calls_{0};
  std::atomic<int> calls_over_{0};
  bool elsewhere_ = false;
  std::atomic<bool> request_returned_{false};
};

// Runs `run`, in which a reclaimer exits, in a process of its own, and checks
// that it did in time.
void ExpectExit(const std::function<void()>& run);

// The same on a budget of 100 units.
class MisbehavingWorld : public MisbehavingReclaimers {
 public:
  MisbehavingWorld(Misbehaviour misbehaviour, ReclaimerOptions::Kind kind,
                   Bytes unit = Bytes(1))
      : MisbehavingWorld(misbehaviour, {.kind = kind}, unit) {}
  MisbehavingWorld(Misbehaviour misbehaviour, const ReclaimerOptions& options,
                   Bytes unit = Bytes(1));

  // As CheckAllIsThere, and: the sum was never above the limit, nobody waits,
  // no shrink is under way.
  void CheckUnharmed();

  LocalBudget& budget() { return *budget_; }
  const std::shared_ptr<LocalBudget>& shared_budget() { return budget_; }

 private:
  MisbehavingWorld(Misbehaviour misbehaviour, const ReclaimerOptions& options,
                   Bytes unit, const std::shared_ptr<LocalBudget>& budget);

  const std::shared_ptr<LocalBudget> budget_;
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_MISBEHAVING_RECLAIMER_H_
