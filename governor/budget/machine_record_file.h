#ifndef GOVERNOR_BUDGET_MACHINE_RECORD_FILE_H_
#define GOVERNOR_BUDGET_MACHINE_RECORD_FILE_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "governor/budget/machine_record_layout.h"

namespace governor {

// The machine record's file, opened safely and mapped: who may open it, who
// sets it up, and who holds which slot. Knows nothing of what the words mean.
//
// A slot is held by an OFD lock on the slot's bytes. The lock belongs to the
// open file description, and that is kept by the mapping alone: its descriptor
// is closed, so no close of another descriptor and no close_range() drops it,
// and the kernel releases it when the process is gone, as the last of what the
// process had open (on Linux 6.18; the order is no promise of the kernel's).
// The mapping is not inherited by a forked child. One gap remains: a child that
// another thread forks while Join() runs, and that never calls exec, may keep a
// copy of the descriptor, and with it the slot, for as long as it lives.
//
// Whoever may write the file can also truncate it, and then every process that
// touches the mapping gets SIGBUS, as if it had been killed: only this user can
// (the folder and the file admit nobody else), and this user can kill it too.
//
// Not thread-safe to make or to destroy; IsHeld is thread-safe.
class MachineRecordFile {
 public:
  static constexpr char kFileName[] = "machine_record";

  // Opens or makes the record in `folder`, and takes an empty slot, whose words
  // are then zero. Errors as MachineRecord::Join.
  static absl::StatusOr<MachineRecordFile> Join(const std::string& folder);
  // To read only, without a slot. NOT_FOUND: no record there.
  static absl::StatusOr<MachineRecordFile> Look(const std::string& folder);

  MachineRecordFile(MachineRecordFile&& other) noexcept;
  MachineRecordFile& operator=(MachineRecordFile&&) = delete;
  ~MachineRecordFile();

  machine_record::Image& image() const { return *image_; }
  int slot() const { return slot_; }  // -1: only looks

  // Whether a process holds the slot, as the kernel says now. True when the
  // kernel cannot be asked. Some 0.7 us: two system calls.
  bool IsHeld(int slot) const;

  // Forgets everything without touching it: for a forked child, where there is
  // no mapping, and descriptors may be somebody else's by now.
  void Abandon();

 private:
  MachineRecordFile() = default;

  absl::Status Open(const std::string& folder, bool writable);
  absl::Status Map(int fd, bool writable);
  absl::Status SetUp(int fd);
  absl::Status CheckImage() const;
  absl::Status TakeSlot(int fd);
  bool IsSameFile(int fd) const;

  std::string path_;
  machine_record::Image* image_ = nullptr;
  int slot_ = -1;
  int probe_ = -1;  // a description without locks, to ask about those of others
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_MACHINE_RECORD_FILE_H_
