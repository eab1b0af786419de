#include "governor/policy/host_memory_parts.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <limits>

namespace governor {
namespace {

// Takes at most `size` out of `*left`: parts of counters that disagree for a
// moment add up all the same.
Bytes Take(Bytes size, Bytes* left) {
  const Bytes taken = std::min(size, *left);
  *left = *left - taken;
  return taken;
}

// Counters are hostile: their sum stays at the end of the numbers.
Bytes Sum(std::initializer_list<Bytes> counters) {
  Bytes sum;
  for (const Bytes counter : counters) {
    sum = CheckedAdd(sum, counter)
              .value_or(Bytes(std::numeric_limits<uint64_t>::max()));
  }
  return sum;
}

}  // namespace

std::optional<HostMemoryParts> PartsOf(const HostSnapshot& snapshot) {
  if (!snapshot.meminfo) return std::nullopt;
  const HostSnapshot::Meminfo& m = *snapshot.meminfo;
  HostMemoryParts parts;
  parts.total = m.total;
  Bytes left = m.total;
  parts.free = Take(m.free, &left);
  if (snapshot.zones) parts.per_cpu_free = Take(snapshot.zones->per_cpu, &left);

  // Mlocked pages are on no list that reclaim walks. Those of processes are
  // what anonymous memory and memory files have beyond their two lists; the
  // others are of files.
  const Bytes listed = Sum({m.active_anonymous, m.inactive_anonymous});
  const Bytes unlisted =
      SaturatingSubtract(Sum({m.anonymous, m.shmem, m.swap_cached}), listed);
  const Bytes mlocked_anonymous = std::min({m.mlocked, unlisted, m.anonymous});
  const Bytes mlocked_file = SaturatingSubtract(m.mlocked, mlocked_anonymous);
  const Bytes file = SaturatingSubtract(Sum({m.cached, m.buffers}), m.shmem);
  const Bytes dirty = std::min(Sum({m.dirty, m.writeback}), file);

  parts.mlocked = Take(m.mlocked, &left);
  parts.anonymous = Take(
      Sum({SaturatingSubtract(m.anonymous, mlocked_anonymous), m.swap_cached}),
      &left);
  parts.shared_memory = Take(m.shmem, &left);
  parts.dirty = Take(dirty, &left);
  parts.evictable = Take(
      SaturatingSubtract(SaturatingSubtract(file, dirty), mlocked_file), &left);
  parts.hugetlb = Take(m.hugetlb, &left);
  parts.slab = Take(m.slab, &left);
  parts.kernel = Take(Sum({m.kernel_stack, m.page_tables,
                           m.secondary_page_tables, m.per_cpu, m.bounce}),
                      &left);
  parts.residual = left;
  return parts;
}

}  // namespace governor
