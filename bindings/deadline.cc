#include "bindings/deadline.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace governor {

absl::StatusOr<absl::Time> DeadlineAfter(absl::Time now, double seconds) {
  // So written that it holds for what is not a number, too.
  if (!(seconds >= 0)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "not a deadline: seconds from now, 0 or more, for example 5.0; given ",
        seconds));
  }
  if (seconds == 0) return absl::InfinitePast();
  return now + absl::Seconds(seconds);
}

}  // namespace governor
