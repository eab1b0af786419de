// Each model of transformers_weights.jsonl, written as a checkpoint of headers
// (a sparse file of the true size) and read by us, against the parameters and
// bytes that transformers itself counted when it had built the model.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "governor/model/read_model.h"
#include "governor/model/safetensors_writer.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using Json = nlohmann::json;

// The record has a pattern and how many tensors are of it, not in which layers
// they are: the first ones take them, further shapes of a pattern the next.
SafetensorsWriter WriterOf(const Json& tensors) {
  SafetensorsWriter writer;
  std::map<std::string, uint64_t> next;
  for (const Json& tensor : tensors) {
    EXPECT_EQ(tensor["dtype"], "bfloat16");
    const std::string pattern = tensor["name"];
    const std::vector<uint64_t> shape = tensor["shape"];
    for (uint64_t n = tensor["count"]; n > 0; --n) {
      const std::string index = absl::StrCat(next[pattern]++);
      writer.Add(absl::StrReplaceAll(pattern, {{"{i}", index}}), "BF16", shape);
    }
  }
  return writer;
}

// A folder that is gone again when this is.
class Folder {
 public:
  explicit Folder(const std::string& name)
      : path_(std::filesystem::path(testing::TempDir()) / name) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }

  std::string File(const std::string& name) const { return path_ / name; }
  std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(WeightsGoldenTest, ParametersAndBytesAreThoseThatTransformersBuilt) {
  std::ifstream in("tests/goldens/transformers_weights.jsonl");
  uint64_t checked = 0;
  for (std::string line; std::getline(in, line); ++checked) {
    const Json row = Json::parse(line);
    const std::string name = row["name"];
    SCOPED_TRACE(name);
    const Folder folder(name);
    std::ofstream(folder.File("config.json")) << row["config"].dump();
    const SafetensorsWriter writer = WriterOf(row["tensors"]);
    EXPECT_EQ(writer.tensors().size(), row["num_tensors"].get<uint64_t>());
    writer.WriteSparse(folder.File("model.safetensors"));

    const absl::StatusOr<ModelShape> model = ReadModelShape(folder.path());
    EXPECT_TRUE(model.ok()) << model.status();
    if (!model.ok()) continue;
    EXPECT_EQ(model->parameters, row["num_parameters"].get<uint64_t>());
    EXPECT_EQ(model->weights.count(), row["bytes_as_built"].get<uint64_t>());
  }
  EXPECT_EQ(checked, 26);
}

}  // namespace
}  // namespace governor
