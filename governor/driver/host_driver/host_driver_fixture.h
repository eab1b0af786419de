#ifndef GOVERNOR_DRIVER_HOST_DRIVER_HOST_DRIVER_FIXTURE_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_HOST_DRIVER_FIXTURE_H_

#include <unistd.h>

#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/driver/host_driver/host_driver.h"
#include "governor/driver/host_driver/personality.h"
#include "gtest/gtest.h"

namespace governor {

// What cuMemCreate takes for plain memory of a device.
inline CUmemAllocationProp PlainProperties(int device = 0) {
  CUmemAllocationProp properties = {};
  properties.type = CU_MEM_ALLOCATION_TYPE_PINNED;
  properties.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  properties.location.id = device;
  return properties;
}

inline CUmemAccessDesc Access(CUmemAccess_flags flags, int device = 0) {
  CUmemAccessDesc access = {};
  access.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  access.location.id = device;
  access.flags = flags;
  return access;
}

// A host driver that is initialised, its context of device 0 current to the
// test's thread. Driver calls on the way fail the test if they fail.
class HostDriverTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kBlock = 2 << 20;  // the granularity

  explicit HostDriverTest(
      absl::string_view personality = "gb10,memory=1GiB,context=16MiB") {
    driver_ =
        HostDriver::Create(*ParsePersonality(personality, GiB(8))).value();
    api_ = driver_->api();
    EXPECT_EQ(api_.Init(0), CUDA_SUCCESS);
    EXPECT_EQ(api_.DevicePrimaryCtxRetain(&context_, 0), CUDA_SUCCESS);
    EXPECT_EQ(api_.CtxSetCurrent(context_), CUDA_SUCCESS);
  }

  CUmemGenericAllocationHandle NewChunk(uint64_t size = kBlock,
                                        int device = 0) {
    const CUmemAllocationProp properties = PlainProperties(device);
    CUmemGenericAllocationHandle chunk = 0;
    EXPECT_EQ(api_.MemCreate(&chunk, size, &properties, 0), CUDA_SUCCESS);
    return chunk;
  }

  CUdeviceptr Reserve(uint64_t size) {
    CUdeviceptr base = 0;
    EXPECT_EQ(api_.MemAddressReserve(&base, size, 0, 0, 0), CUDA_SUCCESS);
    return base;
  }

  void Map(CUdeviceptr address, uint64_t size,
           CUmemGenericAllocationHandle chunk) {
    EXPECT_EQ(api_.MemMap(address, size, 0, chunk, 0), CUDA_SUCCESS);
  }

  void Allow(CUdeviceptr address, uint64_t size,
             CUmemAccess_flags flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE) {
    const CUmemAccessDesc access = Access(flags);
    EXPECT_EQ(api_.MemSetAccess(address, size, &access, 1), CUDA_SUCCESS);
  }

  // A new chunk, mapped, readable and writable, that its last unmap frees.
  void Commit(CUdeviceptr address, uint64_t size = kBlock) {
    const CUmemGenericAllocationHandle chunk = NewChunk(size);
    Map(address, size, chunk);
    Allow(address, size);
    EXPECT_EQ(api_.MemRelease(chunk), CUDA_SUCCESS);
  }

  CUdeviceptr NewLinear(uint64_t size) {
    CUdeviceptr address = 0;
    EXPECT_EQ(api_.MemAlloc(&address, size), CUDA_SUCCESS);
    return address;
  }

  // What the device holds there, read by the driver.
  uint32_t Read(CUdeviceptr address) {
    uint32_t value = 0;
    EXPECT_EQ(api_.MemcpyDtoH(&value, address, sizeof(value)), CUDA_SUCCESS);
    return value;
  }

  Bytes Free() {
    size_t free = 0, total = 0;
    EXPECT_EQ(api_.MemGetInfo(&free, &total), CUDA_SUCCESS);
    return Bytes(free);
  }

  std::unique_ptr<HostDriver> driver_;
  DriverApi api_;
  CUcontext context_ = nullptr;
};

// Whether the CPU may read the byte at `address`, found out without a fault.
inline bool CpuCanRead(CUdeviceptr address) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  const bool readable =
      write(ends[1], reinterpret_cast<const void*>(address), 1) == 1;
  close(ends[0]);
  close(ends[1]);
  return readable;
}

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_HOST_DRIVER_FIXTURE_H_
