#include "tests/fault/c_world.h"

#include <string>

#include "tests/fault/allocation_faults.h"

namespace governor {
namespace {

constexpr size_t kBlock = size_t{2} << 20;

absl::StatusCode StatusCodeOf(governor_code_t code) {
  switch (code) {
    case GOVERNOR_OK:
      return absl::StatusCode::kOk;
    case GOVERNOR_INVALID_ARGUMENT:
      return absl::StatusCode::kInvalidArgument;
    case GOVERNOR_REFUSED:
      return absl::StatusCode::kResourceExhausted;
    case GOVERNOR_UNAVAILABLE:
      return absl::StatusCode::kUnavailable;
    case GOVERNOR_UNIMPLEMENTED:
      return absl::StatusCode::kUnimplemented;
    case GOVERNOR_FAILED_PRECONDITION:
      return absl::StatusCode::kFailedPrecondition;
    case GOVERNOR_INTERNAL:
      return absl::StatusCode::kInternal;
  }
  return absl::StatusCode::kUnknown;
}

}  // namespace

bool CWorld::Knows(const Step& step) const {
  return step.verb.rfind("drop", 0) != 0;
}

Answer CWorld::Perform(const Step& step) {
  const governor_code_t code = Do(step);
  const UncountedAllocations uncounted;
  if (code == GOVERNOR_OK) return {};
  governor_refusal_t refusal = {};
  refusal.struct_size = sizeof(refusal);
  const std::string message = governor_last_error();
  const bool is_refusal = governor_last_refusal(&refusal) == GOVERNOR_OK;
  return {.status = absl::Status(StatusCodeOf(code), message),
          .is_refusal = is_refusal,
          .is_no_memory = code == GOVERNOR_REFUSED &&
                          message == "the host has no memory left"};
}

governor_code_t CWorld::Do(const Step& step) {
  const std::string& verb = step.verb;
  const auto number = [&step](size_t i) { return step.numbers.at(i); };
  if (verb == "open") return Open();
  if (verb == "release" && lease_ != nullptr) {
    const governor_code_t code = governor_lease_release(lease_);
    if (code == GOVERNOR_OK) lease_ = nullptr;
    if (code == GOVERNOR_OK) lease_size_ = Bytes();
    return code;
  }
  if (verb == "tag") return governor_tag_push("kv");
  if (verb == "untag") {
    // Nothing where the tag could not be pushed.
    governor_tag_pop();
    return GOVERNOR_OK;
  }
  if (governor_ != nullptr) {
    if (verb == "reserve") {
      return governor_region_create(governor_, kRegion.count(), kBlock,
                                    &region_);
    }
    if (verb == "lease") return Lease(MiB(number(0)), 0);
    if (verb == "lease_past") return Lease(headroom() + MiB(number(0)), 0);
    if (verb == "wait_lease") {
      return Lease(headroom() + MiB(number(0)), 0.001);
    }
    if (verb == "snapshot") {
      governor_snapshot_t snapshot = {};
      snapshot.struct_size = sizeof(snapshot);
      const governor_code_t code = governor_snapshot(governor_, &snapshot);
      if (code == GOVERNOR_OK) governed_ = Bytes(snapshot.governed_bytes);
      return code;
    }
    if (verb == "close") {
      const governor_code_t code = governor_close(governor_);
      if (code == GOVERNOR_OK) governor_ = nullptr;
      return code;
    }
  }
  if (region_ != nullptr) {
    if (verb == "commit") {
      return governor_region_commit(region_, number(0), number(1), 0);
    }
    if (verb == "commit_rest") {
      return governor_region_commit(region_, 0, kRegion.count() / kBlock, 0);
    }
    if (verb == "decommit" || verb == "decommit_now") {
      return governor_region_decommit(region_, number(0), number(1),
                                      verb == "decommit" ? 1 : 0);
    }
    if (verb == "decommit_all") return DecommitAll();
    if (verb == "close_region") {
      region_is_closing_ = true;
      const governor_code_t code = governor_region_close(region_);
      if (code == GOVERNOR_OK) region_ = nullptr;
      return code;
    }
  }
  return GOVERNOR_OK;
}

governor_code_t CWorld::Open() {
  governor_options_t options = GOVERNOR_OPTIONS_INIT;
  options.budget = "128MiB";
  options.os_reserve = "64MiB";
  options.allowance = "16MiB";
  options.driver = "host";
  options.host_driver = kMachine;
  return governor_open(&options, &governor_);
}

governor_code_t CWorld::Lease(Bytes size, double deadline) {
  const governor_code_t code =
      governor_lease_acquire(governor_, size.count(), deadline, &lease_);
  if (code == GOVERNOR_OK) lease_size_ = size;
  return code;
}

governor_code_t CWorld::DecommitAll() {
  for (size_t i = 0; i < kRegion.count() / kBlock; ++i) {
    int is_committed = 0;
    governor_region_is_committed(region_, i, &is_committed);
    if (is_committed == 0) continue;
    const governor_code_t code = governor_region_decommit(region_, i, 1, 1);
    if (code != GOVERNOR_OK) return code;
  }
  return GOVERNOR_OK;
}

Bytes CWorld::headroom() const {
  size_t free = 0;
  size_t total = 0;
  governor_mem_get_info(governor_, &free, &total);
  return Bytes(free);
}

Bytes CWorld::granted() const {
  return kBudget - kAllowance - lease_size_ - headroom();
}

}  // namespace governor
