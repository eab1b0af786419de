#include "governor/driver/host_driver/range_attribute.h"

#include <cstdint>
#include <cstring>

#include "governor/driver/host_driver/mapping_table.h"

namespace governor {
namespace {

// The older attributes know devices, the CPU, and none.
int32_t DeviceOf(const CUmemLocation& location) {
  switch (location.type) {
    case CU_MEM_LOCATION_TYPE_DEVICE:
      return location.id;
    case CU_MEM_LOCATION_TYPE_INVALID:
      return CU_DEVICE_INVALID;
    default:
      return CU_DEVICE_CPU;
  }
}

int32_t IdOf(const CUmemLocation& location) {
  // Chosen: documented as to be ignored without a location.
  return location.type == CU_MEM_LOCATION_TYPE_INVALID ? CU_DEVICE_INVALID
                                                       : location.id;
}

int32_t ValueOf(const ManagedAdvice::Advice& advice,
                CUmem_range_attribute attribute) {
  switch (attribute) {
    case CU_MEM_RANGE_ATTRIBUTE_READ_MOSTLY:
      return advice.read_mostly ? 1 : 0;
    case CU_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION:
      return DeviceOf(advice.preferred);
    case CU_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION:
      return DeviceOf(advice.last_prefetch);
    case CU_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION_TYPE:
      return advice.preferred.type;
    case CU_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION_ID:
      return IdOf(advice.preferred);
    case CU_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION_TYPE:
      return advice.last_prefetch.type;
    default:
      return IdOf(advice.last_prefetch);
  }
}

}  // namespace

bool IsRangeAttribute(CUmem_range_attribute attribute, size_t size) {
  if (attribute < CU_MEM_RANGE_ATTRIBUTE_READ_MOSTLY ||
      attribute > CU_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION_ID) {
    return false;
  }
  return attribute == CU_MEM_RANGE_ATTRIBUTE_ACCESSED_BY
             ? size != 0 && size % sizeof(int32_t) == 0
             : size == sizeof(int32_t);
}

void WriteRangeAttribute(const ManagedAdvice::Advice& advice,
                         CUmem_range_attribute attribute, void* data,
                         size_t size) {
  if (attribute != CU_MEM_RANGE_ATTRIBUTE_ACCESSED_BY) {
    const int32_t value = ValueOf(advice, attribute);
    std::memcpy(data, &value, sizeof(value));
    return;
  }
  // As many as fit, and then none.
  int index = 0;
  for (size_t at = 0; at < size; at += sizeof(int32_t)) {
    while (index <= kHostAccess && (advice.accessed_by >> index & 1) == 0) {
      ++index;
    }
    const int32_t device = index > kHostAccess    ? CU_DEVICE_INVALID
                           : index == kHostAccess ? CU_DEVICE_CPU
                                                  : index;
    std::memcpy(static_cast<char*>(data) + at, &device, sizeof(device));
    ++index;
  }
}

}  // namespace governor
