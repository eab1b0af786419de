#ifndef GOVERNOR_DRIVER_HOST_DRIVER_MAPPING_TABLE_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_MAPPING_TABLE_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/personality.h"

namespace governor {

// What a range of addresses is for. One of kReservation is reserved, and what
// is mapped into it comes and goes; any other is an allocation, mapped whole.
enum class RangeKind {
  kReservation,  // of cuMemAddressReserve
  kLinear,       // of cuMemAlloc and cuMemAllocPitch
  kPool,         // of a pool or graph, which gives out blocks of it
  kArray,
  kManaged,     // of cuMemAllocManaged
  kPinned,      // of cuMemAllocHost and cuMemHostAlloc
  kImported,    // of cuIpcOpenMemHandle
  kRegistered,  // plain host memory that cuMemHostRegister page-locked; it is
                // no reserved range
};

// What each device may do with a mapping, and after them what the host may, as
// CUmemAccess_flags.
using AccessFlags = std::array<uint8_t, kMaxHostDevices + 1>;
inline constexpr int kHostAccess = kMaxHostDevices;
inline bool IsHost(const CUmemLocation& location) {
  return location.type == CU_MEM_LOCATION_TYPE_HOST ||
         location.type == CU_MEM_LOCATION_TYPE_HOST_NUMA;
}
inline int AccessIndex(const CUmemLocation& location) {
  return location.type == CU_MEM_LOCATION_TYPE_DEVICE ? location.id
                                                      : kHostAccess;
}

// Reserved address ranges and what is mapped into them: the tables, and the
// system calls that make them true. A reserved range that nothing is mapped
// into is a PROT_NONE mapping of the system, never a hole that another mmap of
// the process could take. Knows addresses, not allocations. Not thread-safe.
//
// Operations that return bool change nothing when they return false, which
// they do when the system refuses (out of memory, or past vm.max_map_count),
// unless they say more.
class MappingTable {
 public:
  struct Reservation {
    uint64_t size = 0;
    // What the caller asked for; less than `size` where that is whole pages.
    uint64_t asked = 0;
    RangeKind kind = RangeKind::kReservation;
    uint64_t id = 0;
    // What the caller said, of no meaning here.
    unsigned int flags = 0;
    bool sync_memops = false;
  };
  struct Mapping {
    uint64_t size = 0;
    CUmemGenericAllocationHandle chunk = 0;
    AccessFlags access = {};

    // By any device.
    bool readable() const;
    bool writable() const;
  };
  using Reservations = std::map<CUdeviceptr, Reservation>;
  using Mappings = std::map<CUdeviceptr, Mapping>;
  using Iterator = Mappings::iterator;

  MappingTable() = default;
  // Unmaps everything.
  ~MappingTable();
  MappingTable(const MappingTable&) = delete;
  MappingTable& operator=(const MappingTable&) = delete;

  // Reserves `reservation.size` bytes (whole pages) at a multiple of
  // `alignment` (a power of two, at least a page), at `hint` if that is free.
  // nullopt: the system refuses.
  std::optional<CUdeviceptr> Reserve(const Reservation& reservation,
                                     uint64_t alignment, CUdeviceptr hint);
  // Nothing is mapped in the reservation, which begins at `base`.
  void Unreserve(CUdeviceptr base);

  // Maps bytes of a file, without access. Nothing is mapped in the range, which
  // lies in one reservation.
  bool Map(CUdeviceptr address, int file, uint64_t offset, Mapping mapping);
  // Takes out all mappings of the range, which lies in one reservation and cuts
  // none of them. Mappings' memory is reserved as before.
  bool Unmap(CUdeviceptr address, uint64_t size);

  // Gives each of the mappings that make up the range these flags for these
  // locations; see WholeMappings. What is not named keeps its flags.
  bool SetAccess(CUdeviceptr address, uint64_t size,
                 const CUmemAccessDesc* desc, size_t count);

  // The reservation or mapping that holds `address`; end() if none.
  Reservations::iterator FindReservation(CUdeviceptr address);
  Iterator Find(CUdeviceptr address);
  // Whether the range touches a mapping.
  bool AnyMapped(CUdeviceptr address, uint64_t size);
  // Whether the range begins or ends within a mapping.
  bool CutsMapping(CUdeviceptr address, uint64_t size);
  // The first of the mappings that make up exactly this range, whole and
  // without gaps; end() if none do.
  Iterator WholeMappings(CUdeviceptr address, uint64_t size);
  // Whether every byte of the range may be read, or written, by a device.
  bool Accessible(CUdeviceptr address, uint64_t size, bool write);

  Reservations& reservations() { return reservations_; }
  Mappings& mappings() { return mappings_; }
  Iterator end() { return mappings_.end(); }

 private:
  Reservations reservations_;
  Mappings mappings_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_MAPPING_TABLE_H_
