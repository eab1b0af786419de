#include "governor/policy/host_findings.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "governor/policy/host_headroom.h"

namespace governor {
namespace {

// The largest block that governor commits in one piece, and so the least that
// should lie in pieces of 2 MiB.
constexpr Bytes kLargestBlock = GiB(1);

// Above the floor, by the machine alone. Without zones all that is free may be
// movable, as the gate takes it.
HostSpare SpareOf(const HostObservation& seen) {
  HostSnapshot machine = seen.now;
  machine.cgroup.reset();
  const Bytes all_free = machine.meminfo ? machine.meminfo->free : Bytes();
  return HostSpareOf(machine, seen.floor,
                     machine.zones ? machine.zones->movable_free : all_free);
}

// Whether what was read says anything of pressure.
bool CanJudgePressure(const HostSnapshot& now) {
  return now.stall.has_value() || now.vmstat.has_value();
}

void Add(std::optional<Finding> finding, std::vector<Finding>& findings) {
  if (finding) findings.push_back(*std::move(finding));
}

}  // namespace

Finding FloorFinding(const HostObservation& seen) {
  Finding found{.name = "OS reserve"};
  if (!seen.now.meminfo) {
    found.state = Finding::State::kLack;
    found.message = "the machine does not say how much memory it has";
    found.cost = "nothing is granted (limited_by is host_unknown)";
    found.remedy = "mount a true /proc, whose meminfo can be read";
    return found;
  }
  const HostSpare spare = SpareOf(seen);
  const char* const movable =
      seen.now.zones ? ""
                     : "; without proc/zoneinfo all of MemFree is taken for "
                       "memory that no driver can have";
  if (spare.shortfall.is_zero()) {
    found.message = absl::StrCat(ToString(seen.floor), " is kept, and ",
                                 ToString(spare.spare), " is above it");
    absl::StrAppend(&found.message, movable);
    found.bytes = spare.spare;
    return found;
  }
  found.state = Finding::State::kLack;
  found.message = absl::StrCat(
      "MemAvailable is ", ToString(seen.now.meminfo->available),
      ": the machine is ", ToString(spare.shortfall), " below the ",
      ToString(seen.floor), " that it keeps", movable);
  found.cost =
      "every grant is refused, and what others take next may end in swap or "
      "in a machine that stands still";
  found.remedy =
      "end what holds memory, the largest holders first; or declare a smaller "
      "os_reserve (GOVERNOR_OS_RESERVE): below 4GiB machines of 121GiB have "
      "frozen";
  found.bytes = spare.shortfall;
  return found;
}

std::optional<Finding> ContiguityFinding(const HostObservation& seen) {
  if (!seen.now.meminfo || !seen.now.contiguity) return std::nullopt;
  const HostSnapshot::Contiguity& pieces = *seen.now.contiguity;
  Finding found{.name = "contiguous memory", .bytes = pieces.huge_free};
  const Bytes wanted = std::min(SpareOf(seen).spare, kLargestBlock);
  if (pieces.huge_free >= wanted) {
    found.message =
        absl::StrCat(ToString(pieces.huge_free), " in pieces of 2MiB and more");
    return found;
  }
  const std::string available =
      absl::StrCat(ToString(seen.now.meminfo->available), " is available, and ",
                   ToString(pieces.huge_free),
                   " of it is free in pieces of "
                   "2MiB and more");
  const Bytes broken = SaturatingSubtract(pieces.free, pieces.huge_free);
  if (broken >= wanted) {
    found.state = Finding::State::kLack;
    found.message = absl::StrCat(available, ": ", ToString(broken),
                                 " of free memory is broken up");
    found.cost =
        "a driver takes pieces of 2MiB: its allocations fail though memory is "
        "free, or wait for the kernel to move pages";
    found.remedy =
        "echo 1 > /proc/sys/vm/compact_memory as root; load weights before "
        "other programs break memory up; else reboot";
  } else {
    found.state = Finding::State::kNote;
    found.message = absl::StrCat(available, ": the page cache has the rest");
    found.cost =
        "large commits make room first and take longer (10GiB: 2.8 s where "
        "it was measured); nothing is refused for it";
    found.remedy =
        "nothing needs to be done; posix_fadvise(DONTNEED) by the owner of "
        "files that were read once saves the time";
  }
  return found;
}

Finding PressureFinding(const HostObservation& seen) {
  Finding found{.name = "memory pressure"};
  found.message = ToString(seen.pressure.level);
  if (!seen.pressure.reason.empty()) {
    absl::StrAppend(&found.message, ": ", seen.pressure.reason);
  }
  switch (seen.pressure.level) {
    case PressureLevel::kNone:
      if (CanJudgePressure(seen.now)) return found;
      found.state = Finding::State::kLack;
      found.message =
          "not known: neither proc/pressure/memory nor proc/vmstat can be read";
      found.cost =
          "a machine that stands still for memory is not seen: nobody is asked "
          "to give back for it";
      found.remedy = "in a container mount a true /proc; else boot with psi=1";
      return found;
    case PressureLevel::kSome:
      found.state = Finding::State::kNote;
      found.cost = "programs begin to wait for memory";
      break;
    case PressureLevel::kCritical:
      found.state = Finding::State::kLack;
      found.cost =
          "pages that are in use leave memory and come back: what needs them "
          "may run at a tenth of its speed or less";
      break;
  }
  found.remedy =
      "end or shrink what grows, the largest holders first; more swap does not "
      "help";
  return found;
}

std::vector<Finding> HostFindings(const HostObservation& seen) {
  std::vector<Finding> findings;
  findings.push_back(FloorFinding(seen));
  Add(ContiguityFinding(seen), findings);
  findings.push_back(PressureFinding(seen));
  Add(CmaFinding(seen.now), findings);
  Add(MovableZoneFinding(seen.now), findings);
  Add(WatermarkFinding(seen), findings);
  Add(HugePagePoolFinding(seen.now), findings);
  Add(LockedMemoryFinding(seen.now), findings);
  Add(CpuListFinding(seen.now), findings);
  Add(DriverPoolFinding(seen), findings);
  Add(SwapFinding(seen.now), findings);
  findings.push_back(StallInformationFinding(seen.now));
  findings.push_back(CgroupFinding(seen));
  Add(OvercommitFinding(seen), findings);
  Add(HugePagesFinding(seen.settings), findings);
  for (Finding& finding : SourceFindings(seen.now)) {
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace governor
