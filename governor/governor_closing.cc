// How a governor's thread and the governor itself end.

#include <new>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/governor.h"
#include "governor/governor_foundation.h"
#include "governor/memory/driver_answer.h"

namespace governor {

Governor::~Governor() {
  if (context_ == nullptr || !context_->device().is_current_process()) return;
  // Regions that outlive the governor keep what they stand on alive: its budget
  // too, and the context, so that the allowance must stay charged.
  try {
    if (Close().ok()) return;
  } catch (const std::bad_alloc&) {
    // The host has no memory left to say why not.
  }
  StopThread(nullptr).IgnoreError();
  account_->Forfeit();
}

absl::Status Governor::StartThread() {
  GOVERNOR_RETURN_IF_ERROR(CheckOpen());
  if (ticks_) {
    return absl::FailedPreconditionError(
        "the governor was opened with the option `tick`, under which it has no "
        "thread: call Tick, or open it without");
  }
  MutexLock lock(thread_mutex_);
  if (thread_ != nullptr) return absl::OkStatus();
  try {
    thread_ = std::make_unique<WatchThread>(*watch_);
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the system gives no thread to look after the machine: ", error.what(),
        "; raise the limit on threads (ulimit -u), or set the option `tick` "
        "and call Tick"));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Governor::StopThread(const ShouldStop& should_stop) {
  std::unique_ptr<WatchThread> thread;
  {
    MutexLock lock(thread_mutex_);
    thread = std::move(thread_);
  }
  if (thread == nullptr) return false;
  if (thread->End(should_stop)) return true;
  MutexLock lock(thread_mutex_);
  thread_ = std::move(thread);
  // Requests may have called for it meanwhile.
  thread_->Wake();
  return absl::CancelledError(
      "the wait for a reclaim callback that is running was interrupted; the "
      "governor is open: close it again");
}

absl::Status Governor::Close(const ShouldStop& should_stop) {
  GOVERNOR_RETURN_IF_ERROR(device().CheckProcess());
  if (is_closed()) return absl::OkStatus();
  if (watch_ != nullptr && watch_->is_inside_on_this_thread()) {
    return absl::FailedPreconditionError(
        "a reclaimer's callback cannot close the governor that called it; "
        "close it when the callback has returned");
  }
  // Callbacks end first: from here on nobody of the library's own takes or
  // gives back.
  is_closing_ = true;
  bool had_thread = false;
  // Whatever comes, an exception included: what is not closed is open.
  const absl::Cleanup open_again = [this, &had_thread] {
    is_closing_ = false;
    if (!had_thread || is_closed()) return;
    try {
      StartThread().IgnoreError();
    } catch (const std::bad_alloc&) {
      // The next OnReclaim or StartThread tries again.
    }
  };
  GOVERNOR_ASSIGN_OR_RETURN(had_thread, StopThread(should_stop));
  // `should_stop` may have forked.
  GOVERNOR_RETURN_IF_ERROR(device().CheckProcess());
  return CloseWithoutThread();
}

absl::Status Governor::CloseWithoutThread() {
  const Bytes held = SaturatingSubtract(granted(), pool_->cached());
  if (!held.is_zero()) {
    return absl::FailedPreconditionError(
        absl::StrCat("regions or leases still hold ", ToString(held), " (",
                     held.count(), " bytes); close them first"));
  }
  GOVERNOR_RETURN_IF_ERROR(pool_->Close().ToStatus());
  GOVERNOR_RETURN_IF_ERROR(OfOwnCall(context_->Release()));
  pool_.reset();
  account_->Close();
  return absl::OkStatus();
}

}  // namespace governor
