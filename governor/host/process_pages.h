#ifndef GOVERNOR_HOST_PROCESS_PAGES_H_
#define GOVERNOR_HOST_PROCESS_PAGES_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "governor/base/bytes.h"

namespace governor {

// What the kernel knows of this process's pages, and the one thing that is
// asked of it: to bring them in. A seam, so that tests need no swap.
// Thread-safe.
class ProcessPages {
 public:
  virtual ~ProcessPages() = default;

  virtual Bytes page_size() const = 0;

  // Sets swapped[i] to whether the i-th page from `address`, a multiple of the
  // page size, is in swap. `file` is the open file behind shared memory, whose
  // page at `address` is at `offset`; -1 for private memory.
  // FAILED_PRECONDITION: some of it is not mapped. Nothing is brought in.
  virtual absl::Status FindSwapped(uintptr_t address, int file, uint64_t offset,
                                   absl::Span<bool> swapped) = 0;

  // Reads `size` bytes from `address` in, waiting for the disk; changes no
  // content. FAILED_PRECONDITION: some of it is not mapped, or not readable.
  // RESOURCE_EXHAUSTED: no memory. UNAVAILABLE: this kernel has no way.
  // Part of it may be in memory then. Never a signal.
  virtual absl::Status BringIn(uintptr_t address, Bytes size) = 0;
};

struct KernelPagesOptions {
  // False: as on a kernel or in a container that lacks it. For tests.
  bool pagemap = true;        // /proc/self/pagemap
  bool populate_read = true;  // MADV_POPULATE_READ, Linux 5.14
};

// This process's pages. Where /proc/self/pagemap cannot be read, private pages
// that are not in memory count as in swap, those never touched among them.
// One read of 8 bytes a page: 9 ms for 1 GiB of small pages, 2 ms of huge ones
// (2-core x86-64, 2026-11).
std::unique_ptr<ProcessPages> KernelPages(
    const KernelPagesOptions& options = {});

}  // namespace governor

#endif  // GOVERNOR_HOST_PROCESS_PAGES_H_
