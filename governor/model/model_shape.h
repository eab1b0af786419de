#ifndef GOVERNOR_MODEL_MODEL_SHAPE_H_
#define GOVERNOR_MODEL_MODEL_SHAPE_H_

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "governor/base/bytes.h"

namespace governor {

// A layer that remembers K and V of every past token (multi-head, grouped-query
// and multi-query attention; `kv_heads` tells them apart).
struct FullAttention {
  uint64_t query_heads = 0;
  uint64_t kv_heads = 0;
  // Elements of one head.
  uint64_t head_size_k = 0;
  uint64_t head_size_v = 0;

  friend bool operator==(const FullAttention&, const FullAttention&) = default;
};

// What a layer must remember of the past. A new kind (sliding window, latent,
// constant state) is a new alternative here, and then every visitor that does
// not know it fails to compile.
using AttentionSpec = std::variant<FullAttention>;

struct LayerShape {
  AttentionSpec attention;

  friend bool operator==(const LayerShape&, const LayerShape&) = default;
};

// What a model's files say about it. Not what anyone makes of it: nothing here
// knows a budget, a KV dtype or an engine. A plain value.
struct ModelShape {
  std::string architecture;  // as the file spells it, e.g. `llama`
  std::string name;          // empty where the file does not say; valid UTF-8
  uint64_t parameters = 0;   // elements of all tensors in the file
  Bytes weights;             // bytes of all tensors in the file, not estimated
  std::vector<LayerShape> layers;
  uint64_t embedding_length = 0;
  uint64_t context_length = 0;  // tokens that the model was made for
  uint64_t vocabulary_size = 0;
  // Bytes of the tensors of each dtype, e.g. `Q4_1`; they add up to `weights`.
  std::map<std::string, Bytes> weights_by_dtype;
};

}  // namespace governor

#endif  // GOVERNOR_MODEL_MODEL_SHAPE_H_
