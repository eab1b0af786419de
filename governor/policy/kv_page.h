#ifndef GOVERNOR_POLICY_KV_PAGE_H_
#define GOVERNOR_POLICY_KV_PAGE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/model/kv_spec.h"
#include "governor/policy/kv_dtype.h"

namespace governor {

// Bytes of one token, or of one constant state, in one cache of one rank of
// `tensor_parallel`; without any engine's blocks or padding. The formulas are
// those of vLLM 0.32 (v1/kv_cache_interface.py, model_executor/layers/mamba/
// mamba_utils.py).
//
// All: INVALID_ARGUMENT, naming the field, for a count of zero, for heads that
// neither divide tensor_parallel nor are divided by it, for a head that the
// dtype's blocks do not divide, and for more than 2^64 - 1 bytes.

// K and V of one token: kv_heads / tp heads, at least one (heads are held twice
// where ranks outnumber them).
absl::StatusOr<Bytes> HeadsPerToken(const AttentionHeads& heads, KvDtype dtype,
                                    uint64_t tensor_parallel);

// The latent of one token; every rank holds all of it. As fp8_ds_mla (DeepSeek
// V3.2, 656 bytes): the latent in fp8 with a float of scale for 128 elements,
// the rotated part in bf16.
absl::StatusOr<Bytes> LatentPerToken(const LatentAttention& latent,
                                     KvDtype dtype, uint64_t tensor_parallel);

// One indexer key: fp8 with a float of scale for 128 elements whatever the
// cache's dtype, or the model's own 2-byte dtype.
absl::StatusOr<Bytes> IndexerPerToken(const SparseIndexer& indexer);

// A DeepSeek V4 latent as fp8_ds_mla (584 bytes): fp8 but for the rotated part
// in bf16, and 8 bytes of scales.
absl::StatusOr<Bytes> CompressedLatentRecord(const CompressedLatent& latent);

// How the recurrent part of a state is stored and how long its convolution is.
struct StateStorage {
  uint64_t element_bytes = 2;  // of the recurrent part
  uint64_t conv_element_bytes = 2;
  // Tokens drafted in each step: one more column of the convolution for each,
  // but in Mamba 1.
  uint64_t draft_tokens = 0;
};

absl::StatusOr<Bytes> StateSize(const Mamba1State& state, StateStorage storage,
                                uint64_t tensor_parallel);
absl::StatusOr<Bytes> StateSize(const Mamba2State& state, StateStorage storage,
                                uint64_t tensor_parallel);
absl::StatusOr<Bytes> StateSize(const DeltaNetState& state,
                                StateStorage storage, uint64_t tensor_parallel);
absl::StatusOr<Bytes> StateSize(const KimiDeltaState& state,
                                StateStorage storage, uint64_t tensor_parallel);

}  // namespace governor

#endif  // GOVERNOR_POLICY_KV_PAGE_H_
