// Pools: memory in stream order.

#include <cstring>

#include "tests/conformance/conformance_fixture.h"

namespace governor {
namespace {

constexpr size_t kSize = 8 << 20;

CUmemPoolProps PoolProperties() {
  CUmemPoolProps properties;
  std::memset(&properties, 0, sizeof(properties));
  properties.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
  properties.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  return properties;
}

class PoolConformance : public ConformanceTest {
 protected:
  void SetUp() override {
    ConformanceTest::SetUp();
    stream_ = NewStream();
  }

  // Null where the driver gave none, with the test failed.
  CUmemoryPool NewPool() {
    const CUmemPoolProps properties = PoolProperties();
    CUmemoryPool pool = nullptr;
    EXPECT_OK(MemPoolCreate, &pool, &properties);
    if (pool != nullptr) {
      Later([pool] { EXPECT_OK(MemPoolDestroy, pool); });
    }
    return pool;
  }

  CUdeviceptr NewFrom(CUmemoryPool pool, size_t size = kSize) {
    CUdeviceptr address = 0;
    EXPECT_OK(MemAllocFromPoolAsync, &address, size, pool, stream_);
    return address;
  }

  cuuint64_t Get(CUmemoryPool pool, CUmemPool_attribute attribute) {
    cuuint64_t value = 0;
    EXPECT_OK(MemPoolGetAttribute, pool, attribute, &value);
    return value;
  }

  void Set(CUmemoryPool pool, CUmemPool_attribute attribute, cuuint64_t value) {
    EXPECT_OK(MemPoolSetAttribute, pool, attribute, &value);
  }

  CUstream stream_ = nullptr;
};

TEST_F(PoolConformance, AllocatesInStreamOrder) {
  CUdeviceptr address = 0;
  ASSERT_OK(MemAllocAsync, &address, kSize, stream_);
  EXPECT_OK(MemsetD32Async, address, 42, kSize / 4, stream_);
  uint32_t got = 0;
  EXPECT_OK(MemcpyDtoHAsync, &got, address + kSize - 4, 4, stream_);
  EXPECT_OK(MemFreeAsync, address, stream_);
  EXPECT_OK(StreamSynchronize, stream_);
  EXPECT_EQ(got, 42u);
}

TEST_F(PoolConformance, AllocAsyncRefusesMisuse) {
  CUdeviceptr address = 0;
  EXPECT_REFUSED(INVALID_VALUE, MemAllocAsync, nullptr, kSize, stream_);
  EXPECT_REFUSED(OUT_OF_MEMORY, MemAllocAsync, &address, size_t{1} << 42,
                 stream_);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, MemAllocAsync, &address, kSize, nullptr);
}

// Measured: nothing is no error.
TEST_F(PoolConformance, AllocatesNothing) {
  CUdeviceptr address = 77;
  EXPECT_OK(MemAllocAsync, &address, 0, stream_);
  if (address != 77) {
    EXPECT_OK(MemFreeAsync, address, stream_);
  }
}

TEST_F(PoolConformance, FreeAsyncRefusesMisuse) {
  const CUdeviceptr reserved = Reserve(block());
  EXPECT_REFUSED(INVALID_VALUE, MemFreeAsync, reserved, stream_);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, MemFreeAsync, reserved, nullptr);
}

TEST_F(PoolConformance, PlainFreeTakesPoolMemory) {
  CUdeviceptr address = 0;
  ASSERT_OK(MemAllocAsync, &address, kSize, stream_);
  EXPECT_OK(StreamSynchronize, stream_);
  EXPECT_OK(MemFree, address);
}

TEST_F(PoolConformance, StaleStreamsAreRefused) {
  HOST_DRIVER_ONLY();
  CUstream stale = nullptr;
  ASSERT_OK(StreamCreate, &stale, 0);
  ASSERT_OK(StreamDestroy, stale);
  CUdeviceptr address = 0;
  EXPECT_REFUSED(INVALID_HANDLE, MemAllocAsync, &address, kSize, stale);
  ASSERT_OK(MemAllocAsync, &address, kSize, stream_);
  EXPECT_REFUSED(INVALID_HANDLE, MemFreeAsync, address, stale);
  EXPECT_OK(MemFreeAsync, address, stream_);
}

