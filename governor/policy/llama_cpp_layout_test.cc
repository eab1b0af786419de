#include "governor/policy/llama_cpp_layout.h"

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr AttentionHeads kHeads = {
    .query_heads = 16, .kv_heads = 8, .head_size_k = 64, .head_size_v = 64};
// K and V of one token of kHeads as f16.
constexpr uint64_t kToken = 8 * (64 + 64) * 2;

ModelShape ModelOf(std::vector<std::vector<KvSpec>> layers) {
  ModelShape model;
  for (auto& kv : layers) model.layers.push_back({.kv = std::move(kv)});
  return model;
}

KvLayoutRequest RequestOf(uint64_t max_model_len) {
  KvLayoutRequest request;
  request.engine = Engine::kLlamaCpp;
  request.max_model_len = max_model_len;
  return request;
}

TEST(LlamaCppLayoutTest, ABlockIs256CellsOfAllFullLayers) {
  const ModelShape model =
      ModelOf({{FullAttention{kHeads}}, {FullAttention{kHeads}}});
  const auto layout = LlamaCppLayout(model, RequestOf(1000));
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->kv_dtype, KvDtype::kFp16);
  EXPECT_EQ(layout->block_tokens, 256);
  ASSERT_EQ(layout->groups.size(), 1);
  EXPECT_EQ(layout->groups[0].caches, 2);
  EXPECT_EQ(layout->groups[0].page, Bytes(256 * kToken));
  EXPECT_EQ(layout->block_by_stage, std::vector<Bytes>{Bytes(512 * kToken)});
  EXPECT_EQ(layout->sequence_by_stage, std::vector<Bytes>{Bytes()});
  EXPECT_EQ(layout->layers_by_stage, std::vector<uint64_t>{2});
  EXPECT_EQ(layout->token_by_layer,
            (std::vector<Bytes>{Bytes(kToken), Bytes(kToken)}));
}

TEST(LlamaCppLayoutTest, AWindowIsConstantBytesOfASequence) {
  const ModelShape model =
      ModelOf({{FullAttention{kHeads}}, {SlidingWindow{kHeads, 128}}, {}});
  const auto layout = LlamaCppLayout(model, RequestOf(8192));
  ASSERT_TRUE(layout.ok()) << layout.status();
  // 128 + 512 tokens of a micro-batch, padded to 768.
  EXPECT_EQ(layout->sequence_by_stage[0], Bytes(768 * kToken));
  EXPECT_EQ(layout->block_by_stage[0], Bytes(256 * kToken));
  EXPECT_EQ(layout->sequence_by_layer,
            (std::vector<Bytes>{Bytes(), Bytes(768 * kToken), Bytes()}));
}

TEST(LlamaCppLayoutTest, AWindowIsNeverLongerThanTheContext) {
  const ModelShape model =
      ModelOf({{FullAttention{kHeads}}, {SlidingWindow{kHeads, 4096}}});
  EXPECT_EQ(LlamaCppLayout(model, RequestOf(2000))->sequence_by_stage[0],
            Bytes(2048 * kToken));
}

TEST(LlamaCppLayoutTest, WithoutTheHybridManagerWindowsAreAsLongAsTheContext) {
  const ModelShape model =
      ModelOf({{FullAttention{kHeads}}, {SlidingWindow{kHeads, 128}}});
  KvLayoutRequest request = RequestOf(8192);
  request.hybrid_manager = false;
  EXPECT_TRUE(LlamaCppOptionsOf(request).swa_full);
  EXPECT_EQ(LlamaCppLayout(model, request)->sequence_by_stage[0],
            Bytes(8192 * kToken));
}

TEST(LlamaCppLayoutTest, AModelThatOnlySlidesIsKeptWhole) {
  const ModelShape model = ModelOf({{SlidingWindow{kHeads, 4096}}});
  const auto layout = LlamaCppLayout(model, RequestOf(32768));
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->block_by_stage[0], Bytes(256 * kToken));
  EXPECT_TRUE(layout->sequence_by_stage[0].is_zero());
}

TEST(LlamaCppLayoutTest, AModelOfStatesAloneHoldsOneBlockASequence) {
  const Mamba1State state = {
      .inner_size = 1024, .state_size = 16, .conv_kernel = 4};
  const auto layout =
      LlamaCppLayout(ModelOf({{state}, {state}}), RequestOf(4096));
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->block_tokens, 4096);
  EXPECT_EQ(layout->block_by_stage[0], Bytes(2 * 1024 * (3 + 16) * 4));
  EXPECT_TRUE(layout->sequence_by_stage[0].is_zero());
}

TEST(LlamaCppLayoutTest, AStageHoldsItsLayersAndTheOutputCountsAsOne) {
  std::vector<std::vector<KvSpec>> layers(5, {FullAttention{kHeads}});
  KvLayoutRequest request = RequestOf(256);
  request.pipeline_parallel = 2;
  const auto layout = LlamaCppLayout(ModelOf(layers), request);
  ASSERT_TRUE(layout.ok()) << layout.status();
  EXPECT_EQ(layout->layers_by_stage, (std::vector<uint64_t>{3, 2}));
  EXPECT_EQ(
      layout->block_by_stage,
      (std::vector<Bytes>{Bytes(3 * 256 * kToken), Bytes(2 * 256 * kToken)}));
}

