#ifndef GOVERNOR_HOST_CGROUP_MEMORY_H_
#define GOVERNOR_HOST_CGROUP_MEMORY_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "governor/host/host_file.h"
#include "governor/host/host_snapshot.h"

namespace governor {

// The memory cgroups of this process: its own and those above it, up to the
// root of the mount below sys/fs/cgroup. Version 1 where the memory controller
// is there, else version 2, also beside a version 1 without memory. In a
// container whose mount shows its own group as the root, the root is its own.
//
// Which groups they are is found once, at the first reading at which
// proc/self/cgroup could be believed. A process that is moved to another group
// later is not followed. Thread-safe without a lock.
class CgroupMemory {
 public:
  // A deeper group is a fault, and nothing is said of limits.
  static constexpr int kMostLevels = 16;

  // `root` ends in a slash.
  explicit CgroupMemory(const std::string& root);
  ~CgroupMemory();
  CgroupMemory(const CgroupMemory&) = delete;
  CgroupMemory& operator=(const CgroupMemory&) = delete;

  // `thorough`: every group. Else those above the innermost that had no limit
  // are passed over, but for each 16th reading: limits seldom change, and each
  // costs most of a microsecond.
  //
  // The group with the least room, and the smallest limit of all; nullopt: no
  // limit, or none that was ever read, and a fault. What the last reading of a
  // group stands in for, HostSnapshot::Cgroup says. Without memory.stat nothing
  // of what is used is taken to go when room is needed.
  std::optional<HostSnapshot::Cgroup> Read(
      bool thorough, std::vector<HostSnapshot::Fault>& faults) const;

 private:
  struct Level;
  struct Levels;
  // null: not found now, and a fault.
  const Levels* Find(std::vector<HostSnapshot::Fault>& faults) const;

  const std::string root_;
  const HostFile membership_;
  mutable std::atomic<const Levels*> levels_{nullptr};
};

}  // namespace governor

#endif  // GOVERNOR_HOST_CGROUP_MEMORY_H_
