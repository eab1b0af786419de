#include "governor/policy/host_findings.h"

#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using State = Finding::State;
using testing::HasSubstr;

// A quiet machine of 121 GiB that reserves 8.
HostObservation Quiet() {
  HostObservation seen;
  seen.floor = GiB(8);
  seen.budget = GiB(113);
  HostSnapshot& now = seen.now;
  now.meminfo.emplace();
  now.meminfo->total = GiB(121);
  now.meminfo->free = GiB(50);
  now.meminfo->available = GiB(60);
  now.meminfo->cached = GiB(10);
  now.meminfo->commit_limit = GiB(60);
  now.meminfo->committed = GiB(20);
  now.stall.emplace();
  now.vmstat = HostSnapshot::Vmstat();
  now.vmstat->page_size = KiB(4);
  now.contiguity = {.huge_free = GiB(45), .free = GiB(50)};
  now.zones.emplace();
  now.zones->high_watermarks = MiB(400);
  now.swaps = HostSnapshot::Swaps();
  seen.settings = {.overcommit_memory = 0,
                   .min_free = MiB(64),
                   .watermark_boost_factor = 15000,
                   .huge_pages = "madvise",
                   .huge_pages_defrag = "madvise"};
  return seen;
}

TEST(HostFindingsTest, OfAQuietMachineAllIsWellAndNothingIsAdvised) {
  for (const Finding& found : HostFindings(Quiet())) {
    EXPECT_EQ(found.state, State::kOk) << found.name << ": " << found.message;
    EXPECT_EQ(found.cost + found.remedy, "") << found.name;
    EXPECT_NE(found.message, "") << found.name;
  }
}

TEST(HostFindingsTest, WhatIsNotWellHasItsCostAndItsRemedy) {
  HostObservation seen;  // nothing could be read
  seen.now.faults = {{HostSnapshot::Fault::Kind::kMissing, "proc/meminfo", "x"},
                     {HostSnapshot::Fault::Kind::kMissing, "proc/swaps", "x"}};
  int bad = 0;
  for (const Finding& found : HostFindings(seen)) {
    if (found.state == State::kOk) continue;
    ++bad;
    EXPECT_NE(found.cost, "") << found.name;
    EXPECT_NE(found.remedy, "") << found.name;
  }
  EXPECT_EQ(bad, 5);  // OS reserve, pressure, PSI and the two
}

TEST(HostFindingsTest, WhatWasNotReadIsNotWell) {
  HostObservation seen = Quiet();
  seen.now.stall.reset();
  EXPECT_EQ(PressureFinding(seen).state, State::kOk);  // by vmstat
  seen.now.vmstat.reset();
  EXPECT_EQ(PressureFinding(seen).state, State::kLack);
  EXPECT_THAT(PressureFinding(seen).message, HasSubstr("not known"));
  EXPECT_THAT(PressureFinding(seen).message, HasSubstr("proc/vmstat"));
  EXPECT_THAT(StallInformationFinding(seen.now).cost,
              HasSubstr("not judged at all"));

  EXPECT_EQ(CgroupFinding(seen).state, State::kOk);
  for (const char* source :
       {"sys/fs/cgroup", "proc/self/cgroup", "sys/fs/cgroup/box/memory.max"}) {
    seen.now.faults = {{HostSnapshot::Fault::Kind::kMissing, source, "gone"}};
    const Finding found = CgroupFinding(seen);
    EXPECT_EQ(found.state, State::kNote) << source;
    EXPECT_THAT(found.message, HasSubstr("not known"));
    EXPECT_THAT(found.message, HasSubstr(source));
    EXPECT_NE(found.cost, "");
    EXPECT_NE(found.remedy, "");
  }
  seen.now.faults = {
      {HostSnapshot::Fault::Kind::kMissing, "proc/swaps", "gone"}};
  EXPECT_EQ(CgroupFinding(seen).state, State::kOk);
}

// As FloorGate does: 50 GiB are free, and may all be movable.
TEST(HostFindingsTest, WithoutZonesAllFreeMemoryIsTakenForMovable) {
  HostObservation seen = Quiet();
  EXPECT_EQ(FloorFinding(seen).bytes, GiB(52));
  seen.now.zones.reset();
  EXPECT_EQ(FloorFinding(seen).bytes, GiB(2));
  EXPECT_THAT(FloorFinding(seen).message, HasSubstr("proc/zoneinfo"));
  seen.now.meminfo->available = GiB(55);
  EXPECT_EQ(FloorFinding(seen).state, State::kLack);
  EXPECT_EQ(FloorFinding(seen).bytes, GiB(3));
}

