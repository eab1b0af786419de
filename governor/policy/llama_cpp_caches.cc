#include "governor/policy/llama_cpp_caches.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/base/status_macros.h"
#include "governor/policy/checked_count.h"
#include "governor/policy/kv_page.h"

namespace governor {
namespace {

constexpr absl::string_view kTypeNames =
    "f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0, iq4_nl";

absl::Status PastBytes(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(what, " pass 2^64 - 1 bytes"));
}

bool IsQuantized(KvDtype dtype) { return LayoutOf(dtype).block_elements > 1; }

absl::Status CheckOptions(uint64_t n_ctx, const LlamaCppOptions& options) {
  if (n_ctx == 0 || options.n_seq_max == 0 || options.n_ubatch == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("llama.cpp: tokens of context ", n_ctx, ", sequences ",
                     options.n_seq_max, " and n_ubatch ", options.n_ubatch,
                     " must all be at least 1"));
  }
  for (const KvDtype type : {options.type_k, options.type_v}) {
    if (LlamaCppTypeName(type)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("llama.cpp has no KV dtype ", LayoutOf(type).name,
                     "; its own are ", kTypeNames));
  }
  if (IsQuantized(options.type_v) && !options.flash_attention) {
    return absl::InvalidArgumentError(
        absl::StrCat("llama.cpp keeps V as ", LayoutOf(options.type_v).name,
                     " with flash attention alone; turn it on, or keep V as "
                     "f16"));
  }
  return absl::OkStatus();
}

// One K or V of `heads` heads. Zero elements: none is kept.
absl::StatusOr<CheckedCount> RowBytes(uint64_t heads, uint64_t head_size,
                                      KvDtype type) {
  const KvDtypeLayout& layout = LayoutOf(type);
  if (head_size % layout.block_elements != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "llama.cpp: blocks of ", layout.block_elements, " elements of ",
        layout.name, " do not divide a head of ", head_size, "; use f16"));
  }
  return CheckedCount(heads) * (head_size / layout.block_elements) *
         layout.block_bytes;
}

struct LayerVisitor {
  const LlamaCppOptions& options;
  bool keeps_windows;
  LlamaCppLayer& layer;

  absl::Status Add(absl::StatusOr<CheckedCount> size, Bytes& sum) const {
    GOVERNOR_RETURN_IF_ERROR(size.status());
    const std::optional<Bytes> total =
        (CheckedCount(sum.count()) + *size).bytes();
    if (!total) return PastBytes("its cells");
    sum = *total;
    return absl::OkStatus();
  }
  absl::Status AddHeads(const AttentionHeads& heads, Bytes& sum) const {
    if (heads.kv_heads == 0 || heads.head_size_k == 0 ||
        heads.head_size_v == 0) {
      return absl::InvalidArgumentError(
          "kv_heads, head_size_k or head_size_v is zero");
    }
    GOVERNOR_RETURN_IF_ERROR(
        Add(RowBytes(heads.kv_heads, heads.head_size_k, options.type_k), sum));
    return Add(RowBytes(heads.kv_heads, heads.head_size_v, options.type_v),
               sum);
  }
  template <typename State>
  absl::Status AddState(const State& state) const {
    constexpr StateStorage kFloats = {
        .element_bytes = 4, .conv_element_bytes = 4, .draft_tokens = 0};
    GOVERNOR_ASSIGN_OR_RETURN(const Bytes size, StateSize(state, kFloats, 1));
    return Add(CheckedCount(size.count()), layer.state);
  }

  absl::Status operator()(const FullAttention& spec) const {
    return AddHeads(spec.heads, layer.full);
  }
  absl::Status operator()(const SlidingWindow& spec) const {
    return AddHeads(spec.heads, keeps_windows ? layer.window : layer.full);
  }
  absl::Status operator()(const ChunkedAttention& spec) const {
    return AddHeads(spec.heads, keeps_windows ? layer.window : layer.full);
  }
  absl::Status operator()(const LatentAttention& spec) const {
    const std::optional<uint64_t> elements =
        (CheckedCount(spec.rank) + spec.rope_size).value();
    if (spec.rank == 0 || !elements) {
      return absl::InvalidArgumentError(
          "rank of the latent is zero, or passes 2^64 - 1");
    }
    return Add(RowBytes(1, *elements, options.type_k), layer.full);
  }
  absl::Status operator()(const CrossAttention&) const {
    return absl::UnimplementedError(
        "no plan of cross attention for llama.cpp; whisper.cpp runs such "
        "models");
  }
  // One key of the K type for each token, in a cache as long as the latents'.
  absl::Status operator()(const SparseIndexer& spec) const {
    if (spec.head_size == 0) {
      return absl::InvalidArgumentError("head_size of the indexer is zero");
    }
    return Add(RowBytes(1, spec.head_size, options.type_k), layer.full);
  }
  absl::Status operator()(const CompressedLatent&) const {
    return absl::UnimplementedError(
        "no plan of compressed latents for llama.cpp");
  }
  absl::Status operator()(const Mamba1State& spec) const {
    return AddState(spec);
  }
  absl::Status operator()(const Mamba2State& spec) const {
    return AddState(spec);
  }
  absl::Status operator()(const DeltaNetState& spec) const {
    return AddState(spec);
  }
  absl::Status operator()(const KimiDeltaState& spec) const {
    return AddState(spec);
  }
};

