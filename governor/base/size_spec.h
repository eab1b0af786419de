#ifndef GOVERNOR_BASE_SIZE_SPEC_H_
#define GOVERNOR_BASE_SIZE_SPEC_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"

namespace governor {

// A size as a user gives it: bytes, or a percentage of a total that is not
// known yet. A plain value.
class SizeSpec {
 public:
  // Implicit, so that `GiB(40)` may stand wherever a size can be given.
  constexpr SizeSpec(Bytes bytes) : bytes_(bytes) {}

  // What ParseBytes reads, and whole percentages: `90%`.
  // INVALID_ARGUMENT, naming the text and an example: neither, or above 100 %.
  static absl::StatusOr<SizeSpec> Parse(absl::string_view text);

  bool is_percentage() const { return percent_ >= 0; }

  // The bytes; a percentage is of `total`, rounded down.
  Bytes Resolve(Bytes total) const;

 private:
  constexpr SizeSpec(Bytes bytes, int percent)
      : bytes_(bytes), percent_(percent) {}

  Bytes bytes_;
  int percent_ = -1;  // not negative: bytes_ is not used
};

}  // namespace governor

#endif  // GOVERNOR_BASE_SIZE_SPEC_H_
