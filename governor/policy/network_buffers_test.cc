#include "governor/policy/network_buffers.h"

#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(NetworkBuffersTest, AT39_AreDeviceMemoryWhereACardMayReadIt) {
  for (const NetworkAccess access :
       {NetworkAccess{.gpu_direct_rdma = true, .dma_buf = true},
        NetworkAccess{.gpu_direct_rdma = true},
        NetworkAccess{.dma_buf = true}}) {
    const NetworkBuffers buffers = BookNetworkBuffers(GiB(2), access);
    EXPECT_EQ(buffers.device, GiB(2));
    EXPECT_EQ(buffers.host_pinned, Bytes());
  }
}

TEST(NetworkBuffersTest, AT39_ArePinnedHostMemoryWhereItMayNot) {
  const NetworkBuffers buffers = BookNetworkBuffers(GiB(2), {});
  EXPECT_EQ(buffers.device, Bytes());
  EXPECT_EQ(buffers.host_pinned, GiB(2));
}

}  // namespace
}  // namespace governor
