// Several devices: who may see whose memory. With one device, what one device
// answers.

#include "tests/conformance/conformance_fixture.h"

namespace governor {
namespace {

class PeerConformance : public ConformanceTest {
 protected:
  bool CanAccess(CUdevice device, CUdevice peer) {
    int can = 77;
    EXPECT_OK(DeviceCanAccessPeer, &can, device, peer);
    EXPECT_TRUE(can == 0 || can == 1) << can;
    return can == 1;
  }
};

#define TWO_DEVICES_ONLY()                                     \
  if (device().count() < 2 || !CanAccess(0, 1)) {              \
    GTEST_SKIP() << "there are no two devices that are peers"; \
  }                                                            \
  static_assert(true)

TEST_F(PeerConformance, ADeviceIsNoPeerOfItself) {
  EXPECT_FALSE(CanAccess(0, 0));
  EXPECT_REFUSED(PEER_ACCESS_UNSUPPORTED, CtxEnablePeerAccess,
                 device().context(), 0);
  EXPECT_REFUSED(INVALID_CONTEXT, CtxEnablePeerAccess, nullptr, 0);
}

TEST_F(PeerConformance, AccessRefusesMisuse) {
  int can = 0;
  EXPECT_REFUSED(INVALID_VALUE, DeviceCanAccessPeer, nullptr, 0, 0);
  EXPECT_REFUSED(INVALID_DEVICE, DeviceCanAccessPeer, &can, 0, kNoDevice);
  EXPECT_REFUSED(INVALID_DEVICE, DeviceCanAccessPeer, &can, kNoDevice, 0);
}

TEST_F(PeerConformance, AttributesRefuseMisuse) {
  int value = 0;
  const auto access = CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED;
  EXPECT_REFUSED(INVALID_DEVICE, DeviceGetP2PAttribute, &value, access, 0, 0);
  EXPECT_REFUSED(INVALID_DEVICE, DeviceGetP2PAttribute, &value, access, 0,
                 kNoDevice);
}

TEST_F(PeerConformance, PeerAttributesOfTwoDevices) {
  TWO_DEVICES_ONLY();
  int value = 77;
  EXPECT_OK(DeviceGetP2PAttribute, &value,
            CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED, 0, 1);
  EXPECT_EQ(value == 1, CanAccess(0, 1));
  EXPECT_REFUSED(INVALID_VALUE, DeviceGetP2PAttribute, nullptr,
                 CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED, 0, 1);
  EXPECT_REFUSED(INVALID_VALUE, DeviceGetP2PAttribute, &value,
                 static_cast<CUdevice_P2PAttribute>(99), 0, 1);
}

TEST_F(PeerConformance, EnablesAndDisables) {
  TWO_DEVICES_ONLY();
  const CUcontext peer = device().context(1);
  if (!CanAccess(0, 1)) {
    EXPECT_REFUSED(PEER_ACCESS_UNSUPPORTED, CtxEnablePeerAccess, peer, 0);
    GTEST_SKIP() << "the two cannot see each other";
  }
  EXPECT_REFUSED(PEER_ACCESS_NOT_ENABLED, CtxDisablePeerAccess, peer);
  EXPECT_REFUSED(INVALID_VALUE, CtxEnablePeerAccess, peer, 1);
  EXPECT_OK(CtxEnablePeerAccess, peer, 0);
  EXPECT_REFUSED(PEER_ACCESS_ALREADY_ENABLED, CtxEnablePeerAccess, peer, 0);
  EXPECT_OK(CtxDisablePeerAccess, peer);
  EXPECT_REFUSED(PEER_ACCESS_NOT_ENABLED, CtxDisablePeerAccess, peer);
}

TEST_F(PeerConformance, NeedsACurrentContext) {
  const CUcontext peer = device().context(device().count() - 1);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, CtxEnablePeerAccess, peer, 0);
  EXPECT_REFUSED(INVALID_CONTEXT, CtxDisablePeerAccess, peer);
}

// Between contexts, be it one and the same.
TEST_F(PeerConformance, CopiesBetweenContexts) {
  const int last = device().count() - 1;
  const CUcontext here = device().context(), there = device().context(last);
  const CUdeviceptr a = NewLinear(4096);
  CUdeviceptr b = 0;
  EXPECT_OK(MemsetD32, a, 42, 1024);
  EXPECT_OK(CtxSynchronize);
  EXPECT_OK(CtxPushCurrent, there);
  EXPECT_OK(MemAlloc, &b, 4096);
  EXPECT_OK(MemsetD8, b, 0, 4096);
  EXPECT_OK(CtxSynchronize);
  EXPECT_OK(CtxPopCurrent, nullptr);
  EXPECT_OK(MemcpyPeer, b, there, a, here, 8);
  EXPECT_EQ(Read(b + 4), 42u);
  EXPECT_EQ(Read(b + 8), 0u);
  const CUstream stream = NewStream();
  EXPECT_OK(MemcpyPeerAsync, b + 8, there, a, here, 8, stream);
  EXPECT_OK(StreamSynchronize, stream);
  EXPECT_EQ(Read(b + 12), 42u);
  EXPECT_OK(MemFree, b);
}

TEST_F(PeerConformance, CopiesRefuseMisuse) {
  const CUcontext here = device().context();
  const CUdeviceptr a = NewLinear(4096), nowhere = Reserve(block());
  EXPECT_REFUSED(INVALID_VALUE, MemcpyPeer, nowhere, here, a, here, 8);
  EXPECT_REFUSED(INVALID_VALUE, MemcpyPeerAsync, nowhere, here, a, here, 8,
                 nullptr);
}

// A chunk of one device may be mapped for another.
TEST_F(PeerConformance, MapsAChunkForAPeer) {
  TWO_DEVICES_ONLY();
  if (!CanAccess(1, 0)) GTEST_SKIP() << "the two cannot see each other";
  const CUdeviceptr base = Reserve(block());
  Commit(base, block());
  const CUmemAccessDesc both[] = {
      Access(), Access(CU_MEM_ACCESS_FLAGS_PROT_READWRITE, 1)};
  EXPECT_OK(MemSetAccess, base, block(), both, 2);
  EXPECT_OK(MemsetD32, base, 42, 1);
  EXPECT_OK(CtxSynchronize);
  EXPECT_OK(CtxPushCurrent, device().context(1));
  EXPECT_EQ(Read(base), 42u);
  EXPECT_OK(CtxPopCurrent, nullptr);
}

TEST_F(PeerConformance, AllocatesOnTheCurrentDevice) {
  TWO_DEVICES_ONLY();
  EXPECT_OK(CtxPushCurrent, device().context(1));
  CUdeviceptr address = 0;
  EXPECT_OK(MemAlloc, &address, 4096);
  EXPECT_OK(CtxPopCurrent, nullptr);
  int owner = -1;
  EXPECT_OK(PointerGetAttribute, &owner, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL,
            address);
  EXPECT_EQ(owner, 1);
  EXPECT_OK(MemFree, address);
}

// As measured: an event is recorded in a stream of its own device.
TEST_F(PeerConformance, KeepsEventsApart) {
  TWO_DEVICES_ONLY();
  const CUevent event = NewEvent();
  EXPECT_OK(CtxPushCurrent, device().context(1));
  CUstream elsewhere = nullptr;
  EXPECT_OK(StreamCreate, &elsewhere, CU_STREAM_NON_BLOCKING);
  EXPECT_REFUSED(INVALID_HANDLE, EventRecord, event, elsewhere);
  EXPECT_OK(StreamWaitEvent, elsewhere, event, 0);
  EXPECT_OK(StreamDestroy, elsewhere);
  EXPECT_OK(CtxPopCurrent, nullptr);
}

TEST_F(PeerConformance, TheirPoolsAreApart) {
  TWO_DEVICES_ONLY();
  CUmemoryPool first = nullptr, second = nullptr;
  EXPECT_OK(DeviceGetDefaultMemPool, &first, 0);
  EXPECT_OK(DeviceGetDefaultMemPool, &second, 1);
  EXPECT_NE(first, second);
}

}  // namespace
}  // namespace governor
