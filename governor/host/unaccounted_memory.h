#ifndef GOVERNOR_HOST_UNACCOUNTED_MEMORY_H_
#define GOVERNOR_HOST_UNACCOUNTED_MEMORY_H_

#include <optional>

#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"

namespace governor {

// Memory of the machine that the kernel counts nowhere: it is not free, and no
// process, cache, page table or other counter below has it. VmallocUsed is left
// out, because stacks are counted in it again: what a driver takes by vmalloc
// shows here. What
// a driver took by whole pages is there, and on machines whose GPU has no
// memory of its own also what it failed to give back.
//
//   MemTotal − (MemFree + Buffers + Cached + SwapCached + AnonPages + Slab +
//               KernelStack + PageTables + SecPageTables + Percpu + Bounce +
//               Hugetlb)
//
// `meminfo` is the text of /proc/meminfo. A counter that this kernel does not
// print counts as zero; the result is never below zero (counters are read one
// after another). nullopt: no MemTotal or no MemFree, as a container may mask
// them.
std::optional<Bytes> UnaccountedMemory(absl::string_view meminfo);

}  // namespace governor

#endif  // GOVERNOR_HOST_UNACCOUNTED_MEMORY_H_
