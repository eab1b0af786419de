#include "governor/host/cgroup_memory.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
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
            HostFile::Length::kOneNumber),
        used(root,
             folder +
                 (version == 1 ? "/memory.usage_in_bytes" : "/memory.current"),
             HostFile::Length::kOneNumber),
        stat(root, folder + "/memory.stat", HostFile::Length::kAny) {}

  void SetUnlimited() {
    last_limit.store(kUnknown, std::memory_order_relaxed);
    if (!is_innermost) pass_over.store(15, std::memory_order_relaxed);
  }
  // Two threads at once may read it once more, or once less.
  bool PassOver() {
    const int left = pass_over.load(std::memory_order_relaxed);
    if (left > 0) pass_over.store(left - 1, std::memory_order_relaxed);
    return left > 0;
  }

  // The limit, or the last that was read; nullopt: there is none, or none was
  // ever read, and a fault.
  std::optional<Bytes> ReadLimit(std::vector<Fault>& faults);
  // A group of this limit.
  Cgroup ReadUse(Bytes limit, int version, std::vector<Fault>& faults);
  Cgroup LastUse(Bytes limit) const;

  static constexpr uint64_t kUnknown = ~uint64_t{0};

  HostFile limit;
  HostFile used;
  HostFile stat;
  std::string path;  // as the kernel names the group
  bool is_innermost = false;
  std::atomic<int> pass_over{0};  // readings
  // Of the last reading, in bytes. Two threads may leave figures of two
  // readings here, each true when it was read.
  std::atomic<uint64_t> last_limit{kUnknown};
  std::atomic<uint64_t> last_charge{kUnknown};  // used, less inactive file
  std::atomic<uint64_t> last_room{0};
};

std::optional<Bytes> CgroupMemory::Level::ReadLimit(
    std::vector<Fault>& faults) {
  // A group to which the controller was not given has no such file.
  if (!limit.Exists()) {
    SetUnlimited();
    return std::nullopt;
  }
  const auto now = limit.Read(CgroupSizeParser(), faults);
  if (!now) {
    const uint64_t last = last_limit.load(std::memory_order_relaxed);
    if (last == kUnknown) return std::nullopt;
    return Bytes(last);
  }
  if (!now->size) {
    SetUnlimited();
  } else {
    last_limit.store(now->size->count(), std::memory_order_relaxed);
  }
  return now->size;
}

Cgroup CgroupMemory::Level::ReadUse(Bytes limit, int version,
                                    std::vector<Fault>& faults) {
  const auto now = used.Read(CgroupSizeParser(), faults);
  if (!now) return LastUse(limit);
  Cgroup group;
  group.limit = limit;
  // No count: as much as it may.
  group.used = now->size.value_or(limit);
  const std::optional<Bytes> inactive_file =
      stat.Read(CgroupStatParser(version), faults);
  group.inactive_file = std::min(inactive_file.value_or(Bytes()), group.used);
  last_charge.store((group.used - group.inactive_file).count(),
                    std::memory_order_relaxed);
  last_room.store(Room(group).count(), std::memory_order_relaxed);
  return group;
}

Cgroup CgroupMemory::Level::LastUse(Bytes limit) const {
  Cgroup group;
  group.limit = limit;
  const uint64_t charge = last_charge.load(std::memory_order_relaxed);
  const Bytes room(last_room.load(std::memory_order_relaxed));
  // A limit that rose meanwhile makes no room: nobody knows what took it.
  group.used = charge == kUnknown
                   ? limit
                   : std::max(Bytes(charge), SaturatingSubtract(limit, room));
  return group;
}

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
  Bytes smallest(~uint64_t{0});
  for (const std::unique_ptr<Level>& level : found->levels) {
    if (!thorough && level->PassOver()) continue;
    const std::optional<Bytes> limit = level->ReadLimit(faults);
    if (!limit) continue;
    Cgroup group = level->ReadUse(*limit, found->version, faults);
    smallest = std::min(smallest, *limit);
    if (tightest == nullptr || Room(group) < Room(least)) {
      tightest = level.get();
      least = std::move(group);
    }
  }
  if (tightest == nullptr) return std::nullopt;
  least.smallest_limit = smallest;
  least.version = found->version;
  least.path = tightest->path;
  return least;
}

}  // namespace governor
