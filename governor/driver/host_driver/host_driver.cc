#include "governor/driver/host_driver/host_driver.h"

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/driver/host_driver/device_memory.h"
#include "governor/driver/host_driver/host_calls.h"
#include "governor/driver/host_driver/host_state.h"
#include "governor/driver/host_driver/slots.h"

namespace governor {

absl::StatusOr<std::unique_ptr<HostDriver>> HostDriver::Create(
    const Personality& personality) {
  static_assert(kMaxInstances == Contexts::kMaxSlots);
  GOVERNOR_RETURN_IF_ERROR(ValidatePersonality(personality));
  GOVERNOR_ASSIGN_OR_RETURN(std::unique_ptr<DeviceMemory> memory,
                            DeviceMemory::Create(personality));
  const std::optional<int> slot = TakeSlot();
  if (!slot) {
    return absl::ResourceExhaustedError(
        absl::StrCat("too many host drivers in this process; destroy one "
                     "first: limit ",
                     kMaxInstances));
  }
  auto state =
      std::make_unique<HostState>(personality, *slot, std::move(memory));
  state->api = ApiOfSlot(*slot);
  return std::unique_ptr<HostDriver>(new HostDriver(std::move(state), *slot));
}

HostDriver::HostDriver(std::unique_ptr<HostState> state, int slot)
    : state_(std::move(state)),
      calls_(std::make_unique<HostCalls>(*state_)),
      slot_(slot),
      api_(state_->api) {
  FillSlot(slot_, calls_.get());
}

HostDriver::~HostDriver() {
  if (!state_->epoch.is_current()) {
    // A forked child shares the pages with its parent, and its locks may be
    // held by threads that it does not have.
    static_cast<void>(calls_.release());
    static_cast<void>(state_.release());
    return;
  }
  ReturnSlot(slot_);
  state_->hung_calls.End();
  // Waits for work of streams, which uses the calls.
  state_.reset();
}

const Personality& HostDriver::personality() const {
  return state_->personality;
}

FaultPlan& HostDriver::faults() { return state_->faults; }

Bytes HostDriver::physical_bytes() const {
  return state_->memory->books().now();
}

Bytes HostDriver::physical_high_water() const {
  return state_->memory->books().high_water();
}

Bytes HostDriver::pinned_bytes() const {
  return state_->memory->pinned_books().now();
}

Bytes HostDriver::managed_bytes() const {
  return state_->memory->managed_books().now();
}

Bytes HostDriver::imported_bytes() const {
  return state_->memory->imported_books().now();
}

Bytes HostDriver::host_resident_bytes() const {
  return state_->memory->resident();
}

uint64_t HostDriver::hung_calls() const { return state_->hung_calls.count(); }

void HostDriver::ReleaseHungCalls() { state_->hung_calls.Release(); }

LiveObjects HostDriver::live_objects() const {
  LiveObjects live;
  state_->memory->CountLive(live);
  state_->pools.CountLive(live);
  state_->graphs.CountLive(live);
  state_->streams.CountLive(live);
  state_->arrays.CountLive(live);
  live.primary_context_refs = state_->contexts.references();
  live.contexts = state_->contexts.created();
  return live;
}

Bytes HostDriver::kept_bytes() const { return state_->memory->kept(); }

void HostDriver::RunShrinker() { state_->memory->Shrink(); }

CUresult HostDriver::HoldStream(CUstream stream) {
  return state_->streams.Hold(stream);
}

CUresult HostDriver::ReleaseStream(CUstream stream) {
  return state_->streams.Release(stream);
}

int HostDriver::blocked_calls() const { return state_->streams.blocked(); }

uint64_t HostDriver::calls(DriverCall call) const {
  return state_->calls[static_cast<int>(call)].load(std::memory_order_relaxed);
}

uint64_t HostDriver::total_calls() const {
  uint64_t sum = 0;
  for (const std::atomic<uint64_t>& calls : state_->calls) {
    sum += calls.load(std::memory_order_relaxed);
  }
  return sum;
}

}  // namespace governor
