#ifndef GOVERNOR_DRIVER_HOST_DRIVER_RANGE_ATTRIBUTE_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_RANGE_ATTRIBUTE_H_

#include <cstddef>

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/managed_advice.h"

namespace governor {

// Whether cuMemRangeGetAttribute knows the attribute, and it is so many bytes.
bool IsRangeAttribute(CUmem_range_attribute attribute, size_t size);

// The attribute of a range of which `advice` is true, as documented.
void WriteRangeAttribute(const ManagedAdvice::Advice& advice,
                         CUmem_range_attribute attribute, void* data,
                         size_t size);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_RANGE_ATTRIBUTE_H_
