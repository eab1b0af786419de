#include "governor/driver/libcuda/process_driver.h"

#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/driver/libcuda/environment_personality.h"

namespace governor {
namespace {

constinit std::atomic<ProcessDriver*> current{nullptr};

void SayOnce(const absl::Status& status) {
  static constinit std::atomic<bool> said{false};
  if (said.exchange(true)) return;
  // One write, so that other threads' output does not come between.
  const std::string line = absl::StrCat(
      "libcuda.so.1 (governor's host driver): ", status.message(), "\n");
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace

ProcessDriver* ProcessDriver::Get(CUresult* why) {
  ProcessDriver* known = current.load(std::memory_order_acquire);
  while (known == nullptr ||
         (!known->epoch_.is_current() && !known->initialized())) {
    absl::StatusOr<std::unique_ptr<ProcessDriver>> made = Create(known);
    if (!made.ok()) {
      SayOnce(made.status());
      *why = made.status().code() == absl::StatusCode::kResourceExhausted ||
                     made.status().code() == absl::StatusCode::kInternal
                 ? CUDA_ERROR_OUT_OF_MEMORY
                 : CUDA_ERROR_INVALID_VALUE;
      return nullptr;
    }
    // Another thread may have been first.
    if (current.compare_exchange_strong(known, made->get())) {
      known = made->release();
    }
  }
  return known;
}

absl::StatusOr<std::unique_ptr<ProcessDriver>> ProcessDriver::Create(
    const ProcessDriver* parents) {
  GOVERNOR_ASSIGN_OR_RETURN(const Personality personality,
                            EnvironmentPersonality());
  GOVERNOR_ASSIGN_OR_RETURN(std::unique_ptr<HostDriver> host,
                            HostDriver::Create(personality));
  return std::unique_ptr<ProcessDriver>(
      new ProcessDriver(parents, std::move(host)));
}

ProcessDriver::ProcessDriver(const ProcessDriver* parents,
                             std::unique_ptr<HostDriver> host)
    : parents_(parents), host_(std::move(host)), books_(host_->personality()) {}

void ProcessDriver::NoteContext(CUdevice device, CUcontext context) {
  MutexLock lock(mutex_);
  contexts_[context] = device;
}

void ProcessDriver::Publish() {
  if (books_.get() == nullptr || !epoch_.is_current()) return;
  for (CUdevice device = 0; device < personality().devices; ++device) {
    std::atomic<uint64_t>& published = books_.get()->held_bytes[device];
    uint64_t held = HeldBytes(device);
    // Between the reading and the writing another thread may have written what
    // is true now: look again until what was written is.
    while (published.load() != held) {
      published.store(held);
      held = HeldBytes(device);
    }
  }
}

uint64_t ProcessDriver::HeldBytes(CUdevice device) {
  const Personality& machine = personality();
  uint64_t contexts = 0;
  MutexLock lock(mutex_);
  for (auto it = contexts_.begin(); it != contexts_.end();) {
    if (it->second != device) {
      ++it;
      continue;
    }
    const std::optional<uint64_t> gone = GoneOn(it->first);
    if (!gone) {
      it = contexts_.erase(it);
      continue;
    }
    if (!machine.free_is_mem_free) return *gone;
    ++contexts;
    ++it;
  }
  const bool has_the_books =
      machine.devices == 1 || (machine.free_is_mem_free && device == 0);
  return contexts * machine.context.count() +
         (has_the_books ? host_->physical_bytes().count() : 0);
}

std::optional<uint64_t> ProcessDriver::GoneOn(CUcontext context) const {
  if (api().CtxPushCurrent(context) != CUDA_SUCCESS) return std::nullopt;
  size_t free = 0;
  size_t total = 0;
  const CUresult result = api().MemGetInfo(&free, &total);
  CUcontext popped = nullptr;
  api().CtxPopCurrent(&popped);
  if (result != CUDA_SUCCESS) return std::nullopt;
  return total - free;
}

}  // namespace governor
