#include "governor/driver/host_driver/mapping_table.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

namespace governor {
namespace {

void* Pointer(CUdeviceptr address) {
  return reinterpret_cast<void*>(static_cast<uintptr_t>(address));
}

// What the CPU may do: as much as the location that may do most.
int Protection(const MappingTable::Mapping& mapping) {
  const uint8_t host = mapping.access[kHostAccess];
  return mapping.writable() || host == CU_MEM_ACCESS_FLAGS_PROT_READWRITE
             ? PROT_READ | PROT_WRITE
         : mapping.readable() || host != CU_MEM_ACCESS_FLAGS_PROT_NONE
             ? PROT_READ
             : PROT_NONE;
}

// nullptr when the system refuses.
void* MapNothing(void* where, uint64_t size, int flags) {
  void* const got =
      mmap(where, size, PROT_NONE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
  return got == MAP_FAILED ? nullptr : got;
}

template <typename Map>
typename Map::iterator FindHolder(Map& map, CUdeviceptr address) {
  auto after = map.upper_bound(address);
  if (after == map.begin()) return map.end();
  const auto holder = std::prev(after);
  return address - holder->first < holder->second.size ? holder : map.end();
}

}  // namespace

bool MappingTable::Mapping::readable() const {
  return std::any_of(access.begin(), access.end() - 1, [](uint8_t flags) {
    return flags & CU_MEM_ACCESS_FLAGS_PROT_READ;
  });
}

bool MappingTable::Mapping::writable() const {
  return std::any_of(access.begin(), access.end() - 1, [](uint8_t flags) {
    return flags == CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
  });
}

MappingTable::~MappingTable() {
  for (const auto& [base, reservation] : reservations_) {
    munmap(Pointer(base), reservation.size);
  }
}

std::optional<CUdeviceptr> MappingTable::Reserve(const Reservation& reservation,
                                                 uint64_t alignment,
                                                 CUdeviceptr hint) {
  const uint64_t size = reservation.size;
  const uint64_t page = sysconf(_SC_PAGESIZE);
  // Room to move the range up to a multiple; mmap gives whole pages anyway.
  uint64_t room = 0;
  if (__builtin_add_overflow(size, alignment - page, &room)) {
    return std::nullopt;
  }
  CUdeviceptr base = 0;
  if (hint != 0 && hint % alignment == 0) {
    void* const got = MapNothing(Pointer(hint), size, /*flags=*/0);
    if (got == Pointer(hint)) {
      base = hint;
    } else if (got != nullptr) {
      munmap(got, size);
    }
  }
  if (base == 0) {
    void* const got = MapNothing(nullptr, room, /*flags=*/0);
    if (got == nullptr) return std::nullopt;
    const CUdeviceptr start = reinterpret_cast<uintptr_t>(got);
    base = (start + alignment - 1) & ~(alignment - 1);
    if (base > start) munmap(got, base - start);
    const uint64_t left = start + room - (base + size);
    if (left > 0) munmap(Pointer(base + size), left);
  }
  reservations_.emplace(base, reservation);
  return base;
}

void MappingTable::Unreserve(CUdeviceptr base) {
  const auto reservation = reservations_.find(base);
  munmap(Pointer(base), reservation->second.size);
  reservations_.erase(reservation);
}

bool MappingTable::Map(CUdeviceptr address, int file, uint64_t offset,
                       Mapping mapping) {
  if (mmap(Pointer(address), mapping.size, PROT_NONE, MAP_SHARED | MAP_FIXED,
           file, static_cast<off_t>(offset)) == MAP_FAILED) {
    return false;
  }
  mappings_.emplace(address, mapping);
  return true;
}

bool MappingTable::Unmap(CUdeviceptr address, uint64_t size) {
  // In place, in one step: the range is never free for others.
  if (MapNothing(Pointer(address), size, MAP_FIXED) == nullptr) return false;
  mappings_.erase(mappings_.lower_bound(address),
                  mappings_.lower_bound(address + size));
  return true;
}

bool MappingTable::SetAccess(CUdeviceptr address, uint64_t size,
                             const CUmemAccessDesc* desc, size_t count) {
  const Iterator first = mappings_.find(address);
  const Iterator last = mappings_.lower_bound(address + size);
  const auto changed = [&](Mapping mapping) {
    for (size_t i = 0; i < count; ++i) {
      mapping.access[AccessIndex(desc[i].location)] = desc[i].flags;
    }
    return mapping;
  };
  // One system call for each row of mappings that end up alike, and so one for
  // the whole range nearly always.
  for (Iterator run = first; run != last;) {
    const int protection = Protection(changed(run->second));
    Iterator run_end = run;
    uint64_t run_size = 0;
    while (run_end != last &&
           Protection(changed(run_end->second)) == protection) {
      run_size += run_end->second.size;
      ++run_end;
    }
    if (mprotect(Pointer(run->first), run_size, protection) != 0) {
      // The system may have changed a part before it refused. Putting it back
      // needs no more of its tables than it had before.
      for (Iterator undo = first; undo != run_end; ++undo) {
        mprotect(Pointer(undo->first), undo->second.size,
                 Protection(undo->second));
      }
      return false;
    }
    run = run_end;
  }
  for (Iterator i = first; i != last; ++i) i->second = changed(i->second);
  return true;
}

MappingTable::Reservations::iterator MappingTable::FindReservation(
    CUdeviceptr address) {
  return FindHolder(reservations_, address);
}

MappingTable::Iterator MappingTable::Find(CUdeviceptr address) {
  return FindHolder(mappings_, address);
}

bool MappingTable::AnyMapped(CUdeviceptr address, uint64_t size) {
  if (Find(address) != end()) return true;
  const Iterator next = mappings_.lower_bound(address);
  return next != end() && next->first - address < size;
}

bool MappingTable::CutsMapping(CUdeviceptr address, uint64_t size) {
  const auto cuts = [this](CUdeviceptr at) {
    const Iterator mapping = Find(at);
    return mapping != end() && mapping->first != at;
  };
  return cuts(address) || cuts(address + size);
}

MappingTable::Iterator MappingTable::WholeMappings(CUdeviceptr address,
                                                   uint64_t size) {
  const Iterator first = mappings_.find(address);
  uint64_t covered = 0;
  for (Iterator i = first; i != end() && covered < size; ++i) {
    if (i->first != address + covered) return end();
    covered += i->second.size;
  }
  return covered == size ? first : end();
}

bool MappingTable::Accessible(CUdeviceptr address, uint64_t size, bool write) {
  Iterator i = Find(address);
  if (i == end()) return false;
  uint64_t covered = 0;
  CUdeviceptr next = i->first;
  // The first mapping may begin before the range.
  uint64_t needed = 0;
  if (__builtin_add_overflow(size, address - i->first, &needed)) return false;
  for (; i != end() && i->first == next; ++i) {
    if (!(write ? i->second.writable() : i->second.readable())) return false;
    covered += i->second.size;
    next = i->first + i->second.size;
    if (covered >= needed) return true;
  }
  return false;
}

}  // namespace governor
