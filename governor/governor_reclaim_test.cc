// A governor that asks its tenants to give back: on its thread, and in Tick.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "governor/base/mutex.h"
#include "governor/eventful_clock.h"
#include "governor/governor.h"
#include "governor/phase_store.h"
#include "governor/tree_machine.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using absl::StatusCode;

constexpr Bytes kBudget = GiB(2);
constexpr Bytes kLease = MiB(256);
constexpr Bytes kAll = kBudget - TreeMachine::kContext;

// Happens once. Abseil's own is not built for TSan, which then sees races in
// it.
class Notification {
 public:
  void Notify() {
    MutexLock lock(mutex_);
    notified_ = true;
    changed_.NotifyAll();
  }
  bool HasBeenNotified() const {
    MutexLock lock(mutex_);
    return notified_;
  }
  void WaitForNotification() {
    MutexLock lock(mutex_);
    while (!notified_) changed_.Wait(mutex_);
  }
  // Whether it happened; returns early when it does.
  bool WaitForNotificationWithTimeout(absl::Duration timeout) {
    MutexLock lock(mutex_);
    const absl::Time until = absl::Now() + timeout;
    while (!notified_ && absl::Now() < until) {
      changed_.WaitFor(mutex_, until - absl::Now());
    }
    return notified_;
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  bool notified_ ABSL_GUARDED_BY(mutex_) = false;
};

// Holds leases, and gives back as many as it is asked for; before that it does
// what the test says.
class Cache final : public Reclaimer {
 public:
  void Fill(Governor& governor) {
    while (true) {
      auto lease = governor.Lease(std::min(kLease, governor.headroom()));
      if (!lease.ok()) return;
      leases_.push_back(*std::move(lease));
    }
  }

  Bytes Reclaim(Bytes wanted, absl::Time) override {
    ++calls;
    if (first) first();
    Bytes given;
    while (given < wanted && !leases_.empty()) {
      given += leases_.back().size();
      leases_.pop_back();
    }
    return given;
  }

  std::function<void()> first;
  std::atomic<int> calls{0};

 private:
  std::vector<Grant> leases_;
};

class GovernorReclaimTest : public ::testing::Test {
 protected:
  std::unique_ptr<Governor>& Open(GovernorOptions options = {}) {
    options.budget = kBudget;
    governor_ = machine_.MustOpen(std::move(options));
    return governor_;
  }

  // A governor whose callbacks run in Tick, with a full cache.
  std::unique_ptr<Governor>& OpenTicking() {
    auto& governor = Open({.tick = true});
    cache_.Fill(*governor);
    EXPECT_EQ(governor->headroom(), Bytes());
    return governor;
  }

  void Tick(Governor& governor) { governor.Tick(machine_.clock().Now()); }

  // A request that has an hour of the test's time, on a thread of its own,
  // which waits when this returns.
  std::thread Ask(Governor& governor, Bytes size, absl::Status& answer) {
    std::thread thread([&governor, &answer, size, this] {
      answer = governor.Lease(size, {.deadline = InAnHour()}).status();
    });
    machine_.clock().AwaitWaiter();
    return thread;
  }
  absl::Time InAnHour() { return machine_.clock().Now() + absl::Hours(1); }

