#include "governor/model/read_model.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "governor/model/gguf_writer.h"
#include "governor/model/safetensors_writer.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

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

// The smallest Llama: one layer, 2 KV heads of 8.
void WriteFolder(const std::string& folder, const std::string& file,
                 const std::string& model_type) {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/config.json")
      << R"({"model_type": ")" << model_type << R"(", "hidden_size": 32,
             "num_attention_heads": 4, "num_key_value_heads": 2,
             "num_hidden_layers": 1, "max_position_embeddings": 256,
             "vocab_size": 100})";
  SafetensorsWriter()
      .Add("model.embed_tokens.weight", "BF16", {100, 32})
      .Add("model.layers.0.self_attn.k_proj.weight", "BF16", {16, 32})
      .WriteSparse(folder + "/" + file);
}

TEST(ReadModelTest, AFolderAndItsFileAreTheSameModel) {
  const std::string folder = testing::TempDir() + "/read_model_test_folder";
  WriteFolder(folder, "model.safetensors", "llama");
  for (const std::string& path :
       {folder, folder + "/", folder + "/model.safetensors"}) {
    const absl::StatusOr<ModelShape> shape = ReadModelShape(path);
    ASSERT_TRUE(shape.ok()) << shape.status();
    EXPECT_EQ(shape->parameters, 116u * 32);
    EXPECT_EQ(shape->weights, Bytes(116 * 64));
  }
}

TEST(ReadModelTest, AFileWithoutASuffixIsKnownByItsFirstBytes) {
  const std::string folder = testing::TempDir() + "/read_model_test_blob";
  WriteFolder(folder, "blob", "llama");
  const absl::StatusOr<ModelShape> shape = ReadModelShape(folder + "/blob");
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->weights, Bytes(116 * 64));
  std::ofstream(folder + "/blob", std::ios::binary) << TinyLlama().Write();
  EXPECT_EQ(ReadModelShape(folder + "/blob")->parameters, 42'304u);
}

TEST(ReadModelTest, AnUnknownFamilyIsReadWhenToldTo) {
  const std::string folder = testing::TempDir() + "/read_model_test_family";
  WriteFolder(folder, "model.safetensors", "no_such_family");
  const absl::Status status = ReadModelShape(folder).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("no_such_family"), HasSubstr(folder)));
  const absl::StatusOr<ModelShape> shape =
      ReadModelShape(folder, {.assume_gqa = true});
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->layers.size(), 1u);
}

TEST(ReadModelTest, ANameOnAHubIsNoPath) {
  const absl::Status status = ReadModelShape("Qwen/Qwen3-0.6B").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("'Qwen/Qwen3-0.6B'"),
                    HasSubstr("local paths, not from a hub")));
  for (const char* path : {"./absent", "/absent", "~/absent", "a/b/c",
                           "models/absent.gguf", "absent"}) {
    EXPECT_THAT(std::string(ReadModelShape(path).status().message()),
                AllOf(HasSubstr(path), Not(HasSubstr("hub"))));
  }
}

}  // namespace
}  // namespace governor
