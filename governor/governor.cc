#include "governor/governor.h"

#include <errno.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "governor/base/status_macros.h"
#include "governor/budget/machine_record.h"
#include "governor/budget_sizes.h"
#include "governor/governor_foundation.h"
#include "governor/memory/driver_answer.h"
#include "governor/phase_store.h"

namespace governor {
namespace {

// A reading of unmanaged memory is taken again so often, while governed memory
// comes and goes.

// $XDG_RUNTIME_DIR; "" where there is none.
std::string RuntimeFolder() {
  const char* const folder = ReadProcessEnvironment("XDG_RUNTIME_DIR");
  return folder != nullptr ? folder : "";
}

}  // namespace

absl::StatusOr<std::unique_ptr<Governor>> Governor::Create(
    const GovernorOptions& given) {
  GOVERNOR_ASSIGN_OR_RETURN(const GovernorOptions options,
                            WithEnvironment(given, &ReadProcessEnvironment));
  auto foundation = std::make_shared<Foundation>();
  GOVERNOR_ASSIGN_OR_RETURN(foundation->driver,
                            Open(options.driver.value_or(DriverChoice::kAuto),
                                 options.host_driver.value_or("")));
  absl::StatusOr<Device> device =
      Device::Open(foundation->driver.api, options.device);
  if (!device.ok()) return OfOwnCall(device.status());
  if (!device->supports_virtual_memory()) {
    return absl::UnimplementedError(absl::StrCat(
        "the device or its driver lacks CUDA's virtual memory management, "
        "without which no budget can be held: ",
        device->name()));
  }
  foundation->clock =
      options.clock != nullptr ? options.clock : &foundation->real_clock;
  foundation->host_root = options.host_root;
  GOVERNOR_ASSIGN_OR_RETURN(
      foundation->sampler,
      HostSampler::Open(options.host_root, *foundation->clock));
  if (options.pinned_host) {
    const HostSnapshot now = foundation->sampler->Take(SampleDepth::kFast);
    if (!now.meminfo) {
      return absl::UnavailableError(
          "pinned_host: the machine does not say how much memory it has "
          "(/proc/meminfo)");
    }
    device = device->WithPinnedHostMemory(now.meminfo->total);
    if (!device.ok()) return OfOwnCall(device.status());
  }
  const bool is_gated =
      device->takes_host_memory() || foundation->driver.host != nullptr;
  absl::StatusOr<std::unique_ptr<MachineRecord>> record = MachineRecord::Join(
      MachineRecord::DefaultFolder(options.share_dir, RuntimeFolder()),
      ::program_invocation_short_name, foundation->clock);
  // Where no floor governs, the record is for people alone.
  if (!record.ok() && is_gated) return record.status();
  if (record.ok()) foundation->record = *std::move(record);

  GOVERNOR_ASSIGN_OR_RETURN(const BudgetSizes sizes,
                            BudgetSizesOf(options, *device));
  std::unique_ptr<Governor> governor(new Governor);
  HostDriver* const host = foundation->driver.host.get();
  LocalBudgetOptions budget_options{.limit = sizes.budget,
                                    .clock = foundation->clock};
  if (is_gated) {
    Bytes floor = sizes.os_reserve;
    if (host != nullptr && !options.os_reserve) {
      // It takes the machine's memory, whatever it claims to have.
      floor = std::max(
          floor, FloorOfMachine(foundation->sampler->Take(SampleDepth::kFast),
                                std::nullopt));
    } else if (!device->takes_host_memory()) {
      floor = FloorOfMachine(foundation->sampler->Take(SampleDepth::kFast),
                             options.os_reserve);
    }
    FloorGateOptions gate_options{.floor = floor,
                                  .sampler = foundation->sampler.get(),
                                  .record = foundation->record.get(),
                                  .clock = foundation->clock};
    gate_options.needs_contiguity = host == nullptr;
    if (host != nullptr && !host->personality().populates_at_once) {
      // Not what was settled: allowance, debt and leases are in no books, or in
      // them by another way.
      gate_options.created = [host] {
        return host->physical_bytes() + host->kept_bytes();
      };
      gate_options.resident = [host] { return host->host_resident_bytes(); };
    }
    foundation->gate = std::make_unique<FloorGate>(gate_options);
    budget_options.gate = foundation->gate.get();
    // Who limits a container to less than the budget means the budget, too,
    // though the kernel counts no driver's memory there.
    const HostSnapshot now = foundation->gate->Take(SampleDepth::kFast);
    if (now.cgroup && device->takes_host_memory() &&
        now.cgroup->smallest_limit < budget_options.limit) {
      budget_options.limit = now.cgroup->smallest_limit;
      governor->budget_name_ = "cgroup";
    }
  }
  budget_options.limited_by = governor->budget_name_;
  budget_options.on_refusal = [foundation =
                                   foundation.get()](const Refusal& refusal) {
    foundation->Remember(refusal);
  };
  budget_options.on_change = [foundation = foundation.get()] {
    foundation->Publish();
  };
  GOVERNOR_ASSIGN_OR_RETURN(foundation->budget,
                            LocalBudget::Create(budget_options));
  governor->budget_ =
      std::shared_ptr<LocalBudget>(foundation, foundation->budget.get());
  governor->foundation_ = std::move(foundation);
  governor->os_reserve_ = sizes.os_reserve;
  governor->priority_ = options.priority.value_or(0);
  governor->foundation_->priority = governor->priority_;
  governor->foundation_->device = options.device;
  // Charged before the context takes it.
  GOVERNOR_ASSIGN_OR_RETURN(
      governor->account_,
      UnmanagedAccount::Open(
          governor->budget_,
          {.allowance = std::min(sizes.allowance, budget_options.limit),
           .on_unspent =
               [gate = governor->foundation_->gate.get()](Bytes unspent) {
                 if (gate != nullptr) gate->Promise(unspent);
               },
           .only_looks = options.only_looks}));
  governor->foundation_->account = governor->account_;
  GOVERNOR_RETURN_IF_ERROR(governor->OpenDevice(*std::move(device), options));
  governor->StartWatch(options);
  return governor;
}

absl::Status Governor::OpenDevice(Device device,
                                  const GovernorOptions& options) {
  // What was there before the context is not its.
  UnmanagedBaseline baseline = TakeUnmanagedBaseline(
      device, {.host_driver = host_driver(),
               .driver_held = [sampler = foundation_->sampler.get()] {
                 return DriverHeldMemory(sampler->Take(SampleDepth::kFull));
               }});
  absl::StatusOr<std::shared_ptr<PrimaryContext>> context =
      PrimaryContext::Retain(std::move(device));
  if (!context.ok()) return OfOwnCall(context.status());
  context_ = *std::move(context);
  if (!options.pinned_host) {
    foundation_->meter = MakeUnmanagedMeter(context_, std::move(baseline));
  }
  pool_ = ChunkPool::Create(
      context_, budget_,
      {.max_cached = options.max_cached,
       .priority = priority_,
       // The pool keeps the foundation alive.
       .before_grant = [foundation = foundation_.get()](const ChunkPool& pool,
                                                        bool is_short) {
         foundation->MeasureBeforeGrant(pool, is_short);
       }});
  return absl::OkStatus();
}

void Governor::StartWatch(const GovernorOptions& options) {
  ticks_ = options.tick;
  phases_ = options.phases.value_or(
      DefaultPhasesPath(&ReadProcessEnvironment).value_or(""));
  Measure().IgnoreError();
  ReadMachine();
  watch_ = std::make_unique<HostWatch>(HostWatchOptions{
      .clock = foundation_->clock,
      .gate = foundation_->gate.get(),
      .sampler = foundation_->sampler.get(),
      .budget = budget_.get(),
      .page_back = &page_back_,
      .measure = [this] { Measure().IgnoreError(); },
      .peaks_matter = [this] { return account_->has_transients(); },
      .driver_keeps_released = DriverKeepsReleased()});
  server_ = budget_->RegisterServer([this] {
    MutexLock lock(thread_mutex_);
    if (thread_ != nullptr) thread_->Wake();
  });
}

absl::Status Governor::CheckOpen() const {
  GOVERNOR_RETURN_IF_ERROR(device().CheckProcess());
  if (is_closed()) {
    return absl::FailedPreconditionError("the governor is closed");
  }
  if (is_closing_) {
    return absl::FailedPreconditionError("the governor is being closed");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ElasticRegion>> Governor::CreateRegion(
    const ElasticRegionOptions& options) {
  GOVERNOR_RETURN_IF_ERROR(CheckOpen());
  return ElasticRegion::Create(pool_, options);
}

absl::StatusOr<Grant> Governor::Lease(Bytes size,
                                      const AcquireOptions& options) {
  GOVERNOR_RETURN_IF_ERROR(CheckOpen());
  AcquireOptions with_priority = options;
  if (!with_priority.priority) with_priority.priority = priority_;
  foundation_->MeasureBeforeGrant(*pool_,
                                  /*is_short=*/size > mem_get_info().free);
  absl::StatusOr<Grant> grant = budget_->Acquire(size, with_priority);
  if (grant.ok()) foundation_->Publish();
  return grant;
}

absl::StatusOr<std::unique_ptr<Transient>> Governor::BeginTransient(
    absl::string_view name, Bytes size, const AcquireOptions& options) {
  GOVERNOR_RETURN_IF_ERROR(CheckOpen());
  // What is there already is not the phase's.
  Measure().IgnoreError();
  AcquireOptions with_priority = options;
  if (!with_priority.priority) with_priority.priority = priority_;
  GOVERNOR_ASSIGN_OR_RETURN(std::unique_ptr<Transient> transient,
                            account_->Begin(name, size, with_priority));
  ReadMachine();
  return transient;
}

std::string Governor::DriverName() const {
  if (host_driver() != nullptr) return "host driver";
  const int version = device().driver_version();
  return absl::StrFormat("CUDA %d.%d", version / 1000, version % 1000 / 10);
}

Bytes Governor::EndTransient(std::unique_ptr<Transient> transient) {
  if (!device().is_current_process()) return Bytes();
  if (!is_closed()) Measure().IgnoreError();
  const PhaseRecord phase{.name = transient->name(),
                          .device = device().name(),
                          .driver = DriverName(),
                          .declared = transient->size(),
                          .measured = transient->peak()};
  transient.reset();
  // For the next start: of use, but no reason to fail. A phase of which nothing
  // was measured says nothing.
  if (!phases_.empty() && !phase.measured.is_zero())
    RecordPhase(phases_, phase).IgnoreError();
  return phase.measured;
}

absl::StatusOr<std::unique_ptr<Budget::Registration>> Governor::OnReclaim(
    Reclaimer& reclaimer, const ReclaimerOptions& options) {
  GOVERNOR_RETURN_IF_ERROR(CheckOpen());
  if (!ticks_) GOVERNOR_RETURN_IF_ERROR(StartThread());
  return budget_->Register(reclaimer, options);
}

absl::StatusOr<std::unique_ptr<PageBack::Registration>> Governor::KeepInMemory(
    const MemoryRange& range) {
  GOVERNOR_RETURN_IF_ERROR(CheckOpen());
  return page_back_.Register(range);
}

Bytes Governor::BringPagesBack() {
  if (!CheckOpen().ok()) return Bytes();
  return watch_->BringPagesBack();
}

absl::Duration Governor::Tick(absl::Time now) {
  if (!CheckOpen().ok()) return HostWatch::kLatest;
  return watch_->Tick(now);
}

void Governor::ReadMachine() const {
  if (foundation_->gate != nullptr) foundation_->gate->Take(SampleDepth::kFast);
}

Governor::MemoryInfo Governor::mem_get_info() const {
  return {SaturatingSubtract(budget_->limit(), budget_->granted()),
          budget_->limit()};
}

Bytes Governor::headroom() const {
  const Bytes of_budget = mem_get_info().free;
  if (foundation_->gate == nullptr) return of_budget;
  return std::min(of_budget, foundation_->gate->headroom());
}

Bytes Governor::granted() const {
  return SaturatingSubtract(budget_->granted(),
                            account_->allowance() + account_->debt());
}

const HostDriver* Governor::host_driver() const {
  return foundation_->driver.host.get();
}

std::vector<MachineRecord::RememberedRefusal> Governor::Refusals(
    size_t limit) const {
  if (foundation_->record == nullptr) return {};
  return foundation_->record->Refusals(limit);
}

bool Governor::DriverKeepsReleased() const {
  // Drivers from 590 on keep released pages of the machine in pools.
  constexpr int kFirstWithPools = 13010;  // CUDA 13.1, as driver 590 brought
  if (host_driver() != nullptr) {
    return host_driver()->personality().keeps_released;
  }
  return device().takes_host_memory() &&
         device().driver_version() >= kFirstWithPools;
}

}  // namespace governor
