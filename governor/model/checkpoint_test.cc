#include "governor/model/checkpoint.h"

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "governor/model/file_byte_source.h"
#include "governor/model/safetensors_writer.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A folder of its own for each test.
class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest()
      : folder_(absl::StrCat(
            testing::TempDir(), "/checkpoint_",
            testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    Write("config.json", "{}");
  }
  ~CheckpointTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(absl::string_view file) const {
    return absl::StrCat(folder_, "/", file);
  }
  void Write(absl::string_view file, absl::string_view text) const {
    std::ofstream(Path(file), std::ios::binary) << text;
  }
  void Write(const ShardWriters& shards) const {
    for (const auto& [file, shard] : shards) shard.WriteSparse(Path(file));
  }
  void WriteIndexed(const ShardWriters& shards) const {
    Write(shards);
    Write("model.safetensors.index.json", IndexOf(shards));
  }

  void ExpectRefused(absl::StatusCode code, const std::string& message) const {
    const absl::Status status = ReadCheckpoint(folder_).status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(message), HasSubstr(folder_)));
  }

  const std::string folder_;
};

// Three shards of two tensors: `a0` and `b0` in the first, and so on.
ShardWriters ThreeShards() {
  ShardWriters shards;
  for (int i = 0; i < 3; ++i) {
    shards[ShardName(i + 1, 3)]
        .Add(absl::StrCat("a", i), "BF16", {8})
        .Add(absl::StrCat("b", i), "F32", {uint64_t{1} << 20});
  }
  return shards;
}

constexpr absl::StatusCode kBad = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kAbsent = absl::StatusCode::kNotFound;

TEST_F(CheckpointTest, ReadsTheShardsThatTheIndexNames) {
  WriteIndexed(ThreeShards());
  Write("consolidated.safetensors", "not even read");
  const absl::StatusOr<Checkpoint> model = ReadCheckpoint(folder_);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->config_path, Path("config.json"));
  ASSERT_EQ(model->shards.size(), 3u);
  EXPECT_EQ(model->shards[2].file, ShardName(3, 3));
  EXPECT_EQ(model->shards[2].header.tensor_count(), 2u);
  EXPECT_TRUE(model->notes.empty());
  EXPECT_EQ(model->Find("b1", 0)->size, MiB(4));
  EXPECT_EQ(model->Find("b1", 1)->name, "b1");
  EXPECT_FALSE(model->Find("c1", 2));
}

TEST_F(CheckpointTest, WithoutAnIndexTheFilesAreTheShards) {
  Write(ThreeShards());
  const absl::StatusOr<Checkpoint> model = ReadCheckpoint(folder_ + "/");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->shards.size(), 3u);
}

TEST_F(CheckpointTest, OneFileHasItsConfigBesideIt) {
  SafetensorsWriter writer;
  writer.Add("a", "U8", {8}).WriteSparse(Path("model.safetensors"));
  const absl::StatusOr<Checkpoint> model =
      ReadCheckpoint(Path("model.safetensors"));
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->config_path, Path("config.json"));
  ASSERT_EQ(model->shards.size(), 1u);
  EXPECT_EQ(model->shards[0].file, "model.safetensors");
}

TEST_F(CheckpointTest, OneOfSeveralShardsIsNotTakenForTheModel) {
  WriteIndexed(ThreeShards());
  const absl::Status status = ReadCheckpoint(Path(ShardName(2, 3))).status();
  EXPECT_EQ(status.code(), kBad);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("one of 3 files of its model; give the path of the "
                        "folder"));
}

TEST_F(CheckpointTest, AConfigAloneHasNoShards) {
  const absl::StatusOr<Checkpoint> model = ReadCheckpoint(folder_);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_TRUE(model->shards.empty());
}

TEST_F(CheckpointTest, FoldersWithoutAModel) {
  EXPECT_EQ(ReadCheckpoint(Path("absent")).status().code(), kAbsent);
  std::filesystem::remove(Path("config.json"));
  ExpectRefused(kAbsent, "the folder is empty");
  Write("pytorch_model.bin", "PK");
  ExpectRefused(absl::StatusCode::kUnimplemented,
                "convert them to safetensors");
  std::filesystem::remove(Path("pytorch_model.bin"));
  Write("model.gguf", "GGUF");
  ExpectRefused(kBad, "give the path of one of them");
}

TEST_F(CheckpointTest, MissingShardsAreCountedAndTheFirstIsNamed) {
  WriteIndexed(ThreeShards());
  std::filesystem::remove(Path(ShardName(2, 3)));
  std::filesystem::remove(Path(ShardName(3, 3)));
  ExpectRefused(kAbsent, absl::StrCat("shard '", ShardName(2, 3),
                                      "' is missing (2 of 3 are)"));
  std::filesystem::remove(Path("model.safetensors.index.json"));
  ExpectRefused(kAbsent, "part 2 of 3 of 'model' is missing");
}

TEST_F(CheckpointTest, ShardsAndIndexHoldTheSameTensors) {
  const ShardWriters shards = ThreeShards();
  ShardWriters other = shards;
  other[ShardName(2, 3)].Add("c", "U8", {1});
  Write(shards);
  Write("model.safetensors.index.json", IndexOf(other));
  ExpectRefused(kBad,
                absl::StrCat("tensor 'c' is not in shard '", ShardName(2, 3),
                             "', where the index has it"));
  WriteIndexed(shards);
  Write(other);
  ExpectRefused(kBad, absl::StrCat("tensor 'c' is in shard '", ShardName(2, 3),
                                   "', but the index does not have it there"));
}