TEST_F(PoolConformance, FreesOnce) {
  HOST_DRIVER_ONLY();
  CUdeviceptr address = 0;
  ASSERT_OK(MemAllocAsync, &address, kSize, stream_);
  EXPECT_OK(MemFreeAsync, address, stream_);
  EXPECT_REFUSED(INVALID_VALUE, MemFreeAsync, address, stream_);
}

TEST_F(PoolConformance, ADeviceHasADefaultPool) {
  CUmemoryPool fixed = nullptr, current = nullptr;
  EXPECT_OK(DeviceGetDefaultMemPool, &fixed, 0);
  EXPECT_OK(DeviceGetMemPool, &current, 0);
  EXPECT_NE(fixed, nullptr);
  EXPECT_EQ(current, fixed);
}

TEST_F(PoolConformance, DefaultPoolRefusesMisuse) {
  CUmemoryPool pool = nullptr;
  EXPECT_REFUSED(INVALID_VALUE, DeviceGetDefaultMemPool, nullptr, 0);
  EXPECT_REFUSED(INVALID_DEVICE, DeviceGetDefaultMemPool, &pool, kNoDevice);
  EXPECT_REFUSED(INVALID_VALUE, DeviceGetMemPool, nullptr, 0);
  // Measured: not INVALID_DEVICE.
  EXPECT_REFUSED(INVALID_VALUE, DeviceGetMemPool, &pool, kNoDevice);
}

// What cuMemAllocAsync takes from.
TEST_F(PoolConformance, SetsThePoolOfADevice) {
  const CUmemoryPool pool = NewPool();
  ASSERT_NE(pool, nullptr);
  CUmemoryPool fixed = nullptr, current = nullptr, of_address = nullptr;
  ASSERT_OK(DeviceGetDefaultMemPool, &fixed, 0);
  ASSERT_OK(DeviceSetMemPool, 0, pool);
  EXPECT_OK(DeviceGetMemPool, &current, 0);
  EXPECT_EQ(current, pool);
  CUdeviceptr address = 0;
  EXPECT_OK(MemAllocAsync, &address, kSize, stream_);
  EXPECT_OK(PointerGetAttribute, &of_address,
            CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE, address);
  EXPECT_EQ(of_address, pool);
  EXPECT_OK(MemFreeAsync, address, stream_);
  EXPECT_OK(DeviceSetMemPool, 0, fixed);
}

TEST_F(PoolConformance, SetPoolRefusesMisuse) {
  EXPECT_REFUSED(INVALID_VALUE, DeviceSetMemPool, 0, nullptr);
  CUmemoryPool pool = nullptr;
  ASSERT_OK(DeviceGetDefaultMemPool, &pool, 0);
  // As measured, and not INVALID_DEVICE.
  EXPECT_REFUSED(INVALID_VALUE, DeviceSetMemPool, kNoDevice, pool);
}

TEST_F(PoolConformance, CreateRefusesMisuse) {
  const CUmemPoolProps good = PoolProperties();
  CUmemPoolProps odd = good;
  CUmemoryPool pool = nullptr;
  EXPECT_REFUSED(INVALID_VALUE, MemPoolCreate, nullptr, &good);
  EXPECT_REFUSED(INVALID_VALUE, MemPoolCreate, &pool, nullptr);
  odd.allocType = CU_MEM_ALLOCATION_TYPE_INVALID;
  EXPECT_REFUSED(INVALID_VALUE, MemPoolCreate, &pool, &odd);
  odd = good;
  odd.location.type = CU_MEM_LOCATION_TYPE_INVALID;
  EXPECT_REFUSED(INVALID_VALUE, MemPoolCreate, &pool, &odd);
}

