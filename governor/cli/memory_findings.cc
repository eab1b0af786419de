#include "governor/cli/memory_findings.h"

#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "governor/atomic_file.h"
#include "governor/base/meminfo_line.h"
#include "governor/host/boot_baseline.h"
#include "governor/host/unaccounted_memory.h"

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

MemoryFindings FindUnaccountedMemory(const std::string& root,
                                     const std::string& baseline) {
  MemoryFindings found;
  const std::string meminfo = ReadText(absl::StrCat(root, "/proc/meminfo"));
  found.unaccounted = UnaccountedMemory(meminfo);
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
  const BootBaseline next = NextBaseline(
      known, {boot_id, *ParseMeminfo(meminfo, "MemTotal"), *found.unaccounted});
  found.vanished = SaturatingSubtract(*found.unaccounted, next.unaccounted);
  if (known != next) found.problem = Keep(baseline, next);
  return found;
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
