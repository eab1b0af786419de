#include "governor/driver/host_driver/capture_calls.h"

namespace governor {
namespace {

bool IsMode(CUstreamCaptureMode mode) {
  return mode == CU_STREAM_CAPTURE_MODE_GLOBAL ||
         mode == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL ||
         mode == CU_STREAM_CAPTURE_MODE_RELAXED;
}

}  // namespace

CUresult CaptureCalls::StreamBeginCapture(CUstream stream,
                                          CUstreamCaptureMode mode) {
  if (!IsMode(mode)) return CUDA_ERROR_INVALID_VALUE;
  return state_.streams.BeginCapture(stream, mode);
}

CUresult CaptureCalls::StreamEndCapture(CUstream stream, CUgraph* graph) {
  if (graph == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return state_.streams.EndCapture(stream, graph);
}

CUresult CaptureCalls::StreamIsCapturing(CUstream stream,
                                         CUstreamCaptureStatus* status) {
  if (status == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return state_.streams.CaptureStatus(stream, status);
}

CUresult CaptureCalls::ThreadExchangeStreamCaptureMode(
    CUstreamCaptureMode* mode) {
  if (mode == nullptr || !IsMode(*mode)) return CUDA_ERROR_INVALID_VALUE;
  *mode = state_.streams.ExchangeCaptureMode(*mode);
  return CUDA_SUCCESS;
}

}  // namespace governor