// As measured, and not INVALID_DEVICE.
TEST_F(PoolConformance, CreateNeedsADevice) {
  CUmemPoolProps elsewhere = PoolProperties();
  elsewhere.location.id = kNoDevice;
  CUmemoryPool pool = nullptr;
  EXPECT_REFUSED(INVALID_VALUE, MemPoolCreate, &pool, &elsewhere);
}

TEST_F(PoolConformance, DestroyRefusesNull) {
  EXPECT_REFUSED(INVALID_VALUE, MemPoolDestroy, nullptr);
}

// Measured, both errors.
TEST_F(PoolConformance, TheDefaultPoolStays) {
  CUmemoryPool pool = nullptr;
  ASSERT_OK(DeviceGetDefaultMemPool, &pool, 0);
  EXPECT_REFUSED(INVALID_VALUE, MemPoolDestroy, pool);
}

TEST_F(PoolConformance, StalePoolsAreRefused) {
  HOST_DRIVER_ONLY();
  const CUmemPoolProps properties = PoolProperties();
  CUmemoryPool pool = nullptr;
  ASSERT_OK(MemPoolCreate, &pool, &properties);
  ASSERT_OK(MemPoolDestroy, pool);
  EXPECT_REFUSED(INVALID_VALUE, MemPoolTrimTo, pool, 0);
  EXPECT_REFUSED(INVALID_VALUE, MemPoolDestroy, pool);
}

// A pool counts what it holds and what of that is in use.
TEST_F(PoolConformance, CountsWhatItHolds) {
  const CUmemoryPool pool = NewPool();
  ASSERT_NE(pool, nullptr);
  EXPECT_EQ(Get(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT), 0u);
  EXPECT_EQ(Get(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT), 0u);
  const CUdeviceptr a = NewFrom(pool), b = NewFrom(pool);
  EXPECT_OK(StreamSynchronize, stream_);
  EXPECT_EQ(Get(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT), 2 * kSize);
  EXPECT_GE(Get(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT), 2 * kSize);
  EXPECT_OK(MemFreeAsync, a, stream_);
  EXPECT_OK(MemFreeAsync, b, stream_);
  EXPECT_OK(StreamSynchronize, stream_);
  EXPECT_EQ(Get(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT), 0u);
  EXPECT_EQ(Get(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH), 2 * kSize);
  EXPECT_GE(Get(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH), 2 * kSize);
}

TEST_F(PoolConformance, HighWaterIsResetToNow) {
  const CUmemoryPool pool = NewPool();
  ASSERT_NE(pool, nullptr);
  EXPECT_OK(MemFreeAsync, NewFrom(pool), stream_);
  EXPECT_OK(StreamSynchronize, stream_);
  EXPECT_EQ(Get(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH), kSize);
  Set(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH, 0);
  EXPECT_EQ(Get(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH), 0u);
}

TEST_F(PoolConformance, GivesBackWhenSynchronized) {
  const size_t before = Free();
  const CUmemoryPool pool = NewPool();
  ASSERT_NE(pool, nullptr);
  const CUdeviceptr address = NewFrom(pool, 64 << 20);
  EXPECT_OK(StreamSynchronize, stream_);
  EXPECT_GE(before - Free(), size_t{64} << 20);
  EXPECT_OK(MemFreeAsync, address, stream_);
  EXPECT_OK(StreamSynchronize, stream_);
  EXPECT_EQ(Get(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT), 0u);
}

// What the release threshold allows stays with the pool, until it is trimmed.
TEST_F(PoolConformance, ThresholdKeepsMemoryAndTrimGivesIt) {
  const CUmemoryPool pool = NewPool();
  ASSERT_NE(pool, nullptr);
  Set(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, ~cuuint64_t{0});
  EXPECT_EQ(Get(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD), ~cuuint64_t{0});
  EXPECT_OK(MemFreeAsync, NewFrom(pool), stream_);
  EXPECT_OK(StreamSynchronize, stream_);
  const size_t kept = Free();
  EXPECT_GE(Get(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT), kSize);
  // More than it holds. (Not all there is: driver 580.159.04 rounds that up,
  // to nothing.)
  EXPECT_OK(MemPoolTrimTo, pool, size_t{1} << 40);
  EXPECT_GE(Get(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT), kSize);
  EXPECT_OK(MemPoolTrimTo, pool, 0);
  EXPECT_EQ(Get(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT), 0u);
  EXPECT_GE(Free() - kept, kSize);
}

