#include "governor/policy/rank_weights.h"

#include <algorithm>
#include <cstddef>

namespace governor {
namespace {

// What a rank holds of `all`, of which `replicated` are not split.
Bytes Part(Bytes all, Bytes replicated, uint64_t ranks) {
  const Bytes whole = std::min(all, replicated);
  const uint64_t split = (all - whole).count();
  return whole + Bytes(split / ranks + (split % ranks != 0));
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
  std::vector<Bytes> held(stages), whole(stages);
  Bytes placed;
  size_t first = 0;
  for (size_t stage = 0; stage < stages; ++stage) {
    const auto own = layers.subspan(first, layers_by_stage[stage]);
    held[stage] = SumOf(own, &LayerShape::weights);
    whole[stage] =
        SumOf(own, &LayerShape::replicated_weights) + model.outer.replicated;
    placed += held[stage];
    held[stage] += model.outer.replicated;
    first += layers_by_stage[stage];
  }
  const size_t last = stages - 1;
  const bool tied = model.outer.head.is_zero();
  held[last] += model.outer.head;
  if (last != 0 && tied) held[last] += model.outer.embedding;
  placed += model.outer.head + model.outer.replicated;
  if (drafting) {
    const Bytes draft = SumOf(model.draft_layers, &LayerShape::weights);
    held[last] += draft;
    whole[last] += SumOf(model.draft_layers, &LayerShape::replicated_weights);
    placed += draft;
  }
  // The embedding, and all that nobody placed.
  held[0] += SaturatingSubtract(LoadedWeights(model, drafting), placed);
  for (size_t stage = 0; stage < stages; ++stage) {
    held[stage] = Part(held[stage], whole[stage], tensor_parallel);
  }
  return held;
}

Bytes WeightsReadPerToken(const ModelShape& model, uint64_t tensor_parallel) {
  Bytes read = LoadedWeights(model, /*drafting=*/false);
  if (!model.outer.head.is_zero()) {
    read = SaturatingSubtract(read, model.outer.embedding);
  }
  if (model.experts > model.experts_per_token) {
    const Bytes used = Bytes(static_cast<uint64_t>(
        static_cast<double>(model.expert_weights.count()) *
        static_cast<double>(model.experts_per_token) /
        static_cast<double>(model.experts)));
    read = SaturatingSubtract(read, model.expert_weights - used);
  }
  return Part(read,
              SumOf(model.layers, &LayerShape::replicated_weights) +
                  model.outer.replicated,
              tensor_parallel);
}

}  // namespace governor
