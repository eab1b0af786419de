#ifndef GOVERNOR_HOST_FAKE_PROCESS_PAGES_H_
#define GOVERNOR_HOST_FAKE_PROCESS_PAGES_H_

#include <cstdint>
#include <functional>
#include <set>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "governor/base/bytes.h"
#include "governor/base/mutex.h"
#include "governor/host/process_pages.h"

namespace governor {

// Pages of 4 KiB, numbered from address 0, that are in swap when a test says
// so. Thread-safe.
class FakeProcessPages final : public ProcessPages {
 public:
  static constexpr uint64_t kPage = 4096;

  // Pages [first, first + count) go to swap.
  void Swap(uint64_t first, uint64_t count) {
    MutexLock lock(mutex_);
    for (uint64_t i = 0; i < count; ++i) swapped_.insert(first + i);
  }
  // A page that is not mapped any more.
  void Unmap(uint64_t page) {
    MutexLock lock(mutex_);
    unmapped_.insert(page);
  }
  // Called at the beginning of each BringIn, with no lock held.
  void OnBringIn(std::function<void()> call) { on_bring_in_ = std::move(call); }

  uint64_t swapped_pages() const {
    MutexLock lock(mutex_);
    return swapped_.size();
  }
  uint64_t looked_at_pages() const {
    MutexLock lock(mutex_);
    return looked_at_;
  }

  Bytes page_size() const override { return Bytes(kPage); }

  absl::Status FindSwapped(uintptr_t address, int, uint64_t,
                           absl::Span<bool> swapped) override {
    MutexLock lock(mutex_);
    looked_at_ += swapped.size();
    for (size_t i = 0; i < swapped.size(); ++i) {
      if (unmapped_.count(address / kPage + i) > 0) {
        return absl::FailedPreconditionError("memory is not mapped");
      }
      swapped[i] = swapped_.count(address / kPage + i) > 0;
    }
    return absl::OkStatus();
  }

  absl::Status BringIn(uintptr_t address, Bytes size) override {
    if (on_bring_in_) on_bring_in_();
    MutexLock lock(mutex_);
    for (uint64_t i = 0; i < size.count() / kPage; ++i) {
      swapped_.erase(address / kPage + i);
    }
    return absl::OkStatus();
  }

 private:
  std::function<void()> on_bring_in_;
  mutable Mutex mutex_;
  std::set<uint64_t> swapped_ ABSL_GUARDED_BY(mutex_);
  std::set<uint64_t> unmapped_ ABSL_GUARDED_BY(mutex_);
  uint64_t looked_at_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace governor

#endif  // GOVERNOR_HOST_FAKE_PROCESS_PAGES_H_
