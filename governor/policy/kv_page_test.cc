#include "governor/policy/kv_page.h"

#include <limits>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

AttentionHeads Llama8b() {
  return {
      .query_heads = 32, .kv_heads = 8, .head_size_k = 128, .head_size_v = 128};
}

void ExpectInvalid(const absl::StatusOr<Bytes>& size, const char* what) {
  EXPECT_EQ(size.status().code(), absl::StatusCode::kInvalidArgument) << what;
  EXPECT_THAT(std::string(size.status().message()), HasSubstr(what));
}

// vLLM's page of 16 tokens is 64 KiB a layer in bf16.
TEST(KvPageTest, HeadsHoldKAndVOfEachKvHead) {
  EXPECT_EQ(HeadsPerToken(Llama8b(), KvDtype::kBf16, 1).value(), Bytes(4096));
  EXPECT_EQ(HeadsPerToken(Llama8b(), KvDtype::kFp8, 1).value(), Bytes(2048));
  AttentionHeads uneven = Llama8b();
  uneven.head_size_k = 192;
  EXPECT_EQ(HeadsPerToken(uneven, KvDtype::kBf16, 1).value(), Bytes(5120));
}

// vLLM 0.32's own: 264 bytes a head for int8 and fp8, 136 for int4.
TEST(KvPageTest, ScalesPerTokenAndHeadAreInThePage) {
  const AttentionHeads heads = {
      .query_heads = 1, .kv_heads = 1, .head_size_k = 128, .head_size_v = 128};
  EXPECT_EQ(HeadsPerToken(heads, KvDtype::kInt8PerTokenHead, 1).value(),
            Bytes(264));
  EXPECT_EQ(HeadsPerToken(heads, KvDtype::kFp8PerTokenHead, 1).value(),
            Bytes(264));
  EXPECT_EQ(HeadsPerToken(heads, KvDtype::kInt4PerTokenHead, 1).value(),
            Bytes(136));
  // 4.5 bits an element.
  EXPECT_EQ(HeadsPerToken(heads, KvDtype::kNvfp4, 1).value(), Bytes(144));
}

TEST(KvPageTest, RanksBeyondTheKvHeadsHoldCopies) {
  EXPECT_EQ(HeadsPerToken(Llama8b(), KvDtype::kBf16, 2).value(), Bytes(2048));
  EXPECT_EQ(HeadsPerToken(Llama8b(), KvDtype::kBf16, 8).value(), Bytes(512));
  EXPECT_EQ(HeadsPerToken(Llama8b(), KvDtype::kBf16, 16).value(), Bytes(512));
  EXPECT_EQ(HeadsPerToken(Llama8b(), KvDtype::kBf16, 32).value(), Bytes(512));
}

TEST(KvPageTest, HeadsThatDoNotSplitAreRefused) {
  ExpectInvalid(HeadsPerToken(Llama8b(), KvDtype::kBf16, 3), "query_heads 32");
  AttentionHeads heads = Llama8b();
  heads.query_heads = 48;
  ExpectInvalid(HeadsPerToken(heads, KvDtype::kBf16, 3), "kv_heads 8");
  ExpectInvalid(HeadsPerToken(heads, KvDtype::kBf16, 0), "tensor_parallel");
  heads.head_size_v = 0;
  ExpectInvalid(HeadsPerToken(heads, KvDtype::kBf16, 1), "head_size_v");
  heads.head_size_v = 80;
  ExpectInvalid(HeadsPerToken(heads, KvDtype::kQ8_0, 1), "head_size_v 80");
  ExpectInvalid(HeadsPerToken(Llama8b(), KvDtype::kFp8DsMla, 1), "latents");
}

TEST(KvPageTest, SizesThatWrapAreRefused) {
  AttentionHeads heads = Llama8b();
  heads.query_heads = 0;
  heads.kv_heads = kMax;
  ExpectInvalid(HeadsPerToken(heads, KvDtype::kBf16, 1), "2^64");
  heads.kv_heads = 1;
  heads.head_size_k = heads.head_size_v = uint64_t{1} << 63;
  ExpectInvalid(HeadsPerToken(heads, KvDtype::kFp8, 1), "2^64");
  ExpectInvalid(
      LatentPerToken({.rank = kMax, .rope_size = 1}, KvDtype::kFp8, 1), "2^64");
  ExpectInvalid(
      StateSize(
          Mamba1State{.inner_size = kMax, .state_size = 2, .conv_kernel = 4},
          {}, 1),
      "2^64");
}

