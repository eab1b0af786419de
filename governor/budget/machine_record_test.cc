#include "governor/budget/machine_record.h"

#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "governor/base/fake_clock.h"
#include "governor/budget/machine_record_peer.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr absl::Duration kNow = absl::Seconds(1000);

class MachineRecordTest : public ::testing::Test {
 protected:
  std::unique_ptr<MachineRecord> Join(absl::string_view name = "tenant") {
    auto record = MachineRecord::Join(folder_.path(), name);
    EXPECT_TRUE(record.ok()) << record.status();
    return record.ok() ? *std::move(record) : nullptr;
  }

  ScratchFolder folder_;
};

TEST_F(MachineRecordTest, SumsWhatAllHaveInFlight) {
  const auto a = Join();
  const auto b = Join();
  a->AddInFlight(MiB(3));
  b->AddInFlight(MiB(4));
  EXPECT_EQ(a->InFlightOfAll(kNow), MiB(7));
  EXPECT_EQ(b->InFlightOfAll(kNow), MiB(7));
  a->SubtractInFlight(MiB(1));
  EXPECT_EQ(b->InFlightOfAll(kNow), MiB(6));
}

TEST_F(MachineRecordTest, SettledCountsForEarlierReadingsOnly) {
  const auto a = Join();
  const auto b = Join();
  a->AddInFlight(MiB(5));
  a->Settle(MiB(3), kNow);
  EXPECT_EQ(b->InFlightOfAll(kNow - absl::Milliseconds(10)), MiB(5));
  EXPECT_EQ(b->InFlightOfAll(kNow), MiB(5));
  // Whoever reads the machine later finds it there and not here, however little
  // later it is.
  EXPECT_EQ(b->InFlightOfAll(kNow + absl::Nanoseconds(1)), MiB(2));
  a->Settle(MiB(1), kNow + absl::Nanoseconds(2));
  EXPECT_GE(b->InFlightOfAll(kNow + absl::Nanoseconds(1)), MiB(2));
  EXPECT_EQ(b->InFlightOfAll(kNow + absl::Nanoseconds(3)), MiB(1));
}

// A tenant that settles all the time must not look as if all that it ever
// settled were on its way.
TEST_F(MachineRecordTest, SteadySettlingDoesNotAddUp) {
  const auto a = Join();
  absl::Duration now = kNow;
  for (int i = 0; i < 5000; ++i) {
    now += absl::Milliseconds(5);
    a->AddInFlight(MiB(1));
    a->Settle(MiB(1), now);
    ASSERT_LE(a->InFlightOfAll(now), MiB(1));
    if (i < 20) continue;
    ASSERT_GE(a->InFlightOfAll(now - absl::Milliseconds(100)), MiB(20));
    ASSERT_LE(a->InFlightOfAll(now - absl::Milliseconds(100)), MiB(22));
  }
}

TEST_F(MachineRecordTest, EverySettleOfTheLastSecondIsKnown) {
  const auto a = Join();
  for (int ms = 0; ms <= 1000; ++ms) {
    a->AddInFlight(Bytes(7));
    a->Settle(Bytes(7), kNow + absl::Milliseconds(ms));
  }
  EXPECT_EQ(a->InFlightOfAll(kNow), Bytes(7 * 1001));
}

// A thread that was held up between its clock and its settle spoils nothing of
// the newer ones.
TEST_F(MachineRecordTest, LateSettleLeavesNewerOnes) {
  const auto a = Join();
  constexpr absl::Duration kLap = absl::Nanoseconds(int64_t{1} << 30);
  a->AddInFlight(MiB(3));
  a->Settle(MiB(1), kNow + kLap);
  a->Settle(MiB(2), kNow);
  EXPECT_EQ(a->InFlightOfAll(kNow + kLap), MiB(1));
  EXPECT_EQ(a->InFlightOfAll(absl::InfiniteDuration()), Bytes());
}

TEST_F(MachineRecordTest, AbsurdMomentsAreBounded) {
  const auto a = Join();
  a->AddInFlight(MiB(1));
  a->Settle(MiB(1), -absl::InfiniteDuration());
  a->AddInFlight(MiB(2));
  a->Settle(MiB(2), absl::InfiniteDuration());
  EXPECT_EQ(a->InFlightOfAll(kNow), MiB(2));
  EXPECT_LE(a->InFlightOfAll(-absl::InfiniteDuration()), MiB(3));
}

TEST_F(MachineRecordTest, CountsSaturate) {
  const auto a = Join();
  const auto b = Join();
  a->AddInFlight(Bytes(UINT64_MAX));
  a->AddInFlight(MiB(1));
  b->AddInFlight(MiB(1));
  EXPECT_EQ(b->InFlightOfAll(kNow), Bytes(UINT64_MAX));
  b->SubtractInFlight(MiB(9));
  a->Settle(Bytes(UINT64_MAX), kNow);
  EXPECT_EQ(b->InFlightOfAll(kNow), Bytes(UINT64_MAX));
  EXPECT_EQ(b->InFlightOfAll(kNow + absl::Seconds(1)), Bytes());
}

