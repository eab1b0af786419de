#include "bindings/python/shared_governor.h"

#include "absl/cleanup/cleanup.h"

namespace governor {

void SharedGovernor::Close() {
  CheckProcess();
  if (state_ == State::kClosed) return;
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
