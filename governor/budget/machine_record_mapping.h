#ifndef GOVERNOR_BUDGET_MACHINE_RECORD_MAPPING_H_
#define GOVERNOR_BUDGET_MACHINE_RECORD_MAPPING_H_

#include <atomic>

#include "absl/base/thread_annotations.h"
#include "governor/base/clock.h"
#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"
#include "governor/budget/machine_record.h"
#include "governor/budget/machine_record_file.h"
#include "governor/budget/machine_record_layout.h"
#include "governor/budget/machine_record_liveness.h"

namespace governor {

// What a MachineRecord has: the mapped file, and what it knows of the others.
struct MachineRecord::Mapping {
  Mapping(MachineRecordFile file, const Clock& clock);
  // Leaves the slot, in the process that took it.
  ~Mapping();

  // This tenant's words; null for one that only looks, and in a forked child,
  // where the memory is not there.
  machine_record::Slot* mine() const;
  int used() const;

  const ProcessEpoch epoch;
  MachineRecordFile file;
  MachineRecordLiveness liveness;
  machine_record::Slot* own = nullptr;
  // Whether the last claim was; a hint.
  std::atomic<bool> was_refused = false;

  // Held by this process's threads while they write figures and refusals.
  Mutex mutex;
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_MACHINE_RECORD_MAPPING_H_