TEST(LlamaCppLayoutTest, NamesItsOwnDtypesWhereAnotherIsAsked) {
  KvLayoutRequest request = RequestOf(256);
  request.kv_dtype = KvDtype::kFp8;
  const absl::Status status =
      LlamaCppLayout(ModelOf({{FullAttention{kHeads}}}), request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(status.message(), "q8_0")) << status;
}

TEST(LlamaCppLayoutTest, RefusesWhatItDoesNotPlan) {
  const ModelShape model =
      ModelOf({{FullAttention{kHeads}}, {FullAttention{kHeads}}});
  KvLayoutRequest request = RequestOf(256);
  request.tensor_parallel = 2;
  EXPECT_EQ(LlamaCppLayout(model, request).status().code(),
            absl::StatusCode::kUnimplemented);
  request = RequestOf(256);
  request.draft_tokens = 1;
  EXPECT_EQ(LlamaCppLayout(model, request).status().code(),
            absl::StatusCode::kUnimplemented);
  request = RequestOf(256);
  request.state_dtype = StateDtype::kBfloat16;
  EXPECT_EQ(LlamaCppLayout(model, request).status().code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(
      LlamaCppLayout(ModelOf({{CrossAttention{kHeads, 1500}}}), RequestOf(256))
          .status()
          .code(),
      absl::StatusCode::kUnimplemented);
}

TEST(LlamaCppLayoutTest, RefusesCountsThatCannotBe) {
  const ModelShape model = ModelOf({{FullAttention{kHeads}}});
  const auto code = [&](const KvLayoutRequest& request) {
    return LlamaCppLayout(model, request).status().code();
  };
  EXPECT_EQ(code(RequestOf(0)), absl::StatusCode::kInvalidArgument);
  KvLayoutRequest request = RequestOf(256);
  request.max_seqs = 0;
  EXPECT_EQ(code(request), absl::StatusCode::kInvalidArgument);
  request = RequestOf(256);
  request.block_tokens = 16;
  EXPECT_EQ(code(request), absl::StatusCode::kInvalidArgument);
  request = RequestOf(256);
  request.pipeline_parallel = 2;
  EXPECT_EQ(code(request), absl::StatusCode::kInvalidArgument);
}

TEST(LlamaCppCachesTest, SequencesDivideTheContextUnlessItIsUnified) {
  const ModelShape model = ModelOf({{FullAttention{kHeads}}});
  const auto split = LlamaCppCachesOf(model, 8192, {.n_seq_max = 3});
  ASSERT_TRUE(split.ok()) << split.status();
  EXPECT_EQ(split->streams, 3);
  EXPECT_EQ(split->cells_per_stream, 2816);  // 2730, padded
  EXPECT_EQ(split->full, Bytes(3 * 2816 * kToken));
  const auto unified =
      LlamaCppCachesOf(model, 8192, {.n_seq_max = 3, .kv_unified = true});
  ASSERT_TRUE(unified.ok()) << unified.status();
  EXPECT_EQ(unified->full, Bytes(8192 * kToken));
}

TEST(LlamaCppCachesTest, AnIndexerIsOneKeyOfTheKType) {
  const ModelShape model = ModelOf(
      {{LatentAttention{.query_heads = 16, .rank = 512, .rope_size = 64},
        SparseIndexer{.head_size = 128}}});
  const auto caches = LlamaCppCachesOf(
      model, 256, {.type_k = KvDtype::kQ8_0, .type_v = KvDtype::kQ8_0});
  ASSERT_TRUE(caches.ok()) << caches.status();
  EXPECT_EQ(caches->full, Bytes(256 * (576 + 128) / 32 * 34));
}

TEST(LlamaCppCachesTest, AQuantizedVNeedsFlashAttention) {
  const ModelShape model = ModelOf({{FullAttention{kHeads}}});
  LlamaCppOptions options = {.type_v = KvDtype::kQ8_0};
  EXPECT_TRUE(LlamaCppCachesOf(model, 256, options).ok());
  options.flash_attention = false;
  EXPECT_EQ(LlamaCppCachesOf(model, 256, options).status().code(),
            absl::StatusCode::kInvalidArgument);
  options.type_v = KvDtype::kFp16;
  options.type_k = KvDtype::kQ8_0;
  EXPECT_TRUE(LlamaCppCachesOf(model, 256, options).ok());
}

TEST(LlamaCppCachesTest, RefusesHeadsThatBlocksDoNotDivide) {
  AttentionHeads heads = kHeads;
  heads.head_size_k = 80;
  const ModelShape model = ModelOf({{FullAttention{heads}}});
  const absl::Status status =
      LlamaCppCachesOf(model, 256, {.type_k = KvDtype::kQ4_0}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(status.message(), "layer 0")) << status;
  EXPECT_TRUE(LlamaCppCachesOf(model, 256, {}).ok());
}

TEST(LlamaCppCachesTest, NumbersThatPass64BitsAreRefusedNotWrapped) {
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  const ModelShape model =
      ModelOf({{FullAttention{kHeads}}, {SlidingWindow{kHeads, kMost}}});
  for (const uint64_t n_ctx : {kMost, kMost / 256, uint64_t{1} << 56}) {
    EXPECT_EQ(LlamaCppCachesOf(model, n_ctx, {}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << n_ctx;
  }
  AttentionHeads heads = kHeads;
  heads.kv_heads = kMost;
  EXPECT_EQ(LlamaCppCachesOf(ModelOf({{FullAttention{heads}}}), 256, {})
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace governor
