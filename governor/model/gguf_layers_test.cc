#include "governor/model/gguf_layers.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "governor/model/byte_source.h"
#include "governor/model/family_ggufs.h"
#include "governor/model/gguf_shape.h"
#include "governor/model/gguf_writer.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using Kv = std::vector<KvSpec>;

const AttentionHeads kHeads = {
    .query_heads = 4, .kv_heads = 2, .head_size_k = 2, .head_size_v = 2};
const Kv kFull = {FullAttention{kHeads}};
const Kv kWindow = {SlidingWindow{kHeads, 16}};
const Kv kNothing = {};

GgufWriter Family(const std::string& architecture) {
  return FamilyGgufs().at(architecture);
}

absl::StatusOr<ModelShape> ShapeOf(const GgufWriter& writer) {
  const std::string bytes = writer.Write();
  const absl::StatusOr<Gguf> gguf = ParseGguf(MemoryByteSource(bytes));
  if (!gguf.ok()) return gguf.status();
  return ShapeOfGguf(*gguf);
}

std::vector<Kv> KvOf(const std::vector<LayerShape>& layers) {
  std::vector<Kv> kv;
  for (const LayerShape& layer : layers) kv.push_back(layer.kv);
  return kv;
}

// What each layer remembers; one empty entry in a failed test where refused.
std::vector<Kv> KvOf(const GgufWriter& writer) {
  const absl::StatusOr<ModelShape> shape = ShapeOf(writer);
  EXPECT_TRUE(shape.ok()) << shape.status();
  return shape.ok() ? KvOf(shape->layers) : std::vector<Kv>(1);
}

std::vector<Kv> Repeat(const std::vector<Kv>& group, size_t count) {
  std::vector<Kv> all;
  for (size_t i = 0; i < count; ++i) all.push_back(group[i % group.size()]);
  return all;
}

void ExpectRefused(const GgufWriter& writer, const std::string& what,
                   const std::string& also = "",
                   absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
  const absl::Status status = ShapeOf(writer).status();
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(what), HasSubstr(also)));
}

// `field` of `architecture` as `value` instead of what it was.
GgufWriter With(const std::string& architecture, const std::string& field,
                uint32_t value) {
  const std::string key = absl::StrCat(architecture, ".", field);
  return Family(architecture).Remove(key).SetU32(key, value);
}

GgufWriter Without(const std::string& architecture, const std::string& field) {
  return Family(architecture).Remove(absl::StrCat(architecture, ".", field));
}

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

const LatentAttention kLatent = {.query_heads = 4, .rank = 6, .rope_size = 2};

TEST(GgufLayersTest, DeepSeek2KeepsLatentsIfConvertedForThem) {
  EXPECT_EQ(KvOf(Family("deepseek2")), Repeat({{kLatent}}, 2));
  GgufWriter old = Family("deepseek2");
  for (const std::string field : {"head_count_kv", "key_length", "value_length",
                                  "key_length_mla", "value_length_mla"}) {
    old.Remove("deepseek2.attention." + field);
  }
  old.SetU32("deepseek2.attention.key_length", 4)
      .SetU32("deepseek2.attention.value_length", 3);
  const Kv heads = {FullAttention{
      {.query_heads = 4, .kv_heads = 4, .head_size_k = 4, .head_size_v = 3}}};
  EXPECT_EQ(KvOf(old), Repeat({heads}, 2));
}

TEST(GgufLayersTest, LatentsThatCannotBeAreRefused) {
  ExpectRefused(With("deepseek2", "attention.kv_lora_rank", 0),
                "deepseek2.attention.kv_lora_rank is 0");
  ExpectRefused(With("deepseek2", "attention.kv_lora_rank", 8),
                "key_length 8 must be above", "kv_lora_rank 8");
  ExpectRefused(With("deepseek2", "rope.dimension_count", 3),
                "rope.dimension_count is 3", "is 2");
  ExpectRefused(With("deepseek2", "attention.value_length_mla", 0),
                "key_length_mla is 4", "value_length_mla is 0");
  ExpectRefused(With("deepseek2", "attention.head_count_kv", 4),
                "head_count_kv is 4");
  ExpectRefused(Without("deepseek2", "attention.key_length"),
                "deepseek2.attention.key_length is missing");
}

TEST(GgufLayersTest, ASparseIndexerKeepsKeysInTheTrunkOnly) {
  LatentAttention sparse = kLatent;
  sparse.sparse = true;
  const SparseIndexer indexer = {
      .head_size = 16, .storage = SparseIndexer::Storage::kComputeDtype};
  const absl::StatusOr<ModelShape> shape = ShapeOf(Family("deepseek32"));
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(KvOf(shape->layers), Repeat({{sparse, indexer}}, 2));
  EXPECT_EQ(KvOf(shape->draft_layers), Repeat({{kLatent}}, 1));
  // The second layer uses what the first one's indexer chose.
  EXPECT_EQ(KvOf(Family("glm-dsa")),
            (std::vector<Kv>{{sparse, indexer}, {sparse}}));
  EXPECT_EQ(KvOf(Without("glm-dsa", "attention.indexer.types")),
            Repeat({{sparse, indexer}}, 2));
  ExpectRefused(Without("glm-dsa", "attention.indexer.types")
                    .Remove("glm-dsa.context_length")
                    .SetU32("glm-dsa.context_length", 1 << 20),
                "glm-dsa.attention.indexer.types is missing");
  ExpectRefused(With("deepseek32", "attention.indexer.key_length", 0),
                "indexer.key_length is 0");
}

