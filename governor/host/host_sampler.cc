#include "governor/host/host_sampler.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/host/buddyinfo_parser.h"
#include "governor/host/cgroup_memory.h"
#include "governor/host/host_file.h"
#include "governor/host/meminfo_parser.h"
#include "governor/host/stall_parser.h"
#include "governor/host/swaps_parser.h"
#include "governor/host/vmstat_parser.h"
#include "governor/host/zoneinfo_parser.h"

namespace governor {
namespace {

using Fault = HostSnapshot::Fault;
using Length = HostFile::Length;

// How far free memory may differ between two readings some microseconds apart,
// of which one may have been held up for a time slice, without a fault.
constexpr Bytes kLeastTolerance = MiB(256);
Bytes Tolerance(Bytes total) {
  return std::max(kLeastTolerance, Bytes(total.count() / 32));
}

std::optional<SystemMemory> ReadSysinfo() {
  struct sysinfo found = {};
  if (::sysinfo(&found) != 0) return std::nullopt;
  const std::optional<Bytes> total =
      CheckedMultiply(Bytes(found.totalram), found.mem_unit);
  const std::optional<Bytes> free =
      CheckedMultiply(Bytes(found.freeram), found.mem_unit);
  if (!total || !free) return std::nullopt;
  return SystemMemory{*total, *free};
}

// The smaller of the two counts.
void CrossCheck(const SystemMemory& system, HostSnapshot::Meminfo& meminfo,
                std::vector<Fault>& faults) {
  const char* difference = nullptr;
  if (system.total != meminfo.total) difference = "the total";
  const Bytes tolerance = Tolerance(std::min(system.total, meminfo.total));
  const Bytes less = SaturatingSubtract(meminfo.free, system.free);
  if (less > tolerance ||
      SaturatingSubtract(system.free, meminfo.free) > tolerance) {
    difference = "free memory";
  }
  // What one calls available holds what it calls free.
  if (less > tolerance) {
    meminfo.available = SaturatingSubtract(meminfo.available, less);
  }
  meminfo.total = std::min(meminfo.total, system.total);
  meminfo.free = std::min({meminfo.free, system.free, meminfo.total});
  meminfo.available = std::min(meminfo.available, meminfo.total);
  if (difference == nullptr) return;
  faults.push_back({Fault::Kind::kDisagrees, "proc/meminfo",
                    absl::StrCat("with sysinfo(2) in ", difference)});
}

}  // namespace

struct HostSampler::Files {
  Files(const std::string& root, const Clock& clock,
        const HostSamplerOptions& options)
      : clock(clock),
        page_size(options.page_size.value_or(
            Bytes(static_cast<uint64_t>(::sysconf(_SC_PAGESIZE))))),
        system_memory(options.system_memory),
        meminfo(root, "proc/meminfo", Length::kOnePread),
        pressure(root, "proc/pressure/memory", Length::kOnePread),
        vmstat(root, "proc/vmstat", Length::kAny),
        buddyinfo(root, "proc/buddyinfo", Length::kAny),
        zoneinfo(root, "proc/zoneinfo", Length::kAny),
        swaps(root, "proc/swaps", Length::kAny),
        cgroup(root) {
    if (!system_memory && root == "/") system_memory = ReadSysinfo;
  }

  void Read(SampleDepth depth, HostSnapshot& out) const;

  const Clock& clock;
  const Bytes page_size;
  std::function<std::optional<SystemMemory>()> system_memory;
  const HostFile meminfo;
  const HostFile pressure;
  const HostFile vmstat;
  const HostFile buddyinfo;
  const HostFile zoneinfo;
  const HostFile swaps;
  const CgroupMemory cgroup;
};

void HostSampler::Files::Read(SampleDepth depth, HostSnapshot& out) const {
  out.meminfo = meminfo.Read(MeminfoParser(), out.faults);
  if (out.meminfo && system_memory) {
    if (const auto system = system_memory()) {
      CrossCheck(*system, *out.meminfo, out.faults);
    }
  }
  out.stall = pressure.Read(StallParser(), out.faults);
  out.cgroup = cgroup.Read(depth != SampleDepth::kFast, out.faults);
  if (depth == SampleDepth::kFast) return;
  out.vmstat = vmstat.Read(VmstatParser(page_size), out.faults);
  if (depth == SampleDepth::kVmstat) return;
  out.contiguity = buddyinfo.Read(BuddyinfoParser(page_size), out.faults);
  out.zones = zoneinfo.Read(ZoneinfoParser(page_size), out.faults);
  out.swaps = swaps.Read(SwapsParser(), out.faults);
}

absl::StatusOr<std::unique_ptr<HostSampler>> HostSampler::Open(
    const std::string& root, const Clock& clock,
    const HostSamplerOptions& options) {
  char absolute[PATH_MAX];
  struct stat found = {};
  if (::realpath(root.c_str(), absolute) == nullptr ||
      ::stat(absolute, &found) != 0 || !S_ISDIR(found.st_mode)) {
    return absl::NotFoundError(absl::StrCat(
        "no directory to read the machine's memory below: '", root, "'"));
  }
  std::string base = absolute;
  if (base.back() != '/') base += '/';
  auto files = std::make_unique<Files>(base, clock, options);
  std::unique_ptr<HostSampler> sampler(new HostSampler(std::move(files)));
  // Opens what is there, and finds the cgroups.
  sampler->Take(SampleDepth::kFull);
  return sampler;
}

HostSampler::HostSampler(std::unique_ptr<Files> files)
    : files_(std::move(files)) {}

HostSampler::~HostSampler() = default;

HostSnapshot HostSampler::Take(SampleDepth depth) const {
  HostSnapshot snapshot;
  snapshot.taken_at = files_->clock.Monotonic();
  try {
    files_->Read(depth, snapshot);
  } catch (...) {
    // No memory to name a fault. What was not read is absent, and meminfo with
    // it: without a group's limit it would promise too much.
    snapshot.meminfo.reset();
  }
  return snapshot;
}

}  // namespace governor
