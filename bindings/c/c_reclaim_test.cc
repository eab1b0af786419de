// The functions of governor.h that look after the machine, and structs of
// programs that know none of them.

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <future>
#include <thread>
#include <vector>

#include "bindings/c/governor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {

using ::testing::HasSubstr;

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kAll = 48 * kMiB;

governor_options_t SmallHost() {
  governor_options_t options = GOVERNOR_OPTIONS_INIT;
  options.budget = "64MiB";
  options.allowance = "16MiB";
  options.driver = "host";
  options.host_driver = "gb10,memory=256MiB,context=8MiB";
  return options;
}

// What a callback is given as `user`.
struct Asked {
  std::function<size_t(size_t wanted)> answer;
  std::atomic<int> calls{0};
  std::atomic<bool> had_time{true};
  std::atomic<double> deadline{-1};
};

size_t Answer(void* user, size_t wanted, double deadline) {
  Asked& asked = *static_cast<Asked*>(user);
  ++asked.calls;
  if (deadline < 0) asked.had_time = false;
  asked.deadline = deadline;
  return asked.answer ? asked.answer(wanted) : 0;
}

class CReclaimTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    // Whose bytes are on their way nobody else adds to.
    ::setenv("GOVERNOR_SHARE_DIR", ::testing::TempDir().c_str(), 1);
    governor_options_t options = SmallHost();
    options.tick = GetParam();
    ASSERT_EQ(governor_open(&options, &governor_), GOVERNOR_OK)
        << governor_last_error();
    ASSERT_EQ(governor_lease_acquire(governor_, kAll, 0, &lease_), GOVERNOR_OK)
        << governor_last_error();
  }

  void TearDown() override {
    governor_lease_release(lease_);
    EXPECT_EQ(governor_close(governor_), GOVERNOR_OK) << governor_last_error();
  }

  governor_reclaimer_t* Register(Asked& asked, int priority = 0,
                                 int cost = GOVERNOR_RECLAIM_DEAR) {
    governor_reclaimer_t* reclaimer = nullptr;
    EXPECT_EQ(governor_on_reclaim(governor_, &Answer, &asked, priority, cost,
                                  &reclaimer),
              GOVERNOR_OK)
        << governor_last_error();
    return reclaimer;
  }

  // What a request on another thread came to, while this one ticks if somebody
  // has to.
  governor_code_t Ask(size_t size, double deadline) {
    std::atomic<bool> done{false};
    governor_code_t code = GOVERNOR_INTERNAL;
    std::thread asker([&] {
      governor_lease_t* lease = nullptr;
      code = governor_lease_acquire(governor_, size, deadline, &lease);
      if (code == GOVERNOR_OK) governor_lease_release(lease);
      done = true;
    });
    while (GetParam() && !done) {
      double next = -1;
      EXPECT_EQ(governor_tick(governor_, &next), GOVERNOR_OK);
      EXPECT_GT(next, 0);
      EXPECT_LE(next, 1);
    }
    asker.join();
    return code;
  }

  governor_t* governor_ = nullptr;
  governor_lease_t* lease_ = nullptr;
  // Of a callback that may still return when its test is over.
  Asked asked_;
  std::promise<void> left_;
};

TEST_P(CReclaimTest, AFunctionIsAskedForWhatARequestLacks) {
  Asked asked;
  asked.answer = [this](size_t wanted) -> size_t {
    EXPECT_EQ(wanted, kMiB);
    governor_lease_release(lease_);
    return kAll;
  };
  governor_reclaimer_t* reclaimer = Register(asked);
  EXPECT_EQ(Ask(kMiB, 60), GOVERNOR_OK) << governor_last_error();
  EXPECT_EQ(asked.calls, 1);
  EXPECT_TRUE(asked.had_time);
  // The request's own, whatever waits in between.
  EXPECT_GT(asked.deadline, 30);
  EXPECT_LE(asked.deadline, 60);
  EXPECT_EQ(governor_reclaimer_close(reclaimer), GOVERNOR_OK);
}

TEST_P(CReclaimTest, LowPrioritiesAreAskedFirst) {
  std::vector<int> order;
  Asked low, high;
  low.answer = [&](size_t) { return order.push_back(1), size_t{0}; };
  high.answer = [&](size_t) { return order.push_back(2), size_t{0}; };
  governor_reclaimer_t* second = Register(high, 7);
  governor_reclaimer_t* first = Register(low, -7);
  EXPECT_EQ(Ask(kMiB, 0.2), GOVERNOR_REFUSED);
  EXPECT_EQ(governor_reclaimer_close(first), GOVERNOR_OK);
  EXPECT_EQ(governor_reclaimer_close(second), GOVERNOR_OK);
  ASSERT_GE(order.size(), 2u);
  EXPECT_EQ(order[0], 1);
  EXPECT_EQ(order[1], 2);
}

