#include "bindings/python/shared_governor.h"

#include "absl/status/status.h"

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
  const absl::Status status = WithoutGil([this] { return governor_->Close(); });
  state_ = status.ok() ? State::kClosed : State::kOpen;
  OkOrThrow(status);
}

void SharedGovernor::ThrowNotOpen() const {
  ThrowGovernorError(state_ == State::kClosed
                         ? "the governor is closed"
                         : "another thread is closing the governor");
}

}  // namespace governor
