#include "governor/host/swapped_range.h"

#include <memory>

#include "absl/status/status.h"
#include "governor/host/fake_process_pages.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr uint64_t kPage = FakeProcessPages::kPage;

Bytes Pages(uint64_t count) { return Bytes(count * kPage); }

std::unique_ptr<SwappedRange> Range(FakeProcessPages& pages, uint64_t first,
                                    uint64_t count) {
  return SwappedRange::Create({.address = first * kPage, .size = Pages(count)},
                              pages)
      .value();
}

TEST(SwappedRangeTest, CountsItsOwnPagesInSwap) {
  FakeProcessPages pages;
  const auto range = Range(pages, 100, 2000);
  EXPECT_EQ(range->SwappedBytes().value(), Bytes());
  pages.Swap(99, 1);    // before it
  pages.Swap(2100, 5);  // behind it
  pages.Swap(100, 1);
  pages.Swap(2099, 1);
  pages.Swap(600, 700);
  EXPECT_EQ(range->SwappedBytes().value(), Pages(702));
}

TEST(SwappedRangeTest, BringsBackAtMostWhatItMay) {
  FakeProcessPages pages;
  const auto range = Range(pages, 0, 2000);
  pages.Swap(10, 5);
  pages.Swap(20, 1500);
  EXPECT_EQ(range->BringBack(Bytes(7 * kPage + 4095)).value(), Pages(7));
  EXPECT_EQ(range->SwappedBytes().value(), Pages(1498));
  EXPECT_EQ(range->BringBack(Bytes(kPage - 1)).value(), Bytes());
  EXPECT_EQ(range->BringBack(GiB(1)).value(), Pages(1498));
  EXPECT_EQ(range->BringBack(GiB(1)).value(), Bytes());
  EXPECT_EQ(pages.swapped_pages(), 0u);
}

TEST(SwappedRangeTest, GoesOnWhereItLeftOff) {
  FakeProcessPages pages;
  const auto range = Range(pages, 0, 2000);
  pages.Swap(0, 2000);
  SwappedRange::Progress progress =
      range->BringBack(Pages(600), GiB(1)).value();
  EXPECT_EQ(progress.brought_back, Pages(600));
  EXPECT_FALSE(progress.at_end);
  pages.Swap(0, 1);  // behind the place already
  progress = range->BringBack(GiB(1), GiB(1)).value();
  EXPECT_EQ(progress.brought_back, Pages(1400));
  EXPECT_TRUE(progress.at_end);
  EXPECT_EQ(pages.swapped_pages(), 1u);
  progress = range->BringBack(GiB(1), GiB(1)).value();
  EXPECT_EQ(progress.brought_back, Pages(1));
}

TEST(SwappedRangeTest, LooksAtNoMoreThanItMay) {
  FakeProcessPages pages;
  const auto range = Range(pages, 0, 100'000);
  const SwappedRange::Progress progress =
      range->BringBack(GiB(1), MiB(4)).value();
  EXPECT_EQ(progress.looked_at, MiB(4));
  EXPECT_FALSE(progress.at_end);
  EXPECT_EQ(pages.looked_at_pages() * kPage, MiB(4).count());
}

TEST(SwappedRangeTest, PagesThatItEndsWithinBelongToIt) {
  FakeProcessPages pages;
  pages.Swap(9, 4);
  const auto range =
      SwappedRange::Create({.address = 11 * kPage - 1, .size = Bytes(2)}, pages)
          .value();
  EXPECT_EQ(range->size(), Pages(2));
  EXPECT_EQ(range->SwappedBytes().value(), Pages(2));
}

TEST(SwappedRangeTest, UnmappedMemoryIsAnErrorAndTheNextCallBeginsAgain) {
  FakeProcessPages pages;
  const auto range = Range(pages, 0, 2000);
  pages.Swap(0, 2000);
  pages.Unmap(1500);
  EXPECT_EQ(range->SwappedBytes().status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(range->BringBack(GiB(1), GiB(1)).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(pages.swapped_pages(), 2000u - 1024u);
  pages.Swap(3, 1);
  EXPECT_EQ(range->BringBack(Pages(1), GiB(1))->brought_back, Pages(1));
}

TEST(SwappedRangeTest, RefusesRangesThatAreNone) {
  FakeProcessPages pages;
  for (const MemoryRange& range :
       {MemoryRange{.address = kPage, .size = Bytes()},
        MemoryRange{.address = kPage, .size = Bytes(UINT64_MAX)},
        MemoryRange{.address = UINTPTR_MAX - 10, .size = Bytes(10)},
        MemoryRange{.address = kPage, .size = Pages(1), .file = 987654}}) {
    EXPECT_EQ(SwappedRange::Create(range, pages).status().code(),
              absl::StatusCode::kInvalidArgument)
        << range.size;
  }
}

}  // namespace
}  // namespace governor
