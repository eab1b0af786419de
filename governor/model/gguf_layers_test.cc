#include "governor/model/gguf_layers.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "governor/model/family_kv.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::HasSubstr;

TEST(GgufLayersTest, EveryFamilyHasAModelThatIsRead) {
  for (const auto& [architecture, writer] : FamilyGgufs()) {
    const absl::StatusOr<ModelShape> shape = ShapeOf(writer);
    ASSERT_TRUE(shape.ok()) << architecture << ": " << shape.status();
    EXPECT_EQ(shape->architecture, architecture);
    EXPECT_EQ(shape->compute_dtype, "float16");
  }
}

TEST(GgufLayersTest, LlamaKeepsEverythingInEveryLayer) {
  EXPECT_EQ(KvOf(Family("llama")), Repeat({kFull}, 2));
}

TEST(GgufLayersTest, ALayerWithoutKvHeadsKeepsNothingWhereThatIsKnown) {
  AttentionHeads one = kHeads;
  one.kv_heads = 1;
  EXPECT_EQ(KvOf(Family("deci")),
            (std::vector<Kv>{kFull, kNothing, {FullAttention{one}}}));
  ExpectRefused(Family("llama")
                    .Remove("llama.attention.head_count_kv")
                    .SetU32s("llama.attention.head_count_kv", {2, 0}),
                "llama.attention.head_count_kv[1] is 0");
}

TEST(GgufLayersTest, WindowsAlternateInGemma2WithADefaultSize) {
  const Kv window = {SlidingWindow{kHeads, 4096}};
  EXPECT_EQ(KvOf(Family("gemma2")), Repeat({window, kFull}, 4));
  EXPECT_EQ(
      KvOf(Family("gemma2").SetU32("gemma2.attention.sliding_window", 16)),
      Repeat({kWindow, kFull}, 4));
}

TEST(GgufLayersTest, Gemma3HasFiveWindowsForOneFullLayerOrNone) {
  EXPECT_EQ(KvOf(Family("gemma3")),
            Repeat({kWindow, kWindow, kWindow, kWindow, kWindow, kFull}, 7));
  EXPECT_EQ(KvOf(With("gemma3", "attention.sliding_window", 0)),
            Repeat({kFull}, 7));
  EXPECT_EQ(KvOf(Without("gemma3", "attention.sliding_window")),
            Repeat({kFull}, 7));
}

TEST(GgufLayersTest, APatternInTheFileReplacesTheArchitectures) {
  const std::string key = "gemma3.attention.sliding_window_pattern";
  EXPECT_EQ(KvOf(Family("gemma3").SetU32(key, 2)), Repeat({kWindow, kFull}, 7));
  EXPECT_EQ(KvOf(Family("gemma3").SetU32(key, 1)), Repeat({kFull}, 7));
  EXPECT_EQ(KvOf(Family("gemma3").SetFlags(
                key, {true, true, false, true, true, false, true})),
            Repeat({kWindow, kWindow, kFull}, 7));
  EXPECT_EQ(KvOf(Family("gemma3").SetU32s(key, {1, 0, 1, 0, 1, 0, 1})),
            Repeat({kWindow, kFull}, 7));
}

TEST(GgufLayersTest, APatternThatCannotBeIsRefused) {
  const std::string key = "gemma3.attention.sliding_window_pattern";
  ExpectRefused(Family("gemma3").SetU32(key, 0), key + " is 0");
  ExpectRefused(Family("gemma3").SetU32(key, 8), key + " is 8", "layers, 7");
  ExpectRefused(Family("gemma3").SetString(key, "LLG"), key + " is 'LLG'");
  ExpectRefused(Family("gemma3").SetFlags(key, {true, false}),
                "array of 2 bool", "block_count is 7");
  ExpectRefused(Family("gemma3").SetU32s(key, {1, 0, 2, 0, 1, 0, 1}),
                key + "[2] is 2");
}

TEST(GgufLayersTest, ALastLayerSharedByGemma3nKeepsNothing) {
  std::vector<Kv> expected =
      Repeat({kWindow, kWindow, kWindow, kWindow, kFull}, 20);
  expected.resize(22);
  EXPECT_EQ(KvOf(Family("gemma3n")), expected);
}

