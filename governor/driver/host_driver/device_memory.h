#ifndef GOVERNOR_DRIVER_HOST_DRIVER_DEVICE_MEMORY_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_DEVICE_MEMORY_H_

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/base/mutex.h"
#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/context_id.h"
#include "governor/driver/host_driver/host_registrations.h"
#include "governor/driver/host_driver/ipc_memory.h"
#include "governor/driver/host_driver/live_objects.h"
#include "governor/driver/host_driver/mapping_table.h"
#include "governor/driver/host_driver/personality.h"
#include "governor/driver/host_driver/physical_books.h"
#include "governor/driver/host_driver/physical_memory.h"

namespace governor {

// All memory of a HostDriver: physical chunks, the addresses they are mapped
// at, allocations that are mapped whole, and plain host memory that was
// registered. What a call may and may not do to memory is decided here; what
// its arguments may look like is decided by the caller, which has checked
// devices, flags, and null pointers.
//
// Every function that answers a CUresult other than CUDA_SUCCESS changed
// nothing. Thread-safe: one lock over the tables, not held while pages are
// given back to the system or copied. O(log n) in the number of mappings, and
// linear in those that a range spans.
class DeviceMemory {
 public:
  static absl::StatusOr<std::unique_ptr<DeviceMemory>> Create(
      const Personality& personality);
  ~DeviceMemory();

  // Virtual memory management. A chunk is what cuMemCreate makes. It lives
  // until it is released as often as it was created, imported and retained, and
  // no mapping of it is left.
  CUresult CreateChunk(Bytes size, const CUmemAllocationProp& properties,
                       CUmemGenericAllocationHandle* chunk);
  CUresult ReleaseChunk(CUmemGenericAllocationHandle chunk);
  CUresult RetainChunkAt(CUdeviceptr address,
                         CUmemGenericAllocationHandle* chunk);
  CUresult PropertiesOf(CUmemGenericAllocationHandle chunk,
                        CUmemAllocationProp* properties);
  // A file descriptor of the chunk's memory, for the caller to close.
  // INVALID_VALUE: the chunk was not created to be exported so.
  CUresult ExportChunk(CUmemGenericAllocationHandle chunk, int* file);
  // The chunk behind a file descriptor that ExportChunk of any process gave.
  // Always under a handle of its own; if it lives here already, its bytes are
  // counted once, otherwise they are in imported_books. UNKNOWN: not such a
  // file.
  CUresult ImportChunk(int file, CUmemGenericAllocationHandle* chunk);
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
  // For a device, or for the host.
  CUresult GetAccess(CUdeviceptr address, const CUmemLocation& location,
                     unsigned long long* flags);  // NOLINT: CUDA's own type

  // A range of its own kind (kLinear, kArray, kManaged, kPinned) in whole
  // pages, readable and writable at once. Its bytes come from the device of
  // `owner`, or, for kPinned and kManaged, from the host. It begins at a page.
  // `flags` are kept for Describe.
  CUresult AllocateRange(RangeKind kind, ContextId owner, uint64_t size,
                         CUdeviceptr* address, unsigned int flags = 0);
  // INVALID_VALUE: no range of that kind begins there.
  CUresult FreeRange(RangeKind kind, CUdeviceptr address);
  CUresult AllocateLinear(ContextId owner, uint64_t size,
                          CUdeviceptr* address) {
    return AllocateRange(RangeKind::kLinear, owner, size, address);
  }
  CUresult FreeLinear(CUdeviceptr address) {
    return FreeRange(RangeKind::kLinear, address);
  }
  // What dies with its context: linear memory, arrays, managed, pinned and
  // registered memory, and what cuIpcOpenMemHandle opened.
  void FreeAllLinear(ContextId owner);

