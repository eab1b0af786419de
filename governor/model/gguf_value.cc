#include "governor/model/gguf_value.h"

#include <cstring>
#include <iterator>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"

namespace governor {
namespace {

constexpr int kMaxArrayDepth = 4;
constexpr size_t kMaxQuoted = 64;

enum class Kind { kUnsigned, kSigned, kFloat, kBool, kString, kArray };

struct TypeRow {
  absl::string_view name;
  Kind kind;
  // Bytes of one element; of a string or an array, the least it can have: its
  // length, or its type and count.
  uint64_t width;
};

constexpr TypeRow kRows[] = {
    {"uint8", Kind::kUnsigned, 1},  {"int8", Kind::kSigned, 1},
    {"uint16", Kind::kUnsigned, 2}, {"int16", Kind::kSigned, 2},
    {"uint32", Kind::kUnsigned, 4}, {"int32", Kind::kSigned, 4},
    {"float32", Kind::kFloat, 4},   {"bool", Kind::kBool, 1},
    {"string", Kind::kString, 8},   {"array", Kind::kArray, 12},
    {"uint64", Kind::kUnsigned, 8}, {"int64", Kind::kSigned, 8},
    {"float64", Kind::kFloat, 8},
};

const TypeRow& RowOf(GgufType type) {
  return kRows[static_cast<uint32_t>(type)];
}

// The two's complement number in the low `width` bytes of `bits`.
int64_t SignExtend(uint64_t bits, uint64_t width) {
  const uint64_t unused = 64 - 8 * width;
  return static_cast<int64_t>(bits << unused) >> unused;
}

double AsDouble(uint64_t bits, uint64_t width) {
  if (width == 8) {
    double value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }
  const auto narrow = static_cast<uint32_t>(bits);
  float value;
  std::memcpy(&value, &narrow, sizeof(value));
  return value;
}

absl::StatusOr<GgufType> ReadType(ByteCursor& cursor, absl::string_view what) {
  const uint64_t at = cursor.offset();
  GOVERNOR_ASSIGN_OR_RETURN(const uint32_t type, cursor.ReadU32(what));
  if (type < std::size(kRows)) return static_cast<GgufType>(type);
  return absl::InvalidArgumentError(
      absl::StrCat("offset ", at, " has ", what, " ", type,
                   ", but the largest is ", std::size(kRows) - 1));
}

absl::Status SkipElements(ByteCursor& cursor, const GgufArray& array,
                          int depth);

absl::StatusOr<GgufArray> ReadArrayHead(ByteCursor& cursor, int depth) {
  if (depth > kMaxArrayDepth) {
    return absl::InvalidArgumentError(
        absl::StrCat("offset ", cursor.offset(), " has an array at depth ",
                     depth, ", the limit is ", kMaxArrayDepth));
  }
  GgufArray array;
  GOVERNOR_ASSIGN_OR_RETURN(array.element_type,
                            ReadType(cursor, "an array's element type"));
  const uint64_t at = cursor.offset();
  GOVERNOR_ASSIGN_OR_RETURN(array.count, cursor.ReadU64("an array's count"));
  const TypeRow& row = RowOf(array.element_type);
  if (array.count > cursor.remaining() / row.width) {
    return absl::InvalidArgumentError(absl::StrCat(
        "offset ", at, " has an array of ", array.count, " ", row.name,
        " elements, but the ", cursor.remaining(),
        " bytes that are left hold at most ", cursor.remaining() / row.width));
  }
  return array;
}

absl::Status SkipElements(ByteCursor& cursor, const GgufArray& array,
                          int depth) {
  const TypeRow& row = RowOf(array.element_type);
  if (row.kind == Kind::kString) {
    for (uint64_t i = 0; i < array.count; ++i) {
      GOVERNOR_ASSIGN_OR_RETURN(
          const uint64_t length,
          cursor.ReadU64("the length of a string in an array"));
      GOVERNOR_RETURN_IF_ERROR(cursor.Skip(length, "a string in an array"));
    }
    return absl::OkStatus();
  }
  if (row.kind == Kind::kArray) {
    for (uint64_t i = 0; i < array.count; ++i) {
      GOVERNOR_ASSIGN_OR_RETURN(const GgufArray inner,
                                ReadArrayHead(cursor, depth + 1));
      GOVERNOR_RETURN_IF_ERROR(SkipElements(cursor, inner, depth + 1));
    }
    return absl::OkStatus();
  }
  // Cannot wrap: ReadArrayHead compared the count with what is left.
  return cursor.Skip(array.count * row.width, "an array's elements");
}

absl::StatusOr<GgufValue> ReadArray(ByteCursor& cursor) {
  GOVERNOR_ASSIGN_OR_RETURN(GgufArray array, ReadArrayHead(cursor, 1));
  const TypeRow& row = RowOf(array.element_type);
  const bool number = row.kind != Kind::kString && row.kind != Kind::kArray;
  if (number && array.count <= GgufArray::kMaxKeptElements) {
    GOVERNOR_ASSIGN_OR_RETURN(
        array.elements,
        cursor.ReadBytes(array.count * row.width, "an array's elements"));
  } else {
    GOVERNOR_RETURN_IF_ERROR(SkipElements(cursor, array, 1));
  }
  return GgufValue(std::move(array));
}

struct Printer {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(uint64_t value) const { return absl::StrCat(value); }
  std::string operator()(int64_t value) const { return absl::StrCat(value); }
  std::string operator()(double value) const { return absl::StrCat(value); }
  std::string operator()(const std::string& value) const {
    return absl::StrCat("'", absl::CHexEscape(value.substr(0, kMaxQuoted)),
                        value.size() > kMaxQuoted ? "..." : "", "'");
  }
  std::string operator()(const GgufArray& value) const {
    return absl::StrCat("array of ", value.count, " ",
                        GgufTypeName(value.element_type));
  }
};

}  // namespace

absl::string_view GgufTypeName(GgufType type) { return RowOf(type).name; }

std::optional<uint64_t> GgufArray::UnsignedAt(uint64_t index) const {
  const TypeRow& row = RowOf(element_type);
  if (row.kind != Kind::kUnsigned && row.kind != Kind::kSigned) return {};
  if (index >= elements.size() / row.width) return {};
  uint64_t bits = 0;
  for (uint64_t i = row.width; i-- > 0;) {
    bits =
        bits << 8 | static_cast<unsigned char>(elements[index * row.width + i]);
  }
  if (row.kind == Kind::kSigned && SignExtend(bits, row.width) < 0) return {};
  return bits;
}

std::optional<uint64_t> GgufArray::FlagAt(uint64_t index) const {
  if (element_type != GgufType::kBool) return UnsignedAt(index);
  if (index >= elements.size()) return {};
  return static_cast<unsigned char>(elements[index]);
}

std::optional<uint64_t> AsUnsigned(const GgufValue& value) {
  if (const auto* number = std::get_if<uint64_t>(&value)) return *number;
  const auto* number = std::get_if<int64_t>(&value);
  if (number != nullptr && *number >= 0) return static_cast<uint64_t>(*number);
  return std::nullopt;
}

std::string ToString(const GgufValue& value) {
  return std::visit(Printer(), value);
}

absl::StatusOr<GgufValue> ReadGgufValue(ByteCursor& cursor) {
  GOVERNOR_ASSIGN_OR_RETURN(const GgufType type,
                            ReadType(cursor, "a value's type"));
  const TypeRow& row = RowOf(type);
  if (row.kind == Kind::kArray) return ReadArray(cursor);
  if (row.kind == Kind::kString) {
    GOVERNOR_ASSIGN_OR_RETURN(const uint64_t length,
                              cursor.ReadU64("a string's length"));
    GOVERNOR_ASSIGN_OR_RETURN(std::string text,
                              cursor.ReadBytes(length, "a string"));
    return GgufValue(std::move(text));
  }
  const uint64_t at = cursor.offset();
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t bits,
                            cursor.ReadUnsigned(row.width, "a value"));
  switch (row.kind) {
    case Kind::kUnsigned:
      return GgufValue(bits);
    case Kind::kSigned:
      return GgufValue(SignExtend(bits, row.width));
    case Kind::kFloat:
      return GgufValue(AsDouble(bits, row.width));
    default:
      break;
  }
  if (bits > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "offset ", at, " has a bool of ", bits, ", which is neither 0 nor 1"));
  }
  return GgufValue(bits == 1);
}

}  // namespace governor
