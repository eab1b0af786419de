#include "governor/policy/kv_layout.h"

#include "gtest/gtest.h"

namespace governor {
namespace {

// vLLM begins a step before the one before it has retired (async scheduling),
// one for each stage besides.
TEST(InFlightTokensTest, VllmHasAStepMoreThanStagesInFlightOnCuda) {
  KvLayoutRequest request;
  EXPECT_EQ(InFlightTokens(request, 8192), 16'384u);
  request.pipeline_parallel = 2;
  EXPECT_EQ(InFlightTokens(request, 8192), 24'576u);
  request.platform = Platform::kCpu;
  EXPECT_EQ(InFlightTokens(request, 8192), 16'384u);
  request.engine = Engine::kMax;
  EXPECT_EQ(InFlightTokens(request, 8192), 16'384u);
  EXPECT_EQ(InFlightTokens(request, ~uint64_t{0}), ~uint64_t{0});
}

TEST(InFlightTokensTest, OthersHaveOneStepInFlight) {
  EXPECT_EQ(InFlightTokens({.engine = Engine::kSglang}, 8192), 8192u);
  EXPECT_EQ(InFlightTokens({.engine = Engine::kLlamaCpp}, 512), 512u);
}

TEST(KvLayoutTest, OnlyEnginesThatShareAPrefixDo) {
  ModelShape model;
  model.layers = {{.kv = {FullAttention{{.query_heads = 8,
                                         .kv_heads = 8,
                                         .head_size_k = 128,
                                         .head_size_v = 128}}}}};
  const auto shares = [&](KvLayoutRequest request) {
    request.max_model_len = 4096;
    return LayOutKv(model, request).value().shares_prefix;
  };
  EXPECT_TRUE(shares({.engine = Engine::kVllm}));
  EXPECT_TRUE(shares({.engine = Engine::kSglang}));
  EXPECT_FALSE(shares({.engine = Engine::kLlamaCpp}));
  EXPECT_FALSE(shares({.engine = Engine::kVllm, .prefix_caching = false}));
}

}  // namespace
}  // namespace governor
