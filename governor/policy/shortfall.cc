#include "governor/policy/shortfall.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "governor/policy/plan_numbers.h"

namespace governor {
namespace {

bool WouldFit(const ModelShape& model, const PlanRequest& request) {
  const absl::StatusOr<Plan> plan = PlanNumbers(model, request);
  return plan.ok() && plan->fits;
}

// The blocks that both the budget and kv_memory would allow.
uint64_t BlocksAllowed(const Plan& plan, const PlanRequest& request) {
  if (!plan.budget) return plan.num_blocks;
  return std::min(plan.num_blocks,
                  KvSpace(plan, request.granularity) / plan.block);
}

// The budget that exactly holds the fixed parts and the KV cache that was asked
// for. nullopt: above 2^64 - 1 bytes.
std::optional<Bytes> BudgetAsked(const Plan& plan, const PlanRequest& request) {
  const std::optional<Bytes> kv =
      request.kv_memory ? plan.kv
                        : CheckedMultiply(plan.block, plan.required_blocks);
  const std::optional<Bytes> granules =
      kv ? AlignUp(*kv, request.granularity) : std::nullopt;
  return granules ? CheckedAdd(plan.fixed(), *granules) : std::nullopt;
}

void OfferLengthAndSequences(const Plan& plan, const ModelShape& model,
                             const PlanRequest& request, Shortfall& offer) {
  const uint64_t blocks = BlocksAllowed(plan, request);
  PlanRequest shorter = request;
  shorter.max_model_len = blocks / plan.required_sequences * plan.block_tokens;
  if (*shorter.max_model_len < plan.max_model_len && WouldFit(model, shorter)) {
    offer.longest_model_len = shorter.max_model_len;
  }
  PlanRequest fewer = request;
  fewer.max_seqs = blocks / plan.blocks_per_sequence;
  if (*fewer.max_seqs < plan.required_sequences && WouldFit(model, fewer)) {
    offer.most_seqs = fewer.max_seqs;
  }
}

void OfferDtypes(const Plan& plan, const ModelShape& model,
                 const PlanRequest& request, Shortfall& offer) {
  PlanRequest smaller = request;
  for (const KvDtypeLayout& layout : KvDtypes()) {
    smaller.kv_dtype = layout.dtype;
    const absl::StatusOr<Plan> again = PlanNumbers(model, smaller);
    if (again.ok() && again->fits && again->kv_per_token < plan.kv_per_token) {
      offer.kv_dtypes.push_back(layout.dtype);
    }
  }
}

void OfferMemory(const Plan& plan, const ModelShape& model,
                 const PlanRequest& request, Shortfall& offer) {
  if (request.kv_memory) {
    PlanRequest enough = request;
    enough.kv_memory = CheckedMultiply(plan.block, plan.required_blocks);
    if (enough.kv_memory && WouldFit(model, enough)) {
      offer.sufficient_kv_memory = enough.kv_memory;
    }
  }
  if (!request.budget) return;
  PlanRequest richer = request;
  richer.budget = BudgetAsked(plan, request);
  if (!richer.budget || *richer.budget <= *request.budget) return;
  if (WouldFit(model, richer)) offer.sufficient_budget = richer.budget;

  ModelShape lighter = model;
  lighter.weights =
      AlignDown(SaturatingSubtract(plan.weights + plan.weights_rounding,
                                   *richer.budget - *request.budget),
                request.granularity);
  if (!lighter.weights.is_zero() && WouldFit(lighter, request)) {
    offer.largest_weights = lighter.weights;
  }
}

std::string Reason(const Plan& plan, const PlanRequest& request) {
  if (plan.budget && plan.fixed() > *plan.budget) {
    return absl::StrCat(
        "weights ", ToString(plan.weights), ", activations ",
        ToString(plan.activations), " and allowance ", ToString(plan.allowance),
        " together exceed the budget ", ToString(*plan.budget), " by ",
        (plan.fixed() - *plan.budget).count(), " bytes");
  }
  if (plan.budget && plan.kv > KvSpace(plan, request.granularity)) {
    return absl::StrCat(
        "a KV cache of ", ToString(plan.kv), " is more than the ",
        ToString(KvSpace(plan, request.granularity)), " that the budget ",
        ToString(*plan.budget), " leaves for it");
  }
  return absl::StrCat(plan.required_sequences, " x ", plan.max_model_len,
                      " tokens need ", plan.required_blocks, " blocks of ",
                      ToString(plan.block), ", but ", plan.num_blocks, " fit");
}

// Exact first: what is for people is rounded down, and would not be enough.
std::string Exact(Bytes size) {
  return absl::StrCat(size.count(), " bytes (", ToString(size), ")");
}

std::vector<std::string> InWords(const Shortfall& offer) {
  std::vector<std::string> lines;
  const auto add = [&lines](const auto&... parts) {
    lines.push_back(absl::StrCat(parts...));
  };
  if (offer.longest_model_len) {
    add("lower max_model_len to ", *offer.longest_model_len, " tokens");
  }
  if (offer.most_seqs) add("lower max_seqs to ", *offer.most_seqs);
  if (!offer.kv_dtypes.empty()) {
    const auto name = [](std::string* out, KvDtype dtype) {
      absl::StrAppend(out, LayoutOf(dtype).name);
    };
    add("store the KV cache as ", absl::StrJoin(offer.kv_dtypes, " or ", name));
  }
  if (offer.sufficient_kv_memory) {
    add("set kv_memory to ", Exact(*offer.sufficient_kv_memory));
  }
  if (offer.sufficient_budget) {
    add("raise the budget to ", Exact(*offer.sufficient_budget));
  }
  if (offer.largest_weights) {
    add("take a quantization whose weights are at most ",
        Exact(*offer.largest_weights));
  }
  if (lines.empty()) {
    add("change more than one thing: no larger budget or KV cache, no smaller "
        "dtype and no shorter or fewer sequences are enough alone");
  }
  return lines;
}

}  // namespace

Shortfall ShortfallOf(const Plan& plan, const ModelShape& model,
                      const PlanRequest& request) {
  Shortfall shortfall;
  OfferLengthAndSequences(plan, model, request, shortfall);
  OfferDtypes(plan, model, request, shortfall);
  OfferMemory(plan, model, request, shortfall);
  shortfall.reason = Reason(plan, request);
  shortfall.remedies = InWords(shortfall);
  return shortfall;
}

}  // namespace governor
