#include "governor/model/checkpoint_shape.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "governor/model/byte_source.h"
#include "governor/model/file_byte_source.h"
#include "governor/model/safetensors_writer.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Counts what is read, and of which files.
class ReadLog {
 public:
  struct File {
    uint64_t bytes = 0;
    uint64_t last = 0;
  };
  std::map<std::string, File> files;  // by path

  OpenSource opener() {
    return [this](const std::string& path)
               -> absl::StatusOr<std::unique_ptr<ByteSource>> {
      absl::StatusOr<std::unique_ptr<ByteSource>> source = OpenFileSource(path);
      if (!source.ok()) return source.status();
      return std::make_unique<Logged>(*std::move(source), files[path]);
    };
  }
  uint64_t bytes() const {
    uint64_t sum = 0;
    for (const auto& [path, file] : files) sum += file.bytes;
    return sum;
  }

 private:
  class Logged final : public ByteSource {
   public:
    Logged(std::unique_ptr<ByteSource> source, File& file)
        : source_(std::move(source)), file_(file) {}
    Bytes size() const override { return source_->size(); }
    absl::Status ReadAt(uint64_t offset, absl::Span<char> out) const override {
      file_.bytes += out.size();
      file_.last = std::max(file_.last, offset + out.size());
      return source_->ReadAt(offset, out);
    }

   private:
    std::unique_ptr<ByteSource> source_;
    File& file_;
  };
};

