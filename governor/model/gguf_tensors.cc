#include "governor/model/gguf_tensors.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/base/status_macros.h"
#include "governor/model/gguf_name.h"

namespace governor {
namespace {

// A name of one byte with its length, the number of dimensions, one dimension,
// type and offset.
constexpr uint64_t kSmallestInfo = 8 + 1 + 4 + 8 + 4 + 8;
constexpr uint64_t kMaxTensors = uint64_t{1} << 20;

absl::Status Refuse(const GgufTensor& tensor, absl::string_view reason) {
  return absl::InvalidArgumentError(
      absl::StrCat("tensor ", QuotedName(tensor.name), " ", reason));
}

std::string Shape(const GgufTensor& tensor) {
  std::string shape = absl::StrCat(tensor.dimensions[0]);
  for (uint32_t i = 1; i < tensor.dimension_count; ++i) {
    absl::StrAppend(&shape, "x", tensor.dimensions[i]);
  }
  return shape;
}

absl::Status ReadDimensions(ByteCursor& cursor, GgufTensor& tensor) {
  const uint64_t at = cursor.offset();
  GOVERNOR_ASSIGN_OR_RETURN(tensor.dimension_count,
                            cursor.ReadU32("a tensor's dimension count"));
  if (tensor.dimension_count == 0 ||
      tensor.dimension_count > GgufTensor::kMaxDimensions) {
    return Refuse(tensor,
                  absl::StrCat("has ", tensor.dimension_count,
                               " dimensions at offset ", at, ", but 1 to ",
                               GgufTensor::kMaxDimensions, " are allowed"));
  }
  for (uint32_t i = 0; i < tensor.dimension_count; ++i) {
    const uint64_t dimension_at = cursor.offset();
    GOVERNOR_ASSIGN_OR_RETURN(tensor.dimensions[i],
                              cursor.ReadU64("a tensor's dimension"));
    if (tensor.dimensions[i] == 0) {
      return Refuse(tensor,
                    absl::StrCat("has dimension ", i,
                                 " of zero elements at offset ", dimension_at));
    }
  }
  return absl::OkStatus();
}

// Sets `elements` and `size` from type and dimensions.
absl::Status Measure(GgufTensor& tensor) {
  const GgmlType& type = *tensor.type;
  if (tensor.dimensions[0] % type.block_elements != 0) {
    return Refuse(
        tensor,
        absl::StrCat("has rows of ", tensor.dimensions[0], " elements, but ",
                     type.name, " stores blocks of ", type.block_elements));
  }
  std::optional<Bytes> elements(Bytes(1));
  std::optional<Bytes> size(Bytes(type.block_bytes));
  for (uint32_t i = 0; i < tensor.dimension_count; ++i) {
    const uint64_t dimension = tensor.dimensions[i];
    if (elements) elements = CheckedMultiply(*elements, dimension);
    if (size) {
      size = CheckedMultiply(
          *size, i == 0 ? dimension / type.block_elements : dimension);
    }
  }
  if (!elements || !size) {
    return Refuse(tensor, absl::StrCat("of ", Shape(tensor), " ", type.name,
                                       " has more than 2^64 - 1 elements or "
                                       "bytes"));
  }
  tensor.elements = elements->count();
  tensor.size = *size;
  return absl::OkStatus();
}

absl::StatusOr<GgufTensor> ReadTensor(ByteCursor& cursor) {
  GgufTensor tensor;
  GOVERNOR_ASSIGN_OR_RETURN(tensor.name,
                            ReadGgufName(cursor, "a tensor's name"));
  GOVERNOR_RETURN_IF_ERROR(ReadDimensions(cursor, tensor));
  const uint64_t at = cursor.offset();
  GOVERNOR_ASSIGN_OR_RETURN(const uint32_t type,
                            cursor.ReadU32("a tensor's type"));
  absl::StatusOr<const GgmlType*> found = FindGgmlType(type);
  if (!found.ok()) {
    return absl::Status(
        found.status().code(),
        absl::StrCat("tensor ", QuotedName(tensor.name), " at offset ", at,
                     ": ", found.status().message()));
  }
  tensor.type = *found;
  GOVERNOR_RETURN_IF_ERROR(Measure(tensor));
  GOVERNOR_ASSIGN_OR_RETURN(tensor.offset, cursor.ReadU64("a tensor's offset"));
  return tensor;
}

absl::Status Place(GgufTensor& tensor, uint64_t data_start, uint64_t alignment,
                   Bytes file_size) {
  if (tensor.offset % alignment != 0) {
    return Refuse(tensor, absl::StrCat("is at data offset ", tensor.offset,
                                       ", which is no multiple of the "
                                       "alignment ",
                                       alignment));
  }
  const std::optional<Bytes> start =
      CheckedAdd(Bytes(tensor.offset), Bytes(data_start));
  const std::optional<Bytes> end =
      start ? CheckedAdd(*start, tensor.size) : std::nullopt;
  if (!end || *end > file_size) {
    return Refuse(
        tensor,
        absl::StrCat("needs ", tensor.size.count(), " bytes from data offset ",
                     tensor.offset, ", but the data section has ",
                     SaturatingSubtract(file_size, Bytes(data_start)).count(),
                     "; the file is cut short or damaged, download it again"));
  }
  tensor.offset = start->count();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<GgufTensor>> ReadGgufTensors(ByteCursor& cursor,
                                                        uint64_t count) {
  const uint64_t room =
      std::min(kMaxTensors, cursor.remaining() / kSmallestInfo);
  if (count > room) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the header counts ", count, " tensors, but at most ", room,
        " can be in the ", cursor.remaining(), " bytes from offset ",
        cursor.offset(), " (and never more than ", kMaxTensors, ")"));
  }
  std::vector<GgufTensor> tensors;
  tensors.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    absl::StatusOr<GgufTensor> tensor = ReadTensor(cursor);
    if (!tensor.ok()) {
      return absl::Status(
          tensor.status().code(),
          absl::StrCat(tensor.status().message(), " (in tensor info ", i,
                       " of ", count, ")"));
    }
    tensors.push_back(*std::move(tensor));
  }
  return tensors;
}

absl::Status PlaceGgufTensors(absl::Span<GgufTensor> tensors,
                              uint64_t data_start, uint64_t alignment,
                              Bytes file_size) {
  for (GgufTensor& tensor : tensors) {
    GOVERNOR_RETURN_IF_ERROR(Place(tensor, data_start, alignment, file_size));
  }
  // Indices rather than copies, to hold no more than the header justifies.
  std::vector<uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0);

  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return tensors[a].name < tensors[b].name;
  });
  for (size_t i = 1; i < order.size(); ++i) {
    if (tensors[order[i]].name == tensors[order[i - 1]].name) {
      return Refuse(tensors[order[i]], "is in the file twice");
    }
  }

  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return tensors[a].offset < tensors[b].offset;
  });
  for (size_t i = 1; i < order.size(); ++i) {
    const GgufTensor& before = tensors[order[i - 1]];
    const GgufTensor& after = tensors[order[i]];
    if (after.offset < before.offset + before.size.count()) {
      return Refuse(
          after,
          absl::StrCat("at offset ", after.offset, " overlaps tensor ",
                       QuotedName(before.name), " of ", before.size.count(),
                       " bytes at offset ", before.offset));
    }
  }
  return absl::OkStatus();
}

}  // namespace governor
