#include "governor/policy/host_headroom.h"

#include <algorithm>

#include "governor/base/bytes.h"
#include "governor/host/host_snapshot.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr Bytes kFloor = GiB(8);

HostSnapshot Machine(Bytes available) {
  HostSnapshot now;
  now.meminfo.emplace();
  now.meminfo->total = GiB(120);
  now.meminfo->available = available;
  return now;
}

Bytes SpareOf(const HostSnapshot& now, Bytes movable_free = Bytes()) {
  return HostSpareOf(now, kFloor, movable_free).spare;
}

TEST(HostSpareTest, IsWhatIsAboveTheFloor) {
  const HostSpare spare = HostSpareOf(Machine(GiB(11)), kFloor, Bytes());
  EXPECT_EQ(spare.spare, GiB(3));
  EXPECT_EQ(spare.shortfall, Bytes());
  EXPECT_EQ(spare.limited_by, "os_reserve");
}

TEST(HostSpareTest, BelowTheFloorSaysHowFar) {
  const HostSpare spare = HostSpareOf(Machine(GiB(5)), kFloor, Bytes());
  EXPECT_EQ(spare.spare, Bytes());
  EXPECT_EQ(spare.shortfall, GiB(3));
  EXPECT_EQ(spare.limited_by, "os_reserve");
}

// Each is in MemAvailable, and no driver can have it now.
TEST(HostSpareTest, WhatADriverCannotHaveIsNotSpare) {
  HostSnapshot now = Machine(GiB(20));
  now.meminfo->dirty = GiB(1);
  EXPECT_EQ(SpareOf(now), GiB(11));
  now.meminfo->writeback = MiB(512);
  EXPECT_EQ(SpareOf(now), MiB(10752));
  now.meminfo->cma_free = MiB(512);
  EXPECT_EQ(SpareOf(now), GiB(10));
  EXPECT_EQ(SpareOf(now, GiB(4)), GiB(6));
  EXPECT_EQ(SpareOf(now, GiB(14)), Bytes());
  EXPECT_EQ(HostSpareOf(now, kFloor, GiB(14)).shortfall, GiB(4));
}

TEST(HostSpareTest, WithoutMeminfoNothingIsSpare) {
  HostSnapshot now;
  now.cgroup = HostSnapshot::Cgroup();
  now.cgroup->limit = GiB(64);
  const HostSpare spare = HostSpareOf(now, Bytes(), Bytes());
  EXPECT_EQ(spare.spare, Bytes());
  EXPECT_EQ(spare.shortfall, Bytes());
  EXPECT_EQ(spare.limited_by, "host_unknown");
}

TEST(HostSpareTest, MoreAvailableThanThereIsIsNotBelieved) {
  HostSnapshot now = Machine(GiB(400));
  EXPECT_EQ(SpareOf(now), GiB(112));
}

HostSnapshot InCgroup(Bytes available, Bytes limit, Bytes used,
                      Bytes inactive_file) {
  HostSnapshot now = Machine(available);
  now.cgroup = HostSnapshot::Cgroup();
  now.cgroup->limit = limit;
  now.cgroup->used = used;
  now.cgroup->inactive_file = inactive_file;
  return now;
}

// A budget of 6 GiB in a container of 2 GiB: the container is named.
TEST(HostSpareTest, AT09CgroupWithLessRoomIsTheLimit) {
  constexpr Bytes kBudget = GiB(6);
  const HostSpare spare =
      HostSpareOf(InCgroup(GiB(60), GiB(2), Bytes(), Bytes()), kFloor, Bytes());
  EXPECT_EQ(std::min(kBudget, spare.spare), GiB(2));
  EXPECT_EQ(spare.limited_by, "cgroup");
  EXPECT_EQ(spare.shortfall, Bytes());
  // Without it the budget would be what ends first.
  EXPECT_GT(SpareOf(Machine(GiB(60))), kBudget);
}

TEST(HostSpareTest, InactiveFilePagesOfACgroupAreRoom) {
  EXPECT_EQ(SpareOf(InCgroup(GiB(60), GiB(4), GiB(3), GiB(1))), GiB(2));
  EXPECT_EQ(SpareOf(InCgroup(GiB(60), GiB(4), GiB(6), GiB(1))), Bytes());
  // More of them than is used at all.
  EXPECT_EQ(SpareOf(InCgroup(GiB(60), GiB(4), GiB(1), GiB(9))), GiB(4));
}

TEST(HostSpareTest, TheFloorIsNamedWhereItEndsFirst) {
  const HostSpare spare =
      HostSpareOf(InCgroup(GiB(9), GiB(4), GiB(1), Bytes()), kFloor, Bytes());
  EXPECT_EQ(spare.spare, GiB(1));
  EXPECT_EQ(spare.limited_by, "os_reserve");
  EXPECT_EQ(
      HostSpareOf(InCgroup(GiB(6), GiB(4), GiB(4), Bytes()), kFloor, Bytes())
          .limited_by,
      "os_reserve");
}

}  // namespace
}  // namespace governor
