#include "governor/model/safetensors_entries.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "governor/base/bytes.h"
#include "governor/base/status_macros.h"
#include "governor/model/gguf_name.h"
#include "governor/model/safetensors_dtype.h"

namespace governor {
namespace {

// "a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}
constexpr uint64_t kSmallestEntry = 50;
// What entry_.name_length can hold.
constexpr size_t kMaxName = 0xFFFF;

std::string Print(JsonNumber number) {
  return std::visit([](auto value) { return absl::StrCat(value); }, number);
}

void AppendPacked(uint64_t value, std::string& out) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

}  // namespace

SafetensorsEntries::SafetensorsEntries(uint64_t header_length) {
  entries.reserve(static_cast<size_t>(
      std::min(kMaxTensors, header_length / kSmallestEntry)));
  text.reserve(static_cast<size_t>(header_length));
}

absl::Status SafetensorsEntries::Refuse(absl::string_view reason) const {
  const absl::string_view name =
      absl::string_view(text).substr(entry_.text, entry_.name_length);
  return absl::InvalidArgumentError(
      absl::StrCat("tensor ", QuotedName(name), " ", reason));
}

absl::Status SafetensorsEntries::Unexpected(absl::string_view found) const {
  switch (state_) {
    case State::kHeader:
      return absl::InvalidArgumentError(
          absl::StrCat("the header is ", found, ", but must be an object"));
    case State::kTensor:
      return Refuse(
          absl::StrCat("is ", found,
                       ", but must be an object with dtype, shape and "
                       "data_offsets"));
    case State::kDtype:
      return Refuse(absl::StrCat("has a dtype that is ", found,
                                 ", but must be a string such as \"BF16\""));
    case State::kShape:
      return Refuse(absl::StrCat("has a shape that is ", found,
                                 ", but must be an array"));
    case State::kDimension:
      return Refuse(absl::StrCat("has ", found,
                                 " in its shape, but dimensions are whole "
                                 "numbers below 2^64"));
    case State::kOffsets:
      return Refuse(absl::StrCat("has data_offsets that are ", found,
                                 ", but must be an array"));
    case State::kOffset:
      return Refuse(absl::StrCat("has ", found,
                                 " in its data_offsets, but offsets are whole "
                                 "numbers below 2^64"));
    case State::kMetadata:
      return absl::InvalidArgumentError(absl::StrCat(
          "__metadata__ is ", found, ", but must be an object of strings"));
    case State::kMetadataValue:
      return absl::InvalidArgumentError(
          absl::StrCat("__metadata__ holds ", found,
                       ", but all of its values must be strings"));
    case State::kName:
    case State::kField:
    case State::kMetadataKey:
    case State::kDone:
      break;  // only keys and ends come here, which JSON itself sees to
  }
  return absl::InternalError(absl::StrCat("unexpected ", found));
}

absl::Status SafetensorsEntries::Null() { return Unexpected("null"); }

absl::Status SafetensorsEntries::Bool(bool) { return Unexpected("a boolean"); }

absl::Status SafetensorsEntries::Number(JsonNumber value) {
  const uint64_t* whole = std::get_if<uint64_t>(&value);
  if (state_ == State::kDimension && whole != nullptr) {
    if (entry_.dimensions == kMaxDimensions) {
      return Refuse(absl::StrCat("has more than ", kMaxDimensions,
                                 " dimensions, which is the limit"));
    }
    shape_[entry_.dimensions++] = *whole;
    return absl::OkStatus();
  }
  if (state_ == State::kOffset && whole != nullptr) {
    if (offset_count_ == 2) return Refuse("has more than two data_offsets");
    offsets_[offset_count_++] = *whole;
    return absl::OkStatus();
  }
  return Unexpected(absl::StrCat("the number ", Print(value)));
}

absl::Status SafetensorsEntries::String(absl::string_view value) {
  if (state_ == State::kMetadataValue) {
    state_ = State::kMetadataKey;
    return absl::OkStatus();
  }
  if (state_ != State::kDtype) {
    return Unexpected(absl::StrCat("the text ", QuotedName(value)));
  }
  absl::StatusOr<const SafetensorsDtype*> dtype = FindSafetensorsDtype(value);
  if (!dtype.ok()) {
    return absl::Status(dtype.status().code(),
                        Refuse(dtype.status().message()).message());
  }
  entry_.dtype = static_cast<uint8_t>(*dtype - SafetensorsDtypes().data());
  state_ = State::kField;
  return absl::OkStatus();
}

absl::Status SafetensorsEntries::StartObject() {
  switch (state_) {
    case State::kHeader:
      state_ = State::kName;
      return absl::OkStatus();
    case State::kTensor:
      state_ = State::kField;
      return absl::OkStatus();
    case State::kMetadata:
      state_ = State::kMetadataKey;
      return absl::OkStatus();
    default:
      return Unexpected("an object");
  }
}

absl::Status SafetensorsEntries::Key(absl::string_view name) {
  if (state_ == State::kField) return StartField(name);
  if (state_ == State::kMetadataKey) {
    state_ = State::kMetadataValue;
    return absl::OkStatus();
  }
  if (name != "__metadata__") return StartTensor(name);
  if (std::exchange(has_metadata_, true)) {
    return absl::InvalidArgumentError("__metadata__ is there twice");
  }
  state_ = State::kMetadata;
  return absl::OkStatus();
}

absl::Status SafetensorsEntries::StartTensor(absl::string_view name) {
  if (entries.size() == kMaxTensors) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the header has more than ", kMaxTensors,
        " tensors, which is the limit; split the file into shards"));
  }
  if (name.empty() || name.size() > kMaxName ||
      name.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a tensor is named ", QuotedName(name), " (", name.size(),
        " bytes), but names have 1 to ", kMaxName, " bytes and no NUL"));
  }
  entry_ = SafetensorsEntry();
  entry_.text = static_cast<uint32_t>(text.size());
  entry_.name_length = static_cast<uint16_t>(name.size());
  text.append(name.data(), name.size());
  has_dtype_ = has_shape_ = has_offsets_ = false;
  offset_count_ = 0;
  state_ = State::kTensor;
  return absl::OkStatus();
}

