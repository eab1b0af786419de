#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/device_parts.h"
#include "governor/governor.h"
#include "governor/governor_foundation.h"
#include "governor/host/resident_set.h"
#include "governor/memory/driver_answer.h"

namespace governor {

absl::StatusOr<Snapshot> Governor::TakeSnapshot() const {
  GOVERNOR_RETURN_IF_ERROR(CheckOpen());
  const absl::StatusOr<PrimaryContext::Memory> memory = context_->ReadMemory();
  if (!memory.ok()) return OfOwnCall(memory.status());
  const HostDriver* const host = host_driver();
  FloorGate* const gate = foundation_->gate.get();
  const HostSnapshot machine =
      gate != nullptr ? gate->Take(SampleDepth::kFull)
                      : foundation_->sampler->Take(SampleDepth::kFull);
  Snapshot snapshot;
  snapshot.device_name = device().name();
  snapshot.device = device().ordinal();
  snapshot.driver = host != nullptr ? "host" : "cuda";
  snapshot.host = PartsOf(machine);
  for (const HostSnapshot::Fault& fault : machine.faults) {
    snapshot.host_faults.push_back(
        absl::StrCat(fault.source, ": ", fault.detail));
  }

  const bool is_host_memory = device().takes_host_memory();
  const Bytes total = is_host_memory ? device().total_memory() : memory->total;
  DeviceReading reading{.total = total,
                        .free = memory->free,
                        .governed = std::min(pool_->resident(), total),
                        .is_host_driver = host != nullptr};
  if (const auto unmanaged = Measure(); unmanaged.ok()) {
    reading.unmanaged = *unmanaged;
  }
  // The machine's parts are the device's where its memory is all of it.
  if (is_host_memory && snapshot.host && total == snapshot.host->total) {
    reading.machine = snapshot.host;
  }
  reading.machine_is_unknown = is_host_memory && !snapshot.host;
  if (host != nullptr) {
    reading.untouched =
        SaturatingSubtract(reading.governed, host->host_resident_bytes());
    reading.pretended = host->personality().context;
    reading.driver_pool = host->kept_bytes();
  }
  reading.knows_driver_pool = host != nullptr || !is_host_memory;
  FillDeviceParts(reading, snapshot);

  const Refusal now = budget_->Describe(Bytes(), Tag::Current(), "budget");
  snapshot.budget = now.limit;
  snapshot.granted = granted();
  snapshot.peak_granted = SaturatingSubtract(
      budget_->peak(), account_->allowance() + account_->debt());
  snapshot.cached = pool_->cached();
  snapshot.allowance = account_->allowance();
  snapshot.debt = account_->debt();
  snapshot.headroom = mem_get_info().free;
  snapshot.limited_by = budget_name_;
  snapshot.floor = os_reserve_;
  if (gate != nullptr) {
    snapshot.floor = gate->floor();
    snapshot.in_flight = gate->in_flight();
    const HostSpare spare = gate->Look();
    snapshot.shortfall = spare.shortfall;
    if (const Bytes left = gate->headroom();
        left < snapshot.headroom || !spare.shortfall.is_zero()) {
      snapshot.headroom = left;
      snapshot.limited_by = spare.limited_by;
    }
  }
  const PressureVerdict verdict = watch_->pressure();
  snapshot.pressure = ToString(verdict.level);
  snapshot.pressure_reason = verdict.reason;
  snapshot.holders = now.holders;
  std::vector<MachineRecord::Tenant> tenants;
  if (foundation_->record != nullptr) tenants = foundation_->record->Tenants();
  for (const MachineRecord::Tenant& tenant : tenants) {
    snapshot.tenants.push_back(
        {.name = tenant.name,
         .pid = tenant.pid,
         .granted = tenant.figures.granted,
         .priority = tenant.figures.priority,
         .unmanaged = tenant.figures.unmanaged,
         .rss = ResidentSetOf(tenant.pid, foundation_->host_root)
                    .value_or(Bytes()),
         .in_flight = tenant.in_flight});
  }
  return snapshot;
}

}  // namespace governor
