// Events.

#include "tests/conformance/conformance_fixture.h"

namespace governor {
namespace {

class EventConformance : public ConformanceTest {};

TEST_F(EventConformance, CreatesAndDestroys) {
  for (const unsigned flags :
       {unsigned{CU_EVENT_DEFAULT}, unsigned{CU_EVENT_BLOCKING_SYNC},
        unsigned{CU_EVENT_DISABLE_TIMING},
        unsigned{CU_EVENT_INTERPROCESS | CU_EVENT_DISABLE_TIMING}}) {
    CUevent event = nullptr;
    ASSERT_OK(EventCreate, &event, flags);
    EXPECT_OK(EventDestroy, event);
  }
}

TEST_F(EventConformance, CreateRefusesMisuse) {
  CUevent event = nullptr;
  EXPECT_REFUSED(INVALID_VALUE, EventCreate, nullptr, 0);
  EXPECT_REFUSED(INVALID_VALUE, EventCreate, &event, 8);
  // An event for other processes cannot keep time.
  EXPECT_REFUSED(INVALID_VALUE, EventCreate, &event, CU_EVENT_INTERPROCESS);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, EventCreate, &event, 0);
}

TEST_F(EventConformance, NeverRecordedIsComplete) {
  const CUevent event = NewEvent();
  EXPECT_OK(EventQuery, event);
  EXPECT_OK(EventSynchronize, event);
  EXPECT_OK(StreamWaitEvent, NewStream(), event, 0);
}

TEST_F(EventConformance, CompletesAfterTheWork) {
  const CUstream stream = NewStream();
  const CUevent event = NewEvent();
  {
    Gate gate(stream);
    EXPECT_OK(EventRecord, event, stream);
    EXPECT_REFUSED(NOT_READY, EventQuery, event);
  }
  EXPECT_OK(EventSynchronize, event);
  EXPECT_OK(EventQuery, event);
}

TEST_F(EventConformance, NullIsRefused) {
  const CUstream stream = NewStream();
  float milliseconds = 0;
  const CUevent event = NewEvent();
  EXPECT_REFUSED(INVALID_HANDLE, EventQuery, nullptr);
  EXPECT_REFUSED(INVALID_HANDLE, EventSynchronize, nullptr);
  EXPECT_REFUSED(INVALID_HANDLE, EventDestroy, nullptr);
  EXPECT_REFUSED(INVALID_HANDLE, EventRecord, nullptr, stream);
  EXPECT_REFUSED(INVALID_HANDLE, EventRecordWithFlags, nullptr, stream, 0);
  EXPECT_REFUSED(INVALID_HANDLE, EventElapsedTime, &milliseconds, nullptr,
                 event);
}

TEST_F(EventConformance, StaleEventsAreRefused) {
  HOST_DRIVER_ONLY();
  CUevent stale = nullptr;
  ASSERT_OK(EventCreate, &stale, 0);
  ASSERT_OK(EventDestroy, stale);
  const CUstream stream = NewStream();
  EXPECT_REFUSED(INVALID_HANDLE, EventQuery, stale);
  EXPECT_REFUSED(INVALID_HANDLE, EventSynchronize, stale);
  EXPECT_REFUSED(INVALID_HANDLE, EventDestroy, stale);
  EXPECT_REFUSED(INVALID_HANDLE, EventRecord, stale, stream);
  EXPECT_REFUSED(INVALID_HANDLE, StreamWaitEvent, stream, stale, 0);
}

TEST_F(EventConformance, RecordNeedsAContextForTheDefaultStream) {
  const CUevent event = NewEvent();
  const CUstream stream = NewStream();
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, EventRecord, event, nullptr);
  EXPECT_REFUSED(INVALID_CONTEXT, EventRecordWithFlags, event, nullptr, 0);
  EXPECT_OK(EventRecord, event, stream);
  EXPECT_OK(EventSynchronize, event);
}

TEST_F(EventConformance, RecordsWithFlags) {
  const CUstream stream = NewStream();
  const CUevent event = NewEvent();
  EXPECT_OK(EventRecordWithFlags, event, stream, CU_EVENT_RECORD_DEFAULT);
  EXPECT_OK(EventSynchronize, event);
  EXPECT_REFUSED(INVALID_VALUE, EventRecordWithFlags, event, stream, 2);
}

TEST_F(EventConformance, KeepsTime) {
  const CUstream stream = NewStream();
  const CUevent start = NewEvent(), end = NewEvent();
  EXPECT_OK(EventRecord, start, stream);
  EXPECT_OK(EventRecord, end, stream);
  EXPECT_OK(EventSynchronize, end);
  float milliseconds = -1;
  EXPECT_OK(EventElapsedTime, &milliseconds, start, end);
  EXPECT_GE(milliseconds, 0.0f);
  EXPECT_LT(milliseconds, 10000.0f);
}

TEST_F(EventConformance, TimeWantsTwoRecordedEvents) {
  const CUstream stream = NewStream();
  const CUevent start = NewEvent(), never = NewEvent();
  EXPECT_OK(EventRecord, start, stream);
  EXPECT_OK(EventSynchronize, start);
  float milliseconds = -1;
  EXPECT_REFUSED(INVALID_HANDLE, EventElapsedTime, &milliseconds, start, never);
}

TEST_F(EventConformance, TimeWantsEventsThatKeepIt) {
  const CUstream stream = NewStream();
  const CUevent start = NewEvent(CU_EVENT_DISABLE_TIMING), end = NewEvent();
  EXPECT_OK(EventRecord, start, stream);
  EXPECT_OK(EventRecord, end, stream);
  EXPECT_OK(EventSynchronize, end);
  float milliseconds = -1;
  EXPECT_REFUSED(INVALID_HANDLE, EventElapsedTime, &milliseconds, start, end);
}

TEST_F(EventConformance, TimeComesWhenBothAreComplete) {
  const CUstream stream = NewStream();
  const CUevent start = NewEvent(), end = NewEvent();
  EXPECT_OK(EventRecord, start, stream);
  float milliseconds = -1;
  {
    Gate gate(stream);
    EXPECT_OK(EventRecord, end, stream);
    EXPECT_REFUSED(NOT_READY, EventElapsedTime, &milliseconds, start, end);
  }
  EXPECT_OK(EventElapsedTime, &milliseconds, start, end);
}

TEST_F(EventConformance, TimeRefusesNull) {
  const CUstream stream = NewStream();
  const CUevent start = NewEvent(), end = NewEvent();
  EXPECT_OK(EventRecord, start, stream);
  EXPECT_OK(EventRecord, end, stream);
  EXPECT_OK(EventSynchronize, end);
  // As measured, and not INVALID_VALUE.
  EXPECT_REFUSED(INVALID_HANDLE, EventElapsedTime, nullptr, start, end);
}

// The last record is the one that counts.
TEST_F(EventConformance, RecordsAgain) {
  const CUstream stream = NewStream();
  const CUevent event = NewEvent();
  EXPECT_OK(EventRecord, event, stream);
  EXPECT_OK(EventSynchronize, event);
  {
    Gate gate(stream);
    EXPECT_OK(EventRecord, event, stream);
    EXPECT_REFUSED(NOT_READY, EventQuery, event);
  }
  EXPECT_OK(EventSynchronize, event);
}

}  // namespace
}  // namespace governor