// llama.cpp has one window for the whole model.
struct Windows {
  uint64_t longest = 0;
  bool beside_full = false;  // some layer attends to all tokens
};

Windows WindowsOf(const ModelShape& model) {
  Windows windows;
  for (const LayerShape& layer : model.layers) {
    for (const KvSpec& spec : layer.kv) {
      if (const auto* sliding = std::get_if<SlidingWindow>(&spec)) {
        windows.longest = std::max(windows.longest, sliding->window);
      } else if (const auto* chunked = std::get_if<ChunkedAttention>(&spec)) {
        windows.longest = std::max(windows.longest, chunked->chunk);
      } else if (std::holds_alternative<FullAttention>(spec) ||
                 std::holds_alternative<LatentAttention>(spec)) {
        windows.beside_full = true;
      }
    }
  }
  return windows;
}

std::optional<uint64_t> Padded(CheckedCount tokens) {
  return (tokens.DividedUpBy(kLlamaCppCells) * kLlamaCppCells).value();
}

absl::Status CountCells(uint64_t n_ctx, uint64_t window,
                        const LlamaCppOptions& options,
                        LlamaCppCaches& caches) {
  caches.streams = options.kv_unified ? 1 : options.n_seq_max;
  // The context is padded, divided, and what each stream has is padded again.
  const std::optional<uint64_t> all = Padded(n_ctx);
  const std::optional<uint64_t> each =
      all ? Padded(*all / caches.streams) : std::nullopt;
  const std::optional<uint64_t> needed =
      (CheckedCount(window) * (options.kv_unified ? options.n_seq_max : 1) +
       options.n_ubatch)
          .value();
  if (!each || !needed) {
    return absl::InvalidArgumentError(
        absl::StrCat("context of ", n_ctx, " tokens or window of ", window,
                     " passes 2^64 - 1 cells"));
  }
  if (*each == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("context of ", n_ctx, " tokens leaves none for each of ",
                     options.n_seq_max, " sequences"));
  }
  caches.cells_per_stream = *each;
  // Neither operand of min is above a padded number, so this cannot pass.
  caches.window_cells_per_stream = window == 0 ? 0
                                   : options.swa_full
                                       ? *each
                                       : *Padded(std::min(*each, *needed));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LlamaCppCaches> LlamaCppCachesOf(
    const ModelShape& model, uint64_t n_ctx, const LlamaCppOptions& options) {
  GOVERNOR_RETURN_IF_ERROR(CheckOptions(n_ctx, options));
  const Windows windows = WindowsOf(model);
  const bool keeps_windows = windows.beside_full && windows.longest > 0;
  LlamaCppCaches caches;
  GOVERNOR_RETURN_IF_ERROR(
      CountCells(n_ctx, keeps_windows ? windows.longest : 0, options, caches));

  CheckedCount full = 0, window = 0, state = 0;
  caches.layers.resize(model.layers.size());
  for (size_t i = 0; i < model.layers.size(); ++i) {
    LlamaCppLayer& layer = caches.layers[i];
    for (const KvSpec& spec : model.layers[i].kv) {
      const absl::Status status =
          std::visit(LayerVisitor{options, keeps_windows, layer}, spec);
      if (status.ok()) continue;
      return absl::Status(status.code(),
                          absl::StrCat("layer ", i, ": ", status.message()));
    }
    full = full + layer.full.count();
    window = window + layer.window.count();
    state = state + layer.state.count();
  }
  const std::optional<Bytes> full_bytes =
      (full * caches.cells_per_stream * caches.streams).bytes();
  const std::optional<Bytes> window_bytes =
      (window * caches.window_cells_per_stream * caches.streams).bytes();
  const std::optional<Bytes> state_bytes = (state * options.n_seq_max).bytes();
  if (!full_bytes || !window_bytes || !state_bytes) {
    return PastBytes("llama.cpp: the caches");
  }
  caches.full = *full_bytes;
  caches.window = *window_bytes;
  caches.state = *state_bytes;
  return caches;
}

std::optional<absl::string_view> LlamaCppTypeName(KvDtype dtype) {
  switch (dtype) {
    case KvDtype::kFp32:
      return "f32";
    case KvDtype::kFp16:
      return "f16";
    case KvDtype::kBf16:
    case KvDtype::kQ8_0:
    case KvDtype::kQ5_1:
    case KvDtype::kQ5_0:
    case KvDtype::kQ4_1:
    case KvDtype::kQ4_0:
    case KvDtype::kIq4Nl:
      return LayoutOf(dtype).name;
    case KvDtype::kFp8:
    case KvDtype::kInt8:
    case KvDtype::kFp8PerTokenHead:
    case KvDtype::kInt8PerTokenHead:
    case KvDtype::kInt4PerTokenHead:
    case KvDtype::kNvfp4:
    case KvDtype::kFp8DsMla:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace governor
