// The part of DeviceMemory that is for registered host memory.

#include "governor/driver/host_driver/device_memory.h"

namespace governor {

std::optional<DeviceMemory::Place> DeviceMemory::DescribeRegistered(
    CUdeviceptr address) {
  const auto registered = registered_.Find(address);
  if (!registered) return std::nullopt;
  Place place = {.range_start = registered->address,
                 .range_size = registered->size,
                 .kind = RangeKind::kRegistered,
                 .range_id = registered->id,
                 .flags = registered->flags,
                 .sync_memops = registered->sync_memops,
                 .mapped = true,
                 .mapping_start = registered->address,
                 .mapping_size = registered->size,
                 .chunk_id = registered->id,
                 .device = DeviceOfContext(registered->owner),
                 .owner = registered->owner,
                 .on_host = true};
  place.access.fill(registered->read_only()
                        ? CU_MEM_ACCESS_FLAGS_PROT_READ
                        : CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
  return place;
}

CUresult DeviceMemory::MayRegister(
    const HostRegistrations::Registration& registration) {
  const CUdeviceptr address = registration.address;
  const uint64_t size = registration.size;
  if (registered_.Overlaps(address, size)) {
    return CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
  }
  auto range = table_.FindReservation(address);
  if (range == table_.reservations().end()) {
    range = table_.reservations().lower_bound(address);
    if (range == table_.reservations().end() ||
        range->first - address >= size) {
      return CUDA_SUCCESS;
    }
  }
  return range->second.kind == RangeKind::kPinned
             ? CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED
             : CUDA_ERROR_INVALID_VALUE;
}

CUresult DeviceMemory::CheckRegistration(
    const HostRegistrations::Registration& registration) {
  MutexLock lock(mutex_);
  return MayRegister(registration);
}

CUresult DeviceMemory::Register(
    const HostRegistrations::Registration& registration) {
  MutexLock lock(mutex_);
  if (CUresult result = MayRegister(registration)) return result;
  HostRegistrations::Registration added = registration;
  added.id = next_id_++;
  registered_.Add(added);
  pinned_books_.Add(PagesOf(added));
  return CUDA_SUCCESS;
}

CUresult DeviceMemory::Unregister(CUdeviceptr address) {
  MutexLock lock(mutex_);
  while (true) {
    const auto found = registered_.Find(address);
    if (!found) return CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
    if (found->address != address) return CUDA_ERROR_INVALID_VALUE;  // measured
    if (!IsPinned(address, found->size)) break;
    unpinned_.Wait(mutex_);  // in which another thread may unregister it
  }
  pinned_books_.Subtract(PagesOf(*registered_.Remove(address)));
  return CUDA_SUCCESS;
}

Bytes DeviceMemory::PagesOf(
    const HostRegistrations::Registration& registration) const {
  const uint64_t first = registration.address / page_;
  const uint64_t last = (registration.address + registration.size - 1) / page_;
  return Bytes((last - first + 1) * page_);
}

}  // namespace governor
