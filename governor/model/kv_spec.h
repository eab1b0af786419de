#ifndef GOVERNOR_MODEL_KV_SPEC_H_
#define GOVERNOR_MODEL_KV_SPEC_H_

#include <cstdint>
#include <variant>

namespace governor {

// Dimensions of what a layer remembers, as the model's files have them: before
// anyone splits heads over ranks, chooses a dtype or forms blocks. All counts
// are of the whole model; nothing here is a byte.

// K and V heads (multi-head, grouped-query and multi-query attention;
// `kv_heads` tells them apart).
struct AttentionHeads {
  uint64_t query_heads = 0;
  uint64_t kv_heads = 0;
  // Elements of one head.
  uint64_t head_size_k = 0;
  uint64_t head_size_v = 0;

  friend bool operator==(const AttentionHeads&,
                         const AttentionHeads&) = default;
};

// K and V of every past token.
struct FullAttention {
  AttentionHeads heads;

  friend bool operator==(const FullAttention&, const FullAttention&) = default;
};

// K and V of the last `window` tokens, the current one included.
struct SlidingWindow {
  AttentionHeads heads;
  uint64_t window = 0;

  friend bool operator==(const SlidingWindow&, const SlidingWindow&) = default;
};

// K and V of the tokens since the last multiple of `chunk` (Llama 4).
struct ChunkedAttention {
  AttentionHeads heads;
  uint64_t chunk = 0;

  friend bool operator==(const ChunkedAttention&,
                         const ChunkedAttention&) = default;
};

// K and V of the encoder's output, `source_tokens` of them at most, whatever
// the length of what is decoded (Whisper).
struct CrossAttention {
  AttentionHeads heads;
  uint64_t source_tokens = 0;

  friend bool operator==(const CrossAttention&,
                         const CrossAttention&) = default;
};

// Multi-head latent attention (DeepSeek, Kimi): one latent of `rank` elements
// and `rope_size` rotated ones for each past token, the same for all heads.
struct LatentAttention {
  uint64_t query_heads = 0;
  uint64_t rank = 0;
  uint64_t rope_size = 0;
  // A sparse indexer chooses what is attended to (DeepSeek V3.2, GLM 5): other
  // kernels, and with fp8 another layout.
  bool sparse = false;

  friend bool operator==(const LatentAttention&,
                         const LatentAttention&) = default;
};

// The keys that a sparse indexer looks through: one head for each past token.
struct SparseIndexer {
  enum class Storage { kFp8WithScales, kComputeDtype };
  uint64_t head_size = 0;
  Storage storage = Storage::kFp8WithScales;

  friend bool operator==(const SparseIndexer&, const SparseIndexer&) = default;
};

// DeepSeek V4: a short window of latents, and for `compress_ratio` > 0 one
// compressed latent for that many tokens, with the compressor's running state;
// ratio 4 also has an indexer over compressed keys.
struct CompressedLatent {
  uint64_t head_size = 0;
  uint64_t rope_size = 0;
  uint64_t window = 0;
  uint64_t compress_ratio = 0;
  uint64_t index_head_size = 0;

  friend bool operator==(const CompressedLatent&,
                         const CompressedLatent&) = default;
};

// How a linear state is stored where the model says so; otherwise the engine
// decides.
enum class StateDtype { kUnsaid, kFloat32, kBfloat16, kFloat16 };

// Constant states, whatever the length of the sequence: the last inputs of a
// short convolution, and a recurrent state.
struct Mamba1State {
  uint64_t inner_size = 0;
  uint64_t state_size = 0;
  uint64_t conv_kernel = 0;
  StateDtype dtype = StateDtype::kUnsaid;

  friend bool operator==(const Mamba1State&, const Mamba1State&) = default;
};

struct Mamba2State {
  uint64_t heads = 0;
  uint64_t head_size = 0;
  uint64_t state_size = 0;
  uint64_t groups = 0;
  uint64_t conv_kernel = 0;
  StateDtype dtype = StateDtype::kUnsaid;

  friend bool operator==(const Mamba2State&, const Mamba2State&) = default;
};

// Gated delta net (Qwen3-Next, Qwen3.5).
struct DeltaNetState {
  uint64_t key_heads = 0;
  uint64_t value_heads = 0;
  uint64_t key_head_size = 0;
  uint64_t value_head_size = 0;
  uint64_t conv_kernel = 0;
  StateDtype dtype = StateDtype::kUnsaid;

  friend bool operator==(const DeltaNetState&, const DeltaNetState&) = default;
};

// Kimi delta attention: as a gated delta net whose q, k and v have one
// convolution each.
struct KimiDeltaState {
  uint64_t heads = 0;
  uint64_t head_size = 0;
  uint64_t conv_kernel = 0;
  StateDtype dtype = StateDtype::kUnsaid;

  friend bool operator==(const KimiDeltaState&,
                         const KimiDeltaState&) = default;
};

// One thing that a layer remembers of the past. A new kind is a new alternative
// here, and then every visitor that does not know it fails to compile.
using KvSpec =
    std::variant<FullAttention, SlidingWindow, ChunkedAttention, CrossAttention,
                 LatentAttention, SparseIndexer, CompressedLatent, Mamba1State,
                 Mamba2State, DeltaNetState, KimiDeltaState>;

}  // namespace governor

#endif  // GOVERNOR_MODEL_KV_SPEC_H_
