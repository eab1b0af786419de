#include <vector>

#include "governor/driver/host_driver/host_driver_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr uint64_t kStep = uint64_t{32} << 20;

class PoolCallsTest : public HostDriverTest {
 protected:
  PoolCallsTest() : HostDriverTest("h200,memory=1GiB,context=16MiB,devices=2") {
    EXPECT_EQ(api_.DeviceGetDefaultMemPool(&pool_, 0), CUDA_SUCCESS);
    EXPECT_EQ(api_.StreamCreate(&stream_, CU_STREAM_NON_BLOCKING),
              CUDA_SUCCESS);
  }

  uint64_t Get(CUmemPool_attribute attribute, CUmemoryPool pool) {
    cuuint64_t value = 0;
    EXPECT_EQ(api_.MemPoolGetAttribute(pool, attribute, &value), CUDA_SUCCESS);
    return value;
  }
  uint64_t Reserved(CUmemoryPool pool) {
    return Get(CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT, pool);
  }
  uint64_t Used(CUmemoryPool pool) {
    return Get(CU_MEMPOOL_ATTR_USED_MEM_CURRENT, pool);
  }
  void Set(CUmemPool_attribute attribute, cuuint64_t value) {
    EXPECT_EQ(api_.MemPoolSetAttribute(pool_, attribute, &value), CUDA_SUCCESS);
  }
  CUdeviceptr Allocate(uint64_t size) {
    CUdeviceptr address = 0;
    EXPECT_EQ(api_.MemAllocAsync(&address, size, stream_), CUDA_SUCCESS);
    return address;
  }
  void FreeBlock(CUdeviceptr address) {
    EXPECT_EQ(api_.MemFreeAsync(address, stream_), CUDA_SUCCESS);
  }

  CUmemoryPool pool_ = nullptr;
  CUstream stream_ = nullptr;
};

// The figures are those that an H200 gave.
TEST_F(PoolCallsTest, GrowsInStepsAndCountsAsMeasured) {
  const Bytes before = Free();
  const CUdeviceptr a = Allocate(1000);
  EXPECT_EQ(Reserved(pool_), kStep);
  EXPECT_EQ(Used(pool_), 1000u);
  EXPECT_EQ(before - Free(), Bytes(kStep));
  EXPECT_EQ(driver_->physical_bytes(), Bytes(kStep));
  const CUdeviceptr b = Allocate(1 << 20);
  EXPECT_EQ(b - a, 1024u);
  EXPECT_EQ(Reserved(pool_), kStep);
  const CUdeviceptr c = Allocate(100 << 20);
  EXPECT_EQ(Reserved(pool_), 4 * kStep);
  FreeBlock(c);
  // Kept until a wait, however idle.
  EXPECT_EQ(Reserved(pool_), 4 * kStep);
  EXPECT_EQ(api_.StreamSynchronize(stream_), CUDA_SUCCESS);
  EXPECT_EQ(Reserved(pool_), kStep);
  FreeBlock(a);
  FreeBlock(b);
  EXPECT_EQ(api_.StreamSynchronize(stream_), CUDA_SUCCESS);
  EXPECT_EQ(Reserved(pool_), 0u);
  EXPECT_EQ(Used(pool_), 0u);
  EXPECT_EQ(Free(), before);
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
  EXPECT_EQ(Get(CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH, pool_), 4 * kStep);
  Set(CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH, 0);
  EXPECT_EQ(Get(CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH, pool_), 0u);
}

TEST_F(PoolCallsTest, KeepsUpToItsThresholdUntilTrimmed) {
  Set(CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, 8 * kStep);
  FreeBlock(Allocate(2 * kStep));
  EXPECT_EQ(api_.StreamSynchronize(stream_), CUDA_SUCCESS);
  EXPECT_EQ(Reserved(pool_), 2 * kStep);
  EXPECT_EQ(api_.MemPoolTrimTo(pool_, kStep), CUDA_SUCCESS);
  EXPECT_EQ(Reserved(pool_), kStep);
  EXPECT_EQ(api_.MemPoolTrimTo(pool_, 0), CUDA_SUCCESS);
  EXPECT_EQ(Reserved(pool_), 0u);
}

