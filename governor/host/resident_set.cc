#include "governor/host/resident_set.h"

#include <fcntl.h>
#include <unistd.h>

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace governor {

std::optional<Bytes> ResidentSetOf(int64_t pid, const std::string& root) {
  const std::string path = absl::StrCat(root, "/proc/", pid, "/statm");
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  char text[256];
  const ssize_t size = ::pread(file, text, sizeof(text), 0);
  ::close(file);
  if (size <= 0) return std::nullopt;
  const std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(text, static_cast<size_t>(size)), ' ');
  uint64_t pages = 0;
  if (fields.size() < 2 || !absl::SimpleAtoi(fields[1], &pages)) {
    return std::nullopt;
  }
  return CheckedMultiply(Bytes(static_cast<uint64_t>(::sysconf(_SC_PAGESIZE))),
                         pages);
}

}  // namespace governor
