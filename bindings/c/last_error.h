#ifndef GOVERNOR_BINDINGS_C_LAST_ERROR_H_
#define GOVERNOR_BINDINGS_C_LAST_ERROR_H_

#include <new>
#include <optional>

#include "absl/status/status.h"
#include "bindings/c/governor.h"
#include "governor/budget/refusal.h"

namespace governor {

// The only mapping of a status to a code of the C interface.
governor_code_t CodeOf(absl::StatusCode code);

// CodeOf(status), which if it is not OK is from now on what this thread's
// LastMessage and LastRefusal speak of.
governor_code_t Record(const absl::Status& status) noexcept;

// See governor_last_error.
const char* LastMessage() noexcept;

// The refusal in the last status that was recorded and not OK.
std::optional<Refusal> LastRefusal();

// Calls `body`, which returns a Status, and records the result: what stands
// between C++ and every C caller. No exception passes: std::bad_alloc is a
// RESOURCE_EXHAUSTED status without a message, any other an INTERNAL one, for
// which no memory is needed.
template <typename Body>
governor_code_t Guarded(const Body& body) noexcept {
  try {
    return Record(body());
  } catch (const std::bad_alloc&) {
    return Record(absl::Status(absl::StatusCode::kResourceExhausted, ""));
  } catch (...) {
    return Record(absl::Status(absl::StatusCode::kInternal, ""));
  }
}

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_C_LAST_ERROR_H_
