#include "governor/driver/host_driver/machine_memory.h"

#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(MachineMemoryTest, ReadsMemFree) {
  EXPECT_EQ(ParseMeminfo("MemTotal:       24684096 kB\n"
                         "MemFree:          123456 kB\n"
                         "MemAvailable:   20000000 kB\n",
                         "MemFree"),
            KiB(123456));
  EXPECT_EQ(ParseMeminfo("MemTotal: 1 kB\n", "MemFree"), std::nullopt);
  EXPECT_EQ(ParseMeminfo("MemFree: many kB\n", "MemFree"), std::nullopt);
  EXPECT_EQ(ParseMeminfo("", "MemFree"), std::nullopt);
  EXPECT_EQ(ParseMeminfo("MemFree: 1 kB\nMemAvailable: 2 kB\n", "MemAvailable"),
            KiB(2));
  EXPECT_GT(MachineMemAvailable().value_or(Bytes()), Bytes());
  EXPECT_GT(MachineMemFree().value_or(Bytes()), Bytes());
}

TEST(MachineMemoryTest, KnowsItsNodes) {
  EXPECT_TRUE(IsMemoryNode(0));
  EXPECT_TRUE(IsMemoryNode(CurrentMemoryNode()));
  EXPECT_FALSE(IsMemoryNode(-1));
  EXPECT_FALSE(IsMemoryNode(12345));
}

}  // namespace
}  // namespace governor
