#ifndef GOVERNOR_BUDGET_REFUSAL_H_
#define GOVERNOR_BUDGET_REFUSAL_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"

namespace governor {

// Why a request got no grant, in numbers of the moment of refusal. A plain
// value: it travels as the payload of a RESOURCE_EXHAUSTED status (of an
// INVALID_ARGUMENT where a governor is opened for more than there can be), and
// each rim turns it into its own kind of error.
struct Refusal {
  struct Holder {
    std::string tag;
    Bytes granted;
    friend bool operator==(const Holder&, const Holder&) = default;
  };

  Bytes asked = Bytes();
  Bytes granted = Bytes();   // what all holders had then, allowance included
  Bytes limit = Bytes();     // the budget's, whichever limit was hit
  Bytes headroom = Bytes();  // what would have been granted then
  // Which limit: `budget`, or `cgroup` when that is where the budget comes
  // from; `device`, what the device has at all; `driver` when the budget had
  // room and the driver had not; else what the machine lacked, in the words of
  // the gate that said so.
  std::string limited_by = "";
  std::string tag = "";              // who asked
  std::vector<Holder> holders = {};  // the largest first, at most kMaxHolders

  static constexpr size_t kMaxHolders = 3;

  friend bool operator==(const Refusal&, const Refusal&) = default;
};

// RESOURCE_EXHAUSTED with a message for people and the refusal as payload.
absl::Status RefusalStatus(const Refusal& refusal);

// `status`, which is not OK, with `refusal` as payload.
absl::Status WithRefusal(absl::Status status, const Refusal& refusal);

// The refusal that `status` carries, if it does.
std::optional<Refusal> RefusalOf(const absl::Status& status);

}  // namespace governor

#endif  // GOVERNOR_BUDGET_REFUSAL_H_
