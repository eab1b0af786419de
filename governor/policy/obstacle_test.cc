#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/host/host_snapshot.h"
#include "governor/policy/host_headroom.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr Bytes kMost = Bytes(~uint64_t{0});

constexpr Bytes kFloor = GiB(8);

HostSnapshot Machine(Bytes available) {
  HostSnapshot now;
  now.meminfo.emplace();
  now.meminfo->total = GiB(120);
  now.meminfo->available = available;
  return now;
}

Bytes SpareOf(const HostSnapshot& now) {
  return HostSpareOf(now, kFloor, Bytes()).spare;
}

constexpr Bytes kStep = GiB(1);

HostSnapshot FullReading(Bytes available, Bytes huge_free) {
  HostSnapshot now = Machine(available);
  now.taken_at = absl::Seconds(100);
  now.contiguity.emplace();
  now.contiguity->huge_free = huge_free;
  now.contiguity->free = available;
  now.stall.emplace();
  now.vmstat = HostSnapshot::Vmstat();
  return now;
}

// 100 ms earlier, with counters at zero.
HostSnapshot Earlier(const HostSnapshot& now) {
  HostSnapshot before = now;
  before.taken_at -= absl::Milliseconds(100);
  before.stall = HostSnapshot::Stall();
  before.vmstat = HostSnapshot::Vmstat();
  return before;
}

Obstacle ObstacleIn(const HostSnapshot& now,
                    absl::Duration own_stall = absl::ZeroDuration()) {
  const HostSnapshot before = Earlier(now);
  return ObstacleTo(kStep, kFloor, now, &before, own_stall);
}

// Two machines that refuse for two reasons: (a) has no memory, (b) has 60 GiB
// of it, and no piece of 2 MiB.
TEST(ObstacleTest, AT29ShortOfMemoryAndShortOfContiguityAreTwoAnswers) {
  const HostSnapshot a = FullReading(GiB(8), GiB(4));
  EXPECT_EQ(SpareOf(a), Bytes());
  EXPECT_EQ(HostSpareOf(a, kFloor, Bytes()).limited_by, "os_reserve");
  EXPECT_EQ(ObstacleIn(a), Obstacle::kNone);

  const HostSnapshot b = FullReading(GiB(60), Bytes());
  EXPECT_GE(SpareOf(b), kStep);
  EXPECT_EQ(ObstacleIn(b), Obstacle::kContiguity);
  EXPECT_EQ(ObstacleTo(kStep, kFloor, b, nullptr, absl::ZeroDuration()),
            Obstacle::kContiguity);
}

TEST(ObstacleTest, ContiguousMemoryForTheStepIsEnough) {
  EXPECT_EQ(ObstacleIn(FullReading(GiB(60), kStep)), Obstacle::kNone);
  EXPECT_EQ(ObstacleIn(FullReading(GiB(60), kStep - Bytes(1))),
            Obstacle::kContiguity);
}

TEST(ObstacleTest, ContiguityThatIsNotKnownIsNotJudged) {
  HostSnapshot now = FullReading(GiB(60), Bytes());
  now.contiguity.reset();
  EXPECT_EQ(ObstacleIn(now), Obstacle::kNone);
}

TEST(ObstacleTest, StallsCountOnlyWithinTwiceTheFloor) {
  HostSnapshot now = FullReading(GiB(16) - Bytes(1), GiB(4));
  now.stall->some = absl::Milliseconds(10);
  EXPECT_EQ(ObstacleIn(now), Obstacle::kReclaim);
  now.stall->some = absl::Microseconds(9999);
  EXPECT_EQ(ObstacleIn(now), Obstacle::kNone);
  now = FullReading(GiB(16), GiB(4));
  now.stall->some = absl::Milliseconds(100);
  EXPECT_EQ(ObstacleIn(now), Obstacle::kNone);
  // What no driver can have does not make a machine far from its floor.
  now.meminfo->dirty = MiB(1);
  EXPECT_EQ(ObstacleIn(now), Obstacle::kReclaim);
  now.meminfo->dirty = Bytes();
  now.zones.emplace();
  now.zones->movable_free = MiB(1);
  EXPECT_EQ(ObstacleIn(now), Obstacle::kReclaim);
}

