#include "governor/driver/host_driver/array_calls.h"

namespace governor {

CUresult ArrayCalls::ArrayCreate(CUarray* handle,
                                 const CUDA_ARRAY_DESCRIPTOR* descriptor) {
  if (descriptor == nullptr) return Array3DCreate(handle, nullptr);
  const CUDA_ARRAY3D_DESCRIPTOR flat = {.Width = descriptor->Width,
                                        .Height = descriptor->Height,
                                        .Depth = 0,
                                        .Format = descriptor->Format,
                                        .NumChannels = descriptor->NumChannels,
                                        .Flags = 0};
  return Array3DCreate(handle, &flat);
}

CUresult ArrayCalls::ArrayGetDescriptor(CUDA_ARRAY_DESCRIPTOR* descriptor,
                                        CUarray array) {
  if (descriptor == nullptr) return CUDA_ERROR_INVALID_VALUE;
  CUDA_ARRAY3D_DESCRIPTOR full = {};
  if (CUresult result = Array3DGetDescriptor(&full, array)) return result;
  *descriptor = {.Width = full.Width,
                 .Height = full.Height,
                 .Format = full.Format,
                 .NumChannels = full.NumChannels};
  return CUDA_SUCCESS;
}

CUresult ArrayCalls::Array3DCreate(CUarray* handle,
                                   const CUDA_ARRAY3D_DESCRIPTOR* descriptor) {
  ContextId context = 0;
  if (CUresult result = state_.contexts.Current(&context)) return result;
  if (handle == nullptr || descriptor == nullptr) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (CUresult result =
          CheckArray(*descriptor, /*mipmapped=*/false, state_.personality)) {
    return result;
  }
  return state_.arrays.Create(context, *descriptor, handle);
}

CUresult ArrayCalls::Array3DGetDescriptor(CUDA_ARRAY3D_DESCRIPTOR* descriptor,
                                          CUarray array) {
  ContextId context = 0;
  if (CUresult result = state_.contexts.Current(&context)) return result;
  if (descriptor == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const std::optional<Arrays::Array> found = state_.arrays.Find(array);
  if (!found) return CUDA_ERROR_INVALID_HANDLE;
  *descriptor = found->descriptor;
  return CUDA_SUCCESS;
}

CUresult ArrayCalls::ArrayGetMemoryRequirements(
    CUDA_ARRAY_MEMORY_REQUIREMENTS* requirements, CUarray array,
    CUdevice /*device*/) {
  const std::optional<Arrays::Array> found = state_.arrays.Find(array);
  // Measured: not INVALID_HANDLE, and `device` is not looked at.
  if (!found) return CUDA_ERROR_INVALID_VALUE;
  return Require(found->descriptor, found->shape.size(), requirements);
}

CUresult ArrayCalls::ArrayDestroy(CUarray array) {
  if (CUresult result = CheckAlive()) return result;
  state_.streams.WaitForAllContexts();  // measured
  return state_.arrays.Destroy(array);
}

CUresult ArrayCalls::MipmappedArrayCreate(
    CUmipmappedArray* handle, const CUDA_ARRAY3D_DESCRIPTOR* descriptor,
    unsigned int levels) {
  ContextId context = 0;
  if (CUresult result = state_.contexts.Current(&context)) return result;
  if (handle == nullptr || descriptor == nullptr) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (CUresult result =
          CheckArray(*descriptor, /*mipmapped=*/true, state_.personality)) {
    return result;
  }
  return state_.arrays.CreateMipmap(context, *descriptor, levels, handle);
}

CUresult ArrayCalls::MipmappedArrayGetLevel(CUarray* array,
                                            CUmipmappedArray mipmap,
                                            unsigned int level) {
  ContextId context = 0;
  if (CUresult result = state_.contexts.Current(&context)) return result;
  if (array == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const std::optional<Arrays::Mipmap> found = state_.arrays.FindMipmap(mipmap);
  if (!found) return CUDA_ERROR_INVALID_HANDLE;
  if (level >= found->levels.size()) return CUDA_ERROR_INVALID_VALUE;
  *array = found->levels[level];
  return CUDA_SUCCESS;
}

CUresult ArrayCalls::MipmappedArrayGetMemoryRequirements(
    CUDA_ARRAY_MEMORY_REQUIREMENTS* requirements, CUmipmappedArray mipmap,
    CUdevice /*device*/) {
  const std::optional<Arrays::Mipmap> found = state_.arrays.FindMipmap(mipmap);
  if (!found) return CUDA_ERROR_INVALID_VALUE;  // chosen, as for arrays
  return Require(found->descriptor, found->size, requirements);
}

CUresult ArrayCalls::MipmappedArrayDestroy(CUmipmappedArray mipmap) {
  if (CUresult result = CheckAlive()) return result;
  state_.streams.WaitForAllContexts();
  return state_.arrays.DestroyMipmap(mipmap);
}

CUresult ArrayCalls::Require(const CUDA_ARRAY3D_DESCRIPTOR& descriptor,
                             uint64_t size,
                             CUDA_ARRAY_MEMORY_REQUIREMENTS* requirements) {
  if (requirements == nullptr ||
      !(descriptor.Flags & CUDA_ARRAY3D_DEFERRED_MAPPING)) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  constexpr uint64_t kAlignment = Arrays::kAlignment;
  *requirements = {.size = (size + kAlignment - 1) / kAlignment * kAlignment,
                   .alignment = kAlignment,
                   .reserved = {}};
  return CUDA_SUCCESS;
}

CUresult ArrayCalls::CheckAlive() {
  ContextId context = 0;
  const CUresult result = state_.contexts.Current(&context);
  return result == CUDA_ERROR_CONTEXT_IS_DESTROYED ? result : CUDA_SUCCESS;
}

}  // namespace governor
