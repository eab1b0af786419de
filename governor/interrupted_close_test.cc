// A governor whose Close is interrupted while a callback runs on its thread.

#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <thread>

#include "absl/time/time.h"
#include "governor/base/mutex.h"
#include "governor/governor.h"
#include "governor/tree_machine.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr Bytes kBudget = GiB(2);

// Gives nothing. Stays in its first call until it may leave.
class Slow final : public Reclaimer {
 public:
  Bytes Reclaim(Bytes, absl::Time) override {
    MutexLock lock(mutex_);
    ++calls_;
    changed_.NotifyAll();
    while (!may_leave_) changed_.Wait(mutex_);
    return Bytes();
  }
  void Await(int calls) {
    MutexLock lock(mutex_);
    while (calls_ < calls) changed_.Wait(mutex_);
  }
  void Leave() {
    MutexLock lock(mutex_);
    may_leave_ = true;
    changed_.NotifyAll();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  bool may_leave_ ABSL_GUARDED_BY(mutex_) = false;
};

class InterruptedCloseTest : public ::testing::Test {
 protected:
  // A request that is short until `slow_` was called so often, and then late.
  absl::Status AskUntil(int calls) {
    absl::Status answer;
    std::thread asker([&] {
      answer = governor_
                   ->Lease(kBudget, {.deadline = machine_.clock().Now() +
                                                 absl::Hours(1)})
                   .status();
    });
    slow_.Await(calls);
    machine_.clock().Advance(absl::Hours(2));
    asker.join();
    return answer;
  }

  TreeMachine machine_;
  std::unique_ptr<Governor> governor_ = machine_.MustOpen({.budget = kBudget});
  Slow slow_;
};

TEST_F(InterruptedCloseTest, LeavesAnOpenGovernorWhoseThreadRunsOn) {
  Grant lease = *governor_->Lease(MiB(1));
  auto registration = *governor_->OnReclaim(slow_);
  EXPECT_TRUE(RefusalOf(AskUntil(1)));
  EXPECT_TRUE(absl::IsCancelled(governor_->Close([] { return true; })));
  EXPECT_FALSE(governor_->is_closed());
  EXPECT_TRUE(governor_->Lease(MiB(1)).ok());
  slow_.Leave();
  EXPECT_TRUE(RefusalOf(AskUntil(2)));
  registration.reset();
  lease.Release();
  EXPECT_TRUE(governor_->Close([] { return false; }).ok());
  EXPECT_TRUE(governor_->is_closed());
}

TEST_F(InterruptedCloseTest, WaitsForTheCallbackThatNobodyInterrupts) {
  auto registration = *governor_->OnReclaim(slow_);
  Grant lease = *governor_->Lease(MiB(1));
  EXPECT_TRUE(RefusalOf(AskUntil(1)));
  lease.Release();
  int looks = 0;
  EXPECT_TRUE(governor_
                  ->Close([&] {
                    if (++looks == 2) slow_.Leave();
                    return false;
                  })
                  .ok());
  EXPECT_GE(looks, 2);
  EXPECT_TRUE(governor_->is_closed());
}

TEST_F(InterruptedCloseTest, InAForkedChildThereIsNobodyToWaitFor) {
  auto registration = *governor_->OnReclaim(slow_);
  Grant lease = *governor_->Lease(MiB(1));
  EXPECT_TRUE(RefusalOf(AskUntil(1)));
  lease.Release();
  pid_t child = -1;
  const absl::Status closed = governor_->Close([&] {
    child = ::fork();
    if (child == 0) {
      ::alarm(30);  // a hang is a failure
    } else {
      slow_.Leave();
    }
    return false;
  });
  if (child == 0) _exit(absl::IsFailedPrecondition(closed) ? 0 : 1);
  EXPECT_TRUE(closed.ok()) << closed;
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace governor
