#ifndef GOVERNOR_BUDGET_MACHINE_RECORD_PEER_H_
#define GOVERNOR_BUDGET_MACHINE_RECORD_PEER_H_

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <new>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace governor {

// Whether a page can be kept from a forked child. User-mode emulators take the
// advice and forget it.
inline bool DontForkWorks() {
  const size_t page = ::sysconf(_SC_PAGESIZE);
  void* const memory = ::mmap(nullptr, page, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (::madvise(memory, page, MADV_DONTFORK) != 0) return false;
  const pid_t child = ::fork();
  if (child == 0) {
    unsigned char resident = 0;
    _exit(::mincore(memory, page, &resident) == 0 ? 1 : 0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  ::munmap(memory, page);
  return status == 0;
}

// An empty folder that lives as long as the object.
class ScratchFolder {
 public:
  ScratchFolder() : path_(::testing::TempDir() + "/record_XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) ::abort();
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const {
    return path_ + "/" + name;
  }

 private:
  std::string path_;
};

// A T that this process shares with those that it forks.
template <typename T>
class SharedWithPeers {
 public:
  SharedWithPeers() {
    void* const memory = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) ::abort();
    shared_ = new (memory) T();
  }
  ~SharedWithPeers() { ::munmap(shared_, sizeof(T)); }
  T* operator->() const { return shared_; }
  T& operator*() const { return *shared_; }

 private:
  T* shared_;
};

// Another process of this test. Killed, if it is still there, with the object.
class Peer {
 public:
  // `body` runs in the new process, whose exit status is what it returns.
  template <typename Body>
  explicit Peer(Body body) : pid_(::fork()) {
    if (pid_ == 0) ::_exit(body());
    if (pid_ < 0) ::abort();
  }
  ~Peer() { Kill(); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  pid_t pid() const { return pid_; }

  // Returns when the process is gone, with all that it had open.
  void Kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    Wait();
  }
  // Its wait status.
  int Wait() {
    int status = -1;
    if (pid_ > 0) ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
};

// Waits for what another process is about to write.
template <typename Condition>
void Await(Condition condition) {
  while (!condition()) ::sched_yield();
}

}  // namespace governor

#endif  // GOVERNOR_BUDGET_MACHINE_RECORD_PEER_H_
