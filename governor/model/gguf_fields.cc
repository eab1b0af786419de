#include "governor/model/gguf_fields.h"

#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"

namespace governor {
namespace {

constexpr absl::string_view kArchitectureKey = "general.architecture";

absl::Status NotPositive(absl::string_view key, absl::string_view found) {
  return absl::InvalidArgumentError(
      absl::StrCat(key, " is ", found, ", but must be an integer above zero"));
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

absl::StatusOr<std::optional<uint64_t>> GgufFields::PositiveIfThere(
    absl::string_view field) const {
  const std::string key = Key(field);
  const GgufValue* value = gguf_->Find(key);
  if (value == nullptr) return std::optional<uint64_t>();
  const std::optional<uint64_t> number = AsUnsigned(*value);
  if (!number || *number == 0) return NotPositive(key, ToString(*value));
  return number;
}

absl::StatusOr<uint64_t> GgufFields::Positive(absl::string_view field) const {
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> number,
                            PositiveIfThere(field));
  if (number) return *number;
  return absl::InvalidArgumentError(
      absl::StrCat(Key(field), " is missing from the file's metadata"));
}

absl::StatusOr<std::vector<uint64_t>> GgufFields::PositivePerLayer(
    absl::string_view field, uint64_t count) const {
  const std::string key = Key(field);
  const GgufValue* value = gguf_->Find(key);
  if (value == nullptr) return std::vector<uint64_t>();
  const auto* array = std::get_if<GgufArray>(value);
  if (array == nullptr) {
    GOVERNOR_ASSIGN_OR_RETURN(const uint64_t number, Positive(field));
    return std::vector<uint64_t>(count, number);
  }
  if (array->count != count) {
    return absl::InvalidArgumentError(
        absl::StrCat(key, " is an ", ToString(*value), ", but ",
                     Key("block_count"), " is ", count));
  }
  std::vector<uint64_t> numbers(count);
  for (uint64_t i = 0; i < count; ++i) {
    const std::optional<uint64_t> number = array->UnsignedAt(i);
    if (!number || *number == 0) {
      return NotPositive(absl::StrCat(key, "[", i, "]"),
                         number ? "0" : "no count");
    }
    numbers[i] = *number;
  }
  return numbers;
}

}  // namespace governor
