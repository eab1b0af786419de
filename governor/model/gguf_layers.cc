#include "governor/model/gguf_layers.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "governor/base/status_macros.h"
#include "governor/model/gguf_attention_layers.h"
#include "governor/model/gguf_blocks.h"
#include "governor/model/gguf_latent_layers.h"
#include "governor/model/gguf_layer_checks.h"
#include "governor/model/gguf_state_layers.h"

namespace governor {
namespace {

bool HasLatents(GgufMemory memory) {
  return memory == GgufMemory::kLatent || memory == GgufMemory::kSparseLatent ||
         memory == GgufMemory::kCompressedLatent ||
         memory == GgufMemory::kLatentOrKimiDelta;
}

// What each layer keeps of past tokens one by one: heads or latents.
absl::StatusOr<std::vector<std::vector<KvSpec>>> ReadAttention(
    const GgufFields& fields, const GgufArchitecture& architecture,
    GgufBlocks blocks) {
  std::vector<std::vector<KvSpec>> layers(blocks.all);
  if (architecture.memory == GgufMemory::kMamba1 ||
      architecture.memory == GgufMemory::kMamba2) {
    return layers;
  }
  if (HasLatents(architecture.memory)) {
    GOVERNOR_ASSIGN_OR_RETURN(
        auto latents, GgufLatentLayers(fields, architecture.memory, blocks));
    if (latents) return *std::move(latents);
  }
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<std::optional<KvSpec>> heads,
                            GgufAttentionLayers(fields, architecture, blocks));
  for (uint64_t i = 0; i < blocks.all; ++i) {
    if (heads[i]) layers[i].push_back(*heads[i]);
  }
  return layers;
}

}  // namespace

absl::StatusOr<GgufLayers> ReadGgufLayers(
    const Gguf& gguf, const GgufFields& fields,
    const GgufArchitecture& architecture) {
  GOVERNOR_ASSIGN_OR_RETURN(const GgufBlocks blocks,
                            ReadGgufBlocks(gguf, fields));
  GOVERNOR_ASSIGN_OR_RETURN(std::vector<std::vector<KvSpec>> kv,
                            ReadAttention(fields, architecture, blocks));
  GOVERNOR_ASSIGN_OR_RETURN(
      const std::vector<bool> has_state,
      GgufStateLayers(fields, architecture.memory, blocks));
  if (!has_state.empty()) {
    GOVERNOR_ASSIGN_OR_RETURN(const KvSpec state,
                              ReadGgufState(fields, architecture.memory));
    for (uint64_t i = 0; i < blocks.all; ++i) {
      if (!has_state[i]) continue;
      if (architecture.memory == GgufMemory::kHeadsOrDeltaNet) kv[i].clear();
      kv[i].push_back(state);
    }
  }
  GOVERNOR_RETURN_IF_ERROR(CheckGgufLayers(gguf, fields, blocks, kv));

  GgufLayers layers;
  layers.layers.reserve(blocks.trunk);
  for (uint64_t i = 0; i < blocks.all; ++i) {
    auto& where = i < blocks.trunk ? layers.layers : layers.draft_layers;
    where.push_back({.kv = std::move(kv[i])});
  }
  return layers;
}

}  // namespace governor
