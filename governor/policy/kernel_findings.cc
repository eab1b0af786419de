#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "governor/policy/host_findings.h"

namespace governor {
namespace {

constexpr uint64_t kStrictOvercommit = 2;

// The first source of cgroups that did not give what it should; null: none.
const HostSnapshot::Fault* CgroupFault(const HostSnapshot& now) {
  for (const HostSnapshot::Fault& fault : now.faults) {
    if (fault.source == "proc/self/cgroup" ||
        absl::StartsWith(fault.source, "sys/fs/cgroup")) {
      return &fault;
    }
  }
  return nullptr;
}

}  // namespace

std::optional<Finding> SwapFinding(const HostSnapshot& now) {
  if (!now.swaps) return std::nullopt;
  const HostSnapshot::Swaps& swaps = *now.swaps;
  Finding found{.name = "swap", .bytes = swaps.used};
  if (swaps.devices == 0 || swaps.size.is_zero()) {
    found.message = "none: what is short is refused, and never slow";
    return found;
  }
  found.state = Finding::State::kNote;
  found.message = absl::StrCat(
      ToString(swaps.size), swaps.compressed_memory ? " with zram" : "", ", ",
      ToString(swaps.used), " used: used is not pressure, swap-in is");
  found.cost =
      "it is never capacity, for a device's memory cannot go there; with pages "
      "in it that are in use a loop ran 45 to 60 times slower";
  found.remedy =
      "nothing needs to be done while the pressure is none; swapoff -a where a "
      "refusal is better than a slow machine";
  if (swaps.compressed_memory) {
    absl::StrAppend(&found.cost,
                    "; what lies in zram takes memory all the same");
  }
  return found;
}

Finding StallInformationFinding(const HostSnapshot& now) {
  Finding found{.name = "PSI"};
  if (now.stall) {
    found.message = absl::StrFormat(
        "some tasks stood still for %.1f s since boot, all for %.1f s",
        absl::ToDoubleSeconds(now.stall->some),
        absl::ToDoubleSeconds(now.stall->full));
    return found;
  }
  found.state = Finding::State::kLack;
  found.message = "/proc/pressure/memory cannot be read";
  for (const HostSnapshot::Fault& fault : now.faults) {
    if (fault.source != "proc/pressure/memory") continue;
    absl::StrAppend(&found.message, ": ", fault.detail);
  }
  found.cost = now.vmstat
                   ? "pressure is judged by swap-in, refaults and reclaim "
                     "alone: other stalls are not seen"
                   : "without vmstat too, pressure is not judged at all";
  found.remedy =
      "boot with psi=1, on a kernel with CONFIG_PSI; in a container mount a "
      "true /proc";
  return found;
}

Finding CgroupFinding(const HostObservation& seen) {
  Finding found{.name = "cgroup limit"};
  if (!seen.now.cgroup) {
    const HostSnapshot::Fault* const fault = CgroupFault(seen.now);
    if (fault == nullptr) {
      found.message = "none on this process's memory";
      return found;
    }
    found.state = Finding::State::kNote;
    found.message =
        absl::StrCat("not known whether there is one: ", fault->source,
                     " cannot be read: ", fault->detail);
    found.cost = "where there is one, it cuts no budget and ends no grant";
    found.remedy = "in a container mount a true /proc and /sys/fs/cgroup";
    return found;
  }
  const HostSnapshot::Cgroup& group = *seen.now.cgroup;
  found.state = Finding::State::kNote;
  found.bytes = group.limit;
  found.message =
      absl::StrFormat("%s of '%s' (version %d), %s used", ToString(group.limit),
                      group.path, group.version, ToString(group.used));
  found.cost =
      "it counts no driver's memory: the kernel does not stop a GPU at it";
  if (seen.budget && group.smallest_limit < *seen.budget) {
    absl::StrAppend(&found.cost,
                    "; governor does, and cuts a budget above it, "
                    "as the default of ",
                    ToString(*seen.budget), ", to the smallest limit: ",
                    ToString(group.smallest_limit));
  }
  found.remedy = absl::StrCat(
      "raise ", group.version == 1 ? "memory.limit_in_bytes" : "memory.max",
      " (docker --memory, systemd's ",
      group.version == 1 ? "MemoryLimit=" : "MemoryMax=",
      ") where the budget is meant to be larger");
  return found;
}

std::optional<Finding> OvercommitFinding(const HostObservation& seen) {
  if (!seen.settings.overcommit_memory) return std::nullopt;
  Finding found{.name = "overcommit"};
  if (*seen.settings.overcommit_memory != kStrictOvercommit) {
    found.message = absl::StrCat("vm.overcommit_memory is ",
                                 *seen.settings.overcommit_memory,
                                 ": addresses may be reserved beyond memory");
    return found;
  }
  found.state = Finding::State::kLack;
  found.message = "vm.overcommit_memory is 2";
  if (seen.now.meminfo) {
    const HostSnapshot::Meminfo& m = *seen.now.meminfo;
    absl::StrAppend(&found.message, ": of ", ToString(m.commit_limit), ", ",
                    ToString(m.committed), " is committed");
    found.bytes = SaturatingSubtract(m.commit_limit, m.committed);
  }
  found.cost =
      "programs get no memory at that limit though memory is free; engines map "
      "far more than they touch";
  found.remedy =
      "sysctl vm.overcommit_memory=0, or a larger vm.overcommit_ratio";
  return found;
}

std::optional<Finding> HugePagesFinding(const KernelSettings& settings) {
  if (settings.huge_pages.empty()) return std::nullopt;
  Finding found{.name = "transparent huge pages"};
  found.message =
      absl::StrCat(settings.huge_pages,
                   settings.huge_pages_defrag.empty() ? "" : ", defrag ",
                   settings.huge_pages_defrag);
  if (settings.huge_pages == "never") {
    found.state = Finding::State::kNote;
    found.cost =
        "host memory comes in small pages: filling it is several times slower "
        "(2.9GiB/s against 18GiB/s where it was measured)";
    found.remedy =
        "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled as root";
  } else if (settings.huge_pages == "always" &&
             settings.huge_pages_defrag == "always") {
    found.state = Finding::State::kNote;
    found.cost =
        "every first touch of memory may wait for the kernel to move pages, "
        "when memory is broken up";
    found.remedy =
        "echo madvise > /sys/kernel/mm/transparent_hugepage/defrag as root";
  }
  return found;
}

}  // namespace governor
