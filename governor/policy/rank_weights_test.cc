#include "governor/policy/rank_weights.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::ElementsAre;

// Four layers of 100, of which 10 are replicated; 50 embedding, 40 head, 5
// elsewhere.
ModelShape Model() {
  ModelShape model;
  model.layers.resize(4);
  for (LayerShape& layer : model.layers) {
    layer.weights = Bytes(100);
    layer.replicated_weights = Bytes(10);
  }
  model.outer = {Bytes(50), Bytes(40), Bytes(5)};
  model.weights = Bytes(495);
  return model;
}

TEST(RankWeightsTest, OneRankHoldsAll) {
  EXPECT_THAT(WeightsByStage(Model(), false, 1, {4}), ElementsAre(Bytes(495)));
}

TEST(RankWeightsTest, RanksSplitWhatIsNotReplicated) {
  // 45 replicated, 450 split, and parts are whole bytes.
  EXPECT_THAT(WeightsByStage(Model(), false, 2, {4}),
              ElementsAre(Bytes(45 + 225)));
  EXPECT_THAT(WeightsByStage(Model(), false, 4, {4}),
              ElementsAre(Bytes(45 + 4 * 23 + 10 + 13)));
}

// Two KV heads: the third and the fourth rank hold again what the first two do.
TEST(RankWeightsTest, WhatMakesKAndVIsSplitOverNoMoreRanksThanHeads) {
  ModelShape model = Model();
  for (LayerShape& layer : model.layers) {
    layer.kv_weights = Bytes(40);
    layer.kv = {FullAttention{
        {.query_heads = 8, .kv_heads = 2, .head_size_k = 1, .head_size_v = 1}}};
  }
  // A layer: 10 whole, 40 by two, 50 by four.
  EXPECT_THAT(WeightsByStage(model, false, 4, {4}),
              ElementsAre(Bytes(4 * (10 + 20 + 13) + 10 + 13 + 5)));
}

TEST(RankWeightsTest, TowersAreWholeEverywhereAndNotReadForAToken) {
  ModelShape model = Model();
  model.outer.towers = Bytes(1000);
  model.weights += Bytes(1000);
  EXPECT_THAT(WeightsByStage(model, false, 2, {4}),
              ElementsAre(Bytes(45 + 225 + 1000)));
  EXPECT_EQ(WeightsReadPerToken(model, 1), Bytes(445));
}

TEST(RankWeightsTest, StagesHoldTheirLayersAndTheirEnds) {
  EXPECT_THAT(WeightsByStage(Model(), false, 1, {3, 1}),
              ElementsAre(Bytes(300 + 50 + 5), Bytes(100 + 40 + 5)));
}

TEST(RankWeightsTest, ATiedHeadIsOnBothEnds) {
  ModelShape model = Model();
  model.outer.head = Bytes(0);
  model.weights = Bytes(455);
  EXPECT_THAT(WeightsByStage(model, false, 1, {2, 2}),
              ElementsAre(Bytes(255), Bytes(255)));
}

TEST(RankWeightsTest, WhatNobodyPlacedIsOnTheFirstStage) {
  ModelShape model = Model();
  model.weights += Bytes(7);
  EXPECT_THAT(WeightsByStage(model, false, 1, {2, 2}),
              ElementsAre(Bytes(262), Bytes(245)));
}

TEST(RankWeightsTest, DraftLayersAreLoadedOnTheLastStageWhenDrafting) {
  ModelShape model = Model();
  model.draft_layers.resize(1);
  model.draft_layers[0].weights = Bytes(30);
  model.weights += Bytes(30);
  EXPECT_EQ(LoadedWeights(model, false), Bytes(495));
  EXPECT_EQ(LoadedWeights(model, true), Bytes(525));
  EXPECT_THAT(WeightsByStage(model, true, 1, {2, 2}),
              ElementsAre(Bytes(255), Bytes(245 + 30)));
}

TEST(RankWeightsTest, ATokenReadsItsExpertsAndOneRowOfTheEmbedding) {
  ModelShape model = Model();
  EXPECT_EQ(WeightsReadPerToken(model, 1), Bytes(445));
  model.experts = 10;
  model.experts_per_token = 1;
  model.expert_weights = Bytes(200);
  EXPECT_EQ(WeightsReadPerToken(model, 1), Bytes(445 - 180));
  model.outer.head = Bytes(0);  // tied: the embedding is read as a head
  model.weights = Bytes(455);
  EXPECT_EQ(WeightsReadPerToken(model, 1), Bytes(455 - 180));
}

}  // namespace
}  // namespace governor