TEST(ObstacleTest, OwnStallsAreNotOthers) {
  HostSnapshot now = FullReading(GiB(12), GiB(4));
  now.stall->some = absl::Milliseconds(60);
  EXPECT_EQ(ObstacleIn(now, absl::Milliseconds(55)), Obstacle::kNone);
  EXPECT_EQ(ObstacleIn(now, absl::Milliseconds(50)), Obstacle::kReclaim);
  // A negative one would make stalls of nothing.
  now.stall->some = absl::ZeroDuration();
  EXPECT_EQ(ObstacleIn(now, -absl::Seconds(1)), Obstacle::kNone);
}

TEST(ObstacleTest, DirectReclaimCountsUnlessItMayBeOurOwn) {
  HostSnapshot stalls = FullReading(GiB(12), GiB(4));
  stalls.vmstat->reclaim_stalls = 1;
  HostSnapshot scans = FullReading(GiB(12), GiB(4));
  scans.vmstat->scanned_direct = 32;
  for (HostSnapshot& now : std::vector<HostSnapshot>{stalls, scans}) {
    EXPECT_EQ(ObstacleIn(now), Obstacle::kReclaim);
    EXPECT_EQ(ObstacleIn(now, absl::Milliseconds(1)), Obstacle::kNone);
    now.meminfo->available = GiB(16);
    EXPECT_EQ(ObstacleIn(now), Obstacle::kNone);
  }
}

TEST(ObstacleTest, EitherSourceIsEnoughAndNoneIsNoObstacle) {
  HostSnapshot now = FullReading(GiB(12), GiB(4));
  now.stall->some = absl::Milliseconds(50);
  now.vmstat->reclaim_stalls = 1;
  HostSnapshot masked = now;
  masked.vmstat.reset();
  EXPECT_EQ(ObstacleIn(masked), Obstacle::kReclaim);
  masked = now;
  masked.stall.reset();
  HostSnapshot before = Earlier(now);
  before.stall.reset();
  EXPECT_EQ(ObstacleTo(kStep, kFloor, masked, &before, absl::ZeroDuration()),
            Obstacle::kReclaim);
  masked.vmstat.reset();
  before.vmstat.reset();
  EXPECT_EQ(ObstacleTo(kStep, kFloor, masked, &before, absl::ZeroDuration()),
            Obstacle::kNone);
}

TEST(ObstacleTest, OldReadingsAndResetCountersSayNothing) {
  HostSnapshot now = FullReading(GiB(12), GiB(4));
  now.stall->some = absl::Seconds(2);
  now.vmstat->reclaim_stalls = 1;
  HostSnapshot before = Earlier(now);
  before.taken_at = now.taken_at - absl::Milliseconds(1001);
  EXPECT_EQ(ObstacleTo(kStep, kFloor, now, &before, absl::ZeroDuration()),
            Obstacle::kNone);
  before.taken_at = now.taken_at;
  EXPECT_EQ(ObstacleTo(kStep, kFloor, now, &before, absl::ZeroDuration()),
            Obstacle::kNone);
  before = Earlier(now);
  EXPECT_EQ(ObstacleTo(kStep, kFloor, before, &now, absl::ZeroDuration()),
            Obstacle::kNone);
  before.taken_at = now.taken_at + absl::Milliseconds(100);
  EXPECT_EQ(ObstacleTo(kStep, kFloor, before, &now, absl::ZeroDuration()),
            Obstacle::kNone)
      << "counters went backwards";
}

TEST(ObstacleTest, NothingWrapsWithAFloorOfAnySize) {
  HostSnapshot now = FullReading(GiB(12), kMost);
  now.stall->some = absl::Milliseconds(50);
  const HostSnapshot before = Earlier(now);
  EXPECT_EQ(ObstacleTo(kMost, kMost, now, &before, absl::ZeroDuration()),
            Obstacle::kReclaim);
  now.meminfo.reset();
  EXPECT_EQ(ObstacleTo(kStep, kMost, now, &before, absl::ZeroDuration()),
            Obstacle::kNone);
}

}  // namespace
}  // namespace governor
