#include "governor/driver/host_driver/stream_calls.h"

#include <algorithm>

namespace governor {
namespace {

constexpr int kLeastPriority = 0;
constexpr int kGreatestPriority = -5;  // measured on an H200

}  // namespace

CUresult StreamCalls::StreamCreate(CUstream* stream, unsigned int flags) {
  return StreamCreateWithPriority(stream, flags, kLeastPriority);
}

CUresult StreamCalls::StreamDestroy(CUstream stream) {
  return state_.streams.DestroyStream(stream);
}

CUresult StreamCalls::StreamSynchronize(CUstream stream) {
  if (CUresult result = state_.streams.Synchronize(stream)) return result;
  state_.pools.ReleaseUnused();
  return CUDA_SUCCESS;
}

CUresult StreamCalls::StreamQuery(CUstream stream) {
  return state_.streams.Query(stream);
}

CUresult StreamCalls::StreamWaitEvent(CUstream stream, CUevent event,
                                      unsigned int flags) {
  if ((flags & ~CU_EVENT_WAIT_EXTERNAL) != 0) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = state_.streams.CheckStream(stream)) return result;
  if (CUresult result = state_.streams.CheckEvent(event)) return result;
  // An external wait is a node of a graph: only a capturing stream takes it,
  // and here none does.
  if (flags == CU_EVENT_WAIT_EXTERNAL) return CUDA_ERROR_ILLEGAL_STATE;
  return state_.streams.WaitEvent(stream, event);
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
  ContextId context = 0;
  if (CUresult result = state_.contexts.Current(&context)) return result;
  *event = state_.streams.CreateEvent(context, flags);
  return CUDA_SUCCESS;
}

CUresult StreamCalls::EventDestroy(CUevent event) {
  return state_.streams.DestroyEvent(event);
}

CUresult StreamCalls::EventRecord(CUevent event, CUstream stream) {
  return state_.streams.Record(event, stream);
}

CUresult StreamCalls::EventQuery(CUevent event) {
  return state_.streams.QueryEvent(event);
}

CUresult StreamCalls::EventSynchronize(CUevent event) {
  if (CUresult result = state_.streams.SynchronizeEvent(event)) return result;
  state_.pools.ReleaseUnused();
  return CUDA_SUCCESS;
}

CUresult StreamCalls::StreamCreateWithPriority(CUstream* stream,
                                               unsigned int flags,
                                               int priority) {
  if (stream == nullptr || (flags & ~CU_STREAM_NON_BLOCKING) != 0) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  ContextId context = 0;
  if (CUresult result = state_.contexts.Current(&context)) return result;
  // Measured: a priority outside is the nearest one inside. Documented: there
  // is one alone where the device knows no priorities.
  const int greatest =
      state_.personality.Has(CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED)
          ? kGreatestPriority
          : kLeastPriority;
  *stream = state_.streams.CreateStream(
      context, flags, std::clamp(priority, greatest, kLeastPriority));
  return CUDA_SUCCESS;
}

CUresult StreamCalls::StreamGetPriority(CUstream stream, int* priority) {
  if (priority == nullptr) return CUDA_ERROR_INVALID_VALUE;
  Streams::Properties properties;
  if (CUresult result = state_.streams.Describe(stream, &properties)) {
    return result;
  }
  *priority = properties.priority;
  return CUDA_SUCCESS;
}

CUresult StreamCalls::StreamGetFlags(CUstream stream, unsigned int* flags) {
  if (flags == nullptr) return CUDA_ERROR_INVALID_VALUE;
  Streams::Properties properties;
  if (CUresult result = state_.streams.Describe(stream, &properties)) {
    return result;
  }
  *flags = properties.flags;
  return CUDA_SUCCESS;
}

CUresult StreamCalls::StreamGetCtx(CUstream stream, CUcontext* context) {
  if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
  Streams::Properties properties;
  if (CUresult result = state_.streams.Describe(stream, &properties)) {
    return result;
  }
  *context = state_.contexts.ContextOf(properties.context);
  return CUDA_SUCCESS;
}

CUresult StreamCalls::LaunchHostFunc(CUstream stream, CUhostFn function,
                                     void* data) {
  if (function == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return state_.streams.EnqueueHostFunction(stream, [function, data] {
    function(data);
    return CUDA_SUCCESS;
  });
}

CUresult StreamCalls::EventRecordWithFlags(CUevent event, CUstream stream,
                                           unsigned int flags) {
  if ((flags & ~CU_EVENT_RECORD_EXTERNAL) != 0) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = state_.streams.CheckStream(stream)) return result;
  if (CUresult result = state_.streams.CheckEvent(event)) return result;
  if (flags == CU_EVENT_RECORD_EXTERNAL) return CUDA_ERROR_ILLEGAL_STATE;
  return state_.streams.Record(event, stream);
}

CUresult StreamCalls::EventElapsedTime(float* milliseconds, CUevent start,
                                       CUevent end) {
  // Measured: not INVALID_VALUE.
  if (milliseconds == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  return state_.streams.Elapsed(start, end, milliseconds);
}

}  // namespace governor
