#ifndef GOVERNOR_POLICY_KV_LAYOUT_H_
#define GOVERNOR_POLICY_KV_LAYOUT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/model/model_shape.h"
#include "governor/policy/engine.h"
#include "governor/policy/kv_dtype.h"

namespace governor {

// What an engine's layout of the KV cache depends on, besides the model.
struct KvLayoutRequest {
  Engine engine = Engine::kVllm;
  Platform platform = Platform::kCuda;
  // Of the device; chooses the attention kernels, and with them block sizes.
  ComputeCapability compute_capability = kDgxSpark;
  // Absent: the model's own.
  std::optional<KvDtype> kv_dtype = std::nullopt;
  // Absent: the engine's default for the model and the device.
  std::optional<uint64_t> block_tokens = std::nullopt;
  uint64_t tensor_parallel = 1;
  uint64_t pipeline_parallel = 1;
  uint64_t max_model_len = 0;  // tokens of the longest sequence; at least 1
  // Sequences at once. Only layouts that are made for a number of sequences
  // (llama.cpp) depend on it.
  uint64_t max_seqs = 1;
  // Tokens that may be computed but not yet retired, all steps in flight
  // together: windows keep that many more. Absent: the engine's default.
  std::optional<uint64_t> in_flight_tokens = std::nullopt;
  // Tokens drafted by the model's own draft layers in each step; zero: those
  // layers are not loaded.
  uint64_t draft_tokens = 0;
  bool prefix_caching = true;
  // Every layer kept as if it were full attention (vLLM's
  // --disable-hybrid-kv-cache-manager).
  bool hybrid_manager = true;
  StateDtype state_dtype = StateDtype::kUnsaid;  // overrides the model's
};

// Caches whose blocks are handed out together: one block of the group is a page
// in each of its caches.
struct KvGroup {
  std::string kind;     // for people: `full`, `sliding window 1024`, `state`
  uint64_t caches = 0;  // of the whole model, all pipeline stages
  uint64_t block_tokens = 0;
  Bytes page;     // of one cache, its padding included; the largest, where
                  // pages differ
  Bytes padding;  // of that page
  // A sequence of L tokens holds
  //   ceil(min(L, most_tokens) / block_tokens) + extra_blocks
  // blocks of the group; no most_tokens: min(L, …) is L.
  std::optional<uint64_t> most_tokens = std::nullopt;
  uint64_t extra_blocks = 0;
  // One block in all caches of the group, where their pages differ; otherwise
  // it is caches * page.
  std::optional<Bytes> mixed_block = std::nullopt;
};

// How an engine lays out the KV cache of a model on one rank: a pool of equal
// blocks, from which every group takes, and what each sequence needs besides.
struct KvLayout {
  Engine engine = Engine::kVllm;
  KvDtype kv_dtype = KvDtype::kBf16;  // what the request's came down to
  uint64_t block_tokens = 0;  // of the groups that grow with the sequence; the
                              // smallest, where they differ
  std::vector<KvGroup> groups;
  // Bytes of one block of the pool on each pipeline stage; never zero.
  std::vector<Bytes> block_by_stage;
  // Constant bytes of each sequence outside the pool, by stage (llama.cpp's
  // windows and states); as many as stages.
  std::vector<Bytes> sequence_by_stage;
  // Layers on each stage, draft layers not counted.
  std::vector<uint64_t> layers_by_stage;
  // Sequences with a common prefix hold its full blocks once.
  bool shares_prefix = true;
  // Blocks that the engine keeps from sequences when it decides whether one
  // fits (vLLM's null block).
  uint64_t reserved_blocks = 0;
  // For each layer (draft layers that are loaded follow): bytes of one more
  // token, and bytes that a sequence holds whatever its length, both on one
  // rank and without padding. A saturated window counts as the latter.
  std::vector<Bytes> token_by_layer;
  std::vector<Bytes> sequence_by_layer;
  std::vector<std::string> notes;  // each default that was chosen, in words
};

// Blocks of the pool that one sequence of `tokens` tokens holds, all groups
// together. Zero tokens: zero. Saturates at 2^64 - 1.
uint64_t BlocksPerSequence(const KvLayout& layout, uint64_t tokens);

// What in_flight_tokens is where a step of the engine takes `batched_tokens`:
// in vLLM's layout as many times that as steps are in flight, else the same.
// Saturates. Depends on engine, platform and pipeline_parallel of `request`.
uint64_t InFlightTokens(const KvLayoutRequest& request,
                        uint64_t batched_tokens);

// The layout that `request.engine` chooses for `model`. Arithmetic on values.
// INVALID_ARGUMENT: a count of zero; heads that tensor_parallel does not
// divide and is not divided by; a block size that the engine refuses; a dtype
// that the heads cannot be stored in; sums above 2^64 - 1 bytes. UNIMPLEMENTED:
// a kind of layer or a dtype that the engine itself does not run on the
// platform. Each names the value and what would do.
absl::StatusOr<KvLayout> LayOutKv(const ModelShape& model,
                                  const KvLayoutRequest& request);

}  // namespace governor

#endif  // GOVERNOR_POLICY_KV_LAYOUT_H_
