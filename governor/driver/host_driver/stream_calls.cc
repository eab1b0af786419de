#include "governor/driver/host_driver/stream_calls.h"

namespace governor {

CUresult StreamCalls::StreamCreate(CUstream* stream, unsigned int flags) {
  if (stream == nullptr || (flags & ~CU_STREAM_NON_BLOCKING) != 0) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  int device = 0;
  if (CUresult result = state_.contexts.CurrentDevice(&device)) return result;
  *stream = state_.streams.CreateStream(device);
  return CUDA_SUCCESS;
}

CUresult StreamCalls::StreamDestroy(CUstream stream) {
  return state_.streams.DestroyStream(stream);
}

CUresult StreamCalls::StreamSynchronize(CUstream stream) {
  return CheckStream(state_, stream);
}

CUresult StreamCalls::StreamQuery(CUstream stream) {
  return CheckStream(state_, stream);
}

CUresult StreamCalls::StreamWaitEvent(CUstream stream, CUevent event,
                                      unsigned int flags) {
  if ((flags & ~CU_EVENT_WAIT_EXTERNAL) != 0) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = CheckStream(state_, stream)) return result;
  if (CUresult result = state_.streams.CheckEvent(event)) return result;
  // An external wait is a node of a graph: only a capturing stream takes it.
  return flags == CU_EVENT_WAIT_EXTERNAL ? CUDA_ERROR_ILLEGAL_STATE
                                         : CUDA_SUCCESS;
}

CUresult StreamCalls::EventCreate(CUevent* event, unsigned int flags) {
  constexpr unsigned int kKnownFlags =
      CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING | CU_EVENT_INTERPROCESS;
  // An event for other processes cannot keep time.
  const bool timed_interprocess =
      (flags & CU_EVENT_INTERPROCESS) && !(flags & CU_EVENT_DISABLE_TIMING);
  if (event == nullptr || (flags & ~kKnownFlags) != 0 || timed_interprocess) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  int device = 0;
  if (CUresult result = state_.contexts.CurrentDevice(&device)) return result;
  *event = state_.streams.CreateEvent(device);
  return CUDA_SUCCESS;
}

CUresult StreamCalls::EventDestroy(CUevent event) {
  return state_.streams.DestroyEvent(event);
}

CUresult StreamCalls::EventRecord(CUevent event, CUstream stream) {
  int device = 0;
  if (Streams::IsDefault(stream)) {
    if (CUresult result = state_.contexts.CurrentDevice(&device)) return result;
  }
  return state_.streams.Record(event, stream, device);
}

CUresult StreamCalls::EventQuery(CUevent event) {
  return state_.streams.CheckEvent(event);
}

CUresult StreamCalls::EventSynchronize(CUevent event) {
  return state_.streams.CheckEvent(event);
}

}  // namespace governor
