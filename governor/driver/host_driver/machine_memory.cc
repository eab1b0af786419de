#include "governor/driver/host_driver/machine_memory.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/base/meminfo_line.h"

namespace governor {

namespace {

std::optional<Bytes> ReadMeminfo(absl::string_view name) {
  const int file = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  char text[512];  // both are among the first three lines
  const ssize_t size = read(file, text, sizeof(text));
  close(file);
  if (size <= 0) return std::nullopt;
  return ParseMeminfo(absl::string_view(text, size), name);
}

}  // namespace

std::optional<Bytes> MachineMemFree() { return ReadMeminfo("MemFree"); }

std::optional<Bytes> MachineMemAvailable() {
  return ReadMeminfo("MemAvailable");
}

bool IsMemoryNode(int node) {
  return node == 0 ||
         (node > 0 &&
          access(absl::StrCat("/sys/devices/system/node/node", node).c_str(),
                 F_OK) == 0);
}

int CurrentMemoryNode() {
  unsigned int cpu = 0, node = 0;
  return getcpu(&cpu, &node) == 0 ? static_cast<int>(node) : 0;
}

}  // namespace governor
