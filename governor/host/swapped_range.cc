#include "governor/host/swapped_range.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"

namespace governor {
namespace {

// Pages looked at before something is done about them.
constexpr size_t kPortion = 512;

// A file description of our own: to look for data moves a file's position.
absl::StatusOr<int> Reopen(int file) {
  const int own = ::open(absl::StrCat("/proc/self/fd/", file).c_str(),
                         O_RDONLY | O_CLOEXEC);
  if (own < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the file of a memory range cannot be opened: ", strerror(errno),
        ": descriptor ", file));
  }
  return own;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SwappedRange>> SwappedRange::Create(
    const MemoryRange& range, ProcessPages& pages) {
  const Bytes page = pages.page_size();
  const std::optional<Bytes> last =
      CheckedAdd(Bytes(range.address), range.size);
  const std::optional<Bytes> end =
      last.has_value() ? AlignUp(*last, page) : std::nullopt;
  if (range.size.is_zero() || !end.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a memory range has bytes, all below the end of addresses: ",
        range.size.count(), " bytes at 0x", absl::Hex(range.address)));
  }
  int file = -1;
  if (range.file.has_value()) {
    GOVERNOR_ASSIGN_OR_RETURN(file, Reopen(*range.file));
  }
  return std::unique_ptr<SwappedRange>(new SwappedRange(
      AlignDown(Bytes(range.address), page).count(), end->count(), file,
      AlignDown(Bytes(range.file_offset), page).count(), pages));
}

SwappedRange::SwappedRange(uintptr_t begin, uintptr_t end, int file,
                           uint64_t file_offset, ProcessPages& pages)
    : begin_(begin),
      end_(end),
      file_(file),
      file_offset_(file_offset),
      pages_(pages),
      next_(begin) {}

SwappedRange::~SwappedRange() {
  if (file_ >= 0) ::close(file_);
}

absl::StatusOr<Bytes> SwappedRange::SwappedBytes() const {
  const uint64_t page = pages_.page_size().count();
  uint64_t count = 0;
  std::array<bool, kPortion> swapped;
  for (uintptr_t at = begin_; at < end_;) {
    const size_t portion = std::min<uint64_t>((end_ - at) / page, kPortion);
    GOVERNOR_RETURN_IF_ERROR(
        pages_.FindSwapped(at, file_, file_offset_ + (at - begin_),
                           absl::MakeSpan(swapped).first(portion)));
    count += std::count(swapped.begin(), swapped.begin() + portion, true);
    at += portion * page;
  }
  return Bytes(count * page);
}

absl::StatusOr<SwappedRange::Progress> SwappedRange::BringBack(Bytes most,
                                                               Bytes look_at) {
  const uint64_t page = pages_.page_size().count();
  Progress progress;
  std::array<bool, kPortion> swapped;
  while (progress.looked_at < look_at &&
         progress.brought_back + Bytes(page) <= most) {
    const uintptr_t at = next_;
    const size_t count = std::min<uint64_t>((end_ - at) / page, kPortion);
    next_ = begin_;  // should anything go wrong
    GOVERNOR_RETURN_IF_ERROR(
        pages_.FindSwapped(at, file_, file_offset_ + (at - begin_),
                           absl::MakeSpan(swapped).first(count)));
    progress.looked_at += Bytes(count * page);
    const auto end = swapped.begin() + count;
    for (auto run = std::find(swapped.begin(), end, true); run != end;) {
      const uintptr_t address = at + (run - swapped.begin()) * page;
      const uint64_t allowed = (most - progress.brought_back) / Bytes(page);
      if (allowed == 0) {
        next_ = address;
        return progress;
      }
      const auto run_end = std::find(run, end, false);
      const uint64_t size = page * std::min<uint64_t>(run_end - run, allowed);
      GOVERNOR_RETURN_IF_ERROR(pages_.BringIn(address, Bytes(size)));
      progress.brought_back += Bytes(size);
      run += static_cast<ptrdiff_t>(size / page);
      run = std::find(run, end, true);
    }
    next_ = at + count * page;
    if (next_ == end_) {
      next_ = begin_;
      progress.at_end = true;
      break;
    }
  }
  return progress;
}

absl::StatusOr<Bytes> SwappedRange::BringBack(Bytes most) {
  next_ = begin_;
  GOVERNOR_ASSIGN_OR_RETURN(const Progress progress, BringBack(most, size()));
  return progress.brought_back;
}

}  // namespace governor
