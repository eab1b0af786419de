#include "governor/policy/vllm_buckets.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/policy/checked_count.h"
#include "governor/policy/vllm_block_size.h"
#include "governor/policy/vllm_cache.h"

namespace governor {
namespace {

// More are no model's, and each layer is compared with all of them.
constexpr size_t kMaxDistinctSpecs = 1024;

// The different specs of a model, and for each layer which of them it has.
struct Specs {
  struct Use {
    uint32_t spec = 0;
    uint32_t layer = 0;
  };
  std::vector<const KvSpec*> distinct;
  std::vector<size_t> first_layers;  // of each distinct one
  std::vector<Use> uses;             // in the order of the layers
  size_t layers = 0;
};

absl::StatusOr<Specs> SpecsOf(absl::Span<const LayerShape> layers,
                              absl::Span<const LayerShape> draft_layers) {
  Specs specs;
  specs.uses.reserve(layers.size() + draft_layers.size());
  for (const auto part : {layers, draft_layers}) {
    for (const LayerShape& layer : part) {
      for (const KvSpec& spec : layer.kv) {
        uint32_t i = 0;
        while (i < specs.distinct.size() && !(*specs.distinct[i] == spec)) ++i;
        if (i == kMaxDistinctSpecs) {
          return absl::UnimplementedError(
              absl::StrCat("layers that keep more than ", kMaxDistinctSpecs,
                           " different things are not planned"));
        }
        if (i == specs.distinct.size()) {
          specs.distinct.push_back(&spec);
          specs.first_layers.push_back(specs.layers);
        }
        specs.uses.push_back({i, static_cast<uint32_t>(specs.layers)});
      }
      ++specs.layers;
    }
  }
  return specs;
}

absl::StatusOr<std::vector<VllmSpecCaches>> CachesOf(
    const Specs& specs, const VllmCacheOptions& options) {
  std::vector<VllmSpecCaches> result;
  result.reserve(specs.distinct.size());
  for (size_t i = 0; i < specs.distinct.size(); ++i) {
    absl::StatusOr<VllmSpecCaches> caches =
        VllmCachesOf(*specs.distinct[i], options);
    if (!caches.ok()) {
      return absl::Status(caches.status().code(),
                          absl::StrCat("layer ", specs.first_layers[i], ": ",
                                       caches.status().message()));
    }
    result.push_back(*std::move(caches));
  }
  return result;
}

// platforms/interface.py, _align_hybrid_block_size: the block of attention
// grows until its page holds a state, and states are padded to that page.
absl::StatusOr<std::vector<VllmSpecCaches>> AlignHybrid(
    const Specs& specs, std::vector<VllmSpecCaches> caches,
    VllmCacheOptions& options, std::vector<std::string>& notes) {
  Bytes token;
  Bytes state;
  for (const VllmSpecCaches& spec : caches) {
    for (const VllmCache& cache : spec.caches) {
      if (cache.kind == VllmKind::kState) {
        state = std::max(state, cache.page);
      } else if (token.is_zero()) {
        token = Bytes(cache.page / Bytes(cache.block_tokens));
      }
    }
  }
  const uint64_t alignment = VllmHybridAlignment(
      options.traits, options.request.platform, options.block_tokens);
  const std::optional<Bytes> unit = CheckedMultiply(token, alignment);
  if (!unit) return absl::InvalidArgumentError("a page passes 2^64 - 1 bytes");
  const std::optional<uint64_t> block =
      (CheckedCount(state.count()).DividedUpBy(unit->count()) * alignment)
          .value();
  const std::optional<Bytes> page =
      block ? CheckedMultiply(token, std::max(*block, options.block_tokens))
            : std::nullopt;
  if (!page) return absl::InvalidArgumentError("a page passes 2^64 - 1 bytes");
  if (*block > options.block_tokens) {
    options.block_tokens = *block;
    notes.push_back(absl::StrCat("vLLM makes blocks of ", *block,
                                 " tokens, so that one holds a state"));
    GOVERNOR_ASSIGN_OR_RETURN(caches, CachesOf(specs, options));
  }
  for (VllmSpecCaches& spec : caches) {
    for (VllmCache& cache : spec.caches) {
      if (cache.kind == VllmKind::kState) cache.page = *page;
    }
  }
  return caches;
}

// Equal caches together, in the order of the layers.
std::vector<VllmBucket> BucketsOf(const Specs& specs,
                                  absl::Span<const VllmSpecCaches> caches,
                                  absl::Span<const uint64_t> layers_by_stage) {
  std::vector<VllmBucket> buckets;
  // Of each cache of each distinct spec.
  std::vector<absl::InlinedVector<uint32_t, 5>> homes(caches.size());
  for (size_t i = 0; i < caches.size(); ++i) {
    for (const VllmCache& cache : caches[i].caches) {
      uint32_t home = 0;
      while (home < buckets.size() && !(buckets[home].cache == cache)) ++home;
      if (home == buckets.size()) buckets.emplace_back().cache = cache;
      homes[i].push_back(home);
    }
  }
  uint32_t stage = 0;
  uint64_t end = layers_by_stage[0];  // draft layers follow on the last stage
  for (const Specs::Use& use : specs.uses) {
    while (use.layer >= end && stage + 1 < layers_by_stage.size()) {
      end += layers_by_stage[++stage];
    }
    for (const uint32_t home : homes[use.spec]) {
      ++buckets[home].count;
      if (layers_by_stage.size() > 1) buckets[home].stages.push_back(stage);
    }
  }
  return buckets;
}

}  // namespace

absl::StatusOr<VllmModelCaches> VllmCachesOfModel(
    const ModelShape& model, absl::Span<const uint64_t> layers_by_stage,
    VllmCacheOptions options, std::vector<std::string>& notes) {
  GOVERNOR_ASSIGN_OR_RETURN(
      const Specs specs,
      SpecsOf(model.layers, options.request.draft_tokens > 0
                                ? absl::MakeConstSpan(model.draft_layers)
                                : absl::Span<const LayerShape>()));
  if (specs.uses.empty()) {
    return absl::InvalidArgumentError(
        "no layer of the model keeps anything of a sequence, so there is no KV "
        "cache to lay out");
  }
  GOVERNOR_ASSIGN_OR_RETURN(std::vector<VllmSpecCaches> caches,
                            CachesOf(specs, options));
  if (options.traits.state && options.traits.attention) {
    GOVERNOR_ASSIGN_OR_RETURN(
        caches, AlignHybrid(specs, std::move(caches), options, notes));
  }
  VllmModelCaches result;
  result.buckets = BucketsOf(specs, caches, layers_by_stage);
  result.token_by_layer.resize(specs.layers);
  result.sequence_by_layer.resize(specs.layers);
  for (const Specs::Use& use : specs.uses) {
    const VllmSpecCaches& spec = caches[use.spec];
    const std::optional<Bytes> token =
        CheckedAdd(result.token_by_layer[use.layer], spec.token);
    const std::optional<Bytes> sequence =
        CheckedAdd(result.sequence_by_layer[use.layer], spec.sequence);
    if (!token || !sequence) {
      return absl::InvalidArgumentError(
          absl::StrCat("layer ", use.layer, " passes 2^64 - 1 bytes"));
    }
    result.token_by_layer[use.layer] = *token;
    result.sequence_by_layer[use.layer] = *sequence;
  }
  return result;
}

}  // namespace governor
