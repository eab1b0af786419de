#include "governor/driver/host_driver/ipc_memory.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

#include <random>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "governor/driver/host_driver/memory_file.h"

namespace governor {
namespace {

std::string NameOf(uint64_t serial) {
  return absl::StrCat("governor-host-driver-ipc:", serial);
}

std::string PathOf(int process, int file) {
  return absl::StrCat("/proc/", process, "/fd/", file);
}

bool IsMemfd(const std::string& path, const std::string& name) {
  char target[PATH_MAX];
  const ssize_t length = readlink(path.c_str(), target, sizeof(target));
  return length > 0 && absl::string_view(target, length) ==
                           absl::StrCat("/memfd:", name, " (deleted)");
}

}  // namespace

int NewExportFile(uint64_t serial) { return NewMemoryFile(NameOf(serial)); }

uint64_t NewSerial() {
  std::random_device random;
  return uint64_t{random()} << 32 | random();
}

std::optional<int> OpenMemoryOf(const IpcMemory& memory) {
  const std::string alive = PathOf(memory.process, memory.export_file);
  const std::string path = PathOf(memory.process, memory.memory_file);
  if (!IsMemfd(alive, NameOf(memory.serial)) ||
      !IsMemfd(path, "governor-host-driver")) {
    return std::nullopt;
  }
  const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  return file;
}

}  // namespace governor
