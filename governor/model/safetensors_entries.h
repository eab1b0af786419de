#ifndef GOVERNOR_MODEL_SAFETENSORS_ENTRIES_H_
#define GOVERNOR_MODEL_SAFETENSORS_ENTRIES_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "governor/model/json_events.h"

namespace governor {

// One tensor as a header has it, packed: real headers have up to a million.
struct SafetensorsEntry {
  uint64_t begin = 0;  // from the start of the data
  uint64_t end = 0;
  // Where its name is in SafetensorsEntries::text, with its dimensions right
  // behind it in groups of seven bits, lowest first.
  uint32_t text = 0;
  uint16_t name_length = 0;
  uint8_t dtype = 0;  // index into SafetensorsDtypes()
  uint8_t dimensions = 0;
};

// Collects the entries of a safetensors header from its JSON text. Checks each
// by itself: its fields, and that its dtype and shape give the bytes between
// its offsets. Not yet: where they lie, and whether names differ.
//
// Allocates at once what a header of that length can need: its length and 24
// bytes for each 50 of it.
class SafetensorsEntries final : public JsonEvents {
 public:
  static constexpr uint32_t kMaxDimensions = 8;
  static constexpr uint64_t kMaxTensors = uint64_t{1} << 20;

  explicit SafetensorsEntries(uint64_t header_length);

  std::vector<SafetensorsEntry> entries;  // in the header's order
  std::string text;

  absl::Status Null() override;
  absl::Status Bool(bool value) override;
  absl::Status Number(JsonNumber value) override;
  absl::Status String(absl::string_view value) override;
  absl::Status StartObject() override;
  absl::Status Key(absl::string_view name) override;
  absl::Status EndObject() override;
  absl::Status StartArray() override;
  absl::Status EndArray() override;

 private:
  // What is expected next.
  enum class State {
    kHeader,         // the object of all
    kName,           // a tensor's name, or the end
    kTensor,         // its object
    kField,          // one of its fields, or the end
    kDtype,          // a string
    kShape,          // an array
    kDimension,      // a number, or the end
    kOffsets,        // an array
    kOffset,         // a number, or the end
    kMetadata,       // an object
    kMetadataKey,    // a key, or the end
    kMetadataValue,  // a string
    kDone,
  };

  absl::Status Unexpected(absl::string_view found) const;
  absl::Status Refuse(absl::string_view reason) const;
  absl::Status StartTensor(absl::string_view name);
  absl::Status StartField(absl::string_view name);
  absl::Status EndTensor();

  State state_ = State::kHeader;
  bool has_metadata_ = false;
  // The tensor being read.
  SafetensorsEntry entry_;
  bool has_dtype_ = false;
  bool has_shape_ = false;
  bool has_offsets_ = false;
  std::array<uint64_t, kMaxDimensions> shape_ = {};
  std::array<uint64_t, 2> offsets_ = {};
  uint32_t offset_count_ = 0;
};

}  // namespace governor

#endif  // GOVERNOR_MODEL_SAFETENSORS_ENTRIES_H_
