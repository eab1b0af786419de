#include "governor/governor.h"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/memory/driver_answer.h"
#include "governor/policy/device_budget.h"
#include "governor/policy/kv_planner.h"

namespace governor {
namespace {

struct Sizes {
  Bytes budget;
  Bytes os_reserve;
  Bytes allowance;
};

absl::Status TooLarge(absl::string_view what, Bytes value,
                      absl::string_view limit_name, Bytes limit,
                      absl::string_view remedy) {
  return absl::InvalidArgumentError(absl::StrCat(
      "the ", what, " is too large: ", ToString(value), " (", value.count(),
      " bytes), and ", limit_name, " is ", ToString(limit), "; ", remedy));
}

absl::StatusOr<Sizes> ResolveSizes(const GovernorOptions& options,
                                   const Device& device) {
  const Bytes actual = device.total_memory();
  const DeviceBudget offer =
      DeviceBudgetOf(actual, device.is_integrated(), options.os_reserve);
  if (offer.budget.is_zero()) {
    return TooLarge("OS reserve", offer.os_reserve, "the machine's memory",
                    offer.total, "choose a smaller os_reserve");
  }
  Sizes sizes;
  if (device.is_integrated()) sizes.os_reserve = offer.os_reserve;
  sizes.budget =
      options.budget ? options.budget->Resolve(offer.total) : offer.budget;
  if (sizes.budget > actual) {
    return TooLarge("budget", sizes.budget, "the device's memory", actual,
                    "choose a smaller budget, for example 90%");
  }
  if (options.os_reserve && sizes.budget > offer.budget) {
    return TooLarge("budget", sizes.budget,
                    "what the declared OS reserve leaves", offer.budget,
                    "choose a smaller budget or os_reserve");
  }
  sizes.allowance = options.allowance ? options.allowance->Resolve(sizes.budget)
                                      : kDefaultAllowance;
  if (sizes.allowance > sizes.budget) {
    return TooLarge("allowance for unmanaged memory", sizes.allowance,
                    "the budget", sizes.budget,
                    "choose a larger budget, or declare a smaller allowance "
                    "(GOVERNOR_ALLOWANCE, or allowance=)");
  }
  return sizes;
}

}  // namespace

struct Governor::Foundation {
  OpenDriver driver;
  RealClock real_clock;
  std::unique_ptr<LocalBudget> budget;
};

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
  GOVERNOR_ASSIGN_OR_RETURN(const Sizes sizes, ResolveSizes(options, *device));

  std::unique_ptr<Governor> governor(new Governor);
  GOVERNOR_ASSIGN_OR_RETURN(
      foundation->budget,
      LocalBudget::Create({.limit = sizes.budget,
                           .clock = options.clock != nullptr
                                        ? options.clock
                                        : &foundation->real_clock}));
  governor->budget_ =
      std::shared_ptr<LocalBudget>(foundation, foundation->budget.get());
  governor->foundation_ = std::move(foundation);
  governor->os_reserve_ = sizes.os_reserve;
  governor->allowance_size_ = sizes.allowance;
  governor->priority_ = options.priority.value_or(0);
  // Charged before the context takes it.
  if (!sizes.allowance.is_zero()) {
    GOVERNOR_ASSIGN_OR_RETURN(
        governor->allowance_,
        governor->budget_->Acquire(sizes.allowance, {.tag = Tag::Allowance()}));
  }
  absl::StatusOr<std::shared_ptr<PrimaryContext>> context =
      PrimaryContext::Retain(*std::move(device));
  if (!context.ok()) return OfOwnCall(context.status());
  governor->context_ = *std::move(context);
  governor->pool_ = ChunkPool::Create(
      governor->context_, governor->budget_,
      {.max_cached = options.max_cached, .priority = governor->priority_});
  return governor;
}

Governor::~Governor() {
  if (context_ == nullptr || !context_->device().is_current_process()) return;
  // Regions that outlive the governor keep what they stand on alive: its budget
  // too, and the context, so that the allowance must stay charged.
  try {
    if (Close().ok()) return;
  } catch (const std::bad_alloc&) {
    // The host has no memory left to say why not.
  }
  allowance_.Forfeit();
}

