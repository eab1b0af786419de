#include "tests/fault/allocation_faults.h"

#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace governor {
namespace {

struct alignas(64) Wide {
  char bytes[64];
};

// By name, so that no compiler takes the pair away.
bool Fails() {
  try {
    ::operator delete(::operator new(8));
    return false;
  } catch (const std::bad_alloc&) {
    return true;
  }
}

TEST(AllocationFaultsTest, OneFails) {
  FailAllocation(2, /*from_there_on=*/false);
  const std::vector<bool> answers = [] {
    const bool first = Fails();
    const bool second = Fails();
    const bool third = Fails();
    const uint64_t seen = StopAllocationFaults();
    return std::vector<bool>{first, second, third, seen == 3};
  }();
  EXPECT_EQ(answers, (std::vector<bool>{false, true, false, true}));
}

TEST(AllocationFaultsTest, FromOneOnAllFail) {
  FailAllocation(2, /*from_there_on=*/true);
  const bool first = Fails();
  const bool second = Fails();
  const bool third = Fails();
  EXPECT_EQ(StopAllocationFaults(), 3u);
  EXPECT_FALSE(first);
  EXPECT_TRUE(second);
  EXPECT_TRUE(third);
  EXPECT_FALSE(Fails());
}

TEST(AllocationFaultsTest, EveryFormCountsAndFails) {
  FailAllocation(1, /*from_there_on=*/true);
  void* const plain = ::operator new(8, std::nothrow);
  void* const array = ::operator new[](8, std::nothrow);
  void* const wide = ::operator new (64, std::align_val_t{64}, std::nothrow);
  bool threw = false;
  try {
    ::operator delete (::operator new (64, std::align_val_t{64}),
                       std::align_val_t{64});
  } catch (const std::bad_alloc&) {
    threw = true;
  }
  EXPECT_EQ(StopAllocationFaults(), 4u);
  EXPECT_EQ(plain, nullptr);
  EXPECT_EQ(array, nullptr);
  EXPECT_EQ(wide, nullptr);
  EXPECT_TRUE(threw);
}

TEST(AllocationFaultsTest, AnAlignedAllocationIsAligned) {
  const auto wide = std::make_unique<Wide>();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(wide.get()) % alignof(Wide), 0u);
}

// What the standard library allocates behind its own code counts too.
TEST(AllocationFaultsTest, StringsCount) {
  std::string text(100, 'a');
  FailAllocation(1, /*from_there_on=*/false);
  bool threw = false;
  try {
    text.append(1000, 'b');
  } catch (const std::bad_alloc&) {
    threw = true;
  }
  StopAllocationFaults();
  EXPECT_TRUE(threw);
  EXPECT_EQ(text, std::string(100, 'a'));
}

TEST(AllocationFaultsTest, WhatIsUncountedDoesNotFail) {
  FailAllocation(1, /*from_there_on=*/true);
  bool failed = false;
  {
    const UncountedAllocations uncounted;
    failed = Fails();
  }
  EXPECT_EQ(StopAllocationFaults(), 0u);
  EXPECT_FALSE(failed);
}

TEST(AllocationFaultsTest, OtherThreadsDoNotNotice) {
  bool failed = true;
  std::thread other;
  {
    // Starting a thread allocates.
    other = std::thread([&] { failed = Fails(); });
    FailAllocation(1, /*from_there_on=*/true);
    other.join();
  }
  EXPECT_EQ(StopAllocationFaults(), 0u);
  EXPECT_FALSE(failed);
}

}  // namespace
}  // namespace governor
