// Holds known amounts of each kind of memory until its standard input closes,
// and says so in one line of JSON once they all exist. A kind that this machine
// does not give is null there.
//
// known_memory SIZE                    known_memory 256MiB
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>

#include "governor/base/bytes.h"
#include "tests/pressure/machine_counters.h"

namespace governor {
namespace {

constexpr char kHugePages[] = "/proc/sys/vm/nr_hugepages";

void* Map(Bytes size, int flags, int file) {
  void* const memory =
      ::mmap(nullptr, size.count(), PROT_READ | PROT_WRITE, flags, file, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

bool Fill(void* memory, Bytes size) {
  if (memory == nullptr) return false;
  std::memset(memory, 0x5a, size.count());
  return true;
}

bool TakeAnonymous(Bytes size) {
  return Fill(Map(size, MAP_PRIVATE | MAP_ANONYMOUS, -1), size);
}

bool TakeLocked(Bytes size) {
  void* const memory = Map(size, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  return Fill(memory, size) && ::mlock(memory, size.count()) == 0;
}

bool TakeMemoryFile(Bytes size) {
  const int file = ::memfd_create("known_memory", MFD_CLOEXEC);
  return file >= 0 &&
         ::ftruncate(file, static_cast<off_t>(size.count())) == 0 &&
         Fill(Map(size, MAP_SHARED, file), size);
}

// A file on a disk whose pages are made dirty again and again.
class DirtyFile {
 public:
  explicit DirtyFile(Bytes size)
      : size_(size),
        path_(LargeFileDirectory() + "/known_memory." +
              std::to_string(::getpid())) {
    const int file =
        ::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return;
    // With its blocks, so that pages need no disk space when they are written.
    if (::posix_fallocate(file, 0, static_cast<off_t>(size.count())) == 0) {
      memory_ = Map(size, MAP_SHARED, file);
    }
    ::close(file);
    Touch();
  }
  ~DirtyFile() { ::unlink(path_.c_str()); }

  bool exists() const { return memory_ != nullptr; }
  void Touch() { Fill(memory_, size_); }

 private:
  const Bytes size_;
  const std::string path_;
  void* memory_ = nullptr;
};

// Huge pages in the machine's pool beyond those that were there.
class HugePages {
 public:
  explicit HugePages(Bytes size) : before_(Read()) {
    const Bytes page = Meminfo("Hugepagesize");
    if (page.is_zero() || !before_.has_value()) return;
    Write(*before_ + size / page);
    const uint64_t got = Read().value_or(*before_);
    if (got > *before_) size_ = page * (got - *before_);
  }
  ~HugePages() {
    if (before_.has_value() && size_.has_value()) Write(*before_);
  }

  std::optional<Bytes> size() const { return size_; }

 private:
  static std::optional<uint64_t> Read() {
    std::ifstream file(kHugePages);
    uint64_t count = 0;
    if (!(file >> count)) return std::nullopt;
    return count;
  }
  static void Write(uint64_t count) {
    std::ofstream file(kHugePages);
    file << count << std::endl;
  }

  const std::optional<uint64_t> before_;
  std::optional<Bytes> size_;
};

std::string Json(bool exists, Bytes size) {
  return exists ? std::to_string(size.count()) : "null";
}

void Hold(Bytes size) {
  const HugePages huge(size);  // first, while memory is least broken up
  DirtyFile dirty(size);
  std::printf(
      "{\"anonymous_bytes\": %s, \"memory_file_bytes\": %s, "
      "\"locked_bytes\": %s, \"dirty_file_bytes\": %s, "
      "\"huge_page_bytes\": %s, \"pid\": %d}\n",
      Json(TakeAnonymous(size), size).c_str(),
      Json(TakeMemoryFile(size), size).c_str(),
      Json(TakeLocked(size), size).c_str(), Json(dirty.exists(), size).c_str(),
      Json(huge.size().has_value(), huge.size().value_or(Bytes())).c_str(),
      ::getpid());
  std::fflush(stdout);
  pollfd input = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  char byte = 0;
  // Written out by the kernel after some seconds, and so dirtied each second.
  while (::poll(&input, 1, 1000) == 0 || ::read(STDIN_FILENO, &byte, 1) > 0) {
    dirty.Touch();
  }
}

}  // namespace
}  // namespace governor

int main(int argc, char** argv) {
  const auto size = governor::ParseBytes(argc == 2 ? argv[1] : "");
  if (!size.ok()) {
    std::fprintf(stderr, "known_memory SIZE\n");
    return 2;
  }
  governor::Hold(*size);
  return 0;
}