absl::Status Governor::CheckOpen() const {
  GOVERNOR_RETURN_IF_ERROR(device().CheckProcess());
  if (is_closed()) {
    return absl::FailedPreconditionError("the governor is closed");
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
  return budget_->Acquire(size, with_priority);
}

Governor::MemoryInfo Governor::mem_get_info() const {
  return {SaturatingSubtract(budget_->limit(), budget_->granted()),
          budget_->limit()};
}

Bytes Governor::granted() const {
  return SaturatingSubtract(budget_->granted(), allowance_.size());
}

const HostDriver* Governor::host_driver() const {
  return foundation_->driver.host.get();
}

absl::StatusOr<Snapshot> Governor::TakeSnapshot() const {
  GOVERNOR_RETURN_IF_ERROR(CheckOpen());
  const absl::StatusOr<PrimaryContext::Memory> memory = context_->ReadMemory();
  if (!memory.ok()) return OfOwnCall(memory.status());
  const bool is_host = host_driver() != nullptr;
  Snapshot snapshot;
  snapshot.device_name = device().name();
  snapshot.device = device().ordinal();
  snapshot.driver = is_host ? "host" : "cuda";

  snapshot.total = memory->total;
  snapshot.governed = std::min(pool_->resident(), memory->total);
  // What the driver calls free and we know to be resident is not free: the two
  // are read a moment apart.
  snapshot.free = std::min(memory->free, memory->total - snapshot.governed);
  const Bytes rest = memory->total - snapshot.governed - snapshot.free;
  if (is_host && !host_driver()->personality().free_is_mem_free) {
    // Nobody but this process uses a host driver.
    snapshot.unmanaged = rest;
  } else if (is_host) {
    // Of the machine's memory this process has its context and what it asked
    // the driver for; the rest is others' and the operating system's.
    const HostDriver& host = *host_driver();
    snapshot.unmanaged = std::min(
        rest, SaturatingSubtract(host.physical_bytes(), snapshot.governed) +
                  host.pinned_bytes() + host.personality().context);
    snapshot.other_processes = rest - snapshot.unmanaged;
    snapshot.estimated = {"unmanaged_bytes", "other_processes_bytes",
                          "os_bytes", "evictable_bytes"};
  } else {
    // Not told apart yet: this process's context, other processes, and on an
    // integrated device the operating system.
    snapshot.other_processes = rest;
    snapshot.estimated = {"unmanaged_bytes", "other_processes_bytes",
                          "os_bytes", "evictable_bytes"};
  }

  const Refusal now = budget_->Describe(Bytes(), Tag::Current(), "budget");
  snapshot.budget = now.limit;
  snapshot.granted = SaturatingSubtract(now.granted, allowance_.size());
  snapshot.peak_granted =
      SaturatingSubtract(budget_->peak(), allowance_.size());
  snapshot.cached = pool_->cached();
  snapshot.allowance = allowance_size_;
  snapshot.debt = SaturatingSubtract(now.granted, now.limit);
  snapshot.headroom = now.headroom;
  snapshot.floor = os_reserve_;
  snapshot.limited_by = now.limited_by;
  snapshot.holders = now.holders;
  return snapshot;
}

absl::Status Governor::Close() {
  GOVERNOR_RETURN_IF_ERROR(device().CheckProcess());
  if (is_closed()) return absl::OkStatus();
  const Bytes held = SaturatingSubtract(granted(), pool_->cached());
  if (!held.is_zero()) {
    return absl::FailedPreconditionError(
        absl::StrCat("regions or leases still hold ", ToString(held), " (",
                     held.count(), " bytes); close them first"));
  }
  GOVERNOR_RETURN_IF_ERROR(pool_->Close().ToStatus());
  GOVERNOR_RETURN_IF_ERROR(OfOwnCall(context_->Release()));
  pool_.reset();
  allowance_.Release();
  return absl::OkStatus();
}

}  // namespace governor
