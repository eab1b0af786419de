#include "governor/driver/host_driver/pool_calls.h"

namespace governor {
namespace {

// Whether the personality has this attribute, other than zero.
bool Has(const HostState& state, CUdevice_attribute attribute) {
  const auto found = state.personality.attributes.find(attribute);
  return found != state.personality.attributes.end() && found->second != 0;
}

}  // namespace

CUresult PoolCalls::CheckSupported() const {
  return Has(state_, CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED)
             ? CUDA_SUCCESS
             : CUDA_ERROR_NOT_SUPPORTED;
}

CUresult PoolCalls::CheckLocation(const CUmemLocation& location) const {
  switch (location.type) {
    case CU_MEM_LOCATION_TYPE_DEVICE:
      // Measured: not INVALID_DEVICE.
      return state_.IsDevice(location.id) ? CUDA_SUCCESS
                                          : CUDA_ERROR_INVALID_VALUE;
    case CU_MEM_LOCATION_TYPE_HOST:
      return Has(state_, CU_DEVICE_ATTRIBUTE_HOST_MEMORY_POOLS_SUPPORTED)
                 ? CUDA_SUCCESS
                 : CUDA_ERROR_NOT_SUPPORTED;
    case CU_MEM_LOCATION_TYPE_HOST_NUMA:
      if (location.id != 0) return CUDA_ERROR_INVALID_VALUE;
      return Has(state_, CU_DEVICE_ATTRIBUTE_HOST_NUMA_MEMORY_POOLS_SUPPORTED)
                 ? CUDA_SUCCESS
                 : CUDA_ERROR_NOT_SUPPORTED;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult PoolCalls::MemAllocAsync(CUdeviceptr* address, size_t size,
                                  CUstream stream) {
  if (address == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = CheckSupported()) return result;
  Streams::Properties properties;
  if (CUresult result = state_.streams.Describe(stream, &properties)) {
    return result;
  }
  return Allocate(address, size,
                  state_.pools.CurrentOf(DeviceOfContext(properties.context)),
                  stream);
}

CUresult PoolCalls::MemAllocFromPoolAsync(CUdeviceptr* address, size_t size,
                                          CUmemoryPool pool, CUstream stream) {
  if (address == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = CheckSupported()) return result;
  return Allocate(address, size, pool, stream);
}

CUresult PoolCalls::Allocate(CUdeviceptr* address, size_t size,
                             CUmemoryPool pool, CUstream stream) {
  CUgraph graph = nullptr;
  std::vector<CUgraphNode> dependencies;
  if (CUresult result =
          state_.streams.CapturedGraph(stream, &graph, &dependencies)) {
    return result;
  }
  if (graph != nullptr) {
    CUmemLocation location;
    if (CUresult result = state_.pools.LocationOf(pool, &location)) {
      return result;
    }
    // Measured: graphs allocate of devices alone.
    if (location.type != CU_MEM_LOCATION_TYPE_DEVICE) {
      return CUDA_ERROR_NOT_SUPPORTED;
    }
    CUDA_MEM_ALLOC_NODE_PARAMS allocation = {};
    allocation.poolProps.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
    allocation.poolProps.location = location;
    allocation.bytesize = size;
    CUgraphNode node = nullptr;
    if (CUresult result = state_.graphs.AddAllocation(
            graph, dependencies.data(), dependencies.size(), &allocation,
            &node)) {
      return result;
    }
    state_.streams.SetCapturedTail(stream, node);
    *address = allocation.dptr;
    return CUDA_SUCCESS;
  }
  if (CUresult result = state_.streams.CheckUnsafe()) return result;
  const void* lane = nullptr;
  if (CUresult result = state_.streams.LaneOf(stream, &lane)) return result;
  // Who frees a block and who gets it next say so in the stream's order.
  MutexLock lock(order_);
  MemoryPools::Allocated block;
  if (CUresult result = state_.pools.Allocate(pool, size, lane, &block)) {
    return result;
  }
  const auto begin = [this, block] {
    state_.pools.Begin(block);
    return CUDA_SUCCESS;
  };
  if (CUresult result =
          state_.streams.Enqueue(stream, CU_GRAPH_NODE_TYPE_MEM_ALLOC, begin)) {
    uint64_t generation = 0;
    if (block.address != 0 &&
        state_.pools.Free(block.address, lane, &generation) == CUDA_SUCCESS) {
      state_.pools.End(block.address, generation);
    }
    return result;
  }
  *address = block.address;
  return CUDA_SUCCESS;
}

CUresult PoolCalls::MemFreeAsync(CUdeviceptr address, CUstream stream) {
  if (CUresult result = CheckSupported()) return result;
  if (CUresult result = state_.streams.CheckStream(stream)) return result;
  if (address == 0) return CUDA_SUCCESS;
  CUgraph graph = nullptr;
  std::vector<CUgraphNode> dependencies;
  if (CUresult result =
          state_.streams.CapturedGraph(stream, &graph, &dependencies)) {
    return result;
  }
  if (graph != nullptr) {
    CUgraphNode node = nullptr;
    if (state_.graphs.Add(
            graph, dependencies.data(), dependencies.size(),
            {.type = CU_GRAPH_NODE_TYPE_MEM_FREE, .address = address},
            &node) != CUDA_SUCCESS) {
      // Measured: what the graph did not allocate ends the capture.
      state_.streams.InvalidateCapture(stream);
      return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    }
    state_.streams.SetCapturedTail(stream, node);
    return CUDA_SUCCESS;
  }
  if (CUresult result = state_.streams.CheckUnsafe()) return result;
  const void* lane = nullptr;
  if (CUresult result = state_.streams.LaneOf(stream, &lane)) return result;
  MutexLock lock(order_);
  uint64_t generation = 0;
  if (state_.pools.Free(address, lane, &generation) == CUDA_SUCCESS) {
    const CUresult result = state_.streams.Enqueue(
        stream, CU_GRAPH_NODE_TYPE_MEM_FREE, [this, address, generation] {
          state_.pools.End(address, generation);
          return CUDA_SUCCESS;
        });
    if (result != CUDA_SUCCESS) state_.pools.Unfree(address);
    return result;
  }
  if (state_.graph_memory.Free(address) == CUDA_SUCCESS) {
    const CUresult result = state_.streams.Enqueue(
        stream, CU_GRAPH_NODE_TYPE_MEM_FREE, [this, address] {
          state_.graph_memory.End(address);
          return CUDA_SUCCESS;
        });
    if (result != CUDA_SUCCESS) {
      static_cast<void>(state_.graph_memory.Claim(address));
    }
    return result;
  }
  // Measured: takes cuMemAlloc's memory too.
  const std::optional<DeviceMemory::Place> place =
      state_.memory->Describe(address);
  if (!place || place->kind != RangeKind::kLinear ||
      place->range_start != address) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  return state_.streams.Enqueue(
      stream, CU_GRAPH_NODE_TYPE_MEM_FREE,
      [this, address] { return state_.memory->FreeLinear(address); });
}

CUresult PoolCalls::DeviceGetDefaultMemPool(CUmemoryPool* pool,
                                            CUdevice device) {
  if (pool == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_DEVICE;
  if (CUresult result = CheckSupported()) return result;
  *pool = state_.pools.DefaultOf(device);
  return CUDA_SUCCESS;
}

CUresult PoolCalls::DeviceGetMemPool(CUmemoryPool* pool, CUdevice device) {
  // Measured: not INVALID_DEVICE.
  if (pool == nullptr || !state_.IsDevice(device)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (CUresult result = CheckSupported()) return result;
  *pool = state_.pools.CurrentOf(device);
  return CUDA_SUCCESS;
}

CUresult PoolCalls::DeviceSetMemPool(CUdevice device, CUmemoryPool pool) {
  // Measured: not INVALID_DEVICE.
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = CheckSupported()) return result;
  return state_.pools.SetCurrent(device, pool);
}

CUresult PoolCalls::MemPoolCreate(CUmemoryPool* pool,
                                  const CUmemPoolProps* properties) {
  if (CUresult result = CheckSupported()) return result;
  if (pool == nullptr || properties == nullptr ||
      properties->allocType != CU_MEM_ALLOCATION_TYPE_PINNED ||
      properties->win32SecurityAttributes != nullptr) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  switch (static_cast<int>(properties->handleTypes)) {
    case CU_MEM_HANDLE_TYPE_NONE:
      break;
    case CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR:
    case CU_MEM_HANDLE_TYPE_FABRIC:
      return CUDA_ERROR_NOT_SUPPORTED;  // the host driver shares no pools
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
  if (CUresult result = CheckLocation(properties->location)) return result;
  return state_.pools.Create(*properties, pool);
}

CUresult PoolCalls::MemPoolDestroy(CUmemoryPool pool) {
  if (CUresult result = CheckSupported()) return result;
  return state_.pools.Destroy(pool);
}

CUresult PoolCalls::MemPoolTrimTo(CUmemoryPool pool, size_t keep) {
  if (CUresult result = CheckSupported()) return result;
  return state_.pools.TrimTo(pool, keep);
}

CUresult PoolCalls::MemPoolSetAttribute(CUmemoryPool pool,
                                        CUmemPool_attribute attribute,
                                        void* value) {
  if (CUresult result = CheckSupported()) return result;
  if (value == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return state_.pools.SetAttribute(pool, attribute, value);
}

CUresult PoolCalls::MemPoolGetAttribute(CUmemoryPool pool,
                                        CUmemPool_attribute attribute,
                                        void* value) {
  if (CUresult result = CheckSupported()) return result;
  if (value == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return state_.pools.GetAttribute(pool, attribute, value);
}

CUresult PoolCalls::MemPoolSetAccess(CUmemoryPool pool,
                                     const CUmemAccessDesc* desc,
                                     size_t count) {
  if (CUresult result = CheckSupported()) return result;
  if (desc == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return state_.pools.SetAccess(pool, desc, count);
}

CUresult PoolCalls::MemPoolGetAccess(CUmemAccess_flags* flags,
                                     CUmemoryPool pool,
                                     CUmemLocation* location) {
  if (CUresult result = CheckSupported()) return result;
  if (flags == nullptr || location == nullptr ||
      location->type != CU_MEM_LOCATION_TYPE_DEVICE) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  return state_.pools.GetAccess(pool, location->id, flags);
}

}  // namespace governor
