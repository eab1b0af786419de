// The functions of bindings/c/governor.h: they convert, they decide nothing.
#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bindings/c/governor.h"
#include "bindings/c/handle_table.h"
#include "bindings/c/last_error.h"
#include "bindings/c/struct_conversions.h"
#include "bindings/deadline.h"
#include "governor/base/mutex.h"
#include "governor/base/status_macros.h"
#include "governor/budget/tag.h"
#include "governor/governor.h"

namespace governor {
namespace {

struct OpenRegion {
  std::unique_ptr<ElasticRegion> region;
  int priority;  // its governor's
};

struct OpenLease {
  void Settle() {
    MutexLock lock(settling);
    grant.Settle();
  }

  std::shared_ptr<Governor> governor;  // outlives the grant
  Grant grant;
  Mutex settling;  // what else changes a grant is the last user's
};

// A C function as a reclaimer. Members in the order in which they must outlive
// each other.
struct OpenReclaimer final : Reclaimer {
  Bytes Reclaim(Bytes wanted, absl::Time deadline) override {
    const double seconds =
        std::max(0.0, absl::ToDoubleSeconds(deadline - absl::Now()));
    return Bytes(function(user, wanted.count(), seconds));
  }

  std::shared_ptr<Governor> governor;
  governor_reclaim_function_t function = nullptr;
  void* user = nullptr;
  std::unique_ptr<Budget::Registration> registration;
};

// Never destroyed: handles may be used until the process ends.
HandleTable<governor_t, Governor>& Governors() {
  static auto& table = *new HandleTable<governor_t, Governor>("governor");
  return table;
}
HandleTable<governor_region_t, OpenRegion>& Regions() {
  static auto& table =
      *new HandleTable<governor_region_t, OpenRegion>("region");
  return table;
}
HandleTable<governor_lease_t, OpenLease>& Leases() {
  static auto& table = *new HandleTable<governor_lease_t, OpenLease>("lease");
  return table;
}

HandleTable<governor_reclaimer_t, OpenReclaimer>& Reclaimers() {
  static auto& table =
      *new HandleTable<governor_reclaimer_t, OpenReclaimer>("reclaimer");
  return table;
}

std::vector<std::unique_ptr<ScopedTag>>& TagsOfThisThread() {
  static thread_local std::vector<std::unique_ptr<ScopedTag>> tags;
  return tags;
}

// INVALID_ARGUMENT: one of the pointers that a function writes through is null.
template <typename... Pointers>
absl::Status CheckOut(const Pointers*... pointers) {
  if ((... && (pointers != nullptr))) return absl::OkStatus();
  return absl::InvalidArgumentError("a pointer for a result is null");
}

}  // namespace
}  // namespace governor

using governor::CheckOut;
using governor::Governors;
using governor::Guarded;
using governor::Leases;
using governor::Reclaimers;
using governor::Regions;

const char* governor_code_name(governor_code_t code) {
  switch (code) {
    case GOVERNOR_OK:
      return "GOVERNOR_OK";
    case GOVERNOR_INVALID_ARGUMENT:
      return "GOVERNOR_INVALID_ARGUMENT";
    case GOVERNOR_REFUSED:
      return "GOVERNOR_REFUSED";
    case GOVERNOR_UNAVAILABLE:
      return "GOVERNOR_UNAVAILABLE";
    case GOVERNOR_UNIMPLEMENTED:
      return "GOVERNOR_UNIMPLEMENTED";
    case GOVERNOR_FAILED_PRECONDITION:
      return "GOVERNOR_FAILED_PRECONDITION";
    case GOVERNOR_INTERNAL:
      return "GOVERNOR_INTERNAL";
  }
  return "GOVERNOR_?";
}

const char* governor_last_error() { return governor::LastMessage(); }

governor_code_t governor_open(const governor_options_t* options,
                              governor_t** governor) {
  return Guarded([&]() -> absl::Status {
    GOVERNOR_RETURN_IF_ERROR(CheckOut(governor));
    GOVERNOR_ASSIGN_OR_RETURN(const governor::GovernorOptions converted,
                              governor::OptionsOf(options));
    GOVERNOR_ASSIGN_OR_RETURN(std::unique_ptr<governor::Governor> opened,
                              governor::Governor::Create(converted));
    *governor = Governors().Add(std::move(opened));
    return absl::OkStatus();
  });
}

governor_code_t governor_close(governor_t* governor) {
  return Guarded([&]() -> absl::Status {
    GOVERNOR_ASSIGN_OR_RETURN(const auto open, Governors().Find(governor));
    GOVERNOR_RETURN_IF_ERROR(open->Close());
    Governors().Remove(governor);
    return absl::OkStatus();
  });
}

governor_code_t governor_mem_get_info(governor_t* governor, size_t* free_bytes,
                                      size_t* total_bytes) {
  return Guarded([&]() -> absl::Status {
    GOVERNOR_ASSIGN_OR_RETURN(const auto open, Governors().Find(governor));
    GOVERNOR_RETURN_IF_ERROR(CheckOut(free_bytes, total_bytes));
    const governor::Governor::MemoryInfo info = open->mem_get_info();
    *free_bytes = info.free.count();
    *total_bytes = info.total.count();
    return absl::OkStatus();
  });
}

