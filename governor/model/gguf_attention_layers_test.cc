#include "governor/model/gguf_attention_layers.h"

#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "governor/model/byte_source.h"
#include "governor/model/gguf_layers.h"
#include "governor/model/gguf_writer.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<std::vector<LayerShape>> LayersOf(const GgufWriter& writer) {
  const std::string bytes = writer.Write();
  const absl::StatusOr<Gguf> gguf = ParseGguf(MemoryByteSource(bytes));
  if (!gguf.ok()) return gguf.status();
  const absl::StatusOr<GgufFields> fields = GgufFields::Create(*gguf);
  if (!fields.ok()) return fields.status();
  const GgufArchitecture* architecture =
      FindGgufArchitecture(fields->architecture());
  if (architecture == nullptr) return absl::NotFoundError("architecture");
  absl::StatusOr<GgufLayers> layers =
      ReadGgufLayers(*gguf, *fields, *architecture);
  if (!layers.ok()) return layers.status();
  return layers->layers;
}

AttentionHeads Layer(const absl::StatusOr<std::vector<LayerShape>>& layers,
                     size_t index) {
  return std::get<FullAttention>(layers.value()[index].kv[0]).heads;
}

// TinyLlama with `key` set to something else.
GgufWriter With(absl::string_view key, uint32_t value) {
  return TinyLlama().Remove(key).SetU32(key, value);
}

void ExpectRefused(const GgufWriter& writer, const std::string& what,
                   absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
  const absl::Status status = LayersOf(writer).status();
  EXPECT_EQ(status.code(), code) << what << ": " << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(what));
}

TEST(GgufAttentionLayersTest, HeadSizesDefaultToTheEmbeddingOverTheHeads) {
  const auto layers = LayersOf(TinyLlama());
  ASSERT_TRUE(layers.ok()) << layers.status();
  ASSERT_EQ(layers->size(), 2u);
  EXPECT_EQ(Layer(layers, 0), (AttentionHeads{4, 2, 16, 16}));
}

TEST(GgufAttentionLayersTest, KvHeadsDefaultToQueryHeads) {
  GgufWriter writer = TinyLlama().Remove("llama.attention.head_count_kv");
  for (GgufWriter::Tensor& tensor : writer.tensors()) {
    if (tensor.dimensions == std::vector<uint64_t>{64, 32}) {
      tensor.dimensions = {64, 64};
    }
  }
  const auto layers = LayersOf(writer);
  ASSERT_TRUE(layers.ok()) << layers.status();
  EXPECT_EQ(Layer(layers, 0).kv_heads, 4u);
}

// Qwen3 gives head sizes that are not the embedding over the heads.
TEST(GgufAttentionLayersTest, DeclaredHeadSizesWin) {
  GgufWriter writer = TinyLlama();
  writer.SetU32("llama.attention.key_length", 24)
      .SetU32("llama.attention.value_length", 8);
  for (GgufWriter::Tensor& tensor : writer.tensors()) {
    if (tensor.name.ends_with("attn_k.weight")) {
      tensor.dimensions = {64, 48};
    }
    if (tensor.name.ends_with("attn_v.weight")) {
      tensor.dimensions = {64, 16};
    }
  }
  const auto layers = LayersOf(writer);
  ASSERT_TRUE(layers.ok()) << layers.status();
  EXPECT_EQ(Layer(layers, 1), (AttentionHeads{4, 2, 24, 8}));
}

TEST(GgufAttentionLayersTest, HeadCountsMayDifferByLayer) {
  const char kKey[] = "llama.attention.head_count_kv";
  GgufWriter writer = TinyLlama().Remove(kKey).SetU32s(kKey, {2, 4});
  for (GgufWriter::Tensor& tensor : writer.tensors()) {
    if (tensor.name == "blk.1.attn_k.weight" ||
        tensor.name == "blk.1.attn_v.weight") {
      tensor.dimensions = {64, 64};
    }
  }
  const auto layers = LayersOf(writer);
  ASSERT_TRUE(layers.ok()) << layers.status();
  EXPECT_EQ(Layer(layers, 0).kv_heads, 2u);
  EXPECT_EQ(Layer(layers, 1).kv_heads, 4u);

  ExpectRefused(TinyLlama().Remove(kKey).SetU32s(kKey, {2}), "array of 1");
  ExpectRefused(TinyLlama().Remove(kKey).SetU32s(kKey, {2, 0}),
                "head_count_kv[1] is 0");
}