TEST(GgufLayersTest, DeepSeek4CompressesByLayer) {
  CompressedLatent latent = {.head_size = 8, .rope_size = 2, .window = 16};
  std::vector<Kv> expected = {{latent}};
  latent.compress_ratio = 4;
  latent.index_head_size = 16;
  expected.push_back({latent});
  latent.compress_ratio = 128;
  latent.index_head_size = 0;
  expected.push_back({latent});
  EXPECT_EQ(KvOf(Family("deepseek4")), expected);

  const std::string key = "deepseek4.attention.compress_ratios";
  ExpectRefused(Family("deepseek4").Remove(key), key, "3 layers, but is none");
  ExpectRefused(Family("deepseek4").Remove(key).SetU32s(key, {0, 4}), key,
                "has 2");
  ExpectRefused(Family("deepseek4").Remove(key).SetU32s(key, {0, 4, 8}),
                key + "[2] is 8", "", absl::StatusCode::kUnimplemented);
  ExpectRefused(With("deepseek4", "attention.sliding_window", 0),
                "sliding_window is 0");
}

const Mamba1State kMamba1 = {
    .inner_size = 16, .state_size = 3, .conv_kernel = 4};
const Mamba2State kMamba2 = {
    .heads = 8, .head_size = 2, .state_size = 3, .groups = 2, .conv_kernel = 4};

TEST(GgufLayersTest, MambaKeepsAStateInEveryLayer) {
  EXPECT_EQ(KvOf(Family("mamba")), Repeat({{kMamba1}}, 2));
  EXPECT_EQ(KvOf(Family("mamba2")), Repeat({{kMamba2}}, 2));
}

TEST(GgufLayersTest, HybridsKeepAStateWhereThereAreNoKvHeads) {
  EXPECT_EQ(KvOf(Family("jamba")), (std::vector<Kv>{{kMamba1}, kFull}));
  EXPECT_EQ(KvOf(Family("granitehybrid")), (std::vector<Kv>{{kMamba2}, kFull}));
  EXPECT_EQ(KvOf(Family("nemotron_h")),
            (std::vector<Kv>{{kMamba2}, kNothing, kFull}));
  EXPECT_EQ(KvOf(Family("falcon-h1")),
            Repeat({{FullAttention{kHeads}, kMamba2}}, 2));
  ExpectRefused(Without("jamba", "attention.head_count_kv"),
                "jamba.attention.head_count_kv is missing");
  ExpectRefused(Family("jamba")
                    .Remove("jamba.attention.head_count_kv")
                    .SetU32s("jamba.attention.head_count_kv", {0, 2, 0}),
                "array of 3 uint32", "block_count is 2");
  ExpectRefused(Family("nemotron_h")
                    .Remove("nemotron_h.feed_forward_length")
                    .SetU32s("nemotron_h.feed_forward_length", {0}),
                "feed_forward_length is an array of 1");
}

TEST(GgufLayersTest, StatesOfNoSizeAreRefused) {
  for (const std::string field :
       {"ssm.conv_kernel", "ssm.inner_size", "ssm.state_size",
        "ssm.group_count", "ssm.time_step_rank"}) {
    ExpectRefused(With("mamba2", field, 0), "mamba2." + field + " is 0");
    ExpectRefused(Without("mamba2", field), "mamba2." + field + " is missing");
  }
  ExpectRefused(With("mamba2", "ssm.time_step_rank", 5),
                "ssm.inner_size 16 must be a multiple", "time_step_rank 5");
  ExpectRefused(With("kimi-linear", "kda.head_dim", 0), "kda.head_dim is 0");
}

TEST(GgufLayersTest, Qwen3NextHasOneFullLayerInFourOrAsListed) {
  const Kv state = {DeltaNetState{.key_heads = 2,
                                  .value_heads = 8,
                                  .key_head_size = 3,
                                  .value_head_size = 2,
                                  .conv_kernel = 4}};
  EXPECT_EQ(KvOf(Family("qwen3next")), Repeat({state, state, state, kFull}, 5));
  EXPECT_EQ(
      KvOf(Family("qwen3next").SetU32("qwen3next.full_attention_interval", 2)),
      Repeat({state, kFull}, 5));
  EXPECT_EQ(KvOf(Family("qwen3next")
                     .SetFlags("qwen3next.attention.recurrent_layers",
                               {false, true, true, false, true})),
            (std::vector<Kv>{kFull, state, state, kFull, state}));
  ExpectRefused(
      Family("qwen3next").SetU32("qwen3next.full_attention_interval", 0),
      "full_attention_interval is 0");
}

TEST(GgufLayersTest, KimiLinearHasLatentsWhereItHasNoState) {
  const Kv state = {
      KimiDeltaState{.heads = 4, .head_size = 2, .conv_kernel = 4}};
  EXPECT_EQ(KvOf(Family("kimi-linear")), (std::vector<Kv>{state, {kLatent}}));
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
