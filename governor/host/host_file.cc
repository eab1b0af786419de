#include "governor/host/host_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/host/fast_sample.h"

namespace governor {
namespace {

using Kind = HostSnapshot::Fault::Kind;

// Longer than any line, and than any text of Length::kOnePread.
constexpr size_t kBuffer = 16 * 1024;
// Longer than /proc/zoneinfo of a thousand CPUs.
constexpr off_t kLongest = 4 << 20;

std::string ErrorText(int error) {
  return std::generic_category().message(error);
}

bool IsMissing(int descriptor) {
  return descriptor == -ENOENT || descriptor == -ENOTDIR;
}

// Hands on the complete lines of [buffer, buffer + length) and moves the rest
// to the beginning. The length of the rest.
size_t AddLines(char* buffer, size_t length, LineParser& parser) {
  size_t begin = 0;
  while (const void* const newline =
             std::memchr(buffer + begin, '\n', length - begin)) {
    const size_t end = static_cast<const char*>(newline) - buffer;
    parser.AddLine(absl::string_view(buffer + begin, end - begin));
    begin = end + 1;
    if (begin == length) return 0;
  }
  std::memmove(buffer, buffer + begin, length - begin);
  return length - begin;
}

}  // namespace

HostFile::HostFile(const std::string& root, const std::string& path,
                   Length length)
    : path_(absl::StrCat(root, path)), source_(path), length_(length) {}

HostFile::~HostFile() {
  const int descriptor = descriptor_.load();
  if (descriptor >= 0 && IsOwn(descriptor)) ::close(descriptor);
}

bool HostFile::IsOwn(int descriptor) const {
  struct stat now = {};
  return ::fstat(descriptor, &now) == 0 && now.st_dev == device_.load() &&
         now.st_ino == inode_.load();
}

int HostFile::Open() const {
  // Not blocked by a pipe that someone put there.
  const int descriptor =
      ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  return descriptor >= 0 ? descriptor : -errno;
}

int HostFile::Descriptor() const {
  const int known = descriptor_.load();
  if (known >= 0) return known;
  const int opened = Open();
  struct stat now = {};
  if (opened < 0 || ::fstat(opened, &now) != 0) return opened;
  device_.store(now.st_dev);
  inode_.store(now.st_ino);
  int expected = -1;
  if (descriptor_.compare_exchange_strong(expected, opened)) return opened;
  ::close(opened);
  return expected;
}

bool HostFile::Exists() const { return Descriptor() >= 0; }

std::optional<HostSnapshot::Fault> HostFile::Feed(LineParser& parser) const {
  const int descriptor = Descriptor();
  if (IsMissing(descriptor)) return Missing();
  if (descriptor < 0) return Wrong(Kind::kUnreadable, ErrorText(-descriptor));
  if (length_ == Length::kOneNumber && !IsOwn(descriptor)) {
    return Wrong(Kind::kUnreadable, "another file has its descriptor");
  }
  if (length_ != Length::kAny) return FeedFrom(descriptor, parser);
  if (!in_use_.exchange(true)) {
    std::optional<Fault> fault = FeedFrom(descriptor, parser);
    in_use_.store(false);
    return fault;
  }
  const int own = Open();
  if (own < 0) return Wrong(Kind::kUnreadable, ErrorText(-own));
  std::optional<Fault> fault = FeedFrom(own, parser);
  ::close(own);
  return fault;
}

std::optional<HostSnapshot::Fault> HostFile::FeedFrom(
    int descriptor, LineParser& parser) const {
  char buffer[kBuffer];
  size_t held = 0;
  for (off_t offset = 0; offset < kLongest;) {
    const ssize_t length =
        ReadAt(descriptor, buffer + held, kBuffer - held, offset);
    if (length < 0) {
      return Wrong(Kind::kUnreadable, ErrorText(static_cast<int>(-length)));
    }
    if (length == 0) {
      if (offset == 0) return Wrong(Kind::kMalformed, "empty");
      if (held != 0) return Wrong(Kind::kMalformed, "cut off within a line");
      return std::nullopt;
    }
    offset += length;
    held = AddLines(buffer, held + length, parser);
    if (held == kBuffer) return Wrong(Kind::kMalformed, "a line without end");
    if (parser.done()) return std::nullopt;
    if (length_ != Length::kAny) {
      if (static_cast<size_t>(length) == kBuffer) break;
      if (held != 0) return Wrong(Kind::kMalformed, "cut off within a line");
      return std::nullopt;
    }
  }
  return Wrong(Kind::kMalformed, "longer than such a file can be");
}

bool HostFile::Reopen(Fault& fault) const {
  const int known = descriptor_.load();
  if (known < 0) return false;
  const int fresh = Open();
  struct stat now = {};
  if (fresh < 0 || ::fstat(fresh, &now) != 0) {
    // What is open is gone; the next reading looks for another.
    if (IsMissing(fresh)) fault = Missing();
    return false;
  }
  struct stat old = {};
  const bool is_open = ::fstat(known, &old) == 0;
  const bool is_own =
      is_open && old.st_dev == device_.load() && old.st_ino == inode_.load();
  if (is_own && old.st_dev == now.st_dev && old.st_ino == now.st_ino) {
    ::close(fresh);
    return false;
  }
  device_.store(now.st_dev);
  inode_.store(now.st_ino);
  if (is_own) {
    // In one step, so that no reader meets a number that is no file's.
    ::dup3(fresh, known, O_CLOEXEC);
    ::close(fresh);
  } else {
    descriptor_.store(fresh);
  }
  return true;
}

HostSnapshot::Fault HostFile::Wrong(Fault::Kind kind,
                                    std::string detail) const {
  return {kind, source_, std::move(detail)};
}

HostSnapshot::Fault HostFile::Missing() const {
  return Wrong(Kind::kMissing, "no such file");
}

}  // namespace governor
