#include "governor/policy/sglang_layout.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/base/status_macros.h"
#include "governor/policy/checked_count.h"
#include "governor/policy/layer_cells.h"

namespace governor {
namespace {

// Of is_hybrid_swa_model, as letters and digits of class or model_type begin.
constexpr absl::string_view kHybridFamilies[] = {"gptoss", "llama4",  "gemma4",
                                                 "mimov2", "step3p5", "step3p7",
                                                 "laguna", "mellum"};

constexpr absl::string_view kDtypes =
    "auto (the model's own), bf16, fp8 and nvfp4";

absl::Status CheckRequest(const ModelShape& model,
                          const KvLayoutRequest& request) {
  if (request.max_model_len == 0 || request.max_seqs == 0 ||
      request.pipeline_parallel == 0 || request.tensor_parallel == 0 ||
      request.block_tokens.value_or(1) == 0) {
    return absl::InvalidArgumentError(
        "max_model_len, max_seqs, block_tokens, tensor_parallel and "
        "pipeline_parallel must be at least 1");
  }
  if (request.pipeline_parallel > model.layers.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "pipeline_parallel ", request.pipeline_parallel,
        " is more than the model's ", model.layers.size(), " layers"));
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
  if (dtype == own || dtype == KvDtype::kBf16 || dtype == KvDtype::kFp8 ||
      dtype == KvDtype::kNvfp4) {
    return dtype;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("SGLang has no KV dtype ", LayoutOf(dtype).name,
                   " for a model that computes in ", model.compute_dtype,
                   "; its own are ", kDtypes));
}

struct HeadKinds {
  bool sparse = false;
  bool latent = false;
  bool unequal = false;  // K and V
};

HeadKinds KindsOf(const ModelShape& model) {
  HeadKinds kinds;
  for (const LayerShape& layer : model.layers) {
    for (const KvSpec& spec : layer.kv) {
      if (const auto* latent = std::get_if<LatentAttention>(&spec)) {
        kinds.latent = true;
        kinds.sparse = kinds.sparse || latent->sparse;
      } else if (const auto* full = std::get_if<FullAttention>(&spec)) {
        kinds.unequal =
            kinds.unequal || full->heads.head_size_k != full->heads.head_size_v;
      }
    }
  }
  return kinds;
}

uint64_t DefaultPage(const HeadKinds& kinds, const KvLayoutRequest& request) {
  if (kinds.sparse) return 64;
  const bool blackwell = request.platform == Platform::kCuda &&
                         request.compute_capability.major == 10;
  if (!blackwell || kinds.latent) return 1;
  return kinds.unequal ? 128 : 64;
}

// The last stages take what is left over (distributed/utils.py).
std::vector<uint64_t> LayersOfStages(uint64_t layers, uint64_t stages) {
  std::vector<uint64_t> counts(stages, layers / stages);
  for (uint64_t i = stages - layers % stages; i < stages; ++i) ++counts[i];
  return counts;
}

absl::Status Past() {
  return absl::InvalidArgumentError("SGLang: a block passes 2^64 - 1 bytes");
}

}  // namespace

bool SglangKeepsWindows(const ModelShape& model) {
  std::string family;
  for (const char c : model.architecture) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      family.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
    }
  }
  return std::any_of(
      std::begin(kHybridFamilies), std::end(kHybridFamilies),
      [&](absl::string_view known) { return absl::StartsWith(family, known); });
}

