#include "governor/policy/weight_format.h"

namespace governor {
namespace {

constexpr WeightFormat kFormats[] = {
    {"bf16", 16},      {"Q8_0", 8.5},   {"fp8", 8},
    {"Q6_K", 6.5625},  {"Q5_K", 5.5},   {"Q4_K", 4.5},
    {"NVFP4", 4.5},    {"MXFP4", 4.25}, {"INT4 in groups of 128", 4.25},
    {"Q3_K", 3.4375},  {"Q2_K", 2.625}, {"IQ2_XXS", 2.0625},
    {"IQ1_S", 1.5625},
};

}  // namespace

absl::Span<const WeightFormat> WeightFormats() { return kFormats; }

}  // namespace governor
