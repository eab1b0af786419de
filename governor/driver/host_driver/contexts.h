#ifndef GOVERNOR_DRIVER_HOST_DRIVER_CONTEXTS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_CONTEXTS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "governor/base/mutex.h"
#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/personality.h"

namespace governor {

// The primary contexts of a HostDriver's devices, and which of them is current
// to each thread. A context is only a name and a count: what it costs and what
// dies with it is the caller's affair. Thread-safe.
class Contexts {
 public:
  // At most this many live in one process, each with a slot of its own.
  static constexpr int kMaxSlots = 16;

  explicit Contexts(int slot);

  // Counts one more reference. The first calls `begin`, under the lock; if that
  // refuses, its answer is the result and nothing is counted.
  CUresult Retain(int device, absl::FunctionRef<CUresult()> begin);
  // Counts one less. The last calls `end`, under the lock. INVALID_CONTEXT:
  // there was none.
  CUresult Release(int device, absl::FunctionRef<void()> end);

  bool IsActive(int device) const;
  uint64_t references() const;

  // The context of a device has the same name each time it is retained.
  CUcontext ContextOf(int device) const;
  // nullopt: not a context of this driver.
  std::optional<int> DeviceOf(CUcontext context) const;

  // The calling thread's stack of current contexts, which may be empty.
  std::vector<CUcontext>& Stack();

  // The device of the calling thread's current context, for calls that need
  // one. INVALID_CONTEXT: there is none. CONTEXT_IS_DESTROYED: it is no longer
  // retained by anybody.
  CUresult CurrentDevice(int* device);

 private:
  struct Primary {
    std::atomic<uint64_t> references{0};
  };

  const int slot_;
  const uint64_t serial_;  // differs between any two instances of the process
  mutable Mutex mutex_;    // held while a count changes
  std::array<Primary, kMaxHostDevices> primaries_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_CONTEXTS_H_
