#include "governor/policy/plan_numbers.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/base/status_macros.h"
#include "governor/policy/rank_weights.h"

namespace governor {
namespace {

constexpr uint64_t kMaxBlockTokens = uint64_t{1} << 20;
constexpr uint64_t kMaxModelLen = uint64_t{1} << 32;
constexpr uint64_t kMaxSeqs = uint64_t{1} << 24;
constexpr uint64_t kMaxRanks = 4096;
constexpr Bytes kMaxWeights = Bytes(uint64_t{1} << 60);

absl::Status CheckCount(absl::string_view name, uint64_t value,
                        uint64_t limit) {
  if (value >= 1 && value <= limit) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " must be from 1 to ", limit, ", given ", value));
}

absl::Status TooLarge(absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, " passes 2^64 - 1 bytes"));
}

// Sums over the parts of a model's weights cannot wrap afterwards.
absl::Status CheckWeights(absl::string_view whose, const ModelShape& model) {
  const auto check = [&](Bytes size) -> absl::Status {
    if (size <= kMaxWeights) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("the weights of ", whose,
                                                   " are ", size.count(),
                                                   " bytes, more than 2^60"));
  };
  GOVERNOR_RETURN_IF_ERROR(check(model.weights));
  Bytes placed;
  const auto place = [&](Bytes size) -> absl::Status {
    GOVERNOR_RETURN_IF_ERROR(check(size));
    placed += size;
    return check(placed);
  };
  for (const auto* layers : {&model.layers, &model.draft_layers}) {
    for (const LayerShape& layer : *layers) {
      GOVERNOR_RETURN_IF_ERROR(place(layer.weights));
      GOVERNOR_RETURN_IF_ERROR(check(layer.replicated_weights));
      GOVERNOR_RETURN_IF_ERROR(check(layer.kv_weights));
    }
  }
  GOVERNOR_RETURN_IF_ERROR(place(model.outer.embedding));
  GOVERNOR_RETURN_IF_ERROR(place(model.outer.head));
  GOVERNOR_RETURN_IF_ERROR(place(model.outer.replicated));
  return place(model.outer.towers);
}

absl::Status CheckWeightsAreKnown(const ModelShape& model,
                                  const PlanRequest& request) {
  if (model.has_weights || request.weights || !request.budget) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "the model's files hold no weights, so nobody knows what of the budget "
      "they take; add the .safetensors files, give the size of the weights "
      "(--weights), or plan for a KV cache of a given size (--kv-memory) "
      "instead of a budget");
}

absl::Status CheckDraft(const PlanRequest& request) {
  if (request.draft == nullptr) return absl::OkStatus();
  if (request.layout.pipeline_parallel > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("a draft model is planned with 1 pipeline stage, given ",
                     request.layout.pipeline_parallel));
  }
  if (request.layout.draft_tokens > 0) {
    return absl::InvalidArgumentError(
        "a draft model and the model's own draft layers exclude each other; "
        "give one of them");
  }
  if (!request.draft->has_weights && request.budget) {
    return absl::InvalidArgumentError(
        "the draft model's files hold no weights, so nobody knows what of the "
        "budget they take; add its .safetensors files");
  }
  return CheckWeights("the draft model", *request.draft);
}

