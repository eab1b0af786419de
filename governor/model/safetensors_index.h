#ifndef GOVERNOR_MODEL_SAFETENSORS_INDEX_H_
#define GOVERNOR_MODEL_SAFETENSORS_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/model/byte_source.h"

namespace governor {

// What model.safetensors.index.json says: which tensor is in which file beside
// it. Not whether that is true. A plain value; 8 bytes and its name for each
// tensor.
class SafetensorsIndex {
 public:
  // Shards in the order in which the index first names them; file names alone,
  // without a folder.
  size_t shard_count() const { return shards_.size(); }
  absl::string_view shard(size_t shard) const { return TextOf(shards_[shard]); }

  // The tensors of one shard, in the order of their names.
  size_t tensor_count(size_t shard) const {
    return first_[shard + 1] - first_[shard];
  }
  absl::string_view tensor(size_t shard, size_t index) const {
    return TextOf(tensors_[first_[shard] + index]);
  }

  // `metadata.total_size`, where it is there and a whole number.
  std::optional<Bytes> total_size() const { return total_size_; }

 private:
  friend class SafetensorsIndexReader;

  struct Name {
    uint32_t text = 0;  // where it is in text_
    uint16_t length = 0;
    uint16_t shard = 0;
  };

  absl::string_view TextOf(const Name& name) const {
    return absl::string_view(text_).substr(name.text, name.length);
  }

  std::vector<Name> shards_;
  std::vector<Name> tensors_;    // shard by shard
  std::vector<uint32_t> first_;  // of each shard in tensors_, and the end
  std::string text_;
  std::optional<Bytes> total_size_;
};

// Reads an index, whole. Memory: at most 64 KiB and four times its length.
//
// INVALID_ARGUMENT: not JSON, above 100 MB, no `weight_map`, a tensor in it
// twice, a name that is empty, has a NUL or is above 65,535 bytes, a shard that
// is not the name of a .safetensors file in the same folder, or more than
// 10,000 shards: names the tensor, the value and the limit. The source's own
// errors.
absl::StatusOr<SafetensorsIndex> ParseSafetensorsIndex(
    const ByteSource& source);

}  // namespace governor

#endif  // GOVERNOR_MODEL_SAFETENSORS_INDEX_H_
