#ifndef GOVERNOR_HOST_BOOT_BASELINE_H_
#define GOVERNOR_HOST_BOOT_BASELINE_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"

namespace governor {

// What memory the kernel counted nowhere on the last clean boot of a machine: a
// boot on which nothing had vanished yet. Against it, memory that a driver
// loses shows, over restarts of its users and over reboots that did not help.
// A plain value; knows no file.
struct BootBaseline {
  std::string boot_id;  // /proc/sys/kernel/random/boot_id
  Bytes total;          // MemTotal
  Bytes unaccounted;    // UnaccountedMemory

  friend bool operator==(const BootBaseline&, const BootBaseline&) = default;
};

// More than this above the baseline has vanished; less is the kernel's own.
constexpr Bytes kVanished = GiB(1);

// The baseline after `now` was seen: the lower of the two on one boot and one
// machine; `now` on another machine, and on another boot that is as clean.
BootBaseline NextBaseline(const std::optional<BootBaseline>& known,
                          const BootBaseline& now);

// One line, `boot_id total unaccounted`, sizes in bytes.
std::string ToText(const BootBaseline& baseline);

// nullopt: not such a line. Text is hostile: nothing in it is believed but two
// numbers and an identifier of at most 64 characters.
std::optional<BootBaseline> ParseBootBaseline(absl::string_view text);

}  // namespace governor

#endif  // GOVERNOR_HOST_BOOT_BASELINE_H_
