#include "governor/driver/libcuda/device_books.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "governor/driver/host_driver/memory_file.h"

namespace governor {

HostMachine::HostMachine(const Personality& personality)
    : memory(personality.memory.count()),
      context(personality.context.count()),
      granularity(personality.granularity.count()),
      devices(personality.devices) {
  std::memcpy(name, personality.name.data(),
              std::min(personality.name.size(), sizeof(name)));
}

PublishedBooks::PublishedBooks(const Personality& personality)
    : file_(NewMemoryFile(DeviceBooks::kName)) {
  if (file_ < 0) return;
  // Sealed, so that a reader's mapping is always backed by the file.
  if (ftruncate(file_, sizeof(DeviceBooks)) != 0 ||
      fcntl(file_, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) !=
          0) {
    return;
  }
  void* const page = mmap(nullptr, sizeof(DeviceBooks), PROT_READ | PROT_WRITE,
                          MAP_SHARED, file_, 0);
  if (page == MAP_FAILED) return;
  books_ = new (page) DeviceBooks;
  books_->process = getpid();
  books_->machine = HostMachine(personality);
  books_->magic.store(DeviceBooks::kMagic);
}

PublishedBooks::~PublishedBooks() {
  if (books_ != nullptr) munmap(books_, sizeof(DeviceBooks));
  if (file_ >= 0) close(file_);
}

}  // namespace governor
