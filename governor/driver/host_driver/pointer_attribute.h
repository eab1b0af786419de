#ifndef GOVERNOR_DRIVER_HOST_DRIVER_POINTER_ATTRIBUTE_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_POINTER_ATTRIBUTE_H_

#include <optional>

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_state.h"

namespace governor {

// One attribute of an address with memory behind it, written to `data`. What
// CUDA documents as a boolean is four bytes wide, as measured. INVALID_VALUE,
// and nothing written: the attribute does not apply to such an address, or is
// not known.
CUresult WritePointerAttribute(const DeviceMemory::Place& place,
                               CUdeviceptr address,
                               CUpointer_attribute attribute, HostState& state,
                               void* data);

// Whether the number is an attribute that can be asked for.
bool IsPointerAttribute(CUpointer_attribute attribute);

// The same for any address, as cuPointerGetAttributes has it: what does not
// apply reads as nothing, which is zero, or CU_DEVICE_INVALID, or the address
// itself for a host pointer.
void WritePointerAttributeOrNothing(
    const std::optional<DeviceMemory::Place>& place, CUdeviceptr address,
    CUpointer_attribute attribute, HostState& state, void* data);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_POINTER_ATTRIBUTE_H_
