#ifndef GOVERNOR_DRIVER_HOST_DRIVER_STREAM_CALLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_STREAM_CALLS_H_

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_state.h"

namespace governor {

// Entry points: streams and events.
class StreamCalls {
 public:
  explicit StreamCalls(HostState& state) : state_(state) {}

  CUresult StreamCreate(CUstream* stream, unsigned int flags);
  CUresult StreamDestroy(CUstream stream);
  CUresult StreamSynchronize(CUstream stream);
  CUresult StreamQuery(CUstream stream);
  CUresult StreamWaitEvent(CUstream stream, CUevent event, unsigned int flags);
  CUresult EventCreate(CUevent* event, unsigned int flags);
  CUresult EventDestroy(CUevent event);
  CUresult EventRecord(CUevent event, CUstream stream);
  CUresult EventQuery(CUevent event);
  CUresult EventSynchronize(CUevent event);
  CUresult StreamCreateWithPriority(CUstream* stream, unsigned int flags,
                                    int priority);
  CUresult StreamGetPriority(CUstream stream, int* priority);
  CUresult StreamGetFlags(CUstream stream, unsigned int* flags);
  CUresult StreamGetCtx(CUstream stream, CUcontext* context);
  CUresult LaunchHostFunc(CUstream stream, CUhostFn function, void* data);
  CUresult EventRecordWithFlags(CUevent event, CUstream stream,
                                unsigned int flags);
  CUresult EventElapsedTime(float* milliseconds, CUevent start, CUevent end);

 private:
  HostState& state_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_STREAM_CALLS_H_
