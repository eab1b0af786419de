// Streams whose completion a test holds back.

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "governor/driver/host_driver/host_driver_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

class HeldStreamsTest : public HostDriverTest {
 protected:
  HeldStreamsTest() : HostDriverTest("h200,memory=2GiB,context=16MiB") {
    EXPECT_EQ(api_.StreamCreate(&held_, CU_STREAM_NON_BLOCKING), CUDA_SUCCESS);
    EXPECT_EQ(api_.StreamCreate(&other_, CU_STREAM_NON_BLOCKING), CUDA_SUCCESS);
    EXPECT_EQ(api_.EventCreate(&event_, 0), CUDA_SUCCESS);
    EXPECT_EQ(driver_->HoldStream(held_), CUDA_SUCCESS);
  }

  // Makes a call that waits for the held stream, in another thread, and lets
  // the stream go once it is seen to wait.
  void ReleaseOnce(const std::function<CUresult()>& waits) {
    std::atomic<bool> returned{false};
    std::thread waiter([&] {
      EXPECT_EQ(api_.CtxSetCurrent(context_), CUDA_SUCCESS);
      EXPECT_EQ(waits(), CUDA_SUCCESS);
      returned = true;
    });
    while (driver_->blocked_calls() == 0 && !returned) {
      std::this_thread::yield();
    }
    EXPECT_FALSE(returned);
    EXPECT_EQ(driver_->ReleaseStream(held_), CUDA_SUCCESS);
    waiter.join();
  }

  CUstream held_ = nullptr;
  CUstream other_ = nullptr;
  CUevent event_ = nullptr;
};

TEST_F(HeldStreamsTest, WorkWaitsForTheRelease) {
  const CUdeviceptr address = NewLinear(64);
  ASSERT_EQ(api_.MemsetD32(address, 1, 1), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemsetD32Async(address, 2, 1, held_), CUDA_SUCCESS);
  EXPECT_EQ(api_.EventRecord(event_, held_), CUDA_SUCCESS);
  EXPECT_EQ(Read(address), 1u);
  EXPECT_EQ(api_.StreamQuery(held_), CUDA_ERROR_NOT_READY);
  EXPECT_EQ(api_.EventQuery(event_), CUDA_ERROR_NOT_READY);
  ASSERT_EQ(driver_->ReleaseStream(held_), CUDA_SUCCESS);
  EXPECT_EQ(Read(address), 2u);
  EXPECT_EQ(api_.StreamQuery(held_), CUDA_SUCCESS);
  EXPECT_EQ(api_.EventQuery(event_), CUDA_SUCCESS);
}

TEST_F(HeldStreamsTest, OthersWaitForItsEventsAlone) {
  const CUdeviceptr address = NewLinear(64);
  ASSERT_EQ(api_.MemsetD32(address, 1, 1), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamQuery(other_), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemsetD32Async(address, 2, 1, held_), CUDA_SUCCESS);
  EXPECT_EQ(api_.EventRecord(event_, held_), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamWaitEvent(other_, event_, 0), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemsetD32Async(address, 3, 1, other_), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamQuery(other_), CUDA_ERROR_NOT_READY);
  EXPECT_EQ(Read(address), 1u);
  // An event destroyed while it is awaited is awaited all the same.
  EXPECT_EQ(api_.EventDestroy(event_), CUDA_SUCCESS);
  ASSERT_EQ(driver_->ReleaseStream(held_), CUDA_SUCCESS);
  EXPECT_EQ(Read(address), 3u);
}

TEST_F(HeldStreamsTest, TheDefaultStreamWaitsForBlockingStreamsAndTheyForIt) {
  CUstream blocking = nullptr;
  ASSERT_EQ(api_.StreamCreate(&blocking, CU_STREAM_DEFAULT), CUDA_SUCCESS);
  const CUdeviceptr address = NewLinear(64);
  ASSERT_EQ(driver_->HoldStream(blocking), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemsetD32Async(address, 1, 1, blocking), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamQuery(nullptr), CUDA_ERROR_NOT_READY);
  EXPECT_EQ(api_.MemsetD32Async(address, 2, 1, nullptr), CUDA_SUCCESS);
  CUstream second = nullptr;
  ASSERT_EQ(api_.StreamCreate(&second, CU_STREAM_DEFAULT), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemsetD32Async(address, 3, 1, second), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamQuery(second), CUDA_ERROR_NOT_READY);
  EXPECT_EQ(api_.StreamQuery(other_), CUDA_SUCCESS);
  ASSERT_EQ(driver_->ReleaseStream(blocking), CUDA_SUCCESS);
  EXPECT_EQ(Read(address), 3u);
}

