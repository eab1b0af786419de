#include "governor/policy/transformers_cache.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/policy/checked_count.h"
#include "governor/policy/kv_dtype.h"
#include "governor/policy/kv_page.h"

namespace governor {
namespace {

absl::StatusOr<KvDtype> DtypeOf(const ModelShape& model) {
  if (model.compute_dtype == "bfloat16") return KvDtype::kBf16;
  if (model.compute_dtype == "float16") return KvDtype::kFp16;
  if (model.compute_dtype == "float32") return KvDtype::kFp32;
  return absl::InvalidArgumentError(absl::StrCat(
      "transformers: no cache in compute dtype ", model.compute_dtype,
      "; it is one of bfloat16, float16 and float32"));
}

// Of one sequence.
struct LayerBytes {
  TransformersCache cache;
  uint64_t tokens;
  KvDtype dtype;

  absl::StatusOr<CheckedCount> Times(const absl::StatusOr<Bytes>& token,
                                     uint64_t count) const {
    GOVERNOR_RETURN_IF_ERROR(token.status());
    return CheckedCount(token->count()) * count;
  }
  absl::StatusOr<CheckedCount> Window(const AttentionHeads& heads,
                                      uint64_t window) const {
    if (window == 0) return absl::InvalidArgumentError("window is zero");
    const uint64_t kept =
        cache == TransformersCache::kDynamic ? window - 1 : window;
    return Times(HeadsPerToken(heads, dtype, 1), std::min(kept, tokens));
  }

  absl::StatusOr<CheckedCount> operator()(const FullAttention& spec) const {
    return Times(HeadsPerToken(spec.heads, dtype, 1), tokens);
  }
  absl::StatusOr<CheckedCount> operator()(const SlidingWindow& spec) const {
    return Window(spec.heads, spec.window);
  }
  absl::StatusOr<CheckedCount> operator()(const ChunkedAttention& spec) const {
    return Window(spec.heads, spec.chunk);
  }
  absl::StatusOr<CheckedCount> operator()(const LatentAttention& spec) const {
    return Times(LatentPerToken(spec, dtype, 1), tokens);
  }
  absl::StatusOr<CheckedCount> operator()(const CrossAttention&) const {
    return absl::UnimplementedError(
        "transformers' cache of cross attention is not planned");
  }
  absl::StatusOr<CheckedCount> operator()(const SparseIndexer&) const {
    return absl::UnimplementedError(
        "transformers' cache of a sparse indexer is not planned");
  }
  absl::StatusOr<CheckedCount> operator()(const CompressedLatent&) const {
    return absl::UnimplementedError(
        "transformers' cache of compressed latents is not planned");
  }
  template <typename State>
  absl::StatusOr<CheckedCount> operator()(State spec) const {
    if (spec.conv_kernel == 0 ||
        spec.conv_kernel == std::numeric_limits<uint64_t>::max()) {
      return absl::InvalidArgumentError(
          absl::StrCat("conv_kernel is ", spec.conv_kernel));
    }
    ++spec.conv_kernel;  // StateSize counts all columns but one
    const uint64_t element = LayoutOf(dtype).block_bytes;
    return Times(
        StateSize(spec, {.element_bytes = 4, .conv_element_bytes = element}, 1),
        1);
  }
};

}  // namespace

absl::StatusOr<Bytes> TransformersCacheBytes(const ModelShape& model,
                                             TransformersCache cache,
                                             uint64_t tokens, uint64_t batch) {
  if (tokens == 0 || batch == 0) {
    return absl::InvalidArgumentError(absl::StrCat("transformers: tokens ",
                                                   tokens, " and batch ", batch,
                                                   " must be at least 1"));
  }
  GOVERNOR_ASSIGN_OR_RETURN(const KvDtype dtype, DtypeOf(model));
  CheckedCount sum = 0;
  for (size_t i = 0; i < model.layers.size(); ++i) {
    for (const KvSpec& spec : model.layers[i].kv) {
      const absl::StatusOr<CheckedCount> size =
          std::visit(LayerBytes{cache, tokens, dtype}, spec);
      if (!size.ok()) {
        return absl::Status(
            size.status().code(),
            absl::StrCat("layer ", i, ": ", size.status().message()));
      }
      sum = sum + *size;
    }
  }
  const std::optional<Bytes> bytes = (sum * batch).bytes();
  if (bytes) return *bytes;
  return absl::InvalidArgumentError(
      "transformers: the cache passes 2^64 - 1 bytes");
}

}  // namespace governor
