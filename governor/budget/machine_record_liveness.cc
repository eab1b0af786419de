#include "governor/budget/machine_record_liveness.h"

#include "absl/time/time.h"
#include "governor/budget/machine_record.h"

namespace governor {

bool MachineRecordLiveness::Lives(int slot, uint64_t generation,
                                  Moment& moment) {
  Known& known = known_[slot];
  if (known.dead.load() == generation) return false;
  if (!moment) moment = clock_.CoarseNanoseconds();
  const int64_t now = *moment;
  if (known.alive.load() == generation) {
    static const int64_t kInterval =
        absl::ToInt64Nanoseconds(MachineRecord::kLivenessInterval);
    int64_t last = known.when.load();
    if (now - last < kInterval) return true;
    // One thread looks; the others go on with what is known.
    if (!known.when.compare_exchange_strong(last, now)) return true;
  } else {
    known.when.store(now);
  }
  return LivesNow(slot, generation);
}

// The generation was read before the lock is looked at, and its owner had the
// lock before writing it. So no lock now means that this owner is gone, and a
// lock that a next owner has just taken means at worst a look too few.
bool MachineRecordLiveness::LivesNow(int slot, uint64_t generation) {
  const bool held = slot == file_.slot() || file_.IsHeld(slot);
  (held ? known_[slot].alive : known_[slot].dead).store(generation);
  return held;
}

}  // namespace governor