TEST_F(HeldStreamsTest, WaitsBlockUntilTheRelease) {
  const CUdeviceptr address = NewLinear(64);
  EXPECT_EQ(api_.MemsetD32Async(address, 7, 1, held_), CUDA_SUCCESS);
  ReleaseOnce([&] { return api_.StreamSynchronize(held_); });
  EXPECT_EQ(Read(address), 7u);
}

// As on an H200: to free waits for the device, to unmap does not.
TEST_F(HeldStreamsTest, FreeingWaitsForTheDeviceAndUnmappingDoesNot) {
  const CUdeviceptr busy = NewLinear(64);
  const CUdeviceptr linear = NewLinear(64);
  CUdeviceptr managed = 0;
  void* pinned = nullptr;
  CUarray array = nullptr;
  const CUDA_ARRAY_DESCRIPTOR descriptor = {
      .Width = 8,
      .Height = 8,
      .Format = CU_AD_FORMAT_UNSIGNED_INT8,
      .NumChannels = 1};
  ASSERT_EQ(api_.MemAllocManaged(&managed, 64, CU_MEM_ATTACH_GLOBAL),
            CUDA_SUCCESS);
  ASSERT_EQ(api_.MemHostAlloc(&pinned, 64, 0), CUDA_SUCCESS);
  ASSERT_EQ(api_.ArrayCreate(&array, &descriptor), CUDA_SUCCESS);
  const CUdeviceptr base = Reserve(kBlock);
  Commit(base);
  EXPECT_EQ(api_.MemsetD32Async(busy, 7, 1, held_), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemUnmap(base, kBlock), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemFree(0), CUDA_SUCCESS);
  const std::vector<std::function<CUresult()>> calls = {
      [&] { return api_.MemFree(linear); },
      [&] { return api_.MemFree(managed); },
      [&] { return api_.MemFreeHost(pinned); },
      [&] { return api_.ArrayDestroy(array); },
      [&] { return api_.CtxSynchronize(); }};
  for (const auto& call : calls) {
    ReleaseOnce(call);
    ASSERT_EQ(driver_->HoldStream(held_), CUDA_SUCCESS);
    EXPECT_EQ(api_.MemsetD32Async(busy, 7, 1, held_), CUDA_SUCCESS);
  }
}

// The bug that is so hard to find on hardware.
TEST_F(HeldStreamsTest, WorkOnMemoryThatWentAwayIsFoundOut) {
  const CUdeviceptr base = Reserve(kBlock);
  Commit(base);
  EXPECT_EQ(api_.MemsetD32Async(base, 7, 1, held_), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemUnmap(base, kBlock), CUDA_SUCCESS);
  ASSERT_EQ(driver_->ReleaseStream(held_), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamQuery(held_), CUDA_ERROR_ILLEGAL_ADDRESS);
  driver_->faults().Clear();
}

TEST_F(HeldStreamsTest, HostFunctionsMayWaitForWhatComesAfterTheirLaunch) {
  std::atomic<int> state{0};
  const auto wait = [](void* data) {
    auto& state = *static_cast<std::atomic<int>*>(data);
    state.wait(0);
    ++state;
  };
  EXPECT_EQ(api_.LaunchHostFunc(other_, wait, &state), CUDA_SUCCESS);
  EXPECT_EQ(api_.EventRecord(event_, other_), CUDA_SUCCESS);
  EXPECT_EQ(api_.EventQuery(event_), CUDA_ERROR_NOT_READY);
  state = 1;
  state.notify_all();
  EXPECT_EQ(api_.EventSynchronize(event_), CUDA_SUCCESS);
  EXPECT_EQ(state, 2);
}

TEST_F(HeldStreamsTest, ADestroyedStreamIsReleased) {
  const CUdeviceptr address = NewLinear(64);
  EXPECT_EQ(api_.MemsetD32Async(address, 7, 1, held_), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamDestroy(held_), CUDA_SUCCESS);
  EXPECT_EQ(Read(address), 7u);
  EXPECT_EQ(driver_->HoldStream(held_), CUDA_ERROR_INVALID_HANDLE);
}

