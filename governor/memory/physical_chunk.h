#ifndef GOVERNOR_MEMORY_PHYSICAL_CHUNK_H_
#define GOVERNOR_MEMORY_PHYSICAL_CHUNK_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/budget/grant.h"
#include "governor/driver/device.h"
#include "governor/memory/driver_answer.h"

namespace governor {

// Physical memory of a device: one driver handle, and the grant that covers it.
// This is the one place of the library where physical memory comes into being:
// there is no chunk without a grant, and the grant lives until the driver has
// confirmed the release. Its contents at first are whatever the driver gives.
//
// Move-only; an object is for one thread at a time. In a forked child it is
// void: nothing that happens to it there reaches the driver.
class PhysicalChunk {
 public:
  // Holds nothing.
  PhysicalChunk() = default;

  // Creates grant.size() bytes on `device`, which outlives the chunk, and takes
  // the grant.
  // INVALID_ARGUMENT: the grant is empty or no multiple of the granularity.
  // RESOURCE_EXHAUSTED: the driver has no memory. Or another driver error.
  // In every case of error the caller still has the grant, and nothing was
  // created.
  static absl::StatusOr<PhysicalChunk> Create(const Device& device,
                                              Grant& grant);

  PhysicalChunk(PhysicalChunk&& other) noexcept;
  PhysicalChunk& operator=(PhysicalChunk&& other) noexcept;
  // Releases. Should the driver refuse even now, GiveUp.
  ~PhysicalChunk();

  // Releases the handle, then drops the grant; holds nothing afterwards. The
  // chunk is not mapped anywhere. On an error it still holds both: try again.
  // Needs no memory of the host.
  DriverAnswer Release() noexcept;

  // Leaves handle and charge behind for as long as the process lives: for
  // memory that the driver will not let go. Holds nothing afterwards.
  void GiveUp() noexcept;

  bool is_empty() const { return device_ == nullptr; }
  Bytes size() const { return grant_.size(); }
  CUmemGenericAllocationHandle handle() const { return handle_; }
  Grant& grant() { return grant_; }

 private:
  PhysicalChunk(const Device& device, CUmemGenericAllocationHandle handle,
                Grant grant);

  const Device* device_ = nullptr;
  CUmemGenericAllocationHandle handle_ = 0;
  Grant grant_;
};

}  // namespace governor

#endif  // GOVERNOR_MEMORY_PHYSICAL_CHUNK_H_
