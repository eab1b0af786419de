#include "governor/cli/memory_holders.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "governor/atomic_file.h"
#include "governor/host/resident_set.h"
#include "governor/printable.h"

namespace governor {
namespace {

Bytes HeldBy(const MemoryHolder& holder) {
  const Bytes device = holder.device.value_or(Bytes());
  return CheckedAdd(holder.resident, device).value_or(holder.resident);
}

std::string NameOf(int64_t pid, const std::string& root) {
  const std::string path = absl::StrCat(root, "/proc/", pid, "/comm");
  const auto name = ReadSmallFile(path, KiB(1));
  if (!name.ok()) return "?";
  return Printable(absl::StripAsciiWhitespace(*name));
}

std::string Describe(const MemoryHolder& holder) {
  return absl::StrCat(
      holder.name, " (", holder.pid, ") ", ToString(holder.resident),
      holder.device
          ? absl::StrCat(" and ", ToString(*holder.device), " of the device")
          : "");
}

}  // namespace

std::vector<MemoryHolder> LargestHolders(
    const std::string& root, const std::vector<NvmlDevice::Process>& on_device,
    size_t most) {
  std::map<int64_t, MemoryHolder> by_pid;
  std::error_code error;
  for (std::filesystem::directory_iterator
           at(absl::StrCat(root, "/proc"), error),
       end;
       !error && at != end; at.increment(error)) {
    int64_t pid = 0;
    if (!absl::SimpleAtoi(at->path().filename().string(), &pid)) continue;
    const std::optional<Bytes> resident = ResidentSetOf(pid, root);
    if (!resident) continue;  // it ended, or is not ours to see
    by_pid[pid] = {.pid = pid, .resident = *resident};
  }
  for (const NvmlDevice::Process& process : on_device) {
    MemoryHolder& holder = by_pid[process.pid];
    holder.pid = process.pid;
    holder.device = process.used;
  }
  std::vector<MemoryHolder> holders;
  for (const auto& [pid, holder] : by_pid) {
    if (!HeldBy(holder).is_zero()) holders.push_back(holder);
  }
  std::stable_sort(holders.begin(), holders.end(),
                   [](const MemoryHolder& a, const MemoryHolder& b) {
                     return HeldBy(a) > HeldBy(b);
                   });
  if (holders.size() > most) holders.resize(most);
  for (MemoryHolder& holder : holders) holder.name = NameOf(holder.pid, root);
  return holders;
}

Finding HoldersFinding(const std::vector<MemoryHolder>& holders,
                       bool is_short) {
  Finding found{.name = "largest holders"};
  found.message = absl::StrJoin(
      holders, ", ", [](std::string* out, const MemoryHolder& holder) {
        absl::StrAppend(out, Describe(holder));
      });
  if (holders.empty()) {
    found.state = Finding::State::kNote;
    found.message = "not known: no process can be seen";
    found.cost = "where memory is missing nobody is named";
    found.remedy =
        "in a container share the host's processes (--pid=host), or "
        "ask on the host";
    return found;
  }
  if (!is_short) return found;
  found.state = Finding::State::kNote;
  found.cost = "memory is missing, and these have the most of what is seen";
  found.remedy =
      "end those that can be spared; what comes back with none of them is the "
      "driver's, and a reboot frees it";
  return found;
}

}  // namespace governor
