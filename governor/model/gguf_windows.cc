#include "governor/model/gguf_windows.h"

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"

namespace governor {
namespace {

constexpr absl::string_view kSizeField = "attention.sliding_window";
constexpr absl::string_view kPatternField = "attention.sliding_window_pattern";

// Zero: no layer has a window.
absl::StatusOr<uint64_t> WindowSize(const GgufFields& fields,
                                    const GgufWindows& windows,
                                    GgufBlocks blocks) {
  if (windows.only_with_layers != 0 &&
      windows.only_with_layers != blocks.trunk) {
    return 0;
  }
  switch (windows.size) {
    case GgufWindows::Size::kNever:
      return 0;
    case GgufWindows::Size::kRequired:
      return fields.Positive(kSizeField);
    case GgufWindows::Size::kOptional:
      return fields.NumberOrZero(kSizeField);
    case GgufWindows::Size::kDefault: {
      GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> declared,
                                fields.PositiveIfThere(kSizeField));
      return declared.value_or(windows.tokens);
    }
    case GgufWindows::Size::kFixed: {
      GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> declared,
                                fields.NumberIfThere(kSizeField));
      return declared == uint64_t{0} ? 0 : windows.tokens;
    }
  }
  return absl::InternalError("a rule for windows that is not handled");
}

// How many layers make a group with one full layer in it.
absl::StatusOr<uint64_t> Period(const GgufFields& fields,
                                const GgufWindows& windows, GgufBlocks blocks) {
  if (windows.period == 0) {
    // An array, which the caller did not find.
    return absl::InvalidArgumentError(
        absl::StrCat(fields.Key(kPatternField),
                     " must be an array of a bool for each layer"));
  }
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> declared,
                            fields.PositiveIfThere(kPatternField));
  if (!declared) return windows.period;
  if (*declared > blocks.trunk) {
    return absl::InvalidArgumentError(absl::StrCat(
        fields.Key(kPatternField), " is ", *declared,
        ", but must be from 1 to the number of layers, ", blocks.trunk));
  }
  return *declared;
}

}  // namespace

absl::StatusOr<GgufWindowLayers> ReadGgufWindows(const GgufFields& fields,
                                                 const GgufWindows& windows,
                                                 GgufBlocks blocks) {
  GgufWindowLayers layers;
  GOVERNOR_ASSIGN_OR_RETURN(layers.tokens, WindowSize(fields, windows, blocks));
  if (layers.tokens == 0) return GgufWindowLayers();
  GOVERNOR_ASSIGN_OR_RETURN(
      layers.windowed,
      fields.FlagsPerLayer(kPatternField, blocks.all, blocks.trunk));
  if (!layers.windowed.empty()) return layers;

  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t period,
                            Period(fields, windows, blocks));
  layers.windowed.resize(blocks.all);
  for (uint64_t i = 0; i < blocks.trunk; ++i) {
    layers.windowed[i] = i % period != (windows.full_first ? 0 : period - 1);
  }
  return layers;
}

}  // namespace governor
