#include <thread>

#include "governor/driver/host_driver/host_driver_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

class ContextCallsTest : public HostDriverTest {
 protected:
  ContextCallsTest()
      : HostDriverTest("gb10,memory=1GiB,context=16MiB,devices=2") {}

  CUcontext Current() {
    CUcontext context = nullptr;
    EXPECT_EQ(api_.CtxGetCurrent(&context), CUDA_SUCCESS);
    return context;
  }

  bool IsActive(CUdevice device) {
    unsigned int flags = 7;
    int active = -1;
    EXPECT_EQ(api_.DevicePrimaryCtxGetState(device, &flags, &active),
              CUDA_SUCCESS);
    EXPECT_EQ(flags, 0u);
    return active == 1;
  }

  // A context that this driver did not make.
  const CUcontext kForeign = reinterpret_cast<CUcontext>(0x1230);
};

TEST_F(ContextCallsTest, CountsReferences) {
  CUcontext again = nullptr, other = nullptr;
  EXPECT_EQ(api_.DevicePrimaryCtxRetain(&again, 0), CUDA_SUCCESS);
  EXPECT_EQ(again, context_);
  EXPECT_FALSE(IsActive(1));
  EXPECT_EQ(api_.DevicePrimaryCtxRetain(&other, 1), CUDA_SUCCESS);
  EXPECT_NE(other, context_);
  EXPECT_TRUE(IsActive(1));
  EXPECT_EQ(driver_->live_objects().primary_context_refs, 3u);

  EXPECT_EQ(api_.DevicePrimaryCtxRelease(0), CUDA_SUCCESS);
  EXPECT_TRUE(IsActive(0));
  EXPECT_EQ(api_.DevicePrimaryCtxRelease(0), CUDA_SUCCESS);
  EXPECT_FALSE(IsActive(0));
  EXPECT_EQ(api_.DevicePrimaryCtxRelease(0), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(driver_->live_objects().primary_context_refs, 1u);
}

TEST_F(ContextCallsTest, RefusesMisuse) {
  CUcontext context = nullptr;
  unsigned int flags = 0;
  int active = 0;
  CUdevice device = 0;
  EXPECT_EQ(api_.DevicePrimaryCtxRetain(nullptr, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.DevicePrimaryCtxRetain(&context, 2),
            CUDA_ERROR_INVALID_DEVICE);
  EXPECT_EQ(api_.DevicePrimaryCtxRelease(-1), CUDA_ERROR_INVALID_DEVICE);
  EXPECT_EQ(api_.DevicePrimaryCtxGetState(2, &flags, &active),
            CUDA_ERROR_INVALID_DEVICE);
  EXPECT_EQ(api_.DevicePrimaryCtxGetState(0, nullptr, &active),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.DevicePrimaryCtxGetState(0, &flags, nullptr),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.CtxGetCurrent(nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.CtxGetDevice(nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.CtxPushCurrent(nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.CtxPushCurrent(kForeign), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(api_.CtxSetCurrent(kForeign), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(Current(), context_);
  EXPECT_EQ(api_.CtxGetDevice(&device), CUDA_SUCCESS);
}

TEST_F(ContextCallsTest, KeepsAStack) {
  CUcontext other = nullptr, popped = nullptr;
  CUdevice device = -1;
  ASSERT_EQ(api_.DevicePrimaryCtxRetain(&other, 1), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxPushCurrent(other), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxGetDevice(&device), CUDA_SUCCESS);
  EXPECT_EQ(device, 1);
  EXPECT_EQ(api_.CtxPopCurrent(&popped), CUDA_SUCCESS);
  EXPECT_EQ(popped, other);
  EXPECT_EQ(Current(), context_);
  EXPECT_EQ(api_.CtxSetCurrent(other), CUDA_SUCCESS);  // replaces the top
  EXPECT_EQ(api_.CtxPopCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(Current(), nullptr);
  EXPECT_EQ(api_.CtxPopCurrent(&popped), CUDA_ERROR_INVALID_CONTEXT);
}

TEST_F(ContextCallsTest, SetsNothingCurrent) {
  CUdevice device = -1;
  EXPECT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(Current(), nullptr);
  EXPECT_EQ(api_.CtxGetDevice(&device), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(api_.CtxSynchronize(), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
}

TEST_F(ContextCallsTest, IsCurrentToOneThread) {
  std::thread([this] {
    EXPECT_EQ(Current(), nullptr);
    EXPECT_EQ(api_.CtxSetCurrent(context_), CUDA_SUCCESS);
    EXPECT_EQ(api_.CtxSynchronize(), CUDA_SUCCESS);
    EXPECT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
  }).join();
  EXPECT_EQ(Current(), context_);
  EXPECT_EQ(api_.CtxSynchronize(), CUDA_SUCCESS);
}

// A destroyed context may stay current, but nothing works in it.
TEST_F(ContextCallsTest, OutlivesItselfAsCurrent) {
  EXPECT_EQ(api_.DevicePrimaryCtxRelease(0), CUDA_SUCCESS);
  EXPECT_EQ(Current(), context_);
  CUdevice device = -1;
  CUdeviceptr address = 0;
  size_t size = 0;
  EXPECT_EQ(api_.CtxGetDevice(&device), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxSynchronize(), CUDA_ERROR_CONTEXT_IS_DESTROYED);
  EXPECT_EQ(api_.MemGetInfo(&size, &size), CUDA_ERROR_CONTEXT_IS_DESTROYED);
  EXPECT_EQ(api_.MemAlloc(&address, 4), CUDA_ERROR_CONTEXT_IS_DESTROYED);
  EXPECT_EQ(api_.MemFree(0), CUDA_ERROR_CONTEXT_IS_DESTROYED);
  EXPECT_EQ(api_.CtxPushCurrent(context_), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxPopCurrent(nullptr), CUDA_SUCCESS);

  CUcontext again = nullptr;
  EXPECT_EQ(api_.DevicePrimaryCtxRetain(&again, 0), CUDA_SUCCESS);
  EXPECT_EQ(again, context_);
  EXPECT_EQ(api_.CtxSynchronize(), CUDA_SUCCESS);
}

// Linear memory, streams and events belong to a context. Chunks do not.
TEST_F(ContextCallsTest, TakesItsOwnAlong) {
  const CUdeviceptr linear = NewLinear(1 << 20);
  const CUdeviceptr base = Reserve(kBlock);
  Commit(base);
  ASSERT_EQ(api_.MemsetD32(base, 42, 1), CUDA_SUCCESS);
  CUstream stream = nullptr;
  CUevent event = nullptr;
  ASSERT_EQ(api_.StreamCreate(&stream, 0), CUDA_SUCCESS);
  ASSERT_EQ(api_.EventCreate(&event, 0), CUDA_SUCCESS);
  EXPECT_EQ(driver_->physical_bytes(), MiB(3));

  EXPECT_EQ(api_.DevicePrimaryCtxRelease(0), CUDA_SUCCESS);
  EXPECT_EQ(driver_->physical_bytes(), MiB(2));
  EXPECT_EQ(driver_->live_objects(),
            (LiveObjects{.handles = 1, .reservations = 1, .mappings = 1}));

  ASSERT_EQ(api_.DevicePrimaryCtxRetain(&context_, 0), CUDA_SUCCESS);
  EXPECT_EQ(Read(base), 42u);
  EXPECT_EQ(api_.MemFree(linear), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.StreamQuery(stream), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(api_.EventQuery(event), CUDA_ERROR_INVALID_HANDLE);
}

TEST_F(ContextCallsTest, TakesMemoryWhileRetained) {
  EXPECT_EQ(Free(), GiB(1) - MiB(16));
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
  CUcontext again = nullptr;
  EXPECT_EQ(api_.DevicePrimaryCtxRetain(&again, 0), CUDA_SUCCESS);
  EXPECT_EQ(Free(), GiB(1) - MiB(16));  // once
  EXPECT_EQ(api_.DevicePrimaryCtxRelease(0), CUDA_SUCCESS);
  EXPECT_EQ(api_.DevicePrimaryCtxRelease(0), CUDA_SUCCESS);

  // Device 0 has all of its memory now, and loses it again.
  const CUmemGenericAllocationHandle all = NewChunk(GiB(1).count());
  EXPECT_EQ(api_.DevicePrimaryCtxRetain(&again, 0), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_FALSE(IsActive(0));
  EXPECT_EQ(api_.MemRelease(all), CUDA_SUCCESS);
  EXPECT_EQ(api_.DevicePrimaryCtxRetain(&again, 0), CUDA_SUCCESS);
}

}  // namespace
}  // namespace governor
