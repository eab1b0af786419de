#include "governor/model/packed_weights.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace governor {
namespace {

// Endings of tensors that only help to read others.
constexpr absl::string_view kAuxiliary[] = {
    "_scale",       "_scale_inv",     "_scale_2",       "_scales",
    ".scales",      ".qzeros",        ".g_idx",         "_zero_point",
    "_zero_points", ".zeros",         "_shape",         "_g_idx",
    ".absmax",      ".quant_map",     ".nested_absmax", ".nested_quant_map",
    ".SCB",         ".weight_format",
};

// Gemma 3n has vectors that end in `_scale` and scale no other tensor.
bool IsScaleOfNothing(const SafetensorsTensor& tensor, const FindTensor& find) {
  absl::string_view stem = tensor.name;
  if (tensor.elements < 2 || !absl::ConsumeSuffix(&stem, "_scale")) {
    return false;
  }
  for (const absl::string_view ending : {"", "_packed", "_blocks"}) {
    if (find(absl::StrCat(stem, ending))) return false;
  }
  return true;
}

bool IsAuxiliary(const SafetensorsTensor& tensor, const FindTensor& find) {
  if (IsScaleOfNothing(tensor, find)) return false;
  for (const absl::string_view ending : kAuxiliary) {
    if (absl::EndsWith(tensor.name, ending)) return true;
  }
  if (absl::StrContains(tensor.name, ".quant_state.")) return true;
  // DeepSeek V4 names its scales so, others a norm's weight.
  absl::string_view stem = tensor.name;
  return absl::ConsumeSuffix(&stem, ".scale") &&
         find(absl::StrCat(stem, ".weight")).has_value();
}

// `factor` / `divisor` parameters an element.
ParameterCount Times(const SafetensorsTensor& tensor, uint64_t factor,
                     uint64_t divisor = 1, bool is_exact = true) {
  uint64_t product = 0;
  if (__builtin_mul_overflow(tensor.elements, factor, &product)) {
    return {tensor.elements, false};
  }
  return {product / divisor, is_exact};
}

// Of a matrix; 0 for others.
uint64_t Rows(const std::optional<SafetensorsTensor>& tensor) {
  return tensor && tensor->dimension_count == 2 ? tensor->dimensions[0] : 0;
}
uint64_t Columns(const std::optional<SafetensorsTensor>& tensor) {
  return tensor && tensor->dimension_count == 2 ? tensor->dimensions[1] : 0;
}

// Words of 32 bits, `packed` of which hold `plain` parameters.
ParameterCount Unpacked(const SafetensorsTensor& tensor, uint64_t plain,
                        uint64_t packed) {
  for (const uint64_t bits : {2, 3, 4, 8}) {
    if (packed % bits == 0 && plain % 32 == 0 && packed > 0 &&
        packed / bits == plain / 32) {
      return Times(tensor, 32, bits);
    }
  }
  return Times(tensor, 8, 1, /*is_exact=*/false);
}

ParameterCount CountQweight(const SafetensorsTensor& tensor,
                            const FindTensor& find) {
  const absl::string_view stem = absl::StripSuffix(tensor.name, "qweight");
  const auto scales = find(absl::StrCat(stem, "scales"));
  const auto zeros = find(absl::StrCat(stem, "qzeros"));
  if (zeros) return Unpacked(tensor, Columns(scales), Columns(zeros));
  const uint64_t columns = Columns(tensor);
  if (columns != Columns(scales)) {
    return Unpacked(tensor, Columns(scales), columns);
  }
  return Unpacked(tensor, 0, 0);
}

ParameterCount CountBytes(const SafetensorsTensor& tensor,
                          const FindTensor& find) {
  const bool is_unsigned = tensor.dtype->name == "U8";
  if (is_unsigned && (absl::EndsWith(tensor.name, "_blocks") ||
                      absl::EndsWith(tensor.name, ".weight_packed"))) {
    return Times(tensor, 2);
  }
  for (const absl::string_view ending : {"_scale", "_weight_scale"}) {
    const auto scale = find(absl::StrCat(tensor.name, ending));
    if (!scale) continue;
    const bool has_small_scales = absl::StartsWith(scale->dtype->name, "F8_");
    return Times(tensor, is_unsigned || has_small_scales ? 2 : 1);
  }
  absl::string_view stem = tensor.name;
  if (absl::ConsumeSuffix(&stem, ".weight")) {
    const auto scale = find(absl::StrCat(stem, ".scale"));
    if (scale && absl::StartsWith(scale->dtype->name, "F8_")) {
      return Times(tensor, 2);
    }
  }
  if (!is_unsigned) return Times(tensor, 1);
  for (const absl::string_view kind : {"nf4", "fp4"}) {
    if (find(absl::StrCat(tensor.name, ".quant_state.bitsandbytes__", kind))) {
      return Times(tensor, 2);
    }
  }
  return Times(tensor, 1, 1, /*is_exact=*/tensor.dimension_count < 2);
}

}  // namespace

ParameterCount CountParameters(const SafetensorsTensor& tensor,
                               const FindTensor& find) {
  if (IsAuxiliary(tensor, find)) return {};
  const absl::string_view dtype = tensor.dtype->name;
  if (dtype == "U8" || dtype == "I8") return CountBytes(tensor, find);
  if (dtype != "I32") return Times(tensor, 1);
  if (absl::EndsWith(tensor.name, ".qweight")) {
    return CountQweight(tensor, find);
  }
  if (!absl::EndsWith(tensor.name, ".weight_packed")) return Times(tensor, 1);
  const absl::string_view stem = absl::StripSuffix(tensor.name, "_packed");
  const auto zeros = find(absl::StrCat(stem, "_zero_point"));
  return Unpacked(tensor, Rows(tensor), Rows(zeros));
}

}  // namespace governor
