#ifndef GOVERNOR_POLICY_PLAN_H_
#define GOVERNOR_POLICY_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "governor/base/bytes.h"
#include "governor/model/model_shape.h"
#include "governor/policy/kv_layout.h"

namespace governor {

// What is set aside for unmanaged memory where nobody said how much.
constexpr Bytes kDefaultAllowance = GiB(1);

// What to plan for. At least one of `budget` and `kv_memory` is given. Sizes
// are of one device, which holds one rank.
struct PlanRequest {
  // All that may be held: weights, activations, graphs, allowance, KV cache.
  std::optional<Bytes> budget = std::nullopt;
  // What was kept back for the operating system before `budget` came about.
  // Only shown, never subtracted. Absent where nothing was: a budget that was
  // declared without a reserve is not cut by the default one.
  std::optional<Bytes> os_reserve = std::nullopt;
  // All that the device has, where it is known, and whether that is the
  // machine's own memory. Never planned with: it tells what cannot be offered.
  std::optional<Bytes> device_memory = std::nullopt;
  bool is_integrated = true;
  // For memory that nobody governs (context, cuBLAS); absent:
  // kDefaultAllowance.
  std::optional<Bytes> allowance = std::nullopt;
  // The peak of a forward pass; absent: zero, and a note says so.
  std::optional<Bytes> activations = std::nullopt;
  // Captured CUDA graphs; absent: zero, the allowance holds them.
  std::optional<Bytes> graphs = std::nullopt;
  // Adapters (LoRA) that are loaded at once, each rank holding all of them.
  std::optional<Bytes> adapters = std::nullopt;
  // Stands in for the weights of a model whose files hold none.
  std::optional<Bytes> weights = std::nullopt;
  // A second model that drafts tokens for the first: its weights are added, and
  // its layers take part in every block. It outlives the request. One stage
  // only. Null: none.
  const ModelShape* draft = nullptr;
  // How the KV cache is laid out. max_model_len and max_seqs in it are set by
  // the planner, from the two below.
  KvLayoutRequest layout = {};
  // Tokens of the longest sequence; absent: the model's context length.
  std::optional<uint64_t> max_model_len = std::nullopt;
  // Sequences of that length that must fit at once; absent: one.
  std::optional<uint64_t> max_seqs = std::nullopt;
  // Of them, the first tokens that all sequences have in common. Layers that
  // keep every token hold their full blocks once.
  uint64_t shared_prefix_tokens = 0;
  // Plan a KV cache of this size, instead of one that fills the budget.
  std::optional<Bytes> kv_memory = std::nullopt;
  // Bytes a second that the device reads from its memory; absent: no bound on
  // the speed is planned.
  std::optional<double> bandwidth = std::nullopt;
  // Physical memory comes in multiples of this.
  Bytes granularity = MiB(2);
  // The stored profile that activations and allowance came from; only shown.
  std::string profile = "";
};

// What each rank of one pipeline stage holds; ranks of a stage hold alike.
struct StagePlan {
  // What is there whatever the KV cache.
  Bytes fixed() const {
    return weights + weights_rounding + activations + graphs + adapters +
           allowance;
  }

  uint64_t first_layer = 0;
  uint64_t layers = 0;
  Bytes weights;
  Bytes weights_rounding;  // what the last granule of the weights has unused
  Bytes activations;
  Bytes graphs;
  Bytes adapters;
  Bytes allowance;
  Bytes block;     // the bytes that its layers keep of one block
  Bytes sequence;  // and of each sequence besides its blocks
  Bytes kv;        // num_blocks * block + required_sequences * sequence
  // The exact rest; zero where the parts do not fit. Absent without a budget.
  std::optional<Bytes> left = std::nullopt;
};

// Why a plan does not fit.
struct Shortfall {
  std::string reason;  // in words, with the numbers
  // What the budget, or kv_memory where there is no budget, lacks; absent where
  // that passes 2^64 - 1 bytes.
  std::optional<Bytes> missing = std::nullopt;
};

// What fits. For every stage, where a budget was given and the parts fit,
//
//   budget = fixed() + kv + left
//
// to the byte. A plain value.
struct Plan {
  // The stage that decides how many blocks there are.
  const StagePlan& gate() const { return stages[gate_stage]; }

  std::optional<Bytes> budget = std::nullopt;
  std::optional<Bytes> os_reserve = std::nullopt;
  Bytes weights;                  // of the whole model, the draft's included
  Bytes draft_weights;            // of them, the draft's
  std::vector<StagePlan> stages;  // at least one
  uint64_t gate_stage = 0;
  uint64_t tensor_parallel = 1;

  KvLayout layout;
  // On one rank of the gate: one more token in the layers that grow, and what
  // a sequence holds whatever its length.
  Bytes kv_per_token;
  Bytes kv_per_sequence;
  uint64_t num_blocks = 0;

  uint64_t max_model_len = 0;
  uint64_t required_sequences = 0;
  uint64_t blocks_per_sequence = 0;  // of max_model_len tokens, all groups
  // Of all required sequences, a common prefix once, and the blocks that the
  // engine keeps to itself.
  uint64_t required_blocks = 0;
  // num_blocks / blocks_per_sequence: not rounded, as vLLM logs it.
  double max_concurrency = 0;
  // Tokens in sequences of max_model_len: max_concurrency * max_model_len,
  // rounded down, as vLLM logs its KV cache size.
  uint64_t max_tokens = 0;

  // Tokens a second of one sequence that no decoder passes which reads its
  // weights once for each; absent without a bandwidth.
  std::optional<double> decode_tokens_per_second_bound = std::nullopt;

  bool fits = false;
  std::optional<Shortfall> shortfall =
      std::nullopt;                // present exactly when not `fits`
  std::vector<std::string> notes;  // every assumption, in words
};

}  // namespace governor

#endif  // GOVERNOR_POLICY_PLAN_H_