TEST(GgufLayersTest, Gemma4HasOtherHeadsInItsWindows) {
  const Kv window = {SlidingWindow{
      {.query_heads = 4, .kv_heads = 2, .head_size_k = 4, .head_size_v = 4},
      16}};
  const Kv full = {FullAttention{
      {.query_heads = 4, .kv_heads = 1, .head_size_k = 8, .head_size_v = 8}}};
  EXPECT_EQ(KvOf(Family("gemma4")),
            (std::vector<Kv>{window, full, window, kNothing}));
  ExpectRefused(With("gemma4", "attention.shared_kv_layers", 4),
                "shared_kv_layers is 4", "block_count 4");
  ExpectRefused(Without("gemma4", "attention.sliding_window_pattern"),
                "gemma4.attention.sliding_window_pattern must be an array");
  ExpectRefused(With("gemma4", "attention.key_length_swa", 0),
                "gemma4.attention.key_length_swa is 0");
}

TEST(GgufLayersTest, AWindowThatMustBeThereIsAskedFor) {
  ExpectRefused(Without("gpt-oss", "attention.sliding_window"),
                "gpt-oss.attention.sliding_window is missing");
  ExpectRefused(With("gpt-oss", "attention.sliding_window", 0),
                "gpt-oss.attention.sliding_window is 0");
  ExpectRefused(Family("gemma2").SetU32("gemma2.attention.sliding_window", 0),
                "gemma2.attention.sliding_window is 0");
}

TEST(GgufLayersTest, GptOssStartsWithAWindowCohere2MoeWithAFullLayer) {
  EXPECT_EQ(KvOf(Family("gpt-oss")), Repeat({kWindow, kFull}, 4));
  EXPECT_EQ(KvOf(Family("cohere2moe")),
            Repeat({kFull, kWindow, kWindow, kWindow}, 5));
}

TEST(GgufLayersTest, Exaone4HasWindowsWith64LayersOnly) {
  EXPECT_EQ(KvOf(Family("exaone4")), Repeat({kFull}, 2));
  GgufWriter large = With("exaone4", "block_count", 64);
  for (int i = 2; i < 64; ++i) {
    large.Add({absl::StrCat("blk.", i, ".attn_norm.weight"), {8}});
  }
  EXPECT_EQ(KvOf(large), Repeat({kWindow, kWindow, kWindow, kFull}, 64));
}

TEST(GgufLayersTest, Llama4HasChunksUnlessTheFileSaysNoWindow) {
  const Kv chunk = {ChunkedAttention{kHeads, 8192}};
  EXPECT_EQ(KvOf(Family("llama4")), Repeat({chunk, chunk, chunk, kFull}, 5));
  EXPECT_EQ(KvOf(Family("llama4").SetU32("llama4.attention.sliding_window", 0)),
            Repeat({kFull}, 5));
}

// llama.cpp keeps all of Phi 3 too.
TEST(GgufLayersTest, AWindowThatLlamaCppIgnoresIsNoted) {
  const absl::StatusOr<ModelShape> shape =
      ShapeOf(Family("llama").SetU32("llama.attention.sliding_window", 4096));
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(KvOf(shape->layers), Repeat({kFull}, 2));
  ASSERT_EQ(shape->notes.size(), 1u);
  EXPECT_THAT(shape->notes[0],
              HasSubstr("llama.attention.sliding_window is 4096"));
  EXPECT_TRUE(ShapeOf(Family("llama"))->notes.empty());
}

TEST(GgufLayersTest, DraftingLayersAreNotOfTheTrunk) {
  const absl::StatusOr<ModelShape> shape = ShapeOf(Family("glm4moe"));
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(KvOf(shape->layers), Repeat({kFull}, 2));
  EXPECT_EQ(KvOf(shape->draft_layers), Repeat({kFull}, 1));
  EXPECT_EQ(shape->draft_layers[0].weights, Bytes(8 * 4));
  ExpectRefused(With("glm4moe", "nextn_predict_layers", 3),
                "nextn_predict_layers is 3", "block_count 3");
}

