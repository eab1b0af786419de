#ifndef GOVERNOR_BUDGET_MACHINE_RECORD_LIVENESS_H_
#define GOVERNOR_BUDGET_MACHINE_RECORD_LIVENESS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "governor/base/clock.h"
#include "governor/budget/machine_record_file.h"
#include "governor/budget/machine_record_layout.h"

namespace governor {

// What this process knows about who of the record's tenants lives, so that a
// sum needs not ask the kernel each time. Thread-safe, needs no memory.
class MachineRecordLiveness {
 public:
  // Both live as long as this.
  MachineRecordLiveness(const MachineRecordFile& file, const Clock& clock)
      : file_(file), clock_(clock) {}

  // When a sum is made: the clock is read once for all tenants, and only if one
  // of them is asked about.
  using Moment = std::optional<int64_t>;

  // Whether the tenant that had the slot when `generation` was read lives, as
  // known for at most MachineRecord::kLivenessInterval.
  bool Lives(int slot, uint64_t generation, Moment& moment);

  // The same as the kernel says now.
  bool LivesNow(int slot, uint64_t generation);

 private:
  struct Known {
    std::atomic<uint64_t> dead = 0;   // a generation; 0 is none
    std::atomic<uint64_t> alive = 0;  // the same
    std::atomic<int64_t> when = 0;    // of the last look, in nanoseconds
  };

  const MachineRecordFile& file_;
  const Clock& clock_;
  std::array<Known, machine_record::kSlots> known_;
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_MACHINE_RECORD_LIVENESS_H_
