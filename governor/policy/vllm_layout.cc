#include "governor/policy/vllm_layout.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "governor/base/status_macros.h"
#include "governor/policy/checked_count.h"
#include "governor/policy/layers_by_stage.h"
#include "governor/policy/vllm_block_size.h"
#include "governor/policy/vllm_buckets.h"
#include "governor/policy/vllm_cache.h"
#include "governor/policy/vllm_caches.h"
#include "governor/policy/vllm_grouping.h"
#include "governor/policy/vllm_in_flight.h"
#include "governor/policy/vllm_kv_dtype.h"
#include "governor/policy/vllm_traits.h"

namespace governor {
namespace {

std::string KindOf(const VllmCache& cache) {
  switch (cache.kind) {
    case VllmKind::kFull:
      return "full";
    case VllmKind::kLatent:
      return "latent";
    case VllmKind::kSliding:
    case VllmKind::kSlidingLatent:
      return absl::StrCat("sliding window ", cache.reach);
    case VllmKind::kChunked:
      return absl::StrCat("chunk ", cache.reach);
    case VllmKind::kCross:
      return "cross";
    case VllmKind::kState:
      return "state";
  }
  return "";
}

// max_admission_blocks_per_request and its like, in KvGroup's terms.
absl::Status SetBlocks(const VllmCache& cache, uint64_t in_flight_tokens,
                       KvGroup& group) {
  CheckedCount most = 0;
  switch (cache.kind) {
    case VllmKind::kFull:
    case VllmKind::kLatent:
      return absl::OkStatus();
    case VllmKind::kSliding:
    case VllmKind::kSlidingLatent:
      // The window may begin anywhere in a block.
      most = CheckedCount(cache.reach - 1) + in_flight_tokens;
      group.extra_blocks = 1;
      break;
    case VllmKind::kChunked:
      most = CheckedCount(cache.reach) + in_flight_tokens;
      break;
    case VllmKind::kCross:
    case VllmKind::kState:
      most = 1;
      group.extra_blocks = cache.held_blocks - 1;
      break;
  }
  if (!most.value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("in_flight_tokens ", in_flight_tokens, " and ",
                     cache.reach, " of a window pass 2^64 - 1"));
  }
  group.most_tokens = *most.value();
  return absl::OkStatus();
}

absl::Status AddGroup(const VllmGroup& from,
                      absl::Span<const VllmBucket> buckets,
                      uint64_t in_flight_tokens, KvLayout& layout) {
  KvGroup& group = layout.groups.emplace_back();
  const VllmCache* widest = nullptr;
  bool mixed = false;
  CheckedCount block = 0;
  for (const VllmShare& share : from.shares) {
    const VllmCache& cache = buckets[share.bucket].cache;
    group.caches += share.count;
    block = block + CheckedCount(cache.page.count()) * share.count;
    mixed = mixed || (widest != nullptr && widest->page != cache.page);
    if (widest == nullptr || widest->page < cache.page) widest = &cache;
  }
  if (!block.bytes()) {
    return absl::InvalidArgumentError("a block passes 2^64 - 1 bytes");
  }
  for (size_t stage = 0; stage < layout.block_by_stage.size(); ++stage) {
    Bytes of_stage;  // a part of `block`
    for (const VllmShare& share : from.shares) {
      of_stage +=
          buckets[share.bucket].cache.page * share.count_by_stage[stage];
    }
    Bytes& largest = layout.block_by_stage[stage];
    largest = std::max(largest, of_stage);
  }
  group.kind = KindOf(*widest);
  group.block_tokens = widest->block_tokens;
  group.page = widest->page;
  group.padding = widest->page - widest->unpadded;
  if (mixed) group.mixed_block = block.bytes();
  return SetBlocks(*widest, in_flight_tokens, group);
}

// The smallest block of those groups that keep every token; of all, where none
// does.
uint64_t BlockTokensOf(absl::Span<const VllmBucket> buckets) {
  std::optional<uint64_t> growing;
  std::optional<uint64_t> any;
  for (const VllmBucket& bucket : buckets) {
    const VllmCache& cache = bucket.cache;
    any = std::min(any.value_or(cache.block_tokens), cache.block_tokens);
    if (!KeepsEveryToken(cache)) continue;
    growing =
        std::min(growing.value_or(cache.block_tokens), cache.block_tokens);
  }
  return growing.value_or(*any);
}

absl::Status CheckRequest(const ModelShape& model,
                          const KvLayoutRequest& request) {
  const struct {
    absl::string_view name;
    uint64_t value;
  } kCounts[] = {{"max_model_len", request.max_model_len},
                 {"tensor_parallel", request.tensor_parallel},
                 {"pipeline_parallel", request.pipeline_parallel},
                 {"in_flight_tokens", request.in_flight_tokens.value_or(1)},
                 {"block_tokens", request.block_tokens.value_or(1)},
                 {"the number of layers", model.layers.size()}};
  for (const auto& count : kCounts) {
    if (count.value != 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(count.name, " is zero"));
  }
  if (request.pipeline_parallel > model.layers.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "pipeline_parallel ", request.pipeline_parallel, " is above the ",
        model.layers.size(), " layers of the model; use at most that many"));
  }
  if (request.draft_tokens > 0 && model.draft_layers.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("draft_tokens ", request.draft_tokens,
                     ", but the model has no layers that draft; use 0"));
  }
  return absl::OkStatus();
}