governor_code_t governor_snapshot(governor_t* governor,
                                  governor_snapshot_t* snapshot) {
  return Guarded([&]() -> absl::Status {
    GOVERNOR_ASSIGN_OR_RETURN(const auto open, Governors().Find(governor));
    GOVERNOR_RETURN_IF_ERROR(governor::Check(snapshot));
    GOVERNOR_ASSIGN_OR_RETURN(const governor::Snapshot taken,
                              open->TakeSnapshot());
    governor::Write(taken, snapshot);
    return absl::OkStatus();
  });
}

governor_code_t governor_last_refusal(governor_refusal_t* refusal) {
  bool was_refused = true;
  const governor_code_t code = Guarded([&]() -> absl::Status {
    GOVERNOR_RETURN_IF_ERROR(governor::Check(refusal));
    const std::optional<governor::Refusal> last = governor::LastRefusal();
    was_refused = last.has_value();
    if (was_refused) governor::Write(*last, refusal);
    return absl::OkStatus();
  });
  // Not recorded: the last error stays what it is.
  return was_refused ? code : GOVERNOR_FAILED_PRECONDITION;
}

governor_code_t governor_tag_push(const char* name) {
  return Guarded([&]() -> absl::Status {
    if (name == nullptr) return absl::InvalidArgumentError("the tag is null");
    GOVERNOR_ASSIGN_OR_RETURN(const governor::Tag tag,
                              governor::Tag::Named(name));
    governor::TagsOfThisThread().push_back(
        std::make_unique<governor::ScopedTag>(tag));
    return absl::OkStatus();
  });
}

governor_code_t governor_tag_pop() {
  return Guarded([]() -> absl::Status {
    auto& tags = governor::TagsOfThisThread();
    if (tags.empty()) {
      return absl::FailedPreconditionError("this thread has pushed no tag");
    }
    tags.pop_back();
    return absl::OkStatus();
  });
}

governor_code_t governor_region_create(governor_t* governor, size_t size,
                                       size_t block_size,
                                       governor_region_t** region) {
  return Guarded([&]() -> absl::Status {
    GOVERNOR_ASSIGN_OR_RETURN(const auto open, Governors().Find(governor));
    GOVERNOR_RETURN_IF_ERROR(CheckOut(region));
    GOVERNOR_ASSIGN_OR_RETURN(
        std::unique_ptr<governor::ElasticRegion> created,
        open->CreateRegion({.size = governor::Bytes(size),
                            .block_size = governor::Bytes(block_size)}));
    *region = Regions().Add(std::make_shared<governor::OpenRegion>(
        governor::OpenRegion{std::move(created), open->priority()}));
    return absl::OkStatus();
  });
}

governor_code_t governor_region_commit(governor_region_t* region, size_t first,
                                       size_t count, double deadline) {
  return Guarded([&]() -> absl::Status {
    GOVERNOR_ASSIGN_OR_RETURN(const auto open, Regions().Find(region));
    GOVERNOR_ASSIGN_OR_RETURN(const absl::Time until,
                              governor::DeadlineAfter(absl::Now(), deadline));
    return open->region->Commit(
        first, count,
        {.tag = {}, .deadline = until, .priority = open->priority});
  });
}

governor_code_t governor_region_decommit(governor_region_t* region,
                                         size_t first, size_t count,
                                         int synchronize) {
  return Guarded([&]() -> absl::Status {
    GOVERNOR_ASSIGN_OR_RETURN(const auto open, Regions().Find(region));
    return open->region->Decommit(first, count,
                                  {.synchronize = synchronize != 0});
  });
}

governor_code_t governor_region_address(governor_region_t* region,
                                        void** address) {
  return Guarded([&]() -> absl::Status {
    GOVERNOR_ASSIGN_OR_RETURN(const auto open, Regions().Find(region));
    GOVERNOR_RETURN_IF_ERROR(CheckOut(address));
    *address = reinterpret_cast<void*>(open->region->address());
    return absl::OkStatus();
  });
}

governor_code_t governor_region_num_blocks(governor_region_t* region,
                                           size_t* num_blocks) {
  return Guarded([&]() -> absl::Status {
    GOVERNOR_ASSIGN_OR_RETURN(const auto open, Regions().Find(region));
    GOVERNOR_RETURN_IF_ERROR(CheckOut(num_blocks));
    *num_blocks = open->region->num_blocks();
    return absl::OkStatus();
  });
}

governor_code_t governor_region_resident(governor_region_t* region,
                                         size_t* resident_bytes) {
  return Guarded([&]() -> absl::Status {
    GOVERNOR_ASSIGN_OR_RETURN(const auto open, Regions().Find(region));
    GOVERNOR_RETURN_IF_ERROR(CheckOut(resident_bytes));
    *resident_bytes = open->region->resident().count();
    return absl::OkStatus();
  });
}

