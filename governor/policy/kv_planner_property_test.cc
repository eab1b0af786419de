// What holds for every model and every budget: random ones, from fixed seeds.
#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "governor/policy/kv_planner.h"
#include "governor/policy/plan_advice.h"
#include "governor/policy/random_plan_case.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

__extension__ using Wide = unsigned __int128;

Wide InGranules(Wide bytes, const PlanRequest& request) {
  const Wide unit = request.granularity.count();
  return (bytes + unit - 1) / unit * unit;
}

Wide KvOn(const StagePlan& stage, const Plan& plan, uint64_t blocks) {
  return Wide{stage.block.count()} * blocks +
         Wide{stage.sequence.count()} * plan.required_sequences;
}

// Whether every stage can hold its parts and `blocks` blocks at once, said
// without the planner: everything but weights and KV cache is taken as it is,
// these two in whole granules.
bool CanHold(const Plan& plan, const PlanRequest& request, uint64_t blocks) {
  for (const StagePlan& stage : plan.stages) {
    const Wide total = InGranules(stage.weights.count(), request) +
                       stage.activations.count() + stage.graphs.count() +
                       stage.allowance.count() +
                       InGranules(KvOn(stage, plan, blocks), request);
    if (total > request.budget->count()) return false;
  }
  return true;
}

// The same for a KV cache of a given size.
bool IsWithinKvMemory(const Plan& plan, const PlanRequest& request,
                      uint64_t blocks) {
  for (const StagePlan& stage : plan.stages) {
    if (KvOn(stage, plan, blocks) > request.kv_memory->count()) return false;
  }
  return true;
}

// The blocks of all sequences, one token and one sequence after another.
uint64_t CountRequired(const Plan& plan, const PlanRequest& request) {
  uint64_t blocks = plan.layout.reserved_blocks;
  for (const KvGroup& group : plan.layout.groups) {
    const uint64_t kept =
        std::min(plan.max_model_len, group.most_tokens.value_or(UINT64_MAX));
    const uint64_t one = (kept + group.block_tokens - 1) / group.block_tokens +
                         group.extra_blocks;
    uint64_t shared = 0;
    if (plan.layout.shares_prefix && !group.most_tokens &&
        group.extra_blocks == 0) {
      shared = std::min(request.shared_prefix_tokens, plan.max_model_len - 1) /
               group.block_tokens;
    }
    blocks += shared + (one - shared) * plan.required_sequences;
  }
  return blocks;
}

void CheckPlan(const RandomPlanCase& c, const Plan& plan) {
  const PlanRequest& request = c.request;
  ASSERT_EQ(plan.required_blocks, CountRequired(plan, request));
  const bool holds = CanHold(plan, request, plan.num_blocks);
  for (const StagePlan& stage : plan.stages) {
    ASSERT_TRUE(stage.kv.count() == KvOn(stage, plan, plan.num_blocks));
    if (holds) {
      ASSERT_EQ(stage.fixed() + stage.kv + *stage.left, *request.budget);
    }
  }
  bool within = true;
  if (request.kv_memory) {
    within = IsWithinKvMemory(plan, request, plan.num_blocks);
    ASSERT_FALSE(IsWithinKvMemory(plan, request, plan.num_blocks + 1));
  } else if (CanHold(plan, request, 0)) {
    // It fits, and one block more does not.
    ASSERT_TRUE(holds);
    ASSERT_FALSE(CanHold(plan, request, plan.num_blocks + 1));
  } else {
    ASSERT_EQ(plan.num_blocks, 0u);
  }
  ASSERT_EQ(plan.fits,
            holds && within && plan.num_blocks >= plan.required_blocks);
  ASSERT_EQ(plan.shortfall.has_value(), !plan.fits);
}

bool FitsWith(const ModelShape& model, const PlanRequest& request) {
  const absl::StatusOr<Plan> plan = PlanKv(model, request);
  return plan.ok() && plan->fits;
}

// Each answer fits, and the next one does not; where there is none, not even
// the smallest does.
void CheckAdvice(const RandomPlanCase& c, const Plan& plan) {
  const PlanAdvice advice = AdviceOn(plan, c.model, c.request);
  const auto fits_with = [&](const auto& edit) {
    PlanRequest changed = c.request;
    edit(changed);
    return FitsWith(c.model, changed);
  };
  const auto with_budget = [&](Bytes budget) {
    return fits_with([&](PlanRequest& r) { r.budget = budget; });
  };
  if (advice.smallest_budget) {
    ASSERT_TRUE(with_budget(*advice.smallest_budget));
    ASSERT_FALSE(with_budget(*advice.smallest_budget - Bytes(1)));
  } else {
    ASSERT_FALSE(with_budget(Bytes(UINT64_MAX)));
  }
  const auto with_length = [&](uint64_t tokens) {
    return fits_with([&](PlanRequest& r) { r.max_model_len = tokens; });
  };
  const uint64_t longest = advice.longest_model_len.value_or(0);
  ASSERT_TRUE(longest == 0 || with_length(longest));
  ASSERT_TRUE(longest == std::max(c.model.context_length, plan.max_model_len) ||
              !with_length(longest + 1));
  const auto with_sequences = [&](uint64_t sequences) {
    return fits_with([&](PlanRequest& r) { r.max_seqs = sequences; });
  };
  const uint64_t most = advice.most_seqs.value_or(0);
  ASSERT_TRUE(most == 0 || with_sequences(most));
  ASSERT_FALSE(with_sequences(most + 1));
  if (advice.largest_weights) {
    const auto with_weights = [&](Bytes weights) {
      return fits_with([&](PlanRequest& r) { r.weights = weights; });
    };
    ASSERT_TRUE(with_weights(*advice.largest_weights));
    ASSERT_FALSE(with_weights(*advice.largest_weights + Bytes(1)));
  }
  if (advice.smallest_kv_memory) {
    const auto with_kv = [&](Bytes kv) {
      return fits_with([&](PlanRequest& r) { r.kv_memory = kv; });
    };
    ASSERT_TRUE(with_kv(*advice.smallest_kv_memory));
    ASSERT_FALSE(with_kv(*advice.smallest_kv_memory - Bytes(1)));
  }
  for (const KvDtype dtype : advice.kv_dtypes) {
    ASSERT_TRUE(fits_with([&](PlanRequest& r) { r.layout.kv_dtype = dtype; }));
  }
  ASSERT_TRUE(plan.fits || !advice.changes.empty());
}