  // A range of kPool holds memory where it has a block, and nothing elsewhere:
  // Describe tells of blocks, With takes no byte outside of one. A block lies
  // in one such range, over no other block. `id` is its number as a buffer.
  void AddBlock(CUdeviceptr address, uint64_t size, uint64_t id);
  // The block begins at `address`. Waits for copies that use it.
  void RemoveBlock(CUdeviceptr address);
  // A number for a buffer or a block, never given twice.
  uint64_t NextId();
  // A range of kPool with nothing behind it yet. Begins at a multiple of 2 MiB.
  CUresult ReservePool(uint64_t size, CUdeviceptr* address);
  // Puts memory of `location` behind a part of such a range, which the devices
  // of `desc` may use, and so may the CPU. OUT_OF_MEMORY: nothing changed.
  CUresult BackPool(CUdeviceptr address, uint64_t size,
                    const CUmemLocation& location, const CUmemAccessDesc* desc,
                    size_t count);
  // Changes what the devices of `desc` may do with what one BackPool put there.
  void SetPoolAccess(CUdeviceptr address, uint64_t size,
                     const CUmemAccessDesc* desc, size_t count);
  // Takes away what one BackPool put there. No block lies in it. False, and it
  // stays: the system refuses.
  bool UnbackPool(CUdeviceptr address, uint64_t size);
  // The end of the range and of what is behind it.
  void ReleasePool(CUdeviceptr address);

  // What is known about an address. nullopt: neither reserved nor allocated.
  struct Place {
    CUdeviceptr range_start = 0;  // of the reservation or allocation
    uint64_t range_size = 0;
    RangeKind kind = RangeKind::kReservation;
    uint64_t range_id = 0;
    // Where kPool has blocks, the range above is the block, and this its range.
    CUdeviceptr pool_start = 0;
    unsigned int flags = 0;  // of AllocateRange, or of cuMemHostRegister
    bool sync_memops = false;
    bool mapped = false;
    // Only when mapped:
    CUdeviceptr mapping_start = 0;
    uint64_t mapping_size = 0;
    uint64_t chunk_id = 0;
    int device = 0;
    ContextId owner = 0;   // of what is allocated
    bool on_host = false;  // not migrating, as managed memory does
    CUmemAllocationHandleType handle_types = CU_MEM_HANDLE_TYPE_NONE;
    AccessFlags access = {};
    // Whether it was allocated, not mapped into a reservation.
    bool allocated() const { return kind != RangeKind::kReservation; }
    // Whether any device may read here.
    bool accessible() const;
  };
  std::optional<Place> Describe(CUdeviceptr address);
  // Sets Place::sync_memops of the reservation or allocation at this address.
  // INVALID_VALUE: there is none.
  CUresult SetSyncMemops(CUdeviceptr address, bool on);

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

  // Plain host memory, page-locked by cuMemHostRegister: `address` is its own
  // device address. HOST_MEMORY_ALREADY_REGISTERED: the range touches
  // registered or pinned memory. INVALID_VALUE: it touches other memory of this
  // driver, or wraps.
  CUresult Register(const HostRegistrations::Registration& registration);
  // The same, without registering.
  CUresult CheckRegistration(
      const HostRegistrations::Registration& registration);
  // HOST_MEMORY_NOT_REGISTERED: nothing was registered at this address.
  CUresult Unregister(CUdeviceptr address);

  // The linear allocation that holds `address`, as another process may open it.
  // INVALID_VALUE: there is none.
  CUresult ExportLinear(CUdeviceptr address, IpcMemory* memory);
  // Maps what another process exported. The same memory twice is one range,
  // counted. INVALID_VALUE: it is there no more.
  CUresult OpenLinear(const IpcMemory& memory, ContextId owner,
                      CUdeviceptr* address);
  // INVALID_VALUE: not an address that OpenLinear gave.
  CUresult CloseLinear(CUdeviceptr address);

  // See PhysicalMemory, of all devices.
  void Shrink();
  Bytes kept() const;
  Bytes resident() const;
  bool TakeForContext(int device);
  void ReturnFromContext(int device);
  Bytes FreeBytes(int device) const;

  // Chunks and ranges of devices, and chunks of the host.
  const PhysicalBooks& books() const { return books_; }
  // kPinned and registered memory; kManaged; what other processes exported.
  const PhysicalBooks& pinned_books() const { return pinned_books_; }
  const PhysicalBooks& managed_books() const { return managed_books_; }
  const PhysicalBooks& imported_books() const { return imported_books_; }
  // Fills what it knows of.
  void CountLive(LiveObjects& live);