// What runs ahead of the tokens that were retired (vllm/config/vllm.py,
// max_in_flight_tokens).
struct InFlight {
  uint64_t batched_tokens = 0;
  uint64_t tokens = 0;
};

InFlight InFlightOf(const KvLayoutRequest& request, const VllmTraits& traits,
                    std::vector<std::string>& notes) {
  const uint64_t steps = VllmStepsInFlight(request);
  if (request.in_flight_tokens) {
    return {std::max<uint64_t>(1, *request.in_flight_tokens / steps),
            *request.in_flight_tokens};
  }
  const uint64_t batched = VllmBatchedTokens(request);
  const uint64_t tokens = (CheckedCount(batched) * steps)
                              .value()
                              .value_or(std::numeric_limits<uint64_t>::max());
  if (traits.windows) {
    notes.push_back(absl::StrCat(
        "up to ", tokens, " tokens in flight, as vLLM's default of ", batched,
        " batched tokens on such a machine makes them"));
  }
  return {batched, tokens};
}

}  // namespace

absl::StatusOr<KvLayout> VllmLayout(const ModelShape& model,
                                    const KvLayoutRequest& request) {
  GOVERNOR_RETURN_IF_ERROR(CheckRequest(model, request));
  KvLayout layout;
  layout.engine = request.engine;
  const VllmTraits traits = TraitsOf(model);
  if (traits.state && request.platform == Platform::kCpu) {
    layout.notes.push_back(
        "a CPU with AVX512-BF16 is assumed, where linear states are float32");
  }
  GOVERNOR_ASSIGN_OR_RETURN(layout.kv_dtype,
                            VllmKvDtype(traits, request, layout.notes));
  VllmCacheOptions options = {.request = request, .traits = traits};
  options.dtype = layout.kv_dtype;
  GOVERNOR_ASSIGN_OR_RETURN(
      options.block_tokens,
      VllmBlockTokens(traits, request, layout.kv_dtype, layout.notes));
  const InFlight in_flight = InFlightOf(request, traits, layout.notes);
  options.batched_tokens = in_flight.batched_tokens;

  layout.layers_by_stage =
      LayersByStage(model.layers.size(), request.pipeline_parallel);
  GOVERNOR_ASSIGN_OR_RETURN(
      VllmModelCaches caches,
      VllmCachesOfModel(model, layout.layers_by_stage, options, layout.notes));
  std::vector<VllmBucket>& buckets = caches.buckets;
  GOVERNOR_ASSIGN_OR_RETURN(
      const std::vector<VllmGroup> groups,
      GroupVllmCaches(buckets, {.stages = request.pipeline_parallel,
                                .promote_local = !request.hybrid_manager,
                                .packed = traits.compressed}));
  layout.block_tokens = BlockTokensOf(buckets);
  layout.block_by_stage.resize(request.pipeline_parallel);
  layout.sequence_by_stage.resize(request.pipeline_parallel);
  layout.groups.reserve(groups.size());
  for (const VllmGroup& group : groups) {
    GOVERNOR_RETURN_IF_ERROR(
        AddGroup(group, buckets, in_flight.tokens, layout));
  }
  for (Bytes& block : layout.block_by_stage) {
    // A stage that keeps nothing sets no limit.
    block = std::max(block, Bytes(1));
  }
  layout.reserved_blocks = 1;  // BlockPool's null block
  layout.token_by_layer = std::move(caches.token_by_layer);
  layout.sequence_by_layer = std::move(caches.sequence_by_layer);
  return layout;
}

}  // namespace governor
