#include "governor/device_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace governor {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

Bytes SumOf(const Snapshot& snapshot) {
  return snapshot.governed + snapshot.unmanaged + snapshot.other_processes +
         snapshot.os + snapshot.evictable + snapshot.free;
}

HostMemoryParts Machine() {
  return {.total = GiB(16),
          .free = GiB(6),
          .per_cpu_free = MiB(100),
          .evictable = GiB(3),
          .dirty = MiB(200),
          .anonymous = GiB(2),
          .shared_memory = GiB(2),
          .mlocked = MiB(256),
          .slab = MiB(512),
          .kernel = MiB(64),
          .residual = GiB(16) - GiB(13) - MiB(100 + 200 + 256 + 512 + 64)};
}

TEST(DevicePartsTest, OfACardAreTheDriversFigures) {
  Snapshot snapshot;
  FillDeviceParts({.total = GiB(140),
                   .free = GiB(100),
                   .governed = GiB(30),
                   .unmanaged = UnmanagedReading{.unmanaged = GiB(1),
                                                 .means = "nvml",
                                                 .other_processes = GiB(8)},
                   .knows_driver_pool = true},
                  snapshot);
  EXPECT_EQ(snapshot.governed, GiB(30));
  EXPECT_EQ(snapshot.unmanaged, GiB(1));
  EXPECT_EQ(snapshot.other_processes, GiB(8));
  EXPECT_EQ(snapshot.free, GiB(100));
  EXPECT_EQ(snapshot.os, GiB(1));
  EXPECT_EQ(snapshot.residual, GiB(1));
  EXPECT_EQ(SumOf(snapshot), snapshot.total);
  EXPECT_THAT(snapshot.estimated, IsEmpty());
}

TEST(DevicePartsTest, WhatIsNotMeasuredIsNamed) {
  Snapshot snapshot;
  FillDeviceParts({.total = GiB(140), .free = GiB(100), .governed = GiB(30)},
                  snapshot);
  EXPECT_THAT(snapshot.estimated, Contains("unmanaged_bytes"));
  EXPECT_THAT(snapshot.estimated, Contains("other_processes_bytes"));
  EXPECT_THAT(snapshot.estimated, Contains("driver_pool_bytes"));
  EXPECT_EQ(SumOf(snapshot), snapshot.total);
}

TEST(DevicePartsTest, OfTheMachinesMemoryAreTheKernelsFigures) {
  Snapshot snapshot;
  FillDeviceParts({.total = GiB(16),
                   .free = GiB(6),
                   .governed = GiB(1),
                   .is_host_driver = true,
                   .unmanaged = UnmanagedReading{.means = "books"},
                   .machine = Machine(),
                   .knows_driver_pool = true},
                  snapshot);
  EXPECT_EQ(snapshot.governed, GiB(1));
  EXPECT_EQ(snapshot.free, GiB(6) + MiB(100));
  EXPECT_EQ(snapshot.evictable, GiB(3));
  // Governed memory is among the memory files, and not another process's.
  EXPECT_EQ(snapshot.other_processes, GiB(2) + GiB(1) + MiB(256));
  EXPECT_EQ(SumOf(snapshot), snapshot.total);
  EXPECT_THAT(snapshot.estimated, Not(Contains("os_bytes")));
}

TEST(DevicePartsTest, WhatIsGrantedAndNotTouchedIsNotFree) {
  Snapshot snapshot;
  FillDeviceParts({.total = GiB(16),
                   .free = GiB(6),
                   .governed = GiB(4),
                   .untouched = GiB(4),
                   .is_host_driver = true,
                   .unmanaged = UnmanagedReading{.means = "books"},
                   .machine = Machine(),
                   .knows_driver_pool = true},
                  snapshot);
  EXPECT_EQ(snapshot.free, GiB(2) + MiB(100));
  EXPECT_EQ(snapshot.other_processes, GiB(4) + MiB(256));
  EXPECT_EQ(SumOf(snapshot), snapshot.total);
}

