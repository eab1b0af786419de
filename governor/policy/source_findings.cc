#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/policy/host_findings.h"

namespace governor {
namespace {

// What is then done without it; docs/host_signals.md has the same at length.
std::string CostOf(const HostSnapshot& now, absl::string_view source) {
  if (source == "proc/meminfo") {
    return "nothing is granted (limited_by is host_unknown)";
  }
  if (source == "proc/vmstat") {
    return now.stall ? "pressure is judged by PSI alone: swap-in and refaults "
                       "are not seen"
                     : "without PSI too, pressure is not judged at all";
  }
  if (source == "proc/buddyinfo") {
    return "it is not known whether free memory is contiguous: room is made "
           "only when reclaim is seen";
  }
  if (source == "proc/zoneinfo") {
    return "free memory that no driver can have is not known: grants may end "
           "sooner";
  }
  if (source == "proc/swaps") return "nothing can be said of swap";
  // proc/self/cgroup, or below sys/fs/cgroup; of either version.
  if (absl::EndsWith(source, "/memory.stat")) {
    return "none of what the container uses is taken to go when room is "
           "needed: grants end sooner";
  }
  if (absl::EndsWith(source, "/memory.current") ||
      absl::EndsWith(source, "/memory.usage_in_bytes")) {
    return "no more than the room that the container last had counts; where "
           "it was never known, nothing is granted";
  }
  if (absl::EndsWith(source, "/memory.max") ||
      absl::EndsWith(source, "/memory.limit_in_bytes")) {
    return "the limit that the container last had counts; where it was never "
           "known, none does";
  }
  return "no limit of a container counts, until it can be read";
}

}  // namespace

std::vector<Finding> SourceFindings(const HostSnapshot& now) {
  std::vector<Finding> findings;
  for (const HostSnapshot::Fault& fault : now.faults) {
    // PSI has its own.
    if (fault.source == "proc/pressure/memory") continue;
    Finding found{.state = Finding::State::kLack};
    found.message = absl::StrCat(fault.source, ": ", fault.detail);
    if (fault.kind == HostSnapshot::Fault::Kind::kDisagrees) {
      found.name = "masked counters";
      found.cost =
          "the smaller figure counts: grants end sooner than they need to";
      found.remedy =
          "in a container let /proc/meminfo and sysinfo(2) both show the "
          "machine, or both the container (lxcfs masks one alone)";
    } else {
      found.name = "unread source";
      found.cost = CostOf(now, fault.source);
      found.remedy = fault.kind == HostSnapshot::Fault::Kind::kUnreadable
                         ? "let this user read it"
                         : "in a container mount a true /proc and /sys";
    }
    findings.push_back(std::move(found));
  }
  return findings;
}

}  // namespace governor
