#ifndef GOVERNOR_DRIVER_HOST_DRIVER_SLOTS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_SLOTS_H_

#include <optional>

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_calls.h"

namespace governor {

// CUDA's functions have no user pointer to find their driver by. So there is a
// set of functions for each of a few slots, made by the compiler, and a driver
// takes a slot for its lifetime. Thread-safe, lock-free.

// Takes a free slot; its functions answer CUDA_ERROR_DEINITIALIZED until
// FillSlot. nullopt: all are taken.
std::optional<int> TakeSlot();

// The functions of a slot. Every field is set.
const DriverApi& ApiOfSlot(int slot);

// From now on the slot's functions call `calls`.
void FillSlot(int slot, HostCalls* calls);

// The slot's functions answer CUDA_ERROR_DEINITIALIZED, and it may be taken
// again. None of them is running.
void ReturnSlot(int slot);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_SLOTS_H_
