#ifndef GOVERNOR_POLICY_HOST_MEMORY_PARTS_H_
#define GOVERNOR_POLICY_HOST_MEMORY_PARTS_H_

#include <optional>

#include "governor/base/bytes.h"
#include "governor/host/host_snapshot.h"

namespace governor {

// Where a machine's memory is, by the kernel's counters: parts that add up to
// `total`, each page in one of them. The counters are read one after another,
// so that a part may be some pages off.
struct HostMemoryParts {
  Bytes total = Bytes();
  Bytes free = Bytes();
  Bytes per_cpu_free = Bytes();   // free, in the lists of the CPUs
  Bytes evictable = Bytes();      // clean page cache: goes when room is needed
  Bytes dirty = Bytes();          // page cache that is to be written first
  Bytes anonymous = Bytes();      // of processes, what is mlocked not counted
  Bytes shared_memory = Bytes();  // memory files, tmpfs, shared mappings
  Bytes mlocked = Bytes();        // of processes or of files
  Bytes hugetlb = Bytes();        // pools of huge pages, used or not
  Bytes slab = Bytes();
  Bytes kernel = Bytes();    // stacks, page tables, per-CPU data
  Bytes residual = Bytes();  // no counter has it: drivers, and what they lost

  friend bool operator==(const HostMemoryParts&,
                         const HostMemoryParts&) = default;
};

// nullopt: the reading has no meminfo. `per_cpu_free` needs a full reading, and
// is part of the residual in others.
std::optional<HostMemoryParts> PartsOf(const HostSnapshot& snapshot);

}  // namespace governor

#endif  // GOVERNOR_POLICY_HOST_MEMORY_PARTS_H_
