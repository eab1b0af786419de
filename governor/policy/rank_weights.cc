#include "governor/policy/rank_weights.h"

#include <algorithm>
#include <cstddef>
#include <variant>

namespace governor {
namespace {

Bytes Split(Bytes size, uint64_t ranks) {
  return Bytes(size.count() / ranks + (size.count() % ranks != 0));
}

// KV heads of a layer; zero: it has none.
uint64_t KvHeadsOf(const LayerShape& layer) {
  for (const KvSpec& spec : layer.kv) {
    if (const auto* full = std::get_if<FullAttention>(&spec)) {
      return full->heads.kv_heads;
    }
    if (const auto* sliding = std::get_if<SlidingWindow>(&spec)) {
      return sliding->heads.kv_heads;
    }
    if (const auto* chunked = std::get_if<ChunkedAttention>(&spec)) {
      return chunked->heads.kv_heads;
    }
  }
  return 0;
}

// What one of `ranks` ranks holds of a layer.
Bytes RankPart(const LayerShape& layer, uint64_t ranks) {
  const Bytes whole = std::min(layer.weights, layer.replicated_weights);
  const Bytes kv = std::min(layer.weights - whole, layer.kv_weights);
  const uint64_t heads = KvHeadsOf(layer);
  return whole + Split(layer.weights - whole - kv, ranks) +
         Split(kv, heads == 0 ? ranks : std::min(ranks, heads));
}

Bytes RankPart(absl::Span<const LayerShape> layers, uint64_t ranks) {
  Bytes sum;
  for (const LayerShape& layer : layers) sum += RankPart(layer, ranks);
  return sum;
}

Bytes SumOf(absl::Span<const LayerShape> layers, Bytes LayerShape::*field) {
  Bytes sum;
  for (const LayerShape& layer : layers) sum += layer.*field;
  return sum;
}

}  // namespace

Bytes LoadedWeights(const ModelShape& model, bool drafting) {
  if (drafting) return model.weights;
  return SaturatingSubtract(model.weights,
                            SumOf(model.draft_layers, &LayerShape::weights));
}

std::vector<Bytes> WeightsByStage(const ModelShape& model, bool drafting,
                                  uint64_t tensor_parallel,
                                  absl::Span<const uint64_t> layers_by_stage) {
  const size_t stages = layers_by_stage.size();
  const absl::Span<const LayerShape> layers = model.layers;
  const Bytes everywhere = model.outer.replicated + model.outer.towers;
  std::vector<Bytes> held(stages, everywhere);
  Bytes placed = everywhere + model.outer.head;
  size_t first = 0;
  for (size_t stage = 0; stage < stages; ++stage) {
    const auto own = layers.subspan(first, layers_by_stage[stage]);
    held[stage] += RankPart(own, tensor_parallel);
    placed += SumOf(own, &LayerShape::weights);
    first += layers_by_stage[stage];
  }
  const size_t last = stages - 1;
  const bool is_tied = model.outer.head.is_zero();
  held[last] += Split(model.outer.head, tensor_parallel);
  if (last != 0 && is_tied) {
    held[last] += Split(model.outer.embedding, tensor_parallel);
  }
  if (drafting) {
    held[last] += RankPart(model.draft_layers, tensor_parallel);
    placed += SumOf(model.draft_layers, &LayerShape::weights);
  }
  // The embedding, and all that nobody placed.
  held[0] += Split(SaturatingSubtract(LoadedWeights(model, drafting), placed),
                   tensor_parallel);
  return held;
}

Bytes WeightsReadPerToken(const ModelShape& model, uint64_t tensor_parallel) {
  const uint64_t layers = model.layers.size();
  Bytes read = SaturatingSubtract(
      WeightsByStage(model, /*drafting=*/false, tensor_parallel, {&layers, 1})
          .front(),
      model.outer.towers);
  if (!model.outer.head.is_zero()) {
    read =
        SaturatingSubtract(read, Split(model.outer.embedding, tensor_parallel));
  }
  if (model.experts > model.experts_per_token) {
    const Bytes used = Bytes(static_cast<uint64_t>(
        static_cast<double>(model.expert_weights.count()) *
        static_cast<double>(model.experts_per_token) /
        static_cast<double>(model.experts)));
    read = SaturatingSubtract(
        read, Split(model.expert_weights - used, tensor_parallel));
  }
  return read;
}

}  // namespace governor
