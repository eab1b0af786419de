#include "governor/policy/random_plan_case.h"

#include <algorithm>
#include <vector>

namespace governor {
namespace {

AttentionHeads RandomHeads(Dice& dice) {
  const uint64_t kv_heads = uint64_t{1} << dice.Log(0, 4);
  const uint64_t head_size = 32 * dice.Log(1, 8);
  return {.query_heads = kv_heads * 4 * dice.Log(1, 8),
          .kv_heads = kv_heads,
          .head_size_k = head_size,
          .head_size_v = head_size};
}

std::vector<LayerShape> RandomLayers(Dice& dice) {
  const AttentionHeads heads = RandomHeads(dice);
  const uint64_t kind = dice.Log(0, 4);
  const uint64_t period = dice.Log(1, 8);
  const uint64_t window = dice.Log(1, 8192);
  std::vector<LayerShape> layers(dice.Log(1, 100));
  for (uint64_t i = 0; i < layers.size(); ++i) {
    std::vector<KvSpec>& kv = layers[i].kv;
    if (kind == 3) {
      kv = {LatentAttention{
          .query_heads = heads.query_heads, .rank = 512, .rope_size = 64}};
    } else if (i % period == 0 || kind == 0) {
      kv = {FullAttention{heads}};
    } else if (kind == 1) {
      kv = {SlidingWindow{heads, window}};
    } else if (kind == 2) {
      kv = {ChunkedAttention{heads, window}};
    } else {
      kv = {Mamba2State{.heads = 64,
                        .head_size = 64,
                        .state_size = 128,
                        .groups = 8,
                        .conv_kernel = 4}};
    }
  }
  return layers;
}

// Spreads what the model weighs over its layers and what is outside them.
void PlaceWeights(Dice& dice, ModelShape& model) {
  const uint64_t parts = model.layers.size() + 2;
  const Bytes part(model.weights.count() / parts);
  for (LayerShape& layer : model.layers) {
    layer.weights = part;
    layer.replicated_weights = Bytes(part.count() / dice.Log(1, 100));
    layer.kv_weights = Bytes(part.count() / dice.Log(1, 10));
  }
  model.outer.embedding = part;
  if (dice.Flip()) model.outer.head = part;
}

}  // namespace

uint64_t Dice::Log(uint64_t low, uint64_t high) {
  const int bits = static_cast<int>(engine_() % 64) + 1;
  const uint64_t span = high - low + 1;
  return low + (engine_() >> (64 - bits)) % span;
}

RandomPlanCase MakeRandomPlanCase(uint64_t seed, uint64_t scale) {
  Dice dice(seed);
  RandomPlanCase c;
  c.model.context_length = dice.Log(1, 1 << 18);
  c.model.weights = Bytes(dice.Log(0, scale));
  c.model.layers = RandomLayers(dice);
  PlaceWeights(dice, c.model);
  PlanRequest& request = c.request;
  request.allowance = Bytes(dice.Log(0, scale / 4));
  if (dice.Flip()) request.activations = Bytes(dice.Log(0, scale / 4));
  if (dice.Flip()) request.graphs = Bytes(dice.Log(0, scale / 8));
  KvLayoutRequest& layout = request.layout;
  layout.engine = dice.Log(0, 3) == 0 ? Engine::kLlamaCpp : Engine::kVllm;
  layout.kv_dtype = layout.engine == Engine::kLlamaCpp
                        ? (dice.Flip() ? KvDtype::kQ8_0 : KvDtype::kFp16)
                        : (dice.Flip() ? KvDtype::kFp8 : KvDtype::kBf16);
  if (dice.Flip()) layout.block_tokens = 16 * dice.Log(1, 16);
  layout.tensor_parallel = uint64_t{1} << dice.Log(0, 2);
  layout.pipeline_parallel =
      std::min<uint64_t>(dice.Log(1, 3), c.model.layers.size());
  if (layout.engine == Engine::kLlamaCpp) {
    // It has no blocks to choose, and one rank is what it is planned for.
    layout.block_tokens.reset();
    layout.tensor_parallel = 1;
    layout.pipeline_parallel = 1;
  }
  if (dice.Flip()) request.max_model_len = dice.Log(1, 1 << 17);
  if (dice.Flip()) request.max_seqs = dice.Log(1, 64);
  if (dice.Flip()) request.shared_prefix_tokens = dice.Log(0, 1 << 16);
  request.granularity = Bytes(dice.Log(1, MiB(2).count()));
  request.budget = Bytes(dice.Log(0, 4 * scale));
  if (dice.Log(0, 3) == 0) request.kv_memory = Bytes(dice.Log(0, scale));
  return c;
}

}  // namespace governor