// AT-24 and AT-07: what is planned fits, one block more does not, and the
// answers to the inverse questions are exact.
TEST(KvPlannerPropertyTest, At24FitsExactlyAndNotOneBlockMore) {
  int fitting = 0;
  int planned = 0;
  for (uint64_t seed = 0; seed < 5'000; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    const RandomPlanCase c = MakeRandomPlanCase(seed, GiB(200).count());
    const absl::StatusOr<Plan> plan = PlanKv(c.model, c.request);
    ASSERT_TRUE(plan.ok()) << plan.status();
    ASSERT_NO_FATAL_FAILURE(CheckPlan(c, *plan));
    // Some hundred plans each.
    if (seed % 10 == 0) {
      ASSERT_NO_FATAL_FAILURE(CheckAdvice(c, *plan));
    }
    fitting += plan->fits;
    ++planned;
  }
  // Both kinds are met often.
  EXPECT_GT(fitting, planned / 10);
  EXPECT_LT(fitting, planned * 9 / 10);
}

// AT-24: small budgets, where blocks can be put in one by one until no more
// goes in.
TEST(KvPlannerPropertyTest, At24AgreesWithCounting) {
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    RandomPlanCase c = MakeRandomPlanCase(seed, MiB(64).count());
    c.request.kv_memory.reset();
    const Plan plan = PlanKv(c.model, c.request).value();
    uint64_t blocks = 0;
    while (CanHold(plan, c.request, blocks + 1)) ++blocks;
    ASSERT_EQ(plan.num_blocks, blocks);
  }
}

// AT-07: asking for the bytes of n blocks plans n blocks, whatever the
// geometry.
TEST(KvPlannerPropertyTest, At07BytesAndBlocksAndTokensSayTheSame) {
  for (uint64_t seed = 0; seed < 10'000; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    RandomPlanCase c = MakeRandomPlanCase(seed, GiB(200).count());
    c.request.budget.reset();
    c.request.kv_memory = GiB(64);
    const Plan plan = PlanKv(c.model, c.request).value();
    if (plan.num_blocks == 0) continue;
    c.request.kv_memory = plan.gate().kv;
    const Plan again = PlanKv(c.model, c.request).value();
    ASSERT_EQ(again.num_blocks, plan.num_blocks);
    ASSERT_EQ(again.gate().kv, plan.gate().kv);
    ASSERT_EQ(again.max_tokens, plan.max_tokens);
    // A byte less is a block less.
    c.request.kv_memory = plan.gate().kv - Bytes(1);
    ASSERT_EQ(PlanKv(c.model, c.request).value().num_blocks,
              plan.num_blocks - 1);
    // As many sequences as are said to be held at once are.
    if (!plan.gate().sequence.is_zero()) {
      c.request.kv_memory = plan.gate().kv;
      c.request.max_seqs = static_cast<uint64_t>(plan.max_concurrency);
      c.request.shared_prefix_tokens = 0;
      ASSERT_TRUE(*c.request.max_seqs == 0 ||
                  PlanKv(c.model, c.request).value().fits);
      continue;
    }
    // Sequences of max_model_len take as many blocks as tokens say.
    const uint64_t sequences = plan.num_blocks / plan.blocks_per_sequence;
    ASSERT_GE(plan.max_tokens, sequences * plan.max_model_len);
    ASSERT_LT(plan.max_tokens, (sequences + 1) * plan.max_model_len);
  }
}

TEST(KvPlannerPropertyTest, MoreBudgetNeverHoldsLess) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    RandomPlanCase c = MakeRandomPlanCase(seed, GiB(10).count());
    uint64_t blocks = 0;
    bool fits = false;
    for (uint64_t step = 0; step <= 20; ++step) {
      c.request.budget = Bytes(GiB(2).count() * step + seed * 7919);
      const Plan plan = PlanKv(c.model, c.request).value();
      ASSERT_GE(plan.num_blocks, blocks);
      ASSERT_GE(plan.fits, fits);
      blocks = plan.num_blocks;
      fits = plan.fits;
    }
  }
}

TEST(KvPlannerPropertyTest, SameInputsSamePlan) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const RandomPlanCase c = MakeRandomPlanCase(seed, GiB(200).count());
    const Plan a = PlanKv(c.model, c.request).value();
    const Plan b = PlanKv(c.model, c.request).value();
    ASSERT_EQ(a.num_blocks, b.num_blocks);
    ASSERT_EQ(a.gate().left, b.gate().left);
    ASSERT_EQ(a.notes, b.notes);
    ASSERT_EQ(a.max_concurrency, b.max_concurrency);
    ASSERT_EQ(AdviceOn(a, c.model, c.request).changes,
              AdviceOn(b, c.model, c.request).changes);
  }
}

}  // namespace
}  // namespace governor
