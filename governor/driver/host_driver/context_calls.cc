#include "governor/driver/host_driver/context_calls.h"

namespace governor {

CUresult ContextCalls::DevicePrimaryCtxRetain(CUcontext* context,
                                              CUdevice device) {
  if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_DEVICE;
  const CUresult result = state_.contexts.Retain(device, [&] {
    return state_.memory->TakeForContext(device) ? CUDA_SUCCESS
                                                 : CUDA_ERROR_OUT_OF_MEMORY;
  });
  if (result == CUDA_SUCCESS) *context = state_.contexts.ContextOf(device);
  return result;
}

CUresult ContextCalls::DevicePrimaryCtxRelease(CUdevice device) {
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_DEVICE;
  return state_.contexts.Release(device, [&] {
    // What belongs to a context dies with it. VMM chunks do not.
    state_.streams.DestroyAll(device);
    state_.memory->FreeAllLinear(device);
    state_.memory->ReturnFromContext(device);
  });
}

CUresult ContextCalls::DevicePrimaryCtxGetState(CUdevice device,
                                                unsigned int* flags,
                                                int* active) {
  if (flags == nullptr || active == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_DEVICE;
  *flags = 0;
  *active = state_.contexts.IsActive(device) ? 1 : 0;
  return CUDA_SUCCESS;
}

CUresult ContextCalls::CtxPushCurrent(CUcontext context) {
  if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
  // A destroyed context may be current; the calls that need it say so.
  if (!state_.contexts.DeviceOf(context)) return CUDA_ERROR_INVALID_CONTEXT;
  state_.contexts.Stack().push_back(context);
  return CUDA_SUCCESS;
}

CUresult ContextCalls::CtxPopCurrent(CUcontext* context) {
  std::vector<CUcontext>& stack = state_.contexts.Stack();
  if (stack.empty()) return CUDA_ERROR_INVALID_CONTEXT;
  if (context != nullptr) *context = stack.back();
  stack.pop_back();
  return CUDA_SUCCESS;
}

CUresult ContextCalls::CtxSetCurrent(CUcontext context) {
  std::vector<CUcontext>& stack = state_.contexts.Stack();
  if (context == nullptr) {
    if (!stack.empty()) stack.pop_back();
    return CUDA_SUCCESS;
  }
  if (!state_.contexts.DeviceOf(context)) return CUDA_ERROR_INVALID_CONTEXT;
  if (stack.empty()) {
    stack.push_back(context);
  } else {
    stack.back() = context;
  }
  return CUDA_SUCCESS;
}

CUresult ContextCalls::CtxGetCurrent(CUcontext* context) {
  if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const std::vector<CUcontext>& stack = state_.contexts.Stack();
  *context = stack.empty() ? nullptr : stack.back();
  return CUDA_SUCCESS;
}

CUresult ContextCalls::CtxGetDevice(CUdevice* device) {
  if (device == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const std::vector<CUcontext>& stack = state_.contexts.Stack();
  if (stack.empty()) return CUDA_ERROR_INVALID_CONTEXT;
  *device = *state_.contexts.DeviceOf(stack.back());
  return CUDA_SUCCESS;
}

CUresult ContextCalls::CtxSynchronize() {
  int device = 0;
  return state_.contexts.CurrentDevice(&device);
}

}  // namespace governor
