#ifndef GOVERNOR_DRIVER_HOST_DRIVER_GRAPH_MEMORY_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_GRAPH_MEMORY_H_

#include <cstdint>
#include <map>
#include <vector>

#include "governor/base/mutex.h"
#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/device_memory.h"
#include "governor/driver/host_driver/personality.h"

namespace governor {

// The memory of graphs' allocation nodes. A node has its address from the day
// it is made, memory behind it from the first upload or launch until a trim
// finds it unused, and a block there while it is allocated. As measured on an
// H200: memory comes in steps of 32 MiB, destroying a graph gives none back,
// and a launch after a trim takes it again. Thread-safe.
//
// Nodes that never live at the same time share memory on hardware, and not
// here; and what hardware calls used is here all that is reserved.
class GraphMemory {
 public:
  GraphMemory(const Personality& personality, DeviceMemory& memory);

  // Addresses for a node of a graph on `device`.
  CUresult Reserve(int device, uint64_t size, CUdeviceptr* address);
  // The graph, or its executable, holds the addresses once more, or once less.
  // Without holders and block they end, with the memory, at the next trim.
  void Hold(CUdeviceptr address);
  void Drop(CUdeviceptr address);

  // Puts memory behind the addresses if there is none. OUT_OF_MEMORY.
  CUresult Back(CUdeviceptr address);
  // A launch that has not ended uses the addresses once more, or once less: no
  // trim takes their memory.
  void Use(CUdeviceptr address);
  void Unuse(CUdeviceptr address);
  // Marks a launch that will allocate. INVALID_VALUE: allocated already.
  CUresult Claim(CUdeviceptr address);
  // In stream order: the block begins to exist, and ends.
  void Begin(CUdeviceptr address);
  void End(CUdeviceptr address);
  // Whether `address` is allocated by a launch, and the free that End follows.
  CUresult Free(CUdeviceptr address);

  void Trim(int device);
  CUresult GetAttribute(int device, CUgraphMem_attribute attribute,
                        cuuint64_t* value);
  CUresult SetAttribute(int device, CUgraphMem_attribute attribute,
                        cuuint64_t value);

 private:
  struct Range {
    int device = 0;
    uint64_t size = 0;
    uint64_t backed = 0;  // bytes behind it, all or nothing
    int holders = 0;
    int users = 0;
    bool claimed = false;  // from the launch until the free
    bool begun = false;    // the block is there
    bool idle() const { return !claimed && !begun && users == 0; }
  };
  struct Books {
    uint64_t reserved = 0;
    uint64_t reserved_high = 0;
    uint64_t used_high = 0;
  };

  void EndIfOver(std::map<CUdeviceptr, Range>::iterator range)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  DeviceMemory& memory_;
  Mutex mutex_;
  std::map<CUdeviceptr, Range> ranges_ ABSL_GUARDED_BY(mutex_);
  std::vector<Books> books_ ABSL_GUARDED_BY(mutex_);  // by device
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_GRAPH_MEMORY_H_
