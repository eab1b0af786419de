#include "governor/policy/max_layout.h"

#include <string>

#include "absl/algorithm/container.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

// Four layers of 8 KV heads of 128.
ModelShape SmallModel() {
  ModelShape model;
  for (int i = 0; i < 4; ++i) {
    model.layers.emplace_back().kv = {
        FullAttention{{.kv_heads = 8, .head_size_k = 128, .head_size_v = 128}}};
  }
  return model;
}

TEST(MaxLayoutTest, BlocksHave128TokensUnlessSomebodyAsked) {
  KvLayoutRequest request = {.engine = Engine::kMax, .max_model_len = 1000};
  const absl::StatusOr<KvLayout> layout = LayOutKv(SmallModel(), request);
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->engine, Engine::kMax);
  EXPECT_EQ(layout->block_tokens, 128u);
  EXPECT_EQ(BlocksPerSequence(*layout, 1000), 8u);
  EXPECT_TRUE(absl::c_linear_search(
      layout->notes,
      std::string("MAX's cache is planned with vLLM's layout.")));
  request.block_tokens = 64;
  const absl::StatusOr<KvLayout> asked = LayOutKv(SmallModel(), request);
  ASSERT_TRUE(asked.ok()) << asked.status();
  EXPECT_EQ(asked->block_tokens, 64u);
}

TEST(MaxLayoutTest, VllmKeepsItsOwnDefault) {
  const absl::StatusOr<KvLayout> layout =
      LayOutKv(SmallModel(), {.engine = Engine::kVllm, .max_model_len = 1000});
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->block_tokens, 16u);
}

}  // namespace
}  // namespace governor