TEST_F(PoolCallsTest, BlocksHoldDataAndNothingAroundThem) {
  const CUdeviceptr address = Allocate(1000);
  EXPECT_EQ(api_.MemsetD8(address, 7, 1000), CUDA_SUCCESS);
  EXPECT_EQ(Read(address) & 0xff, 7u);
  EXPECT_EQ(api_.MemsetD8(address, 7, 1001), CUDA_ERROR_INVALID_VALUE);
  CUmemoryPool pool = nullptr;
  EXPECT_EQ(api_.PointerGetAttribute(&pool, CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE,
                                     address),
            CUDA_SUCCESS);
  EXPECT_EQ(pool, pool_);
  CUdeviceptr base = 0;
  size_t size = 0;
  EXPECT_EQ(api_.MemGetAddressRange(&base, &size, address + 5), CUDA_SUCCESS);
  EXPECT_EQ(base, address);
  EXPECT_EQ(size, 1000u);
  FreeBlock(address);
  EXPECT_EQ(api_.MemsetD8(address, 7, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemFreeAsync(address, stream_), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(PoolCallsTest, FullDevicesAndPoolsRefuseAndNothingChanges) {
  CUdeviceptr address = 0;
  const Bytes before = Free();
  EXPECT_EQ(api_.MemAllocAsync(&address, uint64_t{1} << 50, stream_),
            CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(api_.MemAllocAsync(&address, 1 << 30, stream_),
            CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(Free(), before);
  CUmemPoolProps properties = {};
  properties.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
  properties.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  properties.maxSize = 1000;  // rounded up to a step
  CUmemoryPool pool = nullptr;
  ASSERT_EQ(api_.MemPoolCreate(&pool, &properties), CUDA_SUCCESS);
  ASSERT_EQ(api_.MemAllocFromPoolAsync(&address, 4096, pool, stream_),
            CUDA_SUCCESS);
  CUdeviceptr second = 0;
  EXPECT_EQ(api_.MemAllocFromPoolAsync(&second, 2 * kStep, pool, stream_),
            CUDA_ERROR_OUT_OF_MEMORY);
  // What a destroyed pool gave out lives until it is freed.
  EXPECT_EQ(api_.MemPoolDestroy(pool), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemsetD8(address, 7, 4096), CUDA_SUCCESS);
  EXPECT_EQ(driver_->live_objects().pools, 1u);
  EXPECT_EQ(api_.MemFree(address), CUDA_SUCCESS);
  EXPECT_EQ(driver_->live_objects().pools, 0u);
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
}

TEST_F(PoolCallsTest, HostPoolsAreTheCpusToo) {
  CUmemPoolProps properties = {};
  properties.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
  properties.location.type = CU_MEM_LOCATION_TYPE_HOST;
  CUmemoryPool pool = nullptr;
  ASSERT_EQ(api_.MemPoolCreate(&pool, &properties), CUDA_SUCCESS);
  const Bytes before = Free();
  CUdeviceptr address = 0;
  ASSERT_EQ(api_.MemAllocFromPoolAsync(&address, 4096, pool, stream_),
            CUDA_SUCCESS);
  EXPECT_EQ(Free(), before);
  *reinterpret_cast<uint32_t*>(address) = 99;
  EXPECT_EQ(Read(address), 99u);
  FreeBlock(address);
  EXPECT_EQ(api_.MemPoolDestroy(pool), CUDA_SUCCESS);
}

TEST_F(PoolCallsTest, DevicesHaveCurrentPools) {
  CUmemPoolProps properties = {};
  properties.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
  properties.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  CUmemoryPool pool = nullptr, current = nullptr;
  ASSERT_EQ(api_.MemPoolCreate(&pool, &properties), CUDA_SUCCESS);
  EXPECT_EQ(api_.DeviceSetMemPool(0, pool), CUDA_SUCCESS);
  EXPECT_EQ(api_.DeviceGetMemPool(&current, 0), CUDA_SUCCESS);
  EXPECT_EQ(current, pool);
  const CUdeviceptr address = Allocate(4096);
  EXPECT_EQ(Used(pool), 4096u);
  FreeBlock(address);
  EXPECT_EQ(api_.DeviceSetMemPool(1, pool), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemPoolDestroy(pool), CUDA_SUCCESS);
  EXPECT_EQ(api_.DeviceGetMemPool(&current, 0), CUDA_SUCCESS);
  EXPECT_EQ(current, pool_);
  EXPECT_EQ(api_.MemPoolDestroy(pool_), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(PoolCallsTest, OtherDevicesAreAllowedOneByOne) {
  CUmemAccess_flags flags = CU_MEM_ACCESS_FLAGS_PROT_NONE;
  CUmemLocation other = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = 1};
  EXPECT_EQ(api_.MemPoolGetAccess(&flags, pool_, &other), CUDA_SUCCESS);
  EXPECT_EQ(flags, CU_MEM_ACCESS_FLAGS_PROT_NONE);
  CUmemAccessDesc desc = Access(CU_MEM_ACCESS_FLAGS_PROT_READWRITE, 1);
  EXPECT_EQ(api_.MemPoolSetAccess(pool_, &desc, 1), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemPoolGetAccess(&flags, pool_, &other), CUDA_SUCCESS);
  EXPECT_EQ(flags, CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
  // Measured, both.
  desc = Access(CU_MEM_ACCESS_FLAGS_PROT_NONE, 0);
  EXPECT_EQ(api_.MemPoolSetAccess(pool_, &desc, 1), CUDA_ERROR_INVALID_DEVICE);
  desc = Access(CU_MEM_ACCESS_FLAGS_PROT_READ, 1);
  EXPECT_EQ(api_.MemPoolSetAccess(pool_, &desc, 1), CUDA_ERROR_NOT_SUPPORTED);
}

TEST_F(PoolCallsTest, APersonalityMayHaveNone) {
  const auto old = HostDriver::Create(*ParsePersonality("old", GiB(8))).value();
  const DriverApi& api = old->api();
  CUmemoryPool pool = nullptr;
  CUcontext context = nullptr;
  ASSERT_EQ(api.Init(0), CUDA_SUCCESS);
  ASSERT_EQ(api.DevicePrimaryCtxRetain(&context, 0), CUDA_SUCCESS);
  EXPECT_EQ(api.DeviceGetDefaultMemPool(&pool, 0), CUDA_ERROR_NOT_SUPPORTED);
}

}  // namespace
}  // namespace governor