TEST_F(PoolConformance, TrimLeavesWhatIsInUse) {
  const CUmemoryPool pool = NewPool();
  ASSERT_NE(pool, nullptr);
  const CUdeviceptr address = NewFrom(pool);
  EXPECT_OK(MemsetD32Async, address, 42, 1, stream_);
  EXPECT_OK(StreamSynchronize, stream_);
  EXPECT_OK(MemPoolTrimTo, pool, 0);
  EXPECT_EQ(Read(address), 42u);
  EXPECT_OK(MemFreeAsync, address, stream_);
}

// What one stream freed, the same stream may have at once.
TEST_F(PoolConformance, ReusesInStreamOrder) {
  const CUmemoryPool pool = NewPool();
  ASSERT_NE(pool, nullptr);
  const CUdeviceptr first = NewFrom(pool);
  EXPECT_OK(MemFreeAsync, first, stream_);
  const CUdeviceptr second = NewFrom(pool);
  EXPECT_EQ(second, first);
  EXPECT_EQ(Get(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH),
            Get(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT));
  EXPECT_OK(MemFreeAsync, second, stream_);
}

// While the free is still to come, another stream gets other memory.
TEST_F(PoolConformance, DoesNotReuseAcrossStreamsTooEarly) {
  const CUmemoryPool pool = NewPool();
  ASSERT_NE(pool, nullptr);
  const CUstream other = NewStream();
  const CUdeviceptr first = NewFrom(pool);
  CUdeviceptr second = 0;
  {
    Gate gate(stream_);
    EXPECT_OK(MemFreeAsync, first, stream_);
    EXPECT_OK(MemAllocFromPoolAsync, &second, kSize, pool, other);
    EXPECT_NE(second, first);
  }
  EXPECT_OK(MemFreeAsync, second, other);
}

TEST_F(PoolConformance, AllocFromPoolRefusesMisuse) {
  const CUmemoryPool pool = NewPool();
  CUdeviceptr address = 0;
  EXPECT_REFUSED(INVALID_VALUE, MemAllocFromPoolAsync, nullptr, kSize, pool,
                 stream_);
  EXPECT_REFUSED(INVALID_VALUE, MemAllocFromPoolAsync, &address, kSize, nullptr,
                 stream_);
  EXPECT_REFUSED(OUT_OF_MEMORY, MemAllocFromPoolAsync, &address,
                 size_t{1} << 42, pool, stream_);
}

// A pool with a bound of its own.
TEST_F(PoolConformance, StaysBelowItsMaximum) {
  CUmemPoolProps properties = PoolProperties();
  properties.maxSize = 32 << 20;
  CUmemoryPool pool = nullptr;
  ASSERT_OK(MemPoolCreate, &pool, &properties);
  CUdeviceptr address = 0;
  EXPECT_REFUSED(OUT_OF_MEMORY, MemAllocFromPoolAsync, &address,
                 size_t{256} << 20, pool, stream_);
  EXPECT_OK(MemPoolDestroy, pool);
}

TEST_F(PoolConformance, ReuseIsOnUnlessTurnedOff) {
  const CUmemoryPool pool = NewPool();
  ASSERT_NE(pool, nullptr);
  for (const auto attribute :
       {CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES,
        CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC,
        CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES}) {
    int value = -1, off = 0;
    EXPECT_OK(MemPoolGetAttribute, pool, attribute, &value);
    EXPECT_EQ(value, 1) << attribute;
    EXPECT_OK(MemPoolSetAttribute, pool, attribute, &off);
    EXPECT_OK(MemPoolGetAttribute, pool, attribute, &value);
    EXPECT_EQ(value, 0) << attribute;
  }
}