absl::StatusOr<KvLayout> SglangLayout(const ModelShape& model,
                                      const KvLayoutRequest& request) {
  GOVERNOR_RETURN_IF_ERROR(CheckRequest(model, request));
  KvLayout layout;
  layout.engine = request.engine;
  GOVERNOR_ASSIGN_OR_RETURN(layout.kv_dtype, DtypeOf(model, request));
  const HeadKinds kinds = KindsOf(model);
  const LayerWindows windows = LayerWindowsOf(model.layers);
  const bool two_pools =
      request.hybrid_manager && windows.longest > 0 &&
      // The smaller pool, 0.8 of the other, holds one.
      windows.longest < request.max_model_len - request.max_model_len / 5 &&
      !windows.all && SglangKeepsWindows(model);

  LayerCellOptions options;
  options.dtype = layout.kv_dtype;
  options.sparse_dtype =
      layout.kv_dtype == KvDtype::kFp8 ? KvDtype::kFp8DsMla : layout.kv_dtype;
  options.tensor_parallel = request.tensor_parallel;
  options.state_dtype = request.state_dtype;
  options.keep_all = !two_pools;
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<LayerCells> cells,
                            LayerCellsOf(model.layers, options));

  const uint64_t page =
      request.block_tokens.value_or(DefaultPage(kinds, request));
  const uint64_t slots = request.prefix_caching ? kSglangStateSlots : 1;
  layout.block_tokens = page;
  layout.layers_by_stage =
      LayersOfStages(model.layers.size(), request.pipeline_parallel);

  KvGroup group;
  group.kind = two_pools             ? kSglangSharedWindows
               : windows.longest > 0 ? kSglangWholeWindows
                                     : "full";
  group.block_tokens = page;
  size_t layer = 0;
  bool any_state = false;
  for (const uint64_t count : layout.layers_by_stage) {
    CheckedCount token = 0, window = 0, state = 0;
    for (const size_t end = layer + count; layer < end; ++layer) {
      const LayerCells& cell = cells[layer];
      token = token + cell.token.count();
      window = window + cell.window_token.count();
      state = state + cell.state.count();
      const Bytes most = std::max(cell.token, cell.window_token);
      if (!most.is_zero()) ++group.caches;
      const std::optional<Bytes> one = CheckedMultiply(most, page);
      const std::optional<Bytes> held =
          (CheckedCount(cell.state.count()) * slots +
           CheckedCount(cell.window_token.count()) *
               std::min(windows.longest, request.max_model_len))
              .bytes();
      if (!one || !held) return Past();
      group.page = std::max(group.page, *one);
      layout.token_by_layer.push_back(cell.token);
      layout.sequence_by_layer.push_back(*held);
    }
    const CheckedCount shared = (window * page * kSglangWindowNumerator)
                                    .DividedUpBy(kSglangWindowDenominator);
    const std::optional<Bytes> block = (token * page + shared).bytes();
    const std::optional<Bytes> sequence =
        (state * slots + state.DividedUpBy(request.max_seqs)).bytes();
    if (!block || !sequence) return Past();
    any_state = any_state || !sequence->is_zero();
    layout.block_by_stage.push_back(*block);
    layout.sequence_by_stage.push_back(*sequence);
  }
  for (const Bytes block : layout.block_by_stage) {
    if (!block.is_zero()) continue;
    return absl::UnimplementedError(
        "SGLang: a rank without attention, of a model of states alone or of a "
        "pipeline of too many stages, is not planned");
  }
  Bytes all;
  for (const Bytes block : layout.block_by_stage) all += block;
  if (all != group.page * group.caches) group.mixed_block = all;
  layout.groups.push_back(group);
  layout.reserved_blocks = 1;
  if (!request.block_tokens) {
    layout.notes.push_back(absl::StrCat("SGLang's page is ", page,
                                        page == 1 ? " token" : " tokens",
                                        " by default here"));
  }
  if (two_pools) {
    layout.notes.push_back(
        "SGLang keeps 0.8 tokens of the sliding layers for each token of the "
        "others (--swa-full-tokens-ratio)");
  } else if (windows.longest > 0) {
    layout.notes.push_back(
        "sliding layers are planned as long as the others, as SGLang keeps "
        "them for this model or with --disable-hybrid-swa-memory");
  }
  if (any_state) {
    layout.notes.push_back(
        absl::StrCat("SGLang keeps ", slots, slots == 1 ? " state" : " states",
                     " for each running request (--max-mamba-cache-size)"));
  }
  return layout;
}

}  // namespace governor
