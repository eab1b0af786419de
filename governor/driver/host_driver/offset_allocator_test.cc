#include "governor/driver/host_driver/offset_allocator.h"

#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(OffsetAllocatorTest, LaysAllocationsInARow) {
  OffsetAllocator allocator(100, 200);
  EXPECT_EQ(allocator.Allocate(10), 100);
  EXPECT_EQ(allocator.Allocate(20), 110);
  EXPECT_EQ(allocator.Allocate(70), 130);
  EXPECT_EQ(allocator.Allocate(1), std::nullopt);
}

TEST(OffsetAllocatorTest, FillsTheTightestHole) {
  OffsetAllocator allocator(0, 100);
  for (int i = 0; i < 10; ++i) ASSERT_EQ(allocator.Allocate(10), 10 * i);
  allocator.Free(10, 10);
  allocator.Free(20, 10);
  allocator.Free(50, 10);
  EXPECT_EQ(allocator.Allocate(5), 50);
  EXPECT_EQ(allocator.Allocate(20), 10);
}

TEST(OffsetAllocatorTest, JoinsWithBothNeighbours) {
  OffsetAllocator allocator(0, 30);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(allocator.Allocate(10), 10 * i);
  allocator.Free(0, 10);
  allocator.Free(20, 10);
  EXPECT_EQ(allocator.Allocate(30), std::nullopt);
  allocator.Free(10, 10);
  EXPECT_EQ(allocator.Allocate(30), 0);
}

// Against a map of bytes: no byte is given twice, and all come back.
TEST(OffsetAllocatorTest, GivesNoByteTwice) {
  constexpr uint64_t kEnd = 1000;
  OffsetAllocator allocator(0, kEnd);
  std::vector<bool> taken(kEnd);
  std::vector<std::pair<uint64_t, uint64_t>> live;
  std::mt19937 random(1);
  for (int step = 0; step < 20000; ++step) {
    if (random() % 2 == 0) {
      const uint64_t size = 1 + random() % 50;
      const std::optional<uint64_t> offset = allocator.Allocate(size);
      if (!offset) continue;
      ASSERT_LE(*offset + size, kEnd);
      for (uint64_t i = 0; i < size; ++i) {
        ASSERT_FALSE(taken[*offset + i]);
        taken[*offset + i] = true;
      }
      live.push_back({*offset, size});
    } else if (!live.empty()) {
      std::swap(live[random() % live.size()], live.back());
      const auto [offset, size] = live.back();
      live.pop_back();
      for (uint64_t i = 0; i < size; ++i) taken[offset + i] = false;
      allocator.Free(offset, size);
    }
  }
  for (const auto& [offset, size] : live) allocator.Free(offset, size);
  EXPECT_EQ(allocator.Allocate(kEnd), 0);
}

}  // namespace
}  // namespace governor
