#ifndef GOVERNOR_DRIVER_LIBCUDA_PROCESS_DRIVER_H_
#define GOVERNOR_DRIVER_LIBCUDA_PROCESS_DRIVER_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"
#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_driver.h"
#include "governor/driver/libcuda/device_books.h"

namespace governor {

// The one HostDriver of a process that has libcuda.so.1, and what the process
// tells others about it. Thread-safe.
//
// It is never destroyed: other threads may still call the driver while the
// process exits.
class ProcessDriver {
 public:
  // Makes it at the first call, from the environment. Takes no lock, so that a
  // child forked at any moment does not wait for its parent's threads.
  //
  // A child whose parent had called cuInit gets its parent's, which answers
  // CUDA_ERROR_NOT_INITIALIZED, as the real one does; before cuInit, the child
  // gets one of its own.
  //
  // Null when it cannot be made; `*why` is then CUDA_ERROR_INVALID_VALUE when
  // the environment does not parse, CUDA_ERROR_OUT_OF_MEMORY when the system
  // gives no file descriptor. Standard error says which, once.
  static ProcessDriver* Get(CUresult* why);

  ~ProcessDriver() = default;
  ProcessDriver(const ProcessDriver&) = delete;
  ProcessDriver& operator=(const ProcessDriver&) = delete;

  const DriverApi& api() const { return host_->api(); }
  const Personality& personality() const { return host_->personality(); }

  // cuInit succeeded.
  void NoteInit() { initialized_.store(true); }
  bool initialized() const { return initialized_.load(); }

  // A context of `device` was made or retained.
  void NoteContext(CUdevice device, CUcontext context);

  // Writes what this process holds of each device into the books. After every
  // driver call, and so they are exact whenever no call is running and no work
  // on a stream is under way.
  void Publish();

 private:
  static absl::StatusOr<std::unique_ptr<ProcessDriver>> Create(
      const ProcessDriver* parents);

  ProcessDriver(const ProcessDriver* parents, std::unique_ptr<HostDriver> host);

  // What this process holds of a device, contexts included: by cuMemGetInfo of
  // a live context. Without one, or where free memory is the machine's, it is
  // what contexts cost and physical_bytes(), which tell no devices apart: of
  // several the first has them all where free memory is the machine's, and none
  // has them elsewhere.
  uint64_t HeldBytes(CUdevice device);
  // What cuMemGetInfo says is gone of its device. nullopt: the context is dead.
  std::optional<uint64_t> GoneOn(CUcontext context) const;

  // Kept, untouched, so that leak checkers see it.
  [[maybe_unused]] const ProcessDriver* const parents_;
  const ProcessEpoch epoch_;
  const std::unique_ptr<HostDriver> host_;
  const PublishedBooks books_;
  std::atomic<bool> initialized_{false};
  Mutex mutex_;
  // Some may be dead: HeldBytes forgets those that it meets.
  std::map<CUcontext, CUdevice> contexts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_LIBCUDA_PROCESS_DRIVER_H_
