#include "governor/policy/network_buffers.h"

namespace governor {

NetworkBuffers BookNetworkBuffers(Bytes size, const NetworkAccess& access) {
  if (access.gpu_direct_rdma || access.dma_buf) return {.device = size};
  return {.host_pinned = size};
}

}  // namespace governor
