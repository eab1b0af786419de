#include "governor/driver/host_driver/host_driver_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

class PeerCallsTest : public HostDriverTest {
 protected:
  explicit PeerCallsTest(
      absl::string_view personality = "h200,memory=1GiB,context=0,devices=2")
      : HostDriverTest(personality) {
    EXPECT_EQ(api_.DevicePrimaryCtxRetain(&peer_, 1), CUDA_SUCCESS);
  }

  int CanAccess(CUdevice device, CUdevice peer) {
    int can = -1;
    EXPECT_EQ(api_.DeviceCanAccessPeer(&can, device, peer), CUDA_SUCCESS);
    return can;
  }

  CUcontext peer_ = nullptr;
};

class IntegratedPeersTest : public PeerCallsTest {
 protected:
  IntegratedPeersTest()
      : PeerCallsTest("gb10,memory=1GiB,context=0,devices=2") {}
};

TEST_F(PeerCallsTest, TellsWhoReachesWhom) {
  EXPECT_EQ(CanAccess(0, 1), 1);
  EXPECT_EQ(CanAccess(1, 0), 1);
  EXPECT_EQ(CanAccess(0, 0), 0);
  int value = -1;
  EXPECT_EQ(api_.DeviceCanAccessPeer(nullptr, 0, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.DeviceCanAccessPeer(&value, 0, 2), CUDA_ERROR_INVALID_DEVICE);
  EXPECT_EQ(api_.DeviceCanAccessPeer(&value, -1, 0), CUDA_ERROR_INVALID_DEVICE);

  const auto ask = [&](int attribute, CUdevice device, CUdevice peer) {
    return api_.DeviceGetP2PAttribute(
        &value, static_cast<CUdevice_P2PAttribute>(attribute), device, peer);
  };
  EXPECT_EQ(ask(CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED, 0, 1), CUDA_SUCCESS);
  EXPECT_EQ(value, 1);
  EXPECT_EQ(ask(CU_DEVICE_P2P_ATTRIBUTE_PERFORMANCE_RANK, 0, 1), CUDA_SUCCESS);
  EXPECT_EQ(value, 0);
  EXPECT_EQ(ask(0, 0, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(ask(6, 0, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(ask(1, 0, 0), CUDA_ERROR_INVALID_DEVICE);
  EXPECT_EQ(ask(1, 0, 2), CUDA_ERROR_INVALID_DEVICE);
  EXPECT_EQ(api_.DeviceGetP2PAttribute(
                nullptr, CU_DEVICE_P2P_ATTRIBUTE_PERFORMANCE_RANK, 0, 1),
            CUDA_ERROR_INVALID_VALUE);
}

TEST_F(PeerCallsTest, EnablesOnceAndDisables) {
  EXPECT_EQ(api_.CtxEnablePeerAccess(peer_, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.CtxDisablePeerAccess(peer_),
            CUDA_ERROR_PEER_ACCESS_NOT_ENABLED);
  EXPECT_EQ(api_.CtxEnablePeerAccess(peer_, 0), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxEnablePeerAccess(peer_, 0),
            CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED);
  // The other direction is another matter.
  ASSERT_EQ(api_.CtxPushCurrent(peer_), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxDisablePeerAccess(context_),
            CUDA_ERROR_PEER_ACCESS_NOT_ENABLED);
  EXPECT_EQ(api_.CtxEnablePeerAccess(context_, 0), CUDA_SUCCESS);
  ASSERT_EQ(api_.CtxPopCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxDisablePeerAccess(peer_), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxDisablePeerAccess(peer_),
            CUDA_ERROR_PEER_ACCESS_NOT_ENABLED);
}

TEST_F(PeerCallsTest, RefusesWhatIsNoPeer) {
  const CUcontext foreign = reinterpret_cast<CUcontext>(0x1230);
  EXPECT_EQ(api_.CtxEnablePeerAccess(context_, 0),
            CUDA_ERROR_PEER_ACCESS_UNSUPPORTED);  // measured
  for (const CUcontext context : {CUcontext{nullptr}, foreign}) {
    EXPECT_EQ(api_.CtxEnablePeerAccess(context, 0), CUDA_ERROR_INVALID_CONTEXT);
    EXPECT_EQ(api_.CtxDisablePeerAccess(context), CUDA_ERROR_INVALID_CONTEXT);
  }
  // Another context of the same device reaches its memory anyway.
  CUcontext same = nullptr;
  ASSERT_EQ(api_.CtxCreate(&same, nullptr, 0, 0), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxEnablePeerAccess(context_, 0),
            CUDA_ERROR_PEER_ACCESS_UNSUPPORTED);
  EXPECT_EQ(api_.CtxDestroy(same), CUDA_SUCCESS);
  ASSERT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxEnablePeerAccess(peer_, 0), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(api_.CtxDisablePeerAccess(peer_), CUDA_ERROR_INVALID_CONTEXT);
}

TEST_F(PeerCallsTest, ForgetsContextsThatEnd) {
  ASSERT_EQ(api_.CtxEnablePeerAccess(peer_, 0), CUDA_SUCCESS);
  EXPECT_EQ(api_.DevicePrimaryCtxRelease(1), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxDisablePeerAccess(peer_), CUDA_ERROR_INVALID_CONTEXT);
  ASSERT_EQ(api_.DevicePrimaryCtxRetain(&peer_, 1), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxEnablePeerAccess(peer_, 0), CUDA_SUCCESS);
}

TEST_F(IntegratedPeersTest, AreNone) {
  EXPECT_EQ(CanAccess(0, 1), 0);
  EXPECT_EQ(api_.CtxEnablePeerAccess(peer_, 0),
            CUDA_ERROR_PEER_ACCESS_UNSUPPORTED);
}

TEST_F(PeerCallsTest, CopiesBetweenContexts) {
  const CUdeviceptr own = NewLinear(64);
  ASSERT_EQ(api_.CtxPushCurrent(peer_), CUDA_SUCCESS);
  const CUdeviceptr other = NewLinear(64);
  ASSERT_EQ(api_.MemsetD32(other, 42, 16), CUDA_SUCCESS);
  ASSERT_EQ(api_.CtxPopCurrent(nullptr), CUDA_SUCCESS);

  EXPECT_EQ(api_.MemcpyPeer(own, context_, other, peer_, 8), CUDA_SUCCESS);
  EXPECT_EQ(Read(own + 4), 42u);
  EXPECT_EQ(Read(own + 8), 0u);
  CUstream stream = nullptr;
  ASSERT_EQ(api_.StreamCreate(&stream, 0), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemcpyPeerAsync(own + 8, context_, other, peer_, 56, stream),
            CUDA_SUCCESS);
  EXPECT_EQ(Read(own + 60), 42u);

  // Measured: no context is as good as any.
  EXPECT_EQ(api_.MemcpyPeer(own, nullptr, other, nullptr, 8), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemcpyPeer(own, context_, other, peer_, 65),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemcpyPeer(own, context_, 0, peer_, 8),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemcpyPeer(own, context_, other, peer_, 0), CUDA_SUCCESS);
}

}  // namespace
}  // namespace governor