 private:
  struct Chunk {
    CUmemAllocationProp properties = {};
    PhysicalMemory* memory = nullptr;  // nullptr: another process has it
    PhysicalMemory::Zone zone = PhysicalMemory::Zone::kChunks;
    int file = -1;
    bool own_file = false;     // is closed with the chunk
    uint64_t inode = 0;        // of such a file
    PhysicalRange range = {};  // of the file
    int device = 0;
    ContextId owner = 0;   // of what is allocated
    int export_file = -1;  // of IpcMemory; -1: never exported
    uint64_t export_inode = 0;
    uint64_t serial = 0;      // of IpcMemory
    uint64_t references = 0;  // by its own handle
    uint64_t imports = 0;     // by the handles that ImportChunk gave
    uint64_t mappings = 0;

    // Made by cuMemCreate or imported, and so counted as a handle.
    bool is_handle() const {
      return properties.type != CU_MEM_ALLOCATION_TYPE_INVALID;
    }
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

  struct Block {
    uint64_t size = 0;
    uint64_t id = 0;
  };
  struct Opened {
    CUdeviceptr address = 0;
    uint64_t count = 0;
  };

  explicit DeviceMemory(const Personality& personality);

  std::optional<Place> DescribeRegistered(CUdeviceptr address)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
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
  // False: the program closed the chunk's file.
  static bool IsIntact(const Chunk& chunk);
  // Gives the pages back. Without the lock: this is where the time goes.
  void Bury(const std::vector<Chunk>& dead) ABSL_LOCKS_EXCLUDED(mutex_);
  CUresult MayRegister(const HostRegistrations::Registration& registration)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // How many bytes a registration page-locks.
  Bytes PagesOf(const HostRegistrations::Registration& registration) const;
  // Where the bytes of a location or of a kind of range come from.
  PhysicalMemory& MemoryAt(const CUmemLocation& location) const;
  PhysicalMemory& MemoryFor(RangeKind kind, ContextId owner) const;
  // Maps a chunk that nothing names as a range of its own, whose size and
  // number are filled in. OUT_OF_MEMORY: the chunk is as it was.
  CUresult MapRange(const MappingTable::Reservation& range, uint64_t alignment,
                    const Chunk& chunk, CUdeviceptr* address)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void UnmapRange(CUdeviceptr base, std::vector<Chunk>& dead)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The block of a kPool range that holds `address`; end() if none.
  std::map<CUdeviceptr, Block>::iterator FindBlock(CUdeviceptr address)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What OpenLinear gave at this address; end() if nothing.
  std::map<uint64_t, Opened>::iterator FindOpened(CUdeviceptr address)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const uint64_t granularity_;
  const uint64_t page_;
  const Bytes context_;
  PhysicalBooks books_, pinned_books_, managed_books_, imported_books_;
  // These never change. `host_` is that of host chunks.
  std::vector<std::unique_ptr<PhysicalMemory>> devices_;
  std::unique_ptr<PhysicalMemory> host_, pinned_, managed_;

  Mutex mutex_;
  CondVar unpinned_;
  MappingTable table_ ABSL_GUARDED_BY(mutex_);
  Chunks chunks_ ABSL_GUARDED_BY(mutex_);
  // Never used twice, so that a stale handle is always noticed.
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 0x1000;
  std::map<CUdeviceptr, Block> blocks_ ABSL_GUARDED_BY(mutex_);
  HostRegistrations registered_ ABSL_GUARDED_BY(mutex_);
  // Chunks with a file of their own, by its inode.
  // The chunk that a handle of ImportChunk stands for.
  absl::flat_hash_map<CUmemGenericAllocationHandle,
                      CUmemGenericAllocationHandle>
      imports_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<uint64_t, CUmemGenericAllocationHandle> by_inode_
      ABSL_GUARDED_BY(mutex_);
  // By the exporter's number of the memory.
  std::map<uint64_t, Opened> opened_ ABSL_GUARDED_BY(mutex_);
  std::list<Range> pins_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_DEVICE_MEMORY_H_