  TreeMachine machine_;
  RealClock real_;
  std::unique_ptr<Governor> governor_;
  Cache cache_;  // whose leases do not outlive the governor
};

TEST_F(GovernorReclaimTest, InTickARequestThatWaitsIsServed) {
  auto& governor = OpenTicking();
  auto registration = *governor->OnReclaim(cache_);
  absl::Status answer = absl::UnknownError("not answered");
  std::thread asker = Ask(*governor, kLease, answer);
  // The thread that is short never runs a callback itself.
  EXPECT_EQ(cache_.calls, 0);
  Tick(*governor);
  asker.join();
  EXPECT_TRUE(answer.ok()) << answer;
  EXPECT_EQ(cache_.calls, 1);
}

TEST_F(GovernorReclaimTest, TheThreadServesARequestThatWaits) {
  auto& governor = Open();
  cache_.Fill(*governor);
  auto registration = *governor->OnReclaim(cache_);
  const auto lease = governor->Lease(kLease, {.deadline = InAnHour()});
  EXPECT_TRUE(lease.ok()) << lease.status();
  EXPECT_GE(cache_.calls, 1);
}

TEST_F(GovernorReclaimTest, UnderTheOptionTickThereIsNoThread) {
  auto& governor = Open({.tick = true});
  EXPECT_TRUE(absl::IsFailedPrecondition(governor->StartThread()));
}

TEST_F(GovernorReclaimTest, WithoutADeadlineNobodyIsAsked) {
  auto& governor = Open();
  cache_.Fill(*governor);
  auto registration = *governor->OnReclaim(cache_);
  EXPECT_FALSE(governor->Lease(kLease).ok());
  registration.reset();
  EXPECT_EQ(cache_.calls, 0);
}

TEST_F(GovernorReclaimTest, WhatTheMachineLacksComesBackInTick) {
  auto& governor = OpenTicking();
  auto registration = *governor->OnReclaim(cache_);
  machine_.SetAvailable(TreeMachine::kFloor - MiB(400));
  Tick(*governor);
  EXPECT_GE(cache_.calls, 1);
  EXPECT_LE(governor->granted(), kAll - MiB(400));
}

TEST_F(GovernorReclaimTest, ACallbackThatBlocksHoldsUpNobodyPastHisDeadline) {
  Notification entered, open;
  {
    auto& governor = Open({.clock = &real_});
    cache_.Fill(*governor);
    cache_.first = [&] {
      if (!entered.HasBeenNotified()) entered.Notify();
      open.WaitForNotification();
    };
    auto registration = *governor->OnReclaim(cache_);
    const auto lease = governor->Lease(
        kLease, {.deadline = absl::Now() + absl::Milliseconds(50)});
    // It returned, though the callback did not.
    EXPECT_EQ(lease.status().code(), StatusCode::kResourceExhausted);
    EXPECT_EQ(RefusalOf(lease.status())->limited_by, "budget");
    entered.WaitForNotification();
    open.Notify();
  }
}

TEST_F(GovernorReclaimTest, ACallbackCannotCloseWhatCalledIt) {
  for (const bool ticks : {true, false}) {
    SCOPED_TRACE(ticks);
    auto& governor = Open({.tick = ticks});
    Grant lease = *governor->Lease(kAll);
    absl::Status closed;
    cache_.first = [&] {
      lease.Release();
      closed = governor->Close();
    };
    auto registration = *governor->OnReclaim(cache_);
    absl::Status answer = absl::UnknownError("not answered");
    if (ticks) {
      std::thread asker = Ask(*governor, kLease, answer);
      Tick(*governor);
      asker.join();
    } else {
      answer = governor->Lease(kLease, {.deadline = InAnHour()}).status();
    }
    EXPECT_TRUE(answer.ok()) << answer;
    registration.reset();  // the callback has returned
    EXPECT_EQ(closed.code(), StatusCode::kFailedPrecondition) << closed;
    EXPECT_FALSE(governor->is_closed());
    EXPECT_TRUE(governor->Close().ok());
  }
}

TEST_F(GovernorReclaimTest, CloseWaitsForTheCallbackThatRuns) {
  auto& governor = Open();
  Grant lease = *governor->Lease(kAll);
  Notification entered, open;
  std::atomic<bool> returned{false};
  cache_.first = [&] {
    if (entered.HasBeenNotified()) return;
    entered.Notify();
    open.WaitForNotification();
    returned = true;
  };
  auto registration = *governor->OnReclaim(cache_);
  machine_.SetAvailable(TreeMachine::kFloor - MiB(400));
  entered.WaitForNotification();
  lease.Release();
  Notification closing;
  std::thread closer([&] {
    closing.Notify();
    EXPECT_TRUE(governor->Close().ok());
    EXPECT_TRUE(returned);
  });
  closing.WaitForNotification();
  open.Notify();
  closer.join();
  EXPECT_TRUE(governor->is_closed());
}

TEST_F(GovernorReclaimTest, ACallbackMayEndItsOwnRegistration) {
  auto& governor = OpenTicking();
  std::unique_ptr<Budget::Registration> registration;
  cache_.first = [&] { registration.reset(); };
  registration = *governor->OnReclaim(cache_);
  machine_.SetAvailable(TreeMachine::kFloor - MiB(400));
  Tick(*governor);
  EXPECT_EQ(cache_.calls, 1);
  machine_.SetAvailable(TreeMachine::kFloor - MiB(400));
  Tick(*governor);
  EXPECT_EQ(cache_.calls, 1);
}

TEST_F(GovernorReclaimTest, AGovernorMayGoWhileItsThreadRuns) {
  auto& governor = Open();
  ASSERT_TRUE(governor->StartThread().ok());
  ASSERT_TRUE(governor->StartThread().ok());
  // With something out its end is not a close.
  Grant lease = *governor->Lease(kLease);
  lease.Release();
  governor.reset();
  EXPECT_TRUE(Open()->StartThread().ok());
  governor.reset();
}

TEST_F(GovernorReclaimTest, TheEndOfAGovernorWaitsForItsThread) {
  const std::thread::id tester = std::this_thread::get_id();
  Notification entered, open, gone;
  std::atomic<bool> is_held{false};
  EventfulClock clock(machine_.clock());
  // Its thread looks at the time, and is held there.
  clock.event = [&] {
    if (std::this_thread::get_id() == tester || is_held.exchange(true)) return;
    entered.Notify();
    open.WaitForNotification();
  };
  auto& governor = Open({.clock = &clock});
  ASSERT_TRUE(governor->StartThread().ok());
  entered.WaitForNotification();
  std::thread ender([&] {
    governor.reset();
    gone.Notify();
  });
  // Too short a time shows nothing, and fails nothing.
  EXPECT_FALSE(gone.WaitForNotificationWithTimeout(absl::Milliseconds(100)));
  open.Notify();
  ender.join();
}

TEST_F(GovernorReclaimTest, AChildOfAForkHasNoThreadAndNothing) {
  auto& governor = Open();
  cache_.Fill(*governor);
  auto registration = governor->OnReclaim(cache_);
  ASSERT_TRUE(registration.ok());
  const pid_t child = ::fork();
  if (child == 0) {
    const auto is_told = [](const absl::Status& status) {
      return status.code() == StatusCode::kFailedPrecondition;
    };
    Cache other;
    const bool told = is_told(governor->OnReclaim(other).status()) &&
                      is_told(governor->StartThread()) &&
                      is_told(governor->BeginTransient("x", kLease).status()) &&
                      is_told(governor->Close()) &&
                      is_told(governor->Lease(kLease).status()) &&
                      governor->BringPagesBack().is_zero();
    governor->Tick(absl::Now());
    registration->reset();
    governor.reset();
    ::_exit(told && other.calls == 0 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  // The parent's thread is there still.
  EXPECT_TRUE(governor->Lease(kLease, {.deadline = InAnHour()}).ok());
}

TEST_F(GovernorReclaimTest, AT13_APhaseReservesCachesShrinkItsPeakIsRecorded) {
  constexpr Bytes kDeclared = GiB(1);
  constexpr Bytes kPeak = MiB(700);
  const std::string phases = TreeMachine::Folder("phases.json");
  ::unlink(phases.c_str());
  auto& governor = Open({.tick = true, .phases = phases});
  cache_.Fill(*governor);
  auto registration = *governor->OnReclaim(cache_);
  std::unique_ptr<Transient> phase;
  std::thread engine([&] {
    auto begun = governor->BeginTransient("graph_capture", kDeclared,
                                          {.deadline = InAnHour()});
    ASSERT_TRUE(begun.ok()) << begun.status();
    phase = *std::move(begun);
  });
  machine_.clock().AwaitWaiter();
  Tick(*governor);
  engine.join();
  ASSERT_NE(phase, nullptr);
  // The cache is smaller by the phase before the phase takes one byte.
  EXPECT_EQ(governor->TakeSnapshot()->unmanaged, TreeMachine::kContext);
  EXPECT_LE(governor->granted(), kAll);
  EXPECT_GE(cache_.calls, 1);

  const DriverApi& api = governor->device().api();
  CUcontext popped = nullptr;
  ASSERT_EQ(api.CtxPushCurrent(governor->context().handle()), CUDA_SUCCESS);
  CUdeviceptr graphs = 0;
  ASSERT_EQ(api.MemAlloc(&graphs, kPeak.count()), CUDA_SUCCESS);
  machine_.clock().Advance(absl::Seconds(1));
  Tick(*governor);
  EXPECT_EQ(phase->peak(), kPeak);
  Snapshot inside = *governor->TakeSnapshot();
  EXPECT_EQ(inside.debt, Bytes());
  EXPECT_EQ(inside.unmanaged, TreeMachine::kContext + kPeak);
  ASSERT_EQ(api.MemFree(graphs), CUDA_SUCCESS);
  ASSERT_EQ(api.CtxPopCurrent(&popped), CUDA_SUCCESS);

  EXPECT_EQ(governor->EndTransient(std::move(phase)), kPeak);
  const auto recorded = ReadPhases(phases);
  ASSERT_TRUE(recorded.ok()) << recorded.status();
  ASSERT_EQ(recorded->size(), 1u);
  EXPECT_EQ((*recorded)[0].name, "graph_capture");
  EXPECT_EQ((*recorded)[0].declared, kDeclared);
  EXPECT_EQ((*recorded)[0].measured, kPeak);
  // What it reserved is there again.
  EXPECT_GE(governor->headroom(), kDeclared);
  EXPECT_EQ(governor->TakeSnapshot()->debt, Bytes());
}

}  // namespace
}  // namespace governor
