// Capture of a stream's work into a graph.

#include <thread>

#include "tests/conformance/conformance_fixture.h"

namespace governor {
namespace {

constexpr auto kRelaxed = CU_STREAM_CAPTURE_MODE_RELAXED;
constexpr auto kGlobal = CU_STREAM_CAPTURE_MODE_GLOBAL;
constexpr auto kThreadLocal = CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;

class CaptureConformance : public ConformanceTest {
 protected:
  void SetUp() override {
    ConformanceTest::SetUp();
    stream_ = NewStream();
    linear_ = NewLinear(4096);
  }

  CUstreamCaptureStatus Status(CUstream stream) {
    CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
    EXPECT_OK(StreamIsCapturing, stream, &status);
    return status;
  }

  // Ends what `stream_` captures; the graph has this many nodes.
  void EndsWith(size_t nodes) {
    CUgraph graph = nullptr;
    ASSERT_OK(StreamEndCapture, stream_, &graph);
    size_t count = 77;
    EXPECT_OK(GraphGetNodes, graph, nullptr, &count);
    EXPECT_EQ(count, nodes);
    EXPECT_OK(GraphDestroy, graph);
  }

  // Ends a capture, whatever became of it.
  void Discard(CUstream stream) {
    CUgraph graph = nullptr;
    GOVERNOR_CALL(StreamEndCapture, stream, &graph);
    if (graph != nullptr) {
      EXPECT_OK(GraphDestroy, graph);
    }
  }

  // Ends a capture that went wrong; there is no graph.
  void EndsInvalidated() {
    EXPECT_EQ(Status(stream_), CU_STREAM_CAPTURE_STATUS_INVALIDATED);
    CUgraph graph = nullptr;
    EXPECT_REFUSED(STREAM_CAPTURE_INVALIDATED, StreamEndCapture, stream_,
                   &graph);
    EXPECT_EQ(graph, nullptr);
    EXPECT_EQ(Status(stream_), CU_STREAM_CAPTURE_STATUS_NONE);
  }

