#include "governor/model/gguf_fields.h"

#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"

namespace governor {
namespace {

constexpr absl::string_view kArchitectureKey = "general.architecture";

absl::Status NotANumber(absl::string_view key, absl::string_view found,
                        uint64_t least) {
  return absl::InvalidArgumentError(
      absl::StrCat(key, " is ", found, ", but must be an integer, ",
                   least == 0 ? "not below zero" : "above zero"));
}

absl::Status WrongLength(const GgufFields& fields, absl::string_view field,
                         const GgufArray& array, uint64_t count) {
  return absl::InvalidArgumentError(
      absl::StrCat(fields.Key(field), " is an ", ToString(array), ", but ",
                   fields.Key("block_count"), " is ", count));
}

}  // namespace

absl::StatusOr<GgufFields> GgufFields::Create(const Gguf& gguf) {
  const GgufValue* value = gguf.Find(kArchitectureKey);
  if (value == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(kArchitectureKey, " is missing: the file holds no model"));
  }
  const auto* architecture = std::get_if<std::string>(value);
  if (architecture == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        kArchitectureKey, " is ", ToString(*value), ", but must be a string"));
  }
  return GgufFields(gguf, *architecture);
}

std::string GgufFields::Key(absl::string_view field) const {
  return absl::StrCat(*architecture_, ".", field);
}

absl::StatusOr<std::optional<uint64_t>> GgufFields::NumberIfThere(
    absl::string_view field) const {
  const std::string key = Key(field);
  const GgufValue* value = gguf_->Find(key);
  if (value == nullptr) return std::optional<uint64_t>();
  const std::optional<uint64_t> number = AsUnsigned(*value);
  if (!number) return NotANumber(key, ToString(*value), 0);
  return number;
}

absl::StatusOr<uint64_t> GgufFields::NumberOrZero(
    absl::string_view field) const {
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> number,
                            NumberIfThere(field));
  return number.value_or(0);
}

absl::StatusOr<std::optional<uint64_t>> GgufFields::PositiveIfThere(
    absl::string_view field) const {
  const std::string key = Key(field);
  const GgufValue* value = gguf_->Find(key);
  if (value == nullptr) return std::optional<uint64_t>();
  const std::optional<uint64_t> number = AsUnsigned(*value);
  if (!number || *number == 0) return NotANumber(key, ToString(*value), 1);
  return number;
}

absl::StatusOr<uint64_t> GgufFields::Positive(absl::string_view field) const {
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> number,
                            PositiveIfThere(field));
  if (number) return *number;
  return absl::InvalidArgumentError(
      absl::StrCat(Key(field), " is missing from the file's metadata"));
}

const GgufArray* GgufFields::ArrayIfThere(absl::string_view field) const {
  const GgufValue* value = gguf_->Find(Key(field));
  return value == nullptr ? nullptr : std::get_if<GgufArray>(value);
}

absl::StatusOr<std::vector<uint64_t>> GgufFields::PerLayer(
    absl::string_view field, uint64_t count, uint64_t least) const {
  const std::string key = Key(field);
  const GgufValue* value = gguf_->Find(key);
  if (value == nullptr) return std::vector<uint64_t>();
  const auto* array = std::get_if<GgufArray>(value);
  if (array == nullptr) {
    const std::optional<uint64_t> number = AsUnsigned(*value);
    if (!number || *number < least) {
      return NotANumber(key, ToString(*value), least);
    }
    return std::vector<uint64_t>(count, *number);
  }
  if (array->count != count) return WrongLength(*this, field, *array, count);
  std::vector<uint64_t> numbers(count);
  for (uint64_t i = 0; i < count; ++i) {
    const std::optional<uint64_t> number = array->UnsignedAt(i);
    if (!number || *number < least) {
      return NotANumber(absl::StrCat(key, "[", i, "]"),
                        number ? absl::StrCat(*number) : "no count", least);
    }
    numbers[i] = *number;
  }
  return numbers;
}

absl::StatusOr<std::vector<bool>> GgufFields::FlagsPerLayer(
    absl::string_view field, uint64_t count, uint64_t shorter) const {
  const GgufArray* array = ArrayIfThere(field);
  if (array == nullptr) return std::vector<bool>();
  if (array->count != count && array->count != shorter) {
    return WrongLength(*this, field, *array, count);
  }
  std::vector<bool> flags(count);
  for (uint64_t i = 0; i < array->count; ++i) {
    const std::optional<uint64_t> flag = array->FlagAt(i);
    if (!flag || *flag > 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          Key(field), "[", i, "] is ", flag ? absl::StrCat(*flag) : "no flag",
          ", but must be a bool, 0 or 1"));
    }
    flags[i] = *flag != 0;
  }
  return flags;
}

}  // namespace governor
