#include "governor/host/process_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"

// In older headers than the kernel that may run this.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

namespace governor {
namespace {

// A bit of an entry of /proc/self/pagemap (the kernel's
// Documentation/admin-guide/mm/pagemap.rst).
constexpr uint64_t kSwapped = uint64_t{1} << 62;

// Pages looked at by one system call; also what is on the stack.
constexpr size_t kPortion = 512;

absl::Status Failure(const char* what, uintptr_t address, uint64_t size) {
  const int error = errno;
  const std::string text = absl::StrCat(what, ": ", strerror(error), ": ", size,
                                        " bytes at 0x", absl::Hex(address));
  switch (error) {
    case ENOMEM:
    case EFAULT:
    case EPERM:
      return absl::FailedPreconditionError(text);
    case EAGAIN:
      return absl::ResourceExhaustedError(text);
    case EINVAL:
    case ENOSYS:
      return absl::UnavailableError(text);
    default:
      return absl::InternalError(text);
  }
}

// A file descriptor, closed at the end.
class OpenFile {
 public:
  explicit OpenFile(const char* path)
      : descriptor_(::open(path, O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int descriptor() const { return descriptor_; }

 private:
  const int descriptor_;
};

class Kernel final : public ProcessPages {
 public:
  explicit Kernel(const KernelPagesOptions& options)
      : pagemap_(options.pagemap),
        page_size_(static_cast<uint64_t>(::sysconf(_SC_PAGESIZE))),
        // Of no bytes at all: says only whether the advice is known.
        populate_(options.populate_read &&
                  ::madvise(nullptr, 0, MADV_POPULATE_READ) == 0) {}

  Bytes page_size() const override { return Bytes(page_size_); }

  absl::Status FindSwapped(uintptr_t address, int file, uint64_t offset,
                           absl::Span<bool> swapped) override {
    // Opened for each call: an open one would show the parent's pages in a
    // forked child.
    const OpenFile pagemap(pagemap_ ? "/proc/self/pagemap" : "");
    while (!swapped.empty()) {
      const absl::Span<bool> portion =
          swapped.first(std::min(swapped.size(), kPortion));
      GOVERNOR_RETURN_IF_ERROR(
          FindInPortion(pagemap.descriptor(), address, file, offset, portion));
      address += portion.size() * page_size_;
      offset += portion.size() * page_size_;
      swapped.remove_prefix(portion.size());
    }
    return absl::OkStatus();
  }

  absl::Status BringIn(uintptr_t address, Bytes size) override {
    void* const begin = reinterpret_cast<void*>(address);
    // Starts all reads at once; what follows waits for each. Advice: what is
    // wrong with the range, the next call says.
    ::madvise(begin, size.count(), MADV_WILLNEED);
    if (!populate_) return Touch(address, size);
    while (::madvise(begin, size.count(), MADV_POPULATE_READ) != 0) {
      if (errno == EINTR) continue;
      return Failure("memory cannot be brought in", address, size.count());
    }
    return absl::OkStatus();
  }

 private:
  absl::Status FindInPortion(int pagemap, uintptr_t address, int file,
                             uint64_t offset, absl::Span<bool> swapped) {
    const size_t size = swapped.size() * page_size_;
    void* const begin = reinterpret_cast<void*>(address);
    // Does nothing but say whether all of it is mapped: in pagemap a hole reads
    // as a page that was never touched.
    if (::msync(begin, size, MS_ASYNC) != 0) {
      return Failure("memory is not mapped", address, size);
    }
    std::array<uint64_t, kPortion> entries;
    const bool mapped_known = ReadEntries(
        pagemap, address, absl::MakeSpan(entries).first(swapped.size()));
    if (mapped_known) {
      for (size_t i = 0; i < swapped.size(); ++i) {
        swapped[i] = (entries[i] & kSwapped) != 0;
      }
      if (file < 0) return absl::OkStatus();
    }
    std::array<unsigned char, kPortion> in_core;
    if (::mincore(begin, size, in_core.data()) != 0) {
      return Failure("memory is not mapped", address, size);
    }
    if (file < 0) {
      for (size_t i = 0; i < swapped.size(); ++i) {
        swapped[i] = (in_core[i] & 1) == 0;
      }
      return absl::OkStatus();
    }
    // Of shared memory the swapped pages are the file's, not this mapping's:
    // data that is not in memory.
    for (size_t i = 0; i < swapped.size();) {
      const off_t page = static_cast<off_t>(offset + i * page_size_);
      const off_t data = ::lseek(file, page, SEEK_DATA);
      const off_t hole = data < 0 ? -1 : ::lseek(file, data, SEEK_HOLE);
      const size_t first = PagesUntil(data, offset, swapped.size());
      const size_t end = PagesUntil(hole, offset, swapped.size());
      for (; i < first; ++i) swapped[i] = false;
      for (; i < end; ++i) swapped[i] = (in_core[i] & 1) == 0;
    }
    return absl::OkStatus();
  }

  // How many of `most` pages from `offset` lie before `position`; all of them
  // where there is no such position.
  size_t PagesUntil(off_t position, uint64_t offset, size_t most) const {
    if (position < 0) return most;
    const uint64_t at = std::max(static_cast<uint64_t>(position), offset);
    return std::min<uint64_t>((at - offset + page_size_ - 1) / page_size_,
                              most);
  }

  bool ReadEntries(int pagemap, uintptr_t address,
                   absl::Span<uint64_t> entries) const {
    if (pagemap < 0) return false;
    const size_t bytes = entries.size() * sizeof(uint64_t);
    const ssize_t got =
        ::pread(pagemap, entries.data(), bytes,
                static_cast<off_t>(address / page_size_ * sizeof(uint64_t)));
    return got >= 0 && static_cast<size_t>(got) == bytes;
  }

  // Faults pages in through the kernel's own copy, which answers EFAULT where a
  // plain read would be a signal.
  absl::Status Touch(uintptr_t address, Bytes size) const {
    for (uint64_t done = 0; done < size.count(); done += page_size_) {
      char byte = 0;
      iovec to = {&byte, 1};
      iovec from = {reinterpret_cast<void*>(address + done), 1};
      if (::process_vm_readv(::getpid(), &to, 1, &from, 1, 0) != 1) {
        return Failure("memory cannot be read", address + done, page_size_);
      }
    }
    return absl::OkStatus();
  }

  const bool pagemap_;
  const uint64_t page_size_;
  const bool populate_;
};

}  // namespace

std::unique_ptr<ProcessPages> KernelPages(const KernelPagesOptions& options) {
  return std::make_unique<Kernel>(options);
}

}  // namespace governor