TEST(HostFindingsTest, ACgroupsRemedyNamesTheFileOfItsVersion) {
  HostObservation seen = Quiet();
  seen.now.cgroup = HostSnapshot::Cgroup();
  EXPECT_THAT(CgroupFinding(seen).remedy, HasSubstr("memory.max"));
  seen.now.cgroup->version = 1;
  EXPECT_THAT(CgroupFinding(seen).remedy, HasSubstr("memory.limit_in_bytes"));
  EXPECT_THAT(CgroupFinding(seen).remedy, Not(HasSubstr("memory.max")));
}

// seeds.md AT-29: the same symptom, two causes and two remedies.
TEST(HostFindingsTest, AT29ShortOfMemoryAndShortOfContiguityAreTwoFindings) {
  HostObservation little = Quiet();
  little.now.meminfo->available = GiB(5);
  EXPECT_EQ(FloorFinding(little).state, State::kLack);
  EXPECT_EQ(FloorFinding(little).bytes, GiB(3));
  EXPECT_EQ(ContiguityFinding(little)->state, State::kOk);

  HostObservation broken = Quiet();
  broken.now.contiguity->huge_free = Bytes();
  EXPECT_EQ(FloorFinding(broken).state, State::kOk);
  const Finding found = *ContiguityFinding(broken);
  EXPECT_EQ(found.state, State::kLack);
  EXPECT_THAT(found.message, HasSubstr("60GiB is available, and 0B of it"));
  EXPECT_THAT(found.remedy, HasSubstr("compact_memory"));
  EXPECT_NE(found.remedy, FloorFinding(little).remedy);
}

TEST(HostFindingsTest, AFullPageCacheIsNotBrokenUpMemory) {
  HostObservation seen = Quiet();
  seen.now.meminfo->free = MiB(222);
  seen.now.contiguity = {.huge_free = MiB(156), .free = MiB(222)};
  const Finding found = *ContiguityFinding(seen);
  EXPECT_EQ(found.state, State::kNote);
  EXPECT_THAT(found.message, HasSubstr("page cache"));
  EXPECT_EQ(FloorFinding(seen).state, State::kOk);
}

TEST(HostFindingsTest, ACgroupIsNoShortageOfTheMachine) {
  HostObservation seen = Quiet();
  seen.now.cgroup = HostSnapshot::Cgroup();
  seen.now.cgroup->path = "/box";
  seen.now.cgroup->limit = GiB(8);
  seen.now.cgroup->smallest_limit = GiB(8);
  seen.now.cgroup->used = GiB(8);
  EXPECT_EQ(FloorFinding(seen).state, State::kOk);
  EXPECT_EQ(FloorFinding(seen).bytes, GiB(52));
  Finding found = CgroupFinding(seen);
  EXPECT_EQ(found.state, State::kNote);
  EXPECT_THAT(found.message, HasSubstr("8GiB of '/box' (version 2)"));
  EXPECT_THAT(found.cost, HasSubstr("cuts a budget"));
  seen.now.cgroup->limit = GiB(120);
  seen.now.cgroup->smallest_limit = GiB(120);
  EXPECT_THAT(CgroupFinding(seen).cost, Not(HasSubstr("cuts a budget")));
}

// A budget is measured by the smallest limit, whichever group is the fullest.
TEST(HostFindingsTest, ACgroupWithASmallerLimitCutsTheBudget) {
  HostObservation seen = Quiet();
  seen.now.cgroup = HostSnapshot::Cgroup();
  seen.now.cgroup->path = "/full";
  seen.now.cgroup->limit = GiB(120);
  seen.now.cgroup->smallest_limit = GiB(8);
  const Finding found = CgroupFinding(seen);
  EXPECT_THAT(found.message, HasSubstr("120GiB of '/full'"));
  EXPECT_THAT(found.cost, HasSubstr("to the smallest limit: 8GiB"));
}

TEST(HostFindingsTest, PressureIsWhatItsJudgeSaid) {
  HostObservation seen = Quiet();
  seen.pressure = {PressureLevel::kSome, "swap-in 20 MiB/s"};
  EXPECT_EQ(PressureFinding(seen).state, State::kNote);
  EXPECT_EQ(PressureFinding(seen).message, "some: swap-in 20 MiB/s");
  seen.pressure.level = PressureLevel::kCritical;
  EXPECT_EQ(PressureFinding(seen).state, State::kLack);
}

