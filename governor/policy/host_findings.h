#ifndef GOVERNOR_POLICY_HOST_FINDINGS_H_
#define GOVERNOR_POLICY_HOST_FINDINGS_H_

#include <optional>
#include <vector>

#include "governor/base/bytes.h"
#include "governor/host/host_snapshot.h"
#include "governor/policy/finding.h"
#include "governor/policy/kernel_settings.h"
#include "governor/policy/pressure.h"

namespace governor {

// What is known of a machine when its memory is judged.
struct HostObservation {
  HostSnapshot now;  // a full reading
  KernelSettings settings = {};
  PressureVerdict pressure = {};
  Bytes floor = Bytes();  // what the operating system is to keep
  // The budget where nobody declared one; absent where the device has memory of
  // its own.
  std::optional<Bytes> budget = std::nullopt;
};

// All that follows, in the order in which it is shown: the machine's memory,
// what of it cannot be had, how the kernel treats it, what could not be read.
// Arithmetic on values. What was not read is not judged, but named: it is never
// kOk. A pool of a
// driver or a kind of memory that is not there is not spoken of.
std::vector<Finding> HostFindings(const HostObservation& seen);

// host_findings.cc: what there is above the floor, and in what pieces. Without
// zones all free memory is taken for movable, as the gate does until it has
// read them.
Finding FloorFinding(const HostObservation& seen);
std::optional<Finding> ContiguityFinding(const HostObservation& seen);
Finding PressureFinding(const HostObservation& seen);

// available_findings.cc: memory that is free and cannot be had, or is taken and
// not seen. Numbers below what is worth a line are passed over.
std::optional<Finding> CmaFinding(const HostSnapshot& now);
std::optional<Finding> MovableZoneFinding(const HostSnapshot& now);
std::optional<Finding> WatermarkFinding(const HostObservation& seen);
std::optional<Finding> HugePagePoolFinding(const HostSnapshot& now);
std::optional<Finding> LockedMemoryFinding(const HostSnapshot& now);
std::optional<Finding> CpuListFinding(const HostSnapshot& now);
std::optional<Finding> DriverPoolFinding(const HostObservation& seen);

// kernel_findings.cc: what the kernel was told.
std::optional<Finding> SwapFinding(const HostSnapshot& now);
Finding StallInformationFinding(const HostSnapshot& now);
Finding CgroupFinding(const HostObservation& seen);
std::optional<Finding> OvercommitFinding(const HostObservation& seen);
std::optional<Finding> HugePagesFinding(const KernelSettings& settings);

// source_findings.cc: what could not be read, but for PSI, and what was not
// believed.
std::vector<Finding> SourceFindings(const HostSnapshot& now);

}  // namespace governor

#endif  // GOVERNOR_POLICY_HOST_FINDINGS_H_
