#include "governor/model/weight_files.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Chosen(const std::vector<std::string>& names) {
  const absl::StatusOr<std::vector<std::string>> files = WeightFilesOf(names);
  EXPECT_TRUE(files.ok()) << files.status();
  return files.ok() ? *files : std::vector<std::string>{"refused"};
}

TEST(WeightFilesTest, AModelWinsOverItsSecondCopy) {
  EXPECT_THAT(Chosen({"config.json", "consolidated.safetensors",
                      "model-00002-of-00002.safetensors",
                      "model-00001-of-00002.safetensors", "tekken.json"}),
              ElementsAre("model-00001-of-00002.safetensors",
                          "model-00002-of-00002.safetensors"));
  EXPECT_THAT(Chosen({"model.safetensors", "adapter_model.safetensors",
                      "optimizer.safetensors", ".model.safetensors",
                      "pytorch_model.bin", "model.safetensors.part"}),
              ElementsAre("model.safetensors"));
}

TEST(WeightFilesTest, OtherNamesAreTakenWhereThereIsNoModel) {
  EXPECT_THAT(Chosen({"b.safetensors", "a.safetensors",
                      "consolidated-00001-of-00001.safetensors"}),
              ElementsAre("a.safetensors", "b.safetensors"));
  EXPECT_THAT(Chosen({"params.json", "consolidated.safetensors"}),
              ElementsAre("consolidated.safetensors"));
}

TEST(WeightFilesTest, ALoneConfigIsNoError) {
  EXPECT_THAT(Chosen({"config.json", "tokenizer.json"}), IsEmpty());
}

TEST(WeightFilesTest, AMissingPartIsNamed) {
  const absl::Status status =
      WeightFilesOf({"model-00001-of-00004.safetensors",
                     "model-00002-of-00004.safetensors",
                     "model-00004-of-00004.safetensors"})
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(
      std::string(status.message()),
      HasSubstr("part 3 of 4 of 'model' is missing; the folder holds 3"));
}

// A count that no folder can hold must not become a loop over it.
TEST(WeightFilesTest, AnAbsurdCountIsAnswered) {
  EXPECT_EQ(
      WeightFilesOf({"model-00001-of-999999999.safetensors"}).status().code(),
      absl::StatusCode::kNotFound);
  EXPECT_THAT(Chosen({"model-1-of-9999999999.safetensors"}),
              ElementsAre("model-1-of-9999999999.safetensors"));
}

TEST(WeightFilesTest, FoldersWithoutSafetensorsGetTheirOwnMessage) {
  const auto expect = [](const std::vector<std::string>& names,
                         absl::StatusCode code, const std::string& message) {
    const absl::Status status = WeightFilesOf(names).status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  };
  expect({}, absl::StatusCode::kNotFound, "empty");
  expect({"config.json", "m.gguf"}, absl::StatusCode::kInvalidArgument,
         "give the path of one of them");
  expect({"config.json", "pytorch_model-00001-of-00002.bin"},
         absl::StatusCode::kUnimplemented, "convert them to safetensors");
  expect({"config.json", "consolidated.00.pth"},
         absl::StatusCode::kUnimplemented, "convert them to safetensors");
  expect({"config.json", "tf_model.h5"}, absl::StatusCode::kUnimplemented,
         "convert them to safetensors");
}

TEST(WeightFilesTest, PartsAreCountedFromTheName) {
  EXPECT_EQ(PartsOf("model-00003-of-00040.safetensors"), 40u);
  for (const std::string name :
       {"model.safetensors", "model-00001-of-00001.safetensors",
        "model-00003-of-00040.bin", "model-of-00040.safetensors", ""}) {
    EXPECT_FALSE(PartsOf(name)) << name;
  }
}

}  // namespace
}  // namespace governor
