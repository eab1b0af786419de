#ifndef GOVERNOR_DRIVER_HOST_DRIVER_MANAGED_ADVICE_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_MANAGED_ADVICE_H_

#include <unistd.h>

#include <cstdint>
#include <map>

#include "absl/functional/function_ref.h"
#include "governor/base/mutex.h"
#include "governor/driver/driver_api.h"

namespace governor {

// What cuMemAdvise and cuMemPrefetchAsync said about addresses, page by page.
// It is only remembered: no page moves. Thread-safe.
class ManagedAdvice {
 public:
  struct Advice {
    bool read_mostly = false;
    // CU_MEM_LOCATION_TYPE_INVALID: nowhere.
    CUmemLocation preferred = {};
    CUmemLocation last_prefetch = {};
    // A bit for each location, by AccessIndex.
    uint32_t accessed_by = 0;
  };

  // Calls `change` for the advice of each part of the range, in whole pages.
  void Change(CUdeviceptr address, uint64_t size,
              absl::FunctionRef<void(Advice&)> change);
  // New memory is there: what was said about the addresses is void.
  void Forget(CUdeviceptr address, uint64_t size);
  // What is true of every page of the range.
  Advice Common(CUdeviceptr address, uint64_t size);

 private:
  struct Piece {
    uint64_t end = 0;
    Advice advice;
  };
  using Pieces = std::map<uint64_t, Piece>;

  struct Pages {
    uint64_t begin, end;
  };
  Pages PagesOf(CUdeviceptr address, uint64_t size) const;
  // From here on, no piece reaches over `at`.
  void Cut(uint64_t at) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint64_t page_ = sysconf(_SC_PAGESIZE);
  Mutex mutex_;
  Pieces pieces_ ABSL_GUARDED_BY(mutex_);  // by begin; none where nothing is
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_MANAGED_ADVICE_H_
