#include "tests/pressure/memory_cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace governor {
namespace {

bool Write(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t written = ::write(file, text.data(), text.size());
  ::close(file);
  return written == static_cast<ssize_t>(text.size());
}

bool Exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

// This process's place below a mount: the path after `::` (version 2) or
// `:memory:`.
std::string OwnPath(const std::string& controller) {
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {
    const std::string key = absl::StrCat(":", controller, ":");
    const size_t at = line.find(key);
    if (at != std::string::npos) return line.substr(at + key.size());
  }
  return "/";
}

}  // namespace

absl::StatusOr<std::unique_ptr<MemoryCgroup>> MemoryCgroup::Join() {
  const bool is_v1 = Exists("/sys/fs/cgroup/memory/memory.limit_in_bytes");
  const std::string base = is_v1 ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup";
  const std::string directory =
      absl::StrCat(base, "/governor-test.", ::getpid());
  std::string home = absl::StrCat(base, OwnPath(is_v1 ? "memory" : ""));
  if (!Exists(home + "/cgroup.procs")) home = base;
  if (::mkdir(directory.c_str(), 0755) != 0) {
    return absl::UnavailableError(absl::StrCat(
        "no cgroup of our own: ", strerror(errno), ": ", directory));
  }
  std::unique_ptr<MemoryCgroup> cgroup(
      new MemoryCgroup(directory, home, is_v1));
  if (!Exists(directory +
              (is_v1 ? "/memory.force_empty" : "/memory.reclaim")) ||
      !Write(directory + "/cgroup.procs", "0")) {
    return absl::UnavailableError(absl::StrCat(
        "this machine's cgroups have no memory controller for us: ",
        directory));
  }
  return cgroup;
}

MemoryCgroup::~MemoryCgroup() {
  Write(home_ + "/cgroup.procs", "0");
  ::rmdir(directory_.c_str());
}

bool MemoryCgroup::SetLimit(Bytes limit) {
  return Write(directory_ + (is_v1_ ? "/memory.limit_in_bytes" : "/memory.max"),
               absl::StrCat(limit.count()));
}

bool MemoryCgroup::ClearLimit() {
  return is_v1_ ? Write(directory_ + "/memory.limit_in_bytes", "-1")
                : Write(directory_ + "/memory.max", "max");
}

void MemoryCgroup::Empty() {
  // Both may stop early; what went is to be measured.
  if (is_v1_) {
    Write(directory_ + "/memory.force_empty", "0");
  } else {
    Write(directory_ + "/memory.reclaim", absl::StrCat(used().count()));
  }
}

Bytes MemoryCgroup::used() const {
  std::ifstream file(directory_ +
                     (is_v1_ ? "/memory.usage_in_bytes" : "/memory.current"));
  uint64_t used = 0;
  file >> used;
  return Bytes(used);
}

Bytes MemoryCgroup::inactive_file() const {
  std::ifstream file(directory_ + "/memory.stat");
  const std::string key = is_v1_ ? "total_inactive_file" : "inactive_file";
  std::string word;
  uint64_t number = 0;
  while (file >> word >> number) {
    if (word == key) return Bytes(number);
  }
  return Bytes();
}

}  // namespace governor
