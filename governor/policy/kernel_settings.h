#ifndef GOVERNOR_POLICY_KERNEL_SETTINGS_H_
#define GOVERNOR_POLICY_KERNEL_SETTINGS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "governor/base/bytes.h"

namespace governor {

// How a kernel and its driver were told to treat memory. A plain value; what
// could not be read is absent or empty.
struct KernelSettings {
  std::optional<uint64_t> overcommit_memory =
      std::nullopt;                              // vm.overcommit_memory
  std::optional<Bytes> min_free = std::nullopt;  // vm.min_free_kbytes
  // vm.watermark_boost_factor: in 1/10000 of the high watermarks.
  std::optional<uint64_t> watermark_boost_factor = std::nullopt;
  // What is chosen in /sys/kernel/mm/transparent_hugepage: "always", "madvise"
  // and so on.
  std::string huge_pages = "";         // enabled
  std::string huge_pages_defrag = "";  // defrag
  // NVIDIA's kernel driver, "590.48.01", and its first number.
  std::string nvidia_driver = "";
  std::optional<uint64_t> nvidia_driver_branch = std::nullopt;
  // It was loaded with its pools of system memory switched off.
  bool nvidia_pools_off = false;
};

}  // namespace governor

#endif  // GOVERNOR_POLICY_KERNEL_SETTINGS_H_
