#include "governor/model/safetensors_index.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/model/gguf_name.h"
#include "governor/model/json_events.h"

namespace governor {
namespace {

constexpr uint64_t kMaxIndex = 100'000'000;
// "a":"b.safetensors",
constexpr uint64_t kSmallestEntry = 20;
constexpr size_t kMaxName = 0xFFFF;
constexpr size_t kMaxShards = 10'000;
constexpr size_t kMaxFileName = 255;  // NAME_MAX
constexpr int kMaxDepth = 16;

absl::Status Bad(absl::string_view message) {
  return absl::InvalidArgumentError(message);
}

}  // namespace

class SafetensorsIndexReader final : public JsonEvents {
 public:
  explicit SafetensorsIndexReader(uint64_t length)
      : shard_ids_(0, Hash{this}, Equal{this}) {
    index_.text_.reserve(static_cast<size_t>(length));
    index_.tensors_.reserve(static_cast<size_t>(length / kSmallestEntry));
  }

  absl::StatusOr<SafetensorsIndex> Finish() {
    std::vector<SafetensorsIndex::Name>& tensors = index_.tensors_;
    if (!has_map_) return Bad("it has no weight_map");
    if (tensors.empty()) return Bad("its weight_map names no tensor");
    // Writers sort.
    const auto by_name = [this](const auto& a, const auto& b) {
      return index_.TextOf(a) < index_.TextOf(b);
    };
    if (!std::is_sorted(tensors.begin(), tensors.end(), by_name)) {
      std::sort(tensors.begin(), tensors.end(), by_name);
    }
    const auto twice = std::adjacent_find(
        tensors.begin(), tensors.end(), [this](const auto& a, const auto& b) {
          return index_.TextOf(a) == index_.TextOf(b);
        });
    if (twice != tensors.end()) {
      return Bad(absl::StrCat("tensor ", QuotedName(index_.TextOf(*twice)),
                              " is in weight_map twice"));
    }
    GroupByShard();
    return std::move(index_);
  }

  absl::Status Null() override { return Value("null"); }
  absl::Status Bool(bool) override { return Value("a boolean"); }
  absl::Status Number(JsonNumber value) override {
    const uint64_t* whole = std::get_if<uint64_t>(&value);
    if (is_total_size_ && whole != nullptr) index_.total_size_ = Bytes(*whole);
    return Value(std::visit(
        [](auto n) { return absl::StrCat("the number ", n); }, value));
  }
  absl::Status String(absl::string_view value) override {
    if (depth_ == 2 && in_map_) return AddTensor(value);
    return Value("the text");
  }
  absl::Status StartObject() override {
    if (depth_ == 1 && in_map_) {
      ++depth_;
      return absl::OkStatus();
    }
    if (depth_ > 0) GOVERNOR_RETURN_IF_ERROR(Value("an object"));
    ++depth_;
    return absl::OkStatus();
  }
  absl::Status StartArray() override {
    GOVERNOR_RETURN_IF_ERROR(Value("an array"));
    ++depth_;
    return absl::OkStatus();
  }
  absl::Status EndObject() override { return End(); }
  absl::Status EndArray() override { return End(); }

  absl::Status Key(absl::string_view name) override {
    if (depth_ == 1) {
      in_metadata_ = name == "metadata";
      in_map_ = name == "weight_map";
      if (in_map_ && std::exchange(has_map_, true)) {
        return Bad("weight_map is there twice");
      }
    }
    is_total_size_ = depth_ == 2 && in_metadata_ && name == "total_size";
    if (depth_ != 2 || !in_map_) return absl::OkStatus();
    if (name.empty() || name.size() > kMaxName ||
        name.find('\0') != absl::string_view::npos) {
      return Bad(absl::StrCat("a tensor is named ", QuotedName(name), " (",
                              name.size(), " bytes), but names have 1 to ",
                              kMaxName, " bytes and no NUL"));
    }
    tensor_ = Append(name);
    return absl::OkStatus();
  }

 private:
  using Name = SafetensorsIndex::Name;

  // Shards are found by their text, which only the reader knows.
  struct Hash {
    using is_transparent = void;
    const SafetensorsIndexReader* reader;
    size_t operator()(absl::string_view name) const {
      return absl::Hash<absl::string_view>()(name);
    }
    size_t operator()(uint16_t id) const {
      return (*this)(reader->index_.shard(id));
    }
  };
  struct Equal {
    using is_transparent = void;
    const SafetensorsIndexReader* reader;
    bool operator()(uint16_t a, absl::string_view b) const {
      return reader->index_.shard(a) == b;
    }
    bool operator()(uint16_t a, uint16_t b) const { return a == b; }
  };

