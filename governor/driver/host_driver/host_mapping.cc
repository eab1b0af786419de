#include "governor/driver/host_driver/host_mapping.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace governor {
namespace {

bool IsSharedMemory(absl::string_view path) {
  for (const absl::string_view prefix :
       {"/memfd:", "/dev/zero", "/SYSV", "/dev/shm/", "/anon_hugepage"}) {
    if (absl::StartsWith(path, prefix)) return true;
  }
  struct statfs status = {};
  return statfs(std::string(path).c_str(), &status) == 0 &&
         (status.f_type == TMPFS_MAGIC || status.f_type == HUGETLBFS_MAGIC);
}

}  // namespace

std::optional<HostMapping> ParseHostMapping(absl::string_view line) {
  // begin-end perms offset device inode, and a path that may hold spaces
  const std::vector<absl::string_view> fields =
      absl::StrSplit(line, absl::MaxSplits(' ', 5));
  if (fields.size() < 5 || fields[1].size() != 4) return std::nullopt;
  const std::pair<absl::string_view, absl::string_view> range =
      absl::StrSplit(fields[0], absl::MaxSplits('-', 1));
  HostMapping mapping;
  if (!absl::SimpleHexAtoi(range.first, &mapping.begin) ||
      !absl::SimpleHexAtoi(range.second, &mapping.end)) {
    return std::nullopt;
  }
  mapping.readable = fields[1][0] == 'r';
  mapping.writable = fields[1][1] == 'w';
  mapping.shared = fields[1][3] == 's';
  const absl::string_view path =
      fields.size() < 6 ? "" : absl::StripLeadingAsciiWhitespace(fields[5]);
  mapping.file = fields[4] != "0" && !IsSharedMemory(path);
  return mapping;
}

std::optional<std::vector<HostMapping>> HostMappingsOf(uint64_t address,
                                                       uint64_t size) {
  std::ifstream maps("/proc/self/maps");
  std::vector<HostMapping> found;
  const uint64_t end = address + size;
  uint64_t covered = address;
  std::string line;
  while (covered < end && std::getline(maps, line)) {
    const std::optional<HostMapping> mapping = ParseHostMapping(line);
    if (!mapping || mapping->end <= covered) continue;
    if (mapping->begin > covered) return std::nullopt;
    found.push_back(*mapping);
    covered = mapping->end;
  }
  if (covered < end) return std::nullopt;
  return found;
}

}  // namespace governor
