#include "governor/policy/kv_planner.h"

#include <cstdint>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

ModelShape Model(uint64_t layers, uint64_t kv_heads, uint64_t head_size,
                 Bytes weights = MiB(100)) {
  ModelShape model;
  model.architecture = "llama";
  model.weights = weights;
  model.context_length = 8192;
  model.layers.assign(layers,
                      {.kv = {FullAttention{{.query_heads = kv_heads,
                                             .kv_heads = kv_heads,
                                             .head_size_k = head_size,
                                             .head_size_v = head_size}}}});
  return model;
}

ModelShape SmolLm2() { return Model(30, 3, 64, Bytes(96'576'768)); }

TEST(KvPlannerTest, SmolLm2PlansAsVllmStartsIt) {
  const absl::StatusOr<Plan> plan =
      PlanKv(SmolLm2(), {.block_tokens = 128, .kv_memory = GiB(1)});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->kv_per_token, Bytes(23'040));
  EXPECT_EQ(plan->kv_per_sequence, Bytes(0));
  EXPECT_EQ(plan->kv_per_token_by_layer, std::vector<Bytes>(30, Bytes(768)));
  EXPECT_EQ(plan->block, Bytes(2'949'120));
  EXPECT_EQ(plan->num_blocks, 364u);
  EXPECT_EQ(plan->kv, Bytes(1'073'479'680));
  EXPECT_EQ(plan->max_tokens, 46'592u);
  EXPECT_EQ(plan->max_concurrency, 364 / 64.0);
  EXPECT_EQ(plan->left, std::nullopt);
  EXPECT_TRUE(plan->fits);
}

TEST(KvPlannerTest, ABudgetIsSpentToTheByte) {
  const absl::StatusOr<Plan> plan =
      PlanKv(SmolLm2(), {.budget = GiB(2) + Bytes(12'345),
                         .allowance = MiB(500),
                         .activations = Bytes(1'000'001)});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->weights + plan->weights_rounding, MiB(94));
  const Bytes space = MiB(2048 - 94 - 500 - 2);  // one granule is broken into
  EXPECT_EQ(plan->num_blocks, space / Bytes(368'640));
  EXPECT_EQ(plan->fixed() + plan->kv + *plan->left, GiB(2) + Bytes(12'345));
  EXPECT_TRUE(plan->fits);
  EXPECT_EQ(plan->shortfall.has_value(), false);
}

TEST(KvPlannerTest, DefaultsAreNoted) {
  const Plan plan = PlanKv(SmolLm2(), {.budget = GiB(4)}).value();
  EXPECT_EQ(plan.allowance, kDefaultAllowance);
  EXPECT_EQ(plan.activations, Bytes(0));
  EXPECT_EQ(plan.max_model_len, 8192u);
  EXPECT_EQ(plan.required_sequences, 1u);
  EXPECT_THAT(plan.notes, Contains(HasSubstr("default of 1GiB")));
  EXPECT_THAT(plan.notes, Contains(HasSubstr("activations")));
  EXPECT_THAT(plan.notes, Contains(HasSubstr("8192 tokens")));
  EXPECT_THAT(plan.notes, Contains(HasSubstr("bf16")));

  const Plan longer =
      PlanKv(SmolLm2(), {.budget = GiB(4), .max_model_len = 8193}).value();
  EXPECT_THAT(longer.notes, Contains(HasSubstr("above the model's context")));
}

TEST(KvPlannerTest, OsReserveIsShownAndNotSubtracted) {
  const Plan without = PlanKv(SmolLm2(), {.budget = GiB(4)}).value();
  const Plan with =
      PlanKv(SmolLm2(), {.budget = GiB(4), .os_reserve = GiB(8)}).value();
  EXPECT_EQ(with.os_reserve, GiB(8));
  EXPECT_EQ(with.num_blocks, without.num_blocks);
}

TEST(KvPlannerTest, KvMemoryIsCheckedAgainstABudget) {
  PlanRequest request = {.budget = GiB(2),
                         .allowance = Bytes(0),
                         .block_tokens = 128,
                         .kv_memory = GiB(1)};
  Plan plan = PlanKv(SmolLm2(), request).value();
  EXPECT_EQ(plan.num_blocks, 364u);
  EXPECT_TRUE(plan.fits);
  EXPECT_EQ(plan.fixed() + plan.kv + *plan.left, GiB(2));

  request.budget = GiB(1);
  plan = PlanKv(SmolLm2(), request).value();
  EXPECT_EQ(plan.num_blocks, 364u);
  EXPECT_FALSE(plan.fits);
  EXPECT_EQ(plan.shortfall->sufficient_budget, MiB(94) + GiB(1));
  // 64 blocks are enough for one sequence.
  EXPECT_EQ(plan.shortfall->sufficient_kv_memory, Bytes(64 * 2'949'120));
}

TEST(KvPlannerTest, ASequenceTooManyOffersEachWayOut) {
  const Plan plan =
      PlanKv(SmolLm2(), {.budget = GiB(1) + MiB(300), .max_seqs = 3}).value();
  // 206 MiB hold 585 blocks; a sequence takes 512.
  EXPECT_FALSE(plan.fits);
  EXPECT_EQ(plan.num_blocks, 585u);
  const Shortfall& shortfall = plan.shortfall.value();
  EXPECT_EQ(shortfall.longest_model_len, 195 * 16u);
  EXPECT_EQ(shortfall.most_seqs, 1u);
  EXPECT_THAT(shortfall.kv_dtypes, ElementsAre(KvDtype::kQ4_0));
  EXPECT_EQ(shortfall.sufficient_budget,
            plan.fixed() + *AlignUp(Bytes(3 * 512 * 368'640), MiB(2)));
  EXPECT_EQ(shortfall.largest_weights, std::nullopt);
  EXPECT_EQ(shortfall.remedies.size(), 4u);
  EXPECT_THAT(shortfall.reason, HasSubstr("1536 blocks"));
}

TEST(KvPlannerTest, WeightsAboveTheBudgetAreSaidWithNumbers) {
  const ModelShape model = Model(80, 8, 128, GiB(130));
  const Plan plan = PlanKv(model, {.budget = GiB(100)}).value();
  EXPECT_FALSE(plan.fits);
  EXPECT_EQ(plan.num_blocks, 0u);
  EXPECT_EQ(plan.left, Bytes(0));
  const Shortfall& shortfall = plan.shortfall.value();
  EXPECT_THAT(shortfall.reason, HasSubstr("130GiB"));
  EXPECT_THAT(shortfall.reason, HasSubstr("100GiB"));
  EXPECT_EQ(shortfall.sufficient_budget, GiB(131) + MiB(2560));
  EXPECT_EQ(shortfall.largest_weights, GiB(99) - MiB(2560));
  EXPECT_EQ(shortfall.longest_model_len, std::nullopt);
  EXPECT_TRUE(shortfall.kv_dtypes.empty());
}

TEST(KvPlannerTest, WhatIsNoRequestNamesTheValue) {
  const struct {
    PlanRequest request;
    const char* named;
  } kCases[] = {
      {{}, "a budget"},
      {{.budget = GiB(2), .block_tokens = 0}, "block_tokens"},
      {{.budget = GiB(2), .block_tokens = uint64_t{1} << 63},
       "9223372036854775808"},
      {{.budget = GiB(2), .block_tokens = (1 << 20) + 1}, "1048577"},
      {{.budget = GiB(2), .max_model_len = 0}, "max_model_len"},
      {{.budget = GiB(2), .max_model_len = kMax}, "18446744073709551615"},
      {{.budget = GiB(2), .max_seqs = 0}, "max_seqs"},
      {{.budget = GiB(2), .max_seqs = kMax}, "18446744073709551615"},
      {{.budget = GiB(2), .granularity = Bytes(0)}, "granularity"},
      {{.budget = GiB(2), .allowance = Bytes(kMax)}, "allowance"},
      {{.budget = GiB(2), .activations = Bytes(kMax)}, "activations"},
  };
  for (const auto& c : kCases) {
    const absl::Status status = PlanKv(SmolLm2(), c.request).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << c.named;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.named));
  }
}

TEST(KvPlannerTest, WhatIsNoModelNamesTheValue) {
  ModelShape model = SmolLm2();
  model.context_length = 0;
  EXPECT_THAT(std::string(PlanKv(model, {.budget = GiB(2)}).status().message()),
              HasSubstr("context length"));
  for (const ModelShape& broken :
       {Model(0, 3, 64), Model(1, 0, 64), Model(1, 3, 0), Model(2, kMax, 1),
        Model(3, kMax / 256, 64), Model(1, kMax / 256, 64),
        Model(1, 1, 64, Bytes(kMax))}) {
    EXPECT_EQ(PlanKv(broken, {.budget = GiB(2)}).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(KvPlannerTest, ExtremesThatAreAllowedDoNotWrap) {
  const Plan plan =
      PlanKv(Model(1, 1, 1, Bytes(0)), {.budget = Bytes(kMax),
                                        .allowance = Bytes(0),
                                        .kv_dtype = KvDtype::kFp8,
                                        .block_tokens = 1,
                                        .max_model_len = uint64_t{1} << 32,
                                        .max_seqs = uint64_t{1} << 24,
                                        .granularity = Bytes(1)})
          .value();
  EXPECT_TRUE(plan.fits);
  EXPECT_EQ(plan.max_tokens, kMax / 2);
  EXPECT_EQ(plan.left, Bytes(1));

  // What is needed passes 2^64 bytes: no budget is offered.
  const Plan huge =
      PlanKv(Model(1000, 1000, 1000), {.budget = GiB(2),
                                       .max_model_len = uint64_t{1} << 32,
                                       .max_seqs = uint64_t{1} << 24})
          .value();
  EXPECT_FALSE(huge.fits);
  EXPECT_EQ(huge.shortfall->sufficient_budget, std::nullopt);
}

}  // namespace
}  // namespace governor