TEST(GgufAttentionLayersTest, EveryArchitectureOfHeadsAloneReadsItsOwnKeys) {
  int seen = 0;
  for (const GgufArchitecture& architecture : GgufArchitectures()) {
    if (architecture.memory != GgufMemory::kHeads ||
        architecture.windows.size != GgufWindows::Size::kNever) {
      continue;
    }
    ++seen;
    GgufWriter writer;
    const std::string prefix = std::string(architecture.name) + ".";
    writer.SetString("general.architecture", architecture.name)
        .SetU32(prefix + "block_count", 1)
        .SetU32(prefix + "embedding_length", 64)
        .SetU32(prefix + "attention.head_count", 4)
        .Add({"blk.0.attn_k.weight", {64, 64}});
    const auto layers = LayersOf(writer);
    ASSERT_TRUE(layers.ok()) << layers.status();
    EXPECT_EQ(Layer(layers, 0), (AttentionHeads{4, 4, 16, 16}));
  }
  EXPECT_GT(seen, 50);
}

TEST(GgufAttentionLayersTest, ArchitecturesAreThereOnce) {
  for (const GgufArchitecture& architecture : GgufArchitectures()) {
    EXPECT_EQ(FindGgufArchitecture(architecture.name), &architecture)
        << architecture.name;
  }
  EXPECT_EQ(FindGgufArchitecture("squid"), nullptr);
}

TEST(GgufAttentionLayersTest, ZeroIsNamed) {
  for (const std::string key :
       {"llama.block_count", "llama.embedding_length",
        "llama.attention.head_count", "llama.attention.head_count_kv",
        "llama.attention.key_length", "llama.attention.value_length"}) {
    ExpectRefused(With(key, 0), key + " is 0");
  }
}

TEST(GgufAttentionLayersTest, AbsenceAndWrongTypesAreNamed) {
  for (const std::string key : {"llama.block_count", "llama.embedding_length",
                                "llama.attention.head_count"}) {
    ExpectRefused(TinyLlama().Remove(key), key + " is missing");
    ExpectRefused(TinyLlama().Remove(key).SetString(key, "many"),
                  key + " is 'many'");
    ExpectRefused(TinyLlama().Remove(key).Set(
                      key, ByteWriter().Type(GgufType::kInt32).U32(UINT32_MAX)),
                  key + " is -1");
  }
}

TEST(GgufAttentionLayersTest, HeadsThatDoNotDivideAreNamed) {
  ExpectRefused(With("llama.attention.head_count", 6),
                "embedding_length 64 is no multiple");
  ExpectRefused(With("llama.attention.head_count_kv", 3), "head_count_kv 3");
  ExpectRefused(With("llama.attention.head_count_kv", 8), "head_count_kv 8");
}

TEST(GgufAttentionLayersTest, TensorsAndBlockCountMustAgree) {
  ExpectRefused(With("llama.block_count", 1), "'blk.1.attn_norm.weight'");
  ExpectRefused(With("llama.block_count", 3), "'blk.2.*'");
  ExpectRefused(With("llama.block_count", UINT32_MAX), "4294967295");
  GgufWriter writer = TinyLlama();
  writer.Add({"blk.7.attn_norm.weight", {64}});
  ExpectRefused(writer, "'blk.7.attn_norm.weight'");
  // A number that does not fit is no layer, and does not become one.
  writer.tensors().back().name = "blk.18446744073709551616.x";
  EXPECT_TRUE(LayersOf(writer).ok());
}

// Halving head_count_kv would halve the KV cache: the tensors know better.
TEST(GgufAttentionLayersTest, TensorsAndHeadsMustAgree) {
  ExpectRefused(With("llama.attention.head_count_kv", 1),
                "'blk.0.attn_k.weight' has 32 rows, but 1 KV heads");
  ExpectRefused(With("llama.attention.value_length", 8),
                "'blk.0.attn_v.weight' has 32 rows");
  ExpectRefused(With("llama.attention.key_length", UINT32_MAX),
                "'blk.0.attn_k.weight'");
}

}  // namespace
}  // namespace governor