TEST(GgufLayersTest, TensorsMustFitWhatTheLayerRemembers) {
  struct Case {
    std::string architecture;
    GgufWriter::Tensor tensor;
    std::string why;
  };
  const std::vector<Case> cases = {
      {"llama", {"blk.1.attn_k.weight", {8, 6}}, "make 4"},
      {"llama", {"blk.1.attn_v.weight", {8, 8}}, "make 4"},
      {"llama", {"blk.0.attn_qkv.weight", {8, 24}}, "make 16"},
      {"gemma4", {"blk.0.attn_k.weight", {8, 4}}, "make 8"},
      {"deepseek2", {"blk.0.attn_kv_a_mqa.weight", {8, 6}}, "make 8"},
      {"deepseek32", {"blk.0.indexer.attn_k.weight", {8, 8}}, "make 16"},
      {"mamba", {"blk.0.ssm_conv1d.weight", {4, 8}}, "make 16"},
      {"mamba2", {"blk.0.ssm_conv1d.weight", {4, 16}}, "make 28"},
      {"qwen3next", {"blk.0.ssm_conv1d.weight", {4, 16}}, "make 28"},
      {"llama", {"blk.2.attn_norm.weight", {8}}, "block_count is 2"},
  };
  for (const Case& c : cases) {
    ExpectRefused(Family(c.architecture).Add(c.tensor), c.tensor.name, c.why);
  }
}

TEST(GgufLayersTest, TensorsThatFitAreTaken) {
  const std::vector<std::pair<std::string, GgufWriter::Tensor>> cases = {
      {"llama", {"blk.1.attn_k.weight", {8, 4}}},
      {"llama", {"blk.0.attn_qkv.weight", {8, 16}}},
      {"gemma4", {"blk.0.attn_k.weight", {8, 8}}},
      // Shares what an earlier layer keeps; not compared.
      {"gemma4", {"blk.3.attn_k.weight", {8, 2}}},
      {"deepseek2", {"blk.0.attn_kv_a_mqa.weight", {8, 8}}},
      {"deepseek32", {"blk.0.indexer.attn_k.weight", {8, 16}}},
      {"mamba", {"blk.0.ssm_conv1d.weight", {4, 16}}},
      {"mamba2", {"blk.0.ssm_conv1d.weight", {4, 28}}},
      {"qwen3next", {"blk.0.ssm_conv1d.weight", {4, 28}}},
  };
  for (const auto& [architecture, tensor] : cases) {
    EXPECT_TRUE(ShapeOf(Family(architecture).Add(tensor)).ok())
        << architecture << " " << tensor.name;
  }
}

TEST(GgufLayersTest, ALayerWithoutTensorsIsRefusedUnlessItDrafts) {
  GgufWriter writer = Family("llama");
  writer.tensors()[2].name = "other";
  ExpectRefused(writer, "no tensor is named 'blk.1.*'");
  writer = Family("glm4moe");
  writer.tensors()[3].name = "other";
  EXPECT_TRUE(ShapeOf(writer).ok());
}

TEST(GgufLayersTest, MoreLayersThanTensorsAreRefusedBeforeAnythingIsMade) {
  ExpectRefused(With("llama", "block_count", 0xFFFFFFFF),
                "block_count is 4294967295", "only 3 tensors");
}

TEST(GgufLayersTest, HeadsThatCannotBeAreRefused) {
  ExpectRefused(With("llama", "attention.head_count_kv", 3),
                "head_count 4 must be a multiple", "head_count_kv 3");
  ExpectRefused(With("llama", "attention.head_count_kv", 8),
                "head_count 4 must be a multiple", "head_count_kv 8");
  ExpectRefused(With("llama", "embedding_length", 9),
                "embedding_length 9 is no multiple");
  ExpectRefused(Without("llama", "attention.head_count"),
                "llama.attention.head_count is missing");
  ExpectRefused(Family("llama")
                    .Remove("llama.attention.head_count_kv")
                    .SetU32s("llama.attention.head_count_kv", {2, 2, 2}),
                "array of 3 uint32", "block_count is 2");
}

}  // namespace
}  // namespace governor
