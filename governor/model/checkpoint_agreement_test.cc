#include "governor/model/checkpoint_agreement.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "governor/model/byte_source.h"
#include "governor/model/safetensors_writer.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kK[] = "model.layers.0.self_attn.k_proj.weight";
constexpr char kV[] = "model.layers.0.self_attn.v_proj.weight";
constexpr char kLatent[] = "model.layers.0.self_attn.kv_a_proj_with_mqa.weight";

// A model of one layer that keeps `kv`, with one tensor.
absl::Status Check(std::vector<KvSpec> kv, const std::string& name,
                   const std::string& dtype, std::vector<uint64_t> dimensions,
                   ModelShape* out = nullptr) {
  Checkpoint checkpoint;
  const std::string bytes =
      SafetensorsWriter().Add(name, dtype, std::move(dimensions)).Write();
  absl::StatusOr<Safetensors> header =
      ParseSafetensors(MemoryByteSource(bytes));
  EXPECT_TRUE(header.ok()) << header.status();
  checkpoint.shards.push_back({"model.safetensors", *std::move(header)});
  ModelShape shape;
  shape.vocabulary_size = 100;
  shape.layers.push_back({.kv = std::move(kv)});
  const absl::Status status = CheckAgreement(checkpoint, shape);
  if (out != nullptr) *out = shape;
  return status;
}

AttentionHeads Heads() {
  return {.query_heads = 8, .kv_heads = 2, .head_size_k = 16, .head_size_v = 8};
}

TEST(CheckpointAgreementTest, RowsOfKAndVAreHeadsTimesSize) {
  for (const KvSpec& kv :
       {KvSpec(FullAttention{Heads()}), KvSpec(SlidingWindow{Heads(), 128}),
        KvSpec(ChunkedAttention{Heads(), 128})}) {
    for (const std::string dtype : {"BF16", "F8_E4M3"}) {
      EXPECT_TRUE(Check({kv}, kK, dtype, {32, 64}).ok());
      EXPECT_TRUE(Check({kv}, kV, dtype, {16, 64}).ok());
      const absl::Status status = Check({kv}, kK, dtype, {64, 64});
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
      EXPECT_THAT(std::string(status.message()),
                  AllOf(HasSubstr("2 KV heads of 16"), HasSubstr(kK),
                        HasSubstr("would have 32 rows, but it has 64")));
      EXPECT_FALSE(Check({kv}, kV, dtype, {32, 64}).ok());
    }
  }
}

TEST(CheckpointAgreementTest, RowsOfALatentAreRankAndRotatedPart) {
  const KvSpec latent =
      LatentAttention{.query_heads = 8, .rank = 512, .rope_size = 64};
  EXPECT_TRUE(Check({latent}, kLatent, "BF16", {576, 64}).ok());
  EXPECT_TRUE(Check({latent, SparseIndexer{.head_size = 128}}, kLatent, "BF16",
                    {576, 64})
                  .ok());
  EXPECT_THAT(
      std::string(Check({latent}, kLatent, "BF16", {512, 64}).message()),
      HasSubstr("512 + 64"));
}

// Packed ones have other shapes, other layers other k_projs.
TEST(CheckpointAgreementTest, WhatCannotBeComparedIsLeftAlone) {
  const KvSpec full = FullAttention{Heads()};
  EXPECT_TRUE(Check({full}, kK, "U8", {7, 64}).ok());
  EXPECT_TRUE(Check({full}, kK, "F4", {7, 64}).ok());
  EXPECT_TRUE(Check({full}, kK, "BF16", {7}).ok());
  EXPECT_TRUE(Check({full}, "model.layers.0.self_attn.k_proj.weight_scale_inv",
                    "F32", {7, 64})
                  .ok());
  EXPECT_TRUE(Check({}, kK, "BF16", {7, 64}).ok());
  EXPECT_TRUE(Check({Mamba2State{}}, kK, "BF16", {7, 64}).ok());
  EXPECT_TRUE(
      Check({full, CrossAttention{Heads(), 1500}}, kK, "BF16", {7, 64}).ok());
  EXPECT_TRUE(Check({full}, "vision_tower.layers.0.self_attn.k_proj.weight",
                    "BF16", {7, 64})
                  .ok());
}

TEST(CheckpointAgreementTest, AVocabularyMayBePaddedButNotCut) {
  const std::string embedding = "model.embed_tokens.weight";
  ModelShape shape;
  EXPECT_TRUE(Check({}, embedding, "BF16", {100, 64}, &shape).ok());
  EXPECT_TRUE(shape.notes.empty());
  EXPECT_TRUE(Check({}, embedding, "BF16", {128, 64}, &shape).ok());
  EXPECT_EQ(shape.vocabulary_size, 100u);
  ASSERT_EQ(shape.notes.size(), 1u);
  EXPECT_THAT(shape.notes[0],
              AllOf(HasSubstr("vocabulary of 100"), HasSubstr("128 rows")));
  const absl::Status status = Check({}, embedding, "BF16", {99, 64});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("100 tokens"), HasSubstr("99 rows")));
}

}  // namespace
}  // namespace governor
