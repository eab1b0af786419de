// Stream capture, and graphs as far as their memory goes. The figures are those
// that an H200 gave.

#include <atomic>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "governor/driver/host_driver/host_driver_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr uint64_t kStep = uint64_t{32} << 20;

class GraphCallsTest : public HostDriverTest {
 protected:
  GraphCallsTest() : HostDriverTest("h200,memory=1GiB,context=16MiB") {
    EXPECT_EQ(api_.StreamCreate(&stream_, CU_STREAM_NON_BLOCKING),
              CUDA_SUCCESS);
    EXPECT_EQ(api_.StreamCreate(&other_, CU_STREAM_NON_BLOCKING), CUDA_SUCCESS);
  }

  void Begin(CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_GLOBAL) {
    EXPECT_EQ(api_.StreamBeginCapture(stream_, mode), CUDA_SUCCESS);
  }
  CUstreamCaptureStatus Status(CUstream stream) {
    CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
    EXPECT_EQ(api_.StreamIsCapturing(stream, &status), CUDA_SUCCESS);
    return status;
  }
  uint64_t Reserved() {
    cuuint64_t value = 0;
    EXPECT_EQ(api_.DeviceGetGraphMemAttribute(
                  0, CU_GRAPH_MEM_ATTR_RESERVED_MEM_CURRENT, &value),
              CUDA_SUCCESS);
    return value;
  }
  size_t CountNodes(CUgraph graph) {
    size_t count = 0;
    EXPECT_EQ(api_.GraphGetNodes(graph, nullptr, &count), CUDA_SUCCESS);
    return count;
  }

  CUstream stream_ = nullptr;
  CUstream other_ = nullptr;
  CUgraph graph_ = nullptr;
  CUgraphExec exec_ = nullptr;
};

