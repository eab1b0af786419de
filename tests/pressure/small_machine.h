#ifndef GOVERNOR_TESTS_PRESSURE_SMALL_MACHINE_H_
#define GOVERNOR_TESTS_PRESSURE_SMALL_MACHINE_H_

#include <atomic>
#include <string>
#include <thread>

#include "governor/base/bytes.h"
#include "tests/pressure/memory_cgroup.h"

namespace governor {

// A cgroup with a limit, shown as if it were the whole machine: a directory
// whose proc/meminfo is the cgroup's, rewritten every 2 ms, and whose other
// files are the machine's own. So a swap storm can be had without one for
// everybody else. Pages, swapping and stalls are real.
class SmallMachine {
 public:
  // Both outlive it; `limit` is the cgroup's. Ends the program where the
  // directory cannot be made.
  SmallMachine(const MemoryCgroup& cgroup, Bytes limit,
               const std::string& directory);
  ~SmallMachine();
  SmallMachine(const SmallMachine&) = delete;
  SmallMachine& operator=(const SmallMachine&) = delete;

  // For GovernorOptions::host_root and HostSampler.
  std::string root() const { return root_ + "/"; }
  Bytes available() const;

 private:
  void Write();

  const MemoryCgroup& cgroup_;
  const Bytes limit_;
  const std::string root_;
  int meminfo_ = -1;
  std::atomic<bool> ends_{false};
  std::thread thread_;
};

}  // namespace governor

#endif  // GOVERNOR_TESTS_PRESSURE_SMALL_MACHINE_H_