TEST_F(CheckpointTest, ATensorInTwoShardsIsRefused) {
  ShardWriters shards = ThreeShards();
  const std::string index = IndexOf(shards);
  shards[ShardName(3, 3)].Add("b0", "U8", {1});
  Write(shards);
  ExpectRefused(kBad, absl::StrCat("tensor 'b0' is in both '", ShardName(1, 3),
                                   "' and '", ShardName(3, 3), "'"));
  Write("model.safetensors.index.json", index);
  ExpectRefused(
      kBad, absl::StrCat("tensor 'b0' is in shard '", ShardName(3, 3), "'"));
}

TEST_F(CheckpointTest, HeadersAreBelievedAboutTheTotal) {
  Write(ThreeShards());
  std::string index = IndexOf(ThreeShards());
  const std::string total = "\"total_size\": 12582960";
  ASSERT_THAT(index, HasSubstr(total));
  index.replace(index.find(total), total.size(), "\"total_size\": 7");
  Write("model.safetensors.index.json", index);
  const absl::StatusOr<Checkpoint> model = ReadCheckpoint(folder_);
  ASSERT_TRUE(model.ok()) << model.status();
  ASSERT_EQ(model->notes.size(), 1u);
  EXPECT_THAT(model->notes[0],
              AllOf(HasSubstr("7 bytes"), HasSubstr("12582960")));
}

TEST_F(CheckpointTest, LinksAreFollowedAsInAHubCache) {
  std::filesystem::create_directories(Path("blobs"));
  std::filesystem::create_directories(Path("snapshot"));
  const ShardWriters shards = ThreeShards();
  int blob = 0;
  for (const auto& [file, shard] : shards) {
    const std::string name = absl::StrCat("blobs/", blob++);
    shard.WriteSparse(Path(name));
    std::filesystem::create_symlink("../" + name, Path("snapshot/" + file));
  }
  Write("blobs/index", IndexOf(shards));
  std::filesystem::create_symlink(
      "../blobs/index", Path("snapshot/model.safetensors.index.json"));
  const absl::StatusOr<Checkpoint> model = ReadCheckpoint(Path("snapshot"));
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->shards.size(), 3u);
}

TEST_F(CheckpointTest, LinksInACircleAreAnError) {
  const auto circle = [this](const std::string& name) {
    std::filesystem::remove(Path(name));
    std::filesystem::create_symlink(name, Path(name));
  };
  circle("loop");
  EXPECT_THAT(std::string(ReadCheckpoint(Path("loop")).status().message()),
              HasSubstr("Too many levels of symbolic links"));
  circle("loop.safetensors");
  EXPECT_THAT(
      std::string(ReadCheckpoint(Path("loop.safetensors")).status().message()),
      HasSubstr("Too many levels of symbolic links"));
  WriteIndexed(ThreeShards());
  circle(ShardName(2, 3));
  absl::Status status = ReadCheckpoint(folder_).status();
  EXPECT_FALSE(absl::IsNotFound(status));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(ShardName(2, 3)),
                    HasSubstr("Too many levels of symbolic links")));
  circle("model.safetensors.index.json");
  status = ReadCheckpoint(folder_).status();
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("Too many levels of symbolic links"));
}

TEST_F(CheckpointTest, OnlyRegularFilesAreShards) {
  WriteIndexed(ThreeShards());
  const std::string shard = Path(ShardName(2, 3));
  std::filesystem::remove(shard);
  ASSERT_EQ(mkfifo(shard.c_str(), 0600), 0);
  ExpectRefused(kBad, "is a pipe");
  std::filesystem::remove(shard);
  std::filesystem::create_directory(shard);
  ExpectRefused(kBad, "is a directory");
  std::filesystem::remove(shard);
  std::filesystem::create_symlink("/dev/zero", shard);
  ExpectRefused(kBad, "is a character device");
  std::filesystem::remove(shard);
  Write(ShardName(2, 3), "");
  ExpectRefused(kBad, "is empty");
}

TEST_F(CheckpointTest, ADamagedShardIsNamedWithItsReason) {
  WriteIndexed(ThreeShards());
  Write(ShardName(3, 3), "version https://git-lfs.github.com/spec/v1\n");
  ExpectRefused(kBad, "Git LFS");
  ExpectRefused(kBad, ShardName(3, 3));
  std::filesystem::remove(Path("model.safetensors.index.json"));
  ExpectRefused(kBad, "Git LFS");
}

TEST_F(CheckpointTest, ADamagedIndexIsAnErrorNotASuggestion) {
  Write(ThreeShards());
  Write("model.safetensors.index.json", "{\"weight_map\": {}}");
  ExpectRefused(kBad, "names no tensor");
  ExpectRefused(kBad, "model.safetensors.index.json");
}

TEST_F(CheckpointTest, AnIndexThatIsAnLfsPointerSaysSo) {
  Write(ThreeShards());
  Write("model.safetensors.index.json",
        "version https://git-lfs.github.com/spec/v1\n");
  ExpectRefused(kBad, "git lfs pull");
  ExpectRefused(kBad, "model.safetensors.index.json: cannot read");
}

TEST_F(CheckpointTest, AnEntryOfACacheNamesTheFolderOfARevision) {
  std::filesystem::remove(Path("config.json"));
  for (const char* each : {"blobs", "refs", "snapshots"}) {
    std::filesystem::create_directories(Path(each));
  }
  ExpectRefused(kAbsent, "no revision under snapshots");
  std::filesystem::create_directories(Path("snapshots/b1946ac9"));
  ExpectRefused(kBad, Path("snapshots/b1946ac9") + "'");
  std::filesystem::create_directories(Path("snapshots/591785b7"));
  ExpectRefused(kBad, Path("snapshots/591785b7") + "' or one of 1 others");
}

}  // namespace
}  // namespace governor
