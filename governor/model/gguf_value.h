#ifndef GOVERNOR_MODEL_GGUF_VALUE_H_
#define GOVERNOR_MODEL_GGUF_VALUE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/model/byte_cursor.h"

namespace governor {

// The types of a GGUF metadata value, numbered as in the file
// (ggml's docs/gguf.md, `gguf_metadata_value_type`).
enum class GgufType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

// As in the GGUF text: `uint32`, `string`, `array`...
absl::string_view GgufTypeName(GgufType type);

// An array's type and count. Its values are kept only where they are numbers
// and at most kMaxKeptElements; a tokenizer's are not.
struct GgufArray {
  static constexpr uint64_t kMaxKeptElements = 4096;

  GgufType element_type = GgufType::kUint8;
  uint64_t count = 0;
  // The elements as the file has them (little-endian, no padding), or empty.
  std::string elements;

  // Element `index`. nullopt: not kept, out of range, negative, no integer.
  std::optional<uint64_t> UnsignedAt(uint64_t index) const;
  // The same, with a bool as 0 or 1.
  std::optional<uint64_t> FlagAt(uint64_t index) const;

  friend bool operator==(const GgufArray&, const GgufArray&) = default;
};

// A metadata value. Integers of every width become the widest of their sign.
using GgufValue =
    std::variant<bool, uint64_t, int64_t, double, std::string, GgufArray>;

// The value where it is an integer that is not negative.
std::optional<uint64_t> AsUnsigned(const GgufValue& value);

// For people and messages: `32`, `'llama'`, `array of 49152 string`. Text is
// escaped, and cut after 64 bytes.
std::string ToString(const GgufValue& value);

// Reads a value with its type in front. Arrays may hold arrays, four deep in
// all, of which nothing but type and count is kept.
// INVALID_ARGUMENT: unknown type, bool that is neither 0 nor 1, nesting too
// deep, or less bytes left than the value says it has.
absl::StatusOr<GgufValue> ReadGgufValue(ByteCursor& cursor);

}  // namespace governor

#endif  // GOVERNOR_MODEL_GGUF_VALUE_H_