TEST_F(HeldStreamsTest, MemoryFreedInAStreamIsReusedThereAtOnceElsewhereLater) {
  CUdeviceptr first = 0, same = 0, elsewhere = 0;
  ASSERT_EQ(driver_->ReleaseStream(held_), CUDA_SUCCESS);
  ASSERT_EQ(api_.MemAllocAsync(&first, 8 << 20, held_), CUDA_SUCCESS);
  ASSERT_EQ(driver_->HoldStream(held_), CUDA_SUCCESS);
  ASSERT_EQ(api_.MemsetD32Async(first, 1, 1, held_), CUDA_SUCCESS);
  ASSERT_EQ(api_.MemFreeAsync(first, held_), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemAllocAsync(&elsewhere, 8 << 20, other_), CUDA_SUCCESS);
  EXPECT_NE(elsewhere, first);
  EXPECT_EQ(api_.MemAllocAsync(&same, 8 << 20, held_), CUDA_SUCCESS);
  EXPECT_EQ(same, first);
  EXPECT_EQ(api_.MemsetD32Async(same, 2, 1, held_), CUDA_SUCCESS);
  ASSERT_EQ(driver_->ReleaseStream(held_), CUDA_SUCCESS);
  EXPECT_EQ(Read(same), 2u);
  EXPECT_EQ(api_.MemFreeAsync(same, held_), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemFreeAsync(elsewhere, other_), CUDA_SUCCESS);
  EXPECT_EQ(driver_->live_objects().pool_blocks, 0u);
}

TEST_F(HeldStreamsTest, WhatIsFreedBeforeItBeganNeverBegins) {
  CUdeviceptr address = 0, other = 0;
  ASSERT_EQ(api_.MemAllocAsync(&address, 4096, held_), CUDA_SUCCESS);
  ASSERT_EQ(api_.MemAllocAsync(&other, 4096, held_), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemFree(address), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemFreeAsync(other, other_), CUDA_SUCCESS);
  ASSERT_EQ(driver_->ReleaseStream(held_), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemsetD8(address, 1, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemsetD8(other, 1, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(driver_->live_objects().pool_blocks, 0u);
}

// Each thread's blocks are its own, though all come and go in one stream.
TEST_F(HeldStreamsTest, ThreadsShareAStreamsMemory) {
  std::vector<std::thread> threads;
  for (uint32_t i = 1; i <= 4; ++i) {
    threads.emplace_back([this, i] {
      EXPECT_EQ(api_.CtxSetCurrent(context_), CUDA_SUCCESS);
      for (int round = 0; round < 500; ++round) {
        CUdeviceptr address = 0;
        ASSERT_EQ(api_.MemAllocAsync(&address, 4096, other_), CUDA_SUCCESS);
        ASSERT_EQ(api_.MemsetD32Async(address, i, 1024, other_), CUDA_SUCCESS);
        ASSERT_EQ(api_.StreamSynchronize(other_), CUDA_SUCCESS);
        ASSERT_EQ(Read(address + 4092), i);
        ASSERT_EQ(api_.MemFreeAsync(address, other_), CUDA_SUCCESS);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(api_.StreamSynchronize(other_), CUDA_SUCCESS);
  EXPECT_EQ(driver_->live_objects().pool_blocks, 0u);
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
}

TEST_F(HeldStreamsTest, TheEndWaitsForHostFunctionsAndWhatIsBehindThem) {
  const CUdeviceptr linear = NewLinear(64);
  std::atomic<int> state{0};
  const auto wait = [](void* data) {
    auto& state = *static_cast<std::atomic<int>*>(data);
    state.wait(0);
    state = 2;
  };
  EXPECT_EQ(api_.LaunchHostFunc(other_, wait, &state), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemsetD32Async(linear, 1, 1, other_), CUDA_SUCCESS);
  std::thread opener([&] {
    state = 1;
    state.notify_all();
  });
  driver_.reset();
  EXPECT_EQ(state, 2);
  opener.join();
}

TEST_F(HeldStreamsTest, TheEndOfAContextWaitsForItsWork) {
  CUcontext made = nullptr;
  CUstream stream = nullptr;
  CUdeviceptr linear = 0;
  ASSERT_EQ(api_.CtxCreate(&made, nullptr, 0, 0), CUDA_SUCCESS);
  ASSERT_EQ(api_.StreamCreate(&stream, 0), CUDA_SUCCESS);
  ASSERT_EQ(api_.MemAlloc(&linear, 64), CUDA_SUCCESS);
  ASSERT_EQ(driver_->HoldStream(stream), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemsetD32Async(linear, 1, 1, stream), CUDA_SUCCESS);
  EXPECT_EQ(api_.CtxDestroy(made), CUDA_SUCCESS);
  // Had it run on memory that was gone, every call would say so.
  EXPECT_EQ(api_.CtxSetCurrent(context_), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamQuery(other_), CUDA_SUCCESS);
}

TEST_F(HeldStreamsTest, UseAfterAStreamOrderedFreeIsFoundOut) {
  CUdeviceptr address = 0;
  ASSERT_EQ(driver_->ReleaseStream(held_), CUDA_SUCCESS);
  ASSERT_EQ(api_.MemAllocAsync(&address, 4096, held_), CUDA_SUCCESS);
  ASSERT_EQ(api_.MemFreeAsync(address, held_), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemsetD32Async(address, 1, 1, held_),
            CUDA_ERROR_INVALID_VALUE);
}

}  // namespace
}  // namespace governor
