#include "governor/model/gguf_split.h"

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "governor/model/gguf_shape.h"
#include "governor/model/gguf_writer.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A directory of its own for each test.
class GgufSplitTest : public testing::Test {
 protected:
  GgufSplitTest()
      : directory_(
            testing::TempDir() + "/" +
            testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  ~GgufSplitTest() override { std::filesystem::remove_all(directory_); }

  std::string PathOf(int part, int count = 3) const {
    return absl::StrFormat("%s/tiny-%05d-of-%05d.gguf", directory_, part,
                           count);
  }
  void Write(int part, const GgufWriter& writer) const {
    std::ofstream(PathOf(part), std::ios::binary) << writer.Write();
  }
  void ExpectRefused(
      int given, const std::string& what, const std::string& also = "",
      absl::StatusCode code = absl::StatusCode::kInvalidArgument) const {
    const absl::Status status = ReadWholeGguf(PathOf(given)).status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(what), HasSubstr(also)));
  }

 private:
  const std::string directory_;
};

GgufWriter& SetSplit(GgufWriter& writer, uint32_t number, uint32_t count = 3,
                     uint32_t tensors = 20) {
  return writer.SetU32("split.no", number)
      .SetU32("split.count", count)
      .SetU32("split.tensors.count", tensors);
}

// TinyLlama in three parts, as llama-gguf-split makes them: metadata in the
// first alone.
std::vector<GgufWriter> Parts() {
  GgufWriter whole = TinyLlama();
  std::vector<GgufWriter> parts(3);
  parts[0] = whole;
  parts[0].tensors().clear();
  for (uint32_t i = 0; i < 3; ++i) SetSplit(parts[i], i);
  for (size_t i = 0; i < whole.tensors().size(); ++i) {
    parts[i / 7].Add(whole.tensors()[i]);
  }
  return parts;
}