governor_code_t governor_region_is_committed(governor_region_t* region,
                                             size_t block, int* is_committed) {
  return Guarded([&]() -> absl::Status {
    GOVERNOR_ASSIGN_OR_RETURN(const auto open, Regions().Find(region));
    GOVERNOR_RETURN_IF_ERROR(CheckOut(is_committed));
    if (block >= open->region->num_blocks()) {
      return absl::InvalidArgumentError(
          absl::StrCat("no such block: ", block, "; the region has ",
                       open->region->num_blocks()));
    }
    *is_committed = open->region->is_committed(block) ? 1 : 0;
    return absl::OkStatus();
  });
}

governor_code_t governor_region_close(governor_region_t* region) {
  return Guarded([&]() -> absl::Status {
    GOVERNOR_ASSIGN_OR_RETURN(const auto open, Regions().Find(region));
    GOVERNOR_RETURN_IF_ERROR(open->region->Close());
    Regions().Remove(region);
    return absl::OkStatus();
  });
}

governor_code_t governor_lease_acquire(governor_t* governor, size_t size,
                                       double deadline,
                                       governor_lease_t** lease) {
  return Guarded([&]() -> absl::Status {
    GOVERNOR_ASSIGN_OR_RETURN(const auto open, Governors().Find(governor));
    GOVERNOR_RETURN_IF_ERROR(CheckOut(lease));
    GOVERNOR_ASSIGN_OR_RETURN(const absl::Time until,
                              governor::DeadlineAfter(absl::Now(), deadline));
    GOVERNOR_ASSIGN_OR_RETURN(
        governor::Grant grant,
        open->Lease(
            governor::Bytes(size),
            {.deadline = until, .tag = {}, .priority = open->priority()}));
    auto made = std::make_shared<governor::OpenLease>();
    made->governor = open;
    made->grant = std::move(grant);
    *lease = Leases().Add(std::move(made));
    return absl::OkStatus();
  });
}

governor_code_t governor_lease_size(governor_lease_t* lease, size_t* size) {
  return Guarded([&]() -> absl::Status {
    GOVERNOR_ASSIGN_OR_RETURN(const auto open, Leases().Find(lease));
    GOVERNOR_RETURN_IF_ERROR(CheckOut(size));
    *size = open->grant.size().count();
    return absl::OkStatus();
  });
}

governor_code_t governor_lease_settle(governor_lease_t* lease) {
  return Guarded([&]() -> absl::Status {
    GOVERNOR_ASSIGN_OR_RETURN(const auto open, Leases().Find(lease));
    open->Settle();
    return absl::OkStatus();
  });
}

governor_code_t governor_lease_release(governor_lease_t* lease) {
  return Guarded([&]() -> absl::Status {
    GOVERNOR_RETURN_IF_ERROR(Leases().Find(lease).status());
    Leases().Remove(lease);
    return absl::OkStatus();
  });
}

governor_code_t governor_on_reclaim(governor_t* governor,
                                    governor_reclaim_function_t function,
                                    void* user, int priority, int cost,
                                    governor_reclaimer_t** reclaimer) {
  return Guarded([&]() -> absl::Status {
    GOVERNOR_ASSIGN_OR_RETURN(const auto open, Governors().Find(governor));
    GOVERNOR_RETURN_IF_ERROR(CheckOut(reclaimer));
    if (function == nullptr) {
      return absl::InvalidArgumentError("the reclaim function is null");
    }
    if (cost != GOVERNOR_RECLAIM_DEAR && cost != GOVERNOR_RECLAIM_CHEAP) {
      return absl::InvalidArgumentError(absl::StrCat(
          "no such cost of reclaiming: ", cost,
          "; say GOVERNOR_RECLAIM_DEAR or GOVERNOR_RECLAIM_CHEAP"));
    }
    auto made = std::make_shared<governor::OpenReclaimer>();
    made->governor = open;
    made->function = function;
    made->user = user;
    governor::ReclaimerOptions options;
    options.priority = priority;
    if (cost == GOVERNOR_RECLAIM_CHEAP) {
      options.cost = governor::ReclaimerOptions::Cost::kCheap;
    }
    GOVERNOR_ASSIGN_OR_RETURN(made->registration,
                              open->OnReclaim(*made, options));
    *reclaimer = Reclaimers().Add(std::move(made));
    return absl::OkStatus();
  });
}

governor_code_t governor_reclaimer_close(governor_reclaimer_t* reclaimer) {
  return Guarded([&]() -> absl::Status {
    GOVERNOR_RETURN_IF_ERROR(Reclaimers().Find(reclaimer).status());
    Reclaimers().Remove(reclaimer);
    return absl::OkStatus();
  });
}

governor_code_t governor_tick(governor_t* governor, double* next) {
  return Guarded([&]() -> absl::Status {
    GOVERNOR_ASSIGN_OR_RETURN(const auto open, Governors().Find(governor));
    const absl::Duration due = open->Tick(absl::Now());
    if (next != nullptr) *next = absl::ToDoubleSeconds(due);
    return absl::OkStatus();
  });
}
