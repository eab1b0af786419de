#include "governor/policy/shortfall.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "governor/policy/plan_numbers.h"

namespace governor {
namespace {

// The stage with the least room, before any KV cache.
size_t FullestStage(const Plan& plan) {
  size_t fullest = 0;
  for (size_t i = 1; i < plan.stages.size(); ++i) {
    if (plan.stages[i].fixed() > plan.stages[fullest].fixed()) fullest = i;
  }
  return fullest;
}

std::string OfRank(const Plan& plan, size_t stage) {
  if (plan.stages.size() == 1) {
    return plan.tensor_parallel == 1 ? "" : " of one rank";
  }
  return absl::StrCat(" of a rank of stage ", stage);
}

// The parts that are there, in words.
std::string Parts(const StagePlan& stage) {
  std::string parts = absl::StrCat("weights ", ToString(stage.weights));
  const auto add = [&parts](const char* name, Bytes size) {
    if (!size.is_zero()) absl::StrAppend(&parts, ", ", name, ToString(size));
  };
  add("activations ", stage.activations);
  add("graphs ", stage.graphs);
  add("adapters ", stage.adapters);
  absl::StrAppend(&parts, " and allowance ", ToString(stage.allowance));
  return parts;
}

std::string Reason(const Plan& plan, const PlanRequest& request) {
  const size_t fullest = FullestStage(plan);
  const StagePlan& full = plan.stages[fullest];
  if (plan.budget && full.fixed() > *plan.budget) {
    return absl::StrCat(Parts(full), OfRank(plan, fullest),
                        " together exceed the budget ", ToString(*plan.budget),
                        " by ", (full.fixed() - *plan.budget).count(),
                        " bytes");
  }
  for (size_t i = 0; plan.budget && i < plan.stages.size(); ++i) {
    const StagePlan& stage = plan.stages[i];
    const Bytes space = KvSpace(plan, stage, request.granularity);
    if (stage.kv > space) {
      return absl::StrCat("a KV cache", OfRank(plan, i), " of ",
                          ToString(stage.kv), " is more than the ",
                          ToString(space), " that the budget ",
                          ToString(*plan.budget), " leaves for it");
    }
  }
  std::string need = absl::StrCat(
      plan.required_sequences, " x ", plan.max_model_len, " tokens need ",
      plan.required_blocks, " blocks of ", ToString(plan.gate().block));
  if (plan.layout.reserved_blocks != 0) {
    absl::StrAppend(&need, " (", plan.layout.reserved_blocks,
                    " of them kept by the engine)");
  }
  return absl::StrCat(need, ", but ", plan.num_blocks, " fit");
}

}  // namespace

std::optional<Bytes> SufficientKvMemory(const Plan& plan) {
  Bytes most;
  for (const StagePlan& stage : plan.stages) {
    const std::optional<Bytes> kv = KvSize(plan, stage, plan.required_blocks);
    if (!kv) return std::nullopt;
    most = std::max(most, *kv);
  }
  return most;
}

std::optional<Bytes> SufficientBudget(const Plan& plan,
                                      const PlanRequest& request) {
  Bytes most;
  for (const StagePlan& stage : plan.stages) {
    const std::optional<Bytes> kv =
        KvSize(plan, stage,
               request.kv_memory ? plan.num_blocks : plan.required_blocks);
    const std::optional<Bytes> granules =
        kv ? AlignUp(*kv, request.granularity) : std::nullopt;
    const std::optional<Bytes> sum =
        granules ? CheckedAdd(stage.fixed(), *granules) : std::nullopt;
    if (!sum) return std::nullopt;
    most = std::max(most, *sum);
  }
  return most;
}

Shortfall ShortfallOf(const Plan& plan, const PlanRequest& request) {
  Shortfall shortfall = {.reason = Reason(plan, request)};
  if (plan.budget) {
    const std::optional<Bytes> enough = SufficientBudget(plan, request);
    if (enough && *enough > *plan.budget) {
      shortfall.missing = *enough - *plan.budget;
    }
  }
  if (request.kv_memory && !shortfall.missing) {
    const std::optional<Bytes> enough = SufficientKvMemory(plan);
    if (enough && *enough > *request.kv_memory) {
      shortfall.missing = *enough - *request.kv_memory;
    }
  }
  return shortfall;
}

}  // namespace governor
