#include "governor/model/safetensors.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "governor/base/status_macros.h"
#include "governor/model/file_kind.h"
#include "governor/model/gguf_name.h"
#include "governor/model/json_events.h"

namespace governor {
namespace {

constexpr uint64_t kLength = 8;  // the bytes of the header's length
// As in the Rust library.
constexpr uint64_t kMaxHeader = 100'000'000;
constexpr uint64_t kSmallestHeader = 2;  // {}
// The header, a tensor, its shape.
constexpr int kMaxDepth = 3;

absl::string_view NameOf(const SafetensorsEntry& entry,
                         absl::string_view text) {
  return text.substr(entry.text, entry.name_length);
}

// What a file is whose first eight bytes are no length of a header.
absl::Status NoHeader(const ByteSource& source, uint64_t length) {
  const uint64_t size = source.size().count();
  std::string first(static_cast<size_t>(std::min<uint64_t>(size, 16)), '\0');
  GOVERNOR_RETURN_IF_ERROR(source.ReadAt(0, absl::MakeSpan(first)));
  if (length <= UINT32_MAX) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the file gives its header a length of ", length,
        " bytes, but it can have ", kSmallestHeader, " to ",
        std::min(size - kLength, kMaxHeader), " in a file of ", size,
        " bytes; the file is cut short or damaged, download it again"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the file is no safetensors file (its header would have ",
                   length, " bytes, and the limit is ", kMaxHeader, "); it is ",
                   DescribeForeignFile(first)));
}

absl::StatusOr<uint64_t> ReadLength(const ByteSource& source) {
  const uint64_t size = source.size().count();
  if (size < kLength + kSmallestHeader) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the file has ", size, " bytes, but safetensors has at least ",
        kLength + kSmallestHeader,
        "; the file is cut short or damaged, download it again"));
  }
  std::array<char, kLength> bytes;
  GOVERNOR_RETURN_IF_ERROR(source.ReadAt(0, absl::MakeSpan(bytes)));
  uint64_t length = 0;
  for (size_t i = 0; i < kLength; ++i) {
    length |= uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  if (length < kSmallestHeader || length > kMaxHeader ||
      length > size - kLength) {
    return NoHeader(source, length);
  }
  return length;
}

// Each tensor begins where the one before it ends, and the last ends with the
// file.
absl::Status CheckPlaces(absl::Span<const SafetensorsEntry> by_place,
                         absl::string_view text, uint64_t data_size) {
  uint64_t end = 0;
  const SafetensorsEntry* before = nullptr;
  for (const SafetensorsEntry& entry : by_place) {
    // Only for messages: quoting copies.
    const auto name = [&] { return QuotedName(NameOf(entry, text)); };
    if (entry.begin < end) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor ", name(), " begins at data offset ", entry.begin,
          ", inside tensor ", QuotedName(NameOf(*before, text)),
          ", which ends at ", end));
    }
    if (entry.end > data_size) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor ", name(), " ends at data offset ", entry.end,
          ", but the file holds ", data_size,
          " bytes of data; it is cut short or damaged, download it again"));
    }
    if (entry.begin > end) {
      return absl::InvalidArgumentError(absl::StrCat(
          "data offsets ", end, " to ", entry.begin, ", before tensor ", name(),
          ", belong to no tensor; write the file again without the hole"));
    }
    end = entry.end;
    before = &entry;
  }
  if (end != data_size) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the tensors end at data offset ", end, ", but the file holds ",
        data_size, " bytes of data; it is damaged, download it again"));
  }
  return absl::OkStatus();
}

absl::Status CheckNames(absl::Span<const SafetensorsEntry> by_name,
                        absl::string_view text) {
  const auto twice = std::adjacent_find(
      by_name.begin(), by_name.end(), [text](const auto& a, const auto& b) {
        return NameOf(a, text) == NameOf(b, text);
      });
  if (twice == by_name.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "tensor ", QuotedName(NameOf(*twice, text)), " is in the header twice"));
}

}  // namespace

absl::string_view Safetensors::name(size_t index) const {
  return NameOf(entries_[index], text_);
}

SafetensorsTensor Safetensors::tensor(size_t index) const {
  const SafetensorsEntry& entry = entries_[index];
  SafetensorsTensor tensor;
  tensor.name = NameOf(entry, text_);
  tensor.dtype = &SafetensorsDtypes()[entry.dtype];
  tensor.dimension_count = entry.dimensions;
  tensor.elements = 1;
  size_t at = entry.text + entry.name_length;
  for (uint32_t i = 0; i < entry.dimensions; ++i) {
    uint64_t dimension = 0;
    int shift = 0;
    do {
      dimension |= uint64_t{text_[at] & 0x7Fu} << shift;
      shift += 7;
    } while ((text_[at++] & 0x80) != 0);
    tensor.dimensions[i] = dimension;
    tensor.elements *= dimension;  // checked when it was read
  }
  tensor.offset = header_size_.count() + entry.begin;
  tensor.size = Bytes(entry.end - entry.begin);
  return tensor;
}

std::optional<SafetensorsTensor> Safetensors::Find(
    absl::string_view name) const {
  const auto found = std::lower_bound(
      entries_.begin(), entries_.end(), name,
      [this](const SafetensorsEntry& entry, absl::string_view wanted) {
        return NameOf(entry, text_) < wanted;
      });
  if (found == entries_.end() || NameOf(*found, text_) != name) {
    return std::nullopt;
  }
  return tensor(static_cast<size_t>(found - entries_.begin()));
}

absl::StatusOr<Safetensors> ParseSafetensors(const ByteSource& source) {
  const auto parse = [&source]() -> absl::StatusOr<Safetensors> {
    GOVERNOR_ASSIGN_OR_RETURN(const uint64_t length, ReadLength(source));
    SafetensorsEntries read(length);
    GOVERNOR_RETURN_IF_ERROR(
        ReadJson(source, kLength, length, kMaxDepth, read));
    Safetensors parsed;
    parsed.header_size_ = Bytes(kLength + length);
    parsed.data_size_ = source.size() - parsed.header_size_;
    parsed.entries_ = std::move(read.entries);
    parsed.text_ = std::move(read.text);
    // Writers sort by place, and loaders find by name.
    const auto place = [](const SafetensorsEntry& entry) {
      return std::tie(entry.begin, entry.end);
    };
    std::vector<SafetensorsEntry>& entries = parsed.entries_;
    const absl::string_view text = parsed.text_;
    const auto by_place = [place](const auto& a, const auto& b) {
      return place(a) < place(b);
    };
    if (!std::is_sorted(entries.begin(), entries.end(), by_place)) {
      std::sort(entries.begin(), entries.end(), by_place);
    }
    GOVERNOR_RETURN_IF_ERROR(
        CheckPlaces(entries, text, parsed.data_size_.count()));
    const auto by_name = [text](const auto& a, const auto& b) {
      return NameOf(a, text) < NameOf(b, text);
    };
    if (!std::is_sorted(entries.begin(), entries.end(), by_name)) {
      std::sort(entries.begin(), entries.end(), by_name);
    }
    GOVERNOR_RETURN_IF_ERROR(CheckNames(entries, text));
    return parsed;
  };
  absl::StatusOr<Safetensors> parsed = parse();
  if (parsed.ok()) return parsed;
  return absl::Status(
      parsed.status().code(),
      absl::StrCat("cannot read safetensors: ", parsed.status().message()));
}

}  // namespace governor
