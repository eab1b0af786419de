#include "governor/model/gguf_shape.h"

#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "governor/model/byte_source.h"
#include "governor/model/gguf_writer.h"
#include "governor/model/hostile_gguf_shape.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

absl::StatusOr<ModelShape> ShapeOf(const GgufWriter& writer,
                                   const GgufOptions& options = {}) {
  const std::string bytes = writer.Write();
  const absl::StatusOr<Gguf> gguf = ParseGguf(MemoryByteSource(bytes));
  if (!gguf.ok()) return gguf.status();
  return ShapeOfGguf(*gguf, options);
}

TEST(GgufShapeTest, ShapeOfATinyLlama) {
  const absl::StatusOr<ModelShape> shape = ShapeOf(TinyLlama());
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->architecture, "llama");
  EXPECT_EQ(shape->name, "Tiny");
  EXPECT_EQ(shape->parameters, 42'304u);
  EXPECT_EQ(shape->weights, Bytes(42'304 * 4));
  EXPECT_EQ(shape->weights_by_dtype,
            (std::map<std::string, Bytes>{{"F32", Bytes(42'304 * 4)}}));
  EXPECT_EQ(shape->embedding_length, 64u);
  EXPECT_EQ(shape->context_length, 256u);
  EXPECT_EQ(shape->vocabulary_size, 128u);
  ASSERT_EQ(shape->layers.size(), 2u);
  EXPECT_EQ(std::get<FullAttention>(shape->layers[1].kv[0]),
            (FullAttention{{.query_heads = 4,
                            .kv_heads = 2,
                            .head_size_k = 16,
                            .head_size_v = 16}}));
}

TEST(GgufShapeTest, DtypesAreToldApart) {
  GgufWriter writer = TinyLlama();
  writer.tensors()[0].type = 8;  // Q8_0
  const absl::StatusOr<ModelShape> shape = ShapeOf(writer);
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->weights_by_dtype.at("Q8_0"), Bytes(8192 / 32 * 34));
  EXPECT_EQ(shape->weights_by_dtype.at("F32"), Bytes((42'304 - 8192) * 4));
  EXPECT_EQ(shape->weights, Bytes(8192 / 32 * 34 + (42'304 - 8192) * 4));
}

TEST(GgufShapeTest, VocabularyComesFromTheTokenizerOrTheEmbeddingElse) {
  GgufWriter writer = TinyLlama();
  writer.Remove("llama.vocab_size");
  EXPECT_EQ(ShapeOf(writer)->vocabulary_size, 128u);
  ByteWriter tokens;
  tokens.Type(GgufType::kArray).Type(GgufType::kString).U64(2);
  writer.Set("tokenizer.ggml.tokens", tokens.String("a").String("b"));
  EXPECT_EQ(ShapeOf(writer)->vocabulary_size, 2u);
  writer.Remove("tokenizer.ggml.tokens").tensors()[0].name = "other";
  EXPECT_EQ(ShapeOf(writer).status().code(),
            absl::StatusCode::kInvalidArgument);
}

GgufWriter Unknown(const std::string& architecture) {
  GgufWriter writer;
  return writer.SetString("general.architecture", architecture)
      .SetU32(architecture + ".block_count", 1)
      .SetU32(architecture + ".context_length", 256)
      .SetU32(architecture + ".embedding_length", 8)
      .SetU32(architecture + ".attention.head_count", 4)
      .SetU32(architecture + ".vocab_size", 4)
      .Add({"blk.0.attn_norm.weight", {8}});
}

TEST(GgufShapeTest, AnUnknownArchitectureIsNamedWithTheWayOut) {
  const absl::Status status = ShapeOf(Unknown("squid")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("general.architecture"), HasSubstr("'squid'"),
                    HasSubstr("that are known"), HasSubstr("--assume-gqa")));
}

TEST(GgufShapeTest, AnUnknownArchitectureIsFullAttentionWhereSoAsked) {
  const absl::StatusOr<ModelShape> shape =
      ShapeOf(Unknown("squid"), {.assume_gqa = true});
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->architecture, "squid");
  EXPECT_TRUE(std::holds_alternative<FullAttention>(shape->layers[0].kv.at(0)));
  ASSERT_EQ(shape->notes.size(), 1u);
  EXPECT_THAT(shape->notes[0],
              AllOf(HasSubstr("'squid'"), HasSubstr("full attention")));
  // A name that could not be shown is not taken.
  EXPECT_EQ(ShapeOf(Unknown("s\n"), {.assume_gqa = true}).status().code(),
            absl::StatusCode::kUnimplemented);
}

TEST(GgufShapeTest, WeightsAreByLayerAndOutsideOfThem) {
  GgufWriter writer = TinyLlama();
  writer.Add({"output.weight", {64, 128}})
      .Add({"rope_freqs.weight", {8}})
      .Add({"per_layer_token_embd.weight", {4, 128}});
  const absl::StatusOr<ModelShape> shape = ShapeOf(writer);
  ASSERT_TRUE(shape.ok()) << shape.status();
  const uint64_t norms = 2 * 64;
  const uint64_t matrices =
      64 * 64 + 2 * 64 * 32 + 64 * 64 + 2 * 64 * 24 + 24 * 64;
  for (const LayerShape& layer : shape->layers) {
    EXPECT_EQ(layer.weights, Bytes(4 * (norms + matrices)));
    EXPECT_EQ(layer.replicated_weights, Bytes(4 * norms));
  }
  EXPECT_EQ(shape->outer.embedding, Bytes(4 * (64 * 128 + 4 * 128)));
  EXPECT_EQ(shape->outer.head, Bytes(4 * 64 * 128));
  EXPECT_EQ(shape->outer.replicated, Bytes(4 * (64 + 8)));
  EXPECT_EQ(shape->weights, shape->layers[0].weights +
                                shape->layers[1].weights +
                                shape->outer.embedding + shape->outer.head +
                                shape->outer.replicated);
  EXPECT_TRUE(shape->has_weights);
  EXPECT_EQ(shape->expert_weights, Bytes());
}

TEST(GgufShapeTest, ExpertsAreCountedAndRoutersAreOnEveryRank) {
  GgufWriter writer = TinyLlama();
  writer.SetU32("llama.expert_count", 8)
      .SetU32("llama.expert_used_count", 2)
      .Add({"blk.0.ffn_gate_inp.weight", {64, 8}})
      .Add({"blk.0.ffn_up_exps.weight", {64, 4, 8}})
      .Add({"blk.0.ffn_up_exps.bias", {4, 8}})
      // As old Mixtral files have them.
      .Add({"blk.1.ffn_up.7.weight", {64, 4}})
      .Add({"blk.1.ffn_norm_exps.weight", {64}})
      .Add({"blk.1.ffn_up_shexp.weight", {64, 4}});
  const absl::StatusOr<ModelShape> dense = ShapeOf(TinyLlama());
  const absl::StatusOr<ModelShape> shape = ShapeOf(writer);
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(dense->experts, 0u);
  EXPECT_EQ(shape->experts, 8u);
  EXPECT_EQ(shape->experts_per_token, 2u);
  EXPECT_EQ(shape->expert_weights, Bytes(4 * (64 * 4 * 8 + 4 * 8 + 64 * 4)));
  EXPECT_EQ(shape->layers[0].replicated_weights,
            dense->layers[0].replicated_weights + Bytes(4 * 64 * 8));
  EXPECT_EQ(shape->layers[1].replicated_weights,
            dense->layers[1].replicated_weights + Bytes(4 * 64));
}

TEST(GgufShapeTest, LatentProjectionsAndIndexersAreOnEveryRank) {
  GgufWriter writer = TinyLlama();
  const Bytes before = ShapeOf(writer)->layers[0].replicated_weights;
  writer.Add({"blk.0.attn_kv_a_mqa.weight", {64, 4}})
      .Add({"blk.0.indexer.attn_q_b.weight", {64, 4}})
      .Add({"blk.0.attn_k_b.weight", {64, 4}})
      .Add({"blk.0.attn_q.bias", {64, 2}});
  EXPECT_EQ(ShapeOf(writer)->layers[0].replicated_weights,
            before + Bytes(4 * (64 * 4 + 64 * 4 + 64 * 2)));
}

TEST(GgufShapeTest, ExpertsPerTokenMustBeAmongTheExperts) {
  for (const uint32_t used : {0u, 9u}) {
    const absl::Status status =
        ShapeOf(TinyLlama()
                    .SetU32("llama.expert_count", 8)
                    .SetU32("llama.expert_used_count", used))
            .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(absl::StrCat("expert_used_count is ", used)),
                      HasSubstr("expert_count 8")));
  }
  // One count for each layer; the largest decides.
  EXPECT_EQ(ShapeOf(TinyLlama()
                        .SetU32("llama.expert_count", 8)
                        .SetU32s("llama.expert_used_count", {2, 4}))
                ->experts_per_token,
            4u);
}

// Each case of the hostile list, by name.
class HostileGgufShapeTest : public testing::TestWithParam<HostileGguf> {};

TEST_P(HostileGgufShapeTest, IsRefusedByName) {
  const HostileGguf& hostile = GetParam();
  EXPECT_LE(hostile.bytes.size(), 4096u);
  const absl::StatusOr<Gguf> gguf = ParseGguf(MemoryByteSource(hostile.bytes));
  ASSERT_TRUE(gguf.ok()) << gguf.status();
  const absl::Status status = ShapeOfGguf(*gguf).status();
  EXPECT_EQ(status.code(), hostile.code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(hostile.message));
}

INSTANTIATE_TEST_SUITE_P(All, HostileGgufShapeTest,
                         testing::ValuesIn(HostileGgufShapes()),
                         [](const auto& info) { return info.param.name; });

TEST(GgufShapeTest, ArchitectureMustBeThereAndText) {
  GgufWriter writer = TinyLlama();
  writer.Remove("general.architecture");
  EXPECT_EQ(ShapeOf(writer).status().code(),
            absl::StatusCode::kInvalidArgument);
  writer.SetU32("general.architecture", 7);
  EXPECT_EQ(ShapeOf(writer).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(GgufShapeTest, OnePartOfASplitModelIsNotTakenForTheWhole) {
  GgufWriter writer = TinyLlama();
  writer.SetU32("split.count", 1);
  EXPECT_TRUE(ShapeOf(writer).ok());
  const absl::Status status =
      ShapeOf(writer.Remove("split.count").SetU32("split.count", 3)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("split.count is 3"));
}

TEST(GgufShapeTest, ANameThatIsNotUtf8IsEscaped) {
  EXPECT_EQ(
      ShapeOf(
          TinyLlama().Remove("general.name").SetString("general.name", "a\xFF"))
          ->name,
      "a\\xff");
  EXPECT_EQ(ShapeOf(TinyLlama().Remove("general.name"))->name, "");
}

}  // namespace
}  // namespace governor
