#ifndef GOVERNOR_DRIVER_HOST_DRIVER_HOST_STATE_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_HOST_STATE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "governor/base/process_epoch.h"
#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/arrays.h"
#include "governor/driver/host_driver/contexts.h"
#include "governor/driver/host_driver/device_memory.h"
#include "governor/driver/host_driver/driver_call.h"
#include "governor/driver/host_driver/fault_plan.h"
#include "governor/driver/host_driver/graph_memory.h"
#include "governor/driver/host_driver/graphs.h"
#include "governor/driver/host_driver/hung_calls.h"
#include "governor/driver/host_driver/managed_advice.h"
#include "governor/driver/host_driver/memory_pools.h"
#include "governor/driver/host_driver/personality.h"
#include "governor/driver/host_driver/streams.h"

namespace governor {

// What the entry points of one HostDriver share. Each part guards itself.
struct HostState {
  HostState(const Personality& personality, int slot,
            std::unique_ptr<DeviceMemory> memory)
      : personality(personality),
        memory(std::move(memory)),
        contexts(slot),
        graph_memory(this->personality, *this->memory),
        graphs(graph_memory),
        pools(this->personality, *this->memory),
        // What fails after its call returned is seen by every later call.
        streams(contexts, graphs, [this](CUresult) {
          faults.Stick(CUDA_ERROR_ILLEGAL_ADDRESS);
        }) {
    free_pool_block = [this](CUdeviceptr address) {
      uint64_t generation = 0;
      if (pools.Free(address, /*lane=*/this, &generation) == CUDA_SUCCESS) {
        pools.End(address, generation);
        return CUDA_SUCCESS;
      }
      const CUresult result = graph_memory.Free(address);
      if (result == CUDA_SUCCESS) graph_memory.End(address);
      return result;
    };
    pool_of = [this](const DeviceMemory::Place& place) {
      return pools.PoolOf(place.range_start);
    };
  }

  bool IsDevice(int ordinal) const {
    return ordinal >= 0 && ordinal < personality.devices;
  }

  const Personality personality;
  const ProcessEpoch epoch;
  std::atomic<bool> initialized{false};  // by cuInit
  std::array<std::atomic<uint64_t>, kDriverCallCount> calls = {};
  FaultPlan faults;
  const std::unique_ptr<DeviceMemory> memory;
  // What the pools do for cuMemFree and pointer attributes; null without them.
  std::function<CUresult(CUdeviceptr)> free_pool_block;
  std::function<CUmemoryPool(const DeviceMemory::Place&)> pool_of;
  ManagedAdvice advice;
  HungCalls hung_calls;
  Contexts contexts;
  Arrays arrays{*memory};
  GraphMemory graph_memory;
  Graphs graphs;
  MemoryPools pools;
  Streams streams;  // last: its work uses the rest
  // This driver's own table, for cuGetProcAddress.
  DriverApi api;
};

inline CUresult CheckStream(HostState& state, CUstream stream) {
  return state.streams.CheckStream(stream);
}

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_HOST_STATE_H_