TEST_F(MachineRecordTest, WhoLeavesHoldsNothing) {
  const auto a = Join();
  auto b = Join();
  b->AddInFlight(MiB(4));
  b->AddInFlight(MiB(2));
  b->Settle(MiB(2), kNow);
  ASSERT_EQ(a->InFlightOfAll(kNow), MiB(6));
  b.reset();
  EXPECT_EQ(a->InFlightOfAll(kNow), Bytes());
  EXPECT_EQ(a->Tenants().size(), 1u);
  EXPECT_EQ(Join()->InFlightOfAll(kNow), Bytes());
}

TEST_F(MachineRecordTest, TenantsAreSeenByAll) {
  const auto a = Join("llama-server");
  const auto b = Join(std::string(40, 'n') + "\x1b[31m");
  a->Publish({.budget = GiB(100),
              .granted = GiB(40),
              .unmanaged = GiB(2),
              .debt = GiB(1),
              .priority = -3,
              .device = 1});
  a->AddInFlight(MiB(64));
  const std::vector<MachineRecord::Tenant> tenants = b->Tenants();
  ASSERT_EQ(tenants.size(), 2u);
  EXPECT_EQ(tenants[0].name, "llama-server");
  EXPECT_EQ(tenants[0].pid, ::getpid());
  EXPECT_EQ(tenants[0].figures.budget, GiB(100));
  EXPECT_EQ(tenants[0].figures.granted, GiB(40));
  EXPECT_EQ(tenants[0].figures.unmanaged, GiB(2));
  EXPECT_EQ(tenants[0].figures.debt, GiB(1));
  EXPECT_EQ(tenants[0].figures.priority, -3);
  EXPECT_EQ(tenants[0].figures.device, 1);
  EXPECT_EQ(tenants[0].in_flight, MiB(64));
  EXPECT_FALSE(tenants[0].is_self);
  EXPECT_EQ(tenants[1].name, std::string(31, 'n'));
  EXPECT_TRUE(tenants[1].is_self);
}

TEST_F(MachineRecordTest, ControlCharactersDoNotReachPeople) {
  const auto a = Join("\x1b[31mred\n");
  EXPECT_EQ(a->Tenants().at(0).name, "?[31mred?");
}

TEST_F(MachineRecordTest, RemembersTheNewestRefusals) {
  const auto a = Join("a");
  const auto b = Join("b");
  for (int i = 1; i <= 20; ++i) {
    a->RememberRefusal({.asked = MiB(i),
                        .granted = MiB(2 * i),
                        .limit = MiB(3 * i),
                        .headroom = MiB(4 * i),
                        .limited_by = "floor",
                        .tag = "kv"},
                       absl::FromUnixSeconds(2 * i));
  }
  b->RememberRefusal({.asked = MiB(99),
                      .limited_by = std::string(30, 'l'),
                      .tag = std::string(100, 't')},
                     absl::FromUnixSeconds(39));
  const auto refusals = b->Refusals(100);
  ASSERT_EQ(refusals.size(), 17u);
  EXPECT_EQ(refusals[0].tenant, "a");
  EXPECT_EQ(refusals[0].pid, ::getpid());
  EXPECT_EQ(refusals[0].when, absl::FromUnixSeconds(40));
  EXPECT_EQ(refusals[0].refusal, (Refusal{.asked = MiB(20),
                                          .granted = MiB(40),
                                          .limit = MiB(60),
                                          .headroom = MiB(80),
                                          .limited_by = "floor",
                                          .tag = "kv"}));
  EXPECT_EQ(refusals[1].tenant, "b");
  EXPECT_EQ(refusals[1].refusal.limited_by, std::string(23, 'l'));
  EXPECT_EQ(refusals[1].refusal.tag, std::string(63, 't'));
  EXPECT_EQ(refusals[16].refusal.asked, MiB(5));
  EXPECT_EQ(b->Refusals(3).size(), 3u);
  EXPECT_EQ(Join("c")->Refusals(100).size(), 17u);
}

TEST_F(MachineRecordTest, SlotUsedAgainRemembersNothing) {
  auto a = Join();
  a->RememberRefusal({.asked = MiB(1), .limited_by = "floor"}, absl::Now());
  a->Publish({.budget = GiB(1)});
  a.reset();
  a = Join();
  EXPECT_TRUE(a->Refusals(100).empty());
  EXPECT_EQ(a->Tenants().at(0).figures.budget, Bytes());
}