TEST(HostFindingsTest, UsedSwapIsNoPressure) {
  HostObservation seen = Quiet();
  seen.now.swaps =
      HostSnapshot::Swaps{.devices = 1, .size = GiB(16), .used = GiB(15)};
  EXPECT_EQ(SwapFinding(seen.now)->state, State::kNote);
  EXPECT_EQ(SwapFinding(seen.now)->bytes, GiB(15));
  EXPECT_EQ(PressureFinding(seen).state, State::kOk);
  EXPECT_THAT(SwapFinding(seen.now)->cost, Not(HasSubstr("zram")));
  seen.now.swaps->compressed_memory = true;
  EXPECT_THAT(SwapFinding(seen.now)->cost, HasSubstr("zram"));
}

TEST(HostFindingsTest, CmaThatIsMoreThanThereIsIsKho) {
  HostObservation seen = Quiet();
  EXPECT_EQ(CmaFinding(seen.now), std::nullopt);
  seen.now.meminfo->cma_total = GiB(2);
  seen.now.meminfo->cma_free = GiB(1);
  EXPECT_EQ(CmaFinding(seen.now)->state, State::kNote);
  seen.now.meminfo->cma_total = Bytes();
  seen.now.meminfo->cma_free = MiB(9523);
  EXPECT_EQ(CmaFinding(seen.now)->state, State::kLack);
  EXPECT_THAT(CmaFinding(seen.now)->remedy, HasSubstr("kho=off"));
}

TEST(HostFindingsTest, WatermarksCountFromOnePartInAHundred) {
  HostObservation seen = Quiet();
  EXPECT_EQ(WatermarkFinding(seen)->state, State::kOk);
  seen.settings.min_free = GiB(4);
  EXPECT_THAT(WatermarkFinding(seen)->remedy, HasSubstr("min_free_kbytes"));
  seen.settings.min_free = MiB(64);
  seen.now.zones->high_watermarks = GiB(10);
  EXPECT_EQ(WatermarkFinding(seen)->state, State::kLack);
  EXPECT_THAT(WatermarkFinding(seen)->remedy, HasSubstr("boost_factor=0"));
  seen.settings.watermark_boost_factor = 0;
  EXPECT_EQ(WatermarkFinding(seen)->state, State::kOk);
}

TEST(HostFindingsTest, HostileNumbersDoNotWrap) {
  HostObservation seen = Quiet();
  seen.now.zones->high_watermarks = Bytes(~uint64_t{0});
  seen.settings.watermark_boost_factor = ~uint64_t{0};
  seen.now.vmstat->pinned = ~uint64_t{0};
  EXPECT_EQ(WatermarkFinding(seen)->state, State::kLack);
  EXPECT_EQ(LockedMemoryFinding(seen.now), std::nullopt);
}

TEST(HostFindingsTest, MemoryThatNobodyElseCanHave) {
  HostObservation seen = Quiet();
  EXPECT_EQ(HugePagePoolFinding(seen.now), std::nullopt);
  seen.now.meminfo->hugetlb = GiB(4);
  EXPECT_EQ(HugePagePoolFinding(seen.now)->state, State::kNote);
  seen.now.meminfo->hugetlb_free = GiB(4);
  EXPECT_EQ(HugePagePoolFinding(seen.now)->state, State::kLack);

  EXPECT_EQ(LockedMemoryFinding(seen.now), std::nullopt);
  seen.now.vmstat->pinned = 1 << 20;
  EXPECT_EQ(LockedMemoryFinding(seen.now)->bytes, GiB(4));
  seen.now.meminfo->unevictable = GiB(62);
  EXPECT_EQ(LockedMemoryFinding(seen.now)->bytes, GiB(62));

  EXPECT_EQ(MovableZoneFinding(seen.now), std::nullopt);
  seen.now.zones->movable_free = GiB(3);
  EXPECT_EQ(MovableZoneFinding(seen.now)->bytes, GiB(3));

  EXPECT_EQ(CpuListFinding(seen.now), std::nullopt);
  seen.now.zones->per_cpu = MiB(375);
  EXPECT_EQ(CpuListFinding(seen.now)->bytes, MiB(375));
}

