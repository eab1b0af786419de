#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"
#include "governor/policy/host_findings.h"

namespace governor {
namespace {

// Less than this is not worth a line on any machine that runs a model.
constexpr Bytes kWorthALine = MiB(256);

// NVIDIA's kernel driver keeps what it frees from this branch on.
constexpr uint64_t kPoolsFrom = 590;

Bytes PartOf(Bytes total, uint64_t part) { return Bytes(total.count() / part); }

}  // namespace

std::optional<Finding> CmaFinding(const HostSnapshot& now) {
  if (!now.meminfo) return std::nullopt;
  const HostSnapshot::Meminfo& m = *now.meminfo;
  if (m.cma_free < kWorthALine) return std::nullopt;
  Finding found{.state = Finding::State::kNote,
                .name = "CMA",
                .message = absl::StrCat(ToString(m.cma_free), " is free of ",
                                        ToString(m.cma_total),
                                        " that is set aside for devices"),
                .cost =
                    "MemAvailable counts it, and no driver can have it for "
                    "long; governor does not count it as headroom",
                .remedy = "boot with a smaller cma= where nothing needs it",
                .bytes = m.cma_free};
  if (m.cma_free > m.cma_total) {
    // A kernel with kexec handover sets memory aside and counts it as CMA's.
    found.state = Finding::State::kLack;
    found.message = absl::StrCat("CmaFree is ", ToString(m.cma_free),
                                 " and CmaTotal ", ToString(m.cma_total),
                                 ": a kernel with KHO has set it aside");
    absl::StrAppend(&found.cost, "; long-term pins fail with ENOMEM");
    found.remedy = "boot with kho=off, which gives it back";
  }
  return found;
}

std::optional<Finding> MovableZoneFinding(const HostSnapshot& now) {
  if (!now.zones || now.zones->movable_free < kWorthALine) return std::nullopt;
  return Finding{
      .state = Finding::State::kNote,
      .name = "movable zone",
      .message = absl::StrCat(ToString(now.zones->movable_free),
                              " is free in ZONE_MOVABLE"),
      .cost =
          "MemAvailable counts it, and no driver can have it; governor "
          "does not count it as headroom",
      .remedy =
          "boot without movablecore= and kernelcore=, and bring memory "
          "online as online_kernel",
      .bytes = now.zones->movable_free};
}

std::optional<Finding> WatermarkFinding(const HostObservation& seen) {
  if (!seen.now.meminfo || !seen.settings.min_free) return std::nullopt;
  const Bytes min_free = *seen.settings.min_free;
  const Bytes high = seen.now.zones ? seen.now.zones->high_watermarks : Bytes();
  const Bytes most(std::numeric_limits<uint64_t>::max());
  const Bytes boosted = PartOf(
      CheckedMultiply(high, seen.settings.watermark_boost_factor.value_or(0))
          .value_or(most),
      10000);
  // The kernel by itself chooses up to 256 MiB, and boosts by 150 % of little.
  const Bytes usual =
      std::max(kWorthALine, PartOf(seen.now.meminfo->total, 100));
  Finding found{
      .name = "watermarks",
      .message = absl::StrCat("vm.min_free_kbytes is ", ToString(min_free)),
      .bytes = std::max(min_free, high)};
  if (min_free <= usual && boosted <= usual) return found;
  found.state = Finding::State::kLack;
  absl::StrAppend(&found.message, ", the high watermarks are ", ToString(high),
                  " and can be boosted by ", ToString(boosted));
  found.cost =
      "the kernel keeps that much free for itself: MemAvailable is lower by "
      "it, and grants end sooner";
  found.remedy =
      min_free > usual
          ? absl::StrCat("sysctl vm.min_free_kbytes=", kWorthALine / KiB(1),
                         " or less")
          : "sysctl vm.watermark_boost_factor=0";
  return found;
}

std::optional<Finding> HugePagePoolFinding(const HostSnapshot& now) {
  if (!now.meminfo || now.meminfo->hugetlb.is_zero()) return std::nullopt;
  const HostSnapshot::Meminfo& m = *now.meminfo;
  Finding found{
      .state = Finding::State::kNote,
      .name = "huge page pools",
      .message = absl::StrCat(ToString(m.hugetlb), " is in the pools, ",
                              ToString(m.hugetlb_free), " of it unused"),
      .cost = "nobody else can have it, the GPU's driver neither",
      .remedy = "sysctl vm.nr_hugepages=0 where no program asks for them",
      .bytes = m.hugetlb};
  if (m.hugetlb_free >= kWorthALine) found.state = Finding::State::kLack;
  return found;
}

std::optional<Finding> LockedMemoryFinding(const HostSnapshot& now) {
  if (!now.meminfo) return std::nullopt;
  const HostSnapshot::Meminfo& m = *now.meminfo;
  Bytes pinned;
  if (now.vmstat) {
    pinned = CheckedMultiply(now.vmstat->page_size, now.vmstat->pinned)
                 .value_or(Bytes());
  }
  const Bytes locked = std::max({m.unevictable, m.mlocked, pinned});
  if (locked < std::max(kWorthALine, PartOf(m.total, 50))) return std::nullopt;
  return Finding{
      .state = Finding::State::kNote,
      .name = "locked memory",
      .message = absl::StrCat(ToString(m.unevictable), " is unevictable, ",
                              ToString(m.mlocked), " of it mlocked; ",
                              ToString(pinned), " is pinned for devices"),
      .cost = "it stays when memory is short, though it be page cache",
      .remedy =
          "run programs without --mlock, or end those that pin buffers; "
          "what stays after they ended is the driver's, and a reboot "
          "frees it",
      .bytes = locked};
}

std::optional<Finding> CpuListFinding(const HostSnapshot& now) {
  if (!now.zones || now.zones->per_cpu < kWorthALine) return std::nullopt;
  return Finding{
      .state = Finding::State::kNote,
      .name = "lists of the CPUs",
      .message = absl::StrCat(ToString(now.zones->per_cpu),
                              " is free, in neither MemFree nor MemAvailable"),
      .cost = "grants may end sooner by that much for some seconds",
      .remedy =
          "nothing needs to be done; a larger "
          "vm.percpu_pagelist_high_fraction keeps the lists short",
      .bytes = now.zones->per_cpu};
}

std::optional<Finding> DriverPoolFinding(const HostObservation& seen) {
  const KernelSettings& settings = seen.settings;
  if (settings.nvidia_driver_branch.value_or(0) < kPoolsFrom) {
    return std::nullopt;
  }
  Finding found{.name = "driver pools"};
  if (settings.nvidia_pools_off) {
    found.message = absl::StrCat("driver ", settings.nvidia_driver,
                                 " was loaded with them switched off");
    return found;
  }
  found.state = Finding::State::kNote;
  found.message = absl::StrCat("driver ", settings.nvidia_driver,
                               " keeps host memory that programs released");
  if (seen.now.meminfo) {
    found.bytes =
        SaturatingSubtract(seen.now.meminfo->unaccounted,
                           seen.now.zones ? seen.now.zones->per_cpu : Bytes());
    absl::StrAppend(&found.message, "; drivers hold ", ToString(*found.bytes),
                    ", in use and in pools");
  }
  found.cost =
      "it does not come back to MemAvailable by itself, in no counter and with "
      "no limit: machines had 51GiB to 100GiB that nobody used";
  found.remedy =
      "echo 2 > /proc/sys/vm/drop_caches as root empties the pools; the "
      "driver's option NVreg_EnableSystemMemoryPools=0 ends them";
  return found;
}

}  // namespace governor
