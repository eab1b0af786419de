// Two processes with budgets of their own and the last 3 GiB above the floor.

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <new>
#include <utility>

#include "governor/governor.h"
#include "governor/tree_machine.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr int kProcesses = 2;
constexpr int kRounds = 1000;
// Of 3 GiB.
constexpr Bytes kAsked = GiB(2);

// What the processes share.
struct Course {
  // Returns when all have come; false: one has failed and will not.
  bool Meet() {
    const int turn = turns.load();
    if (arrived.fetch_add(1) + 1 == kProcesses) {
      arrived = 0;
      ++turns;
      return !failed;
    }
    while (turns == turn) {
      if (failed) return false;
      ::sched_yield();
    }
    return !failed;
  }

  std::atomic<int> arrived{0};
  std::atomic<int> turns{0};
  std::atomic<bool> failed{false};
  std::atomic<int> winners{0};  // of this round
  std::atomic<int> both{0};     // rounds
  std::atomic<int> none{0};
};

// One process: its governor, and a grant asked for in each round at once with
// the other. False where something else than a refusal came.
bool Race(Course& course, GovernorOptions options, bool counts) {
  auto governor = Governor::Create(options);
  if (!governor.ok()) return false;
  for (int round = 0; round < kRounds; ++round) {
    if (!course.Meet()) return false;
    auto lease = (*governor)->Lease(kAsked);
    if (lease.ok()) {
      ++course.winners;
    } else if (!RefusalOf(lease.status()) ||
               RefusalOf(lease.status())->limited_by != "os_reserve") {
      return false;
    }
    if (!course.Meet()) return false;
    if (counts) {
      const int winners = course.winners.exchange(0);
      if (winners > 1) ++course.both;
      if (winners == 0) ++course.none;
    }
    if (lease.ok()) lease->Release();
  }
  return (*governor)->Close().ok();
}

TEST(FloorRaceTest, OfTwoThatBothSeeTheLast3GiBNeverBothTakeThem) {
  TreeMachine machine;
  RealClock clock;
  const GovernorOptions options =
      machine.On({.budget = GiB(8), .clock = &clock});
  void* const shared = ::mmap(nullptr, sizeof(Course), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  Course& course = *new (shared) Course;
  pid_t children[kProcesses] = {};
  for (int i = 0; i < kProcesses; ++i) {
    children[i] = ::fork();
    ASSERT_GE(children[i], 0);
    if (children[i] == 0) {
      const bool raced = Race(course, options, /*counts=*/i == 0);
      if (!raced) course.failed = true;
      ::_exit(raced ? 0 : 1);
    }
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(course.turns, 2 * kRounds);
  EXPECT_EQ(course.both, 0);
  // Nobody is told that there is no room because the other asked, too.
  EXPECT_EQ(course.none, 0);
  ::munmap(shared, sizeof(Course));
}

}  // namespace
}  // namespace governor
