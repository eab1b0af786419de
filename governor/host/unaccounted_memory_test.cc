#include "governor/host/unaccounted_memory.h"

#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(UnaccountedMemoryTest, IsWhatNoCounterHas) {
  EXPECT_EQ(UnaccountedMemory("MemTotal:       1000 kB\n"
                              "MemFree:         100 kB\n"
                              "MemAvailable:    700 kB\n"
                              "Buffers:          10 kB\n"
                              "Cached:          200 kB\n"
                              "SwapCached:        1 kB\n"
                              "Shmem:            50 kB\n"
                              "AnonPages:       300 kB\n"
                              "Slab:             80 kB\n"
                              "SReclaimable:     40 kB\n"
                              "KernelStack:       2 kB\n"
                              "PageTables:        3 kB\n"
                              "SecPageTables:     4 kB\n"
                              "Bounce:            5 kB\n"
                              "Percpu:            6 kB\n"
                              "HugePages_Total:   8\n"
                              "Hugetlb:          64 kB\n"),
            KiB(1000 - 100 - 10 - 200 - 1 - 300 - 80 - 2 - 3 - 4 - 5 - 6 - 64));
}

TEST(UnaccountedMemoryTest, CountersThatAreNotThereAreZero) {
  EXPECT_EQ(UnaccountedMemory("MemTotal: 10 kB\nMemFree: 3 kB\n"), KiB(7));
}

TEST(UnaccountedMemoryTest, CountersThatPassTheTotalLeaveNothing) {
  EXPECT_EQ(UnaccountedMemory("MemTotal: 10 kB\nMemFree: 3 kB\n"
                              "Cached: 18014398509481983 kB\n"),
            Bytes(0));
}

TEST(UnaccountedMemoryTest, AMaskedFileSaysNothing) {
  for (const char* text : {"", "MemTotal: 10 kB\n", "MemFree: 10 kB\n",
                           "MemTotal: x kB\nMemFree: 1 kB\n"}) {
    EXPECT_EQ(UnaccountedMemory(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace governor
