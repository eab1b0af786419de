#include "governor/policy/host_memory_parts.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace governor {
namespace {

// A machine of 24 GiB in which every counter has its own amount.
HostSnapshot Machine() {
  HostSnapshot snapshot;
  HostSnapshot::Meminfo m;
  m.total = GiB(24);
  m.free = GiB(5);
  m.available = GiB(12);
  m.buffers = MiB(100);
  m.anonymous = GiB(4);
  m.shmem = GiB(2);
  m.cached = GiB(10);  // shmem among it
  m.dirty = MiB(300);
  m.writeback = MiB(20);
  m.mlocked = MiB(512);
  m.active_anonymous = GiB(1);
  m.inactive_anonymous = GiB(5) - MiB(512);
  m.hugetlb = MiB(256);
  m.slab = MiB(400);
  m.kernel_stack = MiB(16);
  m.page_tables = MiB(48);
  m.per_cpu = MiB(8);
  snapshot.meminfo = m;
  HostSnapshot::Zones zones;
  zones.per_cpu = MiB(200);
  snapshot.zones = zones;
  return snapshot;
}

Bytes SumOf(const HostMemoryParts& parts) {
  return parts.free + parts.per_cpu_free + parts.evictable + parts.dirty +
         parts.anonymous + parts.shared_memory + parts.mlocked + parts.hugetlb +
         parts.slab + parts.kernel + parts.residual;
}

TEST(HostMemoryPartsTest, EachKindOfMemoryIsInItsOwnPart) {
  const HostMemoryParts parts = *PartsOf(Machine());
  EXPECT_EQ(parts.free, GiB(5));
  EXPECT_EQ(parts.per_cpu_free, MiB(200));
  EXPECT_EQ(parts.mlocked, MiB(512));
  EXPECT_EQ(parts.anonymous, GiB(4) - MiB(512));
  EXPECT_EQ(parts.shared_memory, GiB(2));
  EXPECT_EQ(parts.dirty, MiB(320));
  EXPECT_EQ(parts.evictable, GiB(8) + MiB(100) - MiB(320));
  EXPECT_EQ(parts.hugetlb, MiB(256));
  EXPECT_EQ(parts.slab, MiB(400));
  EXPECT_EQ(parts.kernel, MiB(72));
  EXPECT_EQ(SumOf(parts), GiB(24));
}

TEST(HostMemoryPartsTest, MlockedFilesAreNotEvictable) {
  HostSnapshot snapshot = Machine();
  const HostMemoryParts before = *PartsOf(snapshot);
  snapshot.meminfo->mlocked += GiB(1);  // on no anonymous list's account
  const HostMemoryParts parts = *PartsOf(snapshot);
  EXPECT_EQ(parts.mlocked, before.mlocked + GiB(1));
  EXPECT_EQ(parts.anonymous, before.anonymous);
  EXPECT_EQ(parts.evictable, before.evictable - GiB(1));
  EXPECT_EQ(SumOf(parts), GiB(24));
}

TEST(HostMemoryPartsTest, WhatNoCounterHasIsTheResidual) {
  HostSnapshot snapshot = Machine();
  const Bytes before = PartsOf(snapshot)->residual;
  snapshot.meminfo->free = snapshot.meminfo->free - MiB(777);
  EXPECT_EQ(PartsOf(snapshot)->residual, before + MiB(777));
}

TEST(HostMemoryPartsTest, NoMeminfoNoParts) {
  HostSnapshot snapshot = Machine();
  snapshot.meminfo.reset();
  EXPECT_EQ(PartsOf(snapshot), std::nullopt);
}

TEST(HostMemoryPartsTest, HostileCountersAddUpAllTheSame) {
  std::mt19937_64 random(20261121);
  for (int i = 0; i < 10'000; ++i) {
    HostSnapshot snapshot = Machine();
    HostSnapshot::Meminfo& m = *snapshot.meminfo;
    for (Bytes* counter :
         {&m.free, &m.buffers, &m.anonymous, &m.shmem, &m.cached, &m.dirty,
          &m.writeback, &m.mlocked, &m.active_anonymous, &m.inactive_anonymous,
          &m.hugetlb, &m.slab, &m.kernel_stack, &m.page_tables, &m.per_cpu}) {
      if (random() % 4 == 0) *counter = Bytes(random() >> (random() % 64));
      if (random() % 16 == 0) {
        *counter = Bytes(std::numeric_limits<uint64_t>::max());
      }
    }
    ASSERT_EQ(SumOf(*PartsOf(snapshot)), m.total) << "round " << i;
  }
}

}  // namespace
}  // namespace governor