TEST(HostFindingsTest, DriversFrom590KeepWhatWasReleased) {
  HostObservation seen = Quiet();
  EXPECT_EQ(DriverPoolFinding(seen), std::nullopt);
  seen.settings.nvidia_driver = "580.95.05";
  seen.settings.nvidia_driver_branch = 580;
  EXPECT_EQ(DriverPoolFinding(seen), std::nullopt);
  seen.settings.nvidia_driver = "590.48.01";
  seen.settings.nvidia_driver_branch = 590;
  seen.now.meminfo->unaccounted = GiB(51);
  seen.now.zones->per_cpu = GiB(1);
  EXPECT_EQ(DriverPoolFinding(seen)->state, State::kNote);
  EXPECT_EQ(DriverPoolFinding(seen)->bytes, GiB(50));
  seen.settings.nvidia_pools_off = true;
  EXPECT_EQ(DriverPoolFinding(seen)->state, State::kOk);
}

TEST(HostFindingsTest, WhatTheKernelWasTold) {
  HostObservation seen = Quiet();
  seen.settings.overcommit_memory = 2;
  EXPECT_EQ(OvercommitFinding(seen)->state, State::kLack);
  EXPECT_EQ(OvercommitFinding(seen)->bytes, GiB(40));
  seen.settings.overcommit_memory = 1;
  EXPECT_EQ(OvercommitFinding(seen)->state, State::kOk);

  EXPECT_EQ(HugePagesFinding({.huge_pages = "never"})->state, State::kNote);
  EXPECT_EQ(HugePagesFinding({.huge_pages = "always"})->state, State::kOk);
  EXPECT_EQ(
      HugePagesFinding({.huge_pages = "always", .huge_pages_defrag = "always"})
          ->state,
      State::kNote);
  EXPECT_EQ(HugePagesFinding({}), std::nullopt);
}

TEST(HostFindingsTest, FaultsAreNamedEachWithWhatIsThenNotDone) {
  HostSnapshot now = Quiet().now;
  EXPECT_THAT(SourceFindings(now), testing::IsEmpty());
  EXPECT_EQ(StallInformationFinding(now).state, State::kOk);
  now.stall.reset();
  now.faults = {
      {HostSnapshot::Fault::Kind::kMissing, "proc/pressure/memory", "no file"},
      {HostSnapshot::Fault::Kind::kUnreadable, "proc/vmstat", "denied"},
      {HostSnapshot::Fault::Kind::kDisagrees, "proc/meminfo", "sysinfo: 4GiB"}};
  EXPECT_THAT(StallInformationFinding(now).message, HasSubstr("no file"));
  const std::vector<Finding> found = SourceFindings(now);
  ASSERT_EQ(found.size(), 2);
  EXPECT_EQ(found[0].name, "unread source");
  EXPECT_THAT(found[0].message, HasSubstr("proc/vmstat: denied"));
  EXPECT_THAT(found[0].cost, HasSubstr("not judged at all"));
  now.stall.emplace();
  EXPECT_THAT(SourceFindings(now)[0].cost, HasSubstr("PSI alone"));
  EXPECT_EQ(found[1].name, "masked counters");
  EXPECT_THAT(found[1].message, HasSubstr("sysinfo: 4GiB"));
}

// docs/host_signals.md has the same.
TEST(HostFindingsTest, WithoutAFileOfAGroupTheLastReadingOfItCounts) {
  for (const auto& [source, cost] :
       {std::pair("sys/fs/cgroup/box/memory.max", "limit that the container"),
        {"sys/fs/cgroup/memory/box/memory.limit_in_bytes",
         "limit that the container"},
        {"sys/fs/cgroup/box/memory.current", "room that the container"},
        {"sys/fs/cgroup/memory/box/memory.usage_in_bytes",
         "room that the container"},
        {"sys/fs/cgroup/box/memory.stat", "grants end sooner"},
        {"proc/self/cgroup", "no limit of a container"},
        {"sys/fs/cgroup", "no limit of a container"}}) {
    HostSnapshot now;
    now.faults = {{HostSnapshot::Fault::Kind::kUnreadable, source, "denied"}};
    const std::vector<Finding> found = SourceFindings(now);
    ASSERT_EQ(found.size(), 1);
    EXPECT_THAT(found[0].cost, HasSubstr(cost)) << source;
  }
}

}  // namespace
}  // namespace governor
