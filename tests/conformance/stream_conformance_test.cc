// Streams, and host functions in them.

#include <vector>

#include "tests/conformance/conformance_fixture.h"

namespace governor {
namespace {

class StreamConformance : public ConformanceTest {
 protected:
  // A host function that notes its turn.
  struct Note {
    std::vector<int>* order;
    int number;
  };
  static void Write(void* data) {
    const Note& note = *static_cast<Note*>(data);
    note.order->push_back(note.number);
  }
};

TEST_F(StreamConformance, CreatesAndDestroys) {
  CUstream a = nullptr, b = nullptr;
  ASSERT_OK(StreamCreate, &a, CU_STREAM_DEFAULT);
  ASSERT_OK(StreamCreate, &b, CU_STREAM_NON_BLOCKING);
  EXPECT_NE(a, b);
  EXPECT_OK(StreamQuery, a);
  EXPECT_OK(StreamSynchronize, b);
  EXPECT_OK(StreamDestroy, a);
  EXPECT_OK(StreamDestroy, b);
}

TEST_F(StreamConformance, CreateRefusesMisuse) {
  CUstream stream = nullptr;
  EXPECT_REFUSED(INVALID_VALUE, StreamCreate, nullptr, 0);
  EXPECT_REFUSED(INVALID_VALUE, StreamCreate, &stream, 2);
  EXPECT_REFUSED(INVALID_VALUE, StreamCreateWithPriority, nullptr, 0, 0);
  EXPECT_REFUSED(INVALID_VALUE, StreamCreateWithPriority, &stream, 2, 0);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, StreamCreate, &stream, 0);
  EXPECT_REFUSED(INVALID_CONTEXT, StreamCreateWithPriority, &stream, 0, 0);
}

TEST_F(StreamConformance, DefaultStreamsAreNotDestroyed) {
  EXPECT_REFUSED(INVALID_HANDLE, StreamDestroy, nullptr);
  EXPECT_REFUSED(INVALID_HANDLE, StreamDestroy, CU_STREAM_LEGACY);
  EXPECT_REFUSED(INVALID_HANDLE, StreamDestroy, CU_STREAM_PER_THREAD);
}

TEST_F(StreamConformance, StaleStreamsAreRefused) {
  HOST_DRIVER_ONLY();
  CUstream stale = nullptr;
  ASSERT_OK(StreamCreate, &stale, 0);
  ASSERT_OK(StreamDestroy, stale);
  const CUevent event = NewEvent();
  int value = 0;
  unsigned int flags = 0;
  CUcontext context = nullptr;
  EXPECT_REFUSED(INVALID_HANDLE, StreamDestroy, stale);
  EXPECT_REFUSED(INVALID_HANDLE, StreamQuery, stale);
  EXPECT_REFUSED(INVALID_HANDLE, StreamSynchronize, stale);
  EXPECT_REFUSED(INVALID_HANDLE, StreamWaitEvent, stale, event, 0);
  EXPECT_REFUSED(INVALID_HANDLE, StreamGetPriority, stale, &value);
  EXPECT_REFUSED(INVALID_HANDLE, StreamGetFlags, stale, &flags);
  EXPECT_REFUSED(INVALID_HANDLE, StreamGetCtx, stale, &context);
  EXPECT_REFUSED(INVALID_HANDLE, LaunchHostFunc, stale, Write, nullptr);
  EXPECT_REFUSED(INVALID_HANDLE, EventRecord, event, stale);
}

TEST_F(StreamConformance, KnowsTheDefaultStreams) {
  const CUevent event = NewEvent();
  for (const CUstream stream :
       {CUstream{nullptr}, CU_STREAM_LEGACY, CU_STREAM_PER_THREAD}) {
    EXPECT_OK(StreamQuery, stream);
    EXPECT_OK(StreamSynchronize, stream);
    EXPECT_OK(EventRecord, event, stream);
    EXPECT_OK(StreamWaitEvent, stream, event, 0);
  }
}

TEST_F(StreamConformance, DefaultStreamsNeedAContext) {
  const CUevent event = NewEvent();
  const NoContext none;
  int value = 0;
  unsigned int flags = 0;
  CUcontext context = nullptr;
  EXPECT_REFUSED(INVALID_CONTEXT, StreamQuery, nullptr);
  EXPECT_REFUSED(INVALID_CONTEXT, StreamSynchronize, nullptr);
  EXPECT_REFUSED(INVALID_CONTEXT, StreamWaitEvent, nullptr, event, 0);
  EXPECT_REFUSED(INVALID_CONTEXT, StreamGetPriority, nullptr, &value);
  EXPECT_REFUSED(INVALID_CONTEXT, StreamGetFlags, nullptr, &flags);
  EXPECT_REFUSED(INVALID_CONTEXT, StreamGetCtx, nullptr, &context);
  EXPECT_REFUSED(INVALID_CONTEXT, LaunchHostFunc, nullptr, Write, nullptr);
}

TEST_F(StreamConformance, TellsPriorities) {
  int least = 0, greatest = 0, got = 77;
  ASSERT_OK(CtxGetStreamPriorityRange, &least, &greatest);
  for (const int wanted : {least, greatest}) {
    CUstream stream = nullptr;
    ASSERT_OK(StreamCreateWithPriority, &stream, CU_STREAM_NON_BLOCKING,
              wanted);
    EXPECT_OK(StreamGetPriority, stream, &got);
    EXPECT_EQ(got, wanted);
    EXPECT_OK(StreamDestroy, stream);
  }
  // Beyond the range is its end.
  CUstream stream = nullptr;
  ASSERT_OK(StreamCreateWithPriority, &stream, 0, greatest - 5);
  EXPECT_OK(StreamGetPriority, stream, &got);
  EXPECT_EQ(got, greatest);
  EXPECT_OK(StreamDestroy, stream);
}

TEST_F(StreamConformance, TellsFlags) {
  unsigned int got = 77;
  for (const unsigned wanted :
       {unsigned{CU_STREAM_DEFAULT}, unsigned{CU_STREAM_NON_BLOCKING}}) {
    EXPECT_OK(StreamGetFlags, NewStream(wanted), &got);
    EXPECT_EQ(got, wanted);
  }
}

TEST_F(StreamConformance, TellsItsContext) {
  CUcontext got = nullptr;
  EXPECT_OK(StreamGetCtx, NewStream(), &got);
  EXPECT_EQ(got, device().context());
  EXPECT_OK(StreamGetCtx, nullptr, &got);
  EXPECT_EQ(got, device().context());
}

TEST_F(StreamConformance, QuestionsRefuseMisuse) {
  const CUstream stream = NewStream();
  EXPECT_REFUSED(INVALID_VALUE, StreamGetPriority, stream, nullptr);
  EXPECT_REFUSED(INVALID_VALUE, StreamGetFlags, stream, nullptr);
  EXPECT_REFUSED(INVALID_VALUE, StreamGetCtx, stream, nullptr);
}

TEST_F(StreamConformance, RunsHostFunctionsInOrder) {
  const CUstream stream = NewStream();
  std::vector<int> order;
  std::vector<Note> notes;
  for (int i = 0; i < 10; ++i) notes.push_back({&order, i});
  for (Note& note : notes) {
    EXPECT_OK(LaunchHostFunc, stream, Write, &note);
  }
  EXPECT_OK(StreamSynchronize, stream);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST_F(StreamConformance, LaunchRefusesMisuse) {
  EXPECT_REFUSED(INVALID_VALUE, LaunchHostFunc, NewStream(), nullptr, nullptr);
}

// What is held back is not done, and what comes after it neither.
TEST_F(StreamConformance, KeepsOrder) {
  const CUdeviceptr linear = NewLinear(4);
  EXPECT_OK(MemsetD32, linear, 0, 1);
  EXPECT_OK(CtxSynchronize);
  const CUstream stream = NewStream(), other = NewStream();
  {
    Gate gate(stream);
    EXPECT_REFUSED(NOT_READY, StreamQuery, stream);
    EXPECT_OK(MemsetD32Async, linear, 42, 1, stream);
    EXPECT_OK(StreamQuery, other);
    uint32_t value = 77;
    EXPECT_OK(MemcpyDtoHAsync, &value, linear, 4, other);
    EXPECT_OK(StreamSynchronize, other);
    EXPECT_EQ(value, 0u);
  }
  EXPECT_EQ(Read(linear), 42u);
  EXPECT_OK(StreamQuery, stream);
}

TEST_F(StreamConformance, WaitsForAnEventOfAnother) {
  const CUdeviceptr linear = NewLinear(4);
  EXPECT_OK(MemsetD32, linear, 0, 1);
  EXPECT_OK(CtxSynchronize);
  const CUstream first = NewStream(), second = NewStream();
  const CUevent event = NewEvent(CU_EVENT_DISABLE_TIMING);
  uint32_t value = 77;
  {
    Gate gate(first);
    EXPECT_OK(MemsetD32Async, linear, 42, 1, first);
    EXPECT_OK(EventRecord, event, first);
    EXPECT_OK(StreamWaitEvent, second, event, 0);
    EXPECT_REFUSED(NOT_READY, StreamQuery, second);
    EXPECT_OK(MemsetD32Async, linear, 43, 1, second);
    gate.Open();
    EXPECT_OK(StreamSynchronize, second);
  }
  EXPECT_OK(MemcpyDtoH, &value, linear, 4);
  EXPECT_EQ(value, 43u);
}

TEST_F(StreamConformance, WaitRefusesMisuse) {
  const CUstream stream = NewStream();
  const CUevent event = NewEvent();
  EXPECT_REFUSED(INVALID_VALUE, StreamWaitEvent, stream, event, 2);
  EXPECT_REFUSED(INVALID_HANDLE, StreamWaitEvent, stream, nullptr, 0);
}

// As measured: an external wait is for streams that are captured.
TEST_F(StreamConformance, ExternalWaitsAreForCaptures) {
  EXPECT_REFUSED(ILLEGAL_STATE, StreamWaitEvent, NewStream(), NewEvent(),
                 CU_EVENT_WAIT_EXTERNAL);
}

// The legacy stream waits for those that are not made otherwise.
TEST_F(StreamConformance, TheLegacyStreamWaitsForBlockingOnes) {
  const CUstream blocking = NewStream(CU_STREAM_DEFAULT);
  const CUstream free = NewStream(CU_STREAM_NON_BLOCKING);
  const CUdeviceptr linear = NewLinear(4);
  EXPECT_OK(MemsetD32, linear, 0, 1);
  EXPECT_OK(CtxSynchronize);
  {
    Gate gate(blocking);
    EXPECT_OK(MemsetD32Async, linear, 42, 1, CU_STREAM_LEGACY);
    EXPECT_REFUSED(NOT_READY, StreamQuery, CU_STREAM_LEGACY);
    EXPECT_OK(StreamQuery, free);
  }
  EXPECT_OK(StreamSynchronize, CU_STREAM_LEGACY);
  EXPECT_EQ(Read(linear), 42u);
}

// Destroyed with work to do, a stream does it first.
TEST_F(StreamConformance, DestroyDoesTheWork) {
  const CUdeviceptr linear = NewLinear(4);
  CUstream stream = nullptr;
  ASSERT_OK(StreamCreate, &stream, CU_STREAM_NON_BLOCKING);
  EXPECT_OK(MemsetD32Async, linear, 42, 1, stream);
  EXPECT_OK(StreamDestroy, stream);
  EXPECT_OK(CtxSynchronize);
  EXPECT_EQ(Read(linear), 42u);
}

}  // namespace
}  // namespace governor
