#include "governor/host/process_pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

struct Kind {
  const char* name;
  KernelPagesOptions options;
};

// With all that this kernel has, and as where it is missing. What needs pages
// in swap is in tests/pressure.
class ProcessPagesTest : public testing::TestWithParam<Kind> {
 protected:
  static constexpr size_t kPages = 1300;  // more than two portions

  ProcessPagesTest()
      : pages_(KernelPages(GetParam().options)),
        page_(pages_->page_size().count()),
        size_(kPages * page_),
        memory_(
            static_cast<char*>(::mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {}
  ~ProcessPagesTest() override { ::munmap(memory_, size_); }

  uintptr_t address() const { return reinterpret_cast<uintptr_t>(memory_); }

  absl::StatusOr<size_t> CountSwapped() {
    bool swapped[kPages];
    const absl::Status found = pages_->FindSwapped(address(), -1, 0, swapped);
    if (!found.ok()) return found;
    return std::count(std::begin(swapped), std::end(swapped), true);
  }

  const std::unique_ptr<ProcessPages> pages_;
  const size_t page_;
  const size_t size_;
  char* const memory_;
};

TEST_P(ProcessPagesTest, TouchedPagesAreNotInSwap) {
  std::memset(memory_, 7, size_);
  EXPECT_EQ(CountSwapped().value(), 0u);
}

TEST_P(ProcessPagesTest, UntouchedPagesAreInSwapOnlyWhereNobodyCanTell) {
  EXPECT_EQ(CountSwapped().value(), GetParam().options.pagemap ? 0 : kPages);
  ASSERT_TRUE(pages_->BringIn(address(), Bytes(size_)).ok());
  EXPECT_EQ(CountSwapped().value(), 0u);
}

TEST_P(ProcessPagesTest, BringingInChangesNoContent) {
  std::memset(memory_, 7, size_);
  ASSERT_TRUE(pages_->BringIn(address(), Bytes(size_)).ok());
  EXPECT_EQ(std::count(memory_, memory_ + size_, 7),
            static_cast<ptrdiff_t>(size_));
}

TEST_P(ProcessPagesTest, UnmappedPagesAreAnError) {
  std::memset(memory_, 7, size_);
  ASSERT_EQ(::munmap(memory_ + 700 * page_, page_), 0);
  EXPECT_EQ(CountSwapped().status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(pages_->BringIn(address(), Bytes(size_)).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(pages_->BringIn(0, Bytes(page_)).code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_P(ProcessPagesTest, UnreadablePagesAreAnErrorAndNoSignal) {
  ASSERT_EQ(::mprotect(memory_, size_, PROT_NONE), 0);
  EXPECT_FALSE(pages_->BringIn(address(), Bytes(size_)).ok());
}

TEST_P(ProcessPagesTest, HolesOfSharedMemoryAreNotInSwapAndStayHoles) {
  const int file = ::memfd_create("holes", MFD_CLOEXEC);
  ASSERT_GE(file, 0);
  ASSERT_EQ(::ftruncate(file, static_cast<off_t>(size_)), 0);
  void* const shared =
      ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ASSERT_NE(shared, MAP_FAILED);
  std::memset(static_cast<char*>(shared) + 20 * page_, 7, 700 * page_);
  bool swapped[kPages];
  std::fill(std::begin(swapped), std::end(swapped), true);
  ASSERT_TRUE(
      pages_->FindSwapped(reinterpret_cast<uintptr_t>(shared), file, 0, swapped)
          .ok());
  EXPECT_EQ(std::count(std::begin(swapped), std::end(swapped), true), 0);
  ::munmap(shared, size_);
  ::close(file);
}

INSTANTIATE_TEST_SUITE_P(
    Kernels, ProcessPagesTest,
    testing::Values(Kind{"All", {}}, Kind{"NoPagemap", {.pagemap = false}},
                    Kind{"NoPopulateRead", {.populate_read = false}},
                    Kind{"Neither",
                         {.pagemap = false, .populate_read = false}}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace governor