  // A value that is neither a tensor's shard nor an object of entries.
  absl::Status Value(absl::string_view what) {
    is_total_size_ = false;
    if (depth_ == 0) {
      return Bad(absl::StrCat("it is ", what, ", but must be an object"));
    }
    if (depth_ == 1 && in_map_) {
      return Bad(
          absl::StrCat("weight_map is ", what, ", but must be an object"));
    }
    if (depth_ == 2 && in_map_) {
      return Bad(absl::StrCat("weight_map maps ",
                              QuotedName(index_.TextOf(tensor_)), " to ", what,
                              ", but must map it to a file name"));
    }
    return absl::OkStatus();
  }

  absl::Status End() {
    --depth_;
    return absl::OkStatus();
  }

  Name Append(absl::string_view text) {
    Name name;
    name.text = static_cast<uint32_t>(index_.text_.size());
    name.length = static_cast<uint16_t>(text.size());
    index_.text_.append(text.data(), text.size());
    return name;
  }

  absl::Status AddTensor(absl::string_view file) {
    // Neighbours are mostly in one shard.
    const bool same =
        !index_.shards_.empty() && index_.shard(tensor_shard_) == file;
    if (!same) {
      const auto known = shard_ids_.find(file);
      if (known != shard_ids_.end()) {
        tensor_shard_ = *known;
      } else {
        GOVERNOR_RETURN_IF_ERROR(AddShard(file));
      }
    }
    tensor_.shard = tensor_shard_;
    index_.tensors_.push_back(tensor_);
    return absl::OkStatus();
  }

  absl::Status AddShard(absl::string_view file) {
    if (file.size() > kMaxFileName || !absl::EndsWith(file, ".safetensors") ||
        file.find_first_of(absl::string_view("/\\\0", 3)) !=
            absl::string_view::npos) {
      return Bad(absl::StrCat(
          "weight_map maps ", QuotedName(index_.TextOf(tensor_)), " to ",
          QuotedName(file), " (", file.size(),
          " bytes), but shards are .safetensors files in the index's folder, "
          "named without one and in at most ",
          kMaxFileName, " bytes"));
    }
    if (index_.shards_.size() == kMaxShards) {
      return Bad(absl::StrCat("it names more than ", kMaxShards,
                              " shards, which is the limit; save the model "
                              "with larger ones"));
    }
    tensor_shard_ = static_cast<uint16_t>(index_.shards_.size());
    index_.shards_.push_back(Append(file));
    shard_ids_.insert(tensor_shard_);
    return absl::OkStatus();
  }

  // Keeps the order of names within each shard.
  void GroupByShard() {
    std::vector<uint32_t>& first = index_.first_;
    first.assign(index_.shards_.size() + 1, 0);
    for (const Name& tensor : index_.tensors_) ++first[tensor.shard + 1];
    for (size_t i = 1; i < first.size(); ++i) first[i] += first[i - 1];
    std::vector<uint32_t> next(first.begin(), first.end() - 1);
    std::vector<Name> grouped(index_.tensors_.size());
    for (const Name& tensor : index_.tensors_) {
      grouped[next[tensor.shard]++] = tensor;
    }
    index_.tensors_ = std::move(grouped);
  }

  SafetensorsIndex index_;
  absl::flat_hash_set<uint16_t, Hash, Equal> shard_ids_;
  int depth_ = 0;
  bool in_metadata_ = false;
  bool in_map_ = false;
  bool has_map_ = false;
  bool is_total_size_ = false;
  Name tensor_;  // whose shard comes next
  uint16_t tensor_shard_ = 0;
};

absl::StatusOr<SafetensorsIndex> ParseSafetensorsIndex(
    const ByteSource& source) {
  const auto parse = [&source]() -> absl::StatusOr<SafetensorsIndex> {
    const uint64_t length = source.size().count();
    if (length > kMaxIndex) {
      return Bad(absl::StrCat("it has ", length, " bytes, and the limit is ",
                              kMaxIndex));
    }
    SafetensorsIndexReader reader(length);
    GOVERNOR_RETURN_IF_ERROR(ReadJson(source, 0, length, kMaxDepth, reader));
    return reader.Finish();
  };
  absl::StatusOr<SafetensorsIndex> index = parse();
  if (index.ok()) return index;
  return absl::Status(index.status().code(),
                      absl::StrCat("cannot read the safetensors index: ",
                                   index.status().message()));
}

}  // namespace governor
