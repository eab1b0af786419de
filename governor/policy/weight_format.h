#ifndef GOVERNOR_POLICY_WEIGHT_FORMAT_H_
#define GOVERNOR_POLICY_WEIGHT_FORMAT_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace governor {

// A way to store a model's weights, and the bits that one parameter then takes,
// scales included. For suggestions alone: real files keep some tensors wider,
// and their size is in their headers.
struct WeightFormat {
  absl::string_view name;
  double bits_per_parameter;
};

// From the widest to the narrowest. ggml's sizes are its block sizes; FP8 and
// the 4-bit formats are counted with their scales (one of 8 bits for 16
// elements in NVFP4, for 32 in MXFP4, one of 16 bits and a zero for 128 in
// INT4).
absl::Span<const WeightFormat> WeightFormats();

}  // namespace governor

#endif  // GOVERNOR_POLICY_WEIGHT_FORMAT_H_
