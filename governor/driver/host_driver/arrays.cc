#include "governor/driver/host_driver/arrays.h"

#include <algorithm>
#include <utility>

namespace governor {
namespace {

// Handles look like pointers.
constexpr uintptr_t kHandleStep = 16;
// Chosen: where a level begins in the memory of its mipmapped array.
constexpr uint64_t kLevelAlignment = 512;

uint64_t RoundUp(uint64_t size, uint64_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

}  // namespace

CUresult Arrays::Create(ContextId context,
                        const CUDA_ARRAY3D_DESCRIPTOR& descriptor,
                        CUarray* array) {
  Array made = {.descriptor = descriptor,
                .shape = ShapeOf(descriptor),
                .context = context};
  if (CUresult result = Allocate(context, descriptor.Flags, made.shape.size(),
                                 &made.address)) {
    return result;
  }
  MutexLock lock(mutex_);
  *array = NextHandle<CUarray>();
  arrays_.emplace(*array, made);
  return CUDA_SUCCESS;
}

CUresult Arrays::CreateMipmap(ContextId context,
                              const CUDA_ARRAY3D_DESCRIPTOR& descriptor,
                              unsigned int levels, CUmipmappedArray* mipmap) {
  levels = std::clamp(levels, 1u, LevelsOf(descriptor));
  Mipmap made;
  made.descriptor = descriptor;
  made.context = context;
  std::vector<Array> level_arrays;
  std::vector<uint64_t> offsets;
  for (unsigned int level = 0; level < levels; ++level) {
    const CUDA_ARRAY3D_DESCRIPTOR of_level = LevelOf(descriptor, level);
    level_arrays.push_back({.descriptor = of_level,
                            .shape = ShapeOf(of_level),
                            .context = context,
                            .is_level = true});
    offsets.push_back(made.size);
    made.size += RoundUp(level_arrays.back().shape.size(), kLevelAlignment);
  }
  if (CUresult result =
          Allocate(context, descriptor.Flags, made.size, &made.address)) {
    return result;
  }
  MutexLock lock(mutex_);
  for (unsigned int level = 0; level < levels; ++level) {
    Array& array = level_arrays[level];
    if (made.address != 0) array.address = made.address + offsets[level];
    made.levels.push_back(NextHandle<CUarray>());
    arrays_.emplace(made.levels.back(), array);
  }
  *mipmap = NextHandle<CUmipmappedArray>();
  mipmaps_.emplace(*mipmap, std::move(made));
  return CUDA_SUCCESS;
}

CUresult Arrays::Destroy(CUarray array) {
  CUdeviceptr address = 0;
  {
    MutexLock lock(mutex_);
    const auto found = arrays_.find(array);
    if (found == arrays_.end() || found->second.is_level) {
      return CUDA_ERROR_INVALID_HANDLE;
    }
    address = found->second.address;
    arrays_.erase(found);
  }
  Free(address);
  return CUDA_SUCCESS;
}

CUresult Arrays::DestroyMipmap(CUmipmappedArray mipmap) {
  CUdeviceptr address = 0;
  {
    MutexLock lock(mutex_);
    const auto found = mipmaps_.find(mipmap);
    if (found == mipmaps_.end()) return CUDA_ERROR_INVALID_HANDLE;
    address = found->second.address;
    for (const CUarray level : found->second.levels) arrays_.erase(level);
    mipmaps_.erase(found);
  }
  Free(address);
  return CUDA_SUCCESS;
}

void Arrays::DestroyAll(ContextId context) {
  std::vector<CUarray> arrays;
  std::vector<CUmipmappedArray> mipmaps;
  {
    MutexLock lock(mutex_);
    for (const auto& [handle, array] : arrays_) {
      if (array.context == context && !array.is_level) arrays.push_back(handle);
    }
    for (const auto& [handle, mipmap] : mipmaps_) {
      if (mipmap.context == context) mipmaps.push_back(handle);
    }
  }
  for (const CUarray array : arrays) Destroy(array);
  for (const CUmipmappedArray mipmap : mipmaps) DestroyMipmap(mipmap);
}

std::optional<Arrays::Array> Arrays::Find(CUarray array) const {
  MutexLock lock(mutex_);
  const auto found = arrays_.find(array);
  if (found == arrays_.end()) return std::nullopt;
  return found->second;
}

std::optional<Arrays::Mipmap> Arrays::FindMipmap(
    CUmipmappedArray mipmap) const {
  MutexLock lock(mutex_);
  const auto found = mipmaps_.find(mipmap);
  if (found == mipmaps_.end()) return std::nullopt;
  return found->second;
}

void Arrays::CountLive(LiveObjects& live) const {
  MutexLock lock(mutex_);
  live.mipmapped_arrays = mipmaps_.size();
  for (const auto& [handle, array] : arrays_) {
    if (!array.is_level) ++live.arrays;
  }
}

CUresult Arrays::Allocate(ContextId context, unsigned int flags, uint64_t size,
                          CUdeviceptr* address) {
  if (flags & (CUDA_ARRAY3D_SPARSE | CUDA_ARRAY3D_DEFERRED_MAPPING)) {
    return CUDA_SUCCESS;
  }
  return memory_.AllocateRange(RangeKind::kArray, context,
                               RoundUp(size, kAlignment), address);
}

void Arrays::Free(CUdeviceptr address) {
  if (address != 0) memory_.FreeRange(RangeKind::kArray, address);
}

template <typename Handle>
Handle Arrays::NextHandle() {
  const Handle handle = reinterpret_cast<Handle>(next_);
  next_ += kHandleStep;
  return handle;
}

}  // namespace governor
