#include "governor/driver/host_driver/physical_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr PhysicalMemory::Zone kChunks = PhysicalMemory::Zone::kChunks;
constexpr PhysicalMemory::Zone kLinear = PhysicalMemory::Zone::kLinear;

// The bytes that the file really holds.
Bytes ResidentBytes(const PhysicalMemory& memory) {
  struct stat status = {};
  EXPECT_EQ(fstat(memory.file(), &status), 0);
  return Bytes(static_cast<uint64_t>(status.st_blocks) * 512);
}

char* MapRange(const PhysicalMemory& memory, PhysicalRange range) {
  void* const mapped =
      mmap(nullptr, range.size.count(), PROT_READ | PROT_WRITE, MAP_SHARED,
           memory.file(), static_cast<off_t>(range.offset));
  EXPECT_NE(mapped, MAP_FAILED);
  return static_cast<char*>(mapped);
}

TEST(PhysicalMemoryTest, GivesNoMoreThanItsCapacity) {
  PhysicalBooks books;
  const auto memory = PhysicalMemory::Create(MiB(8), books).value();
  const auto a = memory->Allocate(kChunks, MiB(6));
  ASSERT_TRUE(a.has_value());
  EXPECT_EQ(memory->Allocate(kChunks, MiB(4)), std::nullopt);
  EXPECT_EQ(memory->Allocate(kLinear, MiB(4)), std::nullopt);
  EXPECT_EQ(memory->Allocate(kChunks, Bytes(~uint64_t{0})), std::nullopt);
  EXPECT_TRUE(memory->Allocate(kLinear, MiB(2)).has_value());
  EXPECT_EQ(memory->free(), Bytes());
  memory->Free(kChunks, *a);
  EXPECT_EQ(memory->free(), MiB(6));
}

TEST(PhysicalMemoryTest, KeepsBooksOfWhatIsOut) {
  PhysicalBooks books;
  const auto memory = PhysicalMemory::Create(MiB(64), books).value();
  const auto a = memory->Allocate(kChunks, MiB(6));
  const auto b = memory->Allocate(kLinear, MiB(2));
  EXPECT_EQ(books.now(), MiB(8));
  memory->Free(kChunks, *a);
  EXPECT_EQ(books.now(), MiB(2));
  EXPECT_EQ(books.high_water(), MiB(8));
  memory->Free(kLinear, *b);
  EXPECT_EQ(books.now(), Bytes());
}

// A context takes from what is free, but is in nobody's books.
TEST(PhysicalMemoryTest, TakesForAContext) {
  PhysicalBooks books;
  const auto memory = PhysicalMemory::Create(MiB(8), books).value();
  EXPECT_TRUE(memory->Take(MiB(6)));
  EXPECT_FALSE(memory->Take(MiB(6)));
  EXPECT_EQ(memory->free(), MiB(2));
  EXPECT_EQ(books.now(), Bytes());
  EXPECT_EQ(memory->Allocate(kChunks, MiB(4)), std::nullopt);
  memory->Return(MiB(6));
  EXPECT_EQ(memory->free(), MiB(8));
}

TEST(PhysicalMemoryTest, GivesPagesBackToTheSystem) {
  PhysicalBooks books;
  const auto memory = PhysicalMemory::Create(MiB(8), books).value();
  const auto range = memory->Allocate(kChunks, MiB(4));
  EXPECT_EQ(ResidentBytes(*memory), Bytes());  // not before the first touch
  char* const mapped = MapRange(*memory, *range);
  std::memset(mapped, 0x5a, MiB(4).count());
  EXPECT_GE(ResidentBytes(*memory), MiB(4));
  munmap(mapped, MiB(4).count());
  memory->Free(kChunks, *range);
  EXPECT_EQ(ResidentBytes(*memory), Bytes());
}

TEST(PhysicalMemoryTest, GivesOutZeros) {
  PhysicalBooks books;
  const auto memory = PhysicalMemory::Create(MiB(8), books).value();
  auto range = memory->Allocate(kChunks, MiB(8));
  char* mapped = MapRange(*memory, *range);
  std::memset(mapped, 0x5a, MiB(8).count());
  munmap(mapped, MiB(8).count());
  memory->Free(kChunks, *range);

  range = memory->Allocate(kChunks, MiB(8));
  mapped = MapRange(*memory, *range);
  for (uint64_t i = 0; i < MiB(8).count(); i += 512) {
    ASSERT_EQ(mapped[i], 0) << i;
  }
  munmap(mapped, MiB(8).count());
}

// Offsets in a row, so that the system can join neighbouring mappings, even
// with small allocations in between.
TEST(PhysicalMemoryTest, LaysChunksInARow) {
  PhysicalBooks books;
  const auto memory = PhysicalMemory::Create(MiB(64), books).value();
  const auto first = memory->Allocate(kChunks, MiB(2));
  memory->Allocate(kLinear, KiB(4));
  const auto second = memory->Allocate(kChunks, MiB(2));
  EXPECT_EQ(second->offset, first->offset + MiB(2).count());
}

