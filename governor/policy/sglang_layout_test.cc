#include "governor/policy/sglang_layout.h"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr AttentionHeads kHeads = {
    .query_heads = 16, .kv_heads = 8, .head_size_k = 64, .head_size_v = 64};
constexpr uint64_t kToken = 8 * (64 + 64) * 2;  // bf16

ModelShape ModelOf(std::vector<std::vector<KvSpec>> layers,
                   std::string architecture = "LlamaForCausalLM") {
  ModelShape model;
  model.architecture = std::move(architecture);
  for (auto& kv : layers) model.layers.push_back({.kv = std::move(kv)});
  return model;
}

KvLayoutRequest RequestOf(uint64_t max_model_len) {
  KvLayoutRequest request;
  request.engine = Engine::kSglang;
  request.max_model_len = max_model_len;
  return request;
}

TEST(SglangLayoutTest, APageIsOneTokenAndOneMoreIsKept) {
  const auto layout =
      SglangLayout(ModelOf({{FullAttention{kHeads}}, {FullAttention{kHeads}}}),
                   RequestOf(4096));
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->block_tokens, 1);
  EXPECT_EQ(layout->block_by_stage, std::vector<Bytes>{Bytes(2 * kToken)});
  EXPECT_EQ(layout->reserved_blocks, 1);
  EXPECT_EQ(layout->groups[0].caches, 2);
}

TEST(SglangLayoutTest, KernelsChooseThePage) {
  const ModelShape model = ModelOf({{FullAttention{kHeads}}});
  KvLayoutRequest request = RequestOf(4096);
  request.compute_capability = {10, 0};
  EXPECT_EQ(SglangLayout(model, request)->block_tokens, 64);
  AttentionHeads unequal = kHeads;
  unequal.head_size_v = 32;
  EXPECT_EQ(
      SglangLayout(ModelOf({{FullAttention{unequal}}}), request)->block_tokens,
      128);
  request.compute_capability = {9, 0};
  EXPECT_EQ(SglangLayout(model, request)->block_tokens, 1);
  request.block_tokens = 16;
  EXPECT_EQ(SglangLayout(model, request)->block_by_stage[0],
            Bytes(16 * kToken));
}

TEST(SglangLayoutTest, ABlockHoldsItsShareOfThePoolOfWindows) {
  const std::vector<std::vector<KvSpec>> layers = {
      {FullAttention{kHeads}}, {SlidingWindow{kHeads, 128}}};
  const auto hybrid =
      SglangLayout(ModelOf(layers, "GptOssForCausalLM"), RequestOf(8192));
  ASSERT_TRUE(hybrid.ok()) << hybrid.status();
  // 2048 * 0.8 = 1638.4, rounded up.
  EXPECT_EQ(hybrid->block_by_stage[0], Bytes(kToken + 1639));
  EXPECT_EQ(hybrid->token_by_layer,
            (std::vector<Bytes>{Bytes(kToken), Bytes()}));
  EXPECT_EQ(hybrid->sequence_by_layer,
            (std::vector<Bytes>{Bytes(), Bytes(128 * kToken)}));
  // Not a model that SGLang knows as hybrid.
  EXPECT_EQ(SglangLayout(ModelOf(layers, "gemma3_text"), RequestOf(8192))
                ->block_by_stage[0],
            Bytes(2 * kToken));
  // A window that is not shorter than the context saves nothing.
  EXPECT_EQ(SglangLayout(ModelOf(layers, "gpt_oss"), RequestOf(128))
                ->block_by_stage[0],
            Bytes(2 * kToken));
  KvLayoutRequest request = RequestOf(8192);
  request.hybrid_manager = false;
  EXPECT_EQ(
      SglangLayout(ModelOf(layers, "gpt_oss"), request)->block_by_stage[0],
      Bytes(2 * kToken));
}

TEST(SglangLayoutTest, AStateHasFiveSlotsASequenceOrOneWithoutPrefixes) {
  const Mamba2State state = {.heads = 4,
                             .head_size = 8,
                             .state_size = 16,
                             .groups = 1,
                             .conv_kernel = 4};
  const uint64_t one = 3 * (4 * 8 + 2 * 16) * 2 + 4 * 8 * 16 * 4;
  const ModelShape model = ModelOf({{FullAttention{kHeads}}, {state}});
  KvLayoutRequest request = RequestOf(4096);
  request.max_seqs = 4;
  // The padding slot is shared by four.
  EXPECT_EQ(SglangLayout(model, request)->sequence_by_stage[0],
            Bytes(5 * one + one / 4));
  request.prefix_caching = false;
  EXPECT_EQ(SglangLayout(model, request)->sequence_by_stage[0],
            Bytes(one + one / 4));
}

TEST(SglangLayoutTest, SparseLatentsAreRecordsInFp8) {
  const ModelShape model = ModelOf(
      {{LatentAttention{
            .query_heads = 16, .rank = 512, .rope_size = 64, .sparse = true},
        SparseIndexer{.head_size = 128}}});
  KvLayoutRequest request = RequestOf(4096);
  EXPECT_EQ(SglangLayout(model, request)->block_by_stage[0],
            Bytes(64 * (576 * 2 + 132)));
  request.kv_dtype = KvDtype::kFp8;
  EXPECT_EQ(SglangLayout(model, request)->block_by_stage[0],
            Bytes(64 * (656 + 132)));
}

TEST(SglangLayoutTest, TheLastStagesTakeTheLayersLeftOver) {
  KvLayoutRequest request = RequestOf(4096);
  request.pipeline_parallel = 2;
  const auto layout = SglangLayout(
      ModelOf(std::vector<std::vector<KvSpec>>(5, {FullAttention{kHeads}})),
      request);
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->layers_by_stage, (std::vector<uint64_t>{2, 3}));
}

TEST(SglangLayoutTest, RefusesWhatSglangDoesNotHave) {
  const ModelShape model = ModelOf({{FullAttention{kHeads}}});
  KvLayoutRequest request = RequestOf(4096);
  request.kv_dtype = KvDtype::kQ8_0;
  const absl::Status status = SglangLayout(model, request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(status.message(), "nvfp4")) << status;
  request = RequestOf(4096);
  request.draft_tokens = 1;
  EXPECT_EQ(SglangLayout(model, request).status().code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(
      SglangLayout(ModelOf({{CrossAttention{kHeads, 1500}}}), RequestOf(4096))
          .status()
          .code(),
      absl::StatusCode::kUnimplemented);
  EXPECT_EQ(SglangLayout(ModelOf({{}}), RequestOf(4096)).status().code(),
            absl::StatusCode::kUnimplemented);
}

TEST(SglangLayoutTest, RefusesCountsThatCannotBe) {
  const ModelShape model = ModelOf({{FullAttention{kHeads}}});
  const auto code = [&](const KvLayoutRequest& request) {
    return SglangLayout(model, request).status().code();
  };
  EXPECT_EQ(code(RequestOf(0)), absl::StatusCode::kInvalidArgument);
  KvLayoutRequest request = RequestOf(4096);
  request.block_tokens = 0;
  EXPECT_EQ(code(request), absl::StatusCode::kInvalidArgument);
  request.block_tokens = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(code(request), absl::StatusCode::kInvalidArgument);
  request = RequestOf(4096);
  request.pipeline_parallel = 2;
  EXPECT_EQ(code(request), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace governor
