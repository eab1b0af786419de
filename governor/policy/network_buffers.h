#ifndef GOVERNOR_POLICY_NETWORK_BUFFERS_H_
#define GOVERNOR_POLICY_NETWORK_BUFFERS_H_

#include "governor/base/bytes.h"

namespace governor {

// What a device says of network cards, as CUDA's attributes 116 and 124.
struct NetworkAccess {
  bool gpu_direct_rdma = false;
  bool dma_buf = false;
};

// Where buffers for the network are booked, as NCCL makes them: one of the two
// is zero.
struct NetworkBuffers {
  Bytes device = Bytes();
  Bytes host_pinned = Bytes();
};

// Device memory where a card may read it, by either way; pinned host memory
// where it may not, as on a GB10. For plans of clusters, which are to come.
NetworkBuffers BookNetworkBuffers(Bytes size, const NetworkAccess& access);

}  // namespace governor

#endif  // GOVERNOR_POLICY_NETWORK_BUFFERS_H_