TEST(PhysicalMemoryTest, KeepsWhatWasReleasedUntilItIsNeeded) {
  PhysicalBooks books;
  const auto memory = PhysicalMemory::Create(MiB(8), books).value();
  constexpr PhysicalMemory::Zone kZone = PhysicalMemory::Zone::kChunks;
  memory->KeepReleased();
  const PhysicalRange first = memory->Allocate(kZone, MiB(4)).value();
  ASSERT_EQ(pwrite(memory->file(), "x", 1, first.offset), 1);
  memory->Free(kZone, first);
  EXPECT_EQ(books.now(), Bytes());
  EXPECT_EQ(memory->kept(), MiB(4));
  EXPECT_EQ(memory->free(), MiB(4));
  // The same size takes what is kept, and finds it empty.
  const PhysicalRange again = memory->Allocate(kZone, MiB(4)).value();
  EXPECT_EQ(again.offset, first.offset);
  char byte = 1;
  ASSERT_EQ(pread(memory->file(), &byte, 1, again.offset), 1);
  EXPECT_EQ(byte, 0);
  EXPECT_EQ(memory->kept(), Bytes());
  memory->Free(kZone, again);
  // What does not fit beside it takes its place.
  const PhysicalRange large = memory->Allocate(kZone, MiB(6)).value();
  EXPECT_EQ(memory->kept(), Bytes());
  memory->Free(kZone, large);
  EXPECT_EQ(memory->kept(), MiB(6));
  memory->Shrink();
  EXPECT_EQ(memory->kept(), Bytes());
  EXPECT_EQ(memory->free(), MiB(8));
}

TEST(PhysicalMemoryTest, TellsHowMuchOfItIsPages) {
  PhysicalBooks books;
  const auto memory = PhysicalMemory::Create(MiB(64), books).value();
  const PhysicalRange range = memory->Allocate(kChunks, MiB(8)).value();
  EXPECT_EQ(memory->resident(), Bytes());
  char* const mapped = MapRange(*memory, range);
  std::memset(mapped, 1, MiB(3).count());
  EXPECT_EQ(memory->resident(), MiB(3));
  const int file = memory->AllocateFile("own", MiB(4)).value();
  struct stat status = {};
  ASSERT_EQ(fstat(file, &status), 0);
  EXPECT_EQ(memory->resident(), MiB(3));
  ASSERT_EQ(fallocate(file, 0, 0, MiB(1).count()), 0);
  EXPECT_EQ(memory->resident(), MiB(4));
  memory->FreeFile(file, status.st_ino, MiB(4));
  munmap(mapped, range.size.count());
  memory->Free(kChunks, range);
  EXPECT_EQ(memory->resident(), Bytes());
}

TEST(PhysicalMemoryTest, PopulatesAtOnceWhenToldTo) {
  PhysicalBooks books;
  const auto memory = PhysicalMemory::Create(MiB(64), books).value();
  memory->PopulateAtOnce();
  memory->KeepReleased();
  const PhysicalRange range = memory->Allocate(kLinear, MiB(24)).value();
  EXPECT_EQ(memory->resident(), MiB(24));
  const int file = memory->AllocateFile("own", MiB(4)).value();
  EXPECT_EQ(memory->resident(), MiB(28));
  struct stat status = {};
  ASSERT_EQ(fstat(file, &status), 0);
  memory->FreeFile(file, status.st_ino, MiB(4));
  // What was kept is cleared and populated again.
  ASSERT_EQ(pwrite(memory->file(), "x", 1, range.offset), 1);
  memory->Free(kLinear, range);
  const PhysicalRange again = memory->Allocate(kLinear, MiB(24)).value();
  ASSERT_EQ(again.offset, range.offset);
  EXPECT_EQ(memory->resident(), MiB(24));
  char byte = 1;
  ASSERT_EQ(pread(memory->file(), &byte, 1, again.offset), 1);
  EXPECT_EQ(byte, 0);
}

// The system says no in the middle: of the file's 24 MiB, which can no longer
// grow, the second portion of 32 MiB would be beyond the end.
TEST(PhysicalMemoryTest, WhatCannotBePopulatedLeavesNothingBehind) {
  PhysicalBooks books;
  const auto memory = PhysicalMemory::Create(MiB(64), books).value();
  memory->PopulateAtOnce();
  ASSERT_EQ(ftruncate(memory->file(), MiB(24).count()), 0);
  ASSERT_EQ(fcntl(memory->file(), F_ADD_SEALS, F_SEAL_GROW), 0);
  EXPECT_EQ(memory->Allocate(kChunks, MiB(32)), std::nullopt);
  EXPECT_EQ(memory->resident(), Bytes());
  EXPECT_EQ(memory->free(), MiB(64));
  EXPECT_EQ(books.now(), Bytes());
  const std::optional<PhysicalRange> range = memory->Allocate(kChunks, MiB(16));
  ASSERT_TRUE(range.has_value());
  EXPECT_EQ(range->offset, 0u);
  EXPECT_EQ(memory->resident(), MiB(16));
}

}  // namespace
}  // namespace governor
