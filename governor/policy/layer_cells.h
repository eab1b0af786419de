#ifndef GOVERNOR_POLICY_LAYER_CELLS_H_
#define GOVERNOR_POLICY_LAYER_CELLS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "governor/base/bytes.h"
#include "governor/model/model_shape.h"
#include "governor/policy/kv_dtype.h"
#include "governor/policy/kv_page.h"

namespace governor {

// What one layer adds on one rank, for engines that keep pools of tokens
// beside a pool of states (SGLang, TensorRT-LLM). Not for vLLM, whose states
// live in pages of the same pool, and not for llama.cpp.
struct LayerCells {
  Bytes token;         // of each token of a sequence
  Bytes window_token;  // of each token that a window still sees
  Bytes state;         // of a sequence, whatever its length
};

struct LayerCellOptions {
  KvDtype dtype = KvDtype::kBf16;
  // Of latents that a sparse indexer looks through.
  KvDtype sparse_dtype = KvDtype::kBf16;
  uint64_t tensor_parallel = 1;
  // Of a state whose model does not say.
  uint64_t state_bytes = 4;
  StateDtype state_dtype = StateDtype::kUnsaid;  // overrides the model's
  uint64_t conv_bytes = 2;
  // Windows are kept as if they were full attention.
  bool keep_all = false;
};

// Of each layer, with the formulas of kv_page.h. INVALID_ARGUMENT as there,
// naming the layer. UNIMPLEMENTED: cross attention and DeepSeek V4's compressed
// latents, which neither engine keeps in pools of tokens.
absl::StatusOr<std::vector<LayerCells>> LayerCellsOf(
    absl::Span<const LayerShape> layers, const LayerCellOptions& options);

// The longest window or chunk of `layers`; zero: none. `all` is true where no
// layer attends to all tokens.
struct LayerWindows {
  uint64_t longest = 0;
  bool all = true;
};
LayerWindows LayerWindowsOf(absl::Span<const LayerShape> layers);

}  // namespace governor

#endif  // GOVERNOR_POLICY_LAYER_CELLS_H_
