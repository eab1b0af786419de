#include "governor/driver/host_driver/machine_memory.h"

#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(MachineMemoryTest, ReadsMemFree) {
  EXPECT_EQ(ParseMemFree("MemTotal:       24684096 kB\n"
                         "MemFree:          123456 kB\n"
                         "MemAvailable:   20000000 kB\n"),
            KiB(123456));
  EXPECT_EQ(ParseMemFree("MemTotal: 1 kB\n"), std::nullopt);
  EXPECT_EQ(ParseMemFree("MemFree: many kB\n"), std::nullopt);
  EXPECT_EQ(ParseMemFree(""), std::nullopt);
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
