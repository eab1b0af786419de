#ifndef GOVERNOR_MEMORY_DRIVER_ANSWER_H_
#define GOVERNOR_MEMORY_DRIVER_ANSWER_H_

#include "absl/status/status.h"
#include "governor/driver/driver_api.h"

namespace governor {

// What the driver answered to a call that the library makes by itself, before
// it is a Status. A plain value that needs no memory: giving back must work
// when the host has none left.
struct [[nodiscard]] DriverAnswer {
  CUresult result = CUDA_SUCCESS;
  const char* call = "";  // "cuMemRelease"; lives for ever

  bool ok() const { return result == CUDA_SUCCESS; }
  void IgnoreError() const {}

  // Takes over the other answer if this one is OK: the first error stays.
  void Update(const DriverAnswer& other) {
    if (ok()) *this = other;
  }

  // As CudaStatus, and then OfOwnCall.
  absl::Status ToStatus() const;
};

// The status of driver calls whose arguments are the library's own: where the
// driver calls one invalid, that is INTERNAL, for the caller has nothing to
// fix. The CUresult stays in it. What the driver did not say is not changed.
absl::Status OfOwnCall(absl::Status status);

}  // namespace governor

#endif  // GOVERNOR_MEMORY_DRIVER_ANSWER_H_
