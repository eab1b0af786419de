#include "governor/model/gguf.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/model/byte_cursor.h"
#include "governor/model/file_byte_source.h"
#include "governor/model/file_kind.h"
#include "governor/model/gguf_name.h"

namespace governor {
namespace {

constexpr Bytes kMaxHeader(100'000'000);
constexpr absl::string_view kMagic = "GGUF";
// A key of one byte with its length, a type, and a value of one byte.
constexpr uint64_t kSmallestEntry = 8 + 1 + 4 + 1;
// Real files have some thirty to fifty.
constexpr uint64_t kMaxEntries = 4096;
constexpr absl::string_view kAlignmentKey = "general.alignment";
constexpr uint64_t kDefaultAlignment = 32;
constexpr uint64_t kMaxAlignment = MiB(1).count();

absl::Status CheckMagic(const ByteSource& source, ByteCursor& cursor) {
  std::string first(std::min<uint64_t>(source.size().count(), 16), '\0');
  GOVERNOR_RETURN_IF_ERROR(source.ReadAt(0, absl::MakeSpan(first)));
  if (absl::string_view(first).substr(0, kMagic.size()) == kMagic) {
    return cursor.Skip(kMagic.size(), "the magic");
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the file does not start with 'GGUF'; it is ",
                   DescribeForeignFile(first)));
}

absl::StatusOr<uint32_t> ReadVersion(ByteCursor& cursor) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint32_t version,
                            cursor.ReadU32("the version"));
  if (version == 2 || version == 3) return version;
  if (version != 0 && (version & 0xFFFF) == 0) {
    return absl::UnimplementedError(
        absl::StrCat("the file is in big-endian order (its version reads as ",
                     version, "); convert it to little-endian"));
  }
  return absl::UnimplementedError(absl::StrCat(
      "GGUF version ", version, " at offset ", kMagic.size(),
      ", but versions 2 and 3 are read",
      version == 1 ? "; convert or download the model again"
                   : "; the file is damaged, or newer than this library"));
}

absl::Status ReadMetadata(ByteCursor& cursor, uint64_t count, Gguf& gguf) {
  const uint64_t room =
      std::min(kMaxEntries, cursor.remaining() / kSmallestEntry);
  if (count > room) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the header counts ", count, " metadata entries, but at most ", room,
        " can be in the ", cursor.remaining(), " bytes from offset ",
        cursor.offset(), " (and never more than ", kMaxEntries, ")"));
  }
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t at = cursor.offset();
    GOVERNOR_ASSIGN_OR_RETURN(std::string key,
                              ReadGgufName(cursor, "a metadata key"));
    absl::StatusOr<GgufValue> value = ReadGgufValue(cursor);
    if (!value.ok()) {
      return absl::Status(
          value.status().code(),
          absl::StrCat(value.status().message(), " (in metadata entry ", i,
                       " of ", count, ", key ", QuotedName(key), ")"));
    }
    if (gguf.Find(key) != nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("metadata key ", QuotedName(key),
                       " is there twice, again at offset ", at));
    }
    gguf.metadata.emplace(std::move(key), *std::move(value));
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> AlignmentOf(const Gguf& gguf) {
  const GgufValue* value = gguf.Find(kAlignmentKey);
  if (value == nullptr) return kDefaultAlignment;
  const std::optional<uint64_t> alignment = AsUnsigned(*value);
  if (alignment && *alignment != 0 && (*alignment & (*alignment - 1)) == 0 &&
      *alignment <= kMaxAlignment) {
    return *alignment;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(kAlignmentKey, " is ", ToString(*value),
                   ", but must be a power of two from 1 to ", kMaxAlignment));
}

absl::StatusOr<Gguf> Parse(const ByteSource& source) {
  Gguf gguf;
  gguf.file_size = source.size();
  ByteCursor cursor(source, kMaxHeader);
  GOVERNOR_RETURN_IF_ERROR(CheckMagic(source, cursor));
  GOVERNOR_ASSIGN_OR_RETURN(gguf.version, ReadVersion(cursor));
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t tensors,
                            cursor.ReadU64("the tensor count"));
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t entries,
                            cursor.ReadU64("the metadata count"));
  GOVERNOR_RETURN_IF_ERROR(ReadMetadata(cursor, entries, gguf));
  GOVERNOR_ASSIGN_OR_RETURN(gguf.alignment, AlignmentOf(gguf));
  GOVERNOR_ASSIGN_OR_RETURN(gguf.tensors, ReadGgufTensors(cursor, tensors));
  // The header is at most 100 MB and the alignment 1 MiB: cannot wrap.
  gguf.data_offset =
      AlignUp(Bytes(cursor.offset()), Bytes(gguf.alignment))->count();
  GOVERNOR_RETURN_IF_ERROR(PlaceGgufTensors(absl::MakeSpan(gguf.tensors),
                                            gguf.data_offset, gguf.alignment,
                                            gguf.file_size));
  return gguf;
}

}  // namespace

const GgufValue* Gguf::Find(absl::string_view key) const {
  const auto found = metadata.find(key);
  return found == metadata.end() ? nullptr : &found->second;
}

absl::StatusOr<Gguf> ParseGguf(const ByteSource& source) {
  absl::StatusOr<Gguf> gguf = Parse(source);
  if (gguf.ok()) return gguf;
  return absl::Status(
      gguf.status().code(),
      absl::StrCat("cannot read GGUF: ", gguf.status().message()));
}

absl::StatusOr<Gguf> ReadGguf(const std::string& path) {
  GOVERNOR_ASSIGN_OR_RETURN(const std::unique_ptr<FileByteSource> source,
                            FileByteSource::Open(path));
  absl::StatusOr<Gguf> gguf = ParseGguf(*source);
  if (gguf.ok()) return gguf;
  return absl::Status(gguf.status().code(),
                      absl::StrCat(gguf.status().message(), "; file '",
                                   absl::Utf8SafeCHexEscape(path), "'"));
}

}  // namespace governor