  CUstream stream_ = nullptr;
  CUdeviceptr linear_ = 0;
};

// Captured work waits until the graph is launched.
TEST_F(CaptureConformance, DoesNothingUntilLaunched) {
  EXPECT_OK(MemsetD32, linear_, 0, 1);
  EXPECT_OK(CtxSynchronize);
  ASSERT_OK(StreamBeginCapture, stream_, kThreadLocal);
  EXPECT_EQ(Status(stream_), CU_STREAM_CAPTURE_STATUS_ACTIVE);
  EXPECT_OK(MemsetD32Async, linear_, 42, 1, stream_);
  CUgraph graph = nullptr;
  ASSERT_OK(StreamEndCapture, stream_, &graph);
  EXPECT_EQ(Status(stream_), CU_STREAM_CAPTURE_STATUS_NONE);
  EXPECT_EQ(Read(linear_), 0u);
  CUgraphExec exec = nullptr;
  ASSERT_OK(GraphInstantiate, &exec, graph, 0);
  EXPECT_OK(GraphLaunch, exec, stream_);
  EXPECT_OK(StreamSynchronize, stream_);
  EXPECT_EQ(Read(linear_), 42u);
  EXPECT_OK(GraphExecDestroy, exec);
  EXPECT_OK(GraphDestroy, graph);
}

TEST_F(CaptureConformance, EachPieceOfWorkIsANode) {
  ASSERT_OK(StreamBeginCapture, stream_, kThreadLocal);
  EXPECT_OK(MemsetD32Async, linear_, 1, 1, stream_);
  EXPECT_OK(MemsetD32Async, linear_ + 4, 2, 1, stream_);
  EXPECT_OK(MemcpyDtoDAsync, linear_ + 8, linear_, 8, stream_);
  EXPECT_OK(
      LaunchHostFunc, stream_, [](void*) {}, nullptr);
  EndsWith(4);
}

TEST_F(CaptureConformance, CapturesNothing) {
  ASSERT_OK(StreamBeginCapture, stream_, kThreadLocal);
  EndsWith(0);
}

TEST_F(CaptureConformance, BeginRefusesMisuse) {
  EXPECT_REFUSED(STREAM_CAPTURE_UNSUPPORTED, StreamBeginCapture,
                 CU_STREAM_LEGACY, kThreadLocal);
  EXPECT_REFUSED(STREAM_CAPTURE_UNSUPPORTED, StreamBeginCapture, nullptr,
                 kThreadLocal);
  EXPECT_REFUSED(INVALID_VALUE, StreamBeginCapture, stream_,
                 static_cast<CUstreamCaptureMode>(9));
  ASSERT_OK(StreamBeginCapture, stream_, kRelaxed);
  EXPECT_REFUSED(ILLEGAL_STATE, StreamBeginCapture, stream_, kRelaxed);
  EXPECT_EQ(Status(stream_), CU_STREAM_CAPTURE_STATUS_ACTIVE);
  Discard(stream_);
}

TEST_F(CaptureConformance, EndRefusesMisuse) {
  CUgraph graph = nullptr;
  EXPECT_REFUSED(ILLEGAL_STATE, StreamEndCapture, stream_, &graph);
}

TEST_F(CaptureConformance, IsCapturingRefusesNull) {
  EXPECT_REFUSED(INVALID_VALUE, StreamIsCapturing, stream_, nullptr);
}

// Nobody may wait for work that is only written down.
TEST_F(CaptureConformance, SynchronizeSpoilsTheCapture) {
  ASSERT_OK(StreamBeginCapture, stream_, kRelaxed);
  EXPECT_REFUSED(STREAM_CAPTURE_UNSUPPORTED, StreamSynchronize, stream_);
  EndsInvalidated();
}

TEST_F(CaptureConformance, QuerySpoilsTheCapture) {
  ASSERT_OK(StreamBeginCapture, stream_, kRelaxed);
  EXPECT_REFUSED(STREAM_CAPTURE_UNSUPPORTED, StreamQuery, stream_);
  EndsInvalidated();
}

// An event recorded in a capture is a place in the graph.
TEST_F(CaptureConformance, CapturedEventsAreNotAsked) {
  const CUevent event = NewEvent(CU_EVENT_DISABLE_TIMING);
  ASSERT_OK(StreamBeginCapture, stream_, kRelaxed);
  EXPECT_OK(MemsetD32Async, linear_, 1, 1, stream_);
  EXPECT_OK(EventRecord, event, stream_);
  EXPECT_REFUSED(CAPTURED_EVENT, EventQuery, event);
  Discard(stream_);
  EXPECT_EQ(Status(stream_), CU_STREAM_CAPTURE_STATUS_NONE);
}

TEST_F(CaptureConformance, CapturedEventsAreNotWaitedFor) {
  const CUevent event = NewEvent(CU_EVENT_DISABLE_TIMING);
  ASSERT_OK(StreamBeginCapture, stream_, kRelaxed);
  EXPECT_OK(MemsetD32Async, linear_, 1, 1, stream_);
  EXPECT_OK(EventRecord, event, stream_);
  EXPECT_REFUSED(CAPTURED_EVENT, EventSynchronize, event);
  Discard(stream_);
  EXPECT_EQ(Status(stream_), CU_STREAM_CAPTURE_STATUS_NONE);
}

// A stream that waits for a captured event joins the capture.
TEST_F(CaptureConformance, AnotherStreamJoins) {
  const CUstream other = NewStream();
  const CUevent fork = NewEvent(CU_EVENT_DISABLE_TIMING);
  const CUevent join = NewEvent(CU_EVENT_DISABLE_TIMING);
  ASSERT_OK(StreamBeginCapture, stream_, kThreadLocal);
  EXPECT_OK(MemsetD32Async, linear_, 1, 1, stream_);
  EXPECT_OK(EventRecord, fork, stream_);
  EXPECT_OK(StreamWaitEvent, other, fork, 0);
  EXPECT_EQ(Status(other), CU_STREAM_CAPTURE_STATUS_ACTIVE);
  EXPECT_OK(MemsetD32Async, linear_ + 4, 2, 1, other);
  EXPECT_OK(EventRecord, join, other);
  EXPECT_OK(StreamWaitEvent, stream_, join, 0);
  EndsWith(2);
  EXPECT_EQ(Status(other), CU_STREAM_CAPTURE_STATUS_NONE);
}

TEST_F(CaptureConformance, AStreamThatDoesNotComeBackSpoilsIt) {
  const CUstream other = NewStream();
  const CUevent fork = NewEvent(CU_EVENT_DISABLE_TIMING);
  ASSERT_OK(StreamBeginCapture, stream_, kThreadLocal);
  EXPECT_OK(MemsetD32Async, linear_, 1, 1, stream_);
  EXPECT_OK(EventRecord, fork, stream_);
  EXPECT_OK(StreamWaitEvent, other, fork, 0);
  EXPECT_OK(MemsetD32Async, linear_ + 4, 2, 1, other);
  CUgraph graph = nullptr;
  EXPECT_REFUSED(STREAM_CAPTURE_UNJOINED, StreamEndCapture, stream_, &graph);
  EXPECT_EQ(graph, nullptr);
}

// Measured: what another thread tries to end is over, without a graph.
TEST_F(CaptureConformance, EndsOnItsOwnThread) {
  ASSERT_OK(StreamBeginCapture, stream_, kThreadLocal);
  std::thread([this] {
    EXPECT_OK(CtxSetCurrent, device().context());
    CUgraph graph = nullptr;
    EXPECT_REFUSED(STREAM_CAPTURE_WRONG_THREAD, StreamEndCapture, stream_,
                   &graph);
    EXPECT_OK(CtxSetCurrent, nullptr);
  }).join();
  CUgraph graph = nullptr;
  EXPECT_REFUSED(ILLEGAL_STATE, StreamEndCapture, stream_, &graph);
}

TEST_F(CaptureConformance, ARelaxedOneEndsOnAnyThread) {
  ASSERT_OK(StreamBeginCapture, stream_, kRelaxed);
  std::thread([this] {
    EXPECT_OK(CtxSetCurrent, device().context());
    EndsWith(0);
    EXPECT_OK(CtxSetCurrent, nullptr);
  }).join();
}

// The legacy stream would wait for a blocking one, and that cannot be written
// down.
TEST_F(CaptureConformance, TheLegacyStreamCannotWaitForACapture) {
  const CUstream blocking = NewStream(CU_STREAM_DEFAULT);
  ASSERT_OK(StreamBeginCapture, blocking, kRelaxed);
  CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
  EXPECT_REFUSED(STREAM_CAPTURE_IMPLICIT, StreamIsCapturing, CU_STREAM_LEGACY,
                 &status);
  Discard(blocking);
}

// What might wait is not allowed to a thread that captures, but in the relaxed
// mode.
TEST_F(CaptureConformance, UnsafeCallsAreRefusedUnlessRelaxed) {
  CUdeviceptr address = 0;
  ASSERT_OK(StreamBeginCapture, stream_, kThreadLocal);
  EXPECT_REFUSED(STREAM_CAPTURE_UNSUPPORTED, MemAlloc, &address, 4096);
  EndsInvalidated();
  ASSERT_OK(StreamBeginCapture, stream_, kRelaxed);
  EXPECT_OK(MemAlloc, &address, 4096);
  EndsWith(0);
  EXPECT_OK(MemFree, address);
}

// How a library allocates in the midst of its caller's capture.
TEST_F(CaptureConformance, AThreadMayRelaxForAWhile) {
  CUdeviceptr address = 0;
  ASSERT_OK(StreamBeginCapture, stream_, kThreadLocal);
  CUstreamCaptureMode mode = kRelaxed;
  EXPECT_OK(ThreadExchangeStreamCaptureMode, &mode);
  EXPECT_EQ(mode, CU_STREAM_CAPTURE_MODE_GLOBAL);
  EXPECT_OK(MemAlloc, &address, 4096);
  EXPECT_OK(ThreadExchangeStreamCaptureMode, &mode);
  EXPECT_EQ(mode, kRelaxed);
  EndsWith(0);
  EXPECT_OK(MemFree, address);
}

// Measured, all of these.
TEST_F(CaptureConformance, EventsOfACaptureThatIsOverAreOfNoUse) {
  const CUevent event = NewEvent();
  const CUstream other = NewStream();
  ASSERT_OK(StreamBeginCapture, stream_, kGlobal);
  EXPECT_OK(EventRecord, event, stream_);
  EndsWith(0);
  EXPECT_REFUSED(INVALID_VALUE, StreamWaitEvent, other, event, 0);
  EXPECT_REFUSED(INVALID_VALUE, EventQuery, event);
  EXPECT_EQ(Status(other), CU_STREAM_CAPTURE_STATUS_NONE);
}

TEST_F(CaptureConformance, AskingForAnyEventSpoilsIt) {
  const CUevent event = NewEvent();
  EXPECT_OK(EventRecord, event, NewStream());
  for (const CUstreamCaptureMode mode : {kGlobal, kThreadLocal}) {
    ASSERT_OK(StreamBeginCapture, stream_, mode);
    EXPECT_REFUSED(STREAM_CAPTURE_UNSUPPORTED, EventQuery, event);
    EXPECT_EQ(Status(stream_), CU_STREAM_CAPTURE_STATUS_INVALIDATED);
    Discard(stream_);
    ASSERT_OK(StreamBeginCapture, stream_, mode);
    EXPECT_REFUSED(STREAM_CAPTURE_UNSUPPORTED, EventSynchronize, event);
    Discard(stream_);
  }
}

TEST_F(CaptureConformance, EndsWithItsStream) {
  CUstream stream = nullptr;
  CUdeviceptr address = 0;
  ASSERT_OK(StreamCreate, &stream, CU_STREAM_NON_BLOCKING);
  ASSERT_OK(StreamBeginCapture, stream, kGlobal);
  EXPECT_OK(StreamDestroy, stream);
  EXPECT_OK(MemAlloc, &address, 4096);
  EXPECT_OK(MemFree, address);
}

// Hardware takes a mode that is none, and crashes without one.
TEST_F(CaptureConformance, ExchangeRefusesMisuse) {
  HOST_DRIVER_ONLY();
  auto mode = static_cast<CUstreamCaptureMode>(9);
  EXPECT_REFUSED(INVALID_VALUE, ThreadExchangeStreamCaptureMode, &mode);
  EXPECT_REFUSED(INVALID_VALUE, ThreadExchangeStreamCaptureMode, nullptr);
}

// Mapping memory is always allowed to a thread that captures.
TEST_F(CaptureConformance, VirtualMemoryManagementIsSafe) {
  const CUdeviceptr base = Reserve(block());
  ASSERT_OK(StreamBeginCapture, stream_, kRelaxed);
  Commit(base, block());
  EXPECT_OK(MemsetD32Async, base, 42, 1, stream_);
  EndsWith(1);
}

TEST_F(CaptureConformance, StaleStreamsAreRefused) {
  HOST_DRIVER_ONLY();
  CUstream stale = nullptr;
  ASSERT_OK(StreamCreate, &stale, 0);
  ASSERT_OK(StreamDestroy, stale);
  CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
  CUgraph graph = nullptr;
  EXPECT_REFUSED(INVALID_HANDLE, StreamBeginCapture, stale, kRelaxed);
  EXPECT_REFUSED(INVALID_HANDLE, StreamIsCapturing, stale, &status);
  EXPECT_REFUSED(INVALID_HANDLE, StreamEndCapture, stale, &graph);
}

}  // namespace
}  // namespace governor
