#ifndef GOVERNOR_MODEL_PACKED_WEIGHTS_H_
#define GOVERNOR_MODEL_PACKED_WEIGHTS_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "absl/strings/string_view.h"
#include "governor/model/safetensors.h"

namespace governor {

// How many parameters of the model a tensor holds.
struct ParameterCount {
  uint64_t parameters = 0;
  // False: the files do not say how many are in an element; 4 bits are assumed
  // for words of 32, one parameter for an element otherwise.
  bool is_exact = true;
};

// Finds a tensor of the same checkpoint.
using FindTensor =
    std::function<std::optional<SafetensorsTensor>(absl::string_view name)>;

// Names, dtypes and shapes alone say how weights are packed; the quantization
// part of config.json is not asked:
//
//   no parameters   scales, zero points, indices of groups and shapes that
//                   stand beside a quantized weight
//   two a byte      U8 `_blocks` (MXFP4 of gpt-oss), U8 `weight_packed`, U8
//                   with a scale beside it (NVFP4, MXFP4), I8 with an FP8 scale
//                   beside it (DeepSeek V4), U8 with `quant_state` of
//                   bitsandbytes' 4-bit kinds
//   GPTQ, AWQ       I32 `qweight`: rows x columns of 32 bits; `scales` has one
//                   column for each output, `qzeros` the packed ones, so bits =
//                   32 x columns of qzeros / columns of scales. Without qzeros
//                   AWQ's own columns tell, and GPTQ's are assumed 4 bits
//   compressed      I32 `weight_packed`: `weight_zero_point` tells the bits;
//                   without it, 4 bits are assumed
//   all others      one an element
//
// A vector that ends in `_scale` and stands beside nothing is a parameter.
//
// At most a handful of lookups, and only for U8, I8, I32 and `_scale`.
ParameterCount CountParameters(const SafetensorsTensor& tensor,
                               const FindTensor& find);

}  // namespace governor

#endif  // GOVERNOR_MODEL_PACKED_WEIGHTS_H_
