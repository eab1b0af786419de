#include "governor/memory/driver_answer.h"

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "governor/driver/cuda_status.h"

namespace governor {

absl::Status DriverAnswer::ToStatus() const {
  return OfOwnCall(CudaStatus(result, call));
}

absl::Status OfOwnCall(absl::Status status) {
  if (!absl::IsInvalidArgument(status) || !CudaResultOf(status)) return status;
  absl::Status internal = absl::InternalError(status.message());
  status.ForEachPayload(
      [&internal](absl::string_view type, const absl::Cord& payload) {
        internal.SetPayload(type, payload);
      });
  return internal;
}

}  // namespace governor
