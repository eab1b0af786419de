#ifndef GOVERNOR_DRIVER_HOST_DRIVER_MEMORY_POOLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_MEMORY_POOLS_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "governor/base/mutex.h"
#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/device_memory.h"
#include "governor/driver/host_driver/live_objects.h"
#include "governor/driver/host_driver/offset_allocator.h"
#include "governor/driver/host_driver/personality.h"

namespace governor {

// The memory pools of a HostDriver and the blocks they gave out. A pool has one
// range of addresses and takes memory for it in steps of 32 MiB, as measured on
// an H200; blocks begin at multiples of 512 bytes, as there. Knows streams only
// as places that order work: whoever calls Allocate and Free sees to it that
// Begin and End run in their order. Thread-safe.
class MemoryPools {
 public:
  static constexpr uint64_t kStep = uint64_t{32} << 20;

  MemoryPools(const Personality& personality, DeviceMemory& memory);
  ~MemoryPools();

  // Handles of pools; DefaultOf and Current never refuse a device that is one.
  CUmemoryPool DefaultOf(int device);
  CUmemoryPool CurrentOf(int device);
  // INVALID_VALUE, here and below: not a pool that lives.
  CUresult SetCurrent(int device, CUmemoryPool pool);
  CUresult Create(const CUmemPoolProps& properties, CUmemoryPool* pool);
  // Blocks live on, and the memory with them until the last is freed.
  // INVALID_VALUE, too: the default pool of a device.
  CUresult Destroy(CUmemoryPool pool);
  CUresult TrimTo(CUmemoryPool pool, uint64_t keep);
  CUresult SetAttribute(CUmemoryPool pool, CUmemPool_attribute attribute,
                        const void* value);
  CUresult GetAttribute(CUmemoryPool pool, CUmemPool_attribute attribute,
                        void* value);
  CUresult SetAccess(CUmemoryPool pool, const CUmemAccessDesc* desc,
                     size_t count);
  CUresult GetAccess(CUmemoryPool pool, int device, CUmemAccess_flags* flags);

  // A block of `pool` for the stream that `lane` stands for. What was freed on
  // the same lane may be given again before it ran; what was freed elsewhere,
  // after. Begin makes it usable. OUT_OF_MEMORY: the device has no
  // more, or the pool may not.
  struct Allocated {
    CUdeviceptr address = 0;
    uint64_t size = 0;
    uint64_t generation = 0;
  };
  CUresult Allocate(CUmemoryPool pool, uint64_t size, const void* lane,
                    Allocated* block);
  // Nothing, if the block was ended meanwhile.
  void Begin(const Allocated& block);
  // Ends the block that Allocate gave; End(address, *generation) makes it
  // unusable and gives its memory to others. INVALID_VALUE: there is none.
  CUresult Free(CUdeviceptr address, const void* lane, uint64_t* generation);
  void End(CUdeviceptr address, uint64_t generation);
  // As if Free had not been called: End will not be.
  void Unfree(CUdeviceptr address);

  CUresult LocationOf(CUmemoryPool pool, CUmemLocation* location);
  // The pool of the block at `address`; null if there is none.
  CUmemoryPool PoolOf(CUdeviceptr address);

  // What a wait for a stream, an event or a context does: memory over a pool's
  // release threshold goes back.
  void ReleaseUnused();

  // Fills what it knows of.
  void CountLive(LiveObjects& live);

 private:
  struct Pool {
    explicit Pool(uint64_t span) : span(span), space(0, span) {}

    CUmemoryPool handle = nullptr;
    CUmemLocation location = {};
    uint64_t limit = 0;  // of reserved memory
    bool is_default = false;
    bool destroyed = false;
    std::array<int, 3> reuse = {1, 1, 1};
    uint64_t threshold = 0;
    uint64_t reserved = 0, reserved_high = 0;
    uint64_t used = 0, used_high = 0;
    std::vector<CUmemAccessDesc> access;

    const uint64_t span;   // of its addresses
    CUdeviceptr base = 0;  // 0: none reserved yet
    OffsetAllocator space;
    std::map<uint64_t, int> steps;  // with memory behind: how many blocks
    int idle_steps = 0;             // of these, those without any
    int blocks = 0;                 // that live or are being freed
  };
  struct Block {
    Pool* pool = nullptr;
    uint64_t size = 0;     // as asked
    uint64_t rounded = 0;  // as taken
    uint64_t generation = 0;
    const void* freed_on = nullptr;  // null: it lives
  };

  Pool* Find(CUmemoryPool pool) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Pool& Add(const CUmemLocation& location, uint64_t limit)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Addresses with memory behind them. nullopt: there is no more.
  std::optional<uint64_t> Take(Pool& pool, uint64_t rounded)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Back(Pool& pool, uint64_t offset, uint64_t rounded)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountBlock(Pool& pool, uint64_t offset, uint64_t rounded, int change)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Shrink(Pool& pool, uint64_t keep) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // A destroyed pool without blocks ends.
  void EndIfOver(Pool& pool) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Personality& personality_;
  DeviceMemory& memory_;
  Mutex mutex_;
  // In the order they were made: the default pools first.
  std::vector<std::unique_ptr<Pool>> pools_ ABSL_GUARDED_BY(mutex_);
  std::vector<CUmemoryPool> current_ ABSL_GUARDED_BY(mutex_);  // by device
  std::map<CUdeviceptr, Block> blocks_ ABSL_GUARDED_BY(mutex_);
  // Those of them that are being freed.
  std::set<CUdeviceptr> freeing_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_generation_ ABSL_GUARDED_BY(mutex_) = 1;
  // Handles look like pointers, and none is given twice.
  uintptr_t next_handle_ ABSL_GUARDED_BY(mutex_) = uintptr_t{1} << 33;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_MEMORY_POOLS_H_
