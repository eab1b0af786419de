#include "tests/pressure/small_machine.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace governor {

SmallMachine::SmallMachine(const MemoryCgroup& cgroup, Bytes limit,
                           const std::string& directory)
    : cgroup_(cgroup),
      limit_(limit),
      root_(absl::StrCat(directory, "/small_machine.", ::getpid())) {
  ::mkdir(root_.c_str(), 0700);
  ::mkdir((root_ + "/proc").c_str(), 0700);
  for (const char* const name :
       {"vmstat", "pressure", "buddyinfo", "zoneinfo", "swaps"}) {
    const std::string real = absl::StrCat("/proc/", name);
    if (::symlink(real.c_str(), (root_ + real).c_str()) != 0) std::abort();
  }
  meminfo_ = ::open((root_ + "/proc/meminfo").c_str(),
                    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (meminfo_ < 0) std::abort();
  Write();
  thread_ = std::thread([this] {
    while (!ends_) {
      Write();
      absl::SleepFor(absl::Milliseconds(2));
    }
  });
}

SmallMachine::~SmallMachine() {
  ends_ = true;
  thread_.join();
  ::close(meminfo_);
  for (const char* const name :
       {"vmstat", "pressure", "buddyinfo", "zoneinfo", "swaps", "meminfo"}) {
    ::unlink(absl::StrCat(root_, "/proc/", name).c_str());
  }
  ::rmdir((root_ + "/proc").c_str());
  ::rmdir(root_.c_str());
}

Bytes SmallMachine::available() const {
  return SaturatingSubtract(limit_, cgroup_.used()) + cgroup_.inactive_file();
}

void SmallMachine::Write() {
  // Of one length, so that a reader never sees half of a line.
  const std::string text = absl::StrFormat(
      "MemTotal:       %12d kB\nMemFree:        %12d kB\n"
      "MemAvailable:   %12d kB\nDirty:          %12d kB\n"
      "Writeback:      %12d kB\n",
      limit_ / KiB(1), SaturatingSubtract(limit_, cgroup_.used()) / KiB(1),
      available() / KiB(1), 0, 0);
  if (::pwrite(meminfo_, text.data(), text.size(), 0) < 0) std::abort();
}

}  // namespace governor
