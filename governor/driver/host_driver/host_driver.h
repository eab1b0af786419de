#ifndef GOVERNOR_DRIVER_HOST_DRIVER_HOST_DRIVER_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_HOST_DRIVER_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/driver_call.h"
#include "governor/driver/host_driver/fault_plan.h"
#include "governor/driver/host_driver/live_objects.h"
#include "governor/driver/host_driver/personality.h"

namespace governor {

class HostCalls;
struct HostState;

// The CUDA driver API over host memory, for machines without a GPU and for
// tests. It is as strict about misuse as the real driver, counts what it gives
// out, and fails on demand. It runs no kernels, and it is not a model of speed.
//
// Device memory is host memory: one sparse memfd for each device, mapped where
// the caller reserved addresses. A page appears when it is first touched, read
// or written, and goes back to the system when its allocation is really freed.
// So physical_bytes() is what may come to exist; the host sees what was
// touched. The CPU may use a mapping directly once cuMemSetAccess allowed it.
// A range without access faults on the CPU; the driver's own copies and sets
// check first and answer CUDA_ERROR_INVALID_VALUE.
//
// Work on streams is done before the call that asks for it returns.
//
// What it answers to misuse is what an H200 with driver 580.159.04 answered,
// but for these, on purpose. A stale or foreign handle is refused, where that
// driver may crash or go on. So are a mapping that runs past the end of its
// reservation, access set across a gap (that driver says yes and sets a part),
// and a set whose size wraps. cuMemAlloc takes whole pages, not 2 MiB at a
// time.
//
// Not there yet, and answered as by a driver that cannot do it: host locations
// of virtual memory management, export and import, pools, managed memory.
//
// Thread-safe, every driver function included. In a forked child every driver
// call answers CUDA_ERROR_NOT_INITIALIZED, but for the three that read
// constants (cuDriverGetVersion, cuGetErrorName, cuGetErrorString), and the
// destructor does nothing.
class HostDriver {
 public:
  // How many may live in one process at the same time.
  static constexpr int kMaxInstances = 16;

  // RESOURCE_EXHAUSTED: kMaxInstances live already, or the system has no file
  // descriptor left. INVALID_ARGUMENT: ValidatePersonality refuses.
  static absl::StatusOr<std::unique_ptr<HostDriver>> Create(
      const Personality& personality);

  // Frees all that is left, mappings included. No call may be running in
  // another thread. Copies of api() answer CUDA_ERROR_DEINITIALIZED from then
  // on, until another HostDriver takes this one's place.
  ~HostDriver();

  HostDriver(const HostDriver&) = delete;
  HostDriver& operator=(const HostDriver&) = delete;

  // Every row is filled, optional ones too. Valid as long as this object.
  const DriverApi& api() const { return api_; }

  const Personality& personality() const;
  FaultPlan& faults();

  // The books of physical memory, of all devices together: handles of
  // cuMemCreate until they are released and unmapped, and cuMemAlloc's
  // allocations in whole pages. Contexts are not in it. They change where
  // memory is given out and taken back and nowhere else: up before the caller
  // gets it, down after it is gone. Lock-free.
  Bytes physical_bytes() const;
  // The most that physical_bytes() ever was.
  Bytes physical_high_water() const;

  LiveObjects live_objects() const;

  // Calls made so far, those that failed included. Lock-free.
  uint64_t calls(DriverCall call) const;
  uint64_t total_calls() const;

 private:
  HostDriver(std::unique_ptr<HostState> state, int slot);

  std::unique_ptr<HostState> state_;
  std::unique_ptr<HostCalls> calls_;
  int slot_;
  DriverApi api_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_HOST_DRIVER_H_
