#include "governor/host/host_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace governor {
namespace {

constexpr Bytes kPage = KiB(4);
constexpr Bytes kLargestPiece = MiB(4);  // order 10

void Require(bool holds, const std::string& path) {
  if (holds) return;
  std::perror(absl::StrCat("cannot write a host tree: ", path).c_str());
  std::abort();
}

// Numbers have a fixed width, so that a text never changes its length.
std::string Line(absl::string_view name, Bytes size) {
  return absl::StrFormat("%-16s%14d kB\n", absl::StrCat(name, ":"),
                         size / KiB(1));
}

std::string Meminfo(const HostFigures& host) {
  return absl::StrCat(
      Line("MemTotal", host.total), Line("MemFree", host.free),
      Line("MemAvailable", host.available), Line("Buffers", host.buffers),
      Line("Cached", host.cached), Line("SwapCached", Bytes()),
      Line("Active(file)", Bytes()), Line("Inactive(file)", host.cached),
      Line("Unevictable", host.mlocked), Line("Mlocked", host.mlocked),
      Line("SwapTotal", host.swap_size),
      Line("SwapFree", SaturatingSubtract(host.swap_size, host.swap_used)),
      Line("Zswap", Bytes()), Line("Dirty", host.dirty),
      Line("Writeback", host.writeback), Line("AnonPages", host.anonymous),
      Line("Shmem", host.shmem), Line("KReclaimable", Bytes()),
      Line("Slab", host.slab), Line("SReclaimable", Bytes()),
      Line("KernelStack", Bytes()), Line("PageTables", Bytes()),
      Line("SecPageTables", Bytes()), Line("Bounce", Bytes()),
      Line("CommitLimit", host.total), Line("Committed_AS", host.anonymous),
      Line("Percpu", Bytes()), Line("AnonHugePages", Bytes()),
      Line("CmaTotal", host.cma_total), Line("CmaFree", host.cma_free),
      absl::StrFormat("HugePages_Total:%14d\n", host.hugetlb / MiB(2)),
      absl::StrFormat("HugePages_Free: %14d\n", host.hugetlb / MiB(2)),
      Line("Hugepagesize", MiB(2)), Line("Hugetlb", host.hugetlb));
}

std::string Vmstat(const HostFigures& host) {
  std::string text;
  const auto line = [&](absl::string_view name, uint64_t count) {
    absl::StrAppendFormat(&text, "%s %020d\n", name, count);
  };
  line("nr_free_pages", host.free / kPage);
  line("workingset_refault_anon", host.refaulted_anonymous);
  line("workingset_refault_file", host.refaulted_file);
  line("nr_foll_pin_acquired", 0);
  line("nr_foll_pin_released", 0);
  line("pswpin", host.swapped_in);
  line("pswpout", host.swapped_out);
  line("allocstall_normal", host.reclaim_stalls);
  line("allocstall_movable", 0);
  line("pgmajfault", host.major_faults);
  line("pgsteal_direct", host.stolen_direct);
  line("pgscan_direct", host.scanned_direct);
  line("pgscan_direct_throttle", 0);
  line("oom_kill", host.killed);
  line("compact_fail", host.compaction_failures);
  return text;
}

std::string Pressure(const HostFigures& host) {
  const auto line = [](absl::string_view name, absl::Duration total) {
    return absl::StrFormat("%s avg10=0.00 avg60=0.00 avg300=0.00 total=%020d\n",
                           name, absl::ToInt64Microseconds(total));
  };
  return absl::StrCat(line("some", host.stall_some),
                      line("full", host.stall_full));
}

std::string BuddyinfoZone(absl::string_view zone, Bytes free, Bytes huge) {
  const Bytes largest =
      std::min(AlignDown(huge, kLargestPiece), AlignDown(free, kLargestPiece));
  std::string text =
      absl::StrFormat("Node 0, zone %8s %12d", zone, (free - largest) / kPage);
  for (int order = 1; order < 10; ++order) absl::StrAppend(&text, "      0");
  absl::StrAppendFormat(&text, " %12d \n", largest / kLargestPiece);
  return text;
}

std::string ZoneinfoZone(absl::string_view zone, Bytes free, Bytes per_cpu) {
  return absl::StrFormat(
      "Node 0, zone %8s\n"
      "  pages free     %014d\n"
      "        boost    0\n"
      "        min      1000\n"
      "        low      1250\n"
      "        high     1500\n"
      "        managed  4000000\n"
      "      nr_free_pages %014d\n"
      "  pagesets\n"
      "    cpu: 0\n"
      "              count:    %014d\n"
      "              high:     14\n"
      "              batch:    7\n"
      "  node_unreclaimable:  0\n"
      "  start_pfn:           1\n",
      zone, free / kPage, free / kPage, per_cpu / kPage);
}

std::string Swaps(const HostFigures& host) {
  std::string text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
  if (!host.swap_size.is_zero()) {
    absl::StrAppendFormat(&text, "%s partition\t%014d\t\t%014d\t\t-2\n",
                          host.zram ? "/dev/zram0" : "/dev/sda2 ",
                          host.swap_size / KiB(1), host.swap_used / KiB(1));
  }
  return text;
}

}  // namespace

