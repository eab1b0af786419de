#include "bindings/c/last_error.h"

#include <string>

namespace governor {
namespace {

struct LastError {
  absl::Status status;
  std::string message;
};

LastError& OfThisThread() {
  static thread_local LastError last;
  return last;
}

}  // namespace

governor_code_t CodeOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return GOVERNOR_OK;
    case absl::StatusCode::kInvalidArgument:
      return GOVERNOR_INVALID_ARGUMENT;
    case absl::StatusCode::kResourceExhausted:
      return GOVERNOR_REFUSED;
    case absl::StatusCode::kUnavailable:
      return GOVERNOR_UNAVAILABLE;
    case absl::StatusCode::kUnimplemented:
      return GOVERNOR_UNIMPLEMENTED;
    case absl::StatusCode::kFailedPrecondition:
      return GOVERNOR_FAILED_PRECONDITION;
    default:
      return GOVERNOR_INTERNAL;
  }
}

governor_code_t Record(const absl::Status& status) noexcept {
  if (status.ok()) return GOVERNOR_OK;
  LastError& last = OfThisThread();
  last.status = status;
  try {
    last.message = std::string(status.message());
  } catch (...) {
    last.message.clear();
  }
  return CodeOf(status.code());
}

const char* LastMessage() noexcept {
  const LastError& last = OfThisThread();
  if (!last.status.ok() && last.message.empty()) {
    return absl::IsResourceExhausted(last.status)
               ? "the host has no memory left"
               : "an exception inside the library, or no memory for its "
                 "message";
  }
  return last.message.c_str();
}

std::optional<Refusal> LastRefusal() {
  return RefusalOf(OfThisThread().status);
}

}  // namespace governor
