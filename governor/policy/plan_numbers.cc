#include "governor/policy/plan_numbers.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/base/status_macros.h"
#include "governor/policy/layer_kv.h"

namespace governor {
namespace {

constexpr uint64_t kMaxBlockTokens = uint64_t{1} << 20;
constexpr uint64_t kMaxModelLen = uint64_t{1} << 32;
constexpr uint64_t kMaxSeqs = uint64_t{1} << 24;

absl::Status CheckCount(absl::string_view name, uint64_t value,
                        uint64_t limit) {
  if (value >= 1 && value <= limit) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " must be from 1 to ", limit, ", given ", value));
}

absl::Status CheckRequest(const ModelShape& model, const PlanRequest& request) {
  if (!request.budget && !request.kv_memory) {
    return absl::InvalidArgumentError(
        "a plan needs a budget, or kv_memory, or both");
  }
  if (model.layers.empty()) {
    return absl::InvalidArgumentError("the model has no layers");
  }
  GOVERNOR_RETURN_IF_ERROR(
      CheckCount("block_tokens", request.block_tokens, kMaxBlockTokens));
  GOVERNOR_RETURN_IF_ERROR(CheckCount(
      request.max_model_len ? "max_model_len" : "the model's context length",
      request.max_model_len.value_or(model.context_length), kMaxModelLen));
  GOVERNOR_RETURN_IF_ERROR(
      CheckCount("max_seqs", request.max_seqs.value_or(1), kMaxSeqs));
  return CheckCount("granularity", request.granularity.count(),
                    std::numeric_limits<uint64_t>::max());
}

absl::Status TooLarge(absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, " passes 2^64 - 1 bytes"));
}

absl::StatusOr<Bytes> SumOf(const std::vector<Bytes>& sizes) {
  Bytes sum;
  for (const Bytes size : sizes) {
    const std::optional<Bytes> next = CheckedAdd(sum, size);
    if (!next) return TooLarge("the KV cache of one token");
    sum = *next;
  }
  return sum;
}

// Sets what does not depend on how many blocks there are.
absl::Status DescribeBlocks(const ModelShape& model, const PlanRequest& request,
                            Plan& plan) {
  plan.kv_dtype = request.kv_dtype;
  GOVERNOR_ASSIGN_OR_RETURN(plan.kv_per_token_by_layer,
                            KvPerTokenByLayer(model.layers, request.kv_dtype));
  GOVERNOR_ASSIGN_OR_RETURN(plan.kv_per_token,
                            SumOf(plan.kv_per_token_by_layer));
  plan.block_tokens = request.block_tokens;
  const std::optional<Bytes> block =
      CheckedMultiply(plan.kv_per_token, plan.block_tokens);
  if (!block) {
    return TooLarge(absl::StrCat("a block of ", plan.block_tokens,
                                 " tokens of ", plan.kv_per_token.count(),
                                 " bytes"));
  }
  plan.block = *block;
  plan.max_model_len = request.max_model_len.value_or(model.context_length);
  plan.required_sequences = request.max_seqs.value_or(1);
  plan.blocks_per_sequence = (plan.max_model_len - 1) / plan.block_tokens + 1;
  // At most 2^56 with the limits above.
  plan.required_blocks = plan.required_sequences * plan.blocks_per_sequence;
  return absl::OkStatus();
}

// Sets what is there whatever the KV cache.
absl::Status DescribeFixed(const ModelShape& model, const PlanRequest& request,
                           Plan& plan) {
  plan.budget = request.budget;
  plan.os_reserve = request.os_reserve;
  plan.weights = model.weights;
  plan.activations = request.activations.value_or(Bytes(0));
  plan.allowance = request.allowance.value_or(kDefaultAllowance);
  std::optional<Bytes> sum = AlignUp(plan.weights, request.granularity);
  if (sum) {
    plan.weights_rounding = *sum - plan.weights;
    sum = CheckedAdd(*sum, plan.activations);
  }
  if (sum) sum = CheckedAdd(*sum, plan.allowance);
  if (sum) return absl::OkStatus();
  return TooLarge(absl::StrCat("the sum of weights ", plan.weights.count(),
                               ", activations ", plan.activations.count(),
                               " and allowance ", plan.allowance.count()));
}

}  // namespace

Bytes KvSpace(const Plan& plan, Bytes granularity) {
  return AlignDown(SaturatingSubtract(*plan.budget, plan.fixed()), granularity);
}

absl::StatusOr<Plan> PlanNumbers(const ModelShape& model,
                                 const PlanRequest& request) {
  GOVERNOR_RETURN_IF_ERROR(CheckRequest(model, request));
  Plan plan;
  GOVERNOR_RETURN_IF_ERROR(DescribeBlocks(model, request, plan));
  GOVERNOR_RETURN_IF_ERROR(DescribeFixed(model, request, plan));

  std::optional<Bytes> space;
  if (plan.budget) space = KvSpace(plan, request.granularity);
  // Blocks and tokens cannot wrap: no token takes less than a byte.
  plan.num_blocks =
      (request.kv_memory ? *request.kv_memory : *space) / plan.block;
  plan.kv = plan.block * plan.num_blocks;
  plan.max_tokens = plan.num_blocks * plan.block_tokens;
  plan.max_concurrency = static_cast<double>(plan.num_blocks) /
                         static_cast<double>(plan.blocks_per_sequence);
  plan.fits = plan.num_blocks >= plan.required_blocks;
  if (plan.budget) {
    const Bytes rest = SaturatingSubtract(*plan.budget, plan.fixed());
    plan.left = SaturatingSubtract(rest, plan.kv);
    // The cache is held in whole granules, like the space.
    plan.fits = plan.fits && plan.fixed() <= *plan.budget && plan.kv <= *space;
  }
  return plan;
}

}  // namespace governor
