#include "governor/driver/host_driver/host_driver_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

class StreamCallsTest : public HostDriverTest {
 protected:
  StreamCallsTest()
      : HostDriverTest("gb10,memory=1GiB,context=16MiB,devices=2") {
    EXPECT_EQ(api_.StreamCreate(&stream_, CU_STREAM_NON_BLOCKING),
              CUDA_SUCCESS);
    EXPECT_EQ(api_.EventCreate(&event_, CU_EVENT_DISABLE_TIMING), CUDA_SUCCESS);
  }

  CUstream stream_ = nullptr;
  CUevent event_ = nullptr;
};

TEST_F(StreamCallsTest, CreatesAndDestroys) {
  CUstream stream = nullptr;
  CUevent event = nullptr;
  EXPECT_EQ(api_.StreamCreate(&stream, CU_STREAM_DEFAULT), CUDA_SUCCESS);
  EXPECT_EQ(api_.EventCreate(&event, CU_EVENT_DEFAULT), CUDA_SUCCESS);
  EXPECT_NE(stream, stream_);
  EXPECT_NE(event, event_);
  EXPECT_EQ(driver_->live_objects().streams, 2u);
  EXPECT_EQ(driver_->live_objects().events, 2u);
  EXPECT_EQ(api_.StreamDestroy(stream), CUDA_SUCCESS);
  EXPECT_EQ(api_.EventDestroy(event), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamDestroy(stream), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(api_.EventDestroy(event), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(driver_->live_objects().streams, 1u);
  EXPECT_EQ(driver_->live_objects().events, 1u);
}

TEST_F(StreamCallsTest, CreateRefusesMisuse) {
  CUstream stream = nullptr;
  CUevent event = nullptr;
  EXPECT_EQ(api_.StreamCreate(nullptr, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.StreamCreate(&stream, 2), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.EventCreate(nullptr, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.EventCreate(&event, 8), CUDA_ERROR_INVALID_VALUE);
  // An event for other processes cannot keep time.
  EXPECT_EQ(api_.EventCreate(&event, CU_EVENT_INTERPROCESS),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(
      api_.EventCreate(&event, CU_EVENT_INTERPROCESS | CU_EVENT_DISABLE_TIMING),
      CUDA_SUCCESS);
  ASSERT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamCreate(&stream, 0), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(api_.EventCreate(&event, 0), CUDA_ERROR_INVALID_CONTEXT);
}

// Work is done before the call that asks for it returns.
TEST_F(StreamCallsTest, IsAlwaysDone) {
  const CUdeviceptr address = NewLinear(64);
  EXPECT_EQ(api_.EventQuery(event_), CUDA_SUCCESS);  // never recorded
  EXPECT_EQ(api_.MemsetD32Async(address, 42, 1, stream_), CUDA_SUCCESS);
  EXPECT_EQ(Read(address), 42u);
  EXPECT_EQ(api_.EventRecord(event_, stream_), CUDA_SUCCESS);
  EXPECT_EQ(api_.EventQuery(event_), CUDA_SUCCESS);
  EXPECT_EQ(api_.EventSynchronize(event_), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamWaitEvent(stream_, event_, 0), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamQuery(stream_), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamSynchronize(stream_), CUDA_SUCCESS);
}

TEST_F(StreamCallsTest, KnowsTheDefaultStreams) {
  for (const CUstream stream :
       {CUstream{nullptr}, CU_STREAM_LEGACY, CU_STREAM_PER_THREAD}) {
    EXPECT_EQ(api_.StreamQuery(stream), CUDA_SUCCESS);
    EXPECT_EQ(api_.StreamSynchronize(stream), CUDA_SUCCESS);
    EXPECT_EQ(api_.EventRecord(event_, stream), CUDA_SUCCESS);
    EXPECT_EQ(api_.StreamWaitEvent(stream, event_, 0), CUDA_SUCCESS);
    EXPECT_EQ(api_.StreamDestroy(stream), CUDA_ERROR_INVALID_HANDLE);
  }
}

TEST_F(StreamCallsTest, RefusesWhatIsNotLive) {
  const CUstream foreign = reinterpret_cast<CUstream>(0x12340);
  const CUevent no_event = reinterpret_cast<CUevent>(0x12340);
  const CUstream stale_stream = stream_;
  const CUevent stale_event = event_;
  CUevent event = nullptr;
  CUstream stream = nullptr;
  ASSERT_EQ(api_.StreamDestroy(stream_), CUDA_SUCCESS);
  ASSERT_EQ(api_.EventDestroy(event_), CUDA_SUCCESS);
  ASSERT_EQ(api_.EventCreate(&event, 0), CUDA_SUCCESS);
  ASSERT_EQ(api_.StreamCreate(&stream, 0), CUDA_SUCCESS);
  for (const CUstream bad : {foreign, stale_stream}) {
    EXPECT_EQ(api_.StreamQuery(bad), CUDA_ERROR_INVALID_HANDLE);
    EXPECT_EQ(api_.StreamSynchronize(bad), CUDA_ERROR_INVALID_HANDLE);
    EXPECT_EQ(api_.StreamDestroy(bad), CUDA_ERROR_INVALID_HANDLE);
    EXPECT_EQ(api_.StreamWaitEvent(bad, event, 0), CUDA_ERROR_INVALID_HANDLE);
    EXPECT_EQ(api_.EventRecord(event, bad), CUDA_ERROR_INVALID_HANDLE);
  }
  for (const CUevent bad : {no_event, stale_event, CUevent{nullptr}}) {
    EXPECT_EQ(api_.EventQuery(bad), CUDA_ERROR_INVALID_HANDLE);
    EXPECT_EQ(api_.EventSynchronize(bad), CUDA_ERROR_INVALID_HANDLE);
    EXPECT_EQ(api_.EventDestroy(bad), CUDA_ERROR_INVALID_HANDLE);
    EXPECT_EQ(api_.EventRecord(bad, stream), CUDA_ERROR_INVALID_HANDLE);
    EXPECT_EQ(api_.StreamWaitEvent(stream, bad, 0), CUDA_ERROR_INVALID_HANDLE);
  }
}

TEST_F(StreamCallsTest, WaitRefusesMisuse) {
  EXPECT_EQ(api_.StreamWaitEvent(stream_, event_, 2), CUDA_ERROR_INVALID_VALUE);
  // An external wait is for streams that are captured.
  EXPECT_EQ(api_.StreamWaitEvent(stream_, event_, CU_EVENT_WAIT_EXTERNAL),
            CUDA_ERROR_ILLEGAL_STATE);
}

// A stream brings its own context; a default stream needs a current one.
TEST_F(StreamCallsTest, NeedsAContextForTheDefaultStreamAlone) {
  ASSERT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamQuery(stream_), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamSynchronize(stream_), CUDA_SUCCESS);
  EXPECT_EQ(api_.EventRecord(event_, stream_), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamWaitEvent(stream_, event_, 0), CUDA_SUCCESS);
  EXPECT_EQ(api_.EventQuery(event_), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamQuery(nullptr), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(api_.StreamSynchronize(nullptr), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(api_.EventRecord(event_, nullptr), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(api_.StreamWaitEvent(nullptr, event_, 0),
            CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(api_.EventDestroy(event_), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamDestroy(stream_), CUDA_SUCCESS);
}

// An event is recorded in a stream of its own device.
TEST_F(StreamCallsTest, KeepsDevicesApart) {
  CUcontext other = nullptr;
  CUstream elsewhere = nullptr;
  ASSERT_EQ(api_.DevicePrimaryCtxRetain(&other, 1), CUDA_SUCCESS);
  ASSERT_EQ(api_.CtxSetCurrent(other), CUDA_SUCCESS);
  ASSERT_EQ(api_.StreamCreate(&elsewhere, 0), CUDA_SUCCESS);
  EXPECT_EQ(api_.EventRecord(event_, elsewhere), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(api_.EventRecord(event_, nullptr), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(api_.EventRecord(event_, stream_), CUDA_SUCCESS);
  EXPECT_EQ(api_.StreamWaitEvent(elsewhere, event_, 0), CUDA_SUCCESS);
}

}  // namespace
}  // namespace governor
