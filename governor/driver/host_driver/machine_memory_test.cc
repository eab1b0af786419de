#include "governor/driver/host_driver/machine_memory.h"

#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(MachineMemoryTest, ReadsMemFree) {
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