absl::Status CheckRequest(const ModelShape& model, const PlanRequest& request) {
  if (!request.budget && !request.kv_memory) {
    return absl::InvalidArgumentError(
        "a plan needs a budget, or kv_memory, or both");
  }
  if (model.layers.empty()) {
    return absl::InvalidArgumentError("the model has no layers");
  }
  const KvLayoutRequest& layout = request.layout;
  GOVERNOR_RETURN_IF_ERROR(CheckCount(
      "block_tokens", layout.block_tokens.value_or(1), kMaxBlockTokens));
  if (!request.max_model_len && model.context_length == 0) {
    return absl::InvalidArgumentError(
        "the model's files do not say its context length; give max_model_len "
        "(--max-model-len), for example 8192");
  }
  GOVERNOR_RETURN_IF_ERROR(CheckCount(
      request.max_model_len ? "max_model_len" : "the model's context length",
      request.max_model_len.value_or(model.context_length), kMaxModelLen));
  GOVERNOR_RETURN_IF_ERROR(
      CheckCount("max_seqs", request.max_seqs.value_or(1), kMaxSeqs));
  GOVERNOR_RETURN_IF_ERROR(CheckCount("tp", layout.tensor_parallel, kMaxRanks));
  GOVERNOR_RETURN_IF_ERROR(
      CheckCount("pp", layout.pipeline_parallel,
                 std::min<uint64_t>(kMaxRanks, model.layers.size())));
  GOVERNOR_RETURN_IF_ERROR(
      CheckCount("tp times pp",
                 layout.tensor_parallel * layout.pipeline_parallel, kMaxRanks));
  GOVERNOR_RETURN_IF_ERROR(CheckCount("granularity",
                                      request.granularity.count(),
                                      std::numeric_limits<uint64_t>::max()));
  GOVERNOR_RETURN_IF_ERROR(CheckWeights("the model", model));
  if (request.weights && *request.weights > kMaxWeights) {
    return absl::InvalidArgumentError(absl::StrCat(
        "weights must be at most 2^60, given ", request.weights->count()));
  }
  GOVERNOR_RETURN_IF_ERROR(CheckDraft(request));
  return CheckWeightsAreKnown(model, request);
}

absl::StatusOr<Bytes> SumOf(absl::Span<const Bytes> sizes) {
  Bytes sum;
  for (const Bytes size : sizes) {
    const std::optional<Bytes> next = CheckedAdd(sum, size);
    if (!next) return TooLarge("the KV cache of one token");
    sum = *next;
  }
  return sum;
}

absl::StatusOr<KvLayout> LayOut(const ModelShape& model,
                                const PlanRequest& request, Plan& plan) {
  KvLayoutRequest layout = request.layout;
  layout.max_model_len = plan.max_model_len;
  layout.max_seqs = plan.required_sequences;
  if (request.draft == nullptr) return LayOutKv(model, layout);
  ModelShape both;
  both.architecture = model.architecture;
  both.compute_dtype = model.compute_dtype;
  both.context_length = model.context_length;
  both.layers = model.layers;
  both.layers.insert(both.layers.end(), request.draft->layers.begin(),
                     request.draft->layers.end());
  return LayOutKv(both, layout);
}

// The blocks of all required sequences, saturating. What they have in common is
// held once by the groups that keep every token; the last token of each is its
// own.
uint64_t RequiredBlocks(const KvLayout& layout, uint64_t max_model_len,
                        uint64_t sequences, uint64_t shared_tokens) {
  __extension__ using Wide = unsigned __int128;
  Wide blocks = Wide{BlocksPerSequence(layout, max_model_len)} * sequences;
  for (const KvGroup& group : layout.groups) {
    if (!layout.shares_prefix || group.most_tokens || group.extra_blocks != 0) {
      continue;
    }
    blocks -=
        Wide{std::min(shared_tokens, max_model_len - 1) / group.block_tokens} *
        (sequences - 1);
  }
  blocks += layout.reserved_blocks;
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  return blocks > kMost ? kMost : static_cast<uint64_t>(blocks);
}

