// AT-12: swapped pages of registered ranges come back at their rate, on a real
// swap file, and nobody stands still for it.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/host/page_back.h"
#include "governor/host/process_pages.h"
#include "gtest/gtest.h"
#include "tests/pressure/machine_counters.h"
#include "tests/pressure/memory_cgroup.h"
#include "tests/pressure/swap_file.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

namespace governor {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(10);
constexpr double kRate = 200e6;  // bytes a second

// Ordinary memory, or a memory file's, with a different word in each page.
class Memory {
 public:
  Memory(Bytes size, bool shared)
      : size_(size.count()),
        file_(shared ? ::memfd_create("swapped", MFD_CLOEXEC) : -1) {
    if (shared && ::ftruncate(file_, static_cast<off_t>(size_)) != 0) {
      std::abort();
    }
    data_ = static_cast<uint64_t*>(
        ::mmap(nullptr, size_, PROT_READ | PROT_WRITE,
               shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, file_, 0));
    ::madvise(data_, size_, MADV_NOHUGEPAGE);
    for (uint64_t i = 0; i < size_ / 8; ++i) data_[i] = Word(i);
  }
  ~Memory() {
    ::munmap(data_, size_);
    if (file_ >= 0) ::close(file_);
  }

  MemoryRange range() const {
    MemoryRange range = {.address = reinterpret_cast<uintptr_t>(data_),
                         .size = Bytes(size_)};
    if (file_ >= 0) range.file = file_;
    return range;
  }
  void PushOut() { ::madvise(data_, size_, MADV_PAGEOUT); }
  bool IsUnchanged() const {
    for (uint64_t i = 0; i < size_ / 8; ++i) {
      if (data_[i] != Word(i)) return false;
    }
    return true;
  }

 private:
  static uint64_t Word(uint64_t i) { return i * 0x9e3779b97f4a7c15; }

  const size_t size_;
  const int file_;
  uint64_t* data_;
};

class PageBackSwapTest : public testing::TestWithParam<bool> {};

TEST_P(PageBackSwapTest, AT12SwappedPagesComeBackAtTheirRateWithoutAStall) {
  const Bytes size = FullSizes() ? GiB(1) : MiB(256);
  const auto swap = SwapFile::Create(LargeFileDirectory(), size + MiB(256));
  if (!swap.ok()) GTEST_SKIP() << swap.status().message();
  const auto cgroup = MemoryCgroup::Join();
  if (!cgroup.ok()) GTEST_SKIP() << cgroup.status().message();

  Memory memory(size, GetParam());
  const std::unique_ptr<ProcessPages> pages = KernelPages();
  PageBack page_back(*pages, {});
  const auto registration = page_back.Register(memory.range()).value();
  EXPECT_EQ(page_back.SwappedBytes(), Bytes());
  // To swap, and then out of the kernel's cache of it: only now is memory free.
  memory.PushOut();
  (*cgroup)->Empty();
  const Bytes swapped = page_back.SwappedBytes();
  // The test means nothing unless most of it went.
  ASSERT_GE(swapped.count(), size.count() / 10 * 9);

  // The page-back's own time counts ticks; that each has its real 10 ms is for
  // the stalls alone.
  const uint64_t most_ticks =
      static_cast<uint64_t>(static_cast<double>(swapped.count()) / kRate /
                            absl::ToDoubleSeconds(kTick)) +
      2;
  const uint64_t swapped_in = Vmstat("pswpin");
  const absl::Duration stall = StallTotal("some");
  const absl::Duration begin = MonotonicNow();
  uint64_t ticks = 0;
  Bytes back = page_back.Tick(absl::ZeroDuration(), true);
  while (back < swapped && ticks < most_ticks) {
    ++ticks;
    absl::SleepFor(begin + static_cast<int64_t>(ticks) * kTick -
                   MonotonicNow());
    back += page_back.Tick(static_cast<int64_t>(ticks) * kTick, true);
  }
  const absl::Duration took = MonotonicNow() - begin;
  const double stalled = absl::FDivDuration(StallTotal("some") - stall, took);
  std::printf(
      "%s back in %llu ticks, %.2f s, %.0f MB/s, PSI some %.2f %%\n",
      ToString(back).c_str(), static_cast<unsigned long long>(ticks),
      absl::ToDoubleSeconds(took),
      static_cast<double>(back.count()) / absl::ToDoubleSeconds(took) / 1e6,
      stalled * 100);
  EXPECT_EQ(page_back.SwappedBytes(), Bytes());
  EXPECT_LT(stalled, 0.1);
  // It came from the disk, and is in memory: to read it all swaps nothing in.
  const Bytes page = pages->page_size();
  const uint64_t swapped_in_now = Vmstat("pswpin");
  EXPECT_GE(page * (swapped_in_now - swapped_in), swapped - MiB(8));
  EXPECT_TRUE(memory.IsUnchanged());
  EXPECT_LT(page * (Vmstat("pswpin") - swapped_in_now), MiB(1));
}

INSTANTIATE_TEST_SUITE_P(Memory, PageBackSwapTest, testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "Shared" : "Private";
                         });

}  // namespace
}  // namespace governor
