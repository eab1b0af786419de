#include "bindings/python/shared_governor.h"

#include <new>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "bindings/python/exit_gate.h"
#include "bindings/python/python_reclaimer.h"
#include "bindings/python/waiting.h"

namespace governor {
namespace {

// So often a governor that is dropped is looked at, kStopSlice apart, until it
// is taken to be busy.
constexpr int kPatience = 4;

// Closes it. False: the round of its thread that was under way is under way
// still, and may be in a callback. Else none is, nor will be, since whatever is
// registered keeps its governor; what else is wrong is for the destructor.
bool CloseUnlessBusy(Governor& governor) {
  int looks = 0;
  try {
    governor.Close([&looks] { return ++looks >= kPatience; }).IgnoreError();
  } catch (const std::bad_alloc&) {
    // Also on the way out of a wait that was given up.
  }
  return looks < kPatience;
}

}  // namespace

SharedGovernor::~SharedGovernor() {
  // There its destructor does nothing.
  if (!is_current_process()) return;
  if (PythonReclaimer::HasStuckCalls()) {
    static_cast<void>(governor_.release());
    return;
  }
  const auto end = [this] {
    if (!IsOwnThread() && CloseUnlessBusy(*governor_)) {
      governor_.reset();
      return;
    }
    DoOnAnotherThread([last = governor_.release()] { delete last; });
  };
  if (Py_IsInitialized() != 0 && PyGILState_Check() != 0) {
    // The governor's thread, which ends first, may be on its way out of Python.
    WithoutGil(end);
  } else {
    end();
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
        "a call of this governor or of one of its regions is under way, on "
        "another thread or below a signal handler; close it when that has "
        "returned");
  }
  const ShouldStop should_stop = UntilSignalHandlerRaises();
  state_ = State::kClosing;
  // Whatever comes: a governor that could not be closed is open.
  const auto reset = absl::MakeCleanup([this] {
    if (state_ == State::kClosing) state_ = State::kOpen;
  });
  const absl::Status closed =
      WithoutGil([&] { return governor_->Close(should_stop); });
  if (closed.ok()) state_ = State::kClosed;
  // Also when it is closed after all.
  if (PyErr_Occurred() != nullptr) throw pybind11::error_already_set();
  OkOrThrow(closed);
}

void SharedGovernor::ThrowNotOpen() const {
  ThrowGovernorError(state_ == State::kClosed ? "the governor is closed"
                                              : "the governor is being closed");
}

}  // namespace governor
