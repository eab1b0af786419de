#ifndef GOVERNOR_DRIVER_PRIMARY_CONTEXT_H_
#define GOVERNOR_DRIVER_PRIMARY_CONTEXT_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/driver/device.h"

namespace governor {

// A device's primary context, retained for as long as the object lives: the one
// that CUDA's runtime, PyTorch and engines use too. Retaining it for the first
// time in a process costs device memory (hundreds of MiB) that no grant covers:
// it is unmanaged. Thread-safe.
class PrimaryContext {
 public:
  struct Memory {
    Bytes free;
    Bytes total;
  };

  // The driver's error, with nothing retained.
  static absl::StatusOr<std::shared_ptr<PrimaryContext>> Retain(Device device);

  // Releases the context, unless Release did so or this is a forked child.
  ~PrimaryContext();
  PrimaryContext(const PrimaryContext&) = delete;
  PrimaryContext& operator=(const PrimaryContext&) = delete;

  const Device& device() const { return device_; }
  CUcontext handle() const { return context_; }

  // Waits for all work that was given to the context. Not during a capture.
  absl::Status Synchronize() const;

  // The driver's reading of the whole device, of this moment.
  absl::StatusOr<Memory> ReadMemory() const;

  // Releases the context now. On an error it stays retained; try again.
  // The caller sees to it that no other thread uses the object.
  absl::Status Release();

 private:
  explicit PrimaryContext(Device device) : device_(std::move(device)) {}

  const Device device_;
  CUcontext context_ = nullptr;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_PRIMARY_CONTEXT_H_
