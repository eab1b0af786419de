#include "governor/host/cgroup_memory.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "governor/host/cgroup_parsers.h"

namespace governor {
namespace {

using Cgroup = HostSnapshot::Cgroup;
using Fault = HostSnapshot::Fault;

bool IsFolder(const std::string& path) {
  struct stat found = {};
  return ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
}

bool IsFile(const std::string& path) {
  struct stat found = {};
  return ::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode);
}

// Below the root, or "": there is no such mount.
std::string Mount(const std::string& root, int version) {
  if (version == 1) {
    return IsFolder(root + "sys/fs/cgroup/memory") ? "sys/fs/cgroup/memory"
                                                   : "";
  }
  for (const char* const folder : {"sys/fs/cgroup", "sys/fs/cgroup/unified"}) {
    if (IsFile(absl::StrCat(root, folder, "/cgroup.controllers"))) {
      return folder;
    }
  }
  return "";
}

Bytes Room(const Cgroup& group) {
  return SaturatingSubtract(
      group.limit, SaturatingSubtract(group.used, group.inactive_file));
}

}  // namespace

struct CgroupMemory::Level {
  // `folder` below the root.
  Level(const std::string& root, const std::string& folder, int version)
      : limit(
            root,
            folder + (version == 1 ? "/memory.limit_in_bytes" : "/memory.max"),
            HostFile::Length::kOnePread),
        used(root,
             folder +
                 (version == 1 ? "/memory.usage_in_bytes" : "/memory.current"),
             HostFile::Length::kOnePread),
        stat(root, folder + "/memory.stat", HostFile::Length::kAny) {}

  void SetUnlimited() {
    if (!is_innermost) pass_over.store(15, std::memory_order_relaxed);
  }
  // Two threads at once may read it once more, or once less.
  bool PassOver() {
    const int left = pass_over.load(std::memory_order_relaxed);
    if (left > 0) pass_over.store(left - 1, std::memory_order_relaxed);
    return left > 0;
  }

  HostFile limit;
  HostFile used;
  HostFile stat;
  std::string path;  // as the kernel names the group
  bool is_innermost = false;
  std::atomic<int> pass_over{0};  // readings
};

struct CgroupMemory::Levels {
  int version = 0;
  std::vector<std::unique_ptr<Level>> levels;  // innermost first
};

CgroupMemory::CgroupMemory(const std::string& root)
    : root_(root),
      membership_(root, "proc/self/cgroup", HostFile::Length::kOnePread) {}

CgroupMemory::~CgroupMemory() { delete levels_.load(); }

const CgroupMemory::Levels* CgroupMemory::Find(
    std::vector<Fault>& faults) const {
  if (const Levels* const known = levels_.load()) return known;
  const auto member = membership_.Read(CgroupMembershipParser(), faults);
  if (!member) return nullptr;
  auto found = std::make_unique<Levels>();
  found->version = member->version;
  if (member->version != 0) {
    const std::string mount = Mount(root_, member->version);
    if (mount.empty()) {
      faults.push_back({Fault::Kind::kMissing, "sys/fs/cgroup",
                        "the memory controller is not mounted"});
      return nullptr;
    }
    std::string path = member->path;
    // The root of all groups of version 1 cannot have a limit, and only there
    // is this file.
    const bool has_root = member->version == 1 &&
                          IsFile(absl::StrCat(root_, mount, "/release_agent"));
    if (!IsFolder(absl::StrCat(root_, mount, path))) path = "/";
    while (path != "/" || !has_root) {
      if (found->levels.size() == kMostLevels) {
        faults.push_back({Fault::Kind::kMalformed, "proc/self/cgroup",
                          "more groups within one another than are read"});
        return nullptr;
      }
      const std::string folder = path == "/" ? mount : mount + path;
      found->levels.push_back(
          std::make_unique<Level>(root_, folder, member->version));
      found->levels.back()->path = path;
      found->levels.back()->is_innermost = found->levels.size() == 1;
      if (path == "/") break;
      path.resize(path.rfind('/'));
      if (path.empty()) path = "/";
    }
  }
  const Levels* expected = nullptr;
  if (levels_.compare_exchange_strong(expected, found.get())) {
    return found.release();
  }
  return expected;
}

std::optional<Cgroup> CgroupMemory::Read(bool thorough,
                                         std::vector<Fault>& faults) const {
  const Levels* const found = Find(faults);
  if (found == nullptr) return std::nullopt;
  const Level* tightest = nullptr;
  Cgroup least;
  for (const std::unique_ptr<Level>& level : found->levels) {
    if (!thorough && level->PassOver()) continue;
    // A group to which the controller was not given has no such file.
    if (!level->limit.Exists()) {
      level->SetUnlimited();
      continue;
    }
    const auto limit = level->limit.Read(CgroupSizeParser(), faults);
    if (!limit) continue;
    if (!limit->size) {
      level->SetUnlimited();
      continue;
    }
    const auto used = level->used.Read(CgroupSizeParser(), faults);
    if (!used) continue;
    Cgroup group;
    group.limit = *limit->size;
    // No count: as much as it may.
    group.used = used->size.value_or(group.limit);
    const std::optional<Bytes> inactive_file =
        level->stat.Read(CgroupStatParser(found->version), faults);
    group.inactive_file = std::min(inactive_file.value_or(Bytes()), group.used);
    if (tightest == nullptr || Room(group) < Room(least)) {
      tightest = level.get();
      least = std::move(group);
    }
  }
  if (tightest == nullptr) return std::nullopt;
  least.version = found->version;
  least.path = tightest->path;
  return least;
}

}  // namespace governor
