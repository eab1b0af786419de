#include "governor/policy/kv_planner.h"

#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::Contains;
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
      PlanKv(SmolLm2(), {.layout = {.block_tokens = 128}, .kv_memory = GiB(1)});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->kv_per_token, Bytes(23'040));
  EXPECT_EQ(plan->kv_per_sequence, Bytes(0));
  EXPECT_EQ(plan->layout.token_by_layer, std::vector<Bytes>(30, Bytes(768)));
  EXPECT_EQ(plan->gate().block, Bytes(2'949'120));
  EXPECT_EQ(plan->num_blocks, 364u);
  EXPECT_EQ(plan->gate().kv, Bytes(1'073'479'680));
  EXPECT_EQ(plan->max_tokens, 46'592u);
  EXPECT_EQ(plan->max_concurrency, 364 / 64.0);
  EXPECT_EQ(plan->gate().left, std::nullopt);
  EXPECT_TRUE(plan->fits);
}

TEST(KvPlannerTest, ABudgetIsSpentToTheByte) {
  const absl::StatusOr<Plan> plan =
      PlanKv(SmolLm2(), {.budget = GiB(2) + Bytes(12'345),
                         .allowance = MiB(500),
                         .activations = Bytes(1'000'001)});
  ASSERT_TRUE(plan.ok()) << plan.status();
  const StagePlan& stage = plan->gate();
  EXPECT_EQ(stage.weights + stage.weights_rounding, MiB(94));
  const Bytes space = MiB(2048 - 94 - 500 - 2);  // one granule is broken into
  EXPECT_EQ(plan->num_blocks, space / Bytes(368'640));
  EXPECT_EQ(stage.fixed() + stage.kv + *stage.left, GiB(2) + Bytes(12'345));
  EXPECT_TRUE(plan->fits);
  EXPECT_EQ(plan->shortfall.has_value(), false);
}

TEST(KvPlannerTest, DefaultsAreNoted) {
  const Plan plan = PlanKv(SmolLm2(), {.budget = GiB(4)}).value();
  EXPECT_EQ(plan.gate().allowance, kDefaultAllowance);
  EXPECT_EQ(plan.gate().activations, Bytes(0));
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
                         .layout = {.block_tokens = 128},
                         .kv_memory = GiB(1)};
  Plan plan = PlanKv(SmolLm2(), request).value();
  EXPECT_EQ(plan.num_blocks, 364u);
  EXPECT_TRUE(plan.fits);
  EXPECT_EQ(plan.gate().fixed() + plan.gate().kv + *plan.gate().left, GiB(2));

  request.budget = GiB(1);
  plan = PlanKv(SmolLm2(), request).value();
  EXPECT_EQ(plan.num_blocks, 364u);
  EXPECT_FALSE(plan.fits);
  EXPECT_EQ(plan.shortfall->missing, MiB(94));
  EXPECT_THAT(plan.shortfall->reason, HasSubstr("more than the 930MiB"));
}

// A sequence takes 512 blocks; vLLM keeps one of the pool for itself.
TEST(KvPlannerTest, TheEnginesOwnBlockIsNoSequences) {
  const Bytes block = Bytes(368'640);
  const Plan exact = PlanKv(SmolLm2(), {.kv_memory = block * 512}).value();
  EXPECT_EQ(exact.num_blocks, 512u);
  EXPECT_EQ(exact.required_blocks, 513u);
  EXPECT_FALSE(exact.fits);
  EXPECT_EQ(exact.shortfall->missing, block);
  EXPECT_TRUE(PlanKv(SmolLm2(), {.kv_memory = block * 513}).value().fits);
}

TEST(KvPlannerTest, WeightsAboveTheBudgetAreSaidWithNumbers) {
  const ModelShape model = Model(80, 8, 128, GiB(130));
  const Plan plan = PlanKv(model, {.budget = GiB(100)}).value();
  EXPECT_FALSE(plan.fits);
  EXPECT_EQ(plan.num_blocks, 0u);
  EXPECT_EQ(plan.gate().left, Bytes(0));
  EXPECT_THAT(plan.shortfall->reason, HasSubstr("130GiB"));
  EXPECT_THAT(plan.shortfall->reason, HasSubstr("100GiB"));
  // 512 blocks of 5 MiB for 8192 tokens, and the engine's own.
  EXPECT_EQ(plan.shortfall->missing,
            GiB(31) + *AlignUp(Bytes(uint64_t{513} * 5'242'880), MiB(2)));
}

TEST(KvPlannerTest, EveryDeclaredPartIsTakenOff) {
  const Plan plan = PlanKv(SmolLm2(), {.budget = GiB(4),
                                       .allowance = MiB(100),
                                       .activations = MiB(200),
                                       .graphs = MiB(300),
                                       .adapters = MiB(400)})
                        .value();
  EXPECT_EQ(plan.gate().fixed(), MiB(94 + 100 + 200 + 300 + 400));
  EXPECT_EQ(plan.num_blocks, MiB(4096 - 1094) / plan.gate().block);
}

// AT-37: a draft adds its weights and its KV cache, and tokens fall by as much.
TEST(KvPlannerTest, At37ADraftAddsItsWeightsAndItsKv) {
  const ModelShape draft = Model(6, 3, 64, MiB(20));
  PlanRequest request = {.budget = GiB(2)};
  const Plan alone = PlanKv(SmolLm2(), request).value();
  request.draft = &draft;
  const Plan both = PlanKv(SmolLm2(), request).value();
  EXPECT_EQ(both.draft_weights, MiB(20));
  EXPECT_EQ(both.weights, alone.weights + MiB(20));
  EXPECT_EQ(both.kv_per_token, alone.kv_per_token + Bytes(6 * 768));
  EXPECT_EQ(both.gate().block, Bytes(36 * 768 * 16));
  EXPECT_EQ(both.num_blocks,
            AlignDown(GiB(1) - both.weights, MiB(2)) / Bytes(36 * 768 * 16));
  EXPECT_LT(both.max_tokens, alone.max_tokens);

  request.layout.pipeline_parallel = 2;
  EXPECT_EQ(PlanKv(SmolLm2(), request).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// AT-07: 4,000 tokens that 64 sequences have in common are counted once.
TEST(KvPlannerTest, At07ACommonPrefixIsCountedOnce) {
  PlanRequest request = {
      .budget = GiB(100), .max_model_len = 5000, .max_seqs = 64};
  request.layout.block_tokens = 16;
  const Plan apart = PlanKv(SmolLm2(), request).value();
  EXPECT_EQ(apart.required_blocks, 64u * 313 + 1);
  request.shared_prefix_tokens = 4000;
  const Plan shared = PlanKv(SmolLm2(), request).value();
  EXPECT_EQ(shared.required_blocks, 250 + 64u * 63 + 1);
  // A prefix that ends inside a block shares its full blocks alone.
  request.shared_prefix_tokens = 4015;
  EXPECT_EQ(PlanKv(SmolLm2(), request).value().required_blocks,
            250 + 64u * 63 + 1);
  // And one longer than the sequences is all of them.
  request.shared_prefix_tokens = 9000;
  EXPECT_EQ(PlanKv(SmolLm2(), request).value().required_blocks,
            312 + 64u * 1 + 1);
}

// AT-07: what a window keeps stops growing at the window.
TEST(KvPlannerTest, At07AWindowSaturates) {
  ModelShape model = SmolLm2();
  const AttentionHeads heads =
      std::get<FullAttention>(model.layers[0].kv[0]).heads;
  model.layers.assign(30, {.kv = {SlidingWindow{heads, 1024}}});
  const auto blocks = [&](uint64_t tokens) {
    PlanRequest request = {.max_model_len = tokens, .kv_memory = GiB(8)};
    request.layout.block_tokens = 16;
    request.layout.in_flight_tokens = 2048;
    return PlanKv(model, request).value().blocks_per_sequence;
  };
  EXPECT_EQ(blocks(1024), 64u + 1);
  EXPECT_EQ(blocks(3071), 192u + 1);
  EXPECT_EQ(blocks(3072), 192u + 1);
  EXPECT_EQ(blocks(131'072), 192u + 1);
}

TEST(KvPlannerTest, TheFullestStageDecides) {
  ModelShape model = Model(4, 8, 128, GiB(10));
  for (LayerShape& layer : model.layers) layer.weights = GiB(1);
  model.outer = {.embedding = GiB(4), .head = GiB(2)};
  PlanRequest request = {.budget = GiB(10), .allowance = Bytes(0)};
  request.layout.pipeline_parallel = 2;
  const Plan plan = PlanKv(model, request).value();
  ASSERT_EQ(plan.stages.size(), 2u);
  EXPECT_EQ(plan.stages[0].weights, GiB(6));
  EXPECT_EQ(plan.stages[1].weights, GiB(4));
  EXPECT_EQ(plan.gate_stage, 0u);
  EXPECT_EQ(plan.num_blocks, GiB(4) / plan.stages[0].block);
  for (const StagePlan& stage : plan.stages) {
    EXPECT_EQ(stage.layers, 2u);
    EXPECT_EQ(stage.kv, stage.block * plan.num_blocks);
    EXPECT_EQ(stage.fixed() + stage.kv + *stage.left, GiB(10));
  }
}

TEST(KvPlannerTest, TensorParallelSplitsWeightsAndHeads) {
  ModelShape model = Model(2, 8, 128, GiB(8));
  model.layers[0].replicated_weights = GiB(1);
  model.layers[0].weights = model.layers[1].weights = GiB(4);
  PlanRequest request = {.budget = GiB(10)};
  request.layout.tensor_parallel = 4;
  const Plan plan = PlanKv(model, request).value();
  EXPECT_EQ(plan.gate().weights, GiB(1) + MiB(7 * 256));
  EXPECT_EQ(plan.weights, GiB(8));
  EXPECT_EQ(plan.kv_per_token, Bytes(2 * 2 * 2 * 128 * 2));
}

// bandwidth / bytes that one token reads.
TEST(KvPlannerTest, TheDecodeBoundReadsActiveWeightsOnce) {
  ModelShape model = Model(2, 8, 128, Bytes(140'000'000'000));
  PlanRequest request = {.budget = GiB(200), .bandwidth = 273e9};
  const auto bound = [&] {
    return *PlanKv(model, request).value().decode_tokens_per_second_bound;
  };
  EXPECT_DOUBLE_EQ(bound(), 1.95);
  model.outer = {.embedding = Bytes(5'000'000'000),
                 .head = Bytes(5'000'000'000)};
  EXPECT_DOUBLE_EQ(bound(), 273.0 / 135);
  model.experts = 8;
  model.experts_per_token = 2;
  model.expert_weights = Bytes(100'000'000'000);
  EXPECT_DOUBLE_EQ(bound(), 273.0 / 60);
  request.bandwidth.reset();
  EXPECT_FALSE(PlanKv(model, request).value().decode_tokens_per_second_bound);
}

TEST(KvPlannerTest, LayersThatDraftAreLoadedWhenAskedFor) {
  ModelShape model = Model(4, 8, 128, GiB(5));
  model.draft_layers = {model.layers[0]};
  model.draft_layers[0].weights = GiB(1);
  PlanRequest request = {.budget = GiB(20)};
  EXPECT_EQ(PlanKv(model, request).value().weights, GiB(4));
  request.layout.draft_tokens = 1;
  const Plan drafting = PlanKv(model, request).value();
  EXPECT_EQ(drafting.weights, GiB(5));
  EXPECT_EQ(drafting.kv_per_token, Bytes(5 * 4096));
}

TEST(KvPlannerTest, AModelWithoutWeightsNeedsTheirSizeOrNoBudget) {
  ModelShape model = SmolLm2();
  model.weights = Bytes(0);
  model.has_weights = false;
  EXPECT_THAT(std::string(PlanKv(model, {.budget = GiB(2)}).status().message()),
              HasSubstr("hold no weights"));
  EXPECT_TRUE(PlanKv(model, {.kv_memory = GiB(1)}).value().fits);
  EXPECT_EQ(
      PlanKv(model, {.budget = GiB(2), .weights = MiB(90)}).value().weights,
      MiB(90));
}

TEST(KvPlannerTest, WhatIsNoRequestNamesTheValue) {
  const struct {
    PlanRequest request;
    const char* named;
  } kCases[] = {
      {{}, "a budget"},
      {{.budget = GiB(2), .layout = {.block_tokens = 0}}, "block_tokens"},
      {{.budget = GiB(2), .layout = {.block_tokens = uint64_t{1} << 63}},
       "9223372036854775808"},
      {{.budget = GiB(2), .layout = {.block_tokens = (1 << 20) + 1}},
       "1048577"},
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
      PlanKv(Model(1, 1, 1, Bytes(0)),
             {.budget = Bytes(kMax),
              .allowance = Bytes(0),
              .layout = {.kv_dtype = KvDtype::kFp8, .block_tokens = 16},
              .max_model_len = uint64_t{1} << 32,
              .max_seqs = uint64_t{1} << 24,
              .granularity = Bytes(1)})
          .value();
  EXPECT_TRUE(plan.fits);
  EXPECT_EQ(plan.num_blocks, kMax / 32);
  EXPECT_EQ(plan.gate().left, Bytes(31));

  // What is needed passes 2^64 bytes: no budget is offered.
  const Plan huge =
      PlanKv(Model(1000, 1000, 1000), {.budget = GiB(2),
                                       .max_model_len = uint64_t{1} << 32,
                                       .max_seqs = uint64_t{1} << 24})
          .value();
  EXPECT_FALSE(huge.fits);
  EXPECT_EQ(huge.shortfall->missing, std::nullopt);
}

}  // namespace
}  // namespace governor
