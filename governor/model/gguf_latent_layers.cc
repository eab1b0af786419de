#include "governor/model/gguf_latent_layers.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"

namespace governor {
namespace {

using Layers = std::vector<std::vector<KvSpec>>;

constexpr absl::string_view kHeads = "attention.head_count";
constexpr absl::string_view kKvHeads = "attention.head_count_kv";
constexpr absl::string_view kKeyLength = "attention.key_length";
constexpr absl::string_view kRank = "attention.kv_lora_rank";
constexpr absl::string_view kKeyLengthMla = "attention.key_length_mla";
constexpr absl::string_view kValueLengthMla = "attention.value_length_mla";
constexpr absl::string_view kRopeSize = "rope.dimension_count";
constexpr absl::string_view kIndexerSize = "attention.indexer.key_length";

absl::StatusOr<bool> ConvertedForLatents(const GgufFields& fields) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t key,
                            fields.NumberOrZero(kKeyLengthMla));
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t value,
                            fields.NumberOrZero(kValueLengthMla));
  if ((key == 0) == (value == 0)) return key != 0;
  return absl::InvalidArgumentError(absl::StrCat(
      fields.Key(kKeyLengthMla), " is ", key, " and ",
      fields.Key(kValueLengthMla), " is ", value, ", but one needs the other"));
}

// The key is the latent with the rotated part behind it.
absl::StatusOr<LatentAttention> ReadLatent(const GgufFields& fields) {
  LatentAttention latent;
  GOVERNOR_ASSIGN_OR_RETURN(latent.query_heads, fields.Positive(kHeads));
  GOVERNOR_ASSIGN_OR_RETURN(latent.rank, fields.Positive(kRank));
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t key, fields.Positive(kKeyLength));
  if (key <= latent.rank) {
    return absl::InvalidArgumentError(absl::StrCat(
        fields.Key(kKeyLength), " ", key, " must be above ", fields.Key(kRank),
        " ", latent.rank, ", because it has the rotated part too"));
  }
  latent.rope_size = key - latent.rank;
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> rope,
                            fields.PositiveIfThere(kRopeSize));
  if (rope.value_or(latent.rope_size) != latent.rope_size) {
    return absl::InvalidArgumentError(absl::StrCat(
        fields.Key(kRopeSize), " is ", *rope, ", but ", fields.Key(kKeyLength),
        " ", key, " less ", fields.Key(kRank), " ", latent.rank, " is ",
        latent.rope_size));
  }
  return latent;
}

// Whether a layer has a latent: one KV head, or with states none.
absl::StatusOr<std::vector<bool>> LatentLayers(const GgufFields& fields,
                                               GgufMemory memory,
                                               GgufBlocks blocks) {
  std::vector<bool> layers(blocks.all, true);
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<uint64_t> kv_heads,
                            fields.NumbersPerLayer(kKvHeads, blocks.all));
  const uint64_t least = memory == GgufMemory::kLatentOrKimiDelta ? 0 : 1;
  for (uint64_t i = 0; i < kv_heads.size(); ++i) {
    layers[i] = kv_heads[i] != 0;
    if (kv_heads[i] >= least && kv_heads[i] <= 1) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(fields.Key(kKvHeads), " is ", kv_heads[i], " in layer ", i,
                     ", but a latent is one for all heads"));
  }
  return layers;
}

// The trunk's layers whose indexer keeps keys of its own (GLM 5.2: some use
// what an earlier one chose).
absl::StatusOr<std::vector<bool>> IndexerLayers(const GgufFields& fields,
                                                GgufBlocks blocks) {
  constexpr absl::string_view kTypes = "attention.indexer.types";
  // llama.cpp has a list of its own for files from this context on that have
  // none.
  constexpr uint64_t kContextOfGlm52 = 1'048'576;
  GOVERNOR_ASSIGN_OR_RETURN(
      std::vector<bool> full,
      fields.FlagsPerLayer(kTypes, blocks.trunk, blocks.trunk));
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t context,
                            fields.Positive("context_length"));
  if (full.empty() && fields.architecture() == "glm-dsa" &&
      context >= kContextOfGlm52) {
    return absl::InvalidArgumentError(
        absl::StrCat(fields.Key(kTypes), " is missing, which a model with ",
                     fields.Key("context_length"), " ", context,
                     " needs; convert or download the model again"));
  }
  if (full.empty()) full.assign(blocks.trunk, true);
  full.resize(blocks.all);
  return full;
}

