// What holds for every model and every budget: random ones, from fixed seeds.
#include <algorithm>
#include <cstdint>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "governor/policy/kv_planner.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

struct Case {
  ModelShape model;
  PlanRequest request;
};

class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}

  // From `low` to `high`, both included, and as often small as large.
  uint64_t Log(uint64_t low, uint64_t high) {
    const int bits = static_cast<int>(engine_() % 64) + 1;
    const uint64_t span = high - low + 1;
    return low + (engine_() >> (64 - bits)) % span;
  }
  bool Flip() { return engine_() % 2 == 0; }

 private:
  std::mt19937_64 engine_;
};

// `scale` bounds budgets; small ones can be checked by counting.
Case RandomCase(uint64_t seed, uint64_t scale) {
  Dice dice(seed);
  Case c;
  c.model.context_length = dice.Log(1, 1 << 18);
  c.model.weights = Bytes(dice.Log(0, scale));
  const uint64_t kv_heads = dice.Log(1, 16);
  const uint64_t head_size = 32 * dice.Log(1, 8);
  for (uint64_t i = dice.Log(1, 100); i > 0; --i) {
    // Layers need not be alike.
    c.model.layers.push_back(
        {.kv = {FullAttention{{.query_heads = kv_heads,
                               .kv_heads = dice.Log(1, kv_heads),
                               .head_size_k = head_size,
                               .head_size_v = head_size}}}});
  }
  PlanRequest& request = c.request;
  request.allowance = Bytes(dice.Log(0, scale / 4));
  if (dice.Flip()) request.activations = Bytes(dice.Log(0, scale / 4));
  const auto dtypes = KvDtypes();
  request.kv_dtype = dtypes[dice.Log(0, dtypes.size() - 1)].dtype;
  request.block_tokens = dice.Log(1, 256);
  if (dice.Flip()) request.max_model_len = dice.Log(1, 1 << 17);
  if (dice.Flip()) request.max_seqs = dice.Log(1, 64);
  request.granularity = Bytes(dice.Log(1, MiB(2).count()));
  request.budget = Bytes(dice.Log(0, 4 * scale));
  if (dice.Log(0, 3) == 0) request.kv_memory = Bytes(dice.Log(0, scale));
  return c;
}

// Whether the plan's parts and `blocks` blocks can be held at once, said
// without the planner: everything but weights and KV cache is taken as it is,
// these two in whole granules.
bool CanHold(const Plan& plan, const PlanRequest& request, uint64_t blocks) {
  __extension__ using Wide = unsigned __int128;
  const auto granules = [&](Wide bytes) {
    const Wide unit = request.granularity.count();
    return (bytes + unit - 1) / unit * unit;
  };
  const Wide total = granules(plan.weights.count()) + plan.activations.count() +
                     plan.allowance.count() +
                     granules(Wide{plan.block.count()} * blocks);
  return total <= request.budget->count();
}

void CheckPlan(const Case& c, const Plan& plan) {
  const PlanRequest& request = c.request;
  // Bytes, blocks and tokens say the same.
  Bytes per_token;
  for (const Bytes layer : plan.kv_per_token_by_layer) per_token += layer;
  ASSERT_EQ(plan.kv_per_token, per_token);
  ASSERT_EQ(plan.block, per_token * request.block_tokens);
  ASSERT_EQ(plan.kv, plan.block * plan.num_blocks);
  ASSERT_EQ(plan.max_tokens, plan.num_blocks * request.block_tokens);
  const bool holds = CanHold(plan, request, plan.num_blocks);
  if (holds) {
    ASSERT_EQ(plan.fixed() + plan.kv + *plan.left, *request.budget);
  }
  if (request.kv_memory) {
    ASSERT_EQ(plan.num_blocks, *request.kv_memory / plan.block);
  } else if (CanHold(plan, request, 0)) {
    // It fits, and one block more does not.
    ASSERT_TRUE(holds);
    ASSERT_FALSE(CanHold(plan, request, plan.num_blocks + 1));
  } else {
    ASSERT_EQ(plan.num_blocks, 0u);
  }
  const uint64_t needed = (plan.max_model_len + request.block_tokens - 1) /
                          request.block_tokens * request.max_seqs.value_or(1);
  ASSERT_EQ(plan.fits, holds && plan.num_blocks >= needed);
  ASSERT_EQ(plan.shortfall.has_value(), !plan.fits);
}

bool FitsWith(const ModelShape& model, const PlanRequest& request) {
  return PlanKv(model, request).value().fits;
}

