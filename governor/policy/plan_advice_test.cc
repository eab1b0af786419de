#include "governor/policy/plan_advice.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "governor/policy/kv_planner.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

ModelShape Model(uint64_t layers, uint64_t kv_heads, uint64_t head_size,
                 Bytes weights) {
  ModelShape model;
  model.weights = weights;
  model.parameters = weights.count() / 2;
  model.context_length = 8192;
  model.layers.assign(layers,
                      {.kv = {FullAttention{{.query_heads = kv_heads,
                                             .kv_heads = kv_heads,
                                             .head_size_k = head_size,
                                             .head_size_v = head_size}}}});
  return model;
}

ModelShape SmolLm2() { return Model(30, 3, 64, Bytes(96'576'768)); }

PlanAdvice Advice(const ModelShape& model, const PlanRequest& request) {
  return AdviceOn(PlanKv(model, request).value(), model, request);
}

std::vector<std::string> ChangesOf(const PlanAdvice& advice) {
  std::vector<std::string> changes;
  for (const PlanChange& change : advice.changes) {
    changes.push_back(change.change);
  }
  return changes;
}

// 206 MiB hold 585 blocks; a sequence takes 512.
TEST(PlanAdviceTest, ASequenceTooManyOffersEachWayOut) {
  const PlanAdvice advice =
      Advice(SmolLm2(), {.budget = GiB(1) + MiB(300), .max_seqs = 3});
  EXPECT_EQ(advice.longest_model_len, 194 * 16u);  // 584 blocks for three
  EXPECT_EQ(advice.most_seqs, 1u);
  EXPECT_EQ(advice.smallest_budget,
            GiB(1) + MiB(94) +
                *AlignUp(Bytes((3 * 512 + 1) * uint64_t{368'640}), MiB(2)));
  EXPECT_EQ(advice.largest_weights, std::nullopt);
  EXPECT_THAT(advice.kv_dtypes, Contains(KvDtype::kInt4PerTokenHead));
  EXPECT_THAT(advice.kv_dtypes, Not(Contains(KvDtype::kFp8)));
  EXPECT_THAT(ChangesOf(advice), Contains(HasSubstr("3104 tokens")));
  EXPECT_THAT(ChangesOf(advice), Contains(HasSubstr("max_seqs to 1")));
}

TEST(PlanAdviceTest, WeightsAboveTheBudgetHaveThreeWaysOut) {
  const ModelShape model = Model(80, 8, 128, GiB(130));
  const PlanAdvice advice = Advice(model, {.budget = GiB(100)});
  // 513 blocks of 5 MiB in granules of 2 MiB.
  EXPECT_EQ(advice.smallest_budget, GiB(131) + MiB(2566));
  EXPECT_EQ(advice.largest_weights, GiB(99) - MiB(2566));
  EXPECT_EQ(advice.tensor_parallel, 2u);
  EXPECT_EQ(advice.longest_model_len, std::nullopt);
  EXPECT_EQ(advice.most_seqs, std::nullopt);
  EXPECT_TRUE(advice.kv_dtypes.empty());
  ASSERT_EQ(advice.changes.size(), 3u);
  EXPECT_THAT(advice.changes[0].change, HasSubstr("raise the budget"));
  EXPECT_THAT(advice.changes[1].change, HasSubstr("Q8_0, fp8"));
  EXPECT_THAT(advice.changes[1].change, Not(HasSubstr("bf16")));
  EXPECT_THAT(advice.changes[2].change, HasSubstr("--tp 2"));
  for (const PlanChange& change : advice.changes) {
    EXPECT_FALSE(change.buys.empty()) << change.change;
  }
}

// A budget that the device cannot have is no way out.
TEST(PlanAdviceTest, WhatTheDeviceCannotGiveIsNotOffered) {
  const ModelShape model = Model(80, 8, 128, GiB(130));
  const PlanAdvice advice = Advice(
      model,
      {.budget = GiB(112), .os_reserve = GiB(8), .device_memory = GiB(120)});
  ASSERT_EQ(advice.changes.size(), 3u);
  EXPECT_THAT(advice.changes[0].change, HasSubstr("quantization"));
  EXPECT_THAT(advice.changes[1].change, HasSubstr("--tp 2"));
  EXPECT_THAT(advice.changes[2].change, HasSubstr("take a device"));
  const PlanAdvice fitting = Advice(
      SmolLm2(),
      {.budget = GiB(112), .os_reserve = GiB(8), .device_memory = GiB(120)});
  for (const std::string& change : ChangesOf(fitting)) {
    EXPECT_THAT(change, Not(HasSubstr("raise the budget")));
  }
}

TEST(PlanAdviceTest, AKvCacheThatIsTooSmallIsMeasured) {
  PlanRequest request = {.budget = GiB(2), .kv_memory = MiB(100)};
  const PlanAdvice advice = Advice(SmolLm2(), request);
  EXPECT_EQ(advice.smallest_kv_memory, Bytes(513 * 368'640));
  EXPECT_EQ(advice.longest_model_len, 283 * 16u);  // 284 blocks, one kept
}

TEST(PlanAdviceTest, APlanThatFitsSaysWhatBuysMore) {
  const PlanAdvice advice = Advice(SmolLm2(), {.budget = GiB(4)});
  ASSERT_EQ(advice.changes.size(), 2u);
  EXPECT_THAT(advice.changes[0].change, HasSubstr("--kv-dtype"));
  EXPECT_THAT(advice.changes[0].buys, HasSubstr("times the tokens"));
  EXPECT_THAT(advice.changes[1].change, HasSubstr("1GiB"));
  EXPECT_EQ(*advice.longest_model_len, 8192u);  // what it was made for
  EXPECT_GT(*advice.most_seqs, 1u);
  EXPECT_LT(*advice.smallest_budget, GiB(4));
}

TEST(PlanAdviceTest, WhereNothingAloneHelpsItSaysSo) {
  PlanRequest request = {.budget = GiB(1), .kv_memory = MiB(1)};
  request.max_seqs = 1000;
  request.allowance = GiB(2);
  const PlanAdvice advice = Advice(SmolLm2(), request);
  ASSERT_EQ(advice.changes.size(), 1u);
  EXPECT_THAT(advice.changes[0].change, HasSubstr("more than one thing"));
}

}  // namespace
}  // namespace governor
