#ifndef GOVERNOR_CLI_MEMORY_FINDINGS_H_
#define GOVERNOR_CLI_MEMORY_FINDINGS_H_

#include <optional>
#include <string>
#include <vector>

#include "governor/base/bytes.h"
#include "governor/host/host_snapshot.h"
#include "governor/policy/finding.h"

namespace governor {

// What `doctor` finds about memory that nobody accounts for.
struct MemoryFindings {
  // Of the machine now; nullopt: its kernel does not say, as in some
  // containers.
  std::optional<Bytes> unaccounted;
  // More than on the last clean boot; nullopt: there was no baseline of it, the
  // first is kept now.
  std::optional<Bytes> vanished;
  // Why the baseline could not be kept; empty: it was.
  std::string problem;

  // Whether as much vanished as matters.
  bool is_short() const;
};

// Of `now`, a full reading of the machine under `root` ("/" is this machine):
// what no counter has, free pages in the lists of its CPUs not counted, which
// come and go. Reads proc/sys/kernel/random/boot_id there, and the baseline of
// the boots before; keeps the baseline that follows, in the file `baseline`
// (its folder is made, 0700).
MemoryFindings FindUnaccountedMemory(const HostSnapshot& now,
                                     const std::string& root,
                                     const std::string& baseline);

// As `doctor` shows it.
std::vector<Finding> UnaccountedFindings(const MemoryFindings& memory);

// Where the baseline of the machine under `root` is kept, in
// $XDG_STATE_HOME/governor, else ~/.local/state/governor: boot_baseline for
// this machine, with the root's name behind it for another. Empty: there is no
// home.
std::string BaselinePath(const std::string& root);

}  // namespace governor

#endif  // GOVERNOR_CLI_MEMORY_FINDINGS_H_
