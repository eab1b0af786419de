#include "governor/budget/machine_record_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"

namespace governor {
namespace {

using machine_record::Image;
using machine_record::Slot;

constexpr off_t kImageSize = sizeof(Image);
// Setting up takes well under a millisecond; only a process that was stopped
// in the middle of it makes others wait.
constexpr int kSetUpTries = 5000;
constexpr timespec kSetUpPause = {.tv_sec = 0, .tv_nsec = 1'000'000};

absl::Status Unavailable(const std::string& path, absl::string_view reason,
                         absl::string_view remedy) {
  return absl::UnavailableError(absl::StrCat(
      "cannot use the machine record: ", reason, "; ", remedy, ": ", path));
}

absl::Status SystemRefused(const std::string& path, absl::string_view call,
                           int error) {
  return Unavailable(
      path, absl::StrCat(call, ": ", strerror(error)),
      error == EMFILE || error == ENFILE
          ? "raise the limit on open files (ulimit -n)"
          : "make the folder writable for this user, or name another one in "
            "GOVERNOR_SHARE_DIR");
}

absl::Status DataLoss(const std::string& path, absl::string_view reason) {
  return absl::DataLossError(
      absl::StrCat("not a machine record of this version of governor: ", reason,
                   "; when no governor runs, remove the file: ", path));
}

// A lock, or a question about one, on `length` bytes from `start`.
struct flock Range(short type, off_t start, off_t length) {
  struct flock range = {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = start;
  range.l_len = length;
  return range;
}

struct flock SlotRange(short type, int slot) {
  return Range(type,
               static_cast<off_t>(offsetof(Image, slots) + slot * sizeof(Slot)),
               sizeof(Slot));
}

bool SetLock(int fd, struct flock range) {
  while (::fcntl(fd, F_OFD_SETLK, &range) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

// The header's bytes are locked while a process sets up the file or takes a
// slot. Not F_OFD_SETLKW: a stopped process must not stop the others for ever.
bool LockSetUp(int fd) {
  const struct flock header = Range(F_WRLCK, 0, sizeof(Image::header));
  for (int i = 0; i < kSetUpTries; ++i) {
    if (SetLock(fd, header)) return true;
    if (errno != EAGAIN && errno != EACCES) return false;
    ::nanosleep(&kSetUpPause, nullptr);
  }
  errno = ETIMEDOUT;
  return false;
}

void UnlockSetUp(int fd) {
  SetLock(fd, Range(F_UNLCK, 0, sizeof(Image::header)));
}

// The folder, ours and nobody else's to write.
absl::StatusOr<int> OpenFolder(std::string folder, bool make) {
  // With a slash at the end, O_NOFOLLOW would follow.
  while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
  if (make && ::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return SystemRefused(folder, "mkdir", errno);
  }
  const int fd =
      ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) {
      return absl::NotFoundError(
          absl::StrCat("no machine record: no governor has run as this user "
                       "since the folder was removed: ",
                       folder));
    }
    if (errno == ENOTDIR || errno == ELOOP) {
      return Unavailable(folder, "its folder is a file or a link",
                         "remove it, or name another folder in "
                         "GOVERNOR_SHARE_DIR");
    }
    return SystemRefused(folder, "open", errno);
  }
  struct stat status = {};
  const bool known = ::fstat(fd, &status) == 0;
  const char* wrong = nullptr;
  if (!known || status.st_uid != ::geteuid()) {
    wrong = "its folder belongs to another user";
  } else if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    wrong = "others may write to its folder";
  }
  if (wrong != nullptr) {
    ::close(fd);
    return Unavailable(folder, wrong,
                       "give the folder to this user with mode 0700, or name "
                       "another one in GOVERNOR_SHARE_DIR");
  }
  return fd;
}

// Only what is certainly ours: anything else stays as it is.
absl::Status CheckFile(const std::string& path, const struct stat& status) {
  constexpr absl::string_view kRemedy =
      "remove it, or name another folder in GOVERNOR_SHARE_DIR";
  if (!S_ISREG(status.st_mode)) {
    return Unavailable(path, "it is not a regular file", kRemedy);
  }
  if (status.st_uid != ::geteuid()) {
    return Unavailable(path, "it belongs to another user", kRemedy);
  }
  if (status.st_nlink != 1) {
    return Unavailable(path, "it has other names (hard links), or none",
                       kRemedy);
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Unavailable(path, "others may open it", "give it mode 0600");
  }
  return absl::OkStatus();
}

int OpenFile(int folder, bool writable) {
  // O_NONBLOCK: not to wait for the other end of a pipe.
  const int flags = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  const char* const name = MachineRecordFile::kFileName;
  if (!writable) return ::openat(folder, name, O_RDONLY | flags);
  // Twice: it may be removed in between.
  for (int i = 0; i < 2; ++i) {
    const int made =
        ::openat(folder, name, O_RDWR | O_CREAT | O_EXCL | flags, 0600);
    if (made >= 0 || errno != EEXIST) return made;
    const int found = ::openat(folder, name, O_RDWR | flags);
    if (found >= 0 || errno != ENOENT) return found;
  }
  return -1;
}

}  // namespace

absl::StatusOr<MachineRecordFile> MachineRecordFile::Join(
    const std::string& folder) {
  MachineRecordFile file;
  GOVERNOR_RETURN_IF_ERROR(file.Open(folder, /*writable=*/true));
  return file;
}

absl::StatusOr<MachineRecordFile> MachineRecordFile::Look(
    const std::string& folder) {
  MachineRecordFile file;
  GOVERNOR_RETURN_IF_ERROR(file.Open(folder, /*writable=*/false));
  return file;
}

absl::Status MachineRecordFile::Open(const std::string& folder, bool writable) {
  GOVERNOR_ASSIGN_OR_RETURN(const int folder_fd, OpenFolder(folder, writable));
  const auto close_folder = absl::MakeCleanup([=] { ::close(folder_fd); });
  path_ = absl::StrCat(folder, "/", kFileName);
  const int fd = OpenFile(folder_fd, writable);
  if (fd < 0) {
    const int error = errno;
    if (error == ENOENT) {
      return absl::NotFoundError(
          absl::StrCat("no machine record: no governor has run as this user "
                       "since the file was removed: ",
                       path_));
    }
    if (error == ELOOP) {
      return Unavailable(path_, "it is a link",
                         "remove it, or name another folder in "
                         "GOVERNOR_SHARE_DIR");
    }
    return SystemRefused(path_, "open", error);
  }
  const auto close_file = absl::MakeCleanup([=] { ::close(fd); });
  struct stat status = {};
  if (::fstat(fd, &status) != 0) return SystemRefused(path_, "fstat", errno);
  GOVERNOR_RETURN_IF_ERROR(CheckFile(path_, status));
  device_ = status.st_dev;
  inode_ = status.st_ino;
  probe_ = ::openat(folder_fd, kFileName,
                    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (probe_ < 0 || !IsSameFile(probe_)) {
    return Unavailable(path_, "it was replaced while it was opened",
                       "try again");
  }
  if (!writable) return Map(fd, writable);
  if (!LockSetUp(fd)) {
    return Unavailable(path_,
                       errno == ETIMEDOUT
                           ? "another process has been setting it up for 5 s"
                           : absl::StrCat("fcntl: ", strerror(errno)),
                       "continue or end that process");
  }
  const auto unlock = absl::MakeCleanup([=] { UnlockSetUp(fd); });
  GOVERNOR_RETURN_IF_ERROR(SetUp(fd));
  GOVERNOR_RETURN_IF_ERROR(Map(fd, writable));
  return TakeSlot(fd);
}

// Gives a new file its size and memory. All of it now: touching a page that a
// full disk cannot give would end the process.
absl::Status MachineRecordFile::SetUp(int fd) {
  struct stat status = {};
  if (::fstat(fd, &status) != 0) return SystemRefused(path_, "fstat", errno);
  if (status.st_size != 0) return absl::OkStatus();
  const int error = ::posix_fallocate(fd, 0, kImageSize);
  if (error == 0) return absl::OkStatus();
  if (::ftruncate(fd, 0) != 0) {
    // It keeps a wrong size, which the next one reports.
  }
  return Unavailable(
      path_,
      absl::StrCat("no room for its ", kImageSize, " bytes: ", strerror(error)),
      "free some, or name another folder in GOVERNOR_SHARE_DIR");
}

absl::Status MachineRecordFile::Map(int fd, bool writable) {
  struct stat status = {};
  if (::fstat(fd, &status) != 0) return SystemRefused(path_, "fstat", errno);
  if (!writable && status.st_size == 0) {
    return absl::NotFoundError(
        absl::StrCat("no machine record: its file was never set up: ", path_));
  }
  if (status.st_size != kImageSize) {
    return DataLoss(path_,
                    absl::StrCat("it has ", status.st_size,
                                 " bytes, and should have ", kImageSize));
  }
  void* const mapped =
      ::mmap(nullptr, sizeof(Image),
             writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) return SystemRefused(path_, "mmap", errno);
  image_ = static_cast<Image*>(mapped);
  if (::madvise(mapped, sizeof(Image), MADV_DONTFORK) != 0) {
    return SystemRefused(path_, "madvise", errno);
  }
  machine_record::Header& header = image_->header;
  if (header.magic.load() == 0) {
    // Made and not finished by someone who died, or is about to.
    if (!writable) {
      return absl::NotFoundError(absl::StrCat(
          "no machine record: its file was never set up: ", path_));
    }
    header.version.store(machine_record::kVersion);
    header.constants.store(machine_record::ConstantsChecksum());
    header.magic.store(machine_record::kMagic);
  }
  return CheckImage();
}

absl::Status MachineRecordFile::CheckImage() const {
  const machine_record::Header& header = image_->header;
  if (header.magic.load() != machine_record::kMagic) {
    return DataLoss(path_, "it does not begin like one");
  }
  if (const uint64_t version = header.version.load();
      version != machine_record::kVersion) {
    return DataLoss(path_, absl::StrCat("it has layout ", version,
                                        ", and this version has ",
                                        machine_record::kVersion));
  }
  if (header.constants.load() != machine_record::ConstantsChecksum()) {
    return DataLoss(path_, "its layout has other constants");
  }
  return absl::OkStatus();
}

// Under the set-up lock, so that only one process at a time takes a slot.
absl::Status MachineRecordFile::TakeSlot(int fd) {
  int used = 0;
  for (int i = 0; i < machine_record::kSlots; ++i) {
    if (IsHeld(i)) {
      used = i + 1;
    } else if (slot_ < 0 && SetLock(fd, SlotRange(F_WRLCK, i))) {
      slot_ = i;
      used = i + 1;
    }
  }
  if (slot_ < 0) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the machine record is full: ", machine_record::kSlots,
        " tenants are there; end some of this user's governors: ", path_));
  }
  Slot& slot = image_->slots[slot_];
  // Even: empty for others until its owner makes it odd.
  const uint64_t generation = (slot.generation.load() | 1) + 1;
  slot.generation.store(generation);
  machine_record::Clear(slot);
  // What lies above is nobody's, also when it is left from another boot, so
  // that sums stay short.
  image_->header.used.store(static_cast<uint64_t>(used));
  return absl::OkStatus();
}

