#include "governor/budget/misbehaving_reclaimer.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "gtest/gtest.h"

namespace governor {

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

MisbehavingWorld::MisbehavingWorld(Misbehaviour misbehaviour,
                                   ReclaimerOptions::Kind kind, Bytes unit)
    : misbehaviour_(misbehaviour),
      kind_(kind),
      unit_(unit),
      process_(getpid()) {
  budget_ =
      LocalBudget::Create({.limit = Units(100), .clock = &clock_}).value();
  own_ = budget_->TryAcquire(Units(60), Tag());
  others_ = budget_->TryAcquire(Units(40), Tag());
  misbehaving_registration_ =
      budget_->Register(misbehaving_, {.kind = kind, .priority = 0});
  honest_registration_ =
      budget_->Register(honest_, {.kind = kind, .priority = 1});
  third_registration_ =
      budget_->Register(third_, {.kind = kind, .priority = 2});
}

void MisbehavingWorld::EndIfChild(bool held) {
  if (getpid() != process_) _exit(held ? 0 : 1);
}

void MisbehavingWorld::EndRegistrations() {
  misbehaving_registration_.reset();
  honest_registration_.reset();
  third_registration_.reset();
}

void MisbehavingWorld::CheckUnharmed() {
  EXPECT_LE(budget_->peak(), budget_->limit());
  EXPECT_EQ(budget_->num_waiters(), 0);
  EXPECT_FALSE(budget_->announced());
  own_.Release();
  others_.Release();
  EXPECT_EQ(budget_->granted(), Bytes());
  EXPECT_EQ(budget_->TryAcquire(Units(100), Tag()).size(), Units(100));
  EndRegistrations();
}

Bytes MisbehavingWorld::Honest::Reclaim(Bytes wanted, absl::Time) {
  const Bytes given = std::min(wanted, world_.others_.size());
  world_.others_.Split(given).Release();
  return given;
}

void MisbehavingWorld::Fork() {
  const pid_t child = fork();
  if (child == 0) {
    alarm(30);  // a hang is a failure
    return;
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

void MisbehavingWorld::Reenter() {
  // Nothing of its own is asked for what it asks, and it gets nothing.
  const int before = calls_;
  EXPECT_FALSE(budget_->Acquire(Units(30), {}).ok());
  EXPECT_FALSE(budget_
                   ->Acquire(Units(30),
                             {.deadline = clock_.Now() + absl::Milliseconds(1)})
                   .ok());
  EXPECT_EQ(budget_->TryAcquire(Units(1), Tag()).size(), Bytes());
  EXPECT_EQ(calls_, before);
}

Bytes MisbehavingWorld::Misbehave(Bytes wanted, absl::Time deadline) {
  ++calls_;
  EXPECT_LE(budget_->granted(), budget_->limit());
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
      third_registration_ = budget_->Register(third_, {.kind = kind_});
      return Bytes();
    case Misbehaviour::kEndsItself:
      misbehaving_registration_.reset();
      return Bytes();
    case Misbehaviour::kShrinksAndServes:
      EXPECT_EQ(budget_->Shrink(wanted, deadline), Bytes());
      budget_->ServeRequests();
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

}  // namespace governor
