#ifndef GOVERNOR_HOST_HOST_SAMPLER_H_
#define GOVERNOR_HOST_HOST_SAMPLER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/base/clock.h"
#include "governor/host/host_snapshot.h"

namespace governor {

// How much is read, and what that costs (2-core x86-64, 2026-11).
enum class SampleDepth {
  kFast,    // meminfo, PSI, cgroup: 10 us
  kVmstat,  // and vmstat: 30 us
  kFull,    // and buddyinfo, zoneinfo, swaps: 60 us
};

// What sysinfo(2) says.
struct SystemMemory {
  Bytes total;
  Bytes free;
};

// For tests; the defaults are the machine's own.
struct HostSamplerOptions {
  // Unset: this machine's. The unit of vmstat, zoneinfo and buddyinfo.
  std::optional<Bytes> page_size = {};
  // Against what meminfo is checked. Unset: sysinfo(2) where the root is "/",
  // and nothing elsewhere. Does not throw.
  std::function<std::optional<SystemMemory>()> system_memory = {};
};

// Reads a machine's memory below a root directory, so that a test can give it a
// tree. Files are opened once and read by one pread each; one that is not there
// is looked for again at each reading. Reads no clock of its own, starts no
// thread, judges nothing.
//
// What it reads is hostile: masked, truncated, huge, or changing. What cannot
// be believed is absent from the snapshot and named in its faults, never
// guessed.
//
// Thread-safe; readings of several threads do not wait for one another for
// longer than one reading. In a forked child it reads what it read before.
// Take never throws and allocates only for faults and a cgroup's path; where
// there is no memory for these the snapshot has no meminfo.
class HostSampler {
 public:
  // `root` is "/" for this machine. Finds the memory cgroups of this process,
  // version 1 and 2. NOT_FOUND: there is no such directory. `clock` outlives
  // the sampler.
  static absl::StatusOr<std::unique_ptr<HostSampler>> Open(
      const std::string& root, const Clock& clock,
      const HostSamplerOptions& options = {});

  ~HostSampler();
  HostSampler(const HostSampler&) = delete;
  HostSampler& operator=(const HostSampler&) = delete;

  HostSnapshot Take(SampleDepth depth) const;

 private:
  struct Files;
  explicit HostSampler(std::unique_ptr<Files> files);

  const std::unique_ptr<Files> files_;
};

}  // namespace governor

#endif  // GOVERNOR_HOST_HOST_SAMPLER_H_
