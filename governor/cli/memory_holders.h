#ifndef GOVERNOR_CLI_MEMORY_HOLDERS_H_
#define GOVERNOR_CLI_MEMORY_HOLDERS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "governor/base/bytes.h"
#include "governor/driver/nvml_device.h"
#include "governor/policy/finding.h"

namespace governor {

// A process and the memory that it holds.
struct MemoryHolder {
  std::string name = "";  // of its program, printable
  int64_t pid = 0;
  Bytes resident = Bytes();                    // of the host's memory
  std::optional<Bytes> device = std::nullopt;  // by NVML, where it tells
};

// The `most` largest holders, by what they hold together, of the processes in
// proc/ under `root` and of those that NVML named. Those that cannot be read
// are passed over.
std::vector<MemoryHolder> LargestHolders(
    const std::string& root, const std::vector<NvmlDevice::Process>& on_device,
    size_t most);

// They, as `doctor` shows them: a note where somebody is to give back
// (`is_short`), and where nobody can be seen.
Finding HoldersFinding(const std::vector<MemoryHolder>& holders, bool is_short);

}  // namespace governor

#endif  // GOVERNOR_CLI_MEMORY_HOLDERS_H_
