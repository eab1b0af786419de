#ifndef GOVERNOR_HOST_UNMANAGED_METERS_H_
#define GOVERNOR_HOST_UNMANAGED_METERS_H_

#include <memory>
#include <vector>

#include "governor/host/unmanaged_memory.h"

namespace governor {

// Of a baseline that has NVML and had_context: what NVML tells.
void ReadBaselineByNvml(UnmanagedBaseline& baseline);

// The means of MakeUnmanagedMeter, one each. Read is UNAVAILABLE, or the error
// of what was asked, where a means does not work.

// By the books of a host driver of this process.
class BooksMeter final : public UnmanagedMeter {
 public:
  BooksMeter(std::shared_ptr<const PrimaryContext> context,
             const HostDriver& driver)
      : context_(std::move(context)), driver_(driver) {}
  absl::StatusOr<UnmanagedReading> Read(Bytes governed) const override;

 private:
  const std::shared_ptr<const PrimaryContext> context_;
  const HostDriver& driver_;
};

// By NVML's figure for this process.
class NvmlMeter final : public UnmanagedMeter {
 public:
  explicit NvmlMeter(std::shared_ptr<const NvmlDevice> nvml)
      : nvml_(std::move(nvml)) {}
  absl::StatusOr<UnmanagedReading> Read(Bytes governed) const override;

 private:
  const std::shared_ptr<const NvmlDevice> nvml_;
};

// By what is in use of a discrete device, less `others`, what was in use by
// others before this process came.
class DeviceDeltaMeter final : public UnmanagedMeter {
 public:
  // By NVML's figure of the device, if `nvml_figure`, else by cuMemGetInfo.
  // `nvml` may be null, unless it gives the figure.
  DeviceDeltaMeter(std::shared_ptr<const PrimaryContext> context,
                   std::shared_ptr<const NvmlDevice> nvml, bool nvml_figure,
                   Bytes others, bool was_alone)
      : context_(std::move(context)),
        nvml_(std::move(nvml)),
        nvml_figure_(nvml_figure),
        others_(others),
        was_alone_(was_alone) {}
  absl::StatusOr<UnmanagedReading> Read(Bytes governed) const override;

 private:
  absl::StatusOr<Bytes> ReadUsed() const;

  const std::shared_ptr<const PrimaryContext> context_;
  const std::shared_ptr<const NvmlDevice> nvml_;
  const bool nvml_figure_;
  const Bytes others_;
  const bool was_alone_;
};

// By what drivers hold of the machine, less `before`. Its uncertainty is never
// less than the reading, so that nothing of it is certain: no debt and no peak
// come of it. It could be less only if nobody else used a driver of this
// machine and none kept pools; no list tells that where NVML lists no process:
// other drivers (network, storage, display) count here as well.
class MachineDeltaMeter final : public UnmanagedMeter {
 public:
  MachineDeltaMeter(Device device,
                    std::function<std::optional<Bytes>()> driver_held,
                    Bytes before)
      : device_(std::move(device)),
        driver_held_(std::move(driver_held)),
        before_(before) {}
  absl::StatusOr<UnmanagedReading> Read(Bytes governed) const override;

 private:
  const Device device_;
  const std::function<std::optional<Bytes>()> driver_held_;
  const Bytes before_;
};

// By the first of several that works.
class FirstWorkingMeter final : public UnmanagedMeter {
 public:
  FirstWorkingMeter(Device device,
                    std::vector<std::unique_ptr<UnmanagedMeter>> meters,
                    std::string why_not_others)
      : device_(std::move(device)),
        meters_(std::move(meters)),
        why_not_others_(std::move(why_not_others)) {}
  absl::StatusOr<UnmanagedReading> Read(Bytes governed) const override;

 private:
  const Device device_;
  const std::vector<std::unique_ptr<UnmanagedMeter>> meters_;
  const std::string why_not_others_;
};

}  // namespace governor

#endif  // GOVERNOR_HOST_UNMANAGED_METERS_H_
