#include "governor/driver/host_driver/streams.h"

namespace governor {
namespace {

// Handles look like pointers: CUDA's own low numbers are the default streams.
constexpr uintptr_t kHandleStep = 16;

template <typename Map>
void EraseOf(Map& map, int device) {
  for (auto i = map.begin(); i != map.end();) {
    if (i->second == device) {
      map.erase(i++);
    } else {
      ++i;
    }
  }
}

}  // namespace

bool Streams::IsDefault(CUstream stream) {
  return stream == nullptr || stream == CU_STREAM_LEGACY ||
         stream == CU_STREAM_PER_THREAD;
}

CUstream Streams::CreateStream(int device) {
  MutexLock lock(mutex_);
  const CUstream stream = reinterpret_cast<CUstream>(next_);
  next_ += kHandleStep;
  streams_.emplace(stream, device);
  return stream;
}

CUresult Streams::DestroyStream(CUstream stream) {
  MutexLock lock(mutex_);
  return streams_.erase(stream) == 1 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult Streams::CheckStream(CUstream stream) {
  MutexLock lock(mutex_);
  return DeviceOf(stream, /*current_device=*/0) ? CUDA_SUCCESS
                                                : CUDA_ERROR_INVALID_HANDLE;
}

CUresult Streams::Enqueue(CUstream stream, absl::FunctionRef<CUresult()> work) {
  const CUresult result = CheckStream(stream);
  return result == CUDA_SUCCESS ? work() : result;
}

CUevent Streams::CreateEvent(int device) {
  MutexLock lock(mutex_);
  const CUevent event = reinterpret_cast<CUevent>(next_);
  next_ += kHandleStep;
  events_.emplace(event, device);
  return event;
}

CUresult Streams::DestroyEvent(CUevent event) {
  MutexLock lock(mutex_);
  return events_.erase(event) == 1 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult Streams::CheckEvent(CUevent event) {
  MutexLock lock(mutex_);
  return events_.contains(event) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult Streams::Record(CUevent event, CUstream stream, int current_device) {
  MutexLock lock(mutex_);
  const std::optional<int> device = DeviceOf(stream, current_device);
  const auto found = events_.find(event);
  return device && found != events_.end() && found->second == *device
             ? CUDA_SUCCESS
             : CUDA_ERROR_INVALID_HANDLE;
}

void Streams::DestroyAll(int device) {
  MutexLock lock(mutex_);
  EraseOf(streams_, device);
  EraseOf(events_, device);
}

void Streams::CountLive(LiveObjects& live) {
  MutexLock lock(mutex_);
  live.streams = streams_.size();
  live.events = events_.size();
}

std::optional<int> Streams::DeviceOf(CUstream stream, int current_device) {
  if (IsDefault(stream)) return current_device;
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return std::nullopt;
  return found->second;
}

}  // namespace governor