TEST_F(GgufSplitTest, AnyPartGivesTheWholeModel) {
  const std::vector<GgufWriter> parts = Parts();
  for (int i = 0; i < 3; ++i) Write(i + 1, parts[i]);
  uint64_t size = 0;
  for (int i = 1; i <= 3; ++i) size += std::filesystem::file_size(PathOf(i));
  for (int i = 1; i <= 3; ++i) {
    const absl::StatusOr<Gguf> gguf = ReadWholeGguf(PathOf(i));
    ASSERT_TRUE(gguf.ok()) << gguf.status();
    EXPECT_EQ(gguf->tensors.size(), 20u);
    EXPECT_EQ(gguf->tensors[0].name, "token_embd.weight");
    EXPECT_EQ(gguf->tensors[19].name, "output_norm.weight");
    EXPECT_EQ(gguf->file_size, Bytes(size));
    const absl::StatusOr<ModelShape> shape = ShapeOfGguf(*gguf);
    ASSERT_TRUE(shape.ok()) << shape.status();
    EXPECT_EQ(shape->parameters, 42'304u);
    EXPECT_EQ(shape->weights, Bytes(42'304 * 4));
    EXPECT_EQ(shape->layers.size(), 2u);
  }
}

// A model of 3 x 64 GiB whose data is a hole: headers alone are read.
TEST_F(GgufSplitTest, ReadsHeadersAlone) {
  constexpr uint64_t kData = uint64_t{64} << 30;
  for (uint32_t i = 0; i < 3; ++i) {
    GgufWriter part;
    if (i == 0) part = TinyLlama();
    part.tensors().clear();
    SetSplit(part, i, 3, 3);
    part.Add({absl::StrCat("blk.", i % 2, ".big", i), {kData}, 24});  // I8
    part.data_size = 0;
    Write(i + 1, part);
    const std::string path = PathOf(i + 1);
    ASSERT_EQ(truncate(path.c_str(), std::filesystem::file_size(path) + kData),
              0);
  }
  const absl::StatusOr<Gguf> gguf = ReadWholeGguf(PathOf(2));
  ASSERT_TRUE(gguf.ok()) << gguf.status();
  const absl::StatusOr<ModelShape> shape = ShapeOfGguf(*gguf);
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_EQ(shape->weights, Bytes(3 * kData));
  EXPECT_EQ(shape->layers[0].weights, Bytes(2 * kData));
}

TEST_F(GgufSplitTest, AFileThatIsNotSplitIsReadAsItIs) {
  GgufWriter writer = TinyLlama();
  Write(1, writer);
  EXPECT_EQ(ReadWholeGguf(PathOf(1))->tensors.size(), 20u);
  Write(1, writer.SetU32("split.count", 1));
  EXPECT_EQ(ReadWholeGguf(PathOf(1))->tensors.size(), 20u);
}

TEST_F(GgufSplitTest, AnAbsentPartIsNamed) {
  const std::vector<GgufWriter> parts = Parts();
  Write(1, parts[0]);
  Write(3, parts[2]);
  for (const int given : {1, 3}) {
    ExpectRefused(given, "part 2 of 3", "tiny-00002-of-00003.gguf",
                  absl::StatusCode::kNotFound);
  }
  std::filesystem::remove(PathOf(1));
  ExpectRefused(3, "part 1 of 3", "tiny-00001-of-00003.gguf",
                absl::StatusCode::kNotFound);
}

TEST_F(GgufSplitTest, ADamagedPartIsNamed) {
  const std::vector<GgufWriter> parts = Parts();
  for (int i = 0; i < 3; ++i) Write(i + 1, parts[i]);
  std::ofstream(PathOf(2), std::ios::binary) << "GGUF";
  ExpectRefused(1, "part 2 of 3", "tiny-00002-of-00003.gguf");
}

TEST_F(GgufSplitTest, ADoubledOrRenumberedPartIsNamed) {
  const std::vector<GgufWriter> parts = Parts();
  Write(1, parts[0]);
  Write(2, parts[1]);
  Write(3, parts[1]);
  ExpectRefused(1, "part 3 of 3", "split.no is 1, but must be 2");
  Write(2, parts[2]);
  ExpectRefused(1, "part 2 of 3", "split.no is 2, but must be 1");
  // The part that is given says itself that it is another one.
  ExpectRefused(2, "it is part 3 of 3", "-00003-of-00003.gguf");
}

TEST_F(GgufSplitTest, ARenamedPartIsNamed) {
  GgufWriter part = Parts()[0];
  const std::string path = testing::TempDir() + "/renamed_part.gguf";
  std::ofstream(path, std::ios::binary) << part.Write();
  const absl::Status status = ReadWholeGguf(path).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("renamed_part.gguf"),
                    HasSubstr("'-00001-of-00003.gguf'")));
}

TEST_F(GgufSplitTest, PartsOfTwoModelsAreNotMixed) {
  const std::vector<GgufWriter> parts = Parts();
  for (int i = 0; i < 3; ++i) Write(i + 1, parts[i]);
  GgufWriter other = parts[1];
  Write(2, SetSplit(other.Remove("split.no")
                        .Remove("split.count")
                        .Remove("split.tensors.count"),
                    1, 3, 21));
  ExpectRefused(1, "part 2 of 3", "split.tensors.count is 21, but must be 20");
  other = parts[1];
  Write(2, other.Remove("split.count").SetU32("split.count", 4));
  ExpectRefused(1, "part 2 of 3", "split.count is 4, but must be 3");
  other = parts[1];
  Write(2, other.SetString("general.architecture", "qwen2"));
  ExpectRefused(1, "part 2 of 3", "general.architecture is 'qwen2'");
  other = parts[1];
  Write(2, other.SetString("general.name", "Other"));
  ExpectRefused(1, "part 2 of 3", "in the first part 'Tiny'");
  other = parts[1];
  Write(2, other.SetString("general.name", "Tiny"));
  EXPECT_TRUE(ReadWholeGguf(PathOf(1)).ok());
  other = parts[1];
  Write(2, other.Remove("split.no"));
  ExpectRefused(1, "split.no is missing", "tiny-00002-of-00003.gguf");
}

TEST_F(GgufSplitTest, ATensorInTwoPartsIsNamedWithBoth) {
  std::vector<GgufWriter> parts = Parts();
  parts[2].tensors()[0] = parts[0].tensors()[0];
  for (int i = 0; i < 3; ++i) Write(i + 1, parts[i]);
  ExpectRefused(1, "'token_embd.weight' is in part 1 of 3 and again in part 3",
                "tiny-00003-of-00003.gguf");
}

TEST_F(GgufSplitTest, CountsThatLieAreNamed) {
  std::vector<GgufWriter> parts = Parts();
  parts[2].tensors().pop_back();
  for (int i = 0; i < 3; ++i) Write(i + 1, parts[i]);
  ExpectRefused(1, "split.tensors.count is 20", "parts have 19");

  GgufWriter part = TinyLlama();
  Write(1, SetSplit(part, 3, 3));
  ExpectRefused(1, "split.no is 3 and split.count is 3");
  part = TinyLlama();
  Write(1, SetSplit(part, 0, 0xFFFFFFFF));
  ExpectRefused(1, "split.count is 4294967295", "at most 99999");
  part = TinyLlama();
  Write(1, part.SetString("split.count", "three"));
  ExpectRefused(1, "split.no is missing");
  part = TinyLlama();
  Write(1, part.SetU32("split.no", 0)
               .SetString("split.count", "three")
               .SetU32("split.tensors.count", 20));
  ExpectRefused(1, "split.count is 'three'");
}

}  // namespace
}  // namespace governor