absl::StatusOr<Layers> CompressedLayers(const GgufFields& fields,
                                        GgufBlocks blocks) {
  constexpr absl::string_view kRatios = "attention.compress_ratios";
  // The only ratio with an indexer (llama.cpp: CSA), and the other one (HCA).
  constexpr uint64_t kIndexed = 4;
  constexpr uint64_t kHeavy = 128;
  CompressedLatent latent;
  GOVERNOR_ASSIGN_OR_RETURN(latent.head_size, fields.Positive(kKeyLength));
  GOVERNOR_ASSIGN_OR_RETURN(latent.rope_size, fields.Positive(kRopeSize));
  GOVERNOR_ASSIGN_OR_RETURN(latent.window,
                            fields.Positive("attention.sliding_window"));
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t index_head_size,
                            fields.Positive(kIndexerSize));
  const GgufArray* ratios = fields.ArrayIfThere(kRatios);
  if (ratios == nullptr || ratios->count < blocks.all) {
    return absl::InvalidArgumentError(absl::StrCat(
        fields.Key(kRatios), " must be an array of a ratio for each of the ",
        blocks.all, " layers, but ",
        ratios == nullptr ? "is none" : absl::StrCat("has ", ratios->count)));
  }
  Layers layers(blocks.all);
  for (uint64_t i = 0; i < blocks.all; ++i) {
    const std::optional<uint64_t> ratio = ratios->UnsignedAt(i);
    if (!ratio || (*ratio != 0 && *ratio != kIndexed && *ratio != kHeavy)) {
      return absl::UnimplementedError(
          absl::StrCat(fields.Key(kRatios), "[", i, "] is ",
                       ratio ? absl::StrCat(*ratio) : "no ratio", ", but 0, ",
                       kIndexed, " and ", kHeavy, " are known"));
    }
    latent.compress_ratio = i < blocks.trunk ? *ratio : 0;
    latent.index_head_size =
        latent.compress_ratio == kIndexed ? index_head_size : 0;
    layers[i] = {latent};
  }
  return layers;
}

}  // namespace

absl::StatusOr<std::optional<Layers>> GgufLatentLayers(const GgufFields& fields,
                                                       GgufMemory memory,
                                                       GgufBlocks blocks) {
  if (memory == GgufMemory::kCompressedLatent) {
    return CompressedLayers(fields, blocks);
  }
  GOVERNOR_ASSIGN_OR_RETURN(const bool latents, ConvertedForLatents(fields));
  if (!latents) {
    if (memory == GgufMemory::kLatent) return std::optional<Layers>();
    return fields.Positive(kKeyLengthMla).status();
  }
  GOVERNOR_ASSIGN_OR_RETURN(LatentAttention latent, ReadLatent(fields));
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<bool> has_latent,
                            LatentLayers(fields, memory, blocks));
  SparseIndexer indexer;
  indexer.storage = SparseIndexer::Storage::kComputeDtype;
  std::vector<bool> has_indexer(blocks.all);
  const bool sparse = memory == GgufMemory::kSparseLatent;
  if (sparse) {
    GOVERNOR_ASSIGN_OR_RETURN(indexer.head_size, fields.Positive(kIndexerSize));
    GOVERNOR_ASSIGN_OR_RETURN(has_indexer, IndexerLayers(fields, blocks));
  }
  Layers layers(blocks.all);
  for (uint64_t i = 0; i < blocks.all; ++i) {
    if (!has_latent[i]) continue;
    latent.sparse = sparse && i < blocks.trunk;
    layers[i].push_back(latent);
    if (has_indexer[i]) layers[i].push_back(indexer);
  }
  return std::optional<Layers>(std::move(layers));
}

}  // namespace governor
