#include "governor/model/read_model.h"

#include <cstdint>
#include <fstream>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "governor/model/byte_source.h"
#include "governor/model/gguf_writer.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

absl::StatusOr<ModelShape> ShapeOf(const GgufWriter& writer) {
  const std::string bytes = writer.Write();
  const absl::StatusOr<Gguf> gguf = ParseGguf(MemoryByteSource(bytes));
  if (!gguf.ok()) return gguf.status();
  return ShapeOfGguf(*gguf);
}

TEST(ReadModelTest, ShapeOfATinyLlama) {
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

TEST(ReadModelTest, DtypesAreToldApart) {
  GgufWriter writer = TinyLlama();
  writer.tensors()[0].type = 8;  // Q8_0
  const absl::StatusOr<ModelShape> shape = ShapeOf(writer);
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->weights_by_dtype.at("Q8_0"), Bytes(8192 / 32 * 34));
  EXPECT_EQ(shape->weights_by_dtype.at("F32"), Bytes((42'304 - 8192) * 4));
  EXPECT_EQ(shape->weights, Bytes(8192 / 32 * 34 + (42'304 - 8192) * 4));
}

TEST(ReadModelTest, VocabularyComesFromTheTokenizerOrTheEmbeddingElse) {
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

TEST(ReadModelTest, AnUnknownArchitectureIsNamedWithTheKnown) {
  const absl::Status status =
      ShapeOf(TinyLlama()
                  .Remove("general.architecture")
                  .SetString("general.architecture", "mamba"))
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("general.architecture"), HasSubstr("'mamba'"),
                    HasSubstr("llama, qwen2")));
}

TEST(ReadModelTest, ArchitectureMustBeThereAndText) {
  GgufWriter writer = TinyLlama();
  writer.Remove("general.architecture");
  EXPECT_EQ(ShapeOf(writer).status().code(),
            absl::StatusCode::kInvalidArgument);
  writer.SetU32("general.architecture", 7);
  EXPECT_EQ(ShapeOf(writer).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ReadModelTest, OnePartOfASplitModelIsNotTakenForTheWhole) {
  GgufWriter writer = TinyLlama();
  writer.SetU32("split.count", 1);
  EXPECT_TRUE(ShapeOf(writer).ok());
  const absl::Status status =
      ShapeOf(writer.Remove("split.count").SetU32("split.count", 3)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("split.count is 3"));
}

TEST(ReadModelTest, ANameThatIsNotUtf8IsEscaped) {
  EXPECT_EQ(
      ShapeOf(
          TinyLlama().Remove("general.name").SetString("general.name", "a\xFF"))
          ->name,
      "a\\xff");
  EXPECT_EQ(ShapeOf(TinyLlama().Remove("general.name"))->name, "");
}

TEST(ReadModelTest, ReadsAFileAndNamesItInErrors) {
  const std::string path = testing::TempDir() + "/read_model_test.gguf";
  std::ofstream(path, std::ios::binary) << TinyLlama().Write();
  const absl::StatusOr<ModelShape> shape = ReadModelShape(path);
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->parameters, 42'304u);

  std::ofstream(path, std::ios::binary)
      << TinyLlama().Remove("llama.block_count").Write();
  absl::Status status = ReadModelShape(path).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(path), HasSubstr("llama.block_count")));

  std::ofstream(path, std::ios::binary) << "not a model";
  status = ReadModelShape(path).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(path));
  EXPECT_EQ(ReadModelShape(path + ".absent").status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace governor
