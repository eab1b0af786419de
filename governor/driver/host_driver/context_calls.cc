#include "governor/driver/host_driver/context_calls.h"

#include <optional>

#include "governor/driver/host_driver/context_limits.h"
#include "governor/driver/host_driver/machine_memory.h"

namespace governor {
namespace {

// The documentation's example, and what others traced a real driver to answer.
constexpr unsigned int kApiVersion = 3020;

// Documented: at most one way to schedule.
bool AreFlags(unsigned int flags) {
  const unsigned int schedule = flags & CU_CTX_SCHED_MASK;
  return (flags & ~static_cast<unsigned int>(CU_CTX_FLAGS_MASK)) == 0 &&
         (schedule & (schedule - 1)) == 0;
}

}  // namespace

CUresult ContextCalls::DevicePrimaryCtxRetain(CUcontext* context,
                                              CUdevice device) {
  if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_DEVICE;
  const CUresult result =
      state_.contexts.Retain(device, [&] { return Begin(device); });
  if (result == CUDA_SUCCESS) *context = state_.contexts.ContextOf(device);
  return result;
}

CUresult ContextCalls::DevicePrimaryCtxRelease(CUdevice device) {
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_DEVICE;
  return state_.contexts.Release(device, [&] { End(device); });
}

CUresult ContextCalls::DevicePrimaryCtxGetState(CUdevice device,
                                                unsigned int* flags,
                                                int* active) {
  if (flags == nullptr || active == nullptr) return CUDA_ERROR_INVALID_VALUE;
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_DEVICE;
  *flags = state_.contexts.PrimaryFlags(device);
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
  ContextId context = 0;
  if (CUresult result = state_.contexts.Current(&context)) return result;
  if (CUresult result = state_.streams.CheckContextWait(context)) return result;
  state_.streams.WaitForContext(context);
  state_.pools.ReleaseUnused();
  return CUDA_SUCCESS;
}

CUresult ContextCalls::DevicePrimaryCtxSetFlags(CUdevice device,
                                                unsigned int flags) {
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_DEVICE;
  if (!AreFlags(flags)) return CUDA_ERROR_INVALID_VALUE;
  state_.contexts.SetPrimaryFlags(device, flags);
  return CUDA_SUCCESS;
}

CUresult ContextCalls::DevicePrimaryCtxReset(CUdevice device) {
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_DEVICE;
  state_.contexts.Reset(device, [&] { End(device); });
  return CUDA_SUCCESS;
}

CUresult ContextCalls::CtxCreate(CUcontext* context, CUctxCreateParams* params,
                                 unsigned int flags, CUdevice device) {
  if (context == nullptr || !AreFlags(flags)) return CUDA_ERROR_INVALID_VALUE;
  if (!state_.IsDevice(device)) return CUDA_ERROR_INVALID_DEVICE;
  if (params != nullptr) {
    // Documented: a share of the processors is for clients of MPS.
    if (params->numExecAffinityParams < 0) return CUDA_ERROR_INVALID_VALUE;
    if (params->numExecAffinityParams > 0) {
      return CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY;
    }
    if (params->cigParams != nullptr) return CUDA_ERROR_NOT_SUPPORTED;
  }
  const CUresult result = state_.contexts.Create(
      device, flags, [&] { return Begin(device); }, context);
  if (result == CUDA_SUCCESS) state_.contexts.Stack().push_back(*context);
  return result;
}

CUresult ContextCalls::CtxDestroy(CUcontext context) {
  if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const CUresult result =
      state_.contexts.Destroy(context, [&](ContextId id) { End(id); });
  if (result != CUDA_SUCCESS) return result;
  // Documented: it goes from the caller's stack, but no other thread's. Chosen:
  // only from the top, as the documentation compares it to a pop.
  std::vector<CUcontext>& stack = state_.contexts.Stack();
  if (!stack.empty() && stack.back() == context) stack.pop_back();
  return CUDA_SUCCESS;
}

CUresult ContextCalls::CtxGetFlags(unsigned int* flags) {
  if (flags == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return state_.contexts.VisitCurrent([&](Contexts::Settings& settings) {
    *flags = settings.flags;
    return CUDA_SUCCESS;
  });
}

CUresult ContextCalls::CtxGetApiVersion(CUcontext context,
                                        unsigned int* version) {
  if (version == nullptr) return CUDA_ERROR_INVALID_VALUE;
  ContextId id = 0;
  const CUresult result = context == nullptr
                              ? state_.contexts.Current(&id)
                              : state_.contexts.Check(context, &id);
  if (result == CUDA_SUCCESS) *version = kApiVersion;
  return result;
}

CUresult ContextCalls::CtxSetLimit(CUlimit limit, size_t value) {
  return state_.contexts.VisitCurrent([&](Contexts::Settings& settings) {
    const CUresult result = AdjustLimit(state_.personality, limit, &value);
    if (result == CUDA_SUCCESS) settings.limits[limit] = value;
    return result;
  });
}

CUresult ContextCalls::CtxGetLimit(size_t* value, CUlimit limit) {
  if (value == nullptr) return CUDA_ERROR_INVALID_VALUE;
  return state_.contexts.VisitCurrent([&](Contexts::Settings& settings) {
    const auto set = settings.limits.find(limit);
    if (set == settings.limits.end()) {
      return DefaultLimit(state_.personality, limit, value);
    }
    *value = set->second;
    return CUDA_SUCCESS;
  });
}

CUresult ContextCalls::CtxGetStreamPriorityRange(int* least, int* greatest) {
  int device = 0;
  if (CUresult result = state_.contexts.CurrentDevice(&device)) return result;
  // Documented: both are 0 where the device knows no priorities.
  const auto& attributes = state_.personality.attributes;
  const auto known =
      attributes.find(CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED);
  const bool supported = known != attributes.end() && known->second != 0;
  if (least != nullptr) *least = 0;
  // Measured on h200.
  if (greatest != nullptr) *greatest = supported ? -5 : 0;
  return CUDA_SUCCESS;
}

CUresult ContextCalls::Begin(int device) {
  // Reported: a context is not to be had on a machine that is short of memory.
  // Chosen: short of what the system could make free.
  if (state_.personality.free_is_mem_free) {
    const std::optional<Bytes> free = MachineMemAvailable();
    if (free && *free < state_.personality.context) {
      return CUDA_ERROR_OUT_OF_MEMORY;
    }
  }
  return state_.memory->TakeForContext(device) ? CUDA_SUCCESS
                                               : CUDA_ERROR_OUT_OF_MEMORY;
}

void ContextCalls::End(ContextId id) {
  // What belongs to a context dies with it. VMM chunks do not.
  state_.streams.DestroyAll(id);
  state_.arrays.DestroyAll(id);
  state_.memory->FreeAllLinear(id);
  state_.memory->ReturnFromContext(DeviceOfContext(id));
}

}  // namespace governor
