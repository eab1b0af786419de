#ifndef GOVERNOR_DRIVER_HOST_DRIVER_ARRAYS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_ARRAYS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "governor/base/mutex.h"
#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/array_shape.h"
#include "governor/driver/host_driver/context_id.h"
#include "governor/driver/host_driver/device_memory.h"
#include "governor/driver/host_driver/live_objects.h"

namespace governor {

// Arrays and mipmapped arrays of a HostDriver, each in a context. Descriptors
// are those that CheckArray takes. Thread-safe.
//
// A CUarray or CUmipmappedArray here is a number that is never given twice, so
// that a stale one is always noticed.
class Arrays {
 public:
  struct Array {
    CUDA_ARRAY3D_DESCRIPTOR descriptor = {};
    ArrayShape shape;
    CUdeviceptr address = 0;  // zero: without memory, see Create
    ContextId context = 0;
    bool is_level = false;  // and so goes with its mipmapped array
  };
  struct Mipmap {
    CUDA_ARRAY3D_DESCRIPTOR descriptor = {};
    uint64_t size = 0;
    CUdeviceptr address = 0;
    ContextId context = 0;
    std::vector<CUarray> levels;
  };
  // Chosen: what an array's memory is a multiple of, and begins at one of for
  // the device. Not smaller than the tile of a sparse array.
  static constexpr uint64_t kAlignment = 64 << 10;

  explicit Arrays(DeviceMemory& memory) : memory_(memory) {}

  // OUT_OF_MEMORY: the device is short. A sparse array, or one of deferred
  // mapping, takes none.
  CUresult Create(ContextId context, const CUDA_ARRAY3D_DESCRIPTOR& descriptor,
                  CUarray* array);
  CUresult CreateMipmap(ContextId context,
                        const CUDA_ARRAY3D_DESCRIPTOR& descriptor,
                        unsigned int levels, CUmipmappedArray* mipmap);
  // INVALID_HANDLE: not a live one of this driver, or a level. Waits for copies
  // that use it.
  CUresult Destroy(CUarray array);
  CUresult DestroyMipmap(CUmipmappedArray mipmap);
  // As the end of the context does.
  void DestroyAll(ContextId context);

  // nullopt: not a live one of this driver.
  std::optional<Array> Find(CUarray array) const;
  std::optional<Mipmap> FindMipmap(CUmipmappedArray mipmap) const;

  // Fills what it knows of.
  void CountLive(LiveObjects& live) const;

 private:
  CUresult Allocate(ContextId context, unsigned int flags, uint64_t size,
                    CUdeviceptr* address);
  // Without the lock: it waits for copies, which look for arrays.
  void Free(CUdeviceptr address) ABSL_LOCKS_EXCLUDED(mutex_);
  template <typename Handle>
  Handle NextHandle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  DeviceMemory& memory_;
  mutable Mutex mutex_;  // over the tables alone
  uintptr_t next_ ABSL_GUARDED_BY(mutex_) = 0x20000;
  absl::flat_hash_map<CUarray, Array> arrays_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<CUmipmappedArray, Mipmap> mipmaps_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_ARRAYS_H_
