#ifndef GOVERNOR_DRIVER_LIBCUDA_DEVICE_BOOKS_H_
#define GOVERNOR_DRIVER_LIBCUDA_DEVICE_BOOKS_H_

#include <atomic>
#include <cstdint>

#include "governor/driver/host_driver/personality.h"

namespace governor {

// Which machine a process believes to be on. Processes of equal machines share
// its devices, as far as NVML tells.
struct HostMachine {
  HostMachine() = default;
  explicit HostMachine(const Personality& personality);

  friend bool operator==(const HostMachine&, const HostMachine&) = default;

  char name[16] = {};
  uint64_t memory = 0;
  uint64_t context = 0;
  uint64_t granularity = 0;
  uint64_t devices = 0;
};

// What one process holds on each device, for other processes to read: the whole
// content of a memfd of this name, which they find among the links of
// /proc/PID/fd. So there is no file to clean up, and the dead hold nothing.
struct DeviceBooks {
  static constexpr char kName[] = "governor-host-driver-books";
  static constexpr uint64_t kMagic = 0x31736b6f6f62'7667;  // of this layout

  std::atomic<uint64_t> magic{0};  // last: until then the rest is not there
  // Who wrote it. A forked child has the file too, but is somebody else.
  int64_t process = 0;
  HostMachine machine;
  std::atomic<uint64_t> held_bytes[kMaxHostDevices] = {};
};
static_assert(std::atomic<uint64_t>::is_always_lock_free);

// The books of this process, in a memfd made for them.
class PublishedBooks {
 public:
  // When the system gives no file descriptor or mapping, nothing is published
  // and everything else works.
  explicit PublishedBooks(const Personality& personality);
  ~PublishedBooks();
  PublishedBooks(const PublishedBooks&) = delete;
  PublishedBooks& operator=(const PublishedBooks&) = delete;

  // Null when nothing is published.
  DeviceBooks* get() const { return books_; }

 private:
  int file_ = -1;
  DeviceBooks* books_ = nullptr;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_LIBCUDA_DEVICE_BOOKS_H_
