// Tenants of several processes: what fork, exec and a kill leave behind, and
// who wins the last bytes.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "governor/base/fake_clock.h"
#include "governor/budget/machine_record.h"
#include "governor/budget/machine_record_peer.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr absl::Duration kNow = absl::Seconds(1000);

int Rounds(int quick, int thorough) {
  const char* const wanted = std::getenv("GOVERNOR_TEST_LONG");
  return wanted != nullptr && *wanted == '1' ? thorough : quick;
}

struct Stages {
  std::atomic<int> stage = 0;
  void Reach(int n) { stage.store(n); }
  void Until(int n) {
    Await([&] { return stage.load() >= n; });
  }
};

class MachineRecordProcessTest : public ::testing::Test {
 protected:
  std::unique_ptr<MachineRecord> Join(absl::string_view name = "tenant",
                                      const Clock* clock = nullptr) {
    auto record = MachineRecord::Join(folder_.path(), name, clock);
    EXPECT_TRUE(record.ok()) << record.status();
    return record.ok() ? *std::move(record) : nullptr;
  }

  ScratchFolder folder_;
  SharedWithPeers<Stages> stages_;
};

// Two processes each claim what fits only once, as the floor's gate does.
TEST_F(MachineRecordProcessTest, OneOfTwoTakesTheLastBytes) {
  constexpr Bytes kSpare = GiB(3);
  struct Round {
    std::array<std::atomic<int>, 2> arrived = {};
    std::array<std::atomic<bool>, 2> took = {};
  };
  SharedWithPeers<Round> round;
  const int rounds = Rounds(20'000, 1'000'000);
  int both = 0, neither = 0;
  std::array<int, 2> wins = {};
  const auto play = [&](int me, MachineRecord& record) {
    const auto meet = [&](int n) {
      round->arrived[me].store(n);
      // Without a yield at first, so that both leave within some ns.
      for (int spin = 0; spin < 3000; ++spin) {
        if (round->arrived[1 - me].load() >= n) return;
      }
      Await([&] { return round->arrived[1 - me].load() >= n; });
    };
    for (int i = 0; i < rounds; ++i) {
      meet(4 * i + 1);
      // Mostly at the same time; now and then one of them lets the other go
      // first, so that neither wins by where the scheduler has put it alone.
      if (i % 64 == 0 && i / 64 % 2 == me) {
        Await([&] { return round->arrived[1 - me].load() >= 4 * i + 2; });
      }
      for (int spin = 0; spin < (i * 7 + me * 13) % 40; ++spin) {
        std::atomic_signal_fence(std::memory_order_seq_cst);
      }
      const bool took = record.TryClaim(kSpare, kSpare, kNow);
      round->took[me].store(took);
      meet(4 * i + 2);
      both += round->took[0].load() && round->took[1].load() ? 1 : 0;
      neither += round->took[0].load() || round->took[1].load() ? 0 : 1;
      wins[me] += took ? 1 : 0;
      meet(4 * i + 3);
      if (took) record.SubtractInFlight(kSpare);
      meet(4 * i + 4);
    }
  };
  const auto mine = Join("mine");
  Peer other([&] {
    const auto record = Join("other");
    if (record == nullptr) ::abort();
    play(1, *record);
    return both + neither == 0 && wins[1] > 0 ? 0 : 1;
  });
  play(0, *mine);
  EXPECT_EQ(both, 0);
  EXPECT_EQ(neither, 0);
  EXPECT_GT(wins[0], 0);
  EXPECT_EQ(other.Wait(), 0);
}

// A reader never misses bytes that go from in flight to settled. Each settle
// has a bucket of its own, so that none makes up for a missed one.
TEST_F(MachineRecordProcessTest, SettlingBytesAreNeverMissed) {
  constexpr Bytes kSize = MiB(64);
  const auto moment = [](uint64_t i) {
    return kNow + static_cast<int64_t>(i) * absl::Milliseconds(5);
  };
  const auto mine = Join();
  SharedWithPeers<std::atomic<uint64_t>> added;
  *added = 0;
  Peer settler([&] {
    const auto record = Join();
    for (uint64_t i = 1;; ++i) {
      record->AddInFlight(kSize);
      added->store(i);  // from here on they must be seen
      record->Settle(kSize, moment(i));
      if (i % 64 == 0) ::sched_yield();
    }
    return 0;
  });
  // Rounds count when the settler has moved, however busy the machine is.
  const int rounds = Rounds(100'000, 5'000'000);
  int missed = 0;
  uint64_t last = 0;
  for (int i = 0; i < rounds;) {
    const uint64_t now = added->load();
    i += now != last ? 1 : 0;
    const Bytes seen = mine->InFlightOfAll(moment(now));
    // A reading that 200 settles have passed by is a second old, too old to be
    // used.
    if (now > 0 && seen < kSize && added->load() < now + 200) ++missed;
    if (now == last) ::sched_yield();
    last = now;
  }
  EXPECT_EQ(missed, 0);
}

TEST_F(MachineRecordProcessTest, DeadAreCountedForOneIntervalAtMost) {
  FakeClock clock;
  const auto record = Join("survivor", &clock);
  Peer peer([&] {
    const auto other = Join();
    other->AddInFlight(MiB(5));
    stages_->Reach(1);
    ::pause();
    return 0;
  });
  stages_->Until(1);
  EXPECT_EQ(record->InFlightOfAll(kNow), MiB(5));
  peer.Kill();
  clock.Advance(MachineRecord::kLivenessInterval - absl::Nanoseconds(1));
  EXPECT_EQ(record->InFlightOfAll(kNow), MiB(5));
  clock.Advance(absl::Nanoseconds(1));
  EXPECT_EQ(record->InFlightOfAll(kNow), Bytes());
}

TEST_F(MachineRecordProcessTest, LookingAfterTenantsFindsTheDeadAtOnce) {
  FakeClock clock;
  const auto record = Join("survivor", &clock);
  Peer peer([&] {
    const auto other = Join();
    other->AddInFlight(MiB(5));
    stages_->Reach(1);
    ::pause();
    return 0;
  });
  stages_->Until(1);
  EXPECT_EQ(record->InFlightOfAll(kNow), MiB(5));
  EXPECT_EQ(record->Tenants().size(), 2u);
  peer.Kill();
  record->LookAfterTenants();
  EXPECT_EQ(record->InFlightOfAll(kNow), Bytes());
  EXPECT_EQ(record->Tenants().size(), 1u);
}

// When the lock is gone, so is what the process had open, whatever its
// descriptor's number: the memory behind it is back before we stop counting it.
TEST_F(MachineRecordProcessTest, LockIsTheLastThatADeadProcessLoses) {
  const auto record = Join("survivor");
  const int rounds = Rounds(100, 1000);
  for (int i = 0; i < rounds; ++i) {
    std::array<int, 2> low = {}, high = {};
    ASSERT_EQ(::pipe2(low.data(), O_CLOEXEC), 0);
    ASSERT_EQ(::pipe2(high.data(), O_CLOEXEC), 0);
    stages_->Reach(0);
    Peer peer([&] {
      const auto other = Join();
      // Opened before and after the record, with small and large numbers.
      if (::dup2(high[1], 300) != 300) return 1;
      ::close(high[1]);
      std::thread thread;
      if (i % 2 == 1) thread = std::thread([] { ::pause(); });
      stages_->Reach(1);
      ::pause();
      return 0;
    });
    stages_->Until(1);
    ::close(low[1]);
    ::close(high[1]);
    ASSERT_EQ(record->Tenants().size(), 2u);
    ::kill(peer.pid(), SIGKILL);
    Await([&] { return record->Tenants().size() == 1; });
    pollfd ends[] = {{low[0], POLLIN, 0}, {high[0], POLLIN, 0}};
    ASSERT_EQ(::poll(ends, 2, 0), 2) << "round " << i;
    EXPECT_TRUE((ends[0].revents & POLLHUP) && (ends[1].revents & POLLHUP));
    ::close(low[0]);
    ::close(high[0]);
  }
}

TEST_F(MachineRecordProcessTest, ForkedChildHoldsNothing) {
  auto record = Join("parent");
  record->AddInFlight(MiB(3));
  {
    Peer child([&] {
      record->AddInFlight(MiB(100));
      record->Settle(MiB(1), kNow);
      record->SubtractInFlight(MiB(1));
      record->Publish({.budget = MiB(1)});
      record->RememberRefusal({.asked = MiB(1), .limited_by = "x"},
                              absl::Now());
      record->LookAfterTenants();
      if (!record->Tenants().empty() || !record->Refusals(1).empty()) return 1;
      if (record->InFlightOfAll(kNow) != Bytes()) return 2;
      if (record->TryClaim(MiB(1), GiB(1), kNow)) return 5;
      const auto own = Join("child");
      if (own == nullptr || own->InFlightOfAll(kNow) != MiB(3)) return 3;
      record.reset();
      own->AddInFlight(MiB(4));
      stages_->Reach(1);
      stages_->Until(2);
      return own->Tenants().size() == 2 ? 0 : 4;
    });
    stages_->Until(1);
    EXPECT_EQ(record->InFlightOfAll(kNow), MiB(7));
    EXPECT_EQ(record->Tenants().size(), 2u);
    stages_->Reach(2);
    EXPECT_EQ(child.Wait(), 0);
  }
  EXPECT_EQ(record->Tenants().size(), 1u);
  EXPECT_EQ(record->InFlightOfAll(kNow), MiB(3));
  EXPECT_TRUE(record->Refusals(9).empty());
}

// The child of a dead tenant does not keep the tenant's slot.
TEST_F(MachineRecordProcessTest, ChildDoesNotKeepADeadParentsSlot) {
  if (!DontForkWorks()) GTEST_SKIP() << "MADV_DONTFORK does nothing here";
  const auto record = Join("survivor");
  SharedWithPeers<std::atomic<pid_t>> child;
  *child = 0;
  Peer parent([&] {
    const auto other = Join("parent");
    const pid_t forked = ::fork();
    if (forked == 0) {
      child->store(::getpid());
      for (;;) ::pause();
    }
    Await([&] { return child->load() != 0; });
    stages_->Reach(1);
    ::pause();
    return 0;
  });
  stages_->Until(1);
  EXPECT_EQ(record->Tenants().size(), 2u);
  parent.Kill();
  EXPECT_EQ(record->Tenants().size(), 1u);
  EXPECT_EQ(::kill(child->load(), 0), 0);
  ::kill(child->load(), SIGKILL);
}

// After exec there is nobody who would count.
TEST_F(MachineRecordProcessTest, ExecLeavesTheRecord) {
  const auto record = Join("survivor");
  std::array<int, 2> input = {}, output = {};
  ASSERT_EQ(::pipe2(input.data(), O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(output.data(), O_CLOEXEC), 0);
  Peer peer([&] {
    const auto other = Join("replaced");
    ::dup2(input[0], 0);
    ::dup2(output[1], 1);
    if (other == nullptr || other->Tenants().size() != 2) return 1;
    ::execl("/bin/cat", "cat", nullptr);
    return 2;
  });
  ::close(input[0]);
  ::close(output[1]);
  // What comes back came from the new program.
  char byte = 'x';
  ASSERT_EQ(::write(input[1], &byte, 1), 1);
  ASSERT_EQ(::read(output[0], &byte, 1), 1);
  EXPECT_EQ(record->Tenants().size(), 1u);
  ::close(input[1]);
  EXPECT_EQ(peer.Wait(), 0);
  ::close(output[0]);
}

// A daemon that closes all descriptors keeps its slot, and still notices who
// dies.
TEST_F(MachineRecordProcessTest, ClosingAllDescriptorsLosesNothing) {
  const auto record = Join("survivor");
  record->AddInFlight(MiB(5));
  Peer shortlived([&] {
    const auto other = Join("shortlived");
    other->AddInFlight(MiB(1));
    stages_->Reach(1);
    ::pause();
    return 0;
  });
  stages_->Until(1);
  Peer daemon([&] {
    const auto other = Join("daemon");
    for (int fd = 3; fd < 1024; ++fd) ::close(fd);
    // The numbers are another file's now.
    while (::open("/dev/null", O_RDONLY | O_CLOEXEC) < 64) {
    }
    other->AddInFlight(MiB(2));
    const Bytes before = other->InFlightOfAll(kNow);
    stages_->Reach(2);
    stages_->Until(3);
    other->LookAfterTenants();
    const Bytes after = other->InFlightOfAll(kNow);
    return before == MiB(8) && after == MiB(7) ? 0 : 1;
  });
  stages_->Until(2);
  record->LookAfterTenants();
  EXPECT_EQ(record->InFlightOfAll(kNow), MiB(8));
  shortlived.Kill();
  stages_->Reach(3);
  EXPECT_EQ(daemon.Wait(), 0);
}

// Tenants are killed wherever they are: in Join, adding, settling, leaving.
TEST_F(MachineRecordProcessTest, KilledTenantsLeaveNothing) {
  FakeClock clock;
  const auto record = Join("survivor", &clock);
  record->AddInFlight(MiB(7));
  Peer steady([&] {
    const auto other = Join("steady");
    other->AddInFlight(MiB(11));
    stages_->Reach(1);
    for (;;) ::pause();
    return 0;
  });
  stages_->Until(1);
  SharedWithPeers<std::atomic<int>> steps;
  std::mt19937 random(2026);
  const int kills = Rounds(2000, 50'000);
  for (int i = 0; i < kills; ++i) {
    *steps = 0;
    Peer victim([&] {
      for (int n = 0;; ++n) {
        const auto other = Join("victim");
        if (other == nullptr) return 1;
        for (int step = 0; step < 8; ++step) {
          other->AddInFlight(MiB(3));
          other->RememberRefusal({.asked = MiB(1), .limited_by = "floor"},
                                 absl::Now());
          other->Settle(MiB(1), kNow);
          other->SubtractInFlight(MiB(1));
          steps->fetch_add(1);
        }
      }
    });
    const int until = static_cast<int>(random() % 40);
    Await([&] { return steps->load() >= until; });
    for (uint32_t spin = random() % 20'000; spin > 0; --spin) {
      std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    victim.Kill();
    record->LookAfterTenants();
    ASSERT_EQ(record->InFlightOfAll(kNow), MiB(18)) << "kill " << i;
    ASSERT_EQ(record->Tenants().size(), 2u) << "kill " << i;
    ASSERT_TRUE(record->Refusals(100).empty()) << "kill " << i;
  }
  // All slots but two are free.
  std::vector<std::unique_ptr<MachineRecord>> records;
  for (int i = 2; i < MachineRecord::kMaxTenants; ++i) {
    records.push_back(Join());
    ASSERT_NE(records.back(), nullptr);
  }
  EXPECT_EQ(record->InFlightOfAll(kNow), MiB(18));
}

}  // namespace
}  // namespace governor
