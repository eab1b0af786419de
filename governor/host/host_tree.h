#ifndef GOVERNOR_HOST_HOST_TREE_H_
#define GOVERNOR_HOST_HOST_TREE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "governor/base/bytes.h"

namespace governor {

// A machine to be: what its kernel shall tell. The defaults are a quiet one of
// 16 GiB.
struct HostFigures {
  // proc/meminfo
  Bytes total = GiB(16);
  Bytes free = GiB(8);
  Bytes available = GiB(12);
  Bytes buffers = MiB(64);
  Bytes cached = GiB(4);
  Bytes anonymous = GiB(2);
  Bytes mlocked;
  Bytes shmem;
  Bytes dirty;
  Bytes writeback;
  Bytes slab = MiB(512);
  Bytes hugetlb;  // of 2 MiB, all free
  Bytes cma_total;
  Bytes cma_free;
  // proc/swaps and proc/meminfo; no size: there is no swap
  Bytes swap_size;
  Bytes swap_used;
  bool zram = false;
  // proc/pressure/memory
  absl::Duration stall_some;
  absl::Duration stall_full;
  // proc/vmstat, pages or events since boot
  uint64_t swapped_in = 0;
  uint64_t swapped_out = 0;
  uint64_t refaulted_anonymous = 0;
  uint64_t refaulted_file = 0;
  uint64_t reclaim_stalls = 0;
  uint64_t scanned_direct = 0;
  uint64_t stolen_direct = 0;
  uint64_t major_faults = 0;
  uint64_t compaction_failures = 0;
  uint64_t killed = 0;
  // proc/buddyinfo: `free` lies there in pieces of 4 MiB up to this much, and
  // the rest in pieces of one page. Unset: all of `free` is in such pieces.
  std::optional<Bytes> huge_free;
  // proc/zoneinfo
  Bytes movable_free;
  Bytes per_cpu;
  // sys/fs/cgroup/..., one group named "box"; unset: no limit
  int cgroup_version = 2;
  std::optional<Bytes> cgroup_limit;
  Bytes cgroup_used;
  Bytes cgroup_inactive_file;
};

// A machine's proc and sys below a folder, for HostSampler::Open(root()), to be
// changed between readings. Each file keeps its inode and its length, so that a
// reading at the same time sees an old or a new figure, never half a text. Dies
// with a message when the folder cannot be written. Not thread-safe.
class HostTree {
 public:
  // `folder` exists, or is made.
  explicit HostTree(const std::string& folder, const HostFigures& figures = {});

  const std::string& root() const { return root_; }
  const HostFigures& figures() const { return figures_; }

  // Writes every file anew, removed ones too.
  HostTree& Set(const HostFigures& figures);
  // The same, of figures changed in place:
  //   tree.Change([](HostFigures& host) { host.available = GiB(1); });
  HostTree& Change(const std::function<void(HostFigures&)>& change);

  // One file by its path below the root, "proc/meminfo", as it stands or not.
  HostTree& Write(const std::string& path, absl::string_view text);
  // A reader that holds it open finds it empty, and then gone.
  HostTree& Remove(const std::string& path);
  std::string Read(const std::string& path) const;

 private:
  std::string root_;
  HostFigures figures_;
};

}  // namespace governor

#endif  // GOVERNOR_HOST_HOST_TREE_H_