bool MachineRecordFile::IsSameFile(int fd) const {
  struct stat status = {};
  return ::fstat(fd, &status) == 0 && status.st_dev == device_ &&
         status.st_ino == inode_;
}

bool MachineRecordFile::IsHeld(int slot) const {
  // A process that closes all its descriptors closes this one too, and its
  // number may be another file's now.
  int fd = probe_;
  int again = -1;
  if (!IsSameFile(fd)) {
    again = ::open(path_.c_str(),
                   O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    fd = again;
  }
  bool held = true;
  if (fd >= 0 && (again < 0 || IsSameFile(again))) {
    struct flock range = SlotRange(F_WRLCK, slot);
    held = ::fcntl(fd, F_OFD_GETLK, &range) != 0 || range.l_type != F_UNLCK;
  }
  if (again >= 0) ::close(again);
  return held;
}

void MachineRecordFile::Abandon() {
  image_ = nullptr;
  probe_ = -1;
  slot_ = -1;
}

MachineRecordFile::MachineRecordFile(MachineRecordFile&& other) noexcept
    : path_(std::move(other.path_)),
      image_(std::exchange(other.image_, nullptr)),
      slot_(std::exchange(other.slot_, -1)),
      probe_(std::exchange(other.probe_, -1)),
      device_(other.device_),
      inode_(other.inode_) {}

MachineRecordFile::~MachineRecordFile() {
  if (image_ != nullptr) ::munmap(image_, sizeof(Image));
  if (probe_ >= 0 && IsSameFile(probe_)) ::close(probe_);
}

}  // namespace governor