HostTree::HostTree(const std::string& folder, const HostFigures& figures)
    : root_(folder) {
  Set(figures);
}

HostTree& HostTree::Set(const HostFigures& figures) {
  figures_ = figures;
  const Bytes unmovable =
      SaturatingSubtract(figures.free, figures.movable_free);
  Write("proc/meminfo", Meminfo(figures));
  Write("proc/vmstat", Vmstat(figures));
  Write("proc/pressure/memory", Pressure(figures));
  Write("proc/buddyinfo",
        absl::StrCat(BuddyinfoZone("Normal", unmovable,
                                   figures.huge_free.value_or(unmovable)),
                     BuddyinfoZone("Movable", figures.movable_free,
                                   figures.movable_free)));
  Write("proc/zoneinfo",
        absl::StrCat(ZoneinfoZone("Normal", unmovable, figures.per_cpu),
                     ZoneinfoZone("Movable", figures.movable_free, Bytes())));
  Write("proc/swaps", Swaps(figures));
  const bool unified = figures.cgroup_version == 2;
  const std::string hierarchy =
      unified ? "sys/fs/cgroup/" : "sys/fs/cgroup/memory/";
  const std::string box = absl::StrCat(hierarchy, "box/");
  Write("proc/self/cgroup", unified ? "0::/box\n" : "4:memory:/box\n0::/\n");
  if (unified) Write(absl::StrCat(hierarchy, "cgroup.controllers"), "memory\n");
  const std::string limit =
      figures.cgroup_limit
          ? absl::StrFormat("%020d\n", figures.cgroup_limit->count())
      : unified ? "max\n"
                : "9223372036854771712\n";
  Write(absl::StrCat(box, unified ? "memory.max" : "memory.limit_in_bytes"),
        limit);
  Write(absl::StrCat(box, unified ? "memory.current" : "memory.usage_in_bytes"),
        absl::StrFormat("%020d\n", figures.cgroup_used.count()));
  Write(absl::StrCat(box, "memory.stat"),
        absl::StrFormat("anon 0\n%s %020d\n",
                        unified ? "inactive_file" : "total_inactive_file",
                        figures.cgroup_inactive_file.count()));
  return *this;
}

HostTree& HostTree::Change(const std::function<void(HostFigures&)>& change) {
  HostFigures figures = figures_;
  change(figures);
  return Set(figures);
}

HostTree& HostTree::Write(const std::string& path, absl::string_view text) {
  const std::filesystem::path file = std::filesystem::path(root_) / path;
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  const int descriptor =
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  Require(descriptor >= 0, file);
  // Over the old text and then its length: no reader finds it empty.
  Require(::pwrite(descriptor, text.data(), text.size(), 0) ==
              static_cast<ssize_t>(text.size()),
          file);
  Require(::ftruncate(descriptor, static_cast<off_t>(text.size())) == 0, file);
  ::close(descriptor);
  return *this;
}

HostTree& HostTree::Remove(const std::string& path) {
  const std::string file = absl::StrCat(root_, "/", path);
  Require(::truncate(file.c_str(), 0) == 0 && ::unlink(file.c_str()) == 0,
          file);
  return *this;
}

std::string HostTree::Read(const std::string& path) const {
  std::ifstream file(absl::StrCat(root_, "/", path));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace governor
