#ifndef GOVERNOR_BINDINGS_PYTHON_SHARED_REGION_H_
#define GOVERNOR_BINDINGS_PYTHON_SHARED_REGION_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include "bindings/python/shared_governor.h"
#include "governor/memory/elastic_region.h"

namespace governor {

// A region as Python's Region, its views and the arrays made of them share it.
// It is closed only while no array is made of it, and otherwise when the last
// of all of them goes.
//
// Unless stated otherwise functions are called with the GIL, and throw
// GovernorError when the region is closed, and in a forked child.
class SharedRegion {
 public:
  // Some blocks of a region, as bytes of the device.
  struct Part {
    size_t first;
    size_t count;
    // Arrays may be made of it while blocks have no memory.
    bool uncommitted_ok;
  };

  SharedRegion(std::shared_ptr<SharedGovernor> governor,
               std::unique_ptr<ElasticRegion> region)
      : governor_(std::move(governor)), region_(std::move(region)) {}

  SharedGovernor& governor() const { return *governor_; }

  const ElasticRegion& Get() const;
  // For what never changes, and may be asked of a closed one.
  const ElasticRegion& Constants() const { return *region_; }

  // `call(region)` without the GIL.
  template <typename Call>
  auto CallWithoutGil(const Call& call) {
    Get();
    return governor_->CallEvenIfClosed([&] { return call(*region_); });
  }

  // Throws BufferError, naming the block and the remedy: one of `part` is not
  // committed, and that is not ok.
  void CheckExportable(const Part& part) const;

  // Arrays count themselves in, and out again: the latter on any thread and
  // without the GIL.
  void AddExport() { num_exports_.fetch_add(1); }
  void DropExport() { num_exports_.fetch_sub(1); }

  // Nothing when it is closed. Throws BufferError: an array is made of it.
  void Close();

 private:
  const std::shared_ptr<SharedGovernor> governor_;  // outlives the region
  const std::unique_ptr<ElasticRegion> region_;
  std::atomic<int> num_exports_{0};
  bool is_closing_ = false;
};

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_PYTHON_SHARED_REGION_H_