TEST_P(CReclaimTest, CheapOnesAreAskedBeforeLowPriorities) {
  std::vector<int> order;
  Asked dear, cheap;
  dear.answer = [&](size_t) { return order.push_back(2), size_t{0}; };
  cheap.answer = [&](size_t) { return order.push_back(1), size_t{0}; };
  governor_reclaimer_t* second = Register(dear, -7, GOVERNOR_RECLAIM_DEAR);
  governor_reclaimer_t* first = Register(cheap, 7, GOVERNOR_RECLAIM_CHEAP);
  EXPECT_EQ(Ask(kMiB, 0.2), GOVERNOR_REFUSED);
  EXPECT_EQ(governor_reclaimer_close(first), GOVERNOR_OK);
  EXPECT_EQ(governor_reclaimer_close(second), GOVERNOR_OK);
  ASSERT_GE(order.size(), 2u);
  EXPECT_EQ(order[0], 1);
  EXPECT_EQ(order[1], 2);
}

TEST_P(CReclaimTest, ASettledLeaseIsOnItsWayNoMore) {
  governor_snapshot_t before, after;
  before.struct_size = after.struct_size = sizeof before;
  ASSERT_EQ(governor_snapshot(governor_, &before), GOVERNOR_OK);
  EXPECT_GE(before.in_flight_bytes, kAll);
  EXPECT_EQ(governor_lease_settle(lease_), GOVERNOR_OK);
  EXPECT_EQ(governor_lease_settle(lease_), GOVERNOR_OK);
  // Settled bytes stay in flight until the machine is read again.
  ASSERT_EQ(governor_snapshot(governor_, &after), GOVERNOR_OK);
  ASSERT_EQ(governor_snapshot(governor_, &after), GOVERNOR_OK);
  EXPECT_LE(after.in_flight_bytes, before.in_flight_bytes - kAll);
  EXPECT_EQ(after.granted_bytes, kAll);
  size_t size = 0;
  EXPECT_EQ(governor_lease_size(lease_, &size), GOVERNOR_OK);
  EXPECT_EQ(size, kAll);
}

TEST_P(CReclaimTest, AClosedOneIsNotAskedAndNoHandle) {
  Asked asked;
  governor_reclaimer_t* reclaimer = Register(asked);
  ASSERT_EQ(governor_reclaimer_close(reclaimer), GOVERNOR_OK);
  EXPECT_EQ(Ask(kMiB, 0.1), GOVERNOR_REFUSED);
  EXPECT_EQ(asked.calls, 0);
  EXPECT_EQ(governor_reclaimer_close(reclaimer), GOVERNOR_FAILED_PRECONDITION);
}

TEST_P(CReclaimTest, AFunctionMayCloseItselfButNotTheGovernor) {
  governor_reclaimer_t* reclaimer = nullptr;
  asked_.answer = [&](size_t) -> size_t {
    EXPECT_EQ(governor_lease_release(lease_), GOVERNOR_OK);
    EXPECT_EQ(governor_close(governor_), GOVERNOR_FAILED_PRECONDITION);
    EXPECT_EQ(governor_reclaimer_close(reclaimer), GOVERNOR_OK)
        << governor_last_error();
    left_.set_value();
    return kAll;
  };
  reclaimer = Register(asked_);
  ASSERT_EQ(Ask(kMiB, 60), GOVERNOR_OK) << governor_last_error();
  left_.get_future().wait();
  EXPECT_EQ(asked_.calls, 1);
}

TEST_P(CReclaimTest, MisuseIsAnError) {
  Asked asked;
  governor_reclaimer_t* reclaimer = nullptr;
  for (const governor_code_t code : {
           governor_on_reclaim(nullptr, &Answer, &asked, 0, 0, &reclaimer),
           governor_on_reclaim(governor_, nullptr, &asked, 0, 0, &reclaimer),
           governor_on_reclaim(governor_, &Answer, &asked, 0, 0, nullptr),
           governor_on_reclaim(governor_, &Answer, &asked, 0, 2, &reclaimer),
           governor_on_reclaim(governor_, &Answer, &asked, 0, -1, &reclaimer),
           governor_lease_settle(nullptr),
           governor_reclaimer_close(nullptr),
           governor_tick(nullptr, nullptr),
       }) {
    EXPECT_EQ(code, GOVERNOR_INVALID_ARGUMENT);
  }
  EXPECT_EQ(reclaimer, nullptr);
  EXPECT_EQ(governor_tick(governor_, nullptr), GOVERNOR_OK);
}

