#include "governor/model/gguf_name.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "governor/base/bytes.h"
#include "governor/base/status_macros.h"
#include "governor/model/utf8.h"

namespace governor {
namespace {

constexpr uint64_t kMaxName = KiB(64).count();
constexpr size_t kMaxQuoted = 64;

}  // namespace

absl::StatusOr<std::string> ReadGgufName(ByteCursor& cursor,
                                         absl::string_view what) {
  const uint64_t at = cursor.offset();
  GOVERNOR_ASSIGN_OR_RETURN(
      const uint64_t length,
      cursor.ReadU64(absl::StrCat("the length of ", what)));
  if (length == 0 || length > kMaxName) {
    return absl::InvalidArgumentError(
        absl::StrCat("offset ", at, " gives ", what, " a length of ", length,
                     " bytes, but 1 to ", kMaxName, " are allowed"));
  }
  GOVERNOR_ASSIGN_OR_RETURN(std::string name, cursor.ReadBytes(length, what));
  if (!IsValidUtf8(name) || name.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("offset ", at, " has ", what,
                     " that is not UTF-8 without NUL: ", QuotedName(name)));
  }
  return name;
}

std::string QuotedName(absl::string_view name) {
  return absl::StrCat("'", absl::CHexEscape(name.substr(0, kMaxQuoted)),
                      name.size() > kMaxQuoted ? "..." : "", "'");
}

}  // namespace governor
