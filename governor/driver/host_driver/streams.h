#ifndef GOVERNOR_DRIVER_HOST_DRIVER_STREAMS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_STREAMS_H_

#include <cstdint>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "governor/base/mutex.h"
#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/live_objects.h"

namespace governor {

// Streams and events of a HostDriver. Each belongs to a device's context. Work
// goes through Enqueue, which today runs it at once: so every stream is idle
// and every event complete whenever a caller can look. Thread-safe; the lock is
// not held while work runs.
//
// A CUstream or CUevent here is a number that is never given twice, so that a
// stale one is always noticed.
class Streams {
 public:
  // Null, CU_STREAM_LEGACY or CU_STREAM_PER_THREAD.
  static bool IsDefault(CUstream stream);

  CUstream CreateStream(int device);
  // INVALID_HANDLE, from here on: not a live stream or event of this driver.
  CUresult DestroyStream(CUstream stream);
  // Whether the stream may be used. A default stream always may; its device is
  // the caller's current one.
  CUresult CheckStream(CUstream stream);
  // Runs `work` in the stream's order.
  CUresult Enqueue(CUstream stream, absl::FunctionRef<CUresult()> work);

  CUevent CreateEvent(int device);
  CUresult DestroyEvent(CUevent event);
  CUresult CheckEvent(CUevent event);
  // INVALID_HANDLE, too: the event and the stream are of different devices.
  CUresult Record(CUevent event, CUstream stream, int current_device);

  // Destroys what belongs to a device, as the end of its context does.
  void DestroyAll(int device);

  void CountLive(LiveObjects& live);

 private:
  // The device that the stream works on; nullopt if it is not live.
  std::optional<int> DeviceOf(CUstream stream, int current_device)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  uintptr_t next_ ABSL_GUARDED_BY(mutex_) = 0x10000;
  absl::flat_hash_map<CUstream, int> streams_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<CUevent, int> events_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_STREAMS_H_
