#include "governor/cli/memory_findings.h"

#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "governor/atomic_file.h"
#include "governor/host/boot_baseline.h"

namespace governor {
namespace {

// Empty: it cannot be read, or is far larger than such files are.
std::string ReadText(const std::string& path) {
  return ReadSmallFile(path, KiB(64)).value_or("");
}

// Empty: done.
std::string Keep(const std::string& path, const BootBaseline& baseline) {
  const absl::Status kept = ReplaceFile(path, ToText(baseline));
  return kept.ok() ? ""
                   : absl::StrCat("the boot baseline cannot be kept in '", path,
                                  "': ", kept.message());
}

}  // namespace

MemoryFindings FindUnaccountedMemory(const HostSnapshot& now,
                                     const std::string& root,
                                     const std::string& baseline) {
  MemoryFindings found;
  if (now.meminfo) {
    found.unaccounted = SaturatingSubtract(
        now.meminfo->unaccounted, now.zones ? now.zones->per_cpu : Bytes());
  }
  const std::string boot_id(absl::StripAsciiWhitespace(
      ReadText(absl::StrCat(root, "/proc/sys/kernel/random/boot_id"))));
  if (!found.unaccounted || boot_id.empty()) {
    found.problem = absl::StrCat("no memory counters or no boot_id under '",
                                 root, "/proc'");
    return found;
  }
  if (baseline.empty()) {
    found.problem = "there is no XDG_STATE_HOME and no HOME to keep it in";
    return found;
  }
  const std::optional<BootBaseline> known =
      ParseBootBaseline(ReadText(baseline));
  const BootBaseline next =
      NextBaseline(known, {boot_id, now.meminfo->total, *found.unaccounted});
  // Of another machine, or of none, it says nothing.
  if (known && known->total == now.meminfo->total) {
    found.vanished = SaturatingSubtract(*found.unaccounted, next.unaccounted);
  }
  if (known != next) found.problem = Keep(baseline, next);
  return found;
}

bool MemoryFindings::is_short() const {
  return vanished.value_or(Bytes()) >= kVanished;
}

std::vector<Finding> UnaccountedFindings(const MemoryFindings& memory) {
  std::vector<Finding> findings;
  if (memory.is_short()) {
    findings.push_back(
        {.state = Finding::State::kLack,
         .name = "memory that vanished",
         .message = absl::StrCat("unaccounted ", ToString(*memory.vanished),
                                 " since boot baseline: no process, cache or "
                                 "kernel counter has it"),
         .cost = "there is that much less for everybody, until it comes back",
         .remedy =
             "end the programs that used the GPU; what does not come back then "
             "is the driver's, and a reboot frees it",
         .bytes = *memory.vanished});
  } else if (memory.unaccounted && !memory.vanished) {
    findings.push_back(
        {.state = Finding::State::kNote,
         .name = "unaccounted memory",
         .message =
             absl::StrCat(ToString(*memory.unaccounted),
                          "; there was no boot baseline to compare that with",
                          memory.problem.empty() ? ": this is the first" : ""),
         .cost = "memory that vanished before now is not seen",
         .remedy = "run it again later; where memory seems to be missing "
                   "already, after a reboot",
         .bytes = *memory.unaccounted});
  } else if (memory.unaccounted) {
    findings.push_back({.name = "unaccounted memory",
                        .message = absl::StrCat(ToString(*memory.unaccounted),
                                                ", as on the last clean boot"),
                        .bytes = *memory.unaccounted});
  }
  if (!memory.problem.empty()) {
    findings.push_back(
        {.state = Finding::State::kLack,
         .name = "boot baseline",
         .message = memory.problem,
         .cost = "memory that vanishes from now on is not seen",
         .remedy = "a true /proc, and a folder of this user's to write in "
                   "(XDG_STATE_HOME)"});
  }
  return findings;
}

std::string BaselinePath(const std::string& root) {
  // Another machine's counters are measured against its own.
  const std::string name =
      root == "/" ? "boot_baseline"
                  : absl::StrCat("boot_baseline",
                                 absl::StrReplaceAll(root, {{"/", "_"}}));
  const char* const state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && state[0] == '/') {
    return absl::StrCat(state, "/governor/", name);
  }
  const char* const home = std::getenv("HOME");
  if (home == nullptr || home[0] != '/') return "";
  return absl::StrCat(home, "/.local/state/governor/", name);
}

}  // namespace governor