// Sets what each stage holds whatever the KV cache.
absl::Status DescribeStages(const ModelShape& model, const PlanRequest& request,
                            Plan& plan) {
  const bool drafting = request.layout.draft_tokens > 0;
  const uint64_t ranks = request.layout.tensor_parallel;
  plan.weights = LoadedWeights(model, drafting);
  // A draft model's layers are the last of the only stage.
  std::vector<uint64_t> own_layers = plan.layout.layers_by_stage;
  if (request.draft != nullptr) own_layers = {model.layers.size()};
  std::vector<Bytes> weights =
      WeightsByStage(model, drafting, ranks, own_layers);
  if (request.weights) {
    plan.weights = *request.weights;
    const uint64_t parts = ranks * weights.size();
    weights.assign(weights.size(),
                   Bytes((plan.weights.count() + parts - 1) / parts));
  }
  if (request.draft != nullptr) {
    const uint64_t layers = request.draft->layers.size();
    plan.draft_weights = LoadedWeights(*request.draft, /*drafting=*/false);
    plan.weights += plan.draft_weights;
    weights[0] += WeightsByStage(*request.draft, /*drafting=*/false, ranks,
                                 absl::MakeConstSpan(&layers, 1))[0];
  }
  uint64_t first_layer = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    StagePlan stage;
    stage.first_layer = first_layer;
    stage.layers = plan.layout.layers_by_stage[i];
    first_layer += stage.layers;
    stage.weights = weights[i];
    stage.activations = request.activations.value_or(Bytes(0));
    stage.graphs = request.graphs.value_or(Bytes(0));
    stage.adapters = request.adapters.value_or(Bytes(0));
    stage.allowance = request.allowance.value_or(kDefaultAllowance);
    stage.block = plan.layout.block_by_stage[i];
    stage.sequence = plan.layout.sequence_by_stage[i];
    std::optional<Bytes> sum = AlignUp(stage.weights, request.granularity);
    if (sum) stage.weights_rounding = *sum - stage.weights;
    for (const Bytes part :
         {stage.activations, stage.graphs, stage.adapters, stage.allowance}) {
      if (sum) sum = CheckedAdd(*sum, part);
    }
    if (!sum) {
      return TooLarge(absl::StrCat("the sum of weights ", stage.weights.count(),
                                   ", activations ", stage.activations.count(),
                                   ", graphs ", stage.graphs.count(),
                                   ", adapters ", stage.adapters.count(),
                                   " and allowance ", stage.allowance.count()));
    }
    plan.stages.push_back(std::move(stage));
  }
  return absl::OkStatus();
}

// The blocks that `space` holds beside the constant part of each sequence.
uint64_t BlocksIn(Bytes space, const Plan& plan, const StagePlan& stage) {
  const std::optional<Bytes> constant =
      CheckedMultiply(stage.sequence, plan.required_sequences);
  if (!constant || *constant > space) return 0;
  return (space - *constant) / stage.block;
}

// Sets how many blocks there are, and which stage says so.
void CountBlocks(const PlanRequest& request, Plan& plan) {
  plan.num_blocks = std::numeric_limits<uint64_t>::max();
  for (size_t i = 0; i < plan.stages.size(); ++i) {
    const StagePlan& stage = plan.stages[i];
    const Bytes space = request.kv_memory
                            ? *request.kv_memory
                            : KvSpace(plan, stage, request.granularity);
    const uint64_t blocks = BlocksIn(space, plan, stage);
    if (blocks < plan.num_blocks) {
      plan.num_blocks = blocks;
      plan.gate_stage = i;
    }
  }
}

// Sets what each stage then holds. False: some stage cannot hold it.
bool FillStages(const PlanRequest& request, Plan& plan) {
  bool held = true;
  for (StagePlan& stage : plan.stages) {
    const std::optional<Bytes> kv = KvSize(plan, stage, plan.num_blocks);
    stage.kv = kv.value_or(Bytes(std::numeric_limits<uint64_t>::max()));
    if (request.kv_memory && stage.kv > *request.kv_memory) held = false;
    if (!plan.budget) continue;
    stage.left = SaturatingSubtract(
        SaturatingSubtract(*plan.budget, stage.fixed()), stage.kv);
    // The cache is held in whole granules, like the space.
    if (stage.fixed() > *plan.budget ||
        stage.kv > KvSpace(plan, stage, request.granularity)) {
      held = false;
    }
  }
  return held;
}

