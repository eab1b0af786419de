#include "governor/policy/default_engine.h"

#include "governor/policy/kv_layout.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(DefaultEngineTest, IsVllmWhereNothingSpeaksForAnother) {
  EXPECT_EQ(DefaultEngine(std::nullopt), Engine::kVllm);
  EXPECT_EQ(DefaultEngine(KvDtype::kFp8), Engine::kVllm);
}

// Every dtype that options know has an engine that stores a plain model so;
// records of latents are no plain model's.
TEST(DefaultEngineTest, StoresTheDtype) {
  ModelShape model;
  model.layers = {{.kv = {FullAttention{{.query_heads = 8,
                                         .kv_heads = 8,
                                         .head_size_k = 128,
                                         .head_size_v = 128}}}}};
  for (const KvDtypeLayout& layout : KvDtypes()) {
    if (layout.dtype == KvDtype::kFp8DsMla) continue;
    const absl::StatusOr<KvLayout> laid_out =
        LayOutKv(model, {.engine = DefaultEngine(layout.dtype),
                         .kv_dtype = layout.dtype,
                         .max_model_len = 4096});
    EXPECT_TRUE(laid_out.ok()) << laid_out.status();
  }
}

}  // namespace
}  // namespace governor
