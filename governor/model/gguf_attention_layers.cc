#include "governor/model/gguf_attention_layers.h"

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/model/gguf_windows.h"

namespace governor {
namespace {

// Gemma 3n: the layers that keep what later ones read.
constexpr uint64_t kGemma3nOwnLayers = 20;

struct HeadCounts {
  std::vector<uint64_t> query;
  std::vector<uint64_t> kv;
};

bool SomeLayersHaveNoHeads(GgufMemory memory) {
  return memory == GgufMemory::kHeadsOrNothing ||
         memory == GgufMemory::kHeadsOrMamba1 ||
         memory == GgufMemory::kHeadsOrMamba2 ||
         memory == GgufMemory::kHeadsOrMamba2OrNothing;
}

// Nemotron-H: a layer is attention, a state or a feed-forward network, and
// keeps nothing then.
absl::Status DropFeedForwardLayers(const GgufFields& fields, GgufBlocks blocks,
                                   HeadCounts& heads) {
  GOVERNOR_ASSIGN_OR_RETURN(
      const std::vector<uint64_t> lengths,
      fields.NumbersPerLayer("feed_forward_length", blocks.all));
  for (uint64_t i = 0; i < blocks.trunk && i < lengths.size(); ++i) {
    if (lengths[i] != 0) heads.kv[i] = 0;
  }
  return absl::OkStatus();
}

absl::StatusOr<HeadCounts> ReadHeadCounts(const GgufFields& fields,
                                          GgufMemory memory,
                                          GgufBlocks blocks) {
  constexpr absl::string_view kQuery = "attention.head_count";
  constexpr absl::string_view kKv = "attention.head_count_kv";
  HeadCounts heads;
  if (SomeLayersHaveNoHeads(memory)) {
    GOVERNOR_ASSIGN_OR_RETURN(heads.query,
                              fields.NumbersPerLayer(kQuery, blocks.all));
    GOVERNOR_ASSIGN_OR_RETURN(heads.kv,
                              fields.NumbersPerLayer(kKv, blocks.all));
  } else {
    GOVERNOR_ASSIGN_OR_RETURN(heads.query,
                              fields.PositivePerLayer(kQuery, blocks.all));
    GOVERNOR_ASSIGN_OR_RETURN(heads.kv,
                              fields.PositivePerLayer(kKv, blocks.all));
  }
  if (heads.query.empty()) {
    // For the message that names the missing field.
    return fields.Positive(kQuery).status();
  }
  if (heads.kv.empty()) heads.kv = heads.query;
  for (uint64_t i = 0; i < blocks.all; ++i) {
    if (heads.kv[i] == 0 ||
        (heads.kv[i] <= heads.query[i] && heads.query[i] % heads.kv[i] == 0)) {
      continue;
    }
    return absl::InvalidArgumentError(absl::StrCat(
        fields.Key(kQuery), " ", heads.query[i], " must be a multiple of ",
        fields.Key(kKv), " ", heads.kv[i], " (in layer ", i, ")"));
  }
  return heads;
}

// The head size where no field gives it.
absl::StatusOr<uint64_t> DefaultHeadSize(const GgufFields& fields,
                                         const HeadCounts& heads) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t embedding,
                            fields.Positive("embedding_length"));
  const uint64_t query_heads = heads.query[0];
  if (query_heads != 0 && embedding % query_heads == 0 && embedding != 0) {
    return embedding / query_heads;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      fields.Key("embedding_length"), " ", embedding, " is no multiple of ",
      fields.Key("attention.head_count"), " ", query_heads,
      ", and there is no ", fields.Key("attention.key_length"), " and ",
      fields.Key("attention.value_length")));
}

struct HeadSizes {
  uint64_t k = 0;
  uint64_t v = 0;
  uint64_t windowed_k = 0;
  uint64_t windowed_v = 0;
};

absl::StatusOr<HeadSizes> ReadHeadSizes(const GgufFields& fields,
                                        const HeadCounts& heads) {
  GOVERNOR_ASSIGN_OR_RETURN(std::optional<uint64_t> k,
                            fields.PositiveIfThere("attention.key_length"));
  GOVERNOR_ASSIGN_OR_RETURN(std::optional<uint64_t> v,
                            fields.PositiveIfThere("attention.value_length"));
  if (!k || !v) {
    GOVERNOR_ASSIGN_OR_RETURN(const uint64_t size,
                              DefaultHeadSize(fields, heads));
    k = k.value_or(size);
    v = v.value_or(size);
  }
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> windowed_k,
                            fields.PositiveIfThere("attention.key_length_swa"));
  GOVERNOR_ASSIGN_OR_RETURN(
      const std::optional<uint64_t> windowed_v,
      fields.PositiveIfThere("attention.value_length_swa"));
  return HeadSizes{*k, *v, windowed_k.value_or(*k), windowed_v.value_or(*v)};
}

// How many layers, from the first, keep what they compute.
absl::StatusOr<uint64_t> OwnLayers(const GgufFields& fields,
                                   GgufSharing sharing, GgufBlocks blocks) {
  if (sharing == GgufSharing::kNone) return blocks.all;
  if (sharing == GgufSharing::kAfter20) {
    return std::min(blocks.all, kGemma3nOwnLayers);
  }
  constexpr absl::string_view kField = "attention.shared_kv_layers";
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t shared, fields.NumberOrZero(kField));
  if (shared < blocks.all) return blocks.all - shared;
  return absl::InvalidArgumentError(
      absl::StrCat(fields.Key(kField), " is ", shared, ", but must be below ",
                   fields.Key("block_count"), " ", blocks.all));
}

}  // namespace

absl::StatusOr<std::vector<std::optional<KvSpec>>> GgufAttentionLayers(
    const GgufFields& fields, const GgufArchitecture& architecture,
    GgufBlocks blocks) {
  GOVERNOR_ASSIGN_OR_RETURN(
      HeadCounts heads, ReadHeadCounts(fields, architecture.memory, blocks));
  if (architecture.memory == GgufMemory::kHeadsOrMamba2OrNothing) {
    GOVERNOR_RETURN_IF_ERROR(DropFeedForwardLayers(fields, blocks, heads));
  }
  GOVERNOR_ASSIGN_OR_RETURN(const HeadSizes sizes,
                            ReadHeadSizes(fields, heads));
  GOVERNOR_ASSIGN_OR_RETURN(
      const GgufWindowLayers windows,
      ReadGgufWindows(fields, architecture.windows, blocks));
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t own,
                            OwnLayers(fields, architecture.sharing, blocks));

  std::vector<std::optional<KvSpec>> layers(blocks.all);
  for (uint64_t i = 0; i < own; ++i) {
    if (heads.kv[i] == 0) continue;
    const bool windowed = windows.at(i);
    const AttentionHeads layer = {
        .query_heads = heads.query[i],
        .kv_heads = heads.kv[i],
        .head_size_k = windowed ? sizes.windowed_k : sizes.k,
        .head_size_v = windowed ? sizes.windowed_v : sizes.v};
    if (!windowed) {
      layers[i] = FullAttention{layer};
    } else if (architecture.windows.chunked) {
      layers[i] = ChunkedAttention{layer, windows.tokens};
    } else {
      layers[i] = SlidingWindow{layer, windows.tokens};
    }
  }
  return layers;
}

}  // namespace governor