// Sequences of max_model_len at once, not rounded. As vLLM's
// get_kv_cache_capacity, in doubles as there; where sequences hold constant
// bytes besides blocks, these are taken from the same memory.
double Concurrency(const Plan& plan) {
  const StagePlan& gate = plan.gate();
  const auto per_sequence = static_cast<double>(plan.blocks_per_sequence);
  if (gate.sequence.is_zero()) {
    return plan.blocks_per_sequence == 0
               ? static_cast<double>(plan.required_sequences)
               : static_cast<double>(plan.num_blocks) / per_sequence;
  }
  return static_cast<double>(gate.kv.count()) /
         (static_cast<double>(gate.sequence.count()) +
          per_sequence * static_cast<double>(gate.block.count()));
}

}  // namespace

Bytes KvSpace(const Plan& plan, const StagePlan& stage, Bytes granularity) {
  return AlignDown(SaturatingSubtract(*plan.budget, stage.fixed()),
                   granularity);
}

std::optional<Bytes> KvSize(const Plan& plan, const StagePlan& stage,
                            uint64_t blocks) {
  const std::optional<Bytes> paged = CheckedMultiply(stage.block, blocks);
  const std::optional<Bytes> constant =
      CheckedMultiply(stage.sequence, plan.required_sequences);
  if (!paged || !constant) return std::nullopt;
  return CheckedAdd(*paged, *constant);
}

absl::StatusOr<Plan> PlanNumbers(const ModelShape& model,
                                 const PlanRequest& request) {
  GOVERNOR_RETURN_IF_ERROR(CheckRequest(model, request));
  Plan plan;
  plan.budget = request.budget;
  plan.os_reserve = request.os_reserve;
  plan.tensor_parallel = request.layout.tensor_parallel;
  plan.max_model_len = request.max_model_len.value_or(model.context_length);
  plan.required_sequences = request.max_seqs.value_or(1);
  GOVERNOR_ASSIGN_OR_RETURN(plan.layout, LayOut(model, request, plan));
  plan.blocks_per_sequence = BlocksPerSequence(plan.layout, plan.max_model_len);
  plan.required_blocks =
      RequiredBlocks(plan.layout, plan.max_model_len, plan.required_sequences,
                     request.shared_prefix_tokens);
  GOVERNOR_RETURN_IF_ERROR(DescribeStages(model, request, plan));
  CountBlocks(request, plan);
  const bool held = FillStages(request, plan);
  plan.fits = held && plan.num_blocks >= plan.required_blocks;

  const StagePlan& gate = plan.gate();
  const auto of_gate = [&](const std::vector<Bytes>& by_layer) {
    // Layers that draft stand after all others, on the last stage.
    const size_t end = plan.gate_stage + 1 == plan.stages.size()
                           ? by_layer.size()
                           : gate.first_layer + gate.layers;
    return absl::MakeConstSpan(by_layer).subspan(gate.first_layer,
                                                 end - gate.first_layer);
  };
  GOVERNOR_ASSIGN_OR_RETURN(plan.kv_per_token,
                            SumOf(of_gate(plan.layout.token_by_layer)));
  GOVERNOR_ASSIGN_OR_RETURN(plan.kv_per_sequence,
                            SumOf(of_gate(plan.layout.sequence_by_layer)));
  plan.max_concurrency = held ? Concurrency(plan) : 0;
  const double tokens =
      plan.max_concurrency * static_cast<double>(plan.max_model_len);
  plan.max_tokens = tokens < 0x1p64 ? static_cast<uint64_t>(tokens)
                                    : std::numeric_limits<uint64_t>::max();
  if (request.bandwidth && *request.bandwidth > 0) {
    const uint64_t ranks = request.layout.tensor_parallel;
    const Bytes read = request.weights ? Bytes(request.weights->count() / ranks)
                                       : WeightsReadPerToken(model, ranks);
    if (!read.is_zero()) {
      plan.decode_tokens_per_second_bound =
          *request.bandwidth / static_cast<double>(read.count());
    }
  }
  return plan;
}

}  // namespace governor