TEST_F(GraphCallsTest, CapturedMemoryIsTakenByTheLaunchAndKeptUntilTrimmed) {
  const Bytes before = Free();
  CUdeviceptr address = 0;
  Begin();
  ASSERT_EQ(api_.MemAllocAsync(&address, 5 << 20, stream_), CUDA_SUCCESS);
  ASSERT_EQ(api_.MemsetD8Async(address, 7, 100, stream_), CUDA_SUCCESS);
  ASSERT_EQ(api_.MemFreeAsync(address, stream_), CUDA_SUCCESS);
  ASSERT_EQ(api_.StreamEndCapture(stream_, &graph_), CUDA_SUCCESS);
  EXPECT_EQ(CountNodes(graph_), 3u);
  ASSERT_EQ(api_.GraphInstantiate(&exec_, graph_, 0), CUDA_SUCCESS);
  EXPECT_EQ(Free(), before);
  ASSERT_EQ(api_.GraphLaunch(exec_, stream_), CUDA_SUCCESS);
  ASSERT_EQ(api_.GraphLaunch(exec_, stream_), CUDA_SUCCESS);
  EXPECT_EQ(Reserved(), kStep);
  EXPECT_EQ(before - Free(), Bytes(kStep));
  // Freed by the graph itself: no longer anybody's to use.
  EXPECT_EQ(api_.MemsetD8(address, 1, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.DeviceGraphMemTrim(0), CUDA_SUCCESS);
  EXPECT_EQ(Reserved(), 0u);
  // A launch takes it again, at the same addresses.
  ASSERT_EQ(api_.GraphLaunch(exec_, stream_), CUDA_SUCCESS);
  EXPECT_EQ(Reserved(), kStep);
  EXPECT_EQ(api_.GraphExecDestroy(exec_), CUDA_SUCCESS);
  EXPECT_EQ(api_.GraphDestroy(graph_), CUDA_SUCCESS);
  EXPECT_EQ(Reserved(), kStep);
  EXPECT_EQ(api_.DeviceGraphMemTrim(0), CUDA_SUCCESS);
  EXPECT_EQ(Free(), before);
  EXPECT_EQ(driver_->live_objects().graphs, 0u);
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
}

TEST_F(GraphCallsTest, WhatAGraphLeavesAllocatedIsFreedByOthers) {
  CUdeviceptr address = 0;
  Begin();
  ASSERT_EQ(api_.MemAllocAsync(&address, 5 << 20, stream_), CUDA_SUCCESS);
  ASSERT_EQ(api_.StreamEndCapture(stream_, &graph_), CUDA_SUCCESS);
  ASSERT_EQ(api_.GraphInstantiate(&exec_, graph_, 0), CUDA_SUCCESS);
  ASSERT_EQ(api_.GraphLaunch(exec_, stream_), CUDA_SUCCESS);
  EXPECT_EQ(api_.GraphLaunch(exec_, stream_), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemsetD8(address, 1, 10), CUDA_SUCCESS);
  EXPECT_EQ(api_.DeviceGraphMemTrim(0), CUDA_SUCCESS);
  EXPECT_EQ(Reserved(), kStep);
  EXPECT_EQ(api_.MemFreeAsync(address, stream_), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemFreeAsync(address, stream_), CUDA_ERROR_INVALID_VALUE);
  ASSERT_EQ(api_.GraphLaunch(exec_, stream_), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemFree(address), CUDA_SUCCESS);
  EXPECT_EQ(api_.GraphExecDestroy(exec_), CUDA_SUCCESS);
  EXPECT_EQ(api_.GraphDestroy(graph_), CUDA_SUCCESS);
  EXPECT_EQ(api_.DeviceGraphMemTrim(0), CUDA_SUCCESS);
  EXPECT_EQ(Reserved(), 0u);
}

TEST_F(GraphCallsTest, ALaunchThatFindsNoMemoryTakesNone) {
  CUgraphNode node = nullptr;
  CUDA_MEM_ALLOC_NODE_PARAMS params = {};
  params.poolProps.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
  params.poolProps.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  params.bytesize = uint64_t{1} << 30;
  ASSERT_EQ(api_.GraphCreate(&graph_, 0), CUDA_SUCCESS);
  ASSERT_EQ(api_.GraphAddMemAllocNode(&node, graph_, nullptr, 0, &params),
            CUDA_SUCCESS);
  ASSERT_EQ(api_.GraphInstantiate(&exec_, graph_, 0), CUDA_SUCCESS);
  EXPECT_EQ(api_.GraphLaunch(exec_, stream_), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(Reserved(), 0u);
  CUgraphExec second = nullptr;
  EXPECT_EQ(api_.GraphInstantiate(&second, graph_, 0),
            CUDA_ERROR_NOT_SUPPORTED);
}

// Measured, row by row, with a capture in global mode.
TEST_F(GraphCallsTest, CallsThatMayWaitEndACapture) {
  const CUdeviceptr linear = NewLinear(64);
  CUmemoryPool pool = nullptr;
  ASSERT_EQ(api_.DeviceGetDefaultMemPool(&pool, 0), CUDA_SUCCESS);
  CUdeviceptr address = 0;
  void* host = nullptr;
  cuuint64_t value = 0;
  const std::vector<std::pair<const char*, std::function<CUresult()>>> calls = {
      {"MemAlloc", [&] { return api_.MemAlloc(&address, 64); }},
      {"MemFree", [&] { return api_.MemFree(linear); }},
      {"MemFree null", [&] { return api_.MemFree(0); }},
      {"HostAlloc", [&] { return api_.MemHostAlloc(&host, 64, 0); }},
      {"Managed", [&] { return api_.MemAllocManaged(&address, 64, 1); }},
      {"PoolTrim", [&] { return api_.MemPoolTrimTo(pool, 0); }},
      {"PoolGetAttribute",
       [&] {
         return api_.MemPoolGetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT,
                                         &value);
       }},
      {"StreamSynchronize other",
       [&] { return api_.StreamSynchronize(other_); }},
      {"StreamQuery other", [&] { return api_.StreamQuery(other_); }},
      {"StreamQuery self", [&] { return api_.StreamQuery(stream_); }},
      {"StreamQuery null", [&] { return api_.StreamQuery(nullptr); }},
      {"MemAllocAsync other",
       [&] { return api_.MemAllocAsync(&address, 64, other_); }},
      {"CtxSynchronize", [&] { return api_.CtxSynchronize(); }},
  };
  for (const auto& [name, call] : calls) {
    SCOPED_TRACE(name);
    Begin();
    EXPECT_EQ(call(), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    EXPECT_EQ(Status(stream_), CU_STREAM_CAPTURE_STATUS_INVALIDATED);
    EXPECT_EQ(api_.StreamEndCapture(stream_, &graph_),
              CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    EXPECT_EQ(Status(stream_), CU_STREAM_CAPTURE_STATUS_NONE);
  }
  Begin(CU_STREAM_CAPTURE_MODE_RELAXED);
  EXPECT_EQ(api_.MemFree(linear), CUDA_SUCCESS);
  EXPECT_EQ(Status(stream_), CU_STREAM_CAPTURE_STATUS_ACTIVE);
  EXPECT_EQ(api_.CtxSynchronize(), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  EXPECT_EQ(api_.StreamEndCapture(stream_, &graph_),
            CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
}

TEST_F(GraphCallsTest, VirtualMemoryManagementIsAllowedInACapture) {
  const CUdeviceptr base = Reserve(kBlock);
  Begin();
  Commit(base);
  EXPECT_EQ(api_.MemUnmap(base, kBlock), CUDA_SUCCESS);
  Free();
  EXPECT_EQ(Status(stream_), CU_STREAM_CAPTURE_STATUS_ACTIVE);
  EXPECT_EQ(api_.StreamEndCapture(stream_, &graph_), CUDA_SUCCESS);
}

TEST_F(GraphCallsTest, ThreadsMindOthersCapturesByMode) {
  const auto allocate_elsewhere = [&] {
    CUresult result = CUDA_SUCCESS;
    std::thread([&] {
      CUdeviceptr address = 0;
      EXPECT_EQ(api_.CtxSetCurrent(context_), CUDA_SUCCESS);
      result = api_.MemAlloc(&address, 64);
    }).join();
    return result;
  };
  Begin(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
  EXPECT_EQ(allocate_elsewhere(), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamEndCapture(stream_, &graph_), CUDA_SUCCESS);
  Begin(CU_STREAM_CAPTURE_MODE_GLOBAL);
  EXPECT_EQ(allocate_elsewhere(), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  EXPECT_EQ(api_.StreamEndCapture(stream_, &graph_),
            CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  Begin(CU_STREAM_CAPTURE_MODE_GLOBAL);
  CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_RELAXED;
  EXPECT_EQ(api_.ThreadExchangeStreamCaptureMode(&mode), CUDA_SUCCESS);
  EXPECT_EQ(mode, CU_STREAM_CAPTURE_MODE_GLOBAL);
  CUdeviceptr address = 0;
  EXPECT_EQ(api_.MemAlloc(&address, 64), CUDA_SUCCESS);
  EXPECT_EQ(api_.ThreadExchangeStreamCaptureMode(&mode), CUDA_SUCCESS);
  EXPECT_EQ(mode, CU_STREAM_CAPTURE_MODE_RELAXED);
  EXPECT_EQ(api_.StreamEndCapture(stream_, &graph_), CUDA_SUCCESS);
}

TEST_F(GraphCallsTest, TheDefaultStreamCannotSeeACaptureOfABlockingStream) {
  CUstream blocking = nullptr;
  const CUdeviceptr linear = NewLinear(64);
  ASSERT_EQ(api_.StreamCreate(&blocking, CU_STREAM_DEFAULT), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamBeginCapture(nullptr, CU_STREAM_CAPTURE_MODE_GLOBAL),
            CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  ASSERT_EQ(api_.StreamBeginCapture(blocking, CU_STREAM_CAPTURE_MODE_RELAXED),
            CUDA_SUCCESS);
  EXPECT_EQ(api_.MemsetD8(linear, 1, 8), CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
  EXPECT_EQ(Status(blocking), CU_STREAM_CAPTURE_STATUS_INVALIDATED);
  EXPECT_EQ(api_.StreamEndCapture(blocking, &graph_),
            CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
}

TEST_F(GraphCallsTest, StreamsJoinACaptureByEvents) {
  const CUdeviceptr linear = NewLinear(64);
  CUevent event = nullptr;
  ASSERT_EQ(api_.EventCreate(&event, CU_EVENT_DISABLE_TIMING), CUDA_SUCCESS);
  const auto fork = [&] {
    Begin();
    EXPECT_EQ(api_.EventRecord(event, stream_), CUDA_SUCCESS);
    EXPECT_EQ(api_.StreamWaitEvent(other_, event, 0), CUDA_SUCCESS);
    EXPECT_EQ(Status(other_), CU_STREAM_CAPTURE_STATUS_ACTIVE);
    EXPECT_EQ(api_.MemsetD32Async(linear, 42, 1, other_), CUDA_SUCCESS);
  };
  fork();
  EXPECT_EQ(api_.StreamEndCapture(other_, &graph_),
            CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
  EXPECT_EQ(api_.StreamEndCapture(stream_, &graph_),
            CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  fork();
  EXPECT_EQ(api_.StreamEndCapture(stream_, &graph_),
            CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
  EXPECT_EQ(Status(other_), CU_STREAM_CAPTURE_STATUS_NONE);
  fork();
  EXPECT_EQ(api_.EventQuery(event), CUDA_ERROR_CAPTURED_EVENT);
  EXPECT_EQ(api_.StreamEndCapture(stream_, &graph_),
            CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  fork();
  EXPECT_EQ(api_.EventRecord(event, other_), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamWaitEvent(stream_, event, 0), CUDA_SUCCESS);
  ASSERT_EQ(api_.StreamEndCapture(stream_, &graph_), CUDA_SUCCESS);
  EXPECT_EQ(CountNodes(graph_), 1u);
  EXPECT_EQ(Read(linear), 0u);  // captured, not done
  ASSERT_EQ(api_.GraphInstantiate(&exec_, graph_, 0), CUDA_SUCCESS);
  ASSERT_EQ(api_.GraphLaunch(exec_, nullptr), CUDA_SUCCESS);
  EXPECT_EQ(Read(linear), 42u);
}

TEST_F(GraphCallsTest, AHeldStreamHoldsItsLaunches) {
  const CUdeviceptr linear = NewLinear(64);
  Begin();
  EXPECT_EQ(api_.MemsetD32Async(linear, 42, 1, stream_), CUDA_SUCCESS);
  ASSERT_EQ(api_.StreamEndCapture(stream_, &graph_), CUDA_SUCCESS);
  ASSERT_EQ(api_.GraphInstantiate(&exec_, graph_, 0), CUDA_SUCCESS);
  ASSERT_EQ(driver_->HoldStream(stream_), CUDA_SUCCESS);
  ASSERT_EQ(api_.GraphLaunch(exec_, stream_), CUDA_SUCCESS);
  // What is destroyed while it is launched runs all the same.
  EXPECT_EQ(api_.GraphExecDestroy(exec_), CUDA_SUCCESS);
  EXPECT_EQ(Read(linear), 0u);
  ASSERT_EQ(driver_->ReleaseStream(stream_), CUDA_SUCCESS);
  EXPECT_EQ(Read(linear), 42u);
}

TEST_F(GraphCallsTest, NoTrimTakesTheMemoryOfALaunchThatHasNotBegun) {
  CUdeviceptr address = 0;
  Begin();
  ASSERT_EQ(api_.MemAllocAsync(&address, 4096, stream_), CUDA_SUCCESS);
  ASSERT_EQ(api_.MemsetD8Async(address, 7, 100, stream_), CUDA_SUCCESS);
  ASSERT_EQ(api_.MemFreeAsync(address, stream_), CUDA_SUCCESS);
  ASSERT_EQ(api_.StreamEndCapture(stream_, &graph_), CUDA_SUCCESS);
  ASSERT_EQ(api_.GraphInstantiate(&exec_, graph_, 0), CUDA_SUCCESS);
  ASSERT_EQ(driver_->HoldStream(stream_), CUDA_SUCCESS);
  ASSERT_EQ(api_.GraphLaunch(exec_, stream_), CUDA_SUCCESS);
  EXPECT_EQ(api_.GraphExecDestroy(exec_), CUDA_SUCCESS);
  EXPECT_EQ(api_.GraphDestroy(graph_), CUDA_SUCCESS);
  EXPECT_EQ(api_.DeviceGraphMemTrim(0), CUDA_SUCCESS);
  EXPECT_EQ(Reserved(), kStep);
  ASSERT_EQ(driver_->ReleaseStream(stream_), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamQuery(stream_), CUDA_SUCCESS);
  EXPECT_EQ(api_.DeviceGraphMemTrim(0), CUDA_SUCCESS);
  EXPECT_EQ(Reserved(), 0u);
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
}

TEST_F(GraphCallsTest, ALaunchThatIsRefusedClaimsNothing) {
  CUdeviceptr address = 0;
  Begin();
  ASSERT_EQ(api_.MemAllocAsync(&address, 4096, stream_), CUDA_SUCCESS);
  ASSERT_EQ(api_.StreamEndCapture(stream_, &graph_), CUDA_SUCCESS);
  ASSERT_EQ(api_.GraphInstantiate(&exec_, graph_, 0), CUDA_SUCCESS);
  CUgraph discarded = nullptr;
  Begin();
  EXPECT_EQ(api_.GraphLaunch(exec_, stream_),
            CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  EXPECT_EQ(api_.StreamEndCapture(stream_, &discarded),
            CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  EXPECT_EQ(api_.GraphLaunch(exec_, stream_), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemFree(address), CUDA_SUCCESS);
}

TEST_F(GraphCallsTest, MayFreeWhatItsLastLaunchLeft) {
  CUdeviceptr address = 0;
  Begin();
  ASSERT_EQ(api_.MemAllocAsync(&address, 4096, stream_), CUDA_SUCCESS);
  ASSERT_EQ(api_.StreamEndCapture(stream_, &graph_), CUDA_SUCCESS);
  ASSERT_EQ(
      api_.GraphInstantiate(&exec_, graph_,
                            CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH),
      CUDA_SUCCESS);
  EXPECT_EQ(api_.GraphLaunch(exec_, stream_), CUDA_SUCCESS);
  EXPECT_EQ(api_.GraphLaunch(exec_, stream_), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemsetD8(address, 1, 4096), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemFree(address), CUDA_SUCCESS);
}

TEST_F(GraphCallsTest, HostNodesMayWaitForTheLauncher) {
  std::atomic<int> state{0};
  const auto wait = [](void* data) {
    auto& state = *static_cast<std::atomic<int>*>(data);
    state.wait(0);
    state = 2;
  };
  Begin();
  ASSERT_EQ(api_.LaunchHostFunc(stream_, wait, &state), CUDA_SUCCESS);
  ASSERT_EQ(api_.StreamEndCapture(stream_, &graph_), CUDA_SUCCESS);
  ASSERT_EQ(api_.GraphInstantiate(&exec_, graph_, 0), CUDA_SUCCESS);
  ASSERT_EQ(api_.GraphLaunch(exec_, stream_), CUDA_SUCCESS);
  state = 1;
  state.notify_all();
  EXPECT_EQ(api_.StreamSynchronize(stream_), CUDA_SUCCESS);
  EXPECT_EQ(state, 2);
}

TEST_F(GraphCallsTest, ACaptureEndsWithItsStream) {
  CUdeviceptr address = 0;
  Begin();
  ASSERT_EQ(api_.StreamDestroy(stream_), CUDA_SUCCESS);
  EXPECT_EQ(driver_->live_objects().graphs, 0u);
  EXPECT_EQ(api_.MemAlloc(&address, 64), CUDA_SUCCESS);
}

}  // namespace
}  // namespace governor
