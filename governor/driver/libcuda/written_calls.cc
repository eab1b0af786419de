// The functions of written_symbols.h: older ABIs whose arguments have changed
// since, and what is easily said by other calls. cuGetProcAddress's older ABI
// is in proc_address.cc.

#include <algorithm>
#include <limits>
#include <memory>

#include "governor/driver/libcuda/forward.h"

namespace governor {
namespace {

#define GOVERNOR_CALL(field) Forward<&DriverApi::field>::Call

// Calls `call` with `context` current; null is the current one already.
template <typename Call>
CUresult OnContext(CUcontext context, const Call& call) {
  if (context == nullptr) return call();
  if (CUresult result = GOVERNOR_CALL(CtxPushCurrent)(context)) return result;
  const CUresult result = call();
  CUcontext popped = nullptr;
  GOVERNOR_CALL(CtxPopCurrent)(&popped);
  return result;
}

// What a device's number meant before there were locations.
CUmemLocation LocationOf(CUdevice device) {
  CUmemLocation location = {};
  location.type = device == CU_DEVICE_CPU ? CU_MEM_LOCATION_TYPE_HOST
                                          : CU_MEM_LOCATION_TYPE_DEVICE;
  location.id = device == CU_DEVICE_CPU ? 0 : device;
  return location;
}

CUresult GetStreamDevice(CUstream stream, CUdevice* device) {
  CUcontext context = nullptr;
  if (CUresult result = GOVERNOR_CALL(StreamGetCtx)(stream, &context)) {
    return result;
  }
  return OnContext(context,
                   [&] { return GOVERNOR_CALL(CtxGetDevice)(device); });
}

CUresult GetStreamContext(CUstream stream, CUcontext* context,
                          CUgreenCtx* green) {
  const CUresult result = GOVERNOR_CALL(StreamGetCtx)(stream, context);
  // There are no green contexts here.
  if (result == CUDA_SUCCESS && green != nullptr) *green = nullptr;
  return result;
}

CUresult Instantiate(CUgraphExec* exec, CUgraph graph, CUgraphNode* error_node,
                     char* log, size_t log_size) {
  if (error_node != nullptr) *error_node = nullptr;
  if (log != nullptr && log_size > 0) *log = '\0';
  return GOVERNOR_CALL(GraphInstantiate)(exec, graph, /*flags=*/0);
}

CUresult InstantiateAndUpload(CUgraphExec* exec, CUgraph graph,
                              CUDA_GRAPH_INSTANTIATE_PARAMS* params,
                              CUstream upload_stream) {
  params->hErrNode_out = nullptr;
  const CUresult result = GOVERNOR_CALL(GraphInstantiate)(
      exec, graph,
      params->flags & ~cuuint64_t{CUDA_GRAPH_INSTANTIATE_FLAG_UPLOAD});
  params->result_out = result == CUDA_SUCCESS ? CUDA_GRAPH_INSTANTIATE_SUCCESS
                                              : CUDA_GRAPH_INSTANTIATE_ERROR;
  if (result != CUDA_SUCCESS ||
      (params->flags & CUDA_GRAPH_INSTANTIATE_FLAG_UPLOAD) == 0) {
    return result;
  }
  return GOVERNOR_CALL(GraphUpload)(*exec, upload_stream);
}

struct StreamCallback {
  CUstreamCallback function;
  CUstream stream;
  void* data;
};

CUresult AddCallback(CUstream stream, CUstreamCallback callback, void* data,
                     unsigned int flags) {
  if (callback == nullptr || flags != 0) return CUDA_ERROR_INVALID_VALUE;
  CUstreamCaptureStatus capture = CU_STREAM_CAPTURE_STATUS_NONE;
  if (CUresult result = GOVERNOR_CALL(StreamIsCapturing)(stream, &capture)) {
    return result;
  }
  // A callback cannot become a node.
  if (capture != CU_STREAM_CAPTURE_STATUS_NONE) {
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  auto call =
      std::make_unique<StreamCallback>(StreamCallback{callback, stream, data});
  const CUresult result = GOVERNOR_CALL(LaunchHostFunc)(
      stream,
      [](void* pointer) {
        const std::unique_ptr<StreamCallback> call(
            static_cast<StreamCallback*>(pointer));
        call->function(call->stream, CUDA_SUCCESS, call->data);
      },
      call.get());
  if (result == CUDA_SUCCESS) static_cast<void>(call.release());
  return result;
}

}  // namespace
}  // namespace governor

using governor::DriverApi;
using governor::Forward;
using governor::OnOwnStream;

extern "C" {

// Measured on an H200 with driver 580.159.04: contexts of CUDA 3.1 are no
// longer made.
CUresult CUDAAPI cuCtxCreate(CUcontext* /*context*/, unsigned int /*flags*/,
                             CUdevice device) {
  int value = 0;
  const CUresult result = GOVERNOR_CALL(DeviceGetAttribute)(
      &value, CU_DEVICE_ATTRIBUTE_INTEGRATED, device);
  return result == CUDA_SUCCESS ? CUDA_ERROR_OUT_OF_MEMORY : result;
}

CUresult CUDAAPI cuCtxCreate_v2(CUcontext* context, unsigned int flags,
                                CUdevice device) {
  return GOVERNOR_CALL(CtxCreate)(context, nullptr, flags, device);
}

CUresult CUDAAPI cuCtxCreate_v3(CUcontext* context, CUexecAffinityParam* params,
                                int count, unsigned int flags,
                                CUdevice device) {
  CUctxCreateParams affinity = {};
  affinity.execAffinityParams = params;
  affinity.numExecAffinityParams = count;
  return GOVERNOR_CALL(CtxCreate)(context, count == 0 ? nullptr : &affinity,
                                  flags, device);
}

CUresult CUDAAPI cuCtxGetDevice_v2(CUdevice* device, CUcontext context) {
  return governor::OnContext(
      context, [&] { return GOVERNOR_CALL(CtxGetDevice)(device); });
}

CUresult CUDAAPI cuCtxSynchronize_v2(CUcontext context) {
  return governor::OnContext(context,
                             [] { return GOVERNOR_CALL(CtxSynchronize)(); });
}

CUresult CUDAAPI cuDeviceTotalMem(unsigned int* bytes, CUdevice device) {
  if (bytes == nullptr) return CUDA_ERROR_INVALID_VALUE;
  size_t total = 0;
  const CUresult result = GOVERNOR_CALL(DeviceTotalMem)(&total, device);
  // Measured: the most that it can say.
  constexpr size_t kMost = std::numeric_limits<unsigned int>::max();
  if (result == CUDA_SUCCESS) *bytes = std::min(total, kMost);
  return result;
}

CUresult CUDAAPI cuDeviceComputeCapability(int* major, int* minor,
                                           CUdevice device) {
  if (major == nullptr || minor == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = GOVERNOR_CALL(DeviceGetAttribute)(
          major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device)) {
    return result;
  }
  return GOVERNOR_CALL(DeviceGetAttribute)(
      minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device);
}

// The tables are NVIDIA's private interface between its own libraries, and one
// of them is there to prove that the driver is NVIDIA's. None is known here, as
// the real driver answers for a table that it does not know.
CUresult CUDAAPI cuGetExportTable(const void** table, const CUuuid* /*id*/) {
  if (table != nullptr) *table = nullptr;
  return CUDA_ERROR_INVALID_VALUE;
}

CUresult CUDAAPI cuMemAdvise(CUdeviceptr address, size_t size,
                             CUmem_advise advice, CUdevice device) {
  return GOVERNOR_CALL(MemAdvise)(address, size, advice,
                                  governor::LocationOf(device));
}

CUresult CUDAAPI cuMemPrefetchAsync(CUdeviceptr address, size_t size,
                                    CUdevice device, CUstream stream) {
  return GOVERNOR_CALL(MemPrefetchAsync)(
      address, size, governor::LocationOf(device), /*flags=*/0, stream);
}

CUresult CUDAAPI cuMemPrefetchAsync_ptsz(CUdeviceptr address, size_t size,
                                         CUdevice device, CUstream stream) {
  return cuMemPrefetchAsync(address, size, device, OnOwnStream(stream));
}

CUresult CUDAAPI cuStreamBeginCapture(CUstream stream) {
  return GOVERNOR_CALL(StreamBeginCapture)(stream,
                                           CU_STREAM_CAPTURE_MODE_GLOBAL);
}

CUresult CUDAAPI cuStreamBeginCapture_ptsz(CUstream stream) {
  return cuStreamBeginCapture(OnOwnStream(stream));
}

CUresult CUDAAPI cuGraphInstantiate(CUgraphExec* exec, CUgraph graph,
                                    CUgraphNode* error_node, char* log,
                                    size_t log_size) {
  return governor::Instantiate(exec, graph, error_node, log, log_size);
}

CUresult CUDAAPI cuGraphInstantiate_v2(CUgraphExec* exec, CUgraph graph,
                                       CUgraphNode* error_node, char* log,
                                       size_t log_size) {
  return governor::Instantiate(exec, graph, error_node, log, log_size);
}

CUresult CUDAAPI cuGraphInstantiateWithParams(
    CUgraphExec* exec, CUgraph graph, CUDA_GRAPH_INSTANTIATE_PARAMS* params) {
  if (params == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return governor::InstantiateAndUpload(exec, graph, params,
                                        params->hUploadStream);
}

CUresult CUDAAPI cuGraphInstantiateWithParams_ptsz(
    CUgraphExec* exec, CUgraph graph, CUDA_GRAPH_INSTANTIATE_PARAMS* params) {
  if (params == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return governor::InstantiateAndUpload(exec, graph, params,
                                        OnOwnStream(params->hUploadStream));
}

CUresult CUDAAPI cuStreamGetCtx_v2(CUstream stream, CUcontext* context,
                                   CUgreenCtx* green) {
  return governor::GetStreamContext(stream, context, green);
}

CUresult CUDAAPI cuStreamGetCtx_v2_ptsz(CUstream stream, CUcontext* context,
                                        CUgreenCtx* green) {
  return governor::GetStreamContext(OnOwnStream(stream), context, green);
}

CUresult CUDAAPI cuStreamGetDevice(CUstream stream, CUdevice* device) {
  return governor::GetStreamDevice(stream, device);
}

CUresult CUDAAPI cuStreamGetDevice_ptsz(CUstream stream, CUdevice* device) {
  return governor::GetStreamDevice(OnOwnStream(stream), device);
}

CUresult CUDAAPI cuStreamAddCallback(CUstream stream, CUstreamCallback callback,
                                     void* data, unsigned int flags) {
  return governor::AddCallback(stream, callback, data, flags);
}

CUresult CUDAAPI cuStreamAddCallback_ptsz(CUstream stream,
                                          CUstreamCallback callback, void* data,
                                          unsigned int flags) {
  return governor::AddCallback(OnOwnStream(stream), callback, data, flags);
}

// No profiler is attached, so there is nothing to start and stop.
CUresult CUDAAPI cuProfilerStart() {
  int count = 0;
  return GOVERNOR_CALL(DeviceGetCount)(&count);
}

CUresult CUDAAPI cuProfilerStop() { return cuProfilerStart(); }

}  // extern "C"
