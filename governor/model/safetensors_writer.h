#ifndef GOVERNOR_MODEL_SAFETENSORS_WRITER_H_
#define GOVERNOR_MODEL_SAFETENSORS_WRITER_H_

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "governor/model/safetensors_dtype.h"

namespace governor {

// Any text as a header, with its length in front and `data_size` zeros behind.
inline std::string SafetensorsOf(absl::string_view json,
                                 uint64_t data_size = 0) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) {
    bytes.push_back(static_cast<char>(uint64_t{json.size()} >> (8 * i)));
  }
  absl::StrAppend(&bytes, json);
  bytes.resize(bytes.size() + data_size);
  return bytes;
}

// Writes safetensors files, right ones unless told otherwise, for tests. Names
// are written as they are: escape them yourself.
class SafetensorsWriter {
 public:
  struct Tensor {
    std::string name;
    std::string dtype = "BF16";
    std::vector<uint64_t> shape;
    // Absent: behind the tensor before.
    std::optional<std::pair<uint64_t, uint64_t>> offsets = std::nullopt;
  };

  // Absent: as much as the tensors need.
  std::optional<uint64_t> data_size;

  SafetensorsWriter& Add(Tensor tensor) {
    tensors_.push_back(std::move(tensor));
    return *this;
  }
  SafetensorsWriter& Add(std::string name, std::string dtype,
                         std::vector<uint64_t> shape) {
    return Add({std::move(name), std::move(dtype), std::move(shape)});
  }
  std::vector<Tensor>& tensors() { return tensors_; }
  const std::vector<Tensor>& tensors() const { return tensors_; }

  // The bytes of all tensors; wraps where shapes are hostile.
  uint64_t TrueDataSize() const {
    uint64_t size = 0;
    for (const Tensor& tensor : tensors_) size += SizeOf(tensor);
    return size;
  }

  // The length and the JSON text, filled up with spaces to a multiple of 8, as
  // the Rust library writes them.
  std::string Header() const {
    std::string json = "{";
    uint64_t end = 0;
    for (const Tensor& tensor : tensors_) {
      const auto [from, to] =
          tensor.offsets.value_or(std::pair(end, end + SizeOf(tensor)));
      end = to;
      absl::StrAppend(&json, json.size() > 1 ? "," : "", "\"", tensor.name,
                      "\":{\"dtype\":\"", tensor.dtype, "\",\"shape\":[",
                      absl::StrJoin(tensor.shape, ","), "],\"data_offsets\":[",
                      from, ",", to, "]}");
    }
    json += "}";
    json.resize((json.size() + 7) / 8 * 8, ' ');
    return SafetensorsOf(json);
  }

  std::string Write() const {
    std::string bytes = Header();
    bytes.resize(bytes.size() + data_size.value_or(TrueDataSize()));
    return bytes;
  }

  // A file of the true size that takes no more room than its header.
  void WriteSparse(const std::string& path) const {
    const std::string header = Header();
    std::ofstream(path, std::ios::binary) << header;
    std::filesystem::resize_file(
        path, header.size() + data_size.value_or(TrueDataSize()));
  }

 private:
  static uint64_t SizeOf(const Tensor& tensor) {
    const absl::StatusOr<const SafetensorsDtype*> dtype =
        FindSafetensorsDtype(tensor.dtype);
    uint64_t bits = dtype.ok() ? (*dtype)->bits : 0;
    for (const uint64_t dimension : tensor.shape) bits *= dimension;
    return bits / 8;
  }

  std::vector<Tensor> tensors_;
};

// A checkpoint folder's shards, by file name.
using ShardWriters = std::map<std::string, SafetensorsWriter>;

// The text of model.safetensors.index.json for these, names in order.
inline std::string IndexOf(const ShardWriters& shards) {
  std::map<std::string, std::string> files;
  uint64_t total = 0;
  for (const auto& [file, shard] : shards) {
    total += shard.TrueDataSize();
    for (const auto& tensor : shard.tensors()) files[tensor.name] = file;
  }
  std::string json = absl::StrCat("{\n  \"metadata\": {\"total_size\": ", total,
                                  "},\n  \"weight_map\": {");
  const char* separator = "";
  for (const auto& [name, file] : files) {
    absl::StrAppend(&json, separator, "\n    \"", name, "\": \"", file, "\"");
    separator = ",";
  }
  return json + "\n  }\n}\n";
}

// model-00003-of-00040.safetensors
inline std::string ShardName(int index, int count) {
  const auto five = [](int n) { return std::to_string(100'000 + n).substr(1); };
  return absl::StrCat("model-", five(index), "-of-", five(count),
                      ".safetensors");
}

}  // namespace governor

#endif  // GOVERNOR_MODEL_SAFETENSORS_WRITER_H_