absl::Status SafetensorsEntries::StartField(absl::string_view name) {
  bool* there = nullptr;
  if (name == "dtype") {
    state_ = State::kDtype;
    there = &has_dtype_;
  } else if (name == "shape") {
    state_ = State::kShape;
    there = &has_shape_;
  } else if (name == "data_offsets") {
    state_ = State::kOffsets;
    there = &has_offsets_;
  } else {
    return Refuse(absl::StrCat("has a field ", QuotedName(name),
                               ", but only dtype, shape and data_offsets are "
                               "known"));
  }
  if (std::exchange(*there, true)) {
    return Refuse(absl::StrCat("has its ", name, " twice"));
  }
  return absl::OkStatus();
}

absl::Status SafetensorsEntries::EndObject() {
  switch (state_) {
    case State::kField:
      state_ = State::kName;
      return EndTensor();
    case State::kMetadataKey:
      state_ = State::kName;
      return absl::OkStatus();
    default:
      state_ = State::kDone;
      return absl::OkStatus();
  }
}

absl::Status SafetensorsEntries::EndTensor() {
  if (!has_dtype_ || !has_shape_ || !has_offsets_) {
    return Refuse(absl::StrCat("has no ", !has_dtype_   ? "dtype"
                                          : !has_shape_ ? "shape"
                                                        : "data_offsets"));
  }
  entry_.begin = offsets_[0];
  entry_.end = offsets_[1];
  if (entry_.begin > entry_.end) {
    return Refuse(absl::StrCat("begins at data offset ", entry_.begin,
                               ", behind its end at ", entry_.end));
  }
  const SafetensorsDtype& dtype = SafetensorsDtypes()[entry_.dtype];
  std::optional<Bytes> bits(Bytes(1));
  for (uint32_t i = 0; i < entry_.dimensions && bits; ++i) {
    bits = CheckedMultiply(*bits, shape_[i]);
    AppendPacked(shape_[i], text);
  }
  if (bits) bits = CheckedMultiply(*bits, dtype.bits);
  if (!bits) {
    return Refuse(absl::StrCat("of ", dtype.name,
                               " has a shape of more than 2^64 - 1 bits"));
  }
  if (bits->count() % 8 != 0) {
    return Refuse(absl::StrCat("of ", dtype.name, " has ", bits->count(),
                               " bits, which is no whole number of bytes"));
  }
  if (bits->count() / 8 != entry_.end - entry_.begin) {
    return Refuse(absl::StrCat("of ", dtype.name, " needs ", bits->count() / 8,
                               " bytes for its shape, but has ",
                               entry_.end - entry_.begin, " from data offset ",
                               entry_.begin, " to ", entry_.end));
  }
  entries.push_back(entry_);
  return absl::OkStatus();
}

absl::Status SafetensorsEntries::StartArray() {
  if (state_ == State::kShape) {
    state_ = State::kDimension;
    return absl::OkStatus();
  }
  if (state_ == State::kOffsets) {
    state_ = State::kOffset;
    return absl::OkStatus();
  }
  return Unexpected("an array");
}

absl::Status SafetensorsEntries::EndArray() {
  if (state_ == State::kOffset && offset_count_ != 2) {
    return Refuse(absl::StrCat("has ", offset_count_,
                               " data_offsets, but must have two"));
  }
  state_ = State::kField;
  return absl::OkStatus();
}

}  // namespace governor