TEST(DevicePartsTest, WhatDriversHoldIsNoResidual) {
  HostMemoryParts machine = Machine();
  machine.residual += GiB(4);  // governed, and one process more
  machine.free = machine.free - GiB(4);
  Snapshot snapshot;
  const UnmanagedReading unmanaged{
      .unmanaged = MiB(512), .means = "nvml", .other_processes = GiB(1)};
  FillDeviceParts({.total = GiB(16),
                   .free = GiB(2),
                   .governed = GiB(2) + MiB(512),
                   .unmanaged = unmanaged,
                   .machine = machine},
                  snapshot);
  EXPECT_EQ(snapshot.residual, Machine().residual);
  EXPECT_EQ(SumOf(snapshot), snapshot.total);
}

// A masked /proc/meminfo, without one of the lines that must be there.
TEST(DevicePartsTest, OfAMachineThatDoesNotSayWhatIsFreeIsEstimated) {
  DeviceReading reading{.total = GiB(16),
                        .free = GiB(15),
                        .governed = GiB(1),
                        .is_host_driver = true,
                        .unmanaged = UnmanagedReading{.means = "books"},
                        .knows_driver_pool = true};
  Snapshot snapshot;
  FillDeviceParts(reading, snapshot);
  EXPECT_THAT(snapshot.estimated, IsEmpty());
  reading.machine_is_unknown = true;
  FillDeviceParts(reading, snapshot);
  EXPECT_THAT(snapshot.estimated,
              ElementsAre("other_processes_bytes", "os_bytes",
                          "evictable_bytes", "free_bytes", "residual_bytes"));
  EXPECT_EQ(SumOf(snapshot), snapshot.total);
}

// The lines that must be there, and no others.
TEST(DevicePartsTest, WhatMaskedLinesWouldTellIsEstimated) {
  DeviceReading reading{
      .total = GiB(16),
      .unmanaged = UnmanagedReading{.means = "books"},
      .machine = HostMemoryParts{.total = GiB(16), .free = GiB(6)},
      .knows_driver_pool = true};
  Snapshot snapshot;
  FillDeviceParts(reading, snapshot);
  EXPECT_EQ(snapshot.free, GiB(6));
  EXPECT_THAT(snapshot.estimated,
              ElementsAre("other_processes_bytes", "os_bytes", "residual_bytes",
                          "evictable_bytes"));
  EXPECT_EQ(SumOf(snapshot), snapshot.total);
  reading.machine = Machine();
  FillDeviceParts(reading, snapshot);
  EXPECT_THAT(snapshot.estimated, IsEmpty());
}

TEST(DevicePartsTest, ReadingsOfDifferentMomentsAddUpAllTheSame) {
  std::mt19937_64 random(6);
  const auto any = [&] { return MiB(random() % 20'000); };
  for (int i = 0; i < 10'000; ++i) {
    DeviceReading reading{.total = GiB(16),
                          .free = any(),
                          .governed = any(),
                          .untouched = any(),
                          .is_host_driver = random() % 2 == 0,
                          .driver_pool = any(),
                          .knows_driver_pool = random() % 2 == 0};
    if (random() % 2 == 0) {
      reading.unmanaged = UnmanagedReading{.unmanaged = any(), .means = "nvml"};
      if (random() % 2 == 0) reading.unmanaged->other_processes = any();
    }
    if (random() % 2 == 0) {
      reading.machine = HostMemoryParts{.total = GiB(16),
                                        .free = any(),
                                        .evictable = any(),
                                        .anonymous = any(),
                                        .shared_memory = any()};
    }
    Snapshot snapshot;
    FillDeviceParts(reading, snapshot);
    ASSERT_EQ(SumOf(snapshot), snapshot.total) << "round " << i;
    ASSERT_LE(snapshot.residual, snapshot.os) << "round " << i;
  }
}

}  // namespace
}  // namespace governor
