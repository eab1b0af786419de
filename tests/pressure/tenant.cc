#include "tests/pressure/tenant.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "governor/base/status_macros.h"
#include "tests/pressure/machine_counters.h"

namespace governor {

absl::StatusOr<std::unique_ptr<Tenant>> Tenant::Open(const Plan& plan) {
  std::unique_ptr<Tenant> tenant(new Tenant(plan));
  GovernorOptions options;
  options.budget = SizeSpec(plan.size);
  options.os_reserve = SizeSpec(plan.os_reserve);
  options.allowance = SizeSpec(Bytes());
  options.driver = DriverChoice::kHost;
  options.host_driver = "gb10,pages=now,context=0B";
  options.max_cached = Bytes();
  options.host_root = plan.host_root;
  GOVERNOR_ASSIGN_OR_RETURN(tenant->governor_, Governor::Create(options));
  GOVERNOR_ASSIGN_OR_RETURN(tenant->region_,
                            tenant->governor_->CreateRegion(
                                {.size = plan.size, .block_size = plan.block}));
  return tenant;
}

Tenant::~Tenant() {
  registration_.reset();
  region_.reset();
}

absl::Status Tenant::Fill() {
  GOVERNOR_RETURN_IF_ERROR(region_->Commit(0, region_->num_blocks()));
  if (plan_.is_locked && ::mlock(reinterpret_cast<void*>(region_->address()),
                                 region_->size().count()) != 0) {
    return absl::UnavailableError("the tenant's pages cannot be locked");
  }
  held_ = region_->resident().count();
  return absl::OkStatus();
}

absl::Status Tenant::Serve() {
  GOVERNOR_ASSIGN_OR_RETURN(registration_, governor_->OnReclaim(*this));
  return governor_->StartThread();
}

Bytes Tenant::Reclaim(Bytes wanted, absl::Time deadline) {
  static_cast<void>(deadline);
  ++times_asked_;
  Bytes given;
  while (given < wanted && held_ > 0) {
    const size_t last = static_cast<size_t>(held() / plan_.block - 1);
    if (const absl::Status freed =
            region_->Decommit(last, 1, {.synchronize = false});
        !freed.ok()) {
      std::fprintf(stderr, "the tenant cannot give back: %s\n",
                   freed.ToString().c_str());
      break;
    }
    given += plan_.block;
    held_ -= plan_.block.count();
    if (first_ns_ < 0) first_ns_ = absl::ToInt64Nanoseconds(MonotonicNow());
  }
  return given;
}

}  // namespace governor
