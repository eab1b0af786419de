#include "governor/driver/libnvidia_ml/device_processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace governor {
namespace {

// Calls `visit` with the name of each entry; stops when it answers true.
void VisitFolder(const std::string& path,
                 absl::FunctionRef<bool(absl::string_view)> visit) {
  DIR* const folder = opendir(path.c_str());
  if (folder == nullptr) return;
  while (const dirent* entry = readdir(folder)) {
    if (visit(entry->d_name)) break;
  }
  closedir(folder);
}

bool IsBooks(const std::string& path) {
  char target[64];
  const ssize_t length = readlink(path.c_str(), target, sizeof(target));
  return length > 0 &&
         absl::string_view(target, length) ==
             absl::StrCat("/memfd:", DeviceBooks::kName, " (deleted)");
}

// What the process wrote into the books that one of its files is. nullopt: they
// are not its own, or of another machine.
std::optional<uint64_t> ReadBooks(const std::string& path, pid_t process,
                                  const HostMachine& machine, int device) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  struct stat stat = {};
  // Another version of this library may have other books; and a file that its
  // owner may still shorten must not be mapped.
  const bool whole = fstat(file, &stat) == 0 &&
                     stat.st_size == sizeof(DeviceBooks) &&
                     (fcntl(file, F_GET_SEALS) & F_SEAL_SHRINK) != 0;
  void* const page =
      whole ? mmap(nullptr, sizeof(DeviceBooks), PROT_READ, MAP_SHARED, file, 0)
            : MAP_FAILED;
  close(file);
  if (page == MAP_FAILED) return std::nullopt;
  const auto* const books = static_cast<const DeviceBooks*>(page);
  std::optional<uint64_t> held;
  if (books->magic.load() == DeviceBooks::kMagic && books->process == process &&
      books->machine == machine) {
    held = books->held_bytes[device].load();
  }
  munmap(page, sizeof(DeviceBooks));
  return held;
}

}  // namespace

std::vector<DeviceProcess> DeviceProcesses(const HostMachine& machine,
                                           int device) {
  std::vector<DeviceProcess> processes;
  VisitFolder("/proc", [&](absl::string_view name) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(name, &pid)) return false;
    const std::string files = absl::StrCat("/proc/", name, "/fd/");
    uint64_t held = 0;
    VisitFolder(files, [&](absl::string_view file) {
      const std::string path = absl::StrCat(files, file);
      if (!IsBooks(path)) return false;
      const std::optional<uint64_t> bytes =
          ReadBooks(path, pid, machine, device);
      if (bytes) held = *bytes;
      return bytes.has_value();
    });
    if (held > 0) processes.push_back({pid, held});
    return false;
  });
  return processes;
}

}  // namespace governor