TEST_F(MachineRecordTest, LookingHoldsNothing) {
  EXPECT_TRUE(absl::IsNotFound(MachineRecord::Look(folder_.path()).status()));
  EXPECT_TRUE(absl::IsNotFound(MachineRecord::Look(folder_ / "none").status()));
  const auto a = Join("a");
  a->AddInFlight(MiB(2));
  const auto look = MachineRecord::Look(folder_.path());
  ASSERT_TRUE(look.ok()) << look.status();
  EXPECT_EQ((*look)->InFlightOfAll(kNow), MiB(2));
  EXPECT_FALSE((*look)->TryClaim(MiB(1), GiB(1), kNow));
  (*look)->AddInFlight(MiB(1));
  (*look)->Settle(MiB(1), kNow);
  (*look)->SubtractInFlight(MiB(1));
  (*look)->Publish({.budget = MiB(1)});
  (*look)->RememberRefusal({.asked = MiB(1), .limited_by = "x"}, absl::Now());
  EXPECT_EQ((*look)->InFlightOfAll(kNow), MiB(2));
  ASSERT_EQ((*look)->Tenants().size(), 1u);
  EXPECT_FALSE((*look)->Tenants()[0].is_self);
  EXPECT_TRUE((*look)->Refusals(9).empty());
}

TEST_F(MachineRecordTest, IsFullWithMaxTenants) {
  std::vector<std::unique_ptr<MachineRecord>> records;
  for (int i = 0; i < MachineRecord::kMaxTenants; ++i) {
    records.push_back(Join());
    ASSERT_NE(records.back(), nullptr);
    records.back()->AddInFlight(Bytes(1));
  }
  EXPECT_EQ(records[0]->InFlightOfAll(kNow), Bytes(256));
  EXPECT_EQ(records[0]->Tenants().size(), 256u);
  EXPECT_TRUE(absl::IsResourceExhausted(
      MachineRecord::Join(folder_.path(), "more").status()));
  records[100].reset();
  EXPECT_NE(Join(), nullptr);
}

// Threads of one tenant add, settle and subtract; nothing is lost.
TEST_F(MachineRecordTest, ThreadsShareOneSlot) {
  const auto a = Join();
  const auto b = Join();
  a->AddInFlight(MiB(1));
  std::vector<std::thread> threads;
  std::atomic<int> running = 3;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20'000; ++i) {
        const absl::Duration now = kNow + absl::Microseconds(i);
        a->AddInFlight(Bytes(2 + t));
        EXPECT_GE(b->InFlightOfAll(kNow), MiB(1) + Bytes(2 + t));
        if (i % 2 == 0) {
          a->SubtractInFlight(Bytes(2 + t));
        } else {
          a->Settle(Bytes(2 + t), now);
        }
        a->RememberRefusal({.asked = Bytes(1 + i),
                            .granted = Bytes(1 + i),
                            .limited_by = "floor",
                            .tag = std::to_string(1 + i)},
                           absl::FromUnixSeconds(1 + i));
        a->Publish({.budget = Bytes(i)});
      }
      running.fetch_sub(1);
    });
  }
  while (running.load() > 0) {
    for (const auto& read : b->Refusals(100)) {
      EXPECT_EQ(read.refusal.asked, read.refusal.granted);
      EXPECT_EQ(read.refusal.tag, std::to_string(read.refusal.asked.count()));
    }
    EXPECT_EQ(b->Tenants().size(), 2u);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(b->InFlightOfAll(kNow), MiB(1) + Bytes(10'000 * (2 + 3 + 4)));
  EXPECT_EQ(b->InFlightOfAll(kNow + absl::Milliseconds(29)), MiB(1));
}

// Reads go on until enough of them met a writer at work.
TEST_F(MachineRecordTest, RefusalsAreNeverTorn) {
  const auto a = Join();
  const auto b = Join();
  std::atomic<bool> enough = false;
  std::atomic<int> written = 0;
  std::thread writer([&] {
    for (int i = 1; !enough.load(); ++i) {
      a->RememberRefusal({.asked = Bytes(i),
                          .granted = Bytes(i),
                          .limited_by = std::to_string(i),
                          .tag = std::to_string(i)},
                         absl::FromUnixSeconds(i));
      written.store(i);
    }
  });
  int torn = 0;
  for (int met = 0; met < 1500;) {
    const int before = written.load();
    for (const auto& read : b->Refusals(100)) {
      const std::string asked = std::to_string(read.refusal.asked.count());
      if (read.refusal.granted != read.refusal.asked ||
          read.refusal.tag != asked || read.refusal.limited_by != asked ||
          read.when != absl::FromUnixSeconds(read.refusal.asked.count())) {
        ++torn;
      }
    }
    if (written.load() == before) {
      std::this_thread::yield();
    } else {
      ++met;
    }
  }
  enough.store(true);
  writer.join();
  EXPECT_EQ(torn, 0);
}

TEST(MachineRecordFolderTest, NamedThenOfTheUser) {
  EXPECT_EQ(MachineRecord::DefaultFolder("/x/y", "/run/user/1"), "/x/y");
  const std::string folder = MachineRecord::DefaultFolder("", "/run/user/1");
  if (::geteuid() == 0) {
    EXPECT_EQ(folder, "/run/governor");
  } else {
    EXPECT_EQ(folder, "/run/user/1/governor");
    EXPECT_EQ(MachineRecord::DefaultFolder("", ""),
              "/dev/shm/governor-" + std::to_string(::geteuid()));
  }
}

}  // namespace
}  // namespace governor
