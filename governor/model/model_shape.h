#ifndef GOVERNOR_MODEL_MODEL_SHAPE_H_
#define GOVERNOR_MODEL_MODEL_SHAPE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "governor/base/bytes.h"
#include "governor/model/kv_spec.h"

namespace governor {

struct LayerShape {
  // What the layer remembers of the past. None: nothing, or it shares what
  // another layer keeps. Several: such as attention beside a linear state, or
  // latents beside a sparse indexer.
  std::vector<KvSpec> kv = {};
  // Bytes of this layer's tensors, and those of them that every rank of a
  // tensor-parallel group holds whole (norms, routers). Zero where the files
  // hold no tensors.
  Bytes weights = Bytes();
  Bytes replicated_weights = Bytes();
  // Those that make K and V, which ranks beyond the KV heads hold again: they
  // are split over as many ranks as there are heads. Zero where they are fused
  // with others.
  Bytes kv_weights = Bytes();

  friend bool operator==(const LayerShape&, const LayerShape&) = default;
};

// Weights that belong to no layer, and where a pipeline puts them.
struct OuterWeights {
  Bytes embedding = Bytes();  // with the first layers
  Bytes head =
      Bytes();  // with the last layers; zero where tied to the embedding
  Bytes replicated = Bytes();  // final norms: on every rank, whole
  // Vision towers and encoders: on every rank, whole. Decoding a token reads
  // nothing of them.
  Bytes towers = Bytes();

  friend bool operator==(const OuterWeights&, const OuterWeights&) = default;
};

// What a model's files say about it. Not what anyone makes of it: nothing here
// knows a budget, a KV dtype or an engine. A plain value.
struct ModelShape {
  std::string architecture;  // as the file spells it, e.g. `llama`
  // Valid UTF-8. As the file says, else the folder's; empty where nobody says.
  std::string name;
  // Elements of all tensors: packed ones unpacked (where a format does not say
  // how, a note says what was taken), scales and zero points not counted.
  uint64_t parameters = 0;
  // Bytes of all tensors, from the headers, not estimated:
  // outer + the sum over layers.
  Bytes weights;
  OuterWeights outer;
  // The files hold tensors. False: a lone config.json, all weights are zero.
  bool has_weights = true;
  std::vector<LayerShape> layers;
  // Layers that draft further tokens (multi-token prediction) and are loaded
  // only when asked for. Their weights are in `weights`.
  std::vector<LayerShape> draft_layers;
  // Nobody declares draft_layers: the family's models have them.
  bool draft_layers_are_assumed = false;
  // The config says that the head is the embedding.
  bool head_is_tied = false;
  uint64_t embedding_length = 0;
  uint64_t context_length = 0;  // tokens that the model was made for
  uint64_t vocabulary_size = 0;
  // The dtype that the model computes in: `bfloat16`, `float16` or `float32`.
  // A KV cache without a dtype of its own follows it.
  std::string compute_dtype = "bfloat16";
  // Experts of a mixture, and how many of them a token uses; zero: dense.
  uint64_t experts = 0;
  uint64_t experts_per_token = 0;
  // Bytes of all expert tensors; part of `weights`.
  Bytes expert_weights;
  // Bytes of the tensors of each dtype, e.g. `Q4_1`; they add up to `weights`.
  std::map<std::string, Bytes> weights_by_dtype;
  // What was believed where the files disagree, and what was assumed.
  std::vector<std::string> notes;
};

}  // namespace governor

#endif  // GOVERNOR_MODEL_MODEL_SHAPE_H_
