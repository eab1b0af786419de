#ifndef GOVERNOR_HOST_HOST_SNAPSHOT_H_
#define GOVERNOR_HOST_HOST_SNAPSHOT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "governor/base/bytes.h"

namespace governor {

// One reading of a machine's memory, as its kernel tells it. A plain value. A
// source that could not be read, or was not asked for, is absent, and never a
// zero; within a source a counter that this kernel does not print is zero. It
// judges nothing: policy/ does.
struct HostSnapshot {
  // /proc/meminfo. Absent unless total, free, available, dirty and writeback
  // were all there. Where sysinfo(2) tells a smaller total or less free memory,
  // as in a container that masks one of the two, the smaller counts and a fault
  // says so.
  struct Meminfo {
    Bytes total;
    Bytes free;
    Bytes available;
    Bytes buffers;
    Bytes cached;  // page cache, memory files (shmem) among it
    Bytes swap_cached;
    Bytes active_anonymous;    // memory files among it, pinned pages not
    Bytes inactive_anonymous;  // as above
    Bytes active_file;
    Bytes inactive_file;
    Bytes anonymous;
    Bytes unevictable;
    Bytes mlocked;
    Bytes shmem;
    Bytes dirty;
    Bytes writeback;
    Bytes slab;
    Bytes slab_reclaimable;
    Bytes kernel_reclaimable;
    Bytes kernel_stack;
    Bytes page_tables;
    Bytes secondary_page_tables;
    Bytes per_cpu;
    Bytes bounce;
    Bytes hugetlb;       // the pools of huge pages, used or not
    Bytes hugetlb_free;  // of the default size
    Bytes anonymous_huge;
    Bytes cma_total;
    Bytes cma_free;
    Bytes swap_total;
    Bytes swap_free;
    Bytes zswap;
    Bytes commit_limit;
    Bytes committed;  // Committed_AS
    // What no counter has: UnaccountedMemory of the same text.
    Bytes unaccounted;
  };

  // /proc/pressure/memory: how long, since boot, some or all tasks stood still
  // for memory. From `total=`, in microseconds there; the averages, which are
  // percentages, are not read.
  struct Stall {
    absl::Duration some;
    absl::Duration full;
  };

  // /proc/vmstat: counts of pages since boot, unless said otherwise.
  struct Vmstat {
    uint64_t swapped_in = 0;           // pswpin
    uint64_t swapped_out = 0;          // pswpout
    uint64_t refaulted_anonymous = 0;  // workingset_refault_anon
    uint64_t refaulted_file = 0;       // workingset_refault_file
    uint64_t reclaim_stalls = 0;       // allocstall_*, events
    uint64_t scanned_direct = 0;       // pgscan_direct
    uint64_t stolen_direct = 0;        // pgsteal_direct
    uint64_t major_faults = 0;         // pgmajfault, events
    uint64_t compaction_failures = 0;  // compact_fail, events
    uint64_t killed = 0;               // oom_kill, events
    uint64_t pinned = 0;  // nr_foll_pin_acquired - nr_foll_pin_released, now
    Bytes page_size;      // the unit of the above
  };

  // /proc/zoneinfo.
  struct Zones {
    Bytes movable_free;  // free in ZONE_MOVABLE: no driver can have it
    Bytes per_cpu;       // free, in the lists of the CPUs; not in MemFree
    Bytes low_watermarks;
    Bytes high_watermarks;
  };

  // /proc/buddyinfo: free memory in pieces of 2 MiB and more, as drivers take
  // it. ZONE_MOVABLE is not in it.
  struct Contiguity {
    Bytes huge_free;
    Bytes free;  // in pieces of any size
  };

  // /proc/swaps, summed.
  struct Swaps {
    int devices = 0;
    Bytes size;
    Bytes used;
    bool compressed_memory = false;  // one is a zram device
  };

  // The memory cgroup, of this process and those above it, with the least room.
  // Where a file of a group gives nothing now, and a fault says so, the last
  // reading of that group stands in: its limit where the limit is missing; no
  // more than its room where `used` is, with `inactive_file` zero. A group of
  // which `used` was never read is taken to use all that it may.
  struct Cgroup {
    int version = 2;  // 1 or 2
    std::string path;
    Bytes limit;  // memory.max, memory.limit_in_bytes
    Bytes used;
    Bytes inactive_file;  // of `used`: goes when room is needed
    // Of all these groups, whichever has the least room at this moment: what a
    // budget is measured by.
    Bytes smallest_limit;
  };

  // A source that was asked for and did not give what it should.
  struct Fault {
    enum class Kind {
      kMissing,     // there is no such file
      kUnreadable,  // it cannot be opened or read
      kMalformed,   // a line is missing, or no number, or absurd
      kDisagrees,   // with another source; the smaller figure was taken
    };
    Kind kind = Kind::kMissing;
    std::string source;  // "proc/meminfo"
    std::string detail;  // "no line MemAvailable"
  };

  // When the reading began, on the machine's monotonic clock.
  absl::Duration taken_at;

  std::optional<Meminfo> meminfo;        // every depth
  std::optional<Stall> stall;            // every depth
  std::optional<Cgroup> cgroup;          // every depth, where there is a limit
  std::optional<Vmstat> vmstat;          // kVmstat and kFull
  std::optional<Contiguity> contiguity;  // kFull
  std::optional<Zones> zones;            // kFull
  std::optional<Swaps> swaps;            // kFull
  std::vector<Fault> faults;
};

}  // namespace governor

#endif  // GOVERNOR_HOST_HOST_SNAPSHOT_H_