// DeepSeek V3, V3.2 and V4 as vLLM stores them.
TEST(KvPageTest, LatentsAreWholeOnEveryRank) {
  const LatentAttention latent = {
      .query_heads = 128, .rank = 512, .rope_size = 64};
  EXPECT_EQ(LatentPerToken(latent, KvDtype::kBf16, 1).value(), Bytes(1152));
  EXPECT_EQ(LatentPerToken(latent, KvDtype::kBf16, 8).value(), Bytes(1152));
  EXPECT_EQ(LatentPerToken(latent, KvDtype::kFp8, 8).value(), Bytes(576));
  EXPECT_EQ(LatentPerToken(latent, KvDtype::kFp8DsMla, 8).value(), Bytes(656));
  ExpectInvalid(LatentPerToken(latent, KvDtype::kBf16, 3), "query_heads 128");
  EXPECT_EQ(CompressedLatentRecord({.head_size = 512, .rope_size = 64}).value(),
            Bytes(584));
  ExpectInvalid(CompressedLatentRecord({.head_size = 64, .rope_size = 512}),
                "rope_size 512");
}

TEST(KvPageTest, IndexersHaveADtypeOfTheirOwn) {
  EXPECT_EQ(IndexerPerToken({.head_size = 128}).value(), Bytes(132));
  EXPECT_EQ(IndexerPerToken({.head_size = 128,
                             .storage = SparseIndexer::Storage::kComputeDtype})
                .value(),
            Bytes(256));
  ExpectInvalid(IndexerPerToken({}), "head_size");
}

// State bytes that vLLM 0.32 gives for Jamba, Qwen3-Next, Mamba-Codestral,
// Granite 4 H small and Kimi K3.
TEST(KvPageTest, StatesAreVllmsOwn) {
  const Mamba1State jamba = {
      .inner_size = 8192, .state_size = 16, .conv_kernel = 4};
  EXPECT_EQ(StateSize(jamba, {}, 1).value(), Bytes(311296));
  EXPECT_EQ(StateSize(jamba, {}, 8).value(), Bytes(38912));
  EXPECT_EQ(StateSize(jamba, {.element_bytes = 4}, 1).value(), Bytes(573440));

  const DeltaNetState next = {.key_heads = 16,
                              .value_heads = 32,
                              .key_head_size = 128,
                              .value_head_size = 128,
                              .conv_kernel = 4};
  EXPECT_EQ(StateSize(next, {}, 1).value(), Bytes(1097728));
  EXPECT_EQ(StateSize(next, {}, 8).value(), Bytes(137216));
  EXPECT_EQ(StateSize(next, {.draft_tokens = 1}, 1).value(), Bytes(1114112));
  EXPECT_EQ(StateSize(next, {.draft_tokens = 2}, 1).value(), Bytes(1130496));

  const Mamba2State codestral = {.heads = 128,
                                 .head_size = 64,
                                 .state_size = 128,
                                 .groups = 8,
                                 .conv_kernel = 4};
  EXPECT_EQ(StateSize(codestral, {}, 1).value(), Bytes(2158592));
  EXPECT_EQ(StateSize(codestral, {}, 8).value(), Bytes(269824));

  EXPECT_EQ(
      StateSize(KimiDeltaState{.heads = 96, .head_size = 128, .conv_kernel = 4},
                {.element_bytes = 4}, 8)
          .value(),
      Bytes(814080));
}

// One group is on every rank: 10,240 / 8 channels and not 8,448 / 8.
TEST(KvPageTest, GroupsThatDoNotSplitAreOnEveryRank) {
  const Mamba2State granite = {.heads = 128,
                               .head_size = 64,
                               .state_size = 128,
                               .groups = 1,
                               .conv_kernel = 4};
  EXPECT_EQ(StateSize(granite, {}, 8).value(),
            Bytes(3 * 1280 * 2 + 16 * 64 * 128 * 2));
}

TEST(KvPageTest, StatesThatDoNotSplitAreRefused) {
  ExpectInvalid(StateSize(DeltaNetState{.key_heads = 16,
                                        .value_heads = 32,
                                        .key_head_size = 128,
                                        .value_head_size = 128,
                                        .conv_kernel = 4},
                          {}, 32),
                "key_heads 16");
  ExpectInvalid(StateSize(KimiDeltaState{.heads = 96, .head_size = 128}, {}, 1),
                "conv_kernel");
  ExpectInvalid(StateSize(Mamba2State{.heads = 6,
                                      .head_size = 64,
                                      .state_size = 128,
                                      .groups = 1,
                                      .conv_kernel = 4},
                          {}, 4),
                "heads 6");
}

}  // namespace
}  // namespace governor