TEST_P(CReclaimTest, AForkedChildHasNoThreadAndAsksNobody) {
  Asked asked;
  governor_reclaimer_t* reclaimer = Register(asked);
  const pid_t child = ::fork();
  if (child == 0) {
    governor_reclaimer_t* another = nullptr;
    int failures = 0;
    failures += governor_on_reclaim(governor_, &Answer, &asked, 0, 0,
                                    &another) != GOVERNOR_FAILED_PRECONDITION;
    governor_tick(governor_, nullptr);
    governor_reclaimer_close(reclaimer);
    failures += asked.calls;
    ::_exit(failures);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(governor_reclaimer_close(reclaimer), GOVERNOR_OK);
}

TEST_P(CReclaimTest, TheSnapshotTellsOfTheMachine) {
  governor_snapshot_t s;
  s.struct_size = sizeof s;
  ASSERT_EQ(governor_snapshot(governor_, &s), GOVERNOR_OK);
  EXPECT_GE(s.pressure, GOVERNOR_PRESSURE_NONE);
  EXPECT_LE(s.pressure, GOVERNOR_PRESSURE_CRITICAL);
  EXPECT_GE(s.in_flight_bytes, kAll);
  EXPECT_EQ(s.shortfall_bytes, 0);
  EXPECT_EQ(s.driver_pool_bytes, 0);
  EXPECT_LE(s.residual_bytes, s.os_bytes);
  EXPECT_EQ(s.headroom_bytes, 0);
}

// The governor's own thread is in the function, and the program closes.
TEST(CCloseTest, WaitsForTheFunctionThatGivesBack) {
  const governor_options_t options = SmallHost();
  governor_t* governor = nullptr;
  ASSERT_EQ(governor_open(&options, &governor), GOVERNOR_OK);
  governor_lease_t* lease = nullptr;
  ASSERT_EQ(governor_lease_acquire(governor, kAll, 0, &lease), GOVERNOR_OK);
  governor_reclaimer_t* reclaimer = nullptr;
  std::promise<void> entered, leave;
  std::atomic<bool> is_done{false};
  Asked asked;
  asked.answer = [&](size_t) -> size_t {
    entered.set_value();
    leave.get_future().wait();
    EXPECT_EQ(governor_reclaimer_close(reclaimer), GOVERNOR_OK);
    EXPECT_EQ(governor_lease_release(lease), GOVERNOR_OK);
    is_done = true;
    return kAll;
  };
  ASSERT_EQ(governor_on_reclaim(governor, &Answer, &asked, 0,
                                GOVERNOR_RECLAIM_DEAR, &reclaimer),
            GOVERNOR_OK);
  governor_lease_t* refused = nullptr;
  EXPECT_EQ(governor_lease_acquire(governor, kMiB, 0.05, &refused),
            GOVERNOR_REFUSED);
  entered.get_future().wait();
  std::thread opener([&] { leave.set_value(); });
  EXPECT_EQ(governor_close(governor), GOVERNOR_OK) << governor_last_error();
  EXPECT_TRUE(is_done);
  opener.join();
}

TEST(COpenTest, WhatDoesNotFitHasNumbers) {
  governor_options_t options = SmallHost();
  options.allowance = "65MiB";
  governor_t* governor = nullptr;
  EXPECT_EQ(governor_open(&options, &governor), GOVERNOR_INVALID_ARGUMENT);
  EXPECT_THAT(governor_last_error(), HasSubstr("smaller allowance"));
  governor_refusal_t refusal;
  refusal.struct_size = sizeof refusal;
  ASSERT_EQ(governor_last_refusal(&refusal), GOVERNOR_OK);
  EXPECT_EQ(refusal.asked_bytes, 65 * kMiB);
  EXPECT_EQ(refusal.limit_bytes, 64 * kMiB);
  EXPECT_EQ(refusal.headroom_bytes, 64 * kMiB);
  EXPECT_STREQ(refusal.limited_by, "budget");
  EXPECT_STREQ(refusal.tag, "allowance");
  EXPECT_EQ(refusal.num_holders, 0);
}

// As a program has them that was compiled with the first version.
TEST(COldStructTest, AreReadAndWrittenAsFarAsTheyGo) {
  struct {
    governor_options_t options;
    char beyond[64];
  } given;
  std::memset(&given, 0xee, sizeof given);
  given.options = SmallHost();
  given.options.struct_size = 64;
  std::memset(reinterpret_cast<char*>(&given) + 64, 0xee, sizeof given - 64);
  governor_t* governor = nullptr;
  ASSERT_EQ(governor_open(&given.options, &governor), GOVERNOR_OK)
      << governor_last_error();
  struct {
    governor_snapshot_t snapshot;
    char beyond[64];
  } taken;
  std::memset(&taken, 0xee, sizeof taken);
  taken.snapshot.struct_size = 136;
  ASSERT_EQ(governor_snapshot(governor, &taken.snapshot), GOVERNOR_OK);
  EXPECT_EQ(taken.snapshot.budget_bytes, 64 * kMiB);
  EXPECT_GT(taken.snapshot.floor_bytes, 0);
  const auto* const bytes = reinterpret_cast<const unsigned char*>(&taken);
  for (size_t i = 136; i < sizeof taken; ++i) {
    ASSERT_EQ(bytes[i], 0xee) << i;
  }
  taken.snapshot.struct_size = 135;
  EXPECT_EQ(governor_snapshot(governor, &taken.snapshot),
            GOVERNOR_INVALID_ARGUMENT);
  EXPECT_THAT(governor_last_error(), HasSubstr("struct_size"));
  EXPECT_EQ(governor_close(governor), GOVERNOR_OK);
}

INSTANTIATE_TEST_SUITE_P(ByThreadAndByTick, CReclaimTest,
                         ::testing::Values(false, true), [](const auto& info) {
                           return info.param ? "Tick" : "Thread";
                         });

}  // namespace
