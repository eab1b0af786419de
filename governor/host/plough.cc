#include "governor/host/plough.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <optional>

namespace governor {
namespace {

// Since Linux 5.14; older kernels say EINVAL, and pages are touched by hand.
#ifndef MADV_POPULATE_WRITE
constexpr int kPopulateWrite = 23;
#else
constexpr int kPopulateWrite = MADV_POPULATE_WRITE;
#endif

// Between two looks at the clock.
constexpr Bytes kPortion = MiB(32);
constexpr Bytes kHugePage = MiB(2);
constexpr size_t kSmallestPage = 4096;

// An anonymous mapping, gone with the object.
class AnonymousPages {
 public:
  explicit AnonymousPages(size_t size)
      : size_(size),
        start_(::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
    if (!is_mapped()) return;
    // Advice only: without huge pages the kernel still reclaims. A forked child
    // would copy what is about to go.
    ::madvise(start_, size_, MADV_HUGEPAGE);
    ::madvise(start_, size_, MADV_DONTFORK);
  }
  ~AnonymousPages() {
    if (is_mapped()) ::munmap(start_, size_);
  }
  AnonymousPages(const AnonymousPages&) = delete;
  AnonymousPages& operator=(const AnonymousPages&) = delete;

  bool is_mapped() const { return start_ != MAP_FAILED; }

  // False: the kernel has no more.
  bool Populate(size_t offset, size_t size) {
    char* const first = static_cast<char*>(start_) + offset;
    if (::madvise(first, size, kPopulateWrite) == 0) return true;
    if (errno != EINVAL) return false;
    for (size_t i = 0; i < size; i += kSmallestPage) {
      static_cast<volatile char*>(first)[i] = 1;
    }
    return true;
  }

 private:
  const size_t size_;
  void* const start_;
};

}  // namespace

Bytes Plough(Bytes size, const Clock& clock, absl::Time deadline) {
  const std::optional<Bytes> whole = AlignUp(size, kHugePage);
  if (!whole || whole->is_zero()) return Bytes();
  AnonymousPages pages(whole->count());
  if (!pages.is_mapped()) return Bytes();
  Bytes taken;
  while (taken < *whole && clock.Now() < deadline) {
    const Bytes portion = std::min(kPortion, *whole - taken);
    if (!pages.Populate(taken.count(), portion.count())) break;
    taken += portion;
  }
  return std::min(taken, size);
}

}  // namespace governor
