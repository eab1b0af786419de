#include "governor/model/json_file_error.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "governor/model/file_kind.h"

namespace governor {
namespace {

// More than the longest that is recognised, after some white space.
constexpr uint64_t kStart = 64;

}  // namespace

absl::Status JsonFileError(const absl::Status& error, const ByteSource& source,
                           absl::string_view file) {
  std::string message = absl::StrCat(file, ": ", error.message());
  const uint64_t size = source.size().count();
  std::string first(static_cast<size_t>(std::min(size, kStart)), '\0');
  if (source.ReadAt(0, absl::MakeSpan(first)).ok()) {
    const std::string kind = DescribeForeignJson(first);
    if (!kind.empty()) {
      absl::StrAppend(&message, "; it is no JSON object, but ", kind);
    } else if (absl::StrContains(
                   error.message(),
                   absl::StrCat("not JSON at offset ", size, ":"))) {
      absl::StrAppend(&message, ", but the file ends there, after ", size,
                      " bytes; it is cut short, download it again");
    }
  }
  return absl::Status(error.code(), message);
}

}  // namespace governor
