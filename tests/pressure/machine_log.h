#ifndef GOVERNOR_TESTS_PRESSURE_MACHINE_LOG_H_
#define GOVERNOR_TESTS_PRESSURE_MACHINE_LOG_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "governor/base/bytes.h"

namespace governor {

// Writes down what the machine says, every `interval`, on a thread of its own.
// A test looks at it after Stop.
class MachineLog {
 public:
  struct Entry {
    absl::Duration at;  // as MonotonicNow
    Bytes available;    // MemAvailable
    // Of that, what a floor counts: without what is still to be written.
    Bytes counted;
    Bytes held;  // what the tenant says that it holds
  };

  MachineLog(absl::Duration interval, std::function<Bytes()> held);
  ~MachineLog() { Stop(); }

  void Stop();

  const std::vector<Entry>& entries() const { return entries_; }
  // The least that was available before the tenant was found to hold nothing.
  Bytes LeastAvailableWhileHeld() const;
  // When less than `mark` counted first; nothing: never.
  std::optional<absl::Duration> FirstBelow(Bytes mark) const;
  // Of the time between first and last entry.
  double full_stall_fraction() const;
  // Swapped in meanwhile.
  uint64_t pages_swapped_in() const { return swapped_in_; }

  // Appends nothing where $GOVERNOR_SERIES is not set; else makes the file
  // NAME.json in that directory, for pictures.
  void Write(const std::string& name, Bytes floor) const;

 private:
  std::vector<Entry> entries_;
  absl::Duration full_stall_;
  uint64_t swapped_in_;
  std::atomic<bool> ends_{false};
  std::thread thread_;
};

}  // namespace governor

#endif  // GOVERNOR_TESTS_PRESSURE_MACHINE_LOG_H_
