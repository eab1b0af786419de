#include "bindings/python/shared_governor.h"

#include <exception>
#include <thread>

#include "absl/cleanup/cleanup.h"
#include "bindings/python/exit_gate.h"
#include "bindings/python/python_reclaimer.h"

namespace governor {
namespace {

// Once Python has begun to exit, or where the system gives no thread, the
// governor stays, and ends with the process.
void EndOnAnotherThread(std::unique_ptr<Governor> governor) {
  Governor* const last = governor.release();
  try {
    std::thread([last] {
      const ExitGate::Pass pass;
      if (pass.is_inside()) delete last;
    }).detach();
  } catch (const std::exception&) {
  }
}

}  // namespace

SharedGovernor::~SharedGovernor() {
  // There its destructor does nothing.
  if (!is_current_process()) return;
  if (PythonReclaimer::HasStuckCalls()) {
    static_cast<void>(governor_.release());
  } else if (IsOwnThread()) {
    EndOnAnotherThread(std::move(governor_));
  } else if (Py_IsInitialized() != 0 && PyGILState_Check() != 0) {
    // The governor's thread, which ends first, may be on its way out of Python.
    WithoutGil([this] { governor_.reset(); });
  }
}

void SharedGovernor::Close() {
  CheckProcess();
  if (state_ == State::kClosed) return;
  if (IsOwnThread()) {
    ThrowGovernorError(
        "a reclaim callback cannot close the governor that called it; close it "
        "when the callback has returned");
  }
  if (state_ == State::kClosing || num_inside_ != 0) {
    ThrowGovernorError(
        "another thread is inside a call of this governor or of one of its "
        "regions; close it when that has returned");
  }
  state_ = State::kClosing;
  // Whatever comes: a governor that could not be closed is open.
  const auto reset = absl::MakeCleanup([this] {
    if (state_ == State::kClosing) state_ = State::kOpen;
  });
  OkOrThrow(WithoutGil([this] { return governor_->Close(); }));
  state_ = State::kClosed;
}

void SharedGovernor::ThrowNotOpen() const {
  ThrowGovernorError(state_ == State::kClosed
                         ? "the governor is closed"
                         : "another thread is closing the governor");
}

}  // namespace governor
