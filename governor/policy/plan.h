#ifndef GOVERNOR_POLICY_PLAN_H_
#define GOVERNOR_POLICY_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "governor/base/bytes.h"
#include "governor/policy/kv_dtype.h"

namespace governor {

// What is set aside for unmanaged memory where nobody said how much.
constexpr Bytes kDefaultAllowance = GiB(1);

// What to plan for. At least one of `budget` and `kv_memory` is given.
struct PlanRequest {
  // All that may be held: weights, activations, allowance and KV cache.
  std::optional<Bytes> budget = std::nullopt;
  // What was kept back for the operating system before `budget` came about.
  // Only shown, never subtracted.
  std::optional<Bytes> os_reserve = std::nullopt;
  // For memory that nobody governs (context, cuBLAS, graphs); absent:
  // kDefaultAllowance.
  std::optional<Bytes> allowance = std::nullopt;
  // The peak of a forward pass; absent: zero, and a note says so.
  std::optional<Bytes> activations = std::nullopt;
  KvDtype kv_dtype = KvDtype::kBf16;
  uint64_t block_tokens = 16;
  // Tokens of the longest sequence; absent: the model's context length.
  std::optional<uint64_t> max_model_len = std::nullopt;
  // Sequences of that length that must fit at once; absent: one.
  std::optional<uint64_t> max_seqs = std::nullopt;
  // Plan a KV cache of this size, instead of one that fills the budget.
  std::optional<Bytes> kv_memory = std::nullopt;
  // Physical memory comes in multiples of this.
  Bytes granularity = MiB(2);
};

// What does not fit, and each change that alone would make it fit. What is
// absent would not help.
struct Shortfall {
  std::optional<Bytes> sufficient_budget = std::nullopt;     // the smallest
  std::optional<Bytes> sufficient_kv_memory = std::nullopt;  // the smallest
  std::optional<Bytes> largest_weights =
      std::nullopt;  // another quantization's
  std::optional<uint64_t> longest_model_len =
      std::nullopt;  // a multiple of block_tokens
  std::optional<uint64_t> most_seqs = std::nullopt;
  std::vector<KvDtype> kv_dtypes;  // each that would do
  // The same in words: what does not fit, and one line for each change, or one
  // that says that no change is enough alone.
  std::string reason;
  std::vector<std::string> remedies;
};

// What fits. Where a budget was given and the parts fit into it,
//
//   budget = weights + weights_rounding + activations + allowance + kv + left
//
// to the byte. A plain value.
struct Plan {
  // What is there whatever the KV cache.
  Bytes fixed() const {
    return weights + weights_rounding + activations + allowance;
  }

  std::optional<Bytes> budget = std::nullopt;
  std::optional<Bytes> os_reserve = std::nullopt;
  Bytes weights;
  Bytes weights_rounding;  // what the last granule of the weights has unused
  Bytes activations;
  Bytes allowance;

  KvDtype kv_dtype = KvDtype::kBf16;
  std::vector<Bytes> kv_per_token_by_layer;
  Bytes kv_per_token;     // their sum
  Bytes kv_per_sequence;  // whatever its length: nothing with full attention
  uint64_t block_tokens = 0;
  Bytes block;  // the bytes that all layers keep of one block of tokens
  uint64_t num_blocks = 0;
  Bytes kv;  // num_blocks * block

  uint64_t max_tokens = 0;  // num_blocks * block_tokens
  uint64_t max_model_len = 0;
  uint64_t required_sequences = 0;
  uint64_t blocks_per_sequence = 0;  // of max_model_len tokens, rounded up
  uint64_t required_blocks = 0;      // of all required sequences
  // num_blocks / blocks_per_sequence: not rounded, as vLLM logs it.
  double max_concurrency = 0;

  // The exact rest; zero where the parts do not fit. Absent without a budget.
  std::optional<Bytes> left = std::nullopt;
  bool fits = false;
  std::optional<Shortfall> shortfall =
      std::nullopt;                // present exactly when not `fits`
  std::vector<std::string> notes;  // every assumption, in words
};

}  // namespace governor

#endif  // GOVERNOR_POLICY_PLAN_H_
