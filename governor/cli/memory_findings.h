#ifndef GOVERNOR_CLI_MEMORY_FINDINGS_H_
#define GOVERNOR_CLI_MEMORY_FINDINGS_H_

#include <optional>
#include <string>

#include "governor/base/bytes.h"

namespace governor {

// What `doctor` finds about memory that nobody accounts for.
struct MemoryFindings {
  // Of the machine now; nullopt: its kernel does not say, as in some
  // containers.
  std::optional<Bytes> unaccounted;
  // More than on the last clean boot; nullopt: that is not known yet.
  std::optional<Bytes> vanished;
  // Why the baseline could not be kept; empty: it was.
  std::string problem;
};

// Reads proc/meminfo and proc/sys/kernel/random/boot_id under `root` ("/" is
// this machine), and the baseline of the boots before; keeps the baseline that
// follows, in the file `baseline` (its folder is made, 0700).
MemoryFindings FindUnaccountedMemory(const std::string& root,
                                     const std::string& baseline);

// Where the baseline of the machine under `root` is kept, in
// $XDG_STATE_HOME/governor, else ~/.local/state/governor: boot_baseline for
// this machine, with the root's name behind it for another. Empty: there is no
// home.
std::string BaselinePath(const std::string& root);

}  // namespace governor

#endif  // GOVERNOR_CLI_MEMORY_FINDINGS_H_
