// Any bytes as a config.json. What comes out must be within the limits that
// planning counts on, and what is refused must be refused readably.
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "governor/model/byte_source.h"
#include "governor/model/hf_config.h"
#include "governor/model/kv_spec.h"
#include "governor/policy/kv_planner.h"
#include "tests/fuzz/require.h"

namespace governor {
namespace {

constexpr uint64_t kMaxCount = uint64_t{1} << 32;

void CheckRefusal(const absl::Status& status) {
  Require(status.code() == absl::StatusCode::kInvalidArgument ||
          status.code() == absl::StatusCode::kUnimplemented);
  Require(!status.message().empty() && status.message().size() < 2048);
  for (const char c : status.message()) Require(absl::ascii_isprint(c));
}

void CheckCount(uint64_t count) { Require(count > 0 && count <= kMaxCount); }

void CheckHeads(const AttentionHeads& heads) {
  CheckCount(heads.query_heads);
  CheckCount(heads.kv_heads);
  CheckCount(heads.head_size_k);
  CheckCount(heads.head_size_v);
  Require(heads.query_heads % heads.kv_heads == 0);
}

struct CheckSpec {
  void operator()(const FullAttention& full) const { CheckHeads(full.heads); }
  void operator()(const SlidingWindow& sliding) const {
    CheckHeads(sliding.heads);
    CheckCount(sliding.window);
  }
  void operator()(const ChunkedAttention& chunked) const {
    CheckHeads(chunked.heads);
    CheckCount(chunked.chunk);
  }
  void operator()(const CrossAttention& cross) const {
    CheckHeads(cross.heads);
    CheckCount(cross.source_tokens);
  }
  void operator()(const LatentAttention& latent) const {
    CheckCount(latent.query_heads);
    CheckCount(latent.rank);
    CheckCount(latent.rope_size);
  }
  void operator()(const SparseIndexer& indexer) const {
    CheckCount(indexer.head_size);
  }
  void operator()(const CompressedLatent& latent) const {
    CheckCount(latent.head_size);
    CheckCount(latent.rope_size);
    CheckCount(latent.window);
    Require(latent.compress_ratio <= kMaxCount);
    Require(latent.index_head_size <= kMaxCount);
  }
  void operator()(const Mamba1State& state) const {
    CheckCount(state.inner_size);
    CheckCount(state.state_size);
    CheckCount(state.conv_kernel);
  }
  void operator()(const Mamba2State& state) const {
    CheckCount(state.heads);
    CheckCount(state.head_size);
    CheckCount(state.state_size);
    CheckCount(state.groups);
    CheckCount(state.conv_kernel);
    Require(state.heads % state.groups == 0);
  }
  void operator()(const DeltaNetState& state) const {
    CheckCount(state.key_heads);
    CheckCount(state.value_heads);
    CheckCount(state.key_head_size);
    CheckCount(state.value_head_size);
    CheckCount(state.conv_kernel);
  }
  void operator()(const KimiDeltaState& state) const {
    CheckCount(state.heads);
    CheckCount(state.head_size);
    CheckCount(state.conv_kernel);
  }
};

void CheckShape(const ModelShape& shape) {
  Require(!shape.layers.empty() && shape.layers.size() <= 4096);
  Require(shape.draft_layers.size() <= 1024);
  for (const auto* layers : {&shape.layers, &shape.draft_layers}) {
    for (const LayerShape& layer : *layers) {
      Require(layer.kv.size() <= 2 && layer.weights.is_zero());
      for (const KvSpec& spec : layer.kv) std::visit(CheckSpec(), spec);
    }
  }
  Require(!shape.has_weights && shape.weights.is_zero());
  Require(shape.context_length <= kMaxCount);
  Require(shape.vocabulary_size <= kMaxCount);
  Require(shape.compute_dtype == "bfloat16" ||
          shape.compute_dtype == "float16" || shape.compute_dtype == "float32");
  for (const std::string& note : shape.notes) {
    Require(!note.empty() && note.size() < 1024);
    for (const char c : note) Require(absl::ascii_isprint(c));
  }
}

// Every engine lays the model out, or refuses it by its own rules; what is laid
// out can be planned, on one rank and on eight.
void CheckPlans(const ModelShape& shape) {
  for (const Engine engine : {Engine::kVllm, Engine::kSglang, Engine::kLlamaCpp,
                              Engine::kTensorRtLlm, Engine::kMax}) {
    for (const uint64_t ranks : {1, 8}) {
      PlanRequest request = {.budget = GiB(100), .weights = GiB(60)};
      request.layout.engine = engine;
      request.layout.tensor_parallel = ranks;
      const absl::StatusOr<Plan> plan = PlanKv(shape, request);
      if (!plan.ok()) {
        Require(absl::IsInvalidArgument(plan.status()) ||
                absl::IsUnimplemented(plan.status()));
        continue;
      }
      Require(plan->fits != plan->shortfall.has_value());
      for (const StagePlan& stage : plan->stages) {
        Require(!stage.block.is_zero());
        if (!plan->fits) continue;
        Require(stage.fixed() + stage.kv + *stage.left == GiB(100));
      }
    }
  }
}

}  // namespace
}  // namespace governor

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace governor;
  const MemoryByteSource source(
      absl::string_view(reinterpret_cast<const char*>(data), size));
  const absl::StatusOr<ModelShape> shape = ShapeOfConfig(source, {});
  const absl::StatusOr<ModelShape> assumed =
      ShapeOfConfig(source, {.assume_gqa = true});
  for (const auto* each : {&shape, &assumed}) {
    if (each->ok()) {
      CheckShape(**each);
    } else {
      CheckRefusal(each->status());
    }
  }
  // Assuming changes nothing for what is known.
  if (shape.ok()) Require(assumed.ok() && assumed->layers == shape->layers);
  if (assumed.ok()) CheckPlans(*assumed);
  return 0;
}
