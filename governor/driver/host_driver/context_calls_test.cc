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

// What was made in a context dies with it, and nothing else does.
TEST_F(ContextCallsTest, CreatesAndDestroysMore) {
  CUcontext first = nullptr, second = nullptr;
  ASSERT_EQ(api_.CtxCreate(&first, nullptr, CU_CTX_SCHED_SPIN, 0),
            CUDA_SUCCESS);
  EXPECT_EQ(Current(), first);
  EXPECT_EQ(Free(), GiB(1) - MiB(32));
  ASSERT_EQ(api_.CtxCreate(&second, nullptr, 0, 1), CUDA_SUCCESS);
  EXPECT_NE(first, second);
  EXPECT_NE(first, context_);
  CUdevice device = -1;
  EXPECT_EQ(api_.CtxGetDevice(&device), CUDA_SUCCESS);
  EXPECT_EQ(device, 1);
  EXPECT_FALSE(IsActive(1));  // which is about the primary one
  EXPECT_EQ(driver_->live_objects().contexts, 2u);

  EXPECT_EQ(api_.CtxDestroy(second), CUDA_SUCCESS);
  EXPECT_EQ(Current(), first);
  unsigned int flags = 0;
  EXPECT_EQ(api_.CtxGetFlags(&flags), CUDA_SUCCESS);
  EXPECT_EQ(flags, static_cast<unsigned int>(CU_CTX_SCHED_SPIN));

  // Not the top of the stack: it stays there.
  ASSERT_EQ(api_.CtxPushCurrent(context_), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxDestroy(first), CUDA_SUCCESS);
  EXPECT_EQ(Free(), GiB(1) - MiB(16));
  EXPECT_EQ(api_.CtxPopCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(Current(), first);
  EXPECT_EQ(api_.CtxSynchronize(), CUDA_ERROR_CONTEXT_IS_DESTROYED);
  EXPECT_EQ(api_.CtxGetFlags(&flags), CUDA_ERROR_CONTEXT_IS_DESTROYED);
  EXPECT_EQ(api_.CtxDestroy(first), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(driver_->live_objects().contexts, 0u);
}

TEST_F(ContextCallsTest, CreatedContextsTakeTheirOwnAlong) {
  const CUdeviceptr kept = NewLinear(1 << 20);
  CUstream kept_stream = nullptr, stream = nullptr;
  ASSERT_EQ(api_.StreamCreate(&kept_stream, 0), CUDA_SUCCESS);
  CUcontext other = nullptr;
  ASSERT_EQ(api_.CtxCreate(&other, nullptr, 0, 0), CUDA_SUCCESS);
  const CUdeviceptr linear = NewLinear(1 << 20);
  ASSERT_EQ(api_.StreamCreate(&stream, 0), CUDA_SUCCESS);
  const CUDA_ARRAY_DESCRIPTOR floats = {
      .Width = 64, .Height = 0, .Format = CU_AD_FORMAT_FLOAT, .NumChannels = 1};
  CUarray array = nullptr;
  ASSERT_EQ(api_.ArrayCreate(&array, &floats), CUDA_SUCCESS);

  EXPECT_EQ(api_.CtxDestroy(other), CUDA_SUCCESS);
  EXPECT_EQ(driver_->physical_bytes(), MiB(1));
  EXPECT_EQ(api_.MemFree(linear), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.ArrayDestroy(array), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(api_.StreamQuery(stream), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(api_.StreamQuery(kept_stream), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemFree(kept), CUDA_SUCCESS);
}

// The primary context's end leaves the others of its device alone.
TEST_F(ContextCallsTest, CreatedContextsOutliveThePrimary) {
  CUcontext other = nullptr;
  ASSERT_EQ(api_.CtxCreate(&other, nullptr, 0, 0), CUDA_SUCCESS);
  const CUdeviceptr linear = NewLinear(1 << 20);
  EXPECT_EQ(api_.DevicePrimaryCtxRelease(0), CUDA_SUCCESS);
  EXPECT_EQ(driver_->physical_bytes(), MiB(1));
  EXPECT_EQ(api_.MemsetD32(linear, 42, 1), CUDA_SUCCESS);
  EXPECT_EQ(Read(linear), 42u);
  EXPECT_EQ(api_.CtxDestroy(other), CUDA_SUCCESS);
  EXPECT_EQ(driver_->live_objects(), LiveObjects());
}

TEST_F(ContextCallsTest, CreateRefusesMisuse) {
  CUcontext other = nullptr;
  CUctxCreateParams params = {};
  EXPECT_EQ(api_.CtxCreate(nullptr, nullptr, 0, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.CtxCreate(&other, nullptr, 0x100, 0),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.CtxCreate(&other, nullptr,
                           CU_CTX_SCHED_SPIN | CU_CTX_SCHED_YIELD, 0),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.CtxCreate(&other, nullptr, 0, 2), CUDA_ERROR_INVALID_DEVICE);
  EXPECT_EQ(api_.CtxCreate(&other, &params, CU_CTX_MAP_HOST, 0), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxDestroy(other), CUDA_SUCCESS);
  CUexecAffinityParam affinity = {};
  params.execAffinityParams = &affinity;
  params.numExecAffinityParams = 1;
  EXPECT_EQ(api_.CtxCreate(&other, &params, 0, 0),
            CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY);
  EXPECT_EQ(api_.CtxDestroy(nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.CtxDestroy(kForeign), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(api_.CtxDestroy(context_), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(Current(), context_);

  NewChunk((GiB(1) - MiB(16)).count());
  EXPECT_EQ(api_.CtxCreate(&other, nullptr, 0, 0), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(Current(), context_);
}

TEST_F(ContextCallsTest, IsDestroyedUnderOtherThreads) {
  CUcontext other = nullptr;
  ASSERT_EQ(api_.CtxCreate(&other, nullptr, 0, 0), CUDA_SUCCESS);
  std::thread([&] {
    EXPECT_EQ(api_.CtxSetCurrent(other), CUDA_SUCCESS);
    std::thread([&] {
      EXPECT_EQ(api_.CtxDestroy(other), CUDA_SUCCESS);
    }).join();
    EXPECT_EQ(Current(), other);
    CUdeviceptr address = 0;
    EXPECT_EQ(api_.MemAlloc(&address, 4), CUDA_ERROR_CONTEXT_IS_DESTROYED);
  }).join();
}

TEST_F(ContextCallsTest, ResetsThePrimary) {
  const CUdeviceptr linear = NewLinear(1 << 20);
  EXPECT_EQ(api_.DevicePrimaryCtxReset(0), CUDA_SUCCESS);
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
  EXPECT_FALSE(IsActive(0));
  EXPECT_EQ(Current(), context_);
  EXPECT_EQ(api_.MemFree(linear), CUDA_ERROR_CONTEXT_IS_DESTROYED);
  // It is still to be released, and may be retained first.
  CUcontext again = nullptr;
  EXPECT_EQ(api_.DevicePrimaryCtxRetain(&again, 0), CUDA_SUCCESS);
  EXPECT_EQ(again, context_);
  EXPECT_EQ(api_.CtxSynchronize(), CUDA_SUCCESS);
  EXPECT_EQ(api_.DevicePrimaryCtxRelease(0), CUDA_SUCCESS);
  EXPECT_TRUE(IsActive(0));
  EXPECT_EQ(api_.DevicePrimaryCtxReset(0), CUDA_SUCCESS);
  EXPECT_EQ(api_.DevicePrimaryCtxRelease(0), CUDA_SUCCESS);
  EXPECT_EQ(api_.DevicePrimaryCtxRelease(0), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(api_.DevicePrimaryCtxReset(0), CUDA_SUCCESS);
  EXPECT_EQ(api_.DevicePrimaryCtxReset(2), CUDA_ERROR_INVALID_DEVICE);
}

TEST_F(ContextCallsTest, KeepsFlags) {
  unsigned int flags = 0;
  int active = 0;
  EXPECT_EQ(api_.DevicePrimaryCtxSetFlags(0, CU_CTX_SCHED_BLOCKING_SYNC),
            CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxGetFlags(&flags), CUDA_SUCCESS);
  EXPECT_EQ(flags, static_cast<unsigned int>(CU_CTX_SCHED_BLOCKING_SYNC));
  EXPECT_EQ(api_.DevicePrimaryCtxSetFlags(1, CU_CTX_SCHED_YIELD), CUDA_SUCCESS);
  EXPECT_EQ(api_.DevicePrimaryCtxGetState(1, &flags, &active), CUDA_SUCCESS);
  EXPECT_EQ(flags, static_cast<unsigned int>(CU_CTX_SCHED_YIELD));
  EXPECT_EQ(api_.DevicePrimaryCtxSetFlags(0, 0x100), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.DevicePrimaryCtxSetFlags(0, 3), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.DevicePrimaryCtxSetFlags(2, 0), CUDA_ERROR_INVALID_DEVICE);
  EXPECT_EQ(api_.CtxGetFlags(nullptr), CUDA_ERROR_INVALID_VALUE);
  ASSERT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxGetFlags(&flags), CUDA_ERROR_INVALID_CONTEXT);
}

TEST_F(ContextCallsTest, TellsTheApiVersion) {
  unsigned int version = 0;
  EXPECT_EQ(api_.CtxGetApiVersion(nullptr, &version), CUDA_SUCCESS);
  EXPECT_EQ(version, 3020u);
  EXPECT_EQ(api_.CtxGetApiVersion(context_, &version), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxGetApiVersion(context_, nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.CtxGetApiVersion(kForeign, &version),
            CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(api_.DevicePrimaryCtxRelease(0), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxGetApiVersion(context_, &version),
            CUDA_ERROR_CONTEXT_IS_DESTROYED);
  ASSERT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxGetApiVersion(nullptr, &version),
            CUDA_ERROR_INVALID_CONTEXT);
}

TEST_F(ContextCallsTest, KeepsLimits) {
  const auto get = [&](int limit) {
    size_t value = 77;
    EXPECT_EQ(api_.CtxGetLimit(&value, static_cast<CUlimit>(limit)),
              CUDA_SUCCESS);
    return value;
  };
  const auto set = [&](int limit, size_t value) {
    return api_.CtxSetLimit(static_cast<CUlimit>(limit), value);
  };
  EXPECT_EQ(get(CU_LIMIT_STACK_SIZE), 1024u);
  EXPECT_EQ(set(CU_LIMIT_STACK_SIZE, 4096), CUDA_SUCCESS);
  EXPECT_EQ(get(CU_LIMIT_STACK_SIZE), 4096u);
  EXPECT_EQ(set(CU_LIMIT_STACK_SIZE, 1 << 30), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(set(CU_LIMIT_MALLOC_HEAP_SIZE, 16 << 20), CUDA_SUCCESS);
  EXPECT_EQ(get(CU_LIMIT_MALLOC_HEAP_SIZE), 16u << 20);
  EXPECT_EQ(set(CU_LIMIT_STACK_SIZE, 5000), CUDA_SUCCESS);
  EXPECT_EQ(get(CU_LIMIT_STACK_SIZE), 5008u);  // measured
  EXPECT_EQ(set(CU_LIMIT_MAX_L2_FETCH_GRANULARITY, 500),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(set(CU_LIMIT_MAX_L2_FETCH_GRANULARITY, 128), CUDA_SUCCESS);
  EXPECT_EQ(get(CU_LIMIT_MAX_L2_FETCH_GRANULARITY), 128u);
  EXPECT_EQ(get(CU_LIMIT_DEV_RUNTIME_PENDING_LAUNCH_COUNT), 2048u);
  size_t value = 0;
  // Not from compute capability 9.0 on.
  EXPECT_EQ(set(CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH, 3),
            CUDA_ERROR_UNSUPPORTED_LIMIT);
  EXPECT_EQ(set(7, 1), CUDA_ERROR_UNSUPPORTED_LIMIT);
  EXPECT_EQ(set(99, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.CtxGetLimit(&value, static_cast<CUlimit>(99)),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.CtxGetLimit(nullptr, CU_LIMIT_STACK_SIZE),
            CUDA_ERROR_INVALID_VALUE);

  // Each context has its own, and a new one has none.
  CUcontext other = nullptr;
  ASSERT_EQ(api_.CtxCreate(&other, nullptr, 0, 0), CUDA_SUCCESS);
  EXPECT_EQ(get(CU_LIMIT_STACK_SIZE), 1024u);
  EXPECT_EQ(api_.CtxDestroy(other), CUDA_SUCCESS);
  EXPECT_EQ(get(CU_LIMIT_STACK_SIZE), 5008u);
  EXPECT_EQ(api_.DevicePrimaryCtxReset(0), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxGetLimit(&value, CU_LIMIT_STACK_SIZE),
            CUDA_ERROR_CONTEXT_IS_DESTROYED);
  ASSERT_EQ(api_.DevicePrimaryCtxRetain(&other, 0), CUDA_SUCCESS);
  EXPECT_EQ(get(CU_LIMIT_STACK_SIZE), 1024u);
}

TEST_F(ContextCallsTest, TellsPriorities) {
  int least = 7, greatest = 7;
  // gb10's owners did not say that it has any.
  EXPECT_EQ(api_.CtxGetStreamPriorityRange(&least, &greatest), CUDA_SUCCESS);
  EXPECT_EQ(least, 0);
  EXPECT_EQ(greatest, 0);
  EXPECT_EQ(api_.CtxGetStreamPriorityRange(nullptr, nullptr), CUDA_SUCCESS);
  ASSERT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxGetStreamPriorityRange(&least, &greatest),
            CUDA_ERROR_INVALID_CONTEXT);
}

// Reported of a machine whose memory is the device's, and short.
TEST(LowMemoryTest, GivesNoContext) {
  // More than any test machine has free.
  const auto driver =
      HostDriver::Create(*ParsePersonality("gb10,context=8192GiB",
                                           /*machine_memory=*/GiB(16384)))
          .value();
  CUcontext context = nullptr;
  ASSERT_EQ(driver->api().Init(0), CUDA_SUCCESS);
  EXPECT_EQ(driver->api().DevicePrimaryCtxRetain(&context, 0),
            CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(driver->live_objects(), LiveObjects());
}

}  // namespace
}  // namespace governor
