#ifndef GOVERNOR_BINDINGS_DEADLINE_H_
#define GOVERNOR_BINDINGS_DEADLINE_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace governor {

// The moment `seconds` after `now`: how C and Python say how long to wait. Zero
// is the infinite past, which does not wait at all; infinity waits for ever.
// INVALID_ARGUMENT, naming the value: negative, or not a number.
absl::StatusOr<absl::Time> DeadlineAfter(absl::Time now, double seconds);

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_DEADLINE_H_
