#ifndef GOVERNOR_HOST_UNMANAGED_MEMORY_H_
#define GOVERNOR_HOST_UNMANAGED_MEMORY_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/driver/device.h"
#include "governor/driver/host_driver/host_driver.h"
#include "governor/driver/nvml_device.h"
#include "governor/driver/primary_context.h"
#include "governor/host/host_snapshot.h"

namespace governor {

// What a process holds on a device that governor did not allocate: context,
// libraries, graphs, plain cuMemAlloc. Read by the best means that the platform
// has; it cannot be intercepted, only measured.
struct UnmanagedReading {
  Bytes unmanaged = Bytes();
  // The truth is within this of it; zero: exact.
  Bytes uncertainty = Bytes();
  // "books" of the host driver, "nvml" per process, or "delta" of the machine's
  // or the device's own figures since opening.
  std::string means = "";
  // What other processes hold on the device; absent where it cannot be told.
  std::optional<Bytes> other_processes = std::nullopt;
};

// Measures it. Thread-safe. Costs a driver or NVML call (some us), no memory of
// the device. In a forked child FAILED_PRECONDITION.
class UnmanagedMeter {
 public:
  virtual ~UnmanagedMeter() = default;

  // `governed`: what governor holds on the device now, resident. Where it
  // changes meanwhile the reading is off by as much: read it before and after,
  // and measure again if it is not the same.
  // UNAVAILABLE: no means works here now, and why.
  virtual absl::StatusOr<UnmanagedReading> Read(Bytes governed) const = 0;
};

struct UnmanagedMeterOptions {
  // The driver below, where it is the one in this process; outlives the meter.
  const HostDriver* host_driver = nullptr;
  // What dlopen gets; empty: do without. Not used with a host driver.
  std::string nvml_library = "libnvidia-ml.so.1";
  // DriverHeldMemory of this moment; nullopt or null: not to be had. Used for
  // an integrated device of which NVML tells nothing.
  std::function<std::optional<Bytes>()> driver_held = nullptr;
};

// Memory of the machine that its drivers hold, by any process and in pools:
//
//   U - free in the lists of CPUs,   U: UnaccountedMemory
//
// which kept within 0.1 MiB where U alone swung by hundreds (those lists are
// neither free nor anybody's). nullopt: the snapshot lacks meminfo or zones.
std::optional<Bytes> DriverHeldMemory(const HostSnapshot& snapshot);

// What is to be read of a device before this process takes a context on it.
struct UnmanagedBaseline {
  UnmanagedMeterOptions options;
  // Null where NVML cannot be opened, and why.
  std::shared_ptr<const NvmlDevice> nvml;
  std::string why_no_nvml;
  // Somebody in this process had the primary context already, so that the
  // figures below have memory of this process in them.
  bool had_context = false;
  // NVML has a process of our number, while we have no context: it counts in
  // another PID namespace.
  bool number_is_taken = false;
  std::optional<Bytes> device_used;  // by NVML
  std::optional<size_t> processes;   // by NVML
  std::optional<Bytes> driver_held;
};

// Never fails: what cannot be read is absent. Loads and initialises NVML, which
// takes tens of milliseconds for the first time. To be called before
// PrimaryContext::Retain.
UnmanagedBaseline TakeUnmanagedBaseline(const Device& device,
                                        UnmanagedMeterOptions options);

// To be called right after PrimaryContext::Retain, with nothing governed yet.
// It reads by the first of these means that works at that moment:
//
//   books  with a host driver: exact.
//   nvml   this process's own figure, and the others'. Exact to the driver's
//          page. Not in a container that hides its processes, nor on Windows.
//   delta  of a discrete device: what is in use of it less what was before.
//          While NVML lists one process now and listed none then it is off by
//          what the driver took for itself, at most 16 MiB, and exact in its
//          growth; else another's growth reads as ours, and `uncertainty` is
//          the whole reading. Without NVML nobody knows what was before: of the
//          first figure up to 1 GiB counts as ours.
//   delta  of an integrated device: what drivers hold of the machine less what
//          they held before. Others' growth, and what the driver keeps in its
//          pools of what governor released, read as ours: `uncertainty` is the
//          whole reading, and 16 MiB more for the counters of 20 CPUs.
std::unique_ptr<UnmanagedMeter> MakeUnmanagedMeter(
    std::shared_ptr<const PrimaryContext> context, UnmanagedBaseline baseline);

}  // namespace governor

#endif  // GOVERNOR_HOST_UNMANAGED_MEMORY_H_
