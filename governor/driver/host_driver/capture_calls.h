#ifndef GOVERNOR_DRIVER_HOST_DRIVER_CAPTURE_CALLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_CAPTURE_CALLS_H_

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_state.h"

namespace governor {

// Entry points: stream capture.
class CaptureCalls {
 public:
  explicit CaptureCalls(HostState& state) : state_(state) {}

  CUresult StreamBeginCapture(CUstream stream, CUstreamCaptureMode mode);
  CUresult StreamEndCapture(CUstream stream, CUgraph* graph);
  CUresult StreamIsCapturing(CUstream stream,
                             CUstreamCaptureStatus* captureStatus);
  CUresult ThreadExchangeStreamCaptureMode(CUstreamCaptureMode* mode);

 private:
  HostState& state_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_CAPTURE_CALLS_H_
