#include "governor/policy/tensorrt_llm_layout.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/policy/checked_count.h"
#include "governor/policy/layer_cells.h"

namespace governor {
namespace {

constexpr uint64_t kTokensPerBlock = 32;

absl::Status CheckRequest(const ModelShape& model,
                          const KvLayoutRequest& request) {
  if (request.max_model_len == 0 || request.max_seqs == 0 ||
      request.pipeline_parallel == 0 || request.tensor_parallel == 0) {
    return absl::InvalidArgumentError(
        "max_model_len, max_seqs, tensor_parallel and pipeline_parallel must "
        "be at least 1");
  }
  const uint64_t block = request.block_tokens.value_or(kTokensPerBlock);
  if (!std::has_single_bit(block)) {
    return absl::InvalidArgumentError(
        absl::StrCat("TensorRT-LLM's tokens_per_block is a power of two; "
                     "asked ",
                     block, "; use ", kTokensPerBlock));
  }
  if (request.pipeline_parallel > model.layers.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "pipeline_parallel ", request.pipeline_parallel,
        " is more than the model's ", model.layers.size(), " layers"));
  }
  if (request.platform == Platform::kCpu) {
    return absl::UnimplementedError("TensorRT-LLM does not run on a CPU");
  }
  if (request.draft_tokens > 0) {
    return absl::UnimplementedError(
        "layers that draft are planned for vLLM alone");
  }
  return absl::OkStatus();
}

absl::StatusOr<KvDtype> DtypeOf(const ModelShape& model,
                                const KvLayoutRequest& request) {
  const KvDtype own = model.compute_dtype == "float16"   ? KvDtype::kFp16
                      : model.compute_dtype == "float32" ? KvDtype::kFp32
                                                         : KvDtype::kBf16;
  const KvDtype dtype = request.kv_dtype.value_or(own);
  if (dtype == own || dtype == KvDtype::kFp8 || dtype == KvDtype::kInt8 ||
      dtype == KvDtype::kNvfp4) {
    return dtype;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "TensorRT-LLM has no KV dtype ", LayoutOf(dtype).name,
      " for a model that computes in ", model.compute_dtype,
      "; its own are auto (the model's own), fp8, int8 and nvfp4"));
}

std::vector<uint64_t> LayersOfStages(uint64_t layers, uint64_t stages) {
  std::vector<uint64_t> counts(stages, layers / stages);
  for (uint64_t i = 0; i < layers % stages; ++i) ++counts[i];
  return counts;
}

absl::Status Past() {
  return absl::InvalidArgumentError(
      "TensorRT-LLM: a block passes 2^64 - 1 bytes");
}

}  // namespace

absl::StatusOr<KvLayout> TensorRtLlmLayout(const ModelShape& model,
                                           const KvLayoutRequest& request) {
  GOVERNOR_RETURN_IF_ERROR(CheckRequest(model, request));
  KvLayout layout;
  layout.engine = request.engine;
  GOVERNOR_ASSIGN_OR_RETURN(layout.kv_dtype, DtypeOf(model, request));
  LayerCellOptions options;
  options.dtype = layout.kv_dtype;
  options.sparse_dtype = layout.kv_dtype;
  options.tensor_parallel = request.tensor_parallel;
  options.state_dtype = request.state_dtype;
  options.keep_all = true;
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<LayerCells> cells,
                            LayerCellsOf(model.layers, options));

  layout.block_tokens = request.block_tokens.value_or(kTokensPerBlock);
  layout.layers_by_stage =
      LayersOfStages(model.layers.size(), request.pipeline_parallel);
  KvGroup group;
  group.kind = "full";
  group.block_tokens = layout.block_tokens;
  size_t layer = 0;
  bool any_state = false;
  for (const uint64_t count : layout.layers_by_stage) {
    CheckedCount token = 0, state = 0;
    for (const size_t end = layer + count; layer < end; ++layer) {
      const LayerCells& cell = cells[layer];
      token = token + cell.token.count();
      state = state + cell.state.count();
      if (!cell.token.is_zero()) ++group.caches;
      const std::optional<Bytes> page =
          CheckedMultiply(cell.token, layout.block_tokens);
      if (!page) return Past();
      group.page = std::max(group.page, *page);
      layout.token_by_layer.push_back(cell.token);
      layout.sequence_by_layer.push_back(cell.state);
    }
    const std::optional<Bytes> block = (token * layout.block_tokens).bytes();
    const std::optional<Bytes> sequence = state.bytes();
    if (!block || !sequence) return Past();
    if (block->is_zero()) {
      return absl::UnimplementedError(
          "TensorRT-LLM: a rank without attention, of a model of states alone "
          "or of a pipeline of too many stages, is not planned");
    }
    any_state = any_state || !sequence->is_zero();
    layout.block_by_stage.push_back(*block);
    layout.sequence_by_stage.push_back(*sequence);
  }
  Bytes all;
  for (const Bytes block : layout.block_by_stage) all += block;
  if (all != group.page * group.caches) group.mixed_block = all;
  layout.groups.push_back(group);
  if (!request.block_tokens) {
    layout.notes.push_back(absl::StrCat("TensorRT-LLM's blocks are ",
                                        kTokensPerBlock, " tokens by default"));
  }
  if (LayerWindowsOf(model.layers).longest > 0) {
    layout.notes.push_back(
        "sliding layers are planned as long as the others: TensorRT-LLM keeps "
        "less only where kv_cache_config.max_attention_window says so");
  }
  if (any_state) {
    layout.notes.push_back(
        "TensorRT-LLM keeps one state for each of max_batch_size sequences; "
        "planned from memory, not checked against it");
  }
  return layout;
}

}  // namespace governor