TEST_F(PoolConformance, AttributesRefuseMisuse) {
  const CUmemoryPool pool = NewPool();
  ASSERT_NE(pool, nullptr);
  const auto unknown = static_cast<CUmemPool_attribute>(99);
  cuuint64_t value = 0;
  EXPECT_REFUSED(INVALID_VALUE, MemPoolGetAttribute, pool, unknown, &value);
  EXPECT_REFUSED(INVALID_VALUE, MemPoolGetAttribute, pool,
                 CU_MEMPOOL_ATTR_USED_MEM_CURRENT, nullptr);
  EXPECT_REFUSED(INVALID_VALUE, MemPoolSetAttribute, pool, unknown, &value);
  // A high water may be set to nothing but zero; a current one not at all.
  value = 1;
  EXPECT_REFUSED(INVALID_VALUE, MemPoolSetAttribute, pool,
                 CU_MEMPOOL_ATTR_USED_MEM_HIGH, &value);
  EXPECT_REFUSED(INVALID_VALUE, MemPoolSetAttribute, pool,
                 CU_MEMPOOL_ATTR_USED_MEM_CURRENT, &value);
}

TEST_F(PoolConformance, TrimRefusesNull) {
  EXPECT_REFUSED(INVALID_VALUE, MemPoolTrimTo, nullptr, 0);
}

TEST_F(PoolConformance, ItsOwnDeviceHasAccess) {
  const CUmemoryPool pool = NewPool();
  ASSERT_NE(pool, nullptr);
  CUmemLocation here = {CU_MEM_LOCATION_TYPE_DEVICE, 0};
  CUmemAccess_flags flags = CU_MEM_ACCESS_FLAGS_PROT_NONE;
  EXPECT_OK(MemPoolGetAccess, &flags, pool, &here);
  EXPECT_EQ(flags, CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
  const CUmemAccessDesc access = Access();
  EXPECT_OK(MemPoolSetAccess, pool, &access, 1);
}

TEST_F(PoolConformance, AccessRefusesMisuse) {
  const CUmemoryPool pool = NewPool();
  ASSERT_NE(pool, nullptr);
  CUmemLocation here = {CU_MEM_LOCATION_TYPE_DEVICE, 0};
  CUmemAccess_flags flags = CU_MEM_ACCESS_FLAGS_PROT_NONE;
  EXPECT_REFUSED(INVALID_VALUE, MemPoolGetAccess, nullptr, pool, &here);
  EXPECT_REFUSED(INVALID_VALUE, MemPoolGetAccess, &flags, nullptr, &here);
  EXPECT_REFUSED(INVALID_VALUE, MemPoolSetAccess, pool, nullptr, 1);
  const CUmemAccessDesc access = Access();
  EXPECT_REFUSED(INVALID_VALUE, MemPoolSetAccess, nullptr, &access, 1);
}

// The default stream of the thread will do.
TEST_F(PoolConformance, KnowsThePerThreadStream) {
  CUdeviceptr address = 0;
  ASSERT_OK(MemAllocAsync, &address, kSize, CU_STREAM_PER_THREAD);
  EXPECT_OK(MemFreeAsync, address, CU_STREAM_PER_THREAD);
  EXPECT_OK(StreamSynchronize, CU_STREAM_PER_THREAD);
}

TEST_F(PoolConformance, AddressesTellTheirPool) {
  CUmemoryPool pool = nullptr, of_address = nullptr;
  ASSERT_OK(DeviceGetDefaultMemPool, &pool, 0);
  CUdeviceptr address = 0;
  ASSERT_OK(MemAllocAsync, &address, kSize, stream_);
  EXPECT_OK(PointerGetAttribute, &of_address,
            CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE, address);
  EXPECT_EQ(of_address, pool);
  EXPECT_OK(MemFreeAsync, address, stream_);
  const CUdeviceptr linear = NewLinear(4096);
  EXPECT_OK(PointerGetAttribute, &of_address,
            CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE, linear);
  EXPECT_EQ(of_address, nullptr);
}

}  // namespace
}  // namespace governor
