#include "governor/kv_spec_text.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace governor {
namespace {

std::string Heads(const AttentionHeads& heads) {
  std::string text =
      absl::StrCat(", ", heads.query_heads, " query heads, ", heads.kv_heads,
                   heads.kv_heads == 1 ? " KV head of " : " KV heads of ",
                   heads.head_size_k);
  if (heads.head_size_v != heads.head_size_k) {
    absl::StrAppend(&text, " (K) and ", heads.head_size_v, " (V)");
  }
  return text;
}

struct SpecToText {
  std::string operator()(const FullAttention& spec) const {
    return absl::StrCat("full attention", Heads(spec.heads));
  }
  std::string operator()(const SlidingWindow& spec) const {
    return absl::StrCat("sliding window ", spec.window, Heads(spec.heads));
  }
  std::string operator()(const ChunkedAttention& spec) const {
    return absl::StrCat("attention in chunks of ", spec.chunk,
                        Heads(spec.heads));
  }
  std::string operator()(const CrossAttention& spec) const {
    return absl::StrCat("cross attention to ", spec.source_tokens, " tokens",
                        Heads(spec.heads));
  }
  std::string operator()(const LatentAttention& spec) const {
    return absl::StrCat(
        spec.sparse ? "sparse latent attention, " : "latent attention, ",
        spec.query_heads, " query heads, latents of ", spec.rank, " + ",
        spec.rope_size);
  }
  std::string operator()(const SparseIndexer& spec) const {
    return absl::StrCat("a sparse indexer of ", spec.head_size,
                        spec.storage == SparseIndexer::Storage::kFp8WithScales
                            ? " in fp8"
                            : "");
  }
  std::string operator()(const CompressedLatent& spec) const {
    std::string text = absl::StrCat("latents of ", spec.head_size,
                                    " in a window of ", spec.window);
    if (spec.compress_ratio > 0) {
      absl::StrAppend(&text, ", one for ", spec.compress_ratio,
                      " older tokens");
    }
    if (spec.index_head_size > 0) {
      absl::StrAppend(&text, ", with an indexer of ", spec.index_head_size);
    }
    return text;
  }
  std::string operator()(const Mamba1State& spec) const {
    return absl::StrCat("Mamba state, ", spec.inner_size, " x ",
                        spec.state_size);
  }
  std::string operator()(const Mamba2State& spec) const {
    return absl::StrCat("Mamba 2 state, ", spec.heads, " heads of ",
                        spec.head_size, " x ", spec.state_size);
  }
  std::string operator()(const DeltaNetState& spec) const {
    return absl::StrCat("delta net state, ", spec.value_heads, " heads of ",
                        spec.key_head_size, " x ", spec.value_head_size);
  }
  std::string operator()(const KimiDeltaState& spec) const {
    return absl::StrCat("Kimi delta state, ", spec.heads, " heads of ",
                        spec.head_size, " x ", spec.head_size);
  }
};

}  // namespace

std::string ToText(const KvSpec& spec) {
  return std::visit(SpecToText(), spec);
}

std::string ToText(const std::vector<KvSpec>& kv) {
  if (kv.empty()) return "nothing of their own";
  return absl::StrJoin(kv, " and ", [](std::string* out, const KvSpec& spec) {
    absl::StrAppend(out, ToText(spec));
  });
}

}  // namespace governor
