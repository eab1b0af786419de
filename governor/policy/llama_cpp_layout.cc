#include "governor/policy/llama_cpp_layout.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/policy/checked_count.h"

namespace governor {
namespace {

absl::Status CheckRequest(const ModelShape& model,
                          const KvLayoutRequest& request) {
  if (request.max_model_len == 0 || request.max_seqs == 0 ||
      request.pipeline_parallel == 0 || request.tensor_parallel == 0) {
    return absl::InvalidArgumentError(
        "max_model_len, max_seqs, tensor_parallel and pipeline_parallel must "
        "be at least 1");
  }
  if (request.block_tokens.value_or(kLlamaCppCells) != kLlamaCppCells) {
    return absl::InvalidArgumentError(absl::StrCat(
        "llama.cpp pads to ", kLlamaCppCells,
        " cells and takes no block size; asked ", *request.block_tokens));
  }
  if (request.tensor_parallel != 1) {
    return absl::UnimplementedError(
        absl::StrCat("llama.cpp over tensor_parallel ", request.tensor_parallel,
                     " (its split modes row and tensor) is not planned; use "
                     "pipeline_parallel, its split mode layer"));
  }
  if (request.pipeline_parallel > model.layers.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "pipeline_parallel ", request.pipeline_parallel,
        " is more than the model's ", model.layers.size(), " layers"));
  }
  if (request.draft_tokens > 0) {
    return absl::UnimplementedError(
        "layers that draft are not planned for llama.cpp; plan a draft model "
        "on its own");
  }
  if (request.state_dtype != StateDtype::kUnsaid &&
      request.state_dtype != StateDtype::kFloat32) {
    return absl::UnimplementedError(
        "llama.cpp keeps recurrent states as float32 alone");
  }
  return absl::OkStatus();
}

// Sums by stage, of one cell or of one sequence.
struct Stage {
  CheckedCount full = 0;
  CheckedCount sequence = 0;
  uint64_t layers = 0;
};

size_t StageOf(size_t layer, size_t layers, size_t stages) {
  return layer * stages / (layers + 1);
}

absl::Status Past(const char* what) {
  return absl::InvalidArgumentError(
      absl::StrCat("llama.cpp: ", what, " passes 2^64 - 1 bytes"));
}

absl::Status AddStages(const LlamaCppCaches& caches, bool has_full,
                       const std::vector<Stage>& stages, KvLayout& layout) {
  for (size_t i = 0; i < stages.size(); ++i) {
    const std::optional<Bytes> block =
        has_full ? (stages[i].full * kLlamaCppCells).bytes()
                 : stages[i].sequence.bytes();
    const std::optional<Bytes> sequence =
        has_full ? stages[i].sequence.bytes() : Bytes();
    if (!block || !sequence) return Past("a block");
    if (block->is_zero()) {
      return absl::UnimplementedError(
          absl::StrCat("pipeline stage ", i, " of ", stages.size(),
                       " holds nothing of ", caches.layers.size(),
                       " layers that grows with a sequence; use fewer stages"));
    }
    layout.block_by_stage.push_back(*block);
    layout.sequence_by_stage.push_back(*sequence);
    layout.layers_by_stage.push_back(stages[i].layers);
  }
  return absl::OkStatus();
}

// One group: what is counted in it are blocks, and a sequence takes them from
// all layers at once. Where layers differ, `page` is the largest.
void AddGroup(const LlamaCppCaches& caches, bool has_full, KvLayout& layout) {
  KvGroup group;
  group.kind = has_full ? "full" : "state";
  group.block_tokens = layout.block_tokens;
  for (const LlamaCppLayer& layer : caches.layers) {
    const Bytes page = has_full ? layer.full * kLlamaCppCells : layer.state;
    if (page.is_zero()) continue;
    ++group.caches;
    group.page = std::max(group.page, page);
  }
  Bytes all;
  for (const Bytes block : layout.block_by_stage) all += block;
  if (all != group.page * group.caches) group.mixed_block = all;
  layout.groups.push_back(group);
}

}  // namespace

LlamaCppOptions LlamaCppOptionsOf(const KvLayoutRequest& request) {
  LlamaCppOptions options;
  const KvDtype dtype = request.kv_dtype.value_or(KvDtype::kFp16);
  options.type_k = dtype;
  options.type_v = dtype;
  options.n_seq_max = request.max_seqs;
  options.swa_full = !request.hybrid_manager;
  options.n_ubatch = request.in_flight_tokens.value_or(options.n_ubatch);
  return options;
}

absl::StatusOr<KvLayout> LlamaCppLayout(const ModelShape& model,
                                        const KvLayoutRequest& request) {
  GOVERNOR_RETURN_IF_ERROR(CheckRequest(model, request));
  const LlamaCppOptions options = LlamaCppOptionsOf(request);
  // One stream of max_model_len cells; all streams are alike.
  LlamaCppOptions of_one = options;
  of_one.n_seq_max = 1;
  GOVERNOR_ASSIGN_OR_RETURN(
      const LlamaCppCaches caches,
      LlamaCppCachesOf(model, request.max_model_len, of_one));

  KvLayout layout;
  layout.engine = request.engine;
  layout.shares_prefix = false;  // each sequence has cells of its own
  layout.kv_dtype = options.type_k;
  std::vector<Stage> stages(request.pipeline_parallel);
  bool has_full = false;
  for (size_t i = 0; i < caches.layers.size(); ++i) {
    const LlamaCppLayer& layer = caches.layers[i];
    Stage& stage = stages[StageOf(i, caches.layers.size(), stages.size())];
    const CheckedCount sequence =
        CheckedCount(layer.window.count()) * caches.window_cells_per_stream +
        layer.state.count();
    const std::optional<Bytes> bytes = sequence.bytes();
    if (!bytes) return Past("a window");
    layout.token_by_layer.push_back(layer.full);
    layout.sequence_by_layer.push_back(*bytes);
    has_full = has_full || !layer.full.is_zero();
    stage.full = stage.full + layer.full.count();
    stage.sequence = stage.sequence + sequence;
    ++stage.layers;
  }
  GOVERNOR_RETURN_IF_ERROR(AddStages(caches, has_full, stages, layout));
  // However long, a sequence of states alone holds one block.
  layout.block_tokens = has_full ? kLlamaCppCells : request.max_model_len;
  AddGroup(caches, has_full, layout);
  if (!request.kv_dtype) {
    layout.notes.push_back(
        "llama.cpp keeps K and V as f16 where --cache-type-k and -v are not "
        "given, whatever the model's own dtype");
  }
  if (caches.window_cells_per_stream > 0) {
    layout.notes.push_back(
        absl::StrCat("sliding layers keep ", caches.window_cells_per_stream,
                     " cells of each sequence",
                     options.swa_full ? " (--swa-full)" : " (no --swa-full)"));
  }
  layout.notes.push_back(absl::StrCat(
      "llama.cpp allocates every sequence's ", caches.cells_per_stream,
      " cells when it starts, and shares none between sequences"));
  return layout;
}

}  // namespace governor
