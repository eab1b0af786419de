#include "governor/host/page_back.h"

#include <atomic>
#include <memory>
#include <new>
#include <thread>

#include "absl/status/status.h"
#include "governor/host/fake_process_pages.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr uint64_t kPage = FakeProcessPages::kPage;
constexpr absl::Duration kTick = absl::Milliseconds(10);

std::unique_ptr<PageBack::Registration> Register(PageBack& page_back,
                                                 uint64_t first,
                                                 uint64_t count) {
  return page_back
      .Register({.address = first * kPage, .size = Bytes(count * kPage)})
      .value();
}

// The same as AT12 in tests/pressure, without a swap file.
TEST(PageBackTest, AT12BringsAllBackWithinItsSizeByTheRate) {
  FakeProcessPages pages;
  PageBack page_back(pages, {});
  const auto one = Register(page_back, 0, 20'000);
  const auto other = Register(page_back, 50'000, 30'000);
  pages.Swap(100, 7);
  pages.Swap(200, 15'000);
  pages.Swap(50'000, 30'000);
  const double swapped = (7 + 15'000 + 30'000) * kPage;
  EXPECT_EQ(page_back.SwappedBytes(), Bytes(45'007 * kPage));

  absl::Duration now = absl::Hours(1);
  EXPECT_EQ(page_back.Tick(now, true), Bytes());  // the time begins here
  Bytes total;
  int ticks = 0;
  while (pages.swapped_pages() > 0 && ticks < 1000) {
    now += kTick;
    ++ticks;
    const Bytes back = page_back.Tick(now, true);
    EXPECT_LE(back.count(), 2'000'000u + kPage);
    total += back;
  }
  EXPECT_EQ(page_back.SwappedBytes(), Bytes());
  EXPECT_EQ(total.count(), swapped);
  // One tick for what is no whole page.
  EXPECT_LE(ticks, swapped / 200e6 / absl::ToDoubleSeconds(kTick) + 2);
  EXPECT_GE(ticks, swapped / 200e6 / absl::ToDoubleSeconds(kTick));
}

TEST(PageBackTest, TimeUnderPressureEarnsNothing) {
  FakeProcessPages pages;
  PageBack page_back(pages, {});
  const auto range = Register(page_back, 0, 20'000);
  pages.Swap(0, 20'000);
  absl::Duration now;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(page_back.Tick(now += kTick, false), Bytes());
  }
  EXPECT_EQ(page_back.Tick(now, true), Bytes());
  EXPECT_GT(page_back.Tick(now + kTick, true), Bytes());
}

TEST(PageBackTest, ALongPauseIsGoodForNoMoreThanItsBound) {
  FakeProcessPages pages;
  PageBack page_back(pages, {});
  const auto range = Register(page_back, 0, 100'000);
  pages.Swap(0, 100'000);
  page_back.Tick(absl::ZeroDuration(), true);
  const Bytes back = page_back.Tick(absl::Seconds(100), true);
  EXPECT_GT(back.count(), 20'000'000u - kPage);
  EXPECT_LE(back.count(), 20'000'000u);
  // A clock that steps back earns nothing, and does no harm.
  EXPECT_LE(page_back.Tick(absl::Seconds(50), true).count(), kPage);
  EXPECT_GT(page_back.Tick(absl::Seconds(51), true), Bytes());
}

TEST(PageBackTest, RestsWhileNothingIsInSwap) {
  FakeProcessPages pages;
  PageBack page_back(pages, {.rest = absl::Seconds(10)});
  const auto range = Register(page_back, 0, 100);
  absl::Duration now;
  for (int i = 0; i < 500; ++i) page_back.Tick(now += kTick, true);
  // The turn after the registration, and one that finds nothing.
  EXPECT_EQ(pages.looked_at_pages(), 200u);
  pages.Swap(0, 1);
  EXPECT_EQ(page_back.Tick(now += kTick, true), Bytes());
  EXPECT_EQ(page_back.Tick(now + absl::Seconds(10), true), Bytes(kPage));
}

TEST(PageBackTest, PressureEndsARest) {
  FakeProcessPages pages;
  PageBack page_back(pages, {});
  const auto range = Register(page_back, 0, 100);
  absl::Duration now;
  for (int i = 0; i < 5; ++i) page_back.Tick(now += kTick, true);
  pages.Swap(0, 100);
  page_back.Tick(now += kTick, false);
  EXPECT_EQ(page_back.Tick(now += kTick, true), Bytes(100 * kPage));
}

TEST(PageBackTest, ATickLooksAtNoMoreThanItMay) {
  FakeProcessPages pages;
  PageBack page_back(pages, {.looked_at_per_tick = MiB(8)});
  const auto one = Register(page_back, 0, 100'000);
  const auto other = Register(page_back, 200'000, 100'000);
  page_back.Tick(absl::ZeroDuration(), true);
  page_back.Tick(kTick, true);
  EXPECT_EQ(pages.looked_at_pages() * kPage, MiB(8).count());
}

TEST(PageBackTest, ARangeThatFailsIsPassedOver) {
  FakeProcessPages pages;
  PageBack page_back(pages, {});
  const auto bad = Register(page_back, 0, 1000);
  const auto good = Register(page_back, 5000, 1000);
  pages.Unmap(0);
  pages.Swap(5000, 100);
  absl::Duration now;
  for (int i = 0; i < 5; ++i) page_back.Tick(now += kTick, true);
  EXPECT_EQ(pages.swapped_pages(), 0u);
  EXPECT_EQ(bad->status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(good->status().ok());
}

// As where there is no memory for a status.
TEST(PageBackTest, ATickThatThrowsIsNotTheLast) {
  FakeProcessPages pages;
  PageBack page_back(pages, {});
  auto range = Register(page_back, 0, 1000);
  pages.Swap(0, 100);
  page_back.Tick(absl::ZeroDuration(), true);
  pages.OnBringIn([] { throw std::bad_alloc(); });
  EXPECT_THROW(page_back.Tick(kTick, true), std::bad_alloc);
  pages.OnBringIn(nullptr);
  EXPECT_EQ(page_back.Tick(2 * kTick, true), Bytes(100 * kPage));
  // Nobody is inside any more: this does not wait.
  range.reset();
}

TEST(PageBackTest, ARangeThatWasTakenBackIsNotTouched) {
  FakeProcessPages pages;
  PageBack page_back(pages, {});
  auto range = Register(page_back, 0, 100'000);
  const auto other = Register(page_back, 200'000, 1000);
  pages.Swap(0, 100'000);
  page_back.Tick(absl::ZeroDuration(), true);
  page_back.Tick(kTick, true);
  range.reset();
  const uint64_t left = pages.swapped_pages();
  EXPECT_LT(left, 100'000u);
  pages.Swap(200'000, 10);
  EXPECT_EQ(page_back.Tick(2 * kTick, true), Bytes(10 * kPage));
  EXPECT_EQ(pages.swapped_pages(), left);
}

// The owner may unmap as soon as its registration is gone.
TEST(PageBackTest, ARegistrationGoesOnlyOnceNobodyIsInItsRange) {
  FakeProcessPages pages;
  PageBack page_back(pages, {});
  auto range = Register(page_back, 0, 100'000);
  pages.Swap(0, 100'000);
  std::atomic<bool> inside = false;
  std::atomic<bool> go_on = false;
  std::atomic<bool> gone = false;
  std::atomic<int> after_it_was_gone = 0;
  pages.OnBringIn([&] {
    if (gone) ++after_it_was_gone;
    inside = true;
    while (!go_on) std::this_thread::yield();
    if (gone) ++after_it_was_gone;
  });
  page_back.Tick(absl::ZeroDuration(), true);
  std::thread ticking([&] { page_back.Tick(absl::Seconds(1), true); });
  while (!inside) std::this_thread::yield();
  // A second tick meanwhile leaves it to the first.
  EXPECT_EQ(page_back.Tick(absl::Seconds(2), true), Bytes());
  std::thread owner([&] {
    range.reset();
    gone = true;
  });
  EXPECT_FALSE(gone);
  go_on = true;
  ticking.join();
  owner.join();
  EXPECT_EQ(after_it_was_gone, 0);
  EXPECT_GT(pages.swapped_pages(), 0u);
}

}  // namespace
}  // namespace governor
