#include "governor/policy/tensorrt_llm_layout.h"

#include <cstdint>
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

ModelShape ModelOf(std::vector<std::vector<KvSpec>> layers) {
  ModelShape model;
  for (auto& kv : layers) model.layers.push_back({.kv = std::move(kv)});
  return model;
}

KvLayoutRequest RequestOf(uint64_t max_model_len) {
  KvLayoutRequest request;
  request.engine = Engine::kTensorRtLlm;
  request.max_model_len = max_model_len;
  return request;
}

TEST(TensorRtLlmLayoutTest, ABlockIs32TokensOfAllLayers) {
  const auto layout = TensorRtLlmLayout(
      ModelOf({{FullAttention{kHeads}}, {FullAttention{kHeads}}}),
      RequestOf(4096));
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->block_tokens, 32);
  EXPECT_EQ(layout->block_by_stage, std::vector<Bytes>{Bytes(64 * kToken)});
}

TEST(TensorRtLlmLayoutTest, HeadsAreSplitAndLatentsAreNot) {
  const ModelShape model = ModelOf(
      {{FullAttention{kHeads}},
       {LatentAttention{.query_heads = 16, .rank = 512, .rope_size = 64}}});
  KvLayoutRequest request = RequestOf(4096);
  request.tensor_parallel = 4;
  request.kv_dtype = KvDtype::kFp8;
  EXPECT_EQ(TensorRtLlmLayout(model, request)->block_by_stage[0],
            Bytes(32 * (kToken / 4 / 2 + 576)));
}

TEST(TensorRtLlmLayoutTest, WindowsAreAsLongAsTheSequence) {
  const auto layout = TensorRtLlmLayout(
      ModelOf({{FullAttention{kHeads}}, {SlidingWindow{kHeads, 128}}}),
      RequestOf(8192));
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->block_by_stage[0], Bytes(64 * kToken));
  EXPECT_TRUE(absl::StrContains(layout->notes.back(), "max_attention_window"));
}

TEST(TensorRtLlmLayoutTest, AStateIsConstantBytesOfASequence) {
  const Mamba1State state = {.inner_size = 1024,
                             .state_size = 16,
                             .conv_kernel = 4,
                             .dtype = StateDtype::kBfloat16};
  const auto layout = TensorRtLlmLayout(
      ModelOf({{FullAttention{kHeads}}, {state}}), RequestOf(8192));
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->sequence_by_stage[0], Bytes(1024 * (3 + 16) * 2));
}

TEST(TensorRtLlmLayoutTest, TheFirstStagesTakeTheLayersLeftOver) {
  KvLayoutRequest request = RequestOf(4096);
  request.pipeline_parallel = 2;
  const auto layout = TensorRtLlmLayout(
      ModelOf(std::vector<std::vector<KvSpec>>(5, {FullAttention{kHeads}})),
      request);
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->layers_by_stage, (std::vector<uint64_t>{3, 2}));
}

TEST(TensorRtLlmLayoutTest, RefusesWhatItDoesNotHave) {
  const ModelShape model = ModelOf({{FullAttention{kHeads}}});
  KvLayoutRequest request = RequestOf(4096);
  request.kv_dtype = KvDtype::kQ8_0;
  const absl::Status status = TensorRtLlmLayout(model, request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(status.message(), "nvfp4")) << status;
  request = RequestOf(4096);
  request.platform = Platform::kCpu;
  EXPECT_EQ(TensorRtLlmLayout(model, request).status().code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(TensorRtLlmLayout(ModelOf({{}}), RequestOf(4096)).status().code(),
            absl::StatusCode::kUnimplemented);
}

TEST(TensorRtLlmLayoutTest, RefusesCountsThatCannotBe) {
  const ModelShape model = ModelOf({{FullAttention{kHeads}}});
  const auto code = [&](const KvLayoutRequest& request) {
    return TensorRtLlmLayout(model, request).status().code();
  };
  EXPECT_EQ(code(RequestOf(0)), absl::StatusCode::kInvalidArgument);
  KvLayoutRequest request = RequestOf(4096);
  for (const uint64_t block : {uint64_t{0}, uint64_t{48}, uint64_t{1} << 63}) {
    request.block_tokens = block;
    EXPECT_EQ(code(request), absl::StatusCode::kInvalidArgument) << block;
  }
}

}  // namespace
}  // namespace governor
