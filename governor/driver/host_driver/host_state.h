#ifndef GOVERNOR_DRIVER_HOST_DRIVER_HOST_STATE_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_HOST_STATE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "governor/base/process_epoch.h"
#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/contexts.h"
#include "governor/driver/host_driver/device_memory.h"
#include "governor/driver/host_driver/driver_call.h"
#include "governor/driver/host_driver/fault_plan.h"
#include "governor/driver/host_driver/personality.h"
#include "governor/driver/host_driver/streams.h"

namespace governor {

// What the entry points of one HostDriver share. Each part guards itself.
struct HostState {
  HostState(const Personality& personality, int slot,
            std::unique_ptr<DeviceMemory> memory)
      : personality(personality), memory(std::move(memory)), contexts(slot) {}

  bool IsDevice(int ordinal) const {
    return ordinal >= 0 && ordinal < personality.devices;
  }

  const Personality personality;
  const ProcessEpoch epoch;
  std::atomic<bool> initialized{false};  // by cuInit
  std::array<std::atomic<uint64_t>, kDriverCallCount> calls = {};
  FaultPlan faults;
  const std::unique_ptr<DeviceMemory> memory;
  Contexts contexts;
  Streams streams;
  // This driver's own table, for cuGetProcAddress.
  DriverApi api;
};

// Whether the caller may use this stream. A default stream is that of the
// current context, and so needs one; any other brings its own.
inline CUresult CheckStream(HostState& state, CUstream stream) {
  if (!Streams::IsDefault(stream)) return state.streams.CheckStream(stream);
  int device = 0;
  return state.contexts.CurrentDevice(&device);
}

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_HOST_STATE_H_