// Each change that a shortfall offers helps, and no smaller change does; where
// none is offered, the largest change does not help.
void CheckOffers(const Case& c, const Plan& plan) {
  const Shortfall& offer = *plan.shortfall;
  ASSERT_FALSE(offer.reason.empty() || offer.remedies.empty());
  if (offer.sufficient_budget) {
    Case changed = c;
    changed.request.budget = offer.sufficient_budget;
    ASSERT_TRUE(FitsWith(c.model, changed.request));
    changed.request.budget = *offer.sufficient_budget - Bytes(1);
    ASSERT_FALSE(FitsWith(c.model, changed.request));
  } else {
    Case changed = c;
    changed.request.budget = Bytes(UINT64_MAX);
    ASSERT_FALSE(FitsWith(c.model, changed.request));
  }
  if (offer.longest_model_len) {
    Case changed = c;
    changed.request.max_model_len = offer.longest_model_len;
    ASSERT_TRUE(FitsWith(c.model, changed.request));
    changed.request.max_model_len = *offer.longest_model_len + 1;
    ASSERT_FALSE(FitsWith(c.model, changed.request));
  } else {
    Case changed = c;
    changed.request.max_model_len = 1;
    ASSERT_FALSE(FitsWith(c.model, changed.request));
  }
  if (offer.most_seqs) {
    Case changed = c;
    changed.request.max_seqs = offer.most_seqs;
    ASSERT_TRUE(FitsWith(c.model, changed.request));
    changed.request.max_seqs = *offer.most_seqs + 1;
    ASSERT_FALSE(FitsWith(c.model, changed.request));
  } else {
    Case changed = c;
    changed.request.max_seqs = 1;
    ASSERT_FALSE(FitsWith(c.model, changed.request));
  }
  if (offer.largest_weights) {
    Case changed = c;
    changed.model.weights = *offer.largest_weights;
    ASSERT_TRUE(FitsWith(changed.model, c.request));
    changed.model.weights = *offer.largest_weights + Bytes(1);
    ASSERT_FALSE(FitsWith(changed.model, c.request));
  } else {
    Case changed = c;
    changed.model.weights = Bytes(1);
    ASSERT_FALSE(FitsWith(changed.model, c.request));
  }
  if (offer.sufficient_kv_memory) {
    Case changed = c;
    changed.request.kv_memory = offer.sufficient_kv_memory;
    ASSERT_TRUE(FitsWith(c.model, changed.request));
  }
  for (const KvDtypeLayout& layout : KvDtypes()) {
    Case changed = c;
    changed.request.kv_dtype = layout.dtype;
    const bool offered =
        std::find(offer.kv_dtypes.begin(), offer.kv_dtypes.end(),
                  layout.dtype) != offer.kv_dtypes.end();
    ASSERT_EQ(offered, FitsWith(c.model, changed.request)) << layout.name;
  }
}

TEST(KvPlannerPropertyTest, FitsExactlyAndNotOneBlockMore) {
  int fitting = 0;
  for (uint64_t seed = 0; seed < 10'000; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    const Case c = RandomCase(seed, GiB(200).count());
    const absl::StatusOr<Plan> plan = PlanKv(c.model, c.request);
    ASSERT_TRUE(plan.ok()) << plan.status();
    ASSERT_NO_FATAL_FAILURE(CheckPlan(c, *plan));
    if (!plan->fits) {
      ASSERT_NO_FATAL_FAILURE(CheckOffers(c, *plan));
    }
    fitting += plan->fits;
  }
  // Both kinds are met often.
  EXPECT_GT(fitting, 1000);
  EXPECT_LT(fitting, 9000);
}

// Small budgets, where blocks can be put in one by one until no more goes in.
TEST(KvPlannerPropertyTest, AgreesWithCounting) {
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Case c = RandomCase(seed, MiB(16).count());
    c.request.kv_memory.reset();
    const Plan plan = PlanKv(c.model, c.request).value();
    uint64_t blocks = 0;
    while (CanHold(plan, c.request, blocks + 1)) ++blocks;
    ASSERT_EQ(plan.num_blocks, blocks);
  }
}

TEST(KvPlannerPropertyTest, MoreBudgetNeverHoldsLess) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Case c = RandomCase(seed, GiB(10).count());
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
    const Case c = RandomCase(seed, GiB(200).count());
    const Plan a = PlanKv(c.model, c.request).value();
    const Plan b = PlanKv(c.model, c.request).value();
    ASSERT_EQ(a.num_blocks, b.num_blocks);
    ASSERT_EQ(a.left, b.left);
    ASSERT_EQ(a.notes, b.notes);
    ASSERT_EQ(a.max_concurrency, b.max_concurrency);
  }
}

}  // namespace
}  // namespace governor
