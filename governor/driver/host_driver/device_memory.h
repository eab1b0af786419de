#ifndef GOVERNOR_DRIVER_HOST_DRIVER_DEVICE_MEMORY_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_DEVICE_MEMORY_H_

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/base/mutex.h"
#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/live_objects.h"
#include "governor/driver/host_driver/mapping_table.h"
#include "governor/driver/host_driver/personality.h"
#include "governor/driver/host_driver/physical_books.h"
#include "governor/driver/host_driver/physical_memory.h"

namespace governor {

// All memory of a HostDriver: physical chunks, the addresses they are mapped
// at, and cuMemAlloc's allocations. What a call may and may not do to memory is
// decided here; what its arguments may look like is decided by the caller,
// which has checked devices, flags, and null pointers.
//
// Every function that answers a CUresult other than CUDA_SUCCESS changed
// nothing. Thread-safe: one lock over the tables, not held while pages are
// given back to the system or copied. O(log n) in the number of mappings, and
// linear in those that a range spans.
class DeviceMemory {
 public:
  static absl::StatusOr<std::unique_ptr<DeviceMemory>> Create(
      const Personality& personality);

  // Virtual memory management. A chunk is what cuMemCreate makes. It lives
  // until it is released as often as it was created and retained, and no
  // mapping of it is left.
  CUresult CreateChunk(Bytes size, const CUmemAllocationProp& properties,
                       CUmemGenericAllocationHandle* chunk);
  CUresult ReleaseChunk(CUmemGenericAllocationHandle chunk);
  CUresult RetainChunkAt(CUdeviceptr address,
                         CUmemGenericAllocationHandle* chunk);
  CUresult PropertiesOf(CUmemGenericAllocationHandle chunk,
                        CUmemAllocationProp* properties);
  CUresult Reserve(uint64_t size, uint64_t alignment, CUdeviceptr hint,
                   CUdeviceptr* base);
  CUresult FreeReservation(CUdeviceptr base, uint64_t size);
  // NOT_SUPPORTED: not the whole chunk, from its beginning.
  CUresult Map(CUdeviceptr address, uint64_t size, uint64_t offset,
               CUmemGenericAllocationHandle chunk);
  // The range is within one reservation. Mappings in it are whole; where there
  // are none, none is taken out.
  CUresult Unmap(CUdeviceptr address, uint64_t size);
  CUresult SetAccess(CUdeviceptr address, uint64_t size,
                     const CUmemAccessDesc* desc, size_t count);
  // For a device, or for the host, which is never granted any.
  CUresult GetAccess(CUdeviceptr address, std::optional<int> device,
                     unsigned long long* flags);  // NOLINT: CUDA's own type

  // Linear memory, readable and writable at once, in whole pages.
  CUresult AllocateLinear(int device, uint64_t size, CUdeviceptr* address);
  CUresult FreeLinear(CUdeviceptr address);
  // As the end of the device's context does.
  void FreeAllLinear(int device);

  // What is known about an address. nullopt: neither reserved nor allocated.
  struct Place {
    CUdeviceptr range_start = 0;  // of the reservation or allocation
    uint64_t range_size = 0;
    bool linear = false;
    uint64_t range_id = 0;
    bool mapped = false;
    // Only when mapped:
    CUdeviceptr mapping_start = 0;
    uint64_t mapping_size = 0;
    uint64_t chunk_id = 0;
    int device = 0;
    CUmemAllocationHandleType handle_types = CU_MEM_HANDLE_TYPE_NONE;
    std::array<uint8_t, kMaxHostDevices> access = {};
    // Whether any device may read here.
    bool accessible() const;
  };
  std::optional<Place> Describe(CUdeviceptr address);

  // What a copy or set may do with a range.
  enum class Use { kRead, kWrite };
  // Calls `work` while the ranges stay as they are: whoever wants to unmap,
  // free or protect one waits. INVALID_VALUE, and `work` is not called, unless
  // each range may be used so. A range that touches nothing of this driver's is
  // plain host memory, and allowed where `host_allowed` says so.
  struct Range {
    CUdeviceptr address;
    uint64_t size;
    Use use;
    bool host_allowed;
  };
  template <typename Work>
  CUresult With(const Range& a, const Range& b, Work work) {
    const Pin pin(*this, a, b);
    if (!pin.ok()) return CUDA_ERROR_INVALID_VALUE;
    work();
    return CUDA_SUCCESS;
  }
  template <typename Work>
  CUresult With(const Range& range, Work work) {
    return With(range, range, work);
  }

  // See PhysicalMemory.
  bool TakeForContext(int device);
  void ReturnFromContext(int device);
  Bytes FreeBytes(int device) const;

  const PhysicalBooks& books() const { return books_; }
  // Fills what it knows of.
  void CountLive(LiveObjects& live);

 private:
  struct Chunk {
    CUmemAllocationProp properties;
    PhysicalRange range;
    PhysicalMemory::Zone zone = PhysicalMemory::Zone::kChunks;
    int device = 0;
    uint64_t references = 0;
    uint64_t mappings = 0;
  };
  using Chunks = absl::flat_hash_map<CUmemGenericAllocationHandle, Chunk>;

  // Ranges in use by a copy, for its own lifetime.
  class Pin {
   public:
    Pin(DeviceMemory& memory, const Range& a, const Range& b);
    ~Pin();
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    bool ok() const { return ok_; }

   private:
    DeviceMemory& memory_;
    std::list<Range>::iterator a_, b_;
    bool ok_ = false;
  };

  DeviceMemory(Bytes granularity, Bytes context);

  bool IsWholeBlocks(uint64_t address, uint64_t size) const;
  bool Usable(const Range& range) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether a copy uses some of the range. Who would change it waits for that
  // to end, and looks at everything anew.
  bool IsPinned(CUdeviceptr address, uint64_t size)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // A chunk that the caller may name.
  Chunks::iterator FindNamed(CUmemGenericAllocationHandle chunk)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes the chunk out of the table if nothing holds it any more, into `dead`.
  void TakeIfDead(Chunks::iterator chunk, std::vector<Chunk>& dead)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Gives the pages back. Without the lock: this is where the time goes.
  void Bury(const std::vector<Chunk>& dead) ABSL_LOCKS_EXCLUDED(mutex_);
  void UnmapLinear(CUdeviceptr base, std::vector<Chunk>& dead)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint64_t granularity_;
  const Bytes context_;
  PhysicalBooks books_;
  std::vector<std::unique_ptr<PhysicalMemory>> devices_;  // never changes

  Mutex mutex_;
  CondVar unpinned_;
  MappingTable table_ ABSL_GUARDED_BY(mutex_);
  Chunks chunks_ ABSL_GUARDED_BY(mutex_);
  // Never used twice, so that a stale handle is always noticed.
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 0x1000;
  std::list<Range> pins_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_DEVICE_MEMORY_H_