class CheckpointShapeTest : public testing::Test {
 protected:
  CheckpointShapeTest()
      : folder_(absl::StrCat(
            testing::TempDir(), "/checkpoint_shape_",
            testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~CheckpointShapeTest() override { std::filesystem::remove_all(folder_); }

  void Write(absl::string_view file, absl::string_view text) const {
    std::ofstream(absl::StrCat(folder_, "/", file), std::ios::binary) << text;
  }
  // Llama of so many layers; 8 KV heads of 128.
  void WriteConfig(int layers) const {
    Write("config.json", absl::StrCat(R"({"architectures": ["LlamaForCausalLM"],
            "model_type": "llama", "hidden_size": 4096, "head_dim": 128,
            "num_attention_heads": 32, "num_key_value_heads": 8,
            "intermediate_size": 14336, "max_position_embeddings": 131072,
            "torch_dtype": "bfloat16", "tie_word_embeddings": false,
            "vocab_size": 128256, "num_hidden_layers": )",
                                      layers, "}"));
  }
  uint64_t WriteShards(const ShardWriters& shards) const {
    uint64_t headers = 0;
    for (const auto& [file, shard] : shards) {
      shard.WriteSparse(absl::StrCat(folder_, "/", file));
      headers += shard.Header().size();
    }
    const std::string index = IndexOf(shards);
    Write("model.safetensors.index.json", index);
    return headers + index.size();
  }
  uint64_t SizeOf(absl::string_view file) const {
    return std::filesystem::file_size(absl::StrCat(folder_, "/", file));
  }

  const std::string folder_;
};

// One layer a shard, as Llama-3.1-8B has them; embedding, norm and head with
// the first.
ShardWriters LayersInShards(int layers) {
  ShardWriters shards;
  for (int i = 0; i < layers; ++i) {
    SafetensorsWriter& shard = shards[ShardName(i + 1, layers)];
    if (i == 0) {
      shard.Add("model.embed_tokens.weight", "BF16", {128256, 4096})
          .Add("model.norm.weight", "BF16", {4096})
          .Add("lm_head.weight", "BF16", {128256, 4096});
    }
    const std::string layer = absl::StrCat("model.layers.", i, ".");
    shard.Add(layer + "self_attn.q_proj.weight", "BF16", {4096, 4096})
        .Add(layer + "self_attn.k_proj.weight", "BF16", {1024, 4096})
        .Add(layer + "self_attn.v_proj.weight", "BF16", {1024, 4096})
        .Add(layer + "self_attn.o_proj.weight", "BF16", {4096, 4096})
        .Add(layer + "mlp.gate_proj.weight", "BF16", {14336, 4096})
        .Add(layer + "mlp.up_proj.weight", "BF16", {14336, 4096})
        .Add(layer + "mlp.down_proj.weight", "BF16", {4096, 14336})
        .Add(layer + "input_layernorm.weight", "BF16", {4096})
        .Add(layer + "post_attention_layernorm.weight", "BF16", {4096});
  }
  return shards;
}

// Llama-3.1-8B has 8,030,261,248 parameters (its model card's 8.03 B).
TEST_F(CheckpointShapeTest, AWholeModel) {
  WriteConfig(32);
  WriteShards(LayersInShards(32));
  const absl::StatusOr<ModelShape> shape = ReadCheckpointShape(folder_, {});
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->parameters, 8'030'261'248u);
  EXPECT_EQ(shape->weights, Bytes(2 * 8'030'261'248));
  EXPECT_TRUE(shape->has_weights);
  EXPECT_EQ(shape->layers.size(), 32u);
  EXPECT_EQ(shape->layers[7].weights, Bytes(2 * 218'112'000));
  EXPECT_EQ(shape->layers[7].kv.size(), 1u);
  EXPECT_EQ(shape->outer.embedding, shape->outer.head);
  EXPECT_EQ(shape->vocabulary_size, 128'256u);
}

// AT-37b: exact bytes from headers alone. The files are sparse: 16 GB of data
// that would read as zeros.
TEST_F(CheckpointShapeTest, At37bFortyShardsAreExactWithoutReadingTensors) {
  WriteConfig(40);
  const ShardWriters shards = LayersInShards(40);
  const uint64_t headers = WriteShards(shards);
  ReadLog log;
  const absl::StatusOr<ModelShape> shape =
      ReadCheckpointShape(folder_, {}, log.opener());
  ASSERT_TRUE(shape.ok()) << shape.status();
  uint64_t expected = 0;
  for (const auto& [file, shard] : shards) expected += shard.TrueDataSize();
  EXPECT_EQ(shape->weights, Bytes(expected));
  EXPECT_EQ(log.bytes(), headers + SizeOf("config.json"));
  for (const auto& [file, shard] : shards) {
    const ReadLog::File& read = log.files[absl::StrCat(folder_, "/", file)];
    EXPECT_EQ(read.bytes, shard.Header().size()) << file;
    EXPECT_EQ(read.last, shard.Header().size()) << file;
  }
}

TEST_F(CheckpointShapeTest, AThousandShardsReadNoMoreThanTheirHeaders) {
  WriteConfig(1000);
  const uint64_t headers = WriteShards(LayersInShards(1000));
  ReadLog log;
  const absl::StatusOr<ModelShape> shape =
      ReadCheckpointShape(folder_, {}, log.opener());
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(log.files.size(), 1002u);
  EXPECT_LE(log.bytes(), headers + SizeOf("config.json"));
}

TEST_F(CheckpointShapeTest, AConfigAloneIsAShapeWithoutWeights) {
  WriteConfig(32);
  const absl::StatusOr<ModelShape> shape = ReadCheckpointShape(folder_, {});
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_FALSE(shape->has_weights);
  EXPECT_TRUE(shape->weights.is_zero());
  EXPECT_EQ(shape->layers.size(), 32u);
}

TEST_F(CheckpointShapeTest, WeightsNeedAConfig) {
  WriteShards(LayersInShards(2));
  const absl::Status status = ReadCheckpointShape(folder_, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("no config.json"), HasSubstr(folder_)));
}

TEST_F(CheckpointShapeTest, AConfigOfFourMebibytesIsTheLimit) {
  WriteConfig(2);
  WriteShards(LayersInShards(2));
  std::filesystem::resize_file(folder_ + "/config.json", (4 << 20) + 1);
  const absl::Status status = ReadCheckpointShape(folder_, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("4194305 bytes, and the limit is 4194304"));
}

TEST_F(CheckpointShapeTest, AConfigOfAnotherModelIsRefused) {
  WriteConfig(3);
  WriteShards(LayersInShards(2));
  absl::Status status = ReadCheckpointShape(folder_, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("layer 2"), HasSubstr(folder_)));
  WriteConfig(1);
  status = ReadCheckpointShape(folder_, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("1 layers"));
}

TEST_F(CheckpointShapeTest, AConfigThatIsNoneIsNamedAndExplained) {
  WriteShards(LayersInShards(2));
  const struct {
    const char* text;
    const char* why;
  } kCases[] = {
      {"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
      {"<!DOCTYPE html>", "an HTML page"},
      {R"({"model_type": "lla)", "cut short"},
      {"", "is empty"},
      {R"({"model_type": "no_such_family"})", "no_such_family"},
  };
  for (const auto& c : kCases) {
    Write("config.json", c.text);
    EXPECT_THAT(
        std::string(ReadCheckpointShape(folder_, {}).status().message()),
        AllOf(HasSubstr("config.json"), HasSubstr(c.why), HasSubstr(folder_)));
  }
}

}  // namespace
}  // namespace governor
