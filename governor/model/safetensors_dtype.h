#ifndef GOVERNOR_MODEL_SAFETENSORS_DTYPE_H_
#define GOVERNOR_MODEL_SAFETENSORS_DTYPE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace governor {

// A dtype of the safetensors format and the bits of one element (Dtype in the
// Rust library's tensor.rs). What is packed into elements, as 4-bit weights are
// into U8, the dtype does not say: see packed_weights.h.
struct SafetensorsDtype {
  absl::string_view name;
  uint32_t bits = 0;
  // Holds weights as they are: real numbers, one an element.
  bool is_float = false;
};

// At most 256, in an order that does not change while a program runs.
absl::Span<const SafetensorsDtype> SafetensorsDtypes();

// UNIMPLEMENTED, naming the dtype: not in the table.
absl::StatusOr<const SafetensorsDtype*> FindSafetensorsDtype(
    absl::string_view name);

}  // namespace governor

#endif  // GOVERNOR_MODEL_SAFETENSORS_DTYPE_H_
