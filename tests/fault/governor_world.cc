#include "tests/fault/governor_world.h"

#include <new>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/budget/refusal.h"
#include "tests/fault/allocation_faults.h"

namespace governor {

GovernorWorld::~GovernorWorld() {
  lease_.Release();
  region_.reset();
}

Answer GovernorWorld::Perform(const Step& step) {
  absl::Status status;
  try {
    status = Do(step);
  } catch (const std::bad_alloc&) {
    return {.status = absl::Status(absl::StatusCode::kResourceExhausted, ""),
            .is_no_memory = true};
  }
  const UncountedAllocations uncounted;
  return {.status = status, .is_refusal = RefusalOf(status).has_value()};
}

absl::Status GovernorWorld::Do(const Step& step) {
  const std::string& verb = step.verb;
  const auto number = [&step](size_t i) { return step.numbers.at(i); };

  if (verb == "open") return Open();
  if (verb == "drop_region" || verb == "drop") region_.reset();
  if (verb == "release" || verb == "drop") lease_.Release();
  if (verb == "drop_governor" || verb == "drop") governor_.reset();
  if (verb == "untag") tag_.reset();
  if (governor_ != nullptr) {
    if (verb == "reserve") {
      GOVERNOR_ASSIGN_OR_RETURN(region_,
                                governor_->CreateRegion({.size = kRegion}));
    } else if (verb == "lease") {
      return Lease(MiB(number(0)), absl::InfinitePast());
    } else if (verb == "lease_past") {
      return Lease(governor_->headroom() + MiB(number(0)),
                   absl::InfinitePast());
    } else if (verb == "wait_lease") {
      return Lease(governor_->headroom() + MiB(number(0)),
                   clock_.Now() + absl::Seconds(1));
    } else if (verb == "tag") {
      GOVERNOR_ASSIGN_OR_RETURN(const Tag kv, Tag::Named("kv"));
      tag_.emplace(kv);
    } else if (verb == "snapshot") {
      GOVERNOR_ASSIGN_OR_RETURN(const Snapshot snapshot,
                                governor_->TakeSnapshot());
      governed_ = snapshot.governed;
    } else if (verb == "close") {
      return governor_->Close();
    }
  }
  if (region_ != nullptr) {
    if (verb == "commit") return region_->Commit(number(0), number(1));
    if (verb == "decommit") return region_->Decommit(number(0), number(1));
    if (verb == "decommit_now") {
      return region_->Decommit(number(0), number(1), {.synchronize = false});
    }
    if (verb == "commit_rest") return region_->Commit(0, region_->num_blocks());
    if (verb == "decommit_all") return DecommitAll();
    if (verb == "check_access") return CheckAccess();
    if (verb == "close_region") return region_->Close();
  }
  return absl::OkStatus();
}

absl::Status GovernorWorld::Open() {
  GOVERNOR_ASSIGN_OR_RETURN(governor_,
                            Governor::Create({.budget = kBudget,
                                              .os_reserve = MiB(64),
                                              .allowance = kAllowance,
                                              .driver = DriverChoice::kHost,
                                              .host_driver = kMachine,
                                              .max_cached = MiB(4),
                                              .clock = &clock_}));
  return absl::OkStatus();
}

absl::Status GovernorWorld::Lease(Bytes size, absl::Time deadline) {
  GOVERNOR_ASSIGN_OR_RETURN(lease_,
                            governor_->Lease(size, {.deadline = deadline}));
  return absl::OkStatus();
}

absl::Status GovernorWorld::CheckAccess() {
  const DriverApi& api = governor_->host_driver()->api();
  const CUmemLocation device = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = 0};
  for (size_t i = 0; i < region_->num_blocks(); ++i) {
    if (!region_->is_committed(i)) continue;
    unsigned long long flags = 0;  // NOLINT: CUDA's own type
    const CUdeviceptr block =
        region_->address() + i * region_->block_size().count();
    if (api.MemGetAccess(&flags, &device, block) != CUDA_SUCCESS ||
        flags != CU_MEM_ACCESS_FLAGS_PROT_READWRITE) {
      return absl::InternalError(absl::StrCat("block ", i, " cannot be used"));
    }
  }
  return absl::OkStatus();
}

absl::Status GovernorWorld::DecommitAll() {
  absl::Status status;
  for (size_t i = 0; i < region_->num_blocks(); ++i) {
    if (region_->is_committed(i)) status.Update(region_->Decommit(i, 1));
  }
  return status;
}

}  // namespace governor
