#include "governor/budget/misbehaving_reclaimer.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

std::shared_ptr<LocalBudget> MakeBudget(Bytes limit) {
  static RealClock clock;
  return LocalBudget::Create({.limit = limit, .clock = &clock}).value();
}

}  // namespace

std::string NameOf(Misbehaviour misbehaviour) {
  constexpr const char* kNames[kNumMisbehaviours] = {"Overstates",
                                                     "Understates",
                                                     "ThrowsException",
                                                     "ThrowsInt",
                                                     "Blocks",
                                                     "AsksItself",
                                                     "RegistersAndEndsOthers",
                                                     "EndsItself",
                                                     "ShrinksAndServes",
                                                     "DropsAnothersGrant",
                                                     "Forks",
                                                     "Exits"};
  return kNames[static_cast<int>(misbehaviour)];
}

MisbehavingReclaimers::MisbehavingReclaimers(Misbehaviour misbehaviour,
                                             const ReclaimerOptions& options,
                                             Bytes unit,
                                             MisbehavingGround ground)
    : misbehaviour_(misbehaviour),
      options_(options),
      unit_(unit),
      ground_(std::move(ground)),
      process_(getpid()) {
  own_ = ground_.acquire(Units(60), {}).value();
  others_ = ground_.acquire(Units(40), {}).value();
  misbehaving_registration_ = Enrol(misbehaving_, 0);
  honest_registration_ = Enrol(honest_, 1);
  third_registration_ = Enrol(third_, 2);
}

std::unique_ptr<Budget::Registration> MisbehavingReclaimers::Enrol(
    Reclaimer& reclaimer, int priority) {
  ReclaimerOptions options = options_;
  options.priority = priority;
  return ground_.enrol(reclaimer, options);
}

absl::Time MisbehavingReclaimers::Soon() const {
  return clock_.Now() + (misbehaviour_ == Misbehaviour::kBlocks
                             ? absl::Milliseconds(50)
                             : absl::Minutes(1));
}

void MisbehavingReclaimers::EndIfChild(bool held) {
  if (getpid() != process_) _exit(held ? 0 : 1);
}

void MisbehavingReclaimers::EndRegistrations() {
  misbehaving_registration_.reset();
  honest_registration_.reset();
  third_registration_.reset();
}

void MisbehavingReclaimers::CheckAllIsThere() {
  // First: nobody is asked any more.
  EndRegistrations();
  own_.Release();
  others_.Release();
  EXPECT_EQ(ground_.granted(), Bytes());
  const absl::StatusOr<Grant> all = ground_.acquire(Units(100), {});
  EXPECT_TRUE(all.ok()) << all.status();
}

void MisbehavingReclaimers::EndRegistrationsAtExit() {
  static MisbehavingReclaimers* exiting = nullptr;
  exiting = this;
  std::atexit([] { exiting->EndRegistrations(); });
}

void ExpectExit(const std::function<void()>& run) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(30);
    run();
    _exit(1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), MisbehavingReclaimers::kExitCode);
}

Bytes MisbehavingReclaimers::Honest::Reclaim(Bytes wanted, absl::Time) {
  const Bytes given = std::min(wanted, all_.others_.size());
  all_.others_.Split(given).Release();
  return given;
}

void MisbehavingReclaimers::Fork() {
  const pid_t child = fork();
  if (child == 0) {
    // A hang is a failure, also on a thread that takes no signal.
    sigset_t alarms;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarms, nullptr);
    alarm(30);
    return;
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

void MisbehavingReclaimers::Reenter() {
  // Later there may be room.
  if (ground_.granted() < ground_.limit) return;
  // Nothing of its own is asked for what it asks, and it gets nothing.
  const int before = calls_;
  EXPECT_FALSE(ground_.acquire(Units(1), {}).ok());
  EXPECT_FALSE(ground_
                   .acquire(Units(30),
                            {.deadline = clock_.Now() + absl::Milliseconds(1)})
                   .ok());
  EXPECT_EQ(calls_, before);
}

Bytes MisbehavingReclaimers::Misbehave(Bytes wanted, absl::Time deadline) {
  ++calls_;
  const absl::Cleanup over = [this] { ++calls_over_; };
  EXPECT_LE(ground_.granted(), ground_.limit);
  switch (misbehaviour_) {
    case Misbehaviour::kOverstates:
      return Bytes(~uint64_t{0});
    case Misbehaviour::kUnderstates:
      own_.Release();
      return Bytes();
    case Misbehaviour::kThrowsException:
      throw std::runtime_error("a user's");
    case Misbehaviour::kThrowsInt:
      throw 7;
    case Misbehaviour::kBlocks:
      while (elsewhere_ ? !request_returned_ : clock_.Now() <= deadline) {
        std::this_thread::yield();
      }
      return Bytes();
    case Misbehaviour::kAsksItself:
      Reenter();
      return Bytes();
    case Misbehaviour::kRegistersAndEndsOthers:
      third_registration_.reset();
      third_registration_ = Enrol(third_, 2);
      return Bytes();
    case Misbehaviour::kEndsItself:
      misbehaving_registration_.reset();
      return Bytes();
    case Misbehaviour::kShrinksAndServes:
      ground_.begin_a_round(wanted, deadline);
      return Bytes();
    case Misbehaviour::kDropsAnothersGrant:
      others_.Release();
      return Bytes();
    case Misbehaviour::kForks:
      Fork();
      return Bytes();
    case Misbehaviour::kExits:
      std::exit(kExitCode);
  }
  return Bytes();
}

MisbehavingWorld::MisbehavingWorld(Misbehaviour misbehaviour,
                                   const ReclaimerOptions& options, Bytes unit)
    : MisbehavingWorld(misbehaviour, options, unit, MakeBudget(unit * 100)) {}

MisbehavingWorld::MisbehavingWorld(Misbehaviour misbehaviour,
                                   const ReclaimerOptions& options, Bytes unit,
                                   const std::shared_ptr<LocalBudget>& budget)
    : MisbehavingReclaimers(
          misbehaviour, options, unit,
          {.acquire =
               [budget](Bytes size, const AcquireOptions& how) {
                 return budget->Acquire(size, how);
               },
           .enrol =
               [budget](Reclaimer& reclaimer, const ReclaimerOptions& how) {
                 return budget->Register(reclaimer, how);
               },
           .begin_a_round =
               [budget](Bytes wanted, absl::Time deadline) {
                 EXPECT_EQ(budget->Shrink(wanted, deadline), Bytes());
                 budget->ServeRequests();
               },
           .granted = [budget] { return budget->granted(); },
           .limit = budget->limit()}),
      budget_(budget) {}

void MisbehavingWorld::CheckUnharmed() {
  EXPECT_LE(budget_->peak(), budget_->limit());
  EXPECT_EQ(budget_->num_waiters(), 0);
  EXPECT_FALSE(budget_->announced());
  CheckAllIsThere();
}

}  // namespace governor
